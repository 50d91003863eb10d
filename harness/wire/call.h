/* SPDX-License-Identifier: MIT
 *
 * Calls of a game's functions: signatures, values, and the text in which a call travels and is recorded.
 *
 * A signature is `name(type,type)type`: "give_item(int,float)int", "spawn({float x,float y})void*". Without a
 * type behind the parentheses nothing comes back. A call is its signature in one spelling and its arguments,
 * "give_item(int,float)int <- 3 #3fe0000000000000", so that it can be made again wherever the function lies:
 * nothing in it is an address, but for one that the game itself handed out (and those are named, see below).
 *
 * A signature is a list of nodes: the result's, then each parameter's. A struct's node is followed by those of
 * its members, and `end` is the index behind the last of them. Values lie beside the nodes, at the same index.
 *
 * Pure functions over the caller's memory; no allocation, no locale: the probe uses them as well.
 */
#ifndef MOTH_WIRE_CALL_H
#define MOTH_WIRE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/input.h"

enum moth_call_type {
    MOTH_CALL_VOID,
    MOTH_CALL_BOOL,
    MOTH_CALL_I8,
    MOTH_CALL_U8,
    MOTH_CALL_I16,
    MOTH_CALL_U16,
    MOTH_CALL_I32,
    MOTH_CALL_U32,
    MOTH_CALL_I64,
    MOTH_CALL_U64,
    MOTH_CALL_F32,
    MOTH_CALL_F64,
    MOTH_CALL_STRING,  /* char *: text, or NULL */
    MOTH_CALL_POINTER, /* any other pointer: a number */
    MOTH_CALL_STRUCT   /* by value */
};

#define MOTH_CALL_NODES_MAX 96u
#define MOTH_CALL_PARAMS_MAX 32u
#define MOTH_CALL_NAME_BYTES 256u
#define MOTH_CALL_MEMBER_BYTES 32u
#define MOTH_CALL_TEXT_BYTES 4096u /* of a whole call or result, NUL included */
#define MOTH_CALL_SLOTS 64u        /* pointers that came back and are known by a number of ours */
#define MOTH_CALL_NO_SLOT UINT32_MAX

struct moth_call_node {
    uint8_t type; /* enum moth_call_type */
    uint8_t end;  /* index of the node behind this one's members */
    char name[MOTH_CALL_MEMBER_BYTES]; /* of a member or parameter; "": none was given */
};

struct moth_call_signature {
    char name[MOTH_CALL_NAME_BYTES];
    unsigned n_nodes, n_params;
    struct moth_call_node nodes[MOTH_CALL_NODES_MAX]; /* the first is the result */
};

struct moth_call_value {
    union {
        int64_t i; /* bool and the signed ones */
        uint64_t u; /* the unsigned ones, pointers; strings in the game: where it lies */
        double d;
    };
    const char *text; /* string: NUL-terminated, NULL for a null pointer */
    uint32_t slot;    /* pointer: what the call of this number gave back; else MOTH_CALL_NO_SLOT */
};

struct moth_call {
    struct moth_call_signature signature;
    struct moth_call_value values[MOTH_CALL_NODES_MAX];
    uint32_t slot; /* where a pointer that comes back is kept; MOTH_CALL_NO_SLOT */
};

/* 0, or -1 with a sentence in `problem` that names what is wrong. */
int moth_call_parse(const char *text, struct moth_call_signature *signature, char *problem, size_t size);
/* Its one spelling. -1: no room. */
int moth_call_spell(const struct moth_call_signature *signature, char *text, size_t size);
/* What a person calls the type of a node: "int", "a string". Static storage. */
const char *moth_call_type_name(unsigned type);

/* A call as text. -1: it is longer than `size`. */
int moth_call_encode(const struct moth_call *call, char *text, size_t size);
/* And back: `strings` (of `size` bytes) takes the text of string arguments. 0, or -1 with a sentence. */
int moth_call_decode(const char *text, struct moth_call *call, char *strings, size_t size, char *problem,
                     size_t problem_size);
/* What came back, likewise: the values of the result's nodes. */
int moth_call_encode_result(const struct moth_call *call, char *text, size_t size);
int moth_call_decode_result(const char *text, struct moth_call *call, char *strings, size_t size);

/* A call as input events of `frame`, at most MOTH_CALL_EVENTS_MAX; how many. */
#define MOTH_CALL_EVENTS_MAX (MOTH_CALL_TEXT_BYTES / (MOTH_TEXT_MAX - 1) + 1)
size_t moth_call_split(const char *text, uint32_t frame, struct moth_input_event *events);
/* The call that begins at events[*next], which is moved on, also where there is no whole call. NULL, or what is wrong. */
const char *moth_call_join(const struct moth_input_event *events, size_t n_events, size_t *next, char *text,
                           size_t size);

#endif
