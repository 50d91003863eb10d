/* SPDX-License-Identifier: MIT
 *
 * Types by name: those that need no debug information, and what is made of types with "*" and "[N]".
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "symbols/inside.h"

#define BUILTIN(n, k, s) {.name = n, .kind = MOTH_TYPE_##k, .size = s, .target_read = true}

static const struct moth_type builtins[] = {
    BUILTIN("i8", SIGNED, 1),       BUILTIN("i16", SIGNED, 2),       BUILTIN("i32", SIGNED, 4),
    BUILTIN("i64", SIGNED, 8),      BUILTIN("u8", UNSIGNED, 1),      BUILTIN("u16", UNSIGNED, 2),
    BUILTIN("u32", UNSIGNED, 4),    BUILTIN("u64", UNSIGNED, 8),     BUILTIN("f32", FLOAT, 4),
    BUILTIN("f64", FLOAT, 8),       BUILTIN("bool", BOOL, 1),        BUILTIN("char", CHAR, 1),
    BUILTIN("str", TEXT, 0),        BUILTIN("short", SIGNED, 2),     BUILTIN("int", SIGNED, 4),
    BUILTIN("long", SIGNED, 8),     BUILTIN("long long", SIGNED, 8), BUILTIN("signed char", SIGNED, 1),
    BUILTIN("float", FLOAT, 4),     BUILTIN("double", FLOAT, 8),     BUILTIN("long double", FLOAT, 16),
    BUILTIN("size_t", UNSIGNED, 8), BUILTIN("ssize_t", SIGNED, 8),   BUILTIN("unsigned char", UNSIGNED, 1),
    BUILTIN("int8_t", SIGNED, 1),   BUILTIN("int16_t", SIGNED, 2),   BUILTIN("unsigned short", UNSIGNED, 2),
    BUILTIN("int32_t", SIGNED, 4),  BUILTIN("int64_t", SIGNED, 8),   BUILTIN("unsigned int", UNSIGNED, 4),
    BUILTIN("uint8_t", UNSIGNED, 1), BUILTIN("uint16_t", UNSIGNED, 2), BUILTIN("unsigned long", UNSIGNED, 8),
    BUILTIN("uint32_t", UNSIGNED, 4), BUILTIN("uint64_t", UNSIGNED, 8), BUILTIN("unsigned long long", UNSIGNED, 8),
    BUILTIN("intptr_t", SIGNED, 8), BUILTIN("uintptr_t", UNSIGNED, 8), BUILTIN("_Bool", BOOL, 1),
    BUILTIN("ptr", POINTER, 8),     BUILTIN("void *", POINTER, 8),
};

const struct moth_type *moth_type_builtin(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (strlen(builtins[i].name) == length && strncmp(builtins[i].name, name, length) == 0)
            return &builtins[i];
    return NULL;
}

/* ---- "unsigned int", "const struct player" in one spelling ---- */

struct words {
    unsigned longs;
    bool is_unsigned, is_signed, is_short, is_char, is_int, is_double, other;
    char name[MOTH_SYMBOLS_NAME_MAX]; /* what is none of these */
};

static bool take_word(struct words *words, const char *word, size_t n)
{
    static const char *const ignored[] = {"const", "volatile", "struct", "class", "union", "enum"};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (strlen(ignored[i]) == n && strncmp(word, ignored[i], n) == 0)
            return true;
#define IS(text) (n == sizeof text - 1 && strncmp(word, text, n) == 0)
    if (IS("long"))
        words->longs++;
    else if (IS("unsigned"))
        words->is_unsigned = true;
    else if (IS("signed"))
        words->is_signed = true;
    else if (IS("short"))
        words->is_short = true;
    else if (IS("char"))
        words->is_char = true;
    else if (IS("int"))
        words->is_int = true;
    else if (IS("double"))
        words->is_double = true;
    else if (words->other || n >= sizeof words->name)
        return false;
    else
        words->other = true, memcpy(words->name, word, n), words->name[n] = '\0';
#undef IS
    return true;
}

