/* SPDX-License-Identifier: MIT
 *
 * Types of the C++ library by their layout: what a string, a vector, an array or a smart pointer holds is
 * found by the names of its members, as GNU's library has them. For compile.c.
 */
#ifndef MOTH_SYMBOLS_LAYOUT_H
#define MOTH_SYMBOLS_LAYOUT_H

#include "symbols/symbols.h"

/* Something whose elements lie elsewhere: from a pointer, so many (or up to another pointer). */
struct moth_layout_span {
    const struct moth_type *element;
    uint64_t begin;  /* offset of the pointer to the first */
    uint64_t end;    /* … of the one behind the last (vectors) */
    uint64_t length; /* … of their number (strings, spans) */
    bool has_end, has_length;
};

bool moth_layout_span(const struct moth_type *type, struct moth_layout_span *span);
/* std::vector<bool>: a row of bits, from a pointer up to a bit behind another one. */
struct moth_layout_bits {
    uint64_t begin, end; /* offsets of the pointers */
    uint64_t end_bit;    /* … of the 32-bit number of bits behind `end` */
};

bool moth_layout_bits(const struct moth_type *type, struct moth_layout_bits *bits);
/* std::atomic: what it holds. */
bool moth_layout_atomic(const struct moth_type *type, struct moth_field *inside);
/* std::optional: what it holds, where the bool at `engaged` says so. */
bool moth_layout_optional(const struct moth_type *type, uint64_t *engaged, struct moth_field *inside);
/* Where `base` lies in a class that is derived from it: bytes from its beginning. False: it is none of its bases, or a
 * virtual one. */
bool moth_layout_base(const struct moth_type *type, const struct moth_type *base, uint64_t *offset);
/* std::array: its elements as a plain array. */
bool moth_layout_array(const struct moth_type *type, struct moth_field *elements);
/* A map, set or list: the number of its elements, where it is kept. */
bool moth_layout_count(const struct moth_type *type, struct moth_field *count);
/* A smart pointer: the plain one in it. */
bool moth_layout_pointer(const struct moth_type *type, struct moth_field *pointer);

#endif
