/* SPDX-License-Identifier: MIT
 *
 * Peeks: how a watched variable is reached in the game's memory, as small programs that both sides can run.
 *
 * A peek is a row of operations on a stack of numbers, without jumps, that ends with an address (or a
 * value), and what is to be fetched from there. The runner compiles an expression into one
 * (symbols/compile.h) and writes it into the channel; the probe runs all of them at each boundary, with a
 * reader that survives wild pointers (probe/core/peek.c); the runner can run one itself through
 * process_vm_readv. What is fetched are bytes: their meaning is the runner's business.
 */
#ifndef MOTH_WIRE_PEEK_H
#define MOTH_WIRE_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOTH_PEEKS_MAX 127u
#define MOTH_PEEK_OPS_MAX 2048u      /* of all peeks */
#define MOTH_PEEK_CODE_MAX 96u       /* of one */
#define MOTH_PEEK_BYTES_MAX 65536u   /* of all values */
#define MOTH_PEEK_VALUE_MAX 8192u    /* of one */
#define MOTH_PEEK_TEXT_MAX 512u      /* of a text whose end is only known when it is met */
#define MOTH_PEEK_STACK 16u
#define MOTH_PEEK_PAGE 4096u

enum moth_peek_code {
    MOTH_PEEK_PUSH,  /* number */
    MOTH_PEEK_LOAD,  /* address → the `size` bytes there, with their sign where `is_signed` */
    MOTH_PEEK_BITS,  /* number → its bits from `shift` on, `size` of them */
    MOTH_PEEK_ADD,   /* a, b → a + b */
    MOTH_PEEK_PLUS,  /* a → a + number */
    MOTH_PEEK_TIMES, /* a → a × number */
    MOTH_PEEK_CHECK, /* a: fails unless it is below number */
    MOTH_PEEK_DUP,
    MOTH_PEEK_SWAP,
    MOTH_PEEK_BELOW, /* limit, a → a: fails unless a + number is not above limit */
    MOTH_PEEK_COUNT  /* end, begin → how many times `number` bytes lie between: fails where end comes before begin */
};

enum moth_peek_fetch {
    MOTH_FETCH_VALUE, /* the number itself */
    MOTH_FETCH_BYTES, /* address: `size` bytes */
    MOTH_FETCH_TEXT,  /* address: up to a NUL, at most `size` bytes */
    MOTH_FETCH_SIZED, /* length, address: so many bytes, at most `size` */
    MOTH_FETCH_SPAN   /* end, address: up to there, at most `size` bytes */
};

struct moth_peek_op {
    uint8_t code; /* enum moth_peek_code */
    uint8_t size, shift;
    uint8_t is_signed;
    uint32_t reserved;
    uint64_t number;
};

struct moth_peek {
    uint32_t first_op, n_ops;
    uint32_t at, size; /* of its value in the table's bytes */
    uint32_t length;   /* written by the probe: bytes that are there */
    uint8_t fetch;     /* enum moth_peek_fetch */
    uint8_t ok;        /* written by the probe: 0 when an address led nowhere */
    uint8_t reserved[2];
};

struct moth_peek_table {
    uint64_t generation; /* which programs these are; the runner's */
    uint32_t n, n_ops, n_bytes;
    uint32_t reserved;
    struct moth_peek peeks[MOTH_PEEKS_MAX];
    struct moth_peek_op ops[MOTH_PEEK_OPS_MAX];
    _Alignas(8) uint8_t bytes[MOTH_PEEK_BYTES_MAX];
};

/* Copies from the game's memory; false when not all of it is there. */
typedef bool moth_peek_reader(void *context, void *to, uint64_t address, size_t size);

static inline bool moth_peek_load(const struct moth_peek_op *op, moth_peek_reader *read, void *context, uint64_t *top)
{
    uint64_t value = 0;
    if (op->size == 0 || op->size > 8 || !read(context, &value, *top, op->size))
        return false;
    unsigned spare = 64u - 8u * op->size;
    *top = op->is_signed ? (uint64_t)((int64_t)(value << spare) >> spare) : value;
    return true;
}

static inline uint64_t moth_peek_bits(const struct moth_peek_op *op, uint64_t value)
{
    unsigned size = op->size == 0 || op->size > 64 ? 64 : op->size;
    value = (op->shift < 64 ? value >> op->shift : 0) << (64 - size);
    return op->is_signed ? (uint64_t)((int64_t)value >> (64 - size)) : value >> (64 - size);
}

