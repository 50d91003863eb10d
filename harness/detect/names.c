/* SPDX-License-Identifier: MIT */
#include "detect/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define NAME_BYTES 512u
#define WORD_BYTES 24u

static const char anonymous[] = "(anonymous namespace)";

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---- what compilers append ---- */

/* "helper.1", "helper.avx2.0": nested functions, clones for processors. */
static void cut_numbers(char *name)
{
    for (size_t n = strlen(name); n > 1;) {
        size_t digits = n;
        while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
            digits--;
        if (digits == n || digits < 2 || name[digits - 1] != '.')
            return;
        n = digits - 1;
        name[n] = '\0';
    }
}

static void cut_tags(char *name)
{
    static const char tag[] = "[abi:";
    for (char *at = strstr(name, tag); at; at = strstr(name, tag)) {
        char *end = strchr(at, ']');
        if (!end)
            return;
        memmove(at, end + 1, strlen(end + 1) + 1);
    }
}

static void cut_clone_suffix(char *name)
{
    static const char *const suffixes[] = {" [clone",   ".constprop", ".isra",    ".part.", ".cold", ".lto_priv",
                                           ".llvm.",    ".localalias", ".avx",    ".arch_", ".sse4", ".default",
                                           ".resolver", ".ifunc",     "@plt",     "@@",     NULL};
    for (const char *const *suffix = suffixes; *suffix; suffix++) {
        char *at = strstr(name, *suffix);
        if (at && at != name)
            *at = '\0';
    }
    /* Rust's hash, which differs from build to build: "::h0123456789abcdef" */
    size_t length = strlen(name);
    if (length > 19 && strncmp(name + length - 19, "::h", 3) == 0 &&
        strspn(name + length - 16, "0123456789abcdef") == 16)
        name[length - 19] = '\0';
    cut_numbers(name);
    cut_tags(name);
}

/* ---- the return type ---- */

const char *moth_name_without_type(const char *name)
{
    const char *begin = name;
    int depth = 0;
    for (const char *at = name; *at; at++) {
        if (starts(at, anonymous)) {
            at += sizeof anonymous - 2;
        } else if (depth == 0 && starts(at, "operator") && (at == name || !isalnum((unsigned char)at[-1]))) {
            return begin;
        } else if (depth == 0 && *at == '(' && (at - name < 8 || !starts(at - 8, "decltype"))) {
            return begin;
        } else if (strchr("<({[", *at)) {
            depth++;
        } else if (strchr(">)}]", *at) && !(at > name && *at == '>' && at[-1] == '-')) {
            depth -= depth > 0;
        } else if (depth == 0 && *at == ' ') {
            begin = at[1] ? at + 1 : begin;
        }
    }
    return name; /* without arguments there is no type either */
}

/* ---- the name ---- */

/* " const", " &&": of a member function, between its arguments and what is declared in it. */
static size_t qualifiers(const char *at)
{
    static const char *const words[] = {" const", " volatile", " noexcept", " &&", " &", NULL};
    const char *begin = at;
    for (bool more = true; more;) {
        more = false;
        for (const char *const *word = words; *word && !more; word++) {
            if ((more = starts(at, *word)))
                at += strlen(*word);
        }
    }
    return (size_t)(at - begin);
}

/* Clang's "$_0" is what others call "{lambda()#1}"; its number changes with what stands before it. */
static bool is_lambda(const char *at)
{
    return at[0] == '$' && at[1] == '_' && isdigit((unsigned char)at[2]);
}

