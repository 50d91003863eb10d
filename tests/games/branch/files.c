/* SPDX-License-Identifier: MIT
 *
 * Open files: offsets, buffers, names that are gone, mappings. A copy of a process shares the offsets of the
 * descriptors it inherits, and files themselves.
 */
#include "branch/area.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUSIC_BYTES 20011

static const char *make_music(void)
{
    const char *path = home_path("music.dat");
    FILE *file = fopen(path, "w");
    NEED(file);
    for (int i = 0; i < MUSIC_BYTES; i++)
        fputc((int)(mixed(7, (uint64_t)i) & 0xff), file);
    NEED(fclose(file) == 0);
    return path;
}

static uint64_t read_some(int fd, size_t size, uint64_t value)
{
    uint8_t bytes[512];
    ssize_t n = read(fd, bytes, size);
    NEED(n >= 0);
    value = mixed_bytes(value, bytes, (size_t)n);
    if (n < (ssize_t)size)
        NEED(lseek(fd, 0, SEEK_SET) == 0);
    return mixed(value, (uint64_t)lseek(fd, 0, SEEK_CUR));
}

/* --- a music stream: a file of the game's own, and one beside the game --- */

static int stream_fd, program_fd;

static void begin_stream(void)
{
    NEED((stream_fd = open(make_music(), O_RDONLY | O_CLOEXEC)) >= 0);
    NEED((program_fd = open("/proc/self/exe", O_RDONLY)) >= 0);
}

static uint64_t frame_stream(long frame, uint64_t keys)
{
    uint64_t value = read_some(stream_fd, 97 + keys % 5, (uint64_t)frame);
    return read_some(program_fd, 131, value);
}

/* --- two descriptors, one offset --- */

static int shared_fds[3], own_offset_fd;

static void begin_dup(void)
{
    const char *path = make_music();
    NEED((shared_fds[0] = open(path, O_RDWR)) >= 0);
    NEED((shared_fds[1] = dup(shared_fds[0])) >= 0);
    NEED((shared_fds[2] = fcntl(shared_fds[0], F_DUPFD_CLOEXEC, 200)) >= 200);
    NEED((own_offset_fd = open(path, O_RDONLY)) >= 0);
}

static uint64_t frame_dup(long frame, uint64_t keys)
{
    uint64_t value = read_some(shared_fds[frame % 3], 31 + keys % 3, 0);
    off_t offset = lseek(shared_fds[0], 0, SEEK_CUR);
    for (int i = 1; i < 3; i++)
        NEED(lseek(shared_fds[i], 0, SEEK_CUR) == offset);
    NEED(fcntl(shared_fds[2], F_GETFD) == FD_CLOEXEC && fcntl(shared_fds[1], F_GETFD) == 0);
    NEED((fcntl(shared_fds[1], F_GETFL) & O_ACCMODE) == O_RDWR);
    return read_some(own_offset_fd, 17, value);
}

/* --- buffers of stdio --- */

static FILE *buffered_in, *buffered_out;

static void begin_stdio(void)
{
    NEED(buffered_in = fopen(make_music(), "r"));
    NEED(buffered_out = fopen(home_path("story.txt"), "w+"));
}

static uint64_t frame_stdio(long frame, uint64_t keys)
{
    struct stat info;
    uint64_t value = 0;
    int c = 0;
    for (int i = 0; i < 13 && c != EOF; i++)
        value = mixed(value, (uint64_t)(c = fgetc(buffered_in)));
    if (c == EOF)
        rewind(buffered_in);
    NEED(fprintf(buffered_out, "%ld %llx\n", frame, (unsigned long long)keys) > 0);
    if (frame % 16 == 9)
        NEED(fflush(buffered_out) == 0);
    NEED(fstat(fileno(buffered_out), &info) == 0);
    value = mixed(value, (uint64_t)info.st_size);
    if (frame % 50 == 49) {
        char line[64];
        rewind(buffered_out);
        while (fgets(line, sizeof line, buffered_out))
            value = mixed_bytes(value, line, strlen(line));
        rewind(buffered_out);
        NEED(ftruncate(fileno(buffered_out), 0) == 0);
    }
    return value;
}

