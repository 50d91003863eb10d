/* SPDX-License-Identifier: MIT */
#include "fleet/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD_BYTES 5u
#define READ_BYTES 65536u

static int send_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int moth_message_send(int fd, enum moth_message_type type, const struct moth_buf *body)
{
    if (body->failed || body->size_bytes >= MOTH_MESSAGE_BYTES_MAX)
        return -1;
    struct moth_buf whole;
    moth_buf_init(&whole);
    moth_buf_put_u32(&whole, (uint32_t)body->size_bytes + 1);
    moth_buf_put_u8(&whole, (uint8_t)type);
    moth_buf_put(&whole, body->bytes, body->size_bytes);
    int result = whole.failed ? -1 : send_all(fd, whole.bytes, whole.size_bytes);
    moth_buf_fini(&whole);
    return result;
}

int moth_inbox_fill(struct moth_inbox *inbox, int fd)
{
    if (inbox->used > 0) {
        memmove(inbox->bytes.bytes, inbox->bytes.bytes + inbox->used, inbox->bytes.size_bytes - inbox->used);
        inbox->bytes.size_bytes -= inbox->used;
        inbox->used = 0;
    }
    uint8_t *to = moth_buf_reserve(&inbox->bytes, READ_BYTES);
    if (!to)
        return -1;
    ssize_t n;
    do
        n = recv(fd, to, READ_BYTES, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return -1;
    inbox->bytes.size_bytes += (size_t)n;
    return 0;
}

int moth_inbox_next(struct moth_inbox *inbox, enum moth_message_type *type, struct moth_cursor *body)
{
    size_t left = inbox->bytes.size_bytes - inbox->used;
    if (left < HEAD_BYTES)
        return 0;
    struct moth_cursor head = moth_cursor_on(inbox->bytes.bytes + inbox->used, HEAD_BYTES);
    uint32_t size = moth_cursor_u32(&head);
    if (size < 1 || size > MOTH_MESSAGE_BYTES_MAX)
        return -1;
    if (left < sizeof(uint32_t) + size)
        return 0;
    *type = (enum moth_message_type)moth_cursor_u8(&head);
    *body = moth_cursor_on(inbox->bytes.bytes + inbox->used + HEAD_BYTES, size - 1);
    inbox->used += sizeof(uint32_t) + size;
    return 1;
}

void moth_inbox_fini(struct moth_inbox *inbox)
{
    moth_buf_fini(&inbox->bytes);
    inbox->used = 0;
}

/* Text that is too long is cut at its end: the beginning says what it is about. */
static void put_text(struct moth_buf *buf, const char *text)
{
    size_t size = text ? strnlen(text, MOTH_MESSAGE_TEXT_MAX) : 0;
    moth_buf_put_varint(buf, size);
    moth_buf_put(buf, text ? text : "", size);
}

static char *get_text(struct moth_cursor *cursor)
{
    return moth_cursor_string(cursor, MOTH_MESSAGE_TEXT_MAX, NULL);
}

static bool finished(const struct moth_cursor *cursor)
{
    return !cursor->failed && moth_cursor_left(cursor) == 0;
}

void moth_message_put_job(struct moth_buf *buf, const struct moth_plan_job *job)
{
    moth_buf_put_u32(buf, job->index);
    moth_buf_put_u32(buf, job->agent);
    moth_buf_put_u8(buf, (uint8_t)(job->replay ? 2 : job->scenario));
    moth_buf_put_u64(buf, job->seed);
    moth_buf_put_u64(buf, job->schedule_seed);
    moth_buf_put_u32(buf, job->frames);
}

bool moth_message_get_job(struct moth_cursor *cursor, struct moth_plan_job *job)
{
    job->index = moth_cursor_u32(cursor);
    job->agent = moth_cursor_u32(cursor);
    uint8_t kind = moth_cursor_u8(cursor);
    job->scenario = kind == 1;
    job->replay = kind == 2;
    job->seed = moth_cursor_u64(cursor);
    job->schedule_seed = moth_cursor_u64(cursor);
    job->frames = moth_cursor_u32(cursor);
    return finished(cursor);
}

void moth_message_put_found(struct moth_buf *buf, const struct moth_message_found *found)
{
    moth_buf_put_u32(buf, found->index);
    moth_buf_put_u32(buf, found->kind);
    moth_buf_put_u32(buf, found->frame);
    moth_buf_put_u8(buf, found->better);
    moth_buf_put_u8(buf, found->stored);
    put_text(buf, found->fingerprint);
    put_text(buf, found->title);
    put_text(buf, found->why);
}

bool moth_message_get_found(struct moth_cursor *cursor, struct moth_message_found *found)
{
    found->index = moth_cursor_u32(cursor);
    found->kind = moth_cursor_u32(cursor);
    found->frame = moth_cursor_u32(cursor);
    found->better = moth_cursor_u8(cursor);
    found->stored = moth_cursor_u8(cursor);
    found->fingerprint = get_text(cursor);
    found->title = get_text(cursor);
    found->why = get_text(cursor);
    return finished(cursor) && found->kind < MOTH_FINDING_KIND_END;
}

void moth_message_found_fini(struct moth_message_found *found)
{
    free(found->fingerprint);
    free(found->title);
    free(found->why);
}

static void put_cells(struct moth_buf *buf, const uint64_t *cells, uint32_t n)
{
    n = n < MOTH_MESSAGE_CELLS_MAX ? n : MOTH_MESSAGE_CELLS_MAX;
    moth_buf_put_varint(buf, n);
    for (uint32_t i = 0; i < n; i++)
        moth_buf_put_u64(buf, cells[i]);
}

static void get_cells(struct moth_cursor *cursor, struct moth_message_done *done)
{
    uint32_t n = (uint32_t)moth_cursor_varint_to(cursor, MOTH_MESSAGE_CELLS_MAX);
    const uint8_t *bytes = moth_cursor_take(cursor, (size_t)n * sizeof(uint64_t));
    done->cells = bytes && n > 0 ? calloc(n, sizeof *done->cells) : NULL;
    if (!done->cells)
        return;
    struct moth_cursor at = moth_cursor_on(bytes, (size_t)n * sizeof(uint64_t));
    for (done->n_cells = 0; done->n_cells < n; done->n_cells++)
        done->cells[done->n_cells] = moth_cursor_u64(&at);
}

void moth_message_put_done(struct moth_buf *buf, const struct moth_message_done *done)
{
    moth_buf_put_u32(buf, done->index);
    moth_buf_put_u32(buf, done->ending);
    moth_buf_put_u32(buf, done->err_code);
    moth_buf_put_u32(buf, done->frames);
    moth_buf_put_u64(buf, done->virtual_ns);
    moth_buf_put_u64(buf, done->wall_ns);
    put_text(buf, done->how);
    put_text(buf, done->fingerprint);
    put_text(buf, done->fault);
    put_text(buf, done->build_id);
    put_text(buf, done->warnings);
    moth_frame_counts_put(buf, &done->frame_counts);
    put_cells(buf, done->cells, done->n_cells);
    moth_properties_put(buf, &done->properties);
}

bool moth_message_get_done(struct moth_cursor *cursor, struct moth_message_done *done)
{
    done->index = moth_cursor_u32(cursor);
    done->ending = moth_cursor_u32(cursor);
    done->err_code = moth_cursor_u32(cursor);
    done->frames = moth_cursor_u32(cursor);
    done->virtual_ns = moth_cursor_u64(cursor);
    done->wall_ns = moth_cursor_u64(cursor);
    done->how = get_text(cursor);
    done->fingerprint = get_text(cursor);
    done->fault = get_text(cursor);
    done->build_id = get_text(cursor);
    done->warnings = get_text(cursor);
    moth_frame_counts_get(cursor, &done->frame_counts);
    get_cells(cursor, done);
    moth_properties_get(cursor, &done->properties);
    return finished(cursor) && done->ending <= MOTH_ENDING_FAULT && done->err_code < MOTH_ERR_END;
}

void moth_message_done_fini(struct moth_message_done *done)
{
    free(done->how);
    free(done->fingerprint);
    free(done->fault);
    free(done->build_id);
    free(done->warnings);
    free(done->cells);
    moth_survey_free(done->survey);
    moth_properties_fini(&done->properties);
}

void moth_message_put_survey(struct moth_buf *buf, const struct moth_survey *survey)
{
    json_t *json = moth_survey_json(survey);
    char *text = json_dumps(json, JSON_COMPACT);
    if (text && strlen(text) < MOTH_MESSAGE_BYTES_MAX / 2)
        moth_buf_put(buf, text, strlen(text));
    free(text);
    json_decref(json);
}

struct moth_survey *moth_message_get_survey(struct moth_cursor *cursor)
{
    json_t *json = json_loadb((const char *)cursor->at, moth_cursor_left(cursor), 0, NULL);
    struct moth_survey *survey = json_is_object(json) ? moth_survey_from_json(json) : NULL;
    json_decref(json);
    return survey;
}

void moth_message_put_verified(struct moth_buf *buf, const struct moth_message_verified *verified)
{
    put_text(buf, verified->fingerprint);
    put_text(buf, verified->warning);
    moth_buf_put_u64(buf, verified->seed);
    moth_buf_put_u32(buf, verified->frame);
    moth_buf_put_u32(buf, verified->met);
    moth_buf_put_u32(buf, verified->tried);
}

bool moth_message_get_verified(struct moth_cursor *cursor, struct moth_message_verified *verified)
{
    verified->fingerprint = get_text(cursor);
    verified->warning = get_text(cursor);
    verified->seed = moth_cursor_u64(cursor);
    verified->frame = moth_cursor_u32(cursor);
    verified->met = moth_cursor_u32(cursor);
    verified->tried = moth_cursor_u32(cursor);
    return finished(cursor);
}

void moth_message_verified_fini(struct moth_message_verified *verified)
{
    free(verified->fingerprint);
    free(verified->warning);
}

void moth_message_put_minimized(struct moth_buf *buf, const struct moth_message_minimized *minimized)
{
    put_text(buf, minimized->fingerprint);
    put_text(buf, minimized->warning);
}

bool moth_message_get_minimized(struct moth_cursor *cursor, struct moth_message_minimized *minimized)
{
    minimized->fingerprint = get_text(cursor);
    minimized->warning = get_text(cursor);
    return finished(cursor);
}

void moth_message_minimized_fini(struct moth_message_minimized *minimized)
{
    free(minimized->fingerprint);
    free(minimized->warning);
}
