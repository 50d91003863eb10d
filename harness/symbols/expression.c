/* SPDX-License-Identifier: MIT */
#include "symbols/expression.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct parser {
    struct moth_expression *out;
    const struct moth_expression_names *names;
    const char *text, *at, *end; /* end: where the type begins */
    struct moth_err *err;
    unsigned depth;
    bool failed;
};

static int parse_expr(struct parser *p);

static int fail(struct parser *p, const char *what)
{
    if (!p->failed && *p->at && p->at < p->end)
        moth_err_set(p->err, MOTH_ERR_USAGE, "%s at '%.32s'", what, p->at);
    else if (!p->failed)
        moth_err_set(p->err, MOTH_ERR_USAGE, "%s at the end", what);
    p->failed = true;
    return -1;
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t'))
        p->at++;
}

static bool take(struct parser *p, const char *sign)
{
    skip_space(p);
    size_t n = strlen(sign);
    if ((size_t)(p->end - p->at) < n || strncmp(p->at, sign, n) != 0)
        return false;
    p->at += n;
    return true;
}

static const char *keep(struct parser *p, const char *text, size_t length)
{
    struct moth_expression *out = p->out;
    if (length + 1 > sizeof out->pool - out->used)
        return NULL;
    char *to = out->pool + out->used;
    memcpy(to, text, length);
    to[length] = '\0';
    out->used += length + 1;
    return to;
}

static int add(struct parser *p, struct moth_expression_node node)
{
    if (p->failed)
        return -1;
    if (p->out->n == MOTH_EXPRESSION_NODES_MAX)
        return fail(p, "too long an expression");
    p->out->nodes[p->out->n] = node;
    return (int)p->out->n++;
}

static int with_operand(struct parser *p, enum moth_node_kind kind, int a)
{
    return a < 0 ? -1 : add(p, (struct moth_expression_node){.kind = kind, .a = (uint8_t)a});
}

/* ---- words ---- */

static bool is_word_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == '$' || c == '~';
}

static bool is_word(char c)
{
    return is_word_start(c) || isdigit((unsigned char)c);
}

/* Letters that file names have beyond those of words; a "->" ends one. */
static bool is_file(const char *at)
{
    return is_word(*at) || *at == '.' || *at == '+' || (*at == '-' && at[1] != '>');
}

static const char *end_of_template(const char *at, const char *end)
{
    unsigned depth = 0;
    for (; at < end; at++) {
        depth += *at == '<';
        if (*at == '>' && --depth == 0)
            return at + 1;
    }
    return NULL;
}

/* "src/file.c::": how many bytes, 0 when none stands here. */
static size_t file_scope(const struct parser *p)
{
    const char *at = p->at;
    bool dot = false;
    while (at < p->end && (is_file(at) || *at == '/')) {
        dot = dot || *at == '.';
        at++;
    }
    return dot && p->end - at > 2 && strncmp(at, "::", 2) == 0 ? (size_t)(at - p->at) + 2 : 0;
}

static const char *end_of_name(const struct parser *p)
{
    static const char anonymous[] = "(anonymous namespace)::";
    const char *at = p->at + file_scope(p);
    while (at < p->end) {
        if (strncmp(at, anonymous, sizeof anonymous - 1) == 0) {
            at += sizeof anonymous - 1;
            continue;
        }
        if (!is_word_start(*at))
            break;
        while (at < p->end && is_word(*at))
            at++;
        const char *after = at < p->end && *at == '<' ? end_of_template(at, p->end) : at;
        if (!after || after > p->end)
            break;
        at = after;
        if (p->end - at < 3 || strncmp(at, "::", 2) != 0 || !(is_word_start(at[2]) || at[2] == '('))
            break;
        at += 2;
    }
    return at;
}

/* ---- modules ---- */

static bool is_module(const struct parser *p, const char *name, size_t length)
{
    return p->names && p->names->is_module && length > 0 && p->names->is_module(p->names->context, name, length);
}

/* Where "+0x10" begins in what looks like a file's name, or its end. */
static bool is_offset(const char *at, const char *end)
{
    if (*at != '+' || at + 1 >= end || !isdigit((unsigned char)at[1]))
        return false;
    at++;
    size_t digits = at + 2 < end && at[0] == '0' && (at[1] == 'x' || at[1] == 'X') ? 2 : 0;
    at += digits;
    while (at < end && (digits ? isxdigit((unsigned char)*at) : isdigit((unsigned char)*at)))
        at++;
    return at == end || !is_file(at);
}

static const char *quoted(struct parser *p)
{
    const char *begin = p->at, *close = memchr(begin, '"', (size_t)(p->end - begin));
    if (!close || close == begin) {
        fail(p, "a module's name without its second '\"'");
        return NULL;
    }
    p->at = close + 1;
    return keep(p, begin, (size_t)(close - begin));
}