/* Copy a name without argument lists, template arguments and the numbers of lambdas and the like. */
static void copy_plain(const char *name, char *plain, size_t size)
{
    size_t n = 0;
    int depth = 0;
    for (const char *at = name; *at && n + 1 < size; at++) {
        bool operator_name = n >= 8 && strncmp(plain + n - 8, "operator", 8) == 0;
        if (depth == 0 && starts(at, anonymous)) {
            at += sizeof anonymous - 2;
            n += (size_t)snprintf(plain + n, size - n, "(anonymous)");
            n = n < size ? n : size - 1;
        } else if (depth == 0 && operator_name && starts(at, "()")) {
            at++;
        } else if (depth == 0 && operator_name && strchr("<>-", *at)) {
            while (*at && *at != '(' && n + 1 < size) /* operator<<, operator->, … */
                plain[n++] = *at++;
            at--;
        } else if (*at == '<' || *at == '(') {
            depth++;
        } else if (*at == '>' || *at == ')') {
            depth -= depth > 0;
            if (depth == 0 && *at == ')')
                at += qualifiers(at + 1);
        } else if (depth == 0 && (*at == '#' || is_lambda(at))) {
            bool clangs = *at == '$';
            n += (size_t)snprintf(plain + n, size - n, "%s", clangs ? "{lambda#}" : "#");
            n = n < size ? n : size - 1;
            at += clangs;
            while (isdigit((unsigned char)at[1]))
                at++;
        } else if (depth == 0) {
            plain[n++] = *at;
        }
    }
    plain[n] = '\0';
}

void moth_name_plain(const char *name, char *plain, size_t size)
{
    char copy[NAME_BYTES];
    snprintf(copy, sizeof copy, "%s", moth_name_without_type(name));
    cut_clone_suffix(copy);
    copy_plain(copy, plain, size);
    if (!plain[0]) /* all of it in parentheses: better as it is than not at all */
        snprintf(plain, size, "%s", name);
}

/* ---- handlers ---- */

static bool is_word(const char *word, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(word, *words) == 0)
            return true;
    }
    return false;
}

/* The next word of "Sys_ErrorExit", lower case: "sys", "error", "exit". Returns where it ends, or NULL. */
static const char *next_word(const char *at, char word[WORD_BYTES])
{
    while (*at && *at != '(' && !isalpha((unsigned char)*at))
        at++;
    size_t n = 0;
    for (; isalpha((unsigned char)*at); at++) {
        if (n > 0 && isupper((unsigned char)*at) && (islower((unsigned char)at[-1]) || islower((unsigned char)at[1])))
            break;
        if (n + 1 < WORD_BYTES)
            word[n++] = moth_str_lower(*at);
    }
    word[n] = '\0';
    return n > 0 ? at : NULL;
}

bool moth_name_is_handler(const char *name)
{
    static const char *const parts[] = {"assert", "panic", "fatal", "abort", NULL};
    static const char *const words[] = {"die",   "dies",  "bail", "bailout", "fail",        "fails", "failed", "failure",
                                        "error", "errorf", "trap", "crash",   "unreachable", "bug",   "oops",   NULL};
    char plain[NAME_BYTES], word[WORD_BYTES];
    moth_name_plain(name, plain, sizeof plain);
    for (const char *at = next_word(plain, word); at; at = next_word(at, word)) {
        if (is_word(word, words))
            return true;
    }
    for (char *at = plain; *at; at++)
        *at = moth_str_lower(*at);
    for (const char *const *part = parts; *part; part++) {
        if (strstr(plain, *part))
            return true;
    }
    return false;
}

bool moth_line_is_assertion(const char *line, size_t size)
{
    static const char *const what[] = {"check",  "verify",       "verification", "ensure", "expect", "invariant",
                                       "require", "precondition", "postcondition", "contract", NULL};
    static const char *const how[] = {"fail", "violat", "not met", "does not hold", NULL};
    char lower[NAME_BYTES];
    size_t n = size < sizeof lower - 1 ? size : sizeof lower - 1;
    for (size_t i = 0; i < n; i++)
        lower[i] = line[i] ? moth_str_lower(line[i]) : ' ';
    lower[n] = '\0';
    if (strstr(lower, "assert"))
        return true;
    bool is_check = false, failed = false;
    for (const char *const *word = what; *word; word++)
        is_check = is_check || strstr(lower, *word);
    for (const char *const *word = how; *word; word++)
        failed = failed || strstr(lower, *word);
    return is_check && failed;
}
