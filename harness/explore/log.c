/* SPDX-License-Identifier: MIT */
#include "explore/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/fs.h"

#define CHUNK_BYTES ((size_t)1 << 20)

struct moth_log {
    int fd;
    bool writable;
    uint64_t at; /* what was read ends here */
    struct moth_log_header header;
    struct moth_buf chunk; /* bytes of the file from `chunk_at` on */
    uint64_t chunk_at;
    struct moth_buf queue; /* records to be written at `at` */
};

static uint32_t check_of(uint8_t type, const uint8_t *bytes, size_t size_bytes, uint64_t place)
{
    return (uint32_t)(XXH3_64bits_withSeed(bytes, size_bytes, place * 256 + type));
}

static void put_record(struct moth_buf *out, uint8_t type, const struct moth_buf *body, uint64_t place)
{
    moth_buf_put_u32(out, (uint32_t)body->size_bytes);
    moth_buf_put_u32(out, check_of(type, body->bytes ? body->bytes : (const uint8_t *)"", body->size_bytes, place));
    moth_buf_put_u8(out, type);
    moth_buf_put(out, body->bytes, body->size_bytes);
}

int moth_log_create(const char *path, const struct moth_log_header *header, struct moth_err *err)
{
    struct moth_buf file, body;
    moth_buf_init(&file);
    moth_buf_init(&body);
    moth_buf_put(&file, MOTH_LOG_MAGIC, 8);
    moth_buf_put_u32(&file, MOTH_LOG_VERSION);
    moth_buf_put_string(&body, header->program);
    moth_buf_put_string(&body, header->build_id);
    moth_buf_put_u64(&body, header->seed);
    put_record(&file, MOTH_LOG_HEADER, &body, MOTH_LOG_HEAD_BYTES);
    int result = file.failed || body.failed ? moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path)
                                            : moth_fs_write_atomic(path, file.bytes, file.size_bytes, err);
    moth_buf_fini(&body);
    moth_buf_fini(&file);
    return result;
}

/* ---- reading ---- */