/* --- a save game, written in one scene and read in the next --- */

#define SCENE_FRAMES 12

static uint64_t hero;

static uint64_t frame_save(long frame, uint64_t keys)
{
    const char *path = home_path("save.dat");
    hero = mixed(hero, keys);
    if (frame % SCENE_FRAMES == SCENE_FRAMES / 2) {
        FILE *file = fopen(path, "w");
        NEED(file && fwrite(&hero, sizeof hero, 1, file) == 1 && fclose(file) == 0);
    } else if (frame % SCENE_FRAMES == 0 && frame > 0) {
        FILE *file = fopen(path, "r");
        NEED(file && fread(&hero, sizeof hero, 1, file) == 1 && fclose(file) == 0);
    }
    return hero;
}

/* --- a journal that only grows --- */

static int journal_fd;

static void begin_append(void)
{
    NEED((journal_fd = open(home_path("journal.dat"), O_RDWR | O_CREAT | O_APPEND, 0600)) >= 0);
}

static uint64_t frame_append(long frame, uint64_t keys)
{
    uint64_t last[8] = {0}, entry = mixed(keys, (uint64_t)frame);
    struct stat info;
    NEED(write(journal_fd, &entry, sizeof entry) == sizeof entry);
    NEED(fstat(journal_fd, &info) == 0);
    off_t from = info.st_size > (off_t)sizeof last ? info.st_size - (off_t)sizeof last : 0;
    NEED(pread(journal_fd, last, sizeof last, from) > 0);
    return mixed(mixed_bytes(0, last, sizeof last), (uint64_t)info.st_size);
}

/* --- files without a name --- */

static int nameless_fds[2];

