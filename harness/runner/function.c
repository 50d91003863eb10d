/* SPDX-License-Identifier: MIT */
#include "runner/function.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "symbols/symbols.h"

#define CANDIDATES_MAX 16

struct moth_symbols *moth_function_symbols(struct moth_symbols **symbols, pid_t pid, struct moth_err *err)
{
    if (*symbols == NULL)
        *symbols = moth_symbols_open(pid, NULL, err);
    else if (moth_symbols_refresh(*symbols, pid, err) != 0)
        return NULL;
    return *symbols;
}

void moth_function_symbols_close(struct moth_symbols *symbols)
{
    moth_symbols_close(symbols);
}

/* ---- signatures from debug information ---- */

struct spelling {
    char text[MOTH_CALL_TEXT_BYTES];
    size_t n;
    bool good;
};

static void put(struct spelling *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct spelling *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out->text + out->n, sizeof out->text - out->n, format, args);
    va_end(args);
    out->good = out->good && n >= 0 && out->n + (size_t)n < sizeof out->text;
    out->n += out->good ? (size_t)n : 0;
}

static void spell_type(struct spelling *out, const struct moth_type *type, unsigned depth);

/* Members one after the other; bitfields, and classes that have more to them than members, cannot be passed. */
static void spell_struct(struct spelling *out, const struct moth_type *type, unsigned depth)
{
    size_t n;
    const struct moth_field *members = moth_type_members(type, &n);
    out->good = out->good && n > 0;
    put(out, "{");
    for (size_t i = 0; i < n && out->good; i++) {
        const struct moth_field *member = &members[i];
        const struct moth_type *of = member->type;
        uint64_t count = 0;
        bool array = moth_type_kind(of) == MOTH_TYPE_ARRAY;
        if (member->bit_size > 0 || (member->name && strncmp(member->name, "_vptr", 5) == 0) ||
            (array && !moth_type_count(of, &count)))
            out->good = false;
        if (i > 0)
            put(out, ",");
        spell_type(out, array ? moth_type_target(of) : of, depth + 1);
        if (member->name && strlen(member->name) < MOTH_CALL_MEMBER_BYTES)
            put(out, " %s", member->name);
        if (array)
            put(out, "[%llu]", (unsigned long long)count);
    }
    put(out, "}");
}

static void spell_type(struct spelling *out, const struct moth_type *type, unsigned depth)
{
    enum moth_type_kind kind = type ? moth_type_kind(type) : MOTH_TYPE_VOID;
    if (kind == MOTH_TYPE_ENUM)
        type = moth_type_target(type);
    if (kind == MOTH_TYPE_ENUM)
        kind = type ? moth_type_kind(type) : MOTH_TYPE_SIGNED;
    unsigned bits = type ? (unsigned)moth_type_size(type) * 8 : 32;
    switch (kind) {
    case MOTH_TYPE_VOID:
        put(out, "void");
        break;
    case MOTH_TYPE_BOOL:
        put(out, "bool");
        break;
    case MOTH_TYPE_CHAR:
        put(out, "char");
        out->good = out->good && bits == 8;
        break;
    case MOTH_TYPE_SIGNED:
    case MOTH_TYPE_UNSIGNED:
        put(out, "%c%u", kind == MOTH_TYPE_SIGNED ? 'i' : 'u', bits);
        break;
    case MOTH_TYPE_FLOAT:
        put(out, "f%u", bits);
        break;
    case MOTH_TYPE_POINTER: {
        const struct moth_type *target = moth_type_target(type);
        bool text = target && moth_type_kind(target) == MOTH_TYPE_CHAR && !moth_type_is_reference(type);
        put(out, text ? "char*" : "void*");
        break;
    }
    case MOTH_TYPE_STRUCT:
        if (depth < 4)
            spell_struct(out, type, depth);
        else
            out->good = false;
        break;
    default:
        out->good = false;
        break;
    }
}

