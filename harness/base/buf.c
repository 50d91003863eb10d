/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

void moth_buf_init(struct moth_buf *buf)
{
    memset(buf, 0, sizeof *buf);
}

void moth_buf_fini(struct moth_buf *buf)
{
    free(buf->bytes);
    moth_buf_init(buf);
}

void moth_buf_clear(struct moth_buf *buf)
{
    buf->size_bytes = 0;
    buf->failed = false;
}

uint8_t *moth_buf_reserve(struct moth_buf *buf, size_t more)
{
    if (buf->failed)
        return NULL;
    if (more > SIZE_MAX / 4 - buf->size_bytes) {
        buf->failed = true;
        return NULL;
    }
    size_t wanted = buf->size_bytes + more;
    if (wanted > buf->capacity_bytes || !buf->bytes) {
        size_t capacity = buf->capacity_bytes ? buf->capacity_bytes : 64;
        while (capacity < wanted)
            capacity *= 2;
        uint8_t *grown = realloc(buf->bytes, capacity);
        if (!grown) {
            buf->failed = true;
            return NULL;
        }
        buf->bytes = grown;
        buf->capacity_bytes = capacity;
    }
    return buf->bytes + buf->size_bytes;
}

void moth_buf_put(struct moth_buf *buf, const void *bytes, size_t size_bytes)
{
    if (size_bytes == 0)
        return;
    uint8_t *to = moth_buf_reserve(buf, size_bytes);
    if (!to)
        return;
    memcpy(to, bytes, size_bytes);
    buf->size_bytes += size_bytes;
}

static void put_little_endian(struct moth_buf *buf, uint64_t value, size_t size_bytes)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size_bytes; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    moth_buf_put(buf, bytes, size_bytes);
}

void moth_buf_put_u8(struct moth_buf *buf, uint8_t value)
{
    put_little_endian(buf, value, 1);
}

void moth_buf_put_u16(struct moth_buf *buf, uint16_t value)
{
    put_little_endian(buf, value, 2);
}

void moth_buf_put_u32(struct moth_buf *buf, uint32_t value)
{
    put_little_endian(buf, value, 4);
}

void moth_buf_put_u64(struct moth_buf *buf, uint64_t value)
{
    put_little_endian(buf, value, 8);
}

void moth_buf_put_varint(struct moth_buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    do {
        uint8_t low = value & 0x7f;
        value >>= 7;
        bytes[n++] = (uint8_t)(low | (value ? 0x80 : 0));
    } while (value);
    moth_buf_put(buf, bytes, n);
}

void moth_buf_put_svarint(struct moth_buf *buf, int64_t value)
{
    moth_buf_put_varint(buf, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void moth_buf_put_string(struct moth_buf *buf, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    moth_buf_put_varint(buf, length);
    moth_buf_put(buf, text, length);
}

const uint8_t *moth_cursor_take(struct moth_cursor *cursor, size_t size_bytes)
{
    if (cursor->failed || size_bytes > moth_cursor_left(cursor)) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *bytes = cursor->at;
    cursor->at += size_bytes;
    return bytes;
}

static uint64_t take_little_endian(struct moth_cursor *cursor, size_t size_bytes)
{
    const uint8_t *bytes = moth_cursor_take(cursor, size_bytes);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < size_bytes; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

uint8_t moth_cursor_u8(struct moth_cursor *cursor)
{
    return (uint8_t)take_little_endian(cursor, 1);
}

uint16_t moth_cursor_u16(struct moth_cursor *cursor)
{
    return (uint16_t)take_little_endian(cursor, 2);
}

uint32_t moth_cursor_u32(struct moth_cursor *cursor)
{
    return (uint32_t)take_little_endian(cursor, 4);
}

uint64_t moth_cursor_u64(struct moth_cursor *cursor)
{
    return take_little_endian(cursor, 8);
}

uint64_t moth_cursor_varint(struct moth_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = moth_cursor_u8(cursor);
        uint64_t bits = byte & 0x7f;
        if (shift == 63 && bits > 1)
            break;
        value |= bits << shift;
        if (!(byte & 0x80)) {
            if (byte == 0 && shift > 0)
                break; /* padded */
            return cursor->failed ? 0 : value;
        }
    }
    cursor->failed = true;
    return 0;
}

int64_t moth_cursor_svarint(struct moth_cursor *cursor)
{
    uint64_t raw = moth_cursor_varint(cursor);
    return (int64_t)((raw >> 1) ^ (0 - (raw & 1)));
}

uint64_t moth_cursor_varint_to(struct moth_cursor *cursor, uint64_t limit)
{
    uint64_t value = moth_cursor_varint(cursor);
    if (value > limit) {
        cursor->failed = true;
        return 0;
    }
    return value;
}

char *moth_cursor_string(struct moth_cursor *cursor, size_t limit_bytes, bool *out_of_memory)
{
    if (out_of_memory)
        *out_of_memory = false;
    uint64_t length = moth_cursor_varint_to(cursor, limit_bytes);
    const uint8_t *bytes = moth_cursor_take(cursor, (size_t)length);
    if (!bytes)
        return NULL;
    if (memchr(bytes, '\0', (size_t)length)) {
        cursor->failed = true;
        return NULL;
    }
    char *text = malloc((size_t)length + 1);
    if (!text) {
        cursor->failed = true;
        if (out_of_memory)
            *out_of_memory = true;
        return NULL;
    }
    memcpy(text, bytes, (size_t)length);
    text[length] = '\0';
    return text;
}
