/* SPDX-License-Identifier: MIT */
#include "wire/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/fs.h"
#include "wire/trace_format.h"

#define FILE_MAX_BYTES ((size_t)1 << 30)
#define RECORDS_MAX ((size_t)1 << 24) /* of one kind in one trace */

struct reader {
    const char *name;
    const uint8_t *start;
    struct moth_cursor file;
    struct moth_trace *trace;
    size_t room_events, room_checkpoints, room_marks;
    uint32_t last_event, last_checkpoint, last_mark; /* frames, across blocks */
    uint32_t n_blocks;
    struct moth_buf raw; /* the payload of the block at hand */
    struct moth_err *err;
};

static int fail_memory(struct reader *reader)
{
    return moth_err_set(reader->err, MOTH_ERR_MEMORY, "%s: out of memory while reading", reader->name);
}

static int fail_damaged(struct reader *reader, size_t offset, const char *what)
{
    return moth_err_set(reader->err, MOTH_ERR_TRACE, "%s: the trace is damaged at byte %zu (%s)",
                        reader->name, offset, what);
}

/* Room for one more item, or NULL with the error set. Grows by what was really read. */
static void *grow(struct reader *reader, void *items, size_t n, size_t *room, size_t item_bytes)
{
    if (n < *room)
        return items;
    size_t wanted = *room ? *room * 2 : 64;
    void *grown = n < RECORDS_MAX ? realloc(items, wanted * item_bytes) : NULL;
    if (grown)
        *room = wanted;
    else if (n >= RECORDS_MAX)
        moth_err_set(reader->err, MOTH_ERR_TRACE, "%s: more than %zu records of one kind", reader->name,
                     RECORDS_MAX);
    else
        fail_memory(reader);
    return grown;
}

static int read_event(struct reader *reader, struct moth_cursor *in, struct moth_record_state *state)
{
    struct moth_trace *trace = reader->trace;
    void *items = grow(reader, trace->events, trace->n_events, &reader->room_events, sizeof *trace->events);
    if (!items)
        return -1;
    trace->events = items;
    struct moth_input_event *event = &trace->events[trace->n_events];
    moth_record_get_event(in, state, event);
    if (event->member > trace->header.n_members)
        in->failed = true;
    if (event->frame < reader->last_event)
        in->failed = true;
    if (in->failed)
        return 0;
    reader->last_event = event->frame;
    trace->n_events++;
    return 0;
}

static int read_checkpoint(struct reader *reader, struct moth_cursor *in, struct moth_record_state *state)
{
    struct moth_trace *trace = reader->trace;
    void *items = grow(reader, trace->checkpoints, trace->n_checkpoints, &reader->room_checkpoints,
                       sizeof *trace->checkpoints);
    if (!items)
        return -1;
    trace->checkpoints = items;
    struct moth_trace_checkpoint *checkpoint = &trace->checkpoints[trace->n_checkpoints];
    moth_record_get_checkpoint(in, state, checkpoint);
    if (checkpoint->frame < reader->last_checkpoint)
        in->failed = true;
    if (in->failed)
        return 0;
    reader->last_checkpoint = checkpoint->frame;
    trace->n_checkpoints++;
    return 0;
}

static int read_mark(struct reader *reader, struct moth_cursor *in, struct moth_record_state *state)
{
    struct moth_trace *trace = reader->trace;
    void *items = grow(reader, trace->marks, trace->n_marks, &reader->room_marks, sizeof *trace->marks);
    if (!items)
        return -1;
    trace->marks = items;
    bool out_of_memory = false;
    struct moth_trace_mark mark = {0};
    moth_record_get_mark(in, state, &mark, &out_of_memory);
    if (out_of_memory)
        return fail_memory(reader);
    if (mark.frame < reader->last_mark)
        in->failed = true;
    if (in->failed) {
        free(mark.text);
        return 0;
    }
    reader->last_mark = mark.frame;
    trace->marks[trace->n_marks++] = mark;
    return 0;
}

static int read_records(struct reader *reader, size_t offset, const char *what,
                        int (*read_one)(struct reader *, struct moth_cursor *, struct moth_record_state *))
{
    struct moth_cursor in = moth_cursor_on(reader->raw.bytes, reader->raw.size_bytes);
    struct moth_record_state state;
    memset(&state, 0, sizeof state);
    while (moth_cursor_left(&in) > 0) {
        if (read_one(reader, &in, &state) != 0)
            return -1;
        if (in.failed)
            return fail_damaged(reader, offset, what);
    }
    return 0;
}

