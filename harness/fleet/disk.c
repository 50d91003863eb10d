/* SPDX-License-Identifier: MIT */
#include "fleet/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

#define RESERVE_BYTES (16 << 20)
#define ROOM_PART 4u /* of the ordinary traces, this part goes at a time */
#define DEPTH_MAX 8u

/* ---- room for a bad moment ---- */

static char *reserve_path(const char *out)
{
    return moth_fs_path("%s/.work/reserve", out);
}

void moth_disk_reserve(const char *out)
{
    char *path = reserve_path(out);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && fallocate(fd, 0, 0, RESERVE_BYTES) != 0) /* not by writing zeroes */
        unlink(path);
    if (fd >= 0)
        close(fd);
    free(path);
}

bool moth_disk_is_full(const struct moth_err *err)
{
    return err->sys_errno == ENOSPC || err->sys_errno == EDQUOT;
}

/* ---- ordinary traces ---- */

static char *traces_folder(const char *out)
{
    return moth_fs_path("%s/traces", out);
}

static int is_trace(const struct dirent *entry)
{
    size_t digits = strspn(entry->d_name, "0123456789");
    return digits > 0 && strcmp(entry->d_name + digits, ".moth") == 0;
}

/* By number, which is by age. */
static int by_number(const struct dirent **a, const struct dirent **b)
{
    unsigned long one = strtoul((*a)->d_name, NULL, 10), other = strtoul((*b)->d_name, NULL, 10);
    return (one > other) - (one < other);
}

static uint64_t size_on_disk(int folder, const char *name)
{
    struct stat st;
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static uint64_t tree_bytes(int parent, const char *name, unsigned depth);

/* Those of a trace. */
static uint64_t drop_pictures(const char *traces, int folder, const char *trace)
{
    char *name = moth_fs_path("%.*s", (int)strcspn(trace, "."), trace), *path = moth_fs_path("%s/%s", traces, name);
    uint64_t bytes = tree_bytes(folder, name, 1);
    if (bytes > 0)
        moth_fs_remove_tree(path, NULL);
    free(path);
    free(name);
    return bytes;
}

/* So many of `all` went, and freed so much: is another one to go? */
typedef bool (*drop_more)(const void *context, unsigned all, unsigned dropped, uint64_t freed);

static bool drop_oldest(const char *out, drop_more more, const void *context)
{
    char *path = traces_folder(out);
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_trace, by_number);
    unsigned dropped = 0, all = n > 0 ? (unsigned)n : 0;
    int folder = n > 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    uint64_t freed = 0;
    while (folder >= 0 && dropped < all && more(context, all, dropped, freed)) {
        freed += size_on_disk(folder, entries[dropped]->d_name);
        unlinkat(folder, entries[dropped]->d_name, 0);
        freed += drop_pictures(path, folder, entries[dropped++]->d_name);
    }
    if (folder >= 0)
        close(folder);
    for (unsigned i = 0; i < all; i++)
        free(entries[i]);
    free(entries);
    free(path);
    return dropped > 0;
}

static bool a_part(const void *context, unsigned all, unsigned dropped, uint64_t freed)
{
    (void)context;
    (void)freed;
    return dropped * ROOM_PART < all;
}

bool moth_disk_make_room(const char *out)
{
    char *path = reserve_path(out);
    bool made = unlink(path) == 0;
    made = drop_oldest(out, a_part, NULL) || made;
    free(path);
    return made;
}

static int put_records(struct moth_trace_writer *writer, const struct moth_trace *trace, struct moth_err *err)
{
    for (size_t i = 0; i < trace->n_events; i++) {
        if (moth_trace_event(writer, &trace->events[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; i < trace->n_checkpoints; i++) {
        if (moth_trace_checkpoint(writer, &trace->checkpoints[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; i < trace->n_marks; i++) {
        if (moth_trace_mark(writer, trace->marks[i].frame, trace->marks[i].text, err) != 0)
            return -1;
    }
    return 0;
}

/* Whole or not at all, but not waited for: it may be lost with the machine. */
int moth_disk_keep_trace(const char *out, uint32_t index, const struct moth_trace *trace,
                         struct moth_err *err)
{
    char *folder = traces_folder(out);
    char *path = moth_fs_path("%s/%08u.moth", folder, index),
         *half = moth_fs_path("%s/.%08u.half", folder, index);
    int result = moth_fs_make_dirs(folder, err);
    struct moth_trace_writer *writer = result == 0 ? moth_trace_create(half, &trace->header, err) : NULL;
    if (writer) {
        struct moth_trace_end end = {.frames = trace->frames};
        result = put_records(writer, trace, err);
        struct moth_err why;
        if (moth_trace_finish(writer, result == 0 ? &end : NULL, result == 0 ? err : &why) != 0)
            result = -1;
        if (result == 0 && rename(half, path) != 0)
            result = moth_err_sys(err, MOTH_ERR_IO, "cannot write %s", path);
    } else {
        result = -1;
    }
    if (result != 0)
        unlink(half);
    free(half);
    free(path);
    free(folder);
    return result;
}

static int is_picture(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".png") == 0;
}

int moth_disk_keep_pictures(const char *out, uint32_t index, const char *work, struct moth_err *err)
{
    struct dirent **entries = NULL;
    int n = scandir(work, &entries, is_picture, alphasort), result = 0;
    char *folder = moth_fs_path("%s/traces/%08u", out, index);
    if (n > 0)
        result = moth_fs_make_dirs(folder, err);
    for (int i = 0; i < n; i++) {
        char *from = moth_fs_path("%s/%s", work, entries[i]->d_name), *to = moth_fs_path("%s/%s", folder, entries[i]->d_name);
        if (result == 0 && rename(from, to) != 0)
            result = moth_err_sys(err, MOTH_ERR_IO, "cannot write %s", to);
        free(from);
        free(to);
        free(entries[i]);
    }
    free(entries);
    free(folder);
    return result;
}

/* ---- the quota ---- */

static uint64_t tree_bytes(int parent, const char *name, unsigned depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    uint64_t sum = 0;
    if (!folder && fd >= 0)
        close(fd);
    while (folder && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            (depth == 0 && strcmp(entry->d_name, ".work") == 0)) /* what goes with the run */
            continue;
        sum += size_on_disk(dirfd(folder), entry->d_name);
        if (entry->d_type == DT_DIR && depth < DEPTH_MAX)
            sum += tree_bytes(dirfd(folder), entry->d_name, depth + 1);
    }
    if (folder)
        closedir(folder);
    return sum;
}

struct quota {
    uint64_t used, bytes;
    uint32_t most;
};

static bool over(const void *context, unsigned all, unsigned dropped, uint64_t freed)
{
    const struct quota *quota = context;
    return all - dropped > quota->most || (quota->bytes > 0 && quota->used - freed > quota->bytes);
}

uint64_t moth_disk_tidy(const char *out, uint32_t most, uint64_t bytes)
{
    struct quota quota = {.used = bytes > 0 ? tree_bytes(AT_FDCWD, out, 0) : 0, .bytes = bytes, .most = most};
    return drop_oldest(out, over, &quota) && bytes > 0 ? tree_bytes(AT_FDCWD, out, 0) : quota.used;
}