/* The canonical name into words->name. False: no type is written so. */
static bool canonical(struct words *words)
{
    bool number = words->longs || words->is_unsigned || words->is_signed || words->is_short || words->is_char ||
                  words->is_int || words->is_double;
    if (words->other)
        return !number;
    const char *core = words->is_double                   ? (words->longs ? "long double" : "double")
                       : words->is_char                   ? "char"
                       : words->is_short                  ? "short"
                       : words->longs > 1                 ? "long long"
                       : words->longs                     ? "long"
                       : number                           ? "int"
                                                          : NULL;
    if (!core || words->longs > 2 || (words->is_unsigned && (words->is_signed || words->is_double)))
        return false;
    bool marked = words->is_unsigned || (words->is_signed && words->is_char);
    snprintf(words->name, sizeof words->name, "%s%s", !marked ? "" : words->is_unsigned ? "unsigned " : "signed ",
             core);
    return true;
}

/* Words up to "*", "[" or "&"; a template's arguments belong to its name. */
static const char *take_words(const char *at, struct words *words)
{
    *words = (struct words){0};
    for (;;) {
        at += strspn(at, " \t");
        const char *begin = at;
        unsigned nested = 0;
        while (isalnum((unsigned char)*at) || *at == '_' || *at == ':' || *at == '<' || (*at && nested > 0)) {
            nested += *at == '<';
            nested -= *at == '>' && nested > 0;
            at++;
        }
        if (at == begin)
            return canonical(words) ? at : NULL;
        if (!take_word(words, begin, (size_t)(at - begin)))
            return NULL;
    }
}

static const struct moth_type *find_in_game(struct moth_symbols *symbols, const char *name)
{
    for (size_t i = 0; symbols && i < symbols->n_modules; i++) {
        size_t n;
        struct moth_entry *entries = moth_module_entries(symbols->modules[i], name, &n);
        for (size_t j = 0; j < n; j++)
            if (entries[j].kind == MOTH_ENTRY_TYPE && !entries[j].declaration)
                return moth_type_of_die(symbols, &entries[j].die);
    }
    return NULL;
}

static int unknown_type(struct moth_symbols *symbols, const char *name, struct moth_err *err)
{
    const char *words[sizeof builtins / sizeof *builtins];
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        words[i] = builtins[i].name;
    const char *near = moth_str_nearest(name, words, sizeof words / sizeof *words);
    return moth_err_set(err, MOTH_ERR_USAGE, "no type '%s'%s%s%s (int, u8, i64, f32, double, bool, str, ptr%s)", name,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                        symbols ? ", or one of the game's" : "");
}

const struct moth_type *moth_symbols_type(struct moth_symbols *symbols, const char *name, struct moth_err *err)
{
    struct words words;
    const char *at = take_words(name, &words);
    const struct moth_type *type = at ? moth_type_builtin(words.name, strlen(words.name)) : NULL;
    if (at && !type)
        type = find_in_game(symbols, words.name);
    bool is_void = at && strcmp(words.name, "void") == 0;
    if (!type && !(is_void && *at == '*')) {
        unknown_type(symbols, at ? words.name : name, err);
        return NULL;
    }
    while (at && *at && symbols) {
        char *end;
        unsigned long long count;
        if (*at == '*' || *at == '&') {
            type = moth_type_pointer(symbols, type);
            at++;
        } else if (*at == '[' && type && isdigit((unsigned char)at[1]) && (count = strtoull(at + 1, &end, 0), *end == ']') &&
                   count < (1u << 30)) {
            type = moth_type_array(symbols, type, count);
            at = end + 1;
        } else if (*at == ' ') {
            at++;
        } else {
            break;
        }
    }
    if (at && *at == '\0' && type)
        return type;
    moth_err_set(err, MOTH_ERR_USAGE, "'%s' is not how a type is written ('int', 'struct player *', 'u8[16]')", name);
    return NULL;
}
