/* SPDX-License-Identifier: MIT */
#include "fleet/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/fs.h"

#define HEAD_BYTES 12u
#define RECORD_HEAD_BYTES 9u
#define TEXT_MAX (256u << 10)
#define FILE_MAX (UINT64_C(4) << 30)

struct moth_journal {
    char *path;
    int fd;
    uint64_t end; /* of what is whole */
};

char *moth_journal_path(const char *out)
{
    return moth_fs_path("%s/run.journal", out);
}

static uint32_t check_of(uint8_t type, const uint8_t *bytes, size_t size_bytes)
{
    return (uint32_t)XXH3_64bits_withSeed(bytes ? bytes : (const uint8_t *)"", size_bytes, type);
}

static void put_record(struct moth_buf *out, enum moth_journal_type type, const struct moth_buf *body)
{
    moth_buf_put_u32(out, (uint32_t)body->size_bytes);
    moth_buf_put_u32(out, check_of((uint8_t)type, body->bytes, body->size_bytes));
    moth_buf_put_u8(out, (uint8_t)type);
    moth_buf_put(out, body->bytes, body->size_bytes);
}

static struct moth_journal *attach(const char *path, uint64_t end, struct moth_err *err)
{
    struct moth_journal *journal = calloc(1, sizeof *journal);
    if (!journal) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
        return NULL;
    }
    *journal = (struct moth_journal){.path = moth_fs_path("%s", path), .end = end};
    journal->fd = open(path, O_WRONLY | O_CLOEXEC);
    if (journal->fd >= 0)
        return journal;
    moth_err_sys(err, MOTH_ERR_IO, "cannot write %s", path);
    moth_journal_close(journal);
    return NULL;
}

struct moth_journal *moth_journal_create(const char *path, const struct moth_journal_run *run,
                                         struct moth_err *err)
{
    struct moth_buf file, body;
    moth_buf_init(&file);
    moth_buf_init(&body);
    moth_buf_put(&file, MOTH_JOURNAL_MAGIC, 8);
    moth_buf_put_u32(&file, MOTH_JOURNAL_VERSION);
    moth_buf_put_string(&body, run->token);
    moth_buf_put_string(&body, run->program);
    moth_buf_put_string(&body, run->build_id);
    moth_buf_put_string(&body, run->identity);
    moth_buf_put_u64(&body, run->seed);
    put_record(&file, MOTH_JOURNAL_RUN, &body);
    struct moth_journal *journal = NULL;
    if (file.failed || body.failed)
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    else if (moth_fs_write_atomic(path, file.bytes, file.size_bytes, err) == 0)
        journal = attach(path, file.size_bytes, err);
    moth_buf_fini(&body);
    moth_buf_fini(&file);
    return journal;
}

/* ---- reading ---- */

static bool take_run(struct moth_cursor body, struct moth_journal_run *run)
{
    *run = (struct moth_journal_run){.token = moth_cursor_string(&body, TEXT_MAX, NULL),
                                     .program = moth_cursor_string(&body, TEXT_MAX, NULL),
                                     .build_id = moth_cursor_string(&body, TEXT_MAX, NULL),
                                     .identity = moth_cursor_string(&body, TEXT_MAX, NULL)};
    run->seed = moth_cursor_u64(&body);
    return !body.failed;
}

/* The record at the cursor, which goes on behind it. False: there is no whole one. */
static bool next_record(struct moth_cursor *cursor, enum moth_journal_type *type, struct moth_cursor *body)
{
    struct moth_cursor at = *cursor;
    uint32_t size = moth_cursor_u32(&at), check = moth_cursor_u32(&at);
    *type = (enum moth_journal_type)moth_cursor_u8(&at);
    if (at.failed || size > MOTH_JOURNAL_RECORD_MAX)
        return false;
    const uint8_t *bytes = moth_cursor_take(&at, size);
    if (!bytes || check_of((uint8_t)*type, bytes, size) != check)
        return false;
    *body = moth_cursor_on(bytes, size);
    *cursor = at;
    return true;
}

/* Where the whole records end; 0: it is no journal. */
static uint64_t read_records(const uint8_t *bytes, size_t size, struct moth_journal_run *run,
                             moth_journal_reader reader, void *context)
{
    struct moth_cursor cursor = moth_cursor_on(bytes, size), body;
    const uint8_t *magic = moth_cursor_take(&cursor, 8);
    enum moth_journal_type type;
    if (!magic || memcmp(magic, MOTH_JOURNAL_MAGIC, 8) != 0 ||
        moth_cursor_u32(&cursor) != MOTH_JOURNAL_VERSION || !next_record(&cursor, &type, &body) ||
        type != MOTH_JOURNAL_RUN || !take_run(body, run))
        return 0;
    while (next_record(&cursor, &type, &body)) {
        if (reader)
            reader(context, type, &body);
    }
    return (uint64_t)(cursor.at - bytes);
}

struct moth_journal *moth_journal_open(const char *path, struct moth_journal_run *run,
                                       moth_journal_reader reader, void *context, struct moth_err *err)
{
    *run = (struct moth_journal_run){0};
    size_t size;
    struct moth_err why;
    char *bytes = moth_fs_read(path, FILE_MAX, &size, &why);
    struct moth_journal *journal = NULL;
    uint64_t end = bytes ? read_records((const uint8_t *)bytes, size, run, reader, context) : 0;
    if (!bytes)
        moth_err_set(err, MOTH_ERR_CONFIG, "%s", why.message);
    else if (end == 0)
        moth_err_set(err, MOTH_ERR_CONFIG, "%s is not a journal of a run", path);
    else
        journal = attach(path, end, err);
    free(bytes);
    if (!journal)
        moth_journal_run_fini(run);
    return journal;
}

void moth_journal_run_fini(struct moth_journal_run *run)
{
    free(run->token);
    free(run->program);
    free(run->build_id);
    free(run->identity);
    *run = (struct moth_journal_run){0};
}

/* ---- writing ---- */

static int write_at_end(struct moth_journal *journal, const struct moth_buf *record)
{
    size_t done = 0;
    while (done < record->size_bytes) {
        ssize_t n = pwrite(journal->fd, record->bytes + done, record->size_bytes - done,
                           (off_t)(journal->end + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    journal->end += done;
    return 0;
}

int moth_journal_append(struct moth_journal *journal, enum moth_journal_type type,
                        const struct moth_buf *body, struct moth_err *err)
{
    if (!journal)
        return 0;
    struct moth_buf record;
    moth_buf_init(&record);
    put_record(&record, type, body);
    int result = 0;
    if (body->failed || record.failed)
        result = moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", journal->path);
    else if (write_at_end(journal, &record) != 0)
        result = moth_err_sys(err, MOTH_ERR_IO, "cannot write %s", journal->path);
    moth_buf_fini(&record);
    return result;
}

void moth_journal_sync(struct moth_journal *journal)
{
    if (journal)
        fdatasync(journal->fd);
}

void moth_journal_close(struct moth_journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->path);
    free(journal);
}