/* Behind "@": the longest name that is one of a module; where none is loaded, what looks like one. */
static const char *parse_module(struct parser *p)
{
    if (take(p, "\""))
        return quoted(p);
    const char *run = p->at, *cut = NULL;
    while (run < p->end && is_file(run) && !is_offset(run, p->end))
        run++;
    for (const char *at = run; at > p->at && !cut; at--)
        if ((at == run || *at == '.') && is_module(p, p->at, (size_t)(at - p->at)))
            cut = at;
    for (const char *at = p->at; at < run && !cut; at++)
        if (strncmp(at, ".so", 3) == 0) {
            cut = at + 3;
            while (cut < run && (*cut == '.' || isdigit((unsigned char)*cut)) && isdigit((unsigned char)cut[*cut == '.']))
                cut++;
        }
    if (!cut)
        for (cut = p->at; cut < run && *cut != '.'; cut++)
            continue;
    if (cut == p->at) {
        fail(p, "'@' needs a module's name behind it");
        return NULL;
    }
    const char *name = keep(p, p->at, (size_t)(cut - p->at));
    p->at = cut;
    return name;
}

/* A module's name that begins here, with "+number" behind: its length, or 0. */
static size_t leading_module(const struct parser *p)
{
    const char *at = p->at;
    for (; at < p->end && is_file(at); at++)
        if (at > p->at && is_offset(at, p->end) && is_module(p, p->at, (size_t)(at - p->at)))
            return (size_t)(at - p->at);
    return 0;
}

/* ---- the grammar ---- */

static bool parse_number(struct parser *p, int64_t *number)
{
    skip_space(p);
    char *end;
    if (p->at >= p->end || !isdigit((unsigned char)*p->at))
        return false;
    errno = 0;
    unsigned long long value = strtoull(p->at, &end, 0);
    if (errno != 0 || end > p->end || is_word(*end))
        return false;
    p->at = end;
    *number = (int64_t)value;
    return true;
}

static int parse_name(struct parser *p)
{
    const char *end = end_of_name(p);
    if (end == p->at)
        return fail(p, "a name is missing");
    struct moth_expression_node node = {.kind = MOTH_NODE_NAME, .text = keep(p, p->at, (size_t)(end - p->at))};
    p->at = end;
    if (node.text && take(p, "@"))
        node.module = parse_module(p);
    return p->failed ? -1 : node.text ? add(p, node) : fail(p, "too long an expression");
}

static int parse_primary(struct parser *p)
{
    int64_t number;
    skip_space(p);
    size_t length = leading_module(p);
    if (length > 0) {
        const char *module = keep(p, p->at, length);
        p->at += length;
        return add(p, (struct moth_expression_node){.kind = MOTH_NODE_MODULE, .module = module});
    }
    if (take(p, "\"")) {
        const char *module = quoted(p);
        return p->failed ? -1 : add(p, (struct moth_expression_node){.kind = MOTH_NODE_MODULE, .module = module});
    }
    if (take(p, "[")) {
        int inner = parse_expr(p);
        if (inner >= 0 && !take(p, "]"))
            return fail(p, "']' is missing");
        return with_operand(p, MOTH_NODE_POINTER, inner);
    }
    if (p->end - p->at > 1 && *p->at == '(' && strncmp(p->at, "(anonymous namespace)", 21) != 0) {
        p->at++;
        int inner = parse_expr(p);
        return inner >= 0 && !take(p, ")") ? fail(p, "')' is missing") : inner;
    }
    if (p->at < p->end && isdigit((unsigned char)*p->at) && file_scope(p) == 0) {
        if (!parse_number(p, &number))
            return fail(p, "this is no number");
        return add(p, (struct moth_expression_node){.kind = MOTH_NODE_NUMBER, .number = number});
    }
    take(p, "::");
    return parse_name(p);
}

static int parse_member(struct parser *p, int of)
{
    skip_space(p);
    const char *begin = p->at;
    while (p->at < p->end && is_word(*p->at))
        p->at++;
    if (p->at == begin)
        return fail(p, "a member's name is missing");
    if (p->at - begin == 4 && p->end - p->at >= 2 && strncmp(begin, "size()", 6) == 0)
        p->at += 2; /* of a container: the one call that is known */
    const char *name = keep(p, begin, (size_t)(p->at - begin));
    return add(p, (struct moth_expression_node){.kind = MOTH_NODE_MEMBER, .a = (uint8_t)of, .text = name});
}

static int parse_postfix(struct parser *p)
{
    int node = parse_primary(p);
    while (node >= 0) {
        if (take(p, "->") || take(p, ".")) {
            node = parse_member(p, node);
        } else if (take(p, "[")) {
            int index = parse_expr(p);
            if (index < 0)
                return -1;
            if (!take(p, "]"))
                return fail(p, "']' is missing");
            node = add(p, (struct moth_expression_node){.kind = MOTH_NODE_INDEX, .a = (uint8_t)node, .b = (uint8_t)index});
        } else {
            break;
        }
    }
    return node;
}