/* `size` bytes of the file from `place`, or NULL when there are not so many. */
static const uint8_t *bytes_at(struct moth_log *log, uint64_t place, size_t size)
{
    struct moth_buf *chunk = &log->chunk;
    if (place >= log->chunk_at && place + size <= log->chunk_at + chunk->size_bytes)
        return chunk->bytes + (place - log->chunk_at);
    moth_buf_clear(chunk);
    log->chunk_at = place;
    size_t want = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    uint8_t *to = moth_buf_reserve(chunk, want);
    while (to && chunk->size_bytes < want) {
        ssize_t n = pread(log->fd, to + chunk->size_bytes, want - chunk->size_bytes, (off_t)(place + chunk->size_bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        chunk->size_bytes += (size_t)n;
    }
    return to && chunk->size_bytes >= size ? chunk->bytes : NULL;
}

/* The record at log->at: its body, or false when there is no whole one. */
static bool next_record(struct moth_log *log, enum moth_log_type *type, struct moth_cursor *body)
{
    const uint8_t *bytes = bytes_at(log, log->at, MOTH_LOG_RECORD_HEAD_BYTES);
    if (!bytes)
        return false;
    struct moth_cursor head = moth_cursor_on(bytes, MOTH_LOG_RECORD_HEAD_BYTES);
    uint32_t size = moth_cursor_u32(&head), check = moth_cursor_u32(&head);
    uint8_t kind = moth_cursor_u8(&head);
    if (size > MOTH_LOG_RECORD_MAX)
        return false;
    bytes = bytes_at(log, log->at, MOTH_LOG_RECORD_HEAD_BYTES + (size_t)size);
    if (!bytes || check_of(kind, bytes + MOTH_LOG_RECORD_HEAD_BYTES, size, log->at) != check)
        return false;
    *type = (enum moth_log_type)kind;
    *body = moth_cursor_on(bytes + MOTH_LOG_RECORD_HEAD_BYTES, size);
    return true;
}

static bool read_record(struct moth_log *log, moth_log_reader reader, void *context)
{
    enum moth_log_type type;
    struct moth_cursor body;
    if (!next_record(log, &type, &body))
        return false;
    uint64_t place = log->at;
    log->at += MOTH_LOG_RECORD_HEAD_BYTES + moth_cursor_left(&body);
    if (type != MOTH_LOG_HEADER)
        reader(context, type, &body, place);
    return true;
}

void moth_log_read(struct moth_log *log, moth_log_reader reader, void *context)
{
    log->chunk.size_bytes = 0; /* the file may have grown, or lost a cut end */
    while (read_record(log, reader, context))
        continue;
}

static int read_head(struct moth_log *log, const char *path, struct moth_err *err)
{
    const uint8_t *head = bytes_at(log, 0, MOTH_LOG_HEAD_BYTES);
    if (!head || memcmp(head, MOTH_LOG_MAGIC, 8) != 0)
        return moth_err_set(err, MOTH_ERR_CONFIG, "%s is not an archive of a run", path);
    struct moth_cursor version = moth_cursor_on(head + 8, 4);
    if (moth_cursor_u32(&version) != MOTH_LOG_VERSION)
        return moth_err_set(err, MOTH_ERR_CONFIG, "%s was written by another version of moth", path);
    enum moth_log_type type;
    struct moth_cursor body;
    log->at = MOTH_LOG_HEAD_BYTES;
    if (!next_record(log, &type, &body) || type != MOTH_LOG_HEADER)
        return moth_err_set(err, MOTH_ERR_CONFIG, "%s is damaged at its beginning", path);
    log->at += MOTH_LOG_RECORD_HEAD_BYTES + moth_cursor_left(&body);
    log->header.program = moth_cursor_string(&body, 4096, NULL);
    log->header.build_id = moth_cursor_string(&body, 256, NULL);
    log->header.seed = moth_cursor_u64(&body);
    return body.failed ? moth_err_set(err, MOTH_ERR_CONFIG, "%s is damaged at its beginning", path) : 0;
}

struct moth_log *moth_log_open(const char *path, struct moth_err *err)
{
    struct moth_log *log = calloc(1, sizeof *log);
    if (!log) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
        return NULL;
    }
    moth_buf_init(&log->chunk);
    moth_buf_init(&log->queue);
    log->fd = open(path, O_RDWR | O_CLOEXEC);
    log->writable = log->fd >= 0;
    if (log->fd < 0)
        log->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (log->fd < 0)
        moth_err_sys(err, MOTH_ERR_CONFIG, "cannot open the archive %s", path);
    if (log->fd < 0 || read_head(log, path, err) != 0) {
        moth_log_close(log);
        return NULL;
    }
    return log;
}

const struct moth_log_header *moth_log_header(const struct moth_log *log)
{
    return &log->header;
}

void moth_log_close(struct moth_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    moth_buf_fini(&log->chunk);
    moth_buf_fini(&log->queue);
    free(log->header.program);
    free(log->header.build_id);
    free(log);
}

/* ---- writing ---- */

static int lock(int fd, int how)
{
    int result;
    do
        result = flock(fd, how);
    while (result != 0 && errno == EINTR);
    return result;
}

bool moth_log_begin(struct moth_log *log, moth_log_reader reader, void *context)
{
    bool locked = log->writable && lock(log->fd, LOCK_EX) == 0;
    moth_log_read(log, reader, context);
    moth_buf_clear(&log->queue);
    struct stat st;
    if (locked && fstat(log->fd, &st) == 0 && (uint64_t)st.st_size > log->at && ftruncate(log->fd, (off_t)log->at) != 0)
        log->writable = false; /* the cut end of a writer that died cannot be taken off */
    if (locked && !log->writable)
        lock(log->fd, LOCK_UN);
    return locked && log->writable;
}

uint64_t moth_log_append(struct moth_log *log, enum moth_log_type type, const struct moth_buf *body)
{
    uint64_t place = log->at + log->queue.size_bytes;
    if (!log->writable || body->failed || body->size_bytes > MOTH_LOG_RECORD_MAX ||
        place + body->size_bytes > MOTH_LOG_BYTES_MAX)
        return 0;
    put_record(&log->queue, (uint8_t)type, body, place);
    return log->queue.failed ? 0 : place;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size, uint64_t place)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, bytes, size, (off_t)place);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        place += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

int moth_log_end(struct moth_log *log, struct moth_err *err)
{
    bool written = !log->queue.failed && write_all(log->fd, log->queue.bytes, log->queue.size_bytes, log->at);
    if (written) {
        log->at += log->queue.size_bytes;
    } else {
        log->writable = false;
        moth_err_sys(err, MOTH_ERR_IO, "the archive cannot be written to; this worker keeps what it finds to itself");
        if (ftruncate(log->fd, (off_t)log->at) != 0)
            moth_err_sys(err, MOTH_ERR_IO, "the archive's end cannot be mended");
    }
    lock(log->fd, LOCK_UN);
    return written ? 0 : -1;
}