/* Header and end: later minor versions may add fields behind the ones known here. */
static int read_header(struct reader *reader, size_t offset)
{
    struct moth_cursor in = moth_cursor_on(reader->raw.bytes, reader->raw.size_bytes);
    bool out_of_memory = false;
    moth_record_get_header(&in, &reader->trace->header, &out_of_memory);
    if (out_of_memory)
        return fail_memory(reader);
    return in.failed ? fail_damaged(reader, offset, "what was launched") : 0;
}

static int read_group(struct reader *reader, size_t offset)
{
    struct moth_cursor in = moth_cursor_on(reader->raw.bytes, reader->raw.size_bytes);
    bool out_of_memory = false;
    if (reader->n_blocks != 1)
        return fail_damaged(reader, offset, "the group's block must come second, and once");
    moth_record_get_group(&in, &reader->trace->header, &out_of_memory);
    if (out_of_memory)
        return fail_memory(reader);
    return in.failed ? fail_damaged(reader, offset, "who plays with the game") : 0;
}

static int read_end(struct reader *reader, size_t offset)
{
    struct moth_cursor in = moth_cursor_on(reader->raw.bytes, reader->raw.size_bytes);
    bool out_of_memory = false;
    moth_record_get_end(&in, &reader->trace->end, &out_of_memory);
    if (out_of_memory)
        return fail_memory(reader);
    reader->trace->has_end = true;
    return in.failed ? fail_damaged(reader, offset, "the end record") : 0;
}

static int read_payload(struct reader *reader, uint8_t type, size_t offset)
{
    if ((reader->n_blocks == 0) != (type == MOTH_BLOCK_HEADER))
        return fail_damaged(reader, offset, "the header block must come first, and once");
    switch (type) {
    case MOTH_BLOCK_HEADER:
        return read_header(reader, offset);
    case MOTH_BLOCK_GROUP:
        return read_group(reader, offset);
    case MOTH_BLOCK_EVENTS:
    case MOTH_BLOCK_GROUP_EVENTS:
    case MOTH_BLOCK_CALL_EVENTS:
        return read_records(reader, offset, "an input event", read_event);
    case MOTH_BLOCK_CHECKPOINTS:
        return read_records(reader, offset, "a checkpoint", read_checkpoint);
    case MOTH_BLOCK_MARKS:
        return read_records(reader, offset, "a mark", read_mark);
    case MOTH_BLOCK_END:
        return read_end(reader, offset);
    default:
        if (type & MOTH_BLOCK_IGNORABLE)
            return 0;
        return moth_err_set(reader->err, MOTH_ERR_TRACE,
                            "%s: made by a newer moth (block type %u at byte %zu must be understood)",
                            reader->name, type, offset);
    }
}

/* 1: go on, 0: the file is read, -1: error. */
static int read_block(struct reader *reader)
{
    size_t offset = (size_t)(reader->file.at - reader->start);
    struct moth_block block = {0};
    enum moth_block_result result = moth_block_take(&reader->file, reader->n_blocks, &block);
    if (result == MOTH_BLOCK_NONE)
        return 0;
    if (result == MOTH_BLOCK_CUT) {
        reader->trace->cut = true;
        return 0;
    }
    if (result == MOTH_BLOCK_OK && reader->trace->has_end)
        return fail_damaged(reader, offset, "a block after the end");
    if (result == MOTH_BLOCK_OK && !((block.type & MOTH_BLOCK_IGNORABLE) && reader->n_blocks > 0))
        result = moth_block_unpack(&block, &reader->raw);
    if (result == MOTH_BLOCK_MEMORY)
        return fail_memory(reader);
    if (result != MOTH_BLOCK_OK)
        return fail_damaged(reader, offset, "a block's checksum or size");
    if (read_payload(reader, block.type, offset) != 0)
        return -1;
    reader->n_blocks++;
    return 1;
}