/* "(struct player *)p" and not "(p)": a type has a "*", or something that can be cast behind it. */
static size_t cast_length(const struct parser *p)
{
    const char *close = p->at + 1;
    while (close < p->end && (is_word(*close) || strchr(" *:", *close)))
        close++;
    if (*p->at != '(' || close >= p->end || *close != ')' || close == p->at + 1)
        return 0;
    const char *after = close + 1;
    while (after < p->end && *after == ' ')
        after++;
    bool operand = after < p->end && (is_word(*after) || *after == '*' || *after == '&' || *after == '(');
    return operand ? (size_t)(close - p->at - 1) : 0;
}

static int parse_unary(struct parser *p)
{
    if (++p->depth > MOTH_EXPRESSION_DEPTH_MAX)
        return fail(p, "too deep an expression");
    int node;
    skip_space(p);
    size_t cast = p->at < p->end ? cast_length(p) : 0;
    if (cast > 0) {
        const char *type = keep(p, p->at + 1, cast);
        p->at += cast + 2;
        int operand = parse_unary(p);
        node = operand < 0 || !type
                   ? -1
                   : add(p, (struct moth_expression_node){.kind = MOTH_NODE_CAST, .a = (uint8_t)operand, .text = type});
    } else if (take(p, "*")) {
        node = with_operand(p, MOTH_NODE_DEREF, parse_unary(p));
    } else if (take(p, "&")) {
        node = with_operand(p, MOTH_NODE_ADDRESS, parse_unary(p));
    } else {
        node = parse_postfix(p);
    }
    p->depth--;
    return node;
}

static int parse_expr(struct parser *p)
{
    if (++p->depth > MOTH_EXPRESSION_DEPTH_MAX)
        return fail(p, "too deep an expression");
    int node = parse_unary(p);
    for (bool minus; node >= 0 && ((minus = take(p, "-")) || take(p, "+"));) {
        int64_t number;
        if (!parse_number(p, &number))
            return fail(p, "'+' and '-' need a number behind them");
        number = minus ? (int64_t)(0 - (uint64_t)number) : number;
        node = add(p, (struct moth_expression_node){.kind = MOTH_NODE_OFFSET, .a = (uint8_t)node, .number = number});
    }
    p->depth--;
    return node;
}

/* The first ":" that is no part of "::". */
static const char *find_type(const char *text)
{
    bool quote = false;
    for (const char *at = text; *at; at++) {
        quote ^= *at == '"';
        if (*at != ':' || quote)
            continue;
        if (at[1] != ':')
            return at;
        at++;
    }
    return NULL;
}

int moth_expression_parse(struct moth_expression *expression, const char *text,
                          const struct moth_expression_names *names, struct moth_err *err)
{
    struct parser p = {.out = expression, .names = names, .text = text, .at = text, .err = err};
    size_t length = strlen(text);
    expression->n = expression->used = 0;
    expression->type = NULL;
    if (length > MOTH_EXPRESSION_BYTES_MAX)
        return moth_err_set(err, MOTH_ERR_USAGE, "longer than %u bytes", MOTH_EXPRESSION_BYTES_MAX);
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' && *at != '\t')
            return moth_err_set(err, MOTH_ERR_USAGE, "it has a control character in it");
    const char *type = find_type(text);
    p.end = type ? type : text + length;
    if (type) {
        type += 1 + strspn(type + 1, " \t");
        size_t n = strlen(type);
        while (n > 0 && (type[n - 1] == ' ' || type[n - 1] == '\t'))
            n--;
        if (n == 0)
            return moth_err_set(err, MOTH_ERR_USAGE, "a type is missing behind ':' ('%s' wants one, like score:int)", text);
        expression->type = keep(&p, type, n);
    }
    int root = parse_expr(&p);
    skip_space(&p);
    if (root >= 0 && p.at < p.end)
        return fail(&p, "something that is not understood");
    if (root < 0)
        return p.failed ? -1 : fail(&p, "too long an expression");
    expression->root = (uint8_t)root;
    return 0;
}

const char *moth_expression_split(const char *pair, char *name, struct moth_err *err)
{
    const char *equals = strchr(pair, '='), *at = strchr(pair, '@'), *colon = strchr(pair, ':');
    const size_t most = MOTH_EXPRESSION_LABEL_MAX;
    size_t n = equals ? (size_t)(equals - pair) : 0;
    const char *expression = equals ? equals + 1 : NULL;
    if (!equals && at && colon && colon > at) { /* hp@score:int names itself */
        n = (size_t)(at - pair);
        expression = pair;
    }
    if (!expression || n == 0 || n > most || expression[strspn(expression, " ")] == '\0') {
        moth_err_set(err, MOTH_ERR_USAGE, "'%s' is no watch: NAME=EXPRESSION, like hp=player.health", pair);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (!(pair[i] == '_' || pair[i] == '.' || (pair[i] >= '0' && pair[i] <= '9') ||
              (moth_str_lower(pair[i]) >= 'a' && moth_str_lower(pair[i]) <= 'z'))) {
            moth_err_set(err, MOTH_ERR_USAGE, "'%s': a watch's name has letters, digits, '_' and '.'", pair);
            return NULL;
        }
    memcpy(name, pair, n);
    name[n] = '\0';
    return expression;
}
