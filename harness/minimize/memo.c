/* SPDX-License-Identifier: MIT */
#include "minimize/memo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"
#include "base/fs.h"

#define LINE_BYTES 32u /* 24 and their checksum */
#define MAGIC UINT64_C(0x314f4d454d48544d)
#define FILE_BYTES_MAX (256u << 20)
#define ROOM_LEAST 1024u

struct answer {
    uint64_t low, high; /* hash of the inputs */
    uint32_t until, frame;
    bool used;
};

struct moth_memo {
    int fd; /* -1: in memory only */
    struct answer *table;
    size_t n, room; /* room is a power of two */
};

/* ---- the table ---- */

static struct answer *place_of(struct answer *table, size_t room, uint64_t low, uint64_t high)
{
    size_t at = (size_t)low & (room - 1);
    while (table[at].used && (table[at].low != low || table[at].high != high))
        at = (at + 1) & (room - 1);
    return &table[at];
}

static void grow(struct moth_memo *memo)
{
    size_t room = memo->room ? memo->room * 2 : ROOM_LEAST;
    struct answer *table = calloc(room, sizeof *table);
    if (!table)
        abort();
    for (size_t i = 0; i < memo->room; i++)
        if (memo->table[i].used)
            *place_of(table, room, memo->table[i].low, memo->table[i].high) = memo->table[i];
    free(memo->table);
    memo->table = table;
    memo->room = room;
}

static void put(struct moth_memo *memo, const struct answer *answer)
{
    if (memo->n * 2 >= memo->room)
        grow(memo);
    struct answer *place = place_of(memo->table, memo->room, answer->low, answer->high);
    memo->n += !place->used;
    *place = *answer;
    place->used = true;
}

static struct answer question(const struct moth_input_event *events, size_t n_events, uint32_t until)
{
    XXH128_hash_t hash = XXH3_128bits(events, n_events * sizeof *events);
    return (struct answer){.low = hash.low64, .high = hash.high64, .until = until};
}

/* ---- lines ---- */

static void encode(struct moth_buf *line, uint64_t low, uint64_t high, uint32_t a, uint32_t b)
{
    moth_buf_init(line);
    moth_buf_put_u64(line, low);
    moth_buf_put_u64(line, high);
    moth_buf_put_u32(line, a);
    moth_buf_put_u32(line, b);
    if (!line->failed)
        moth_buf_put_u64(line, XXH3_64bits(line->bytes, line->size_bytes));
}

static bool decode(const char *bytes, struct answer *answer)
{
    struct moth_cursor cursor = moth_cursor_on((const uint8_t *)bytes, LINE_BYTES);
    answer->low = moth_cursor_u64(&cursor);
    answer->high = moth_cursor_u64(&cursor);
    answer->until = moth_cursor_u32(&cursor);
    answer->frame = moth_cursor_u32(&cursor);
    return moth_cursor_u64(&cursor) == XXH3_64bits(bytes, LINE_BYTES - 8);
}

static int append(struct moth_memo *memo, uint64_t low, uint64_t high, uint32_t a, uint32_t b,
                  struct moth_err *err)
{
    if (memo->fd < 0)
        return 0;
    struct moth_buf line;
    encode(&line, low, high, a, b);
    ssize_t written = line.failed ? -1 : write(memo->fd, line.bytes, line.size_bytes);
    bool whole = written >= 0 && (size_t)written == line.size_bytes;
    moth_buf_fini(&line);
    return whole ? 0 : moth_err_sys(err, MOTH_ERR_IO, "cannot write down what was tried");
}

/* ---- the file ---- */

static int lock_file(struct moth_memo *memo, const char *path, struct moth_err *err)
{
    memo->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (memo->fd < 0)
        return moth_err_sys(err, MOTH_ERR_IO, "cannot open %s", path);
    if (flock(memo->fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return moth_err_set(err, MOTH_ERR_IO, "%s is in use: this finding is being minimized already", path);
    return moth_err_sys(err, MOTH_ERR_IO, "cannot lock %s", path);
}

/* What is whole of it, after a first line that says whose answers they are. */
static size_t read_lines(struct moth_memo *memo, const char *text, size_t size,
                         const struct moth_memo_identity *identity)
{
    struct answer line;
    if (size < LINE_BYTES || !decode(text, &line) || line.low != (identity->low ^ MAGIC) ||
        line.high != identity->high)
        return 0;
    size_t at = LINE_BYTES;
    for (; size - at >= LINE_BYTES && decode(text + at, &line); at += LINE_BYTES)
        put(memo, &line);
    return at;
}

static int read_file(struct moth_memo *memo, const char *path, const struct moth_memo_identity *identity,
                     struct moth_err *err)
{
    size_t size = 0;
    char *text = moth_fs_read(path, FILE_BYTES_MAX, &size, err);
    if (!text)
        return -1;
    size_t good = read_lines(memo, text, size, identity);
    free(text);
    if (ftruncate(memo->fd, (off_t)good) != 0)
        return moth_err_sys(err, MOTH_ERR_IO, "cannot shorten %s", path);
    return good > 0 ? 0 : append(memo, identity->low ^ MAGIC, identity->high, 0, 0, err);
}

struct moth_memo *moth_memo_open(const char *path, const struct moth_memo_identity *identity,
                                 struct moth_err *err)
{
    struct moth_memo *memo = calloc(1, sizeof *memo);
    if (!memo)
        abort();
    memo->fd = -1;
    grow(memo);
    if (path && (lock_file(memo, path, err) != 0 || read_file(memo, path, identity, err) != 0)) {
        moth_memo_close(memo);
        return NULL;
    }
    return memo;
}

void moth_memo_close(struct moth_memo *memo)
{
    if (!memo)
        return;
    if (memo->fd >= 0)
        close(memo->fd);
    free(memo->table);
    free(memo);
}

size_t moth_memo_count(const struct moth_memo *memo)
{
    return memo->n;
}

bool moth_memo_find(const struct moth_memo *memo, const struct moth_input_event *events, size_t n_events,
                    uint32_t until, uint32_t *frame)
{
    struct answer asked = question(events, n_events, until);
    const struct answer *known = place_of(memo->table, memo->room, asked.low, asked.high);
    if (!known->used)
        return false;
    if (known->frame > 0 && known->frame <= until) {
        *frame = known->frame;
        return true;
    }
    *frame = 0;
    return known->frame > until || known->until >= until;
}

int moth_memo_add(struct moth_memo *memo, const struct moth_input_event *events, size_t n_events,
                  uint32_t until, uint32_t frame, struct moth_err *err)
{
    struct answer answer = question(events, n_events, until);
    answer.frame = frame;
    put(memo, &answer);
    return append(memo, answer.low, answer.high, until, frame, err);
}
