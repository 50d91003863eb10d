/* SPDX-License-Identifier: MIT */
#include "wire/trace_format.h"

#include <stdlib.h>
#include <string.h>

enum {
    SAME_PICTURE = 1u << 0,
    SAME_AUDIO = 1u << 1,
    SAME_RANDOM = 1u << 2,
    SAME_CALL = 1u << 3,
    SAME_ALL = 15u
};

static void put_frame(struct moth_buf *out, struct moth_record_state *state, uint32_t frame)
{
    moth_buf_put_varint(out, frame - state->frame);
    state->frame = frame;
}

static uint32_t get_frame(struct moth_cursor *in, struct moth_record_state *state)
{
    state->frame += (uint32_t)moth_cursor_varint_to(in, UINT32_MAX - state->frame);
    return state->frame;
}

static void put_coordinate(struct moth_buf *out, int32_t *last, int32_t value)
{
    moth_buf_put_svarint(out, (int64_t)value - *last);
    *last = value;
}

static int32_t get_coordinate(struct moth_cursor *in, int32_t *last)
{
    int64_t delta = moth_cursor_svarint(in);
    if (delta < (int64_t)INT32_MIN - *last || delta > (int64_t)INT32_MAX - *last) {
        in->failed = true;
        return 0;
    }
    *last = (int32_t)(*last + delta);
    return *last;
}

/* Of an event's type: the member it is for follows. */
#define OF_MEMBER 0x40u

void moth_record_put_event(struct moth_buf *out, struct moth_record_state *state,
                           const struct moth_input_event *event)
{
    int32_t zero_x = 0, zero_y = 0;
    put_frame(out, state, event->frame);
    moth_buf_put_u8(out, event->member > 0 ? event->type | OF_MEMBER : event->type);
    if (event->member > 0)
        moth_buf_put_u8(out, event->member);
    switch (event->type) {
    case MOTH_INPUT_CALL:
        moth_buf_put_u8(out, (uint8_t)event->code);
        moth_buf_put_string(out, event->text);
        break;
    case MOTH_INPUT_TEXT:
        moth_buf_put_string(out, event->text);
        break;
    case MOTH_INPUT_MOUSE_MOVE:
        put_coordinate(out, &state->x, event->x);
        put_coordinate(out, &state->y, event->y);
        break;
    case MOTH_INPUT_WHEEL:
        put_coordinate(out, &zero_x, event->x);
        put_coordinate(out, &zero_y, event->y);
        break;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
    case MOTH_INPUT_PAD_AXIS:
    case MOTH_INPUT_PAD_ATTACH:
        moth_buf_put_u8(out, event->device);
        if (event->type != MOTH_INPUT_PAD_ATTACH)
            moth_buf_put_varint(out, event->code);
        if (event->type == MOTH_INPUT_PAD_AXIS)
            put_coordinate(out, &zero_x, event->x);
        break;
    case MOTH_INPUT_QUIT:
        break;
    default: /* keys and mouse buttons */
        moth_buf_put_varint(out, event->code);
        break;
    }
}

static void get_text(struct moth_cursor *in, struct moth_input_event *event)
{
    size_t length = (size_t)moth_cursor_varint_to(in, MOTH_TEXT_MAX - 1);
    const uint8_t *bytes = moth_cursor_take(in, length);
    if (!bytes || memchr(bytes, '\0', length)) {
        in->failed = true;
        return;
    }
    memcpy(event->text, bytes, length);
}