/* Run the operations: the top of the stack to result[0], what is below it to result[1]. */
static inline bool moth_peek_run(const struct moth_peek_op *ops, size_t n_ops, moth_peek_reader *read, void *context,
                                 uint64_t result[2])
{
    uint64_t stack[MOTH_PEEK_STACK];
    unsigned n = 0;
    for (const struct moth_peek_op *op = ops; op < ops + n_ops; op++) {
        static const uint8_t needs[] = {0, 1, 1, 2, 1, 1, 1, 1, 2, 2, 2};
        if (op->code >= sizeof needs || n < needs[op->code] || n + 1 >= MOTH_PEEK_STACK)
            return false;
        uint64_t *top = &stack[n ? n - 1 : 0], *under = &stack[n > 1 ? n - 2 : 0], held;
        switch (op->code) {
        case MOTH_PEEK_PUSH:
            stack[n++] = op->number;
            break;
        case MOTH_PEEK_LOAD:
            if (!moth_peek_load(op, read, context, top))
                return false;
            break;
        case MOTH_PEEK_BITS:
            *top = moth_peek_bits(op, *top);
            break;
        case MOTH_PEEK_ADD:
            *under += *top;
            n--;
            break;
        case MOTH_PEEK_PLUS:
            *top += op->number;
            break;
        case MOTH_PEEK_TIMES:
            *top *= op->number;
            break;
        case MOTH_PEEK_CHECK:
            if (*top >= op->number)
                return false;
            break;
        case MOTH_PEEK_DUP:
            stack[n] = *top;
            n++;
            break;
        case MOTH_PEEK_SWAP:
            held = *top;
            *top = *under;
            *under = held;
            break;
        case MOTH_PEEK_COUNT:
            if (*top > *under || op->number == 0)
                return false;
            *under = (*under - *top) / op->number;
            n--;
            break;
        default: /* MOTH_PEEK_BELOW */
            if (*top > *under || *under - *top < op->number)
                return false;
            *under = *top;
            n--;
            break;
        }
    }
    if (n == 0)
        return false;
    result[0] = stack[n - 1];
    result[1] = n > 1 ? stack[n - 2] : 0;
    return true;
}

/* A text, page by page: what lies behind its end may not be there. False when not even its first byte is. */
static inline bool moth_peek_text(moth_peek_reader *read, void *context, uint64_t address, uint8_t *to, uint32_t size,
                                  uint32_t *length)
{
    uint32_t got = 0;
    while (got < size) {
        uint32_t piece = MOTH_PEEK_PAGE - (uint32_t)((address + got) % MOTH_PEEK_PAGE);
        piece = piece < 64 ? piece : 64; /* most texts end soon */
        piece = piece < size - got ? piece : size - got;
        if (!read(context, to + got, address + got, piece)) {
            *length = got;
            return got > 0;
        }
        for (uint32_t i = 0; i < piece; i++)
            if (to[got + i] == 0) {
                *length = got + i;
                return true;
            }
        got += piece;
    }
    *length = got;
    return true;
}

/* Run one peek and fetch what it leads to: peek->ok and peek->length are filled, and what is not fetched of
 * its `size` bytes is zero. */
static inline void moth_peek_fetch(struct moth_peek *peek, const struct moth_peek_op *ops, moth_peek_reader *read,
                                   void *context, uint8_t *to)
{
    uint64_t result[2];
    uint32_t length = 0;
    bool ok = moth_peek_run(ops, peek->n_ops, read, context, result);
    if (ok && peek->fetch == MOTH_FETCH_BYTES) {
        length = peek->size;
        ok = read(context, to, result[0], length);
    } else if (ok && peek->fetch == MOTH_FETCH_TEXT) {
        ok = moth_peek_text(read, context, result[0], to, peek->size, &length);
    } else if (ok && (peek->fetch == MOTH_FETCH_SIZED || peek->fetch == MOTH_FETCH_SPAN)) {
        uint64_t wanted = result[1] - (peek->fetch == MOTH_FETCH_SPAN ? result[0] : 0);
        length = wanted < peek->size ? (uint32_t)wanted : peek->size;
        ok = length == 0 || read(context, to, result[0], length);
    } else if (ok) {
        length = peek->size < 8 ? peek->size : 8;
        for (uint32_t i = 0; i < length; i++)
            to[i] = (uint8_t)(result[0] >> 8 * i);
    }
    if (!ok)
        length = 0;
    for (uint32_t i = length; i < peek->size; i++)
        to[i] = 0;
    peek->ok = ok;
    peek->length = length;
}

#endif