static int read_file_head(struct reader *reader)
{
    size_t size_bytes = moth_cursor_left(&reader->file);
    size_t compared = size_bytes < MOTH_TRACE_MAGIC_BYTES ? size_bytes : MOTH_TRACE_MAGIC_BYTES;
    if (size_bytes == 0)
        return moth_err_set(reader->err, MOTH_ERR_TRACE, "%s: not a moth trace (the file is empty)",
                            reader->name);
    if (memcmp(reader->start, MOTH_TRACE_MAGIC, compared) != 0)
        return moth_err_set(reader->err, MOTH_ERR_TRACE, "%s: not a moth trace", reader->name);
    if (size_bytes < MOTH_TRACE_FILE_HEAD_BYTES)
        return moth_err_set(reader->err, MOTH_ERR_TRACE,
                            "%s: the trace is cut after %zu bytes, before anything that could be played",
                            reader->name, size_bytes);
    moth_cursor_take(&reader->file, MOTH_TRACE_MAGIC_BYTES);
    uint32_t major = moth_cursor_u16(&reader->file);
    (void)moth_cursor_u16(&reader->file); /* minor versions only add what may be ignored */
    uint32_t check = moth_cursor_u32(&reader->file);
    if (check != (uint32_t)XXH3_64bits(reader->start, MOTH_TRACE_FILE_HEAD_BYTES - 4))
        return fail_damaged(reader, MOTH_TRACE_MAGIC_BYTES, "the file's head");
    if (major > MOTH_TRACE_MAJOR)
        return moth_err_set(reader->err, MOTH_ERR_TRACE,
                            "%s: made by a newer moth (format %u, this one reads up to %u)", reader->name,
                            major, MOTH_TRACE_MAJOR);
    if (major == 0)
        return fail_damaged(reader, MOTH_TRACE_MAGIC_BYTES, "format 0 does not exist");
    return 0;
}

/* The last frame that anything names, for a trace whose end is not there. */
static uint32_t last_frame(const struct reader *reader)
{
    uint32_t last = reader->last_event;
    if (reader->last_checkpoint > last)
        last = reader->last_checkpoint;
    return reader->last_mark > last ? reader->last_mark : last;
}

static int read_all(struct reader *reader)
{
    if (read_file_head(reader) != 0)
        return -1;
    int more;
    do {
        more = read_block(reader);
    } while (more > 0);
    if (more < 0)
        return -1;
    if (reader->n_blocks == 0)
        return moth_err_set(reader->err, MOTH_ERR_TRACE,
                            "%s: the trace is cut before its header is whole; nothing can be played",
                            reader->name);
    struct moth_trace *trace = reader->trace;
    trace->frames = trace->has_end ? trace->end.frames : last_frame(reader);
    return 0;
}

struct moth_trace *moth_trace_decode(const uint8_t *bytes, size_t size_bytes, const char *name,
                                     struct moth_err *err)
{
    struct reader reader;
    memset(&reader, 0, sizeof reader);
    reader.name = name;
    reader.start = bytes;
    reader.file = moth_cursor_on(bytes, size_bytes);
    reader.err = err;
    reader.trace = calloc(1, sizeof *reader.trace);
    if (!reader.trace) {
        fail_memory(&reader);
        return NULL;
    }
    int result = read_all(&reader);
    moth_buf_fini(&reader.raw);
    if (result != 0) {
        moth_trace_free(reader.trace);
        return NULL;
    }
    return reader.trace;
}

struct moth_trace *moth_trace_read(const char *path, struct moth_err *err)
{
    size_t size_bytes;
    char *bytes = moth_fs_read(path, FILE_MAX_BYTES, &size_bytes, err);
    if (!bytes)
        return NULL;
    struct moth_trace *trace = moth_trace_decode((const uint8_t *)bytes, size_bytes, path, err);
    free(bytes);
    return trace;
}

static void free_list(char **list)
{
    for (char **item = list; item && *item; item++)
        free(*item);
    free(list);
}

void moth_trace_free(struct moth_trace *trace)
{
    if (!trace)
        return;
    free_list(trace->header.argv);
    free_list(trace->header.env);
    free(trace->header.build_id);
    free(trace->header.agent);
    free(trace->header.moth_version);
    free(trace->header.directory);
    for (size_t i = 0; i < trace->header.n_members; i++) {
        free(trace->header.members[i].name);
        free_list(trace->header.members[i].argv);
    }
    free(trace->header.members);
    free(trace->events);
    free(trace->checkpoints);
    for (size_t i = 0; i < trace->n_marks; i++)
        free(trace->marks[i].text);
    free(trace->marks);
    free(trace->end.kind);
    free(trace->end.fingerprint);
    free(trace->end.title);
    free(trace);
}