void moth_record_get_event(struct moth_cursor *in, struct moth_record_state *state,
                           struct moth_input_event *event)
{
    int32_t zero_x = 0, zero_y = 0;
    memset(event, 0, sizeof *event);
    event->frame = get_frame(in, state);
    event->type = moth_cursor_u8(in);
    if (event->type & OF_MEMBER) {
        event->type &= (uint8_t)~OF_MEMBER;
        event->member = moth_cursor_u8(in);
        if (event->member == 0 || event->member >= MOTH_MEMBERS_MAX)
            in->failed = true;
    }
    switch (event->type) {
    case MOTH_INPUT_CALL:
        event->device = state->piece;
        event->code = moth_cursor_u8(in);
        state->piece = event->code == 1 ? (uint8_t)(state->piece + 1) : 0;
        get_text(in, event);
        break;
    case MOTH_INPUT_TEXT:
        get_text(in, event);
        break;
    case MOTH_INPUT_MOUSE_MOVE:
        event->x = get_coordinate(in, &state->x);
        event->y = get_coordinate(in, &state->y);
        break;
    case MOTH_INPUT_WHEEL:
        event->x = get_coordinate(in, &zero_x);
        event->y = get_coordinate(in, &zero_y);
        break;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
    case MOTH_INPUT_PAD_AXIS:
    case MOTH_INPUT_PAD_ATTACH:
        event->device = moth_cursor_u8(in);
        if (event->type != MOTH_INPUT_PAD_ATTACH)
            event->code = (uint16_t)moth_cursor_varint_to(in, UINT16_MAX);
        if (event->type == MOTH_INPUT_PAD_AXIS)
            event->x = get_coordinate(in, &zero_x);
        break;
    case MOTH_INPUT_QUIT:
        break;
    default:
        event->code = (uint16_t)moth_cursor_varint_to(in, UINT16_MAX);
        break;
    }
    if (!moth_input_valid(event))
        in->failed = true;
}

void moth_record_put_checkpoint(struct moth_buf *out, struct moth_record_state *state,
                                const struct moth_trace_checkpoint *checkpoint)
{
    struct moth_trace_checkpoint *last = &state->checkpoint;
    unsigned same = (checkpoint->picture == last->picture ? SAME_PICTURE : 0u) |
                    (checkpoint->audio_chain == last->audio_chain ? SAME_AUDIO : 0u) |
                    (checkpoint->random_chain == last->random_chain ? SAME_RANDOM : 0u) |
                    (checkpoint->call_chain == last->call_chain ? SAME_CALL : 0u);
    put_frame(out, state, checkpoint->frame);
    moth_buf_put_u8(out, (uint8_t)same);
    moth_buf_put_svarint(out, (int64_t)(checkpoint->time_ns - last->time_ns));
    if (!(same & SAME_PICTURE))
        moth_buf_put_u64(out, checkpoint->picture);
    if (!(same & SAME_AUDIO))
        moth_buf_put_u64(out, checkpoint->audio_chain);
    if (!(same & SAME_RANDOM))
        moth_buf_put_u64(out, checkpoint->random_chain);
    if (!(same & SAME_CALL))
        moth_buf_put_u64(out, checkpoint->call_chain);
    *last = *checkpoint;
}

void moth_record_get_checkpoint(struct moth_cursor *in, struct moth_record_state *state,
                                struct moth_trace_checkpoint *checkpoint)
{
    struct moth_trace_checkpoint *last = &state->checkpoint;
    last->frame = get_frame(in, state);
    unsigned same = moth_cursor_u8(in);
    if (same & ~(unsigned)SAME_ALL)
        in->failed = true;
    last->time_ns += (uint64_t)moth_cursor_svarint(in);
    if (!(same & SAME_PICTURE))
        last->picture = moth_cursor_u64(in);
    if (!(same & SAME_AUDIO))
        last->audio_chain = moth_cursor_u64(in);
    if (!(same & SAME_RANDOM))
        last->random_chain = moth_cursor_u64(in);
    if (!(same & SAME_CALL))
        last->call_chain = moth_cursor_u64(in);
    *checkpoint = *last;
}

void moth_record_put_mark(struct moth_buf *out, struct moth_record_state *state, uint32_t frame,
                          const char *text)
{
    put_frame(out, state, frame);
    moth_buf_put_string(out, text);
}

void moth_record_get_mark(struct moth_cursor *in, struct moth_record_state *state,
                          struct moth_trace_mark *mark, bool *out_of_memory)
{
    mark->frame = get_frame(in, state);
    mark->text = moth_cursor_string(in, MOTH_TRACE_MARK_MAX, out_of_memory);
}

/* A string that may be absent: a byte 0 or 1 before it. */
static void put_optional(struct moth_buf *out, const char *text)
{
    moth_buf_put_u8(out, text != NULL);
    if (text)
        moth_buf_put_string(out, text);
}

static char *get_optional(struct moth_cursor *in, bool *out_of_memory)
{
    uint8_t present = moth_cursor_u8(in);
    if (present > 1)
        in->failed = true;
    if (present != 1 || in->failed)
        return NULL;
    bool no_memory = false;
    char *text = moth_cursor_string(in, MOTH_TRACE_STRING_MAX, &no_memory);
    *out_of_memory = *out_of_memory || no_memory;
    return text;
}

