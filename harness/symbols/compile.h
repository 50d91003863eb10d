/* SPDX-License-Identifier: MIT
 *
 * From an expression to a peek: where a value lies in the game, step by step, and of what type it is.
 *
 * A peek holds addresses of the process it was compiled for. One thread; no memory of its own.
 */
#ifndef MOTH_SYMBOLS_COMPILE_H
#define MOTH_SYMBOLS_COMPILE_H

#include "symbols/symbols.h"
#include "wire/peek.h"

struct moth_compiled {
    size_t n_ops;
    struct moth_peek_op ops[MOTH_PEEK_CODE_MAX];
    enum moth_peek_fetch fetch;
    uint32_t size;                /* bytes to fetch at most */
    const struct moth_type *type; /* of what is fetched; TEXT for all kinds of strings */
    const struct moth_type *said; /* the type as the source has it, for people */
    char label[55];               /* of "name@symbol:type", else "" */
};

/* NOT_FOUND: its first name is not there (yet). WRONG: never will be; err says what is wrong, with what comes
 * near it. */
enum moth_lookup moth_compile(struct moth_symbols *symbols, const char *expression, struct moth_compiled *compiled,
                              struct moth_err *err);

#endif
