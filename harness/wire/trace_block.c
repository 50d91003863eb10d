/* SPDX-License-Identifier: MIT */
#include "wire/trace_format.h"

#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#define HEAD_CHECKED_BYTES 20u  /* of a block's head: all but its own checksum */
#define COMPRESS_FROM_BYTES 64u /* below, a zstd frame only adds to it */
#define SKIPPABLE_MAGIC 0x184d2a50u
#define SKIPPABLE_HEAD_BYTES 8u

static uint32_t check32(const uint8_t *bytes, size_t size_bytes, uint64_t seed)
{
    return (uint32_t)XXH3_64bits_withSeed(bytes, size_bytes, seed);
}

void moth_block_put_file_head(struct moth_buf *out)
{
    size_t start = out->size_bytes;
    moth_buf_put(out, MOTH_TRACE_MAGIC, MOTH_TRACE_MAGIC_BYTES);
    moth_buf_put_u16(out, MOTH_TRACE_MAJOR);
    moth_buf_put_u16(out, MOTH_TRACE_MINOR);
    if (!out->failed)
        moth_buf_put_u32(out, check32(out->bytes + start, MOTH_TRACE_FILE_HEAD_BYTES - 4, 0));
}

/* A payload that shrank beyond the ratio a reader accepts is filled up with a frame zstd skips. */
static void pad_to_ratio(struct moth_buf *stored, size_t raw_bytes)
{
    size_t least_bytes = (raw_bytes + MOTH_TRACE_RATIO_MAX - 1) / MOTH_TRACE_RATIO_MAX;
    if (stored->failed || stored->size_bytes >= least_bytes)
        return;
    size_t missing = least_bytes - stored->size_bytes;
    size_t filler = missing > SKIPPABLE_HEAD_BYTES ? missing - SKIPPABLE_HEAD_BYTES : 0;
    moth_buf_put_u32(stored, SKIPPABLE_MAGIC);
    moth_buf_put_u32(stored, (uint32_t)filler);
    uint8_t *to = moth_buf_reserve(stored, filler);
    if (!to)
        return;
    memset(to, 0, filler);
    stored->size_bytes += filler;
}

static uint8_t pack(struct moth_buf *stored, const uint8_t *raw, size_t raw_bytes)
{
    if (raw_bytes >= COMPRESS_FROM_BYTES) {
        size_t bound = ZSTD_compressBound(raw_bytes);
        uint8_t *to = moth_buf_reserve(stored, bound);
        size_t packed = to ? ZSTD_compress(to, bound, raw, raw_bytes, 3) : 0;
        if (to && !ZSTD_isError(packed) && packed < raw_bytes) {
            stored->size_bytes += packed;
            pad_to_ratio(stored, raw_bytes);
            return MOTH_BLOCK_ZSTD;
        }
    }
    moth_buf_put(stored, raw, raw_bytes);
    return MOTH_BLOCK_STORED;
}

void moth_block_put(struct moth_buf *out, uint8_t type, uint32_t index, const uint8_t *raw, size_t raw_bytes)
{
    struct moth_buf stored;
    moth_buf_init(&stored);
    if (raw_bytes > MOTH_TRACE_RAW_MAX)
        out->failed = true;
    uint8_t encoding = out->failed ? MOTH_BLOCK_STORED : pack(&stored, raw, raw_bytes);
    if (stored.failed)
        out->failed = true;

    size_t start = out->size_bytes;
    moth_buf_put_u8(out, type);
    moth_buf_put_u8(out, encoding);
    moth_buf_put_u16(out, 0);
    moth_buf_put_u32(out, (uint32_t)stored.size_bytes);
    moth_buf_put_u32(out, (uint32_t)raw_bytes);
    moth_buf_put_u64(out, XXH3_64bits_withSeed(stored.bytes, stored.size_bytes, index));
    if (!out->failed)
        moth_buf_put_u32(out, check32(out->bytes + start, HEAD_CHECKED_BYTES, index));
    moth_buf_put(out, stored.bytes, stored.size_bytes);
    moth_buf_fini(&stored);
}

static bool sizes_hold(const struct moth_block *block)
{
    if (block->raw_bytes > MOTH_TRACE_RAW_MAX || block->stored_bytes > MOTH_TRACE_STORED_MAX)
        return false;
    if (block->encoding == MOTH_BLOCK_STORED)
        return block->raw_bytes == block->stored_bytes;
    return block->encoding == MOTH_BLOCK_ZSTD &&
           block->raw_bytes <= (uint64_t)block->stored_bytes * MOTH_TRACE_RATIO_MAX;
}

enum moth_block_result moth_block_take(struct moth_cursor *file, uint32_t index, struct moth_block *block)
{
    if (moth_cursor_left(file) == 0)
        return MOTH_BLOCK_NONE;
    if (moth_cursor_left(file) < MOTH_TRACE_BLOCK_HEAD_BYTES)
        return MOTH_BLOCK_CUT;
    const uint8_t *head = file->at;
    block->type = moth_cursor_u8(file);
    block->encoding = moth_cursor_u8(file);
    uint16_t reserved = moth_cursor_u16(file);
    block->stored_bytes = moth_cursor_u32(file);
    block->raw_bytes = moth_cursor_u32(file);
    uint64_t payload_check = moth_cursor_u64(file);
    /* The head has a checksum of its own so that a wrong length is not taken for a cut file. */
    if (moth_cursor_u32(file) != check32(head, HEAD_CHECKED_BYTES, index) || reserved != 0 ||
        !sizes_hold(block))
        return MOTH_BLOCK_DAMAGED;
    if (block->stored_bytes > moth_cursor_left(file))
        return MOTH_BLOCK_CUT;
    block->stored = moth_cursor_take(file, block->stored_bytes);
    if (XXH3_64bits_withSeed(block->stored, block->stored_bytes, index) != payload_check)
        return MOTH_BLOCK_DAMAGED;
    return MOTH_BLOCK_OK;
}

enum moth_block_result moth_block_unpack(const struct moth_block *block, struct moth_buf *raw)
{
    moth_buf_clear(raw);
    uint8_t *to = moth_buf_reserve(raw, block->raw_bytes);
    if (!to)
        return MOTH_BLOCK_MEMORY;
    if (block->encoding == MOTH_BLOCK_STORED) {
        moth_buf_put(raw, block->stored, block->stored_bytes);
        return MOTH_BLOCK_OK;
    }
    size_t unpacked = ZSTD_decompress(to, block->raw_bytes, block->stored, block->stored_bytes);
    if (ZSTD_isError(unpacked) || unpacked != block->raw_bytes)
        return MOTH_BLOCK_DAMAGED;
    raw->size_bytes = unpacked;
    return MOTH_BLOCK_OK;
}

const char *moth_block_name(uint8_t type)
{
    switch (type) {
    case MOTH_BLOCK_HEADER:
        return "header";
    case MOTH_BLOCK_EVENTS:
        return "events";
    case MOTH_BLOCK_CHECKPOINTS:
        return "checkpoints";
    case MOTH_BLOCK_MARKS:
        return "marks";
    case MOTH_BLOCK_END:
        return "end";
    case MOTH_BLOCK_GROUP:
        return "group";
    case MOTH_BLOCK_GROUP_EVENTS:
        return "group events";
    case MOTH_BLOCK_CALL_EVENTS:
        return "call events";
    default:
        return "unknown";
    }
}