static void put_list(struct moth_buf *out, char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    moth_buf_put_varint(out, n);
    for (size_t i = 0; i < n; i++)
        moth_buf_put_string(out, list[i]);
}

static char **get_list(struct moth_cursor *in, bool *out_of_memory)
{
    /* Each string takes a byte at least, so what is left bounds their number. */
    size_t n = (size_t)moth_cursor_varint_to(in, moth_cursor_left(in));
    if (in->failed)
        return NULL;
    char **list = calloc(n + 1, sizeof *list);
    if (!list) {
        in->failed = *out_of_memory = true;
        return NULL;
    }
    bool no_memory = false;
    for (size_t i = 0; i < n && !in->failed; i++)
        list[i] = moth_cursor_string(in, MOTH_TRACE_STRING_MAX, &no_memory);
    *out_of_memory = *out_of_memory || no_memory;
    return list;
}

void moth_record_put_header(struct moth_buf *out, const struct moth_trace_header *header)
{
    put_list(out, header->argv);
    put_list(out, header->env);
    put_optional(out, header->build_id);
    put_optional(out, header->agent);
    put_optional(out, header->moth_version);
    put_optional(out, header->directory);
    moth_buf_put_varint(out, header->seed);
    moth_buf_put_varint(out, header->schedule_seed);
    moth_buf_put_varint(out, header->hz);
    moth_buf_put_varint(out, header->video);
    moth_buf_put_varint(out, header->render);
    moth_buf_put_varint(out, header->threads);
}

void moth_record_get_header(struct moth_cursor *in, struct moth_trace_header *header, bool *out_of_memory)
{
    header->argv = get_list(in, out_of_memory);
    header->env = get_list(in, out_of_memory);
    header->build_id = get_optional(in, out_of_memory);
    header->agent = get_optional(in, out_of_memory);
    header->moth_version = get_optional(in, out_of_memory);
    header->directory = get_optional(in, out_of_memory);
    header->seed = moth_cursor_varint(in);
    header->schedule_seed = moth_cursor_varint(in);
    header->hz = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    header->video = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    header->render = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    header->threads = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    if (!header->argv || !header->argv[0])
        in->failed = true;
}

void moth_record_put_group(struct moth_buf *out, const struct moth_trace_header *header)
{
    moth_buf_put_varint(out, header->link.latency_us);
    moth_buf_put_varint(out, header->link.jitter_us);
    moth_buf_put_varint(out, header->link.loss_ppm);
    moth_buf_put_varint(out, header->n_members);
    for (size_t i = 0; i < header->n_members; i++) {
        moth_buf_put_string(out, header->members[i].name);
        put_list(out, header->members[i].argv);
    }
}

void moth_record_get_group(struct moth_cursor *in, struct moth_trace_header *header, bool *out_of_memory)
{
    header->link.latency_us = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    header->link.jitter_us = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    header->link.loss_ppm = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    size_t n = (size_t)moth_cursor_varint_to(in, MOTH_MEMBERS_MAX - 1);
    header->members = in->failed ? NULL : calloc(n + 1, sizeof *header->members);
    if (!in->failed && !header->members)
        in->failed = *out_of_memory = true;
    bool no_memory = false;
    while (header->members && header->n_members < n && !in->failed) {
        struct moth_trace_member *member = &header->members[header->n_members++];
        member->name = moth_cursor_string(in, MOTH_MEMBER_NAME_BYTES - 1, &no_memory);
        member->argv = get_list(in, &no_memory);
        if (!member->name || !member->argv || !member->argv[0])
            in->failed = true;
    }
    *out_of_memory = *out_of_memory || no_memory;
    if (n == 0)
        in->failed = true;
}

void moth_record_put_end(struct moth_buf *out, const struct moth_trace_end *end)
{
    moth_buf_put_varint(out, end->frames);
    moth_buf_put_varint(out, end->finding_frame);
    put_optional(out, end->kind);
    put_optional(out, end->fingerprint);
    put_optional(out, end->title);
}

void moth_record_get_end(struct moth_cursor *in, struct moth_trace_end *end, bool *out_of_memory)
{
    end->frames = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    end->finding_frame = (uint32_t)moth_cursor_varint_to(in, UINT32_MAX);
    end->kind = get_optional(in, out_of_memory);
    end->fingerprint = get_optional(in, out_of_memory);
    end->title = get_optional(in, out_of_memory);
}
