/* SPDX-License-Identifier: MIT
 *
 * From fetched bytes to values: numbers, names of enums, texts, and what arrays and structs are made of.
 * Pure; the bytes are the game's and are taken as they are.
 */
#ifndef MOTH_SYMBOLS_VALUE_H
#define MOTH_SYMBOLS_VALUE_H

#include "symbols/symbols.h"
#include "wire/channel.h"

#define MOTH_VALUE_LEAVES_MAX 2048u /* of one table */

/* One value; a table says only its type. `name` is left alone. */
void moth_value_decode(const struct moth_type *type, const uint8_t *bytes, size_t length,
                       struct moth_watch_value *value);

/* A walk over one value. A leaf gets its text whole; between begin and end of a table each value has a key:
 * a member's name, or NULL and an index from 0. */
struct moth_value_visitor {
    void *context;
    void (*leaf)(void *context, const char *key, uint64_t index, const struct moth_watch_value *value,
                 const char *text, size_t text_length);
    void (*begin)(void *context, const char *key, uint64_t index, bool array);
    void (*end)(void *context);
};

void moth_value_visit(const struct moth_type *type, const uint8_t *bytes, size_t length,
                      const struct moth_value_visitor *visitor);

#endif
