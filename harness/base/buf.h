/* SPDX-License-Identifier: MIT
 *
 * Bytes that leave a process: a growing buffer to put them into, and a cursor to get them out again,
 * little-endian throughout. Both remember a failure (`failed`) and then do nothing more, so a long row
 * of calls needs one check at its end. A cursor never reads past its end, whatever the bytes say.
 */
#ifndef MOTH_BASE_BUF_H
#define MOTH_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct moth_buf {
    uint8_t *bytes; /* malloc; NULL while empty */
    size_t size_bytes, capacity_bytes;
    bool failed; /* out of memory */
};

void moth_buf_init(struct moth_buf *buf);
void moth_buf_fini(struct moth_buf *buf);
/* Empty it and keep its memory. */
void moth_buf_clear(struct moth_buf *buf);
/* Room for `more` bytes at the end: where they go, or NULL. Does not change the size. */
uint8_t *moth_buf_reserve(struct moth_buf *buf, size_t more);

void moth_buf_put(struct moth_buf *buf, const void *bytes, size_t size_bytes);
void moth_buf_put_u8(struct moth_buf *buf, uint8_t value);
void moth_buf_put_u16(struct moth_buf *buf, uint16_t value);
void moth_buf_put_u32(struct moth_buf *buf, uint32_t value);
void moth_buf_put_u64(struct moth_buf *buf, uint64_t value);
/* LEB128: seven bits a byte, low bits first. */
void moth_buf_put_varint(struct moth_buf *buf, uint64_t value);
/* Zigzag, then LEB128: small numbers of either sign are short. */
void moth_buf_put_svarint(struct moth_buf *buf, int64_t value);
/* Varint length, then the bytes. NULL is put as "". */
void moth_buf_put_string(struct moth_buf *buf, const char *text);

struct moth_cursor {
    const uint8_t *at, *end;
    bool failed; /* something did not fit or was not valid */
};

static inline struct moth_cursor moth_cursor_on(const uint8_t *bytes, size_t size_bytes)
{
    struct moth_cursor cursor = {bytes, bytes + size_bytes, false};
    return cursor;
}

static inline size_t moth_cursor_left(const struct moth_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Step over `size_bytes`: where they begin, or NULL. */
const uint8_t *moth_cursor_take(struct moth_cursor *cursor, size_t size_bytes);
uint8_t moth_cursor_u8(struct moth_cursor *cursor);
uint16_t moth_cursor_u16(struct moth_cursor *cursor);
uint32_t moth_cursor_u32(struct moth_cursor *cursor);
uint64_t moth_cursor_u64(struct moth_cursor *cursor);
/* Fails on more than ten bytes, on a value over 64 bits and on a padded encoding: each value has one. */
uint64_t moth_cursor_varint(struct moth_cursor *cursor);
int64_t moth_cursor_svarint(struct moth_cursor *cursor);
/* A varint that may not be over `limit`. */
uint64_t moth_cursor_varint_to(struct moth_cursor *cursor, uint64_t limit);
/* A string of at most limit_bytes without a NUL inside; NUL-terminated copy, caller frees. NULL when it
 * fails; *out_of_memory (may be NULL) tells the two apart. */
char *moth_cursor_string(struct moth_cursor *cursor, size_t limit_bytes, bool *out_of_memory);

#endif