/* What debug information says of a function, as a signature; false: it says nothing, or what cannot be called. */
static bool signature_of(const struct moth_function *function, const char *name,
                         struct moth_call_signature *signature)
{
    struct spelling out = {.good = function->typed};
    char problem[160];
    put(&out, "%s(", name);
    for (size_t i = 0; i < function->n_params && out.good; i++) {
        put(&out, "%s", i > 0 ? "," : "");
        spell_type(&out, function->params[i], 0);
    }
    put(&out, ")");
    if (out.good)
        spell_type(&out, function->result, 0);
    return out.good && moth_call_parse(out.text, signature, problem, sizeof problem) == 0;
}

/* ---- which function ---- */

static unsigned bytes_of(uint8_t type)
{
    static const uint8_t bytes[] = {[MOTH_CALL_BOOL] = 1, [MOTH_CALL_I8] = 1,  [MOTH_CALL_U8] = 1,
                                    [MOTH_CALL_I16] = 2,  [MOTH_CALL_U16] = 2, [MOTH_CALL_I32] = 4,
                                    [MOTH_CALL_U32] = 4,  [MOTH_CALL_I64] = 8, [MOTH_CALL_U64] = 8};
    return type < sizeof bytes ? bytes[type] : 0;
}

/* Passed in the same way, whatever it is called. */
static bool alike(uint8_t a, uint8_t b)
{
    if (a == b || (bytes_of(a) > 0 && bytes_of(a) == bytes_of(b)))
        return true;
    bool a_points = a == MOTH_CALL_STRING || a == MOTH_CALL_POINTER;
    bool b_points = b == MOTH_CALL_STRING || b == MOTH_CALL_POINTER;
    return (a_points && b_points) || (a_points && bytes_of(b) == 8) || (b_points && bytes_of(a) == 8);
}

static bool fits(const struct moth_call_signature *asked, const struct moth_call_signature *has, bool variadic)
{
    unsigned i = asked->nodes[0].end, j = has->nodes[0].end;
    for (; i < asked->n_nodes && j < has->n_nodes; i++, j++)
        if (!alike(asked->nodes[i].type, has->nodes[j].type))
            return false;
    return j == has->n_nodes && (i == asked->n_nodes || variadic);
}

/* ---- what the symbol of a C++ function says ---- */

/* The parameter that begins at *at, "char const*", and on to the next one. False: there is none. */
static bool next_param(const char **at, char *param, size_t size)
{
    const char *from = *at + strspn(*at, " "), *to = from;
    for (int deep = 0; *to && (deep > 0 || (*to != ',' && *to != ')')); to++)
        deep += (*to == '<' || *to == '(' || *to == '[') - (*to == '>' || *to == ')' || *to == ']');
    snprintf(param, size, "%.*s", (int)(to - from), from);
    *at = *to ? to + 1 : to;
    return to > from && strcmp(param, "void") != 0;
}

/* Can a value of this node be what the symbol calls `param`? Of the game's own types only pointers are known. */
static bool may_be(uint8_t type, const char *param)
{
    struct moth_call_signature has;
    char text[MOTH_CALL_NAME_BYTES + 8], problem[160];
    size_t n = strlen(param);
    bool address = n > 0 && (param[n - 1] == '*' || param[n - 1] == '&');
    snprintf(text, sizeof text, "f(%s)", param);
    if (moth_call_parse(text, &has, problem, sizeof problem) == 0 && has.n_params == 1)
        return alike(type, has.nodes[1].type);
    return !address || alike(type, MOTH_CALL_POINTER);
}

