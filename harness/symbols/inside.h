/* SPDX-License-Identifier: MIT
 *
 * What a session of symbols is made of, for the files of harness/symbols. Nobody else's.
 */
#ifndef MOTH_SYMBOLS_INSIDE_H
#define MOTH_SYMBOLS_INSIDE_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "symbols/symbols.h"

#define MOTH_SYMBOLS_NAME_MAX 512u
#define MOTH_SYMBOLS_TYPE_DEPTH 32u

/* Strings and structs that live as long as the session. */
struct moth_arena {
    struct moth_arena_block *blocks;
};
void *moth_arena_take(struct moth_arena *arena, size_t size); /* zeroed; aborts when memory is out */
char *moth_arena_text(struct moth_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
void moth_arena_fini(struct moth_arena *arena);

enum moth_entry_kind { MOTH_ENTRY_VARIABLE, MOTH_ENTRY_FUNCTION, MOTH_ENTRY_TYPE, MOTH_ENTRY_ENUMERATOR };

/* One name of the debug information. */
struct moth_entry {
    const char *name; /* qualified */
    const char *unit; /* the source file's name, or NULL */
    Dwarf_Die die;
    Dwarf_Addr bias;
    uint8_t kind; /* enum moth_entry_kind */
    bool declaration, external;
};

/* One name of an ELF symbol table. */
struct moth_elf_symbol {
    const char *name;      /* as it is there */
    const char *demangled; /* NULL: it is not mangled */
    uint64_t address, size;
    bool function, exported, tls;
};

struct moth_symbols_module {
    struct moth_symbols *symbols;
    Dwfl_Module *dwfl;
    const char *name, *path;
    uint64_t start, end;
    char build_id[41];
    bool program, gone, looked, indexed, symbols_read;
    struct moth_entry *entries; /* by name */
    size_t n_entries, room;
    struct moth_entry **by_die; /* the same, by where the DIE lies */
    const char **inlines;       /* qualified names of inline namespaces */
    size_t n_inlines;
    struct moth_elf_symbol *elf; /* by name */
    size_t n_elf;
};

/* What has been read of one type's DIE. */
struct moth_type {
    struct moth_symbols *symbols;
    enum moth_type_kind kind;
    bool reference, counted, members_read, enumerators_read, target_read, c_plus_plus;
    uint64_t size, count;
    const char *name;
    Dwarf_Die die; /* of the type itself, without typedefs; addr NULL: built in */
    Dwarf_Die target_die;
    bool has_target_die;
    unsigned dimension; /* of an array's DIE: which of its dimensions this is */
    const struct moth_type *target;
    struct moth_field *members;
    struct moth_enumerator *enumerators;
    size_t n_members, n_enumerators;
    struct moth_type *pointer_to; /* made when asked for */
    struct moth_type *next;       /* in its bucket */
    const void *key;              /* the DIE it was asked for by */
};

#define MOTH_TYPE_BUCKETS 4096u

struct moth_symbols {
    Dwfl *dwfl;
    pid_t pid;
    uint64_t thread_pointer; /* of the main thread; 0: not known */
    char *debug_path; /* for libdwfl */
    char **debug_dirs;
    size_t n_debug_dirs;
    struct moth_symbols_module **modules; /* the program first */
    size_t n_modules, room;
    struct moth_type *types[MOTH_TYPE_BUCKETS];
    struct moth_arena arena;
};

/* ---- modules.c ---- */
bool moth_module_matches(const struct moth_symbols_module *module, const char *name);
/* Libraries of the system are no part of the game. */
bool moth_module_is_games(const struct moth_symbols_module *module);

/* ---- index.c ---- */
/* Read the names, once; whether there is debug information. */
bool moth_module_index(struct moth_symbols_module *module);
/* Entries of a name: the first and how many. */
struct moth_entry *moth_module_entries(struct moth_symbols_module *module, const char *name, size_t *n);
/* The entry of a DIE, or NULL. */
const struct moth_entry *moth_module_entry_of(struct moth_symbols_module *module, const Dwarf_Die *die);
const struct moth_entry *moth_symbols_entry_of(struct moth_symbols *symbols, const Dwarf_Die *die);
const char *moth_die_name(Dwarf_Die *die);

/* ---- near.c ---- */
/* Another spelling of a name that was not found, or NULL: with the spaces that compilers put into a template's
 * arguments, or with the inline namespaces that it lies in. */
const char *moth_symbols_respell(struct moth_symbols *symbols, const char *name);
/* Into err: that there is no such `what`, and what comes near it. */
void moth_symbols_not_found(struct moth_symbols *symbols, const char *what, enum moth_entry_kind kind, const char *name,
                            const char *module, struct moth_err *err);

/* ---- elf.c ---- */
void moth_module_read_elf(struct moth_symbols_module *module);
/* A variable, by its name in the table or demangled. */
const struct moth_elf_symbol *moth_module_elf(struct moth_symbols_module *module, const char *name);
/* Functions likewise, demangled with any parameters, one after the other: `at` begins with 0. Copies that compilers have changed are
 * left out. */
const struct moth_elf_symbol *moth_module_elf_function(struct moth_symbols_module *module, const char *name, size_t *at);
/* Is the function that begins there only a changed copy, or a part, of the one that was written? */
bool moth_module_is_clone(struct moth_symbols_module *module, uint64_t address);

/* ---- types.c ---- */
/* NULL: void. */
const struct moth_type *moth_type_of_die(struct moth_symbols *symbols, Dwarf_Die *die);
/* What DW_AT_type of `die` says; NULL: void. */
const struct moth_type *moth_type_of(struct moth_symbols *symbols, Dwarf_Die *die);
const struct moth_type *moth_type_pointer(struct moth_symbols *symbols, const struct moth_type *target);
const struct moth_type *moth_type_array(struct moth_symbols *symbols, const struct moth_type *target, uint64_t count);
/* ---- virtual.c ---- */
/* The virtual base that has a member of this name: the object at `offset` begins with a pointer to its table, and
 * `before` bytes in front of that stands how far from that object the base lies. */
struct moth_virtual_base {
    uint64_t offset, before;
    const struct moth_type *type;
};
bool moth_type_virtual_base(const struct moth_type *type, const char *name, struct moth_virtual_base *found);
/* ---- builtin.c ---- */
const struct moth_type *moth_type_builtin(const char *name, size_t length);

#endif