static void begin_unlinked(void)
{
    const char *path = home_path("nameless");
    NEED((nameless_fds[0] = open(path, O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0 && unlink(path) == 0);
    FILE *file = tmpfile();
    NEED(file);
    nameless_fds[1] = fileno(file);
}

static uint64_t frame_unlinked(long frame, uint64_t keys)
{
    uint64_t value = 0;
    for (int i = 0; i < 2; i++) {
        uint64_t entry = mixed(keys, (uint64_t)(frame + i)), back = 0;
        NEED(write(nameless_fds[i], &entry, sizeof entry) == sizeof entry);
        off_t offset = (off_t)(entry % (uint64_t)(frame + 1)) * (off_t)sizeof entry;
        NEED(pread(nameless_fds[i], &back, sizeof back, offset) == sizeof back);
        value = mixed(value, mixed(back, (uint64_t)lseek(nameless_fds[i], 0, SEEK_CUR)));
    }
    return value;
}

/* --- a stream whose file has been thrown away --- */

static int gone_fd;

static void begin_gone(void)
{
    const char *path = home_path("gone.dat");
    NEED(rename(make_music(), path) == 0 && (gone_fd = open(path, O_RDONLY)) >= 0 && unlink(path) == 0);
}

static uint64_t frame_gone(long frame, uint64_t keys)
{
    return read_some(gone_fd, 61 + keys % 5, (uint64_t)frame);
}

/* --- temporary files with a name nobody else has --- */

static uint64_t frame_mkstemp(long frame, uint64_t keys)
{
    static int held_fd = -1;
    static uint64_t written;
    uint64_t value = 0;
    if (held_fd >= 0 && frame % 9 == 8) {
        NEED(pread(held_fd, &value, sizeof value, 0) == sizeof value && value == written);
        close(held_fd);
        held_fd = -1;
    } else if (held_fd < 0) {
        char path[512];
        snprintf(path, sizeof path, "%s", home_path("draft-XXXXXX"));
        NEED((held_fd = mkstemp(path)) >= 0);
        written = mixed(keys, (uint64_t)frame);
        NEED(write(held_fd, &written, sizeof written) == sizeof written);
        value = mixed_bytes(value, path, strlen(path));
    }
    return value;
}

/* --- mappings that a copy shares --- */

#define CELLS 4096

static uint64_t *file_cells, *shared_cells, *memfd_cells;
static int cells_fd, memory_fd;

static uint64_t *map_cells(int fd)
{
    int flags = MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0);
    uint64_t *cells = mmap(NULL, CELLS * sizeof *cells, PROT_READ | PROT_WRITE, flags, fd, 0);
    NEED(cells != MAP_FAILED);
    return cells;
}

static void begin_mapping(void)
{
    NEED((cells_fd = open(home_path("cells.dat"), O_RDWR | O_CREAT, 0600)) >= 0);
    NEED((memory_fd = memfd_create("cells", MFD_CLOEXEC)) >= 0);
    NEED(ftruncate(cells_fd, CELLS * 8) == 0 && ftruncate(memory_fd, CELLS * 8) == 0);
    file_cells = map_cells(cells_fd);
    memfd_cells = map_cells(memory_fd);
    shared_cells = map_cells(-1);
}

static uint64_t change_cell(uint64_t *cells, long frame, uint64_t keys)
{
    size_t at = (size_t)(mixed(1, (uint64_t)frame) % CELLS);
    cells[at] = mixed(cells[(at * 7) % CELLS], keys);
    cells[0]++;
    return mixed(cells[0], cells[at]);
}

static uint64_t frame_map_file(long frame, uint64_t keys)
{
    uint64_t back = 0, value = change_cell(file_cells, frame, keys);
    NEED(pread(cells_fd, &back, sizeof back, 0) == sizeof back && back == file_cells[0]);
    return value;
}

/* Mapped for a moment: nobody sees afterwards that it was. */
static uint64_t frame_map_briefly(long frame, uint64_t keys)
{
    uint64_t *cells = map_cells(cells_fd), value = change_cell(cells, frame, keys);
    NEED(munmap(cells, CELLS * sizeof *cells) == 0);
    return value;
}

static uint64_t frame_map_memory(long frame, uint64_t keys)
{
    uint64_t back = 0, value = change_cell(memfd_cells, frame, keys);
    NEED(pread(memory_fd, &back, sizeof back, 0) == sizeof back && back == memfd_cells[0]);
    return mixed(value, change_cell(shared_cells, frame, keys));
}

/* --- a lock that one descriptor holds against another --- */

static int locked_fd, trying_fd;

static void begin_lock(void)
{
    const char *path = home_path("lock");
    NEED((locked_fd = open(path, O_RDWR | O_CREAT, 0600)) >= 0 && (trying_fd = open(path, O_RDWR)) >= 0);
    NEED(flock(locked_fd, LOCK_EX) == 0);
}

static uint64_t frame_lock(long frame, uint64_t keys)
{
    (void)frame, (void)keys;
    NEED(flock(trying_fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
    return 1;
}

const struct area file_areas[] = {
    {"stream", begin_stream, frame_stream, 0},
    {"dup", begin_dup, frame_dup, 0},
    {"stdio", begin_stdio, frame_stdio, 0},
    {"save", NULL, frame_save, 0},
    {"append", begin_append, frame_append, 0},
    {"unlinked", begin_unlinked, frame_unlinked, 0},
    {"gone", begin_gone, frame_gone, 0},
    {"mkstemp", NULL, frame_mkstemp, 0},
    {"map_file", begin_mapping, frame_map_file, 0},
    {"map_briefly", begin_mapping, frame_map_briefly, 0},
    {"map_memory", begin_mapping, frame_map_memory, 0},
    {"lock", begin_lock, frame_lock, 0},
    {NULL, NULL, NULL, 0},
};