/* Symbols do not say `this`: of a member function what follows the first pointer is held against them. */
static bool fits_symbol(const struct moth_call_signature *asked, const char *symbol)
{
    const char *begin = strchr(symbol, '(');
    if (!begin || strncmp(begin, "(anonymous", 10) == 0 || strstr(symbol, "operator"))
        return true;
    for (unsigned object = 0; object < 2; object++) {
        const char *at = begin + 1;
        char param[MOTH_CALL_NAME_BYTES];
        unsigned node = asked->nodes[0].end, last = asked->n_nodes;
        if (object && (node >= last || !alike(asked->nodes[node].type, MOTH_CALL_POINTER)))
            break;
        node = object ? asked->nodes[node].end : node;
        bool good = true, more = next_param(&at, param, sizeof param);
        for (; good && more && node < last; node = asked->nodes[node].end, more = next_param(&at, param, sizeof param)) {
            if (strcmp(param, "...") == 0)
                return true;
            good = may_be(asked->nodes[node].type, param);
        }
        if (good && node >= last && (!more || strcmp(param, "...") == 0))
            return true;
    }
    return false;
}

static int says_otherwise(const struct moth_function *function, size_t n, const char *name, struct moth_err *err)
{
    struct moth_call_signature signature;
    char text[200] = "";
    if (function->symbol && n == 1)
        return moth_err_set(err, MOTH_ERR_USAGE, "by its symbol it is %s", function->symbol);
    if (function->symbol)
        return moth_err_set(err, MOTH_ERR_USAGE, "by their symbols there are %zu functions '%s', and none takes this", n,
                            name);
    if (n == 1 && signature_of(function, name, &signature) && moth_call_spell(&signature, text, sizeof text) == 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "by its debug information it is %s", text);
    return moth_err_set(err, MOTH_ERR_USAGE, "by its debug information there are %zu functions '%s', and none takes this",
                        n, name);
}

/* The one that takes what the call gives it. */
int moth_function_find(struct moth_symbols *symbols, const struct moth_call_signature *asked, uint64_t *address,
                       struct moth_err *err)
{
    struct moth_function found[CANDIDATES_MAX];
    size_t n = moth_symbols_functions(symbols, asked->name, NULL, found, CANDIDATES_MAX, err);
    if (n == 0)
        return -1;
    size_t chosen = SIZE_MAX, n_fit = 0;
    for (size_t i = 0; i < n && i < CANDIDATES_MAX; i++) {
        struct moth_call_signature has;
        if (found[i].symbol ? !fits_symbol(asked, found[i].symbol)
                            : signature_of(&found[i], asked->name, &has) && !fits(asked, &has, found[i].variadic))
            continue;
        if (n_fit == 0 || found[i].address != found[chosen].address)
            n_fit++;
        chosen = n_fit == 1 ? i : chosen;
    }
    if (n_fit == 0)
        return says_otherwise(found, n, asked->name, err);
    if (n_fit > 1)
        return moth_err_set(err, MOTH_ERR_USAGE, "there are %zu functions '%s' that take this", n_fit, asked->name);
    *address = found[chosen].address;
    return 0;
}

int moth_function_signature(struct moth_symbols *symbols, const char *name, char *text, size_t size,
                            struct moth_err *err)
{
    struct moth_function found[CANDIDATES_MAX];
    struct moth_call_signature signature;
    size_t n = moth_symbols_functions(symbols, name, NULL, found, CANDIDATES_MAX, err);
    if (n == 0)
        return -1;
    if (n > 1)
        return moth_err_set(err, MOTH_ERR_USAGE, "there are %zu functions '%s': give the signature of the one that is meant",
                            n, name);
    if (!found[0].typed && found[0].n_params == MOTH_FUNCTION_PARAMS_MAX)
        return moth_err_set(err, MOTH_ERR_USAGE, "'%s' takes more than %d arguments: give its signature", name,
                            MOTH_FUNCTION_PARAMS_MAX);
    if (!found[0].typed)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "there is no debug information on '%s': give its signature, as in \"%s(int,float)int\"", name,
                            name);
    if (found[0].variadic)
        return moth_err_set(err, MOTH_ERR_USAGE, "'%s' takes what it is given: give the signature it is called with", name);
    if (!signature_of(&found[0], name, &signature) || moth_call_spell(&signature, text, size) != 0)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "'%s' takes or returns what cannot be passed (a union, a bitfield, a class with more than "
                            "members, or long double)",
                            name);
    return 0;
}
