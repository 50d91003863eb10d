/* SPDX-License-Identifier: MIT
 *
 * The bytes of a trace: constants, blocks and records. harness/TRACE.md is normative; this is its code,
 * private to harness/wire and its tests. Writing goes into a moth_buf, reading comes from a
 * moth_cursor; both are checked for `failed` by the caller.
 */
#ifndef MOTH_WIRE_TRACE_FORMAT_H
#define MOTH_WIRE_TRACE_FORMAT_H

#include "base/buf.h"
#include "wire/trace.h"

#define MOTH_TRACE_MAJOR 1u
#define MOTH_TRACE_MINOR 0u
#define MOTH_TRACE_MAGIC "\x89MOTH\r\n\x1a"
#define MOTH_TRACE_MAGIC_BYTES 8u
#define MOTH_TRACE_FILE_HEAD_BYTES 16u
#define MOTH_TRACE_BLOCK_HEAD_BYTES 24u

/* A block is at most this large once decompressed, and at most so many times what is stored of it: a
 * reader never asks for more memory than the file's own size warrants. */
#define MOTH_TRACE_RAW_MAX (1u << 20)
#define MOTH_TRACE_RATIO_MAX 64u
#define MOTH_TRACE_STORED_MAX (MOTH_TRACE_RAW_MAX + 1024u)
#define MOTH_TRACE_STRING_MAX (MOTH_TRACE_RAW_MAX / 2)
#define MOTH_TRACE_MARK_MAX 4096u

enum moth_block_type {
    MOTH_BLOCK_HEADER = 1,
    MOTH_BLOCK_EVENTS = 2,
    MOTH_BLOCK_CHECKPOINTS = 3,
    MOTH_BLOCK_MARKS = 4,
    MOTH_BLOCK_END = 5,
    MOTH_BLOCK_GROUP = 6,       /* who else plays; right behind the header */
    MOTH_BLOCK_GROUP_EVENTS = 7, /* as EVENTS, with members */
    MOTH_BLOCK_CALL_EVENTS = 8   /* as either, with calls */
};
#define MOTH_BLOCK_IGNORABLE 0x80u /* bit of the type: a reader that does not know it skips it */

enum moth_block_encoding { MOTH_BLOCK_STORED = 0, MOTH_BLOCK_ZSTD = 1 };

struct moth_block {
    uint8_t type;
    uint8_t encoding;
    uint32_t stored_bytes, raw_bytes;
    const uint8_t *stored; /* within the file's bytes */
};

enum moth_block_result {
    MOTH_BLOCK_OK,
    MOTH_BLOCK_NONE,    /* the file ends here, between blocks */
    MOTH_BLOCK_CUT,     /* the file ends inside this block */
    MOTH_BLOCK_DAMAGED, /* a checksum or a limit does not hold */
    MOTH_BLOCK_MEMORY
};

void moth_block_put_file_head(struct moth_buf *out);
/* Append `raw` as one block; `index` counts the file's blocks from 0 and seeds the checksums, so that a
 * block taken out or moved is noticed. */
void moth_block_put(struct moth_buf *out, uint8_t type, uint32_t index, const uint8_t *raw, size_t raw_bytes);
/* Step over one block and check it. */
enum moth_block_result moth_block_take(struct moth_cursor *file, uint32_t index, struct moth_block *block);
/* Its payload, decompressed into `raw` (cleared first). */
enum moth_block_result moth_block_unpack(const struct moth_block *block, struct moth_buf *raw);
const char *moth_block_name(uint8_t type);

/* Values that a record is coded against; zeroed at the start of each block, so that blocks stand alone. */
struct moth_record_state {
    uint32_t frame;
    int32_t x, y;
    uint8_t piece; /* place of the next piece of a call */
    struct moth_trace_checkpoint checkpoint;
};

void moth_record_put_group(struct moth_buf *out, const struct moth_trace_header *header);
void moth_record_put_event(struct moth_buf *out, struct moth_record_state *state,
                           const struct moth_input_event *event);
void moth_record_put_checkpoint(struct moth_buf *out, struct moth_record_state *state,
                                const struct moth_trace_checkpoint *checkpoint);
void moth_record_put_mark(struct moth_buf *out, struct moth_record_state *state, uint32_t frame,
                          const char *text);
void moth_record_put_header(struct moth_buf *out, const struct moth_trace_header *header);
void moth_record_put_end(struct moth_buf *out, const struct moth_trace_end *end);

/* Each leaves the cursor failed where the bytes are not valid. */
void moth_record_get_event(struct moth_cursor *in, struct moth_record_state *state,
                           struct moth_input_event *event);
void moth_record_get_checkpoint(struct moth_cursor *in, struct moth_record_state *state,
                                struct moth_trace_checkpoint *checkpoint);
/* These allocate strings, owned by what they fill, also where they fail; *out_of_memory says so. */
void moth_record_get_mark(struct moth_cursor *in, struct moth_record_state *state,
                          struct moth_trace_mark *mark, bool *out_of_memory);
void moth_record_get_header(struct moth_cursor *in, struct moth_trace_header *header, bool *out_of_memory);
void moth_record_get_group(struct moth_cursor *in, struct moth_trace_header *header, bool *out_of_memory);
void moth_record_get_end(struct moth_cursor *in, struct moth_trace_end *end, bool *out_of_memory);

#endif
