/* SPDX-License-Identifier: MIT
 *
 * The variables, types and functions of a running game, from outside: by its debug information where there
 * is some, else by what its ELF symbol tables name.
 *
 * Life cycle: moth_symbols_open on a process that stands still → lookups → moth_symbols_close. Modules
 * are the program and the shared objects that are mapped; what was loaded later is known after
 * moth_symbols_refresh, and a refresh on another process of the same game keeps all that was read.
 * Debug information is found in the module itself, by its build id and its .gnu_debuglink (beside it, in
 * .debug/, below /usr/lib/debug and the folders given), and in the .dwz file it shares with others; it is
 * read when the first name is looked for. Everything handed out belongs to the session and lives as long.
 *
 * Names are written as in the source: `score`, `ns::Class::member`, `file.c::score` where several files have
 * a static of that name, `function::local_static`. One thread. Must not: touch the game.
 */
#ifndef MOTH_SYMBOLS_SYMBOLS_H
#define MOTH_SYMBOLS_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct moth_symbols; /* opaque */
struct moth_type;    /* opaque */

/* `debug_dirs` (NULL-terminated, may be NULL): more folders to look for debug files in. NULL and err when the
 * process cannot be looked into. */
struct moth_symbols *moth_symbols_open(pid_t pid, const char *const *debug_dirs, struct moth_err *err);
/* Look at the modules again, in this process or another one of the same game. 0 or -1. */
int moth_symbols_refresh(struct moth_symbols *symbols, pid_t pid, struct moth_err *err);
void moth_symbols_close(struct moth_symbols *symbols); /* NULL is ignored */
/* Where the main thread's own variables are (thread_local): its thread pointer. */
void moth_symbols_thread(struct moth_symbols *symbols, uint64_t thread_pointer);

/* ---- types ---- */

/* typedef, const, volatile and the like are looked through. */
enum moth_type_kind {
    MOTH_TYPE_VOID,
    MOTH_TYPE_BOOL,
    MOTH_TYPE_CHAR,     /* what text is made of: a pointer to it or an array of it is a string */
    MOTH_TYPE_SIGNED,   /* whole numbers of 1, 2, 4, 8 bytes */
    MOTH_TYPE_UNSIGNED,
    MOTH_TYPE_FLOAT,    /* 4, 8 or 16 (long double) bytes */
    MOTH_TYPE_ENUM,
    MOTH_TYPE_POINTER,  /* references too */
    MOTH_TYPE_ARRAY,
    MOTH_TYPE_STRUCT,   /* and classes */
    MOTH_TYPE_UNION,
    MOTH_TYPE_TEXT,     /* a NUL-terminated text that lies right there ("str") */
    MOTH_TYPE_FUNCTION,
    MOTH_TYPE_OPAQUE    /* declared and nowhere defined, or something that is not understood */
};

struct moth_field {
    const char *name; /* NULL: an anonymous struct or union, or a base class */
    const struct moth_type *type;
    uint64_t offset;    /* bytes from the beginning of what it is a member of */
    uint16_t bit_offset; /* a bitfield's lowest bit, counted from the byte at `offset` */
    uint16_t bit_size;   /* 0: it is none */
    bool base;           /* a base class */
};

struct moth_enumerator {
    const char *name;
    int64_t value; /* or the same bits, where the type is unsigned */
};

enum moth_type_kind moth_type_kind(const struct moth_type *type);
uint64_t moth_type_size(const struct moth_type *type);     /* bytes; 0: not known */
const char *moth_type_name(const struct moth_type *type);  /* as one would write it */
/* What a pointer points to, an array's elements, an enum's whole number, a function's result; NULL: void. */
const struct moth_type *moth_type_target(const struct moth_type *type);
bool moth_type_is_reference(const struct moth_type *type); /* a pointer that C++ calls a reference */
/* Elements of an array. False: not known (`int tail[]`). */
bool moth_type_count(const struct moth_type *type, uint64_t *count);
/* Of a struct or union, in order; what lies in bases is theirs. */
const struct moth_field *moth_type_members(const struct moth_type *type, size_t *n);
/* A member by name, also of bases and anonymous members: `offset` counts from `type`. */
bool moth_type_member(const struct moth_type *type, const char *name, struct moth_field *found);
const struct moth_enumerator *moth_type_enumerators(const struct moth_type *type, size_t *n);
/* NULL when no name has this value. */
const char *moth_type_enumerator(const struct moth_type *type, int64_t value);

