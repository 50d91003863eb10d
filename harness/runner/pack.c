/* SPDX-License-Identifier: MIT */
#include "runner/pack.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define PAGE_BYTES 4096u
#define REGION_BYTES_MIN \
    (256u << 10) /* smaller ones hold what the process needs to be forked, and little else */
#define PACKED_BYTES_MAX (256u << 20) /* of one process, unpacked: beyond it, rebuilding is cheaper */
#define STACK_BYTES (256u << 10)      /* around the stack pointer */
#define LEVEL 1

/* Bits of an entry in /proc/PID/pagemap (the kernel's Documentation/admin-guide/mm/pagemap.rst). */
#define PAGE_EXCLUSIVE (1ULL << 56)
#define PAGE_OF_FILE (1ULL << 61)
#define PAGE_PRESENT (1ULL << 63)

static FILE *open_maps(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    return fopen(path, "re");
}

static int open_of(pid_t pid, const char *name, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return open(path, flags | O_CLOEXEC);
}

/* Where its stack is in use: "nr args… sp pc". 0: not known. */
static uint64_t stack_pointer(pid_t pid)
{
    char text[256];
    uint64_t sp = 0;
    int fd = open_of(pid, "syscall", O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return sscanf(text, "%*s %*s %*s %*s %*s %*s %*s %" SCNx64, &sp) == 1 ? sp : 0;
}

static void add_range(struct moth_pack *pack, uint64_t page)
{
    struct moth_range *last = pack->n_ranges > 0 ? &pack->ranges[pack->n_ranges - 1] : NULL;
    if (last != NULL && last->low + last->pages * PAGE_BYTES == page)
        last->pages++;
    else if (pack->n_ranges < MOTH_RANGES_MAX)
        pack->ranges[pack->n_ranges++] = (struct moth_range){page, 1};
    else
        return;
    pack->unpacked_bytes += PAGE_BYTES;
}

static void find_pages(struct moth_pack *pack, int pagemap, uint64_t low, uint64_t high, uint64_t sp)
{
    uint64_t entries[512];
    for (uint64_t at = low; at < high; at += sizeof entries / 8 * PAGE_BYTES) {
        size_t n = (high - at) / PAGE_BYTES < 512 ? (high - at) / PAGE_BYTES : 512;
        ssize_t got = pread(pagemap, entries, n * 8, (off_t)(at / PAGE_BYTES * 8));
        for (size_t i = 0; got > 0 && i < (size_t)got / 8; i++) {
            uint64_t page = at + i * PAGE_BYTES;
            bool stack = page + STACK_BYTES > sp && page < sp + STACK_BYTES;
            if ((entries[i] & (PAGE_PRESENT | PAGE_EXCLUSIVE | PAGE_OF_FILE)) ==
                    (PAGE_PRESENT | PAGE_EXCLUSIVE) &&
                !stack && pack->unpacked_bytes < PACKED_BYTES_MAX)
                add_range(pack, page);
        }
    }
}

/* The heap and large anonymous memory; not what belongs to a loaded file, the probe's own data among it. */
static void find_ranges(struct moth_pack *pack, pid_t pid)
{
    uint64_t sp = stack_pointer(pid), file_end = 0;
    FILE *maps = open_maps(pid);
    int pagemap = open_of(pid, "pagemap", O_RDONLY);
    char line[4352];
    while (sp != 0 && maps != NULL && pagemap >= 0 && fgets(line, sizeof line, maps) != NULL) {
        uint64_t low, high, inode;
        char flags[8];
        int name = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %" SCNu64 " %n", &low, &high, flags, &inode,
                   &name) < 4)
            continue;
        bool heap = strncmp(line + name, "[heap]", 6) == 0; /* begins right behind the program's data */
        bool anonymous = inode == 0 && (line[name] == '\0' || line[name] == '\n' || heap);
        if (inode != 0)
            file_end = high;
        else if (anonymous && low == file_end && !heap)
            file_end = high; /* the end of a file's data, in memory only */
        else if (anonymous && strncmp(flags, "rw-p", 4) == 0 && high - low >= REGION_BYTES_MIN)
            find_pages(pack, pagemap, low, high, sp);
    }
    if (maps != NULL)
        fclose(maps);
    if (pagemap >= 0)
        close(pagemap);
}

/* Between the process and a buffer, as pread and pwrite go. */
static bool transfer(const struct moth_pack *pack, int memory, uint8_t *bytes, bool write_to)
{
    for (size_t i = 0; i < pack->n_ranges; i++) {
        size_t size = pack->ranges[i].pages * PAGE_BYTES;
        off_t at = (off_t)pack->ranges[i].low;
        ssize_t n = write_to ? pwrite(memory, bytes, size, at) : pread(memory, bytes, size, at);
        if (n != (ssize_t)size)
            return false;
        bytes += size;
    }
    return true;
}

static int compress_pages(struct moth_pack *pack, pid_t pid, struct moth_err *err)
{
    int memory = open_of(pid, "mem", O_RDONLY);
    uint8_t *bytes = malloc(pack->unpacked_bytes);
    size_t room = ZSTD_compressBound(pack->unpacked_bytes);
    uint8_t *packed = malloc(room);
    bool done = memory >= 0 && bytes != NULL && packed != NULL && transfer(pack, memory, bytes, false);
    size_t size = done ? ZSTD_compress(packed, room, bytes, pack->unpacked_bytes, LEVEL) : 0;
    done = done && !ZSTD_isError(size);
    if (memory >= 0)
        close(memory);
    free(bytes);
    if (!done) {
        free(packed);
        return moth_err_set(err, MOTH_ERR_SYSTEM, "a snapshot's memory cannot be read");
    }
    uint8_t *fitting = realloc(packed, size);
    pack->bytes = fitting != NULL ? fitting : packed;
    pack->size_bytes = size;
    return 0;
}

int moth_pack_make(struct moth_process *process, struct moth_pack *pack, struct moth_err *err)
{
    *pack = (struct moth_pack){.ranges = calloc(MOTH_RANGES_MAX, sizeof *pack->ranges)};
    if (pack->ranges == NULL)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory to pack a snapshot");
    find_ranges(pack, process->pid);
    if (pack->n_ranges == 0) {
        moth_pack_fini(pack);
        return 0;
    }
    if (compress_pages(pack, process->pid, err) != 0 ||
        moth_process_drop(process, pack->ranges, pack->n_ranges, err) != 0) {
        moth_pack_fini(pack);
        return -1;
    }
    struct moth_range *fitting = realloc(pack->ranges, pack->n_ranges * sizeof *pack->ranges);
    pack->ranges = fitting != NULL ? fitting : pack->ranges;
    return 0;
}

int moth_pack_apply(const struct moth_pack *pack, pid_t pid, struct moth_err *err)
{
    if (pack->n_ranges == 0)
        return 0;
    int memory = open_of(pid, "mem", O_WRONLY);
    uint8_t *bytes = malloc(pack->unpacked_bytes);
    bool done =
        memory >= 0 && bytes != NULL &&
        ZSTD_decompress(bytes, pack->unpacked_bytes, pack->bytes, pack->size_bytes) == pack->unpacked_bytes &&
        transfer(pack, memory, bytes, true);
    if (memory >= 0)
        close(memory);
    free(bytes);
    return done ? 0 : moth_err_set(err, MOTH_ERR_SYSTEM, "a snapshot's memory cannot be put back");
}

void moth_pack_fini(struct moth_pack *pack)
{
    free(pack->ranges);
    free(pack->bytes);
    *pack = (struct moth_pack){0};
}