/* A type by its name: "int", "unsigned long", "i8" … "u64", "f32", "f64", "bool", "str", "ptr", any of the
 * game's own with its debug information ("struct player", "ns::Class"), each with "*" and "[N]" behind. NULL
 * and err (MOTH_ERR_USAGE) otherwise. */
const struct moth_type *moth_symbols_type(struct moth_symbols *symbols, const char *name, struct moth_err *err);
/* The same without any game: only the names that need none. NULL symbols are allowed in moth_symbols_type. */

/* ---- variables ---- */

struct moth_variable {
    const char *name;             /* qualified */
    const struct moth_type *type; /* NULL: no debug information says it */
    uint64_t address;             /* in the game; where thread_local, of the main thread's */
    bool constant;                /* it lies nowhere: `address` is its value */
    uint64_t size;                /* by the symbol table; 0: not known */
    const char *module;           /* file name without its folder */
};

enum moth_lookup {
    MOTH_LOOKUP_FOUND = 0,
    MOTH_LOOKUP_NOT_FOUND = -1, /* there is none; after a refresh there may be */
    MOTH_LOOKUP_WRONG = -2      /* there is, and it cannot be used: several, optimised out, … */
};

/* `module` NULL: the program first, then what it loads, in order. With a reason in err otherwise, and what comes
 * near it. */
enum moth_lookup moth_symbols_variable(struct moth_symbols *symbols, const char *name, const char *module,
                                       struct moth_variable *found, struct moth_err *err);
/* Each variable of the game with debug information; of the program and the objects that are its own, or of
 * `module`. Stops when fn says false. */
void moth_symbols_each_variable(struct moth_symbols *symbols, const char *module,
                                bool (*fn)(void *context, const struct moth_variable *variable), void *context);

/* Each exported symbol that is data, of the program and the objects that are its own; without a type. */
void moth_symbols_each_exported(struct moth_symbols *symbols,
                                bool (*fn)(void *context, const struct moth_variable *variable), void *context);

/* ---- functions ---- */

#define MOTH_FUNCTION_PARAMS_MAX 32

struct moth_function {
    const char *name; /* qualified */
    const char *symbol; /* without debug information, where it is C++: with its parameters, "shop::buy(int)"; else NULL */
    uint64_t address;
    bool typed;    /* result and params are known */
    bool variadic; /* more may follow */
    bool method;   /* params[0] is `this` */
    const struct moth_type *result; /* NULL: void */
    size_t n_params;
    const struct moth_type *params[MOTH_FUNCTION_PARAMS_MAX];
    const char *module;
};

/* All functions of that name: overloads, or those of several files. How many there are, of which the first
 * `room` are in `found`; 0 with a reason in err. */
size_t moth_symbols_functions(struct moth_symbols *symbols, const char *name, const char *module,
                              struct moth_function *found, size_t room, struct moth_err *err);

/* ---- modules ---- */

struct moth_module {
    const char *name, *path; /* file name without its folder; whole */
    uint64_t start, end;     /* where it is mapped */
    char build_id[41];       /* "" when it has none */
    bool program;
};

/* The index-th, from 0, the program first. False: there are not so many. */
bool moth_symbols_module(struct moth_symbols *symbols, size_t index, struct moth_module *module);
/* By name ("game", "libmotor.so.2", "libmotor.so", "libmotor"). */
bool moth_symbols_find_module(struct moth_symbols *symbols, const char *name, struct moth_module *module);
/* Does any module that is the game's own have debug information? */
bool moth_symbols_debug(struct moth_symbols *symbols);

#endif
