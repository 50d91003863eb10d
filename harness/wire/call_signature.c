/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/call.h"

struct parser {
    const char *at;
    struct moth_call_signature *signature;
    char *problem;
    size_t size;
    unsigned depth;
};

#define DEPTH_MAX 4u
#define ARRAY_MAX 64u

static int fail(struct parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct parser *parser, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(parser->problem, parser->size, format, args);
    va_end(args);
    return -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_spaces(struct parser *parser)
{
    while (is_space(*parser->at))
        parser->at++;
}

/* ---- types ---- */

static const struct {
    const char *name;
    uint8_t type;
} words[] = {
    {"void", MOTH_CALL_VOID},      {"bool", MOTH_CALL_BOOL},       {"_Bool", MOTH_CALL_BOOL},
    {"i8", MOTH_CALL_I8},          {"u8", MOTH_CALL_U8},           {"i16", MOTH_CALL_I16},
    {"u16", MOTH_CALL_U16},        {"i32", MOTH_CALL_I32},         {"u32", MOTH_CALL_U32},
    {"i64", MOTH_CALL_I64},        {"u64", MOTH_CALL_U64},         {"f32", MOTH_CALL_F32},
    {"f64", MOTH_CALL_F64},        {"float", MOTH_CALL_F32},       {"int8_t", MOTH_CALL_I8},
    {"uint8_t", MOTH_CALL_U8},     {"int16_t", MOTH_CALL_I16},     {"uint16_t", MOTH_CALL_U16},
    {"int32_t", MOTH_CALL_I32},    {"uint32_t", MOTH_CALL_U32},    {"int64_t", MOTH_CALL_I64},
    {"uint64_t", MOTH_CALL_U64},   {"size_t", MOTH_CALL_U64},      {"ssize_t", MOTH_CALL_I64},
    {"ptrdiff_t", MOTH_CALL_I64},  {"intptr_t", MOTH_CALL_I64},    {"uintptr_t", MOTH_CALL_U64},
    {"char16_t", MOTH_CALL_U16},   {"char32_t", MOTH_CALL_U32},    {"wchar_t", MOTH_CALL_I32},
    {"string", MOTH_CALL_STRING},  {"pointer", MOTH_CALL_POINTER}, {"Sint8", MOTH_CALL_I8},
    {"Uint8", MOTH_CALL_U8},       {"Sint16", MOTH_CALL_I16},      {"Uint16", MOTH_CALL_U16},
    {"Sint32", MOTH_CALL_I32},     {"Uint32", MOTH_CALL_U32},      {"Sint64", MOTH_CALL_I64},
    {"Uint64", MOTH_CALL_U64},     {"SDL_bool", MOTH_CALL_I32},    {"std::size_t", MOTH_CALL_U64},
};

const char *moth_call_type_name(unsigned type)
{
    static const char *const names[] = {"void", "bool", "i8",  "u8",    "i16",    "u16",   "int",  "u32",
                                        "i64",  "u64",  "float", "double", "char*", "void*", "{}"};
    return type < sizeof names / sizeof *names ? names[type] : "?";
}

/* What C's own words for numbers come to, in whatever order they stand. */
struct numbers {
    unsigned n_char, n_short, n_int, n_long, n_signed, n_unsigned, n_double;
};

static bool count_word(struct numbers *numbers, const char *word)
{
    static const struct {
        const char *word;
        size_t offset;
    } known[] = {
        {"char", offsetof(struct numbers, n_char)},     {"short", offsetof(struct numbers, n_short)},
        {"int", offsetof(struct numbers, n_int)},       {"long", offsetof(struct numbers, n_long)},
        {"signed", offsetof(struct numbers, n_signed)}, {"unsigned", offsetof(struct numbers, n_unsigned)},
        {"double", offsetof(struct numbers, n_double)},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].word, word) == 0) {
            unsigned *n = (unsigned *)(void *)((char *)numbers + known[i].offset);
            (*n)++;
            return true;
        }
    return false;
}

static bool any_number(const struct numbers *n)
{
    return n->n_char + n->n_short + n->n_int + n->n_long + n->n_signed + n->n_unsigned + n->n_double > 0;
}

static int type_of_numbers(const struct numbers *n)
{
    bool is_unsigned = n->n_unsigned > 0;
    if (n->n_double > 0)
        return n->n_double == 1 && n->n_char + n->n_short + n->n_int + n->n_long + n->n_signed + n->n_unsigned == 0
                   ? MOTH_CALL_F64
                   : -1;
    if (n->n_char > 1 || n->n_short > 1 || n->n_int > 1 || n->n_long > 2 || n->n_signed + n->n_unsigned > 1 ||
        (n->n_char > 0) + (n->n_short > 0) + (n->n_long > 0) > 1 || (n->n_char > 0 && n->n_int > 0))
        return -1;
    if (n->n_char > 0) /* plain char has the machine's sign */
        return is_unsigned || (n->n_signed == 0 && (char)-1 > 0) ? MOTH_CALL_U8 : MOTH_CALL_I8;
    if (n->n_short > 0)
        return is_unsigned ? MOTH_CALL_U16 : MOTH_CALL_I16;
    if (n->n_long > 0)
        return is_unsigned ? MOTH_CALL_U64 : MOTH_CALL_I64;
    return is_unsigned ? MOTH_CALL_U32 : MOTH_CALL_I32;
}

/* A word, with C++'s :: in it; "" when there is none. */
static void take_word(struct parser *parser, char *word, size_t size)
{
    size_t n = 0;
    skip_spaces(parser);
    while (is_letter(*parser->at) || (n > 0 && is_digit(*parser->at)) ||
           (parser->at[0] == ':' && parser->at[1] == ':') || (n > 0 && parser->at[-1] == ':' && *parser->at == ':')) {
        if (n + 1 < size)
            word[n++] = *parser->at;
        parser->at++;
    }
    word[n] = '\0';
}

static const char *peek_word(struct parser *parser, char *word, size_t size)
{
    const char *begin = parser->at;
    take_word(parser, word, size);
    const char *behind = parser->at;
    parser->at = begin;
    return behind;
}

static struct moth_call_node *add_node(struct parser *parser, uint8_t type)
{
    struct moth_call_signature *signature = parser->signature;
    if (signature->n_nodes >= MOTH_CALL_NODES_MAX) {
        fail(parser, "more than %u values in one call", MOTH_CALL_NODES_MAX);
        return NULL;
    }
    struct moth_call_node *node = &signature->nodes[signature->n_nodes++];
    *node = (struct moth_call_node){.type = type, .end = (uint8_t)signature->n_nodes};
    return node;
}

struct base {
    char shown[64]; /* for errors */
    int type;       /* enum moth_call_type; -1: a word that is no type of ours, which only a pointer can be to */
    bool is_char, is_enum;
};

static bool is_qualifier(const char *word)
{
    return strcmp(word, "const") == 0 || strcmp(word, "volatile") == 0 || strcmp(word, "restrict") == 0 ||
           strcmp(word, "register") == 0 || strcmp(word, "__restrict") == 0;
}

static bool is_tag(const char *word)
{
    return strcmp(word, "struct") == 0 || strcmp(word, "class") == 0 || strcmp(word, "union") == 0 ||
           strcmp(word, "enum") == 0;
}

static int named_type(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].name, word) == 0)
            return words[i].type;
    return -1;
}

/* The words of a type up to `*`, `,` or a name: "const unsigned char", "struct item". */
static int parse_words(struct parser *parser, struct base *base)
{
    struct numbers numbers = {0};
    char word[64];
    bool have = false;
    *base = (struct base){.type = -1};
    for (;;) {
        const char *behind = peek_word(parser, word, sizeof word);
        if (word[0] == '\0')
            break;
        if (is_qualifier(word)) {
            parser->at = behind;
            continue;
        }
        if (have && !(any_number(&numbers) && count_word(&(struct numbers){0}, word)))
            break; /* a name */
        parser->at = behind;
        if (is_tag(word)) {
            base->is_enum = strcmp(word, "enum") == 0;
            take_word(parser, word, sizeof word);
            base->type = base->is_enum ? MOTH_CALL_I32 : -1;
        } else if (!count_word(&numbers, word)) {
            base->type = named_type(word);
        }
        snprintf(base->shown, sizeof base->shown, "%s", word);
        have = true;
    }
    if (!have) {
        int length = (int)strcspn(parser->at, ",(){}*& ");
        return *parser->at ? fail(parser, "'%.*s' is no type", length > 0 ? (length < 24 ? length : 24) : 1, parser->at)
                           : fail(parser, "a type is missing at its end");
    }
    if (any_number(&numbers)) {
        base->type = type_of_numbers(&numbers);
        base->is_char = numbers.n_char == 1 && numbers.n_unsigned == 0 && numbers.n_signed == 0;
        if (base->type < 0)
            return fail(parser, numbers.n_double > 0 ? "long double cannot be passed"
                                                     : "these words make no number type of C");
    }
    return 0;
}

static int parse_type(struct parser *parser, bool result);

static int parse_struct(struct parser *parser)
{
    unsigned at = parser->signature->n_nodes;
    if (!add_node(parser, MOTH_CALL_STRUCT))
        return -1;
    if (++parser->depth > DEPTH_MAX)
        return fail(parser, "structs in structs, more than %u deep", DEPTH_MAX);
    parser->at++; /* { */
    for (;;) {
        if (parse_type(parser, false) != 0)
            return -1;
        skip_spaces(parser);
        if (*parser->at == '}')
            break;
        if (*parser->at != ',' && *parser->at != ';')
            return fail(parser, "a struct's members are divided by commas and end with '}'");
        parser->at++;
        skip_spaces(parser);
        if (*parser->at == '}' && parser->at[-1] == ';')
            break;
    }
    parser->at++;
    parser->depth--;
    parser->signature->nodes[at].end = (uint8_t)parser->signature->n_nodes;
    return 0;
}

static unsigned parse_stars(struct parser *parser, bool *reference)
{
    unsigned stars = 0;
    *reference = false;
    char word[64];
    for (;;) {
        skip_spaces(parser);
        const char *behind = peek_word(parser, word, sizeof word);
        if (*parser->at == '*' || *parser->at == '&') {
            *reference = *parser->at++ == '&';
            stars++;
        } else if (is_qualifier(word)) {
            parser->at = behind;
        } else {
            return stars;
        }
    }
}

/* `[3]` behind a member: a struct of as many of it, which is passed in the same way. */
static int parse_array(struct parser *parser, unsigned from)
{
    struct moth_call_signature *signature = parser->signature;
    unsigned count = 0, size = signature->n_nodes - from;
    for (parser->at++; is_digit(*parser->at) && count <= ARRAY_MAX; parser->at++)
        count = count * 10 + (unsigned)(*parser->at - '0');
    if (*parser->at != ']' || count == 0 || count > ARRAY_MAX)
        return fail(parser, "an array in a struct has from 1 to %u elements, as in int[3]", ARRAY_MAX);
    parser->at++;
    if (parser->depth == 0)
        return fail(parser, "an array is passed as a pointer: write * for []");
    struct moth_call_node element[MOTH_CALL_NODES_MAX], *node;
    memcpy(element, &signature->nodes[from], size * sizeof *element);
    signature->n_nodes = from;
    if (!(node = add_node(parser, MOTH_CALL_STRUCT)))
        return -1;
    memcpy(node->name, element[0].name, sizeof node->name);
    memset(element[0].name, 0, sizeof element[0].name);
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < size; k++) {
            if (!(node = add_node(parser, element[k].type)))
                return -1;
            *node = element[k];
            node->end = (uint8_t)(element[k].end + 1 + i * size);
        }
    signature->nodes[from].end = (uint8_t)signature->n_nodes;
    return 0;
}

static int parse_name_behind(struct parser *parser, unsigned from)
{
    char word[MOTH_CALL_MEMBER_BYTES];
    take_word(parser, word, sizeof word);
    if (named_type(word) >= 0 || count_word(&(struct numbers){0}, word))
        return fail(parser, "'%s' stands where a name or a comma would", word);
    snprintf(parser->signature->nodes[from].name, sizeof parser->signature->nodes[from].name, "%s", word);
    skip_spaces(parser);
    return *parser->at == '[' ? parse_array(parser, from) : 0;
}

/* One type, with a name behind it where one may be. Adds its nodes. */
static int parse_type(struct parser *parser, bool result)
{
    unsigned from = parser->signature->n_nodes;
    bool reference;
    skip_spaces(parser);
    if (*parser->at == '{') {
        if (parse_struct(parser) != 0)
            return -1;
        if (parse_stars(parser, &reference) > 0) {
            parser->signature->n_nodes = from;
            if (!add_node(parser, MOTH_CALL_POINTER))
                return -1;
        }
        return result ? 0 : parse_name_behind(parser, from);
    }
    struct base base;
    if (parse_words(parser, &base) != 0)
        return -1;
    unsigned stars = parse_stars(parser, &reference);
    uint8_t type;
    if (stars == 1 && base.is_char && !reference)
        type = MOTH_CALL_STRING;
    else if (stars > 0)
        type = MOTH_CALL_POINTER;
    else if (base.type < 0)
        return fail(parser, "the type '%s' is not known; a struct by value is written as its members, {int,float}, "
                            "a pointer to it as %s*", base.shown, base.shown);
    else
        type = (uint8_t)base.type;
    if (type == MOTH_CALL_VOID && !result)
        return fail(parser, "nothing can be of type void");
    if (!add_node(parser, type))
        return -1;
    return result ? 0 : parse_name_behind(parser, from);
}

/* ---- the whole ---- */

/* Up to the parenthesis that begins the parameters; templates' own parentheses are not looked into. */
static int parse_name(struct parser *parser)
{
    skip_spaces(parser);
    const char *begin = parser->at;
    size_t n = strcspn(begin, "(");
    if (begin[n] == '\0')
        return fail(parser, "there is no '(' behind the function's name: write name(type,type)type");
    while (n > 0 && is_space(begin[n - 1]))
        n--;
    if (n == 0)
        return fail(parser, "the function's name is missing");
    if (n >= sizeof parser->signature->name)
        return fail(parser, "the function's name is longer than %u bytes", MOTH_CALL_NAME_BYTES - 1);
    for (size_t i = 0; i < n; i++)
        if (begin[i] <= ' ' || begin[i] > '~')
            return fail(parser, is_space(begin[i]) ? "the function's name stands first and what it returns last: "
                                                     "write name(type,type)type"
                                                   : "the function's name has a byte in it that no name has");
    if (!is_letter(begin[0]) && begin[0] != ':')
        return fail(parser, "'%.*s' is no function's name", (int)(n < 60 ? n : 60), begin);
    memcpy(parser->signature->name, begin, n);
    parser->signature->name[n] = '\0';
    parser->at = strchr(begin, '(') + 1;
    return 0;
}

static bool no_parameters(struct parser *parser)
{
    char word[8];
    skip_spaces(parser);
    const char *behind = peek_word(parser, word, sizeof word);
    if (strcmp(word, "void") == 0) {
        while (is_space(*behind))
            behind++;
        if (*behind == ')')
            parser->at = behind;
    }
    if (*parser->at != ')')
        return false;
    parser->at++;
    return true;
}

static int parse_params(struct parser *parser)
{
    if (no_parameters(parser))
        return 0;
    for (;;) {
        skip_spaces(parser);
        if (strncmp(parser->at, "...", 3) == 0)
            return fail(parser, "a function with '...' takes what it is given: name the types it is to be given");
        if (parser->signature->n_params == MOTH_CALL_PARAMS_MAX)
            return fail(parser, "more than %u parameters", MOTH_CALL_PARAMS_MAX);
        parser->signature->n_params++;
        if (parse_type(parser, false) != 0)
            return -1;
        skip_spaces(parser);
        if (*parser->at == ')')
            break;
        if (*parser->at != ',')
            return fail(parser, *parser->at ? "parameters are divided by commas and end with ')'"
                                            : "the ')' behind the parameters is missing");
        parser->at++;
    }
    parser->at++;
    return 0;
}

static int parse_result(struct parser *parser)
{
    skip_spaces(parser);
    if (strncmp(parser->at, "->", 2) == 0)
        parser->at += 2;
    skip_spaces(parser);
    if (*parser->at == '\0')
        return add_node(parser, MOTH_CALL_VOID) ? 0 : -1;
    if (parse_type(parser, true) != 0)
        return -1;
    skip_spaces(parser);
    return *parser->at ? fail(parser, "'%.24s' behind the type of the result", parser->at) : 0;
}

/* What is returned is written last and kept first. */
static void result_first(struct moth_call_signature *signature, unsigned from)
{
    struct moth_call_node moved[MOTH_CALL_NODES_MAX];
    unsigned n = signature->n_nodes - from;
    for (unsigned i = 0; i < signature->n_nodes; i++) {
        bool result = i >= from;
        struct moth_call_node *to = &moved[result ? i - from : i + n];
        *to = signature->nodes[i];
        to->end = (uint8_t)(result ? to->end - from : to->end + n);
    }
    memcpy(signature->nodes, moved, signature->n_nodes * sizeof *moved);
}

int moth_call_parse(const char *text, struct moth_call_signature *signature, char *problem, size_t size)
{
    struct parser parser = {.at = text, .signature = signature, .problem = problem, .size = size};
    memset(signature, 0, sizeof *signature);
    if (parse_name(&parser) != 0 || parse_params(&parser) != 0)
        return -1;
    unsigned from = signature->n_nodes;
    if (parse_result(&parser) != 0)
        return -1;
    result_first(signature, from);
    memset(&signature->nodes[signature->n_nodes], 0, /* what a struct left that is pointed to only */
           (MOTH_CALL_NODES_MAX - signature->n_nodes) * sizeof *signature->nodes);
    return 0;
}

/* ---- and back ---- */

struct spelling {
    char *text;
    size_t size, n;
};

static void put(struct spelling *out, const char *text)
{
    size_t n = strlen(text);
    if (out->n + n < out->size)
        memcpy(out->text + out->n, text, n + 1);
    out->n += n;
}

static void spell_node(struct spelling *out, const struct moth_call_signature *signature, unsigned at)
{
    const struct moth_call_node *node = &signature->nodes[at];
    if (node->type == MOTH_CALL_STRUCT) {
        put(out, "{");
        for (unsigned i = at + 1; i < node->end; i = signature->nodes[i].end) {
            if (i > at + 1)
                put(out, ",");
            spell_node(out, signature, i);
        }
        put(out, "}");
    } else {
        put(out, moth_call_type_name(node->type));
    }
    if (node->name[0]) {
        put(out, " ");
        put(out, node->name);
    }
}

int moth_call_spell(const struct moth_call_signature *signature, char *text, size_t size)
{
    struct spelling out = {text, size, 0};
    put(&out, signature->name);
    put(&out, "(");
    unsigned first = signature->nodes[0].end;
    for (unsigned i = first; i < signature->n_nodes; i = signature->nodes[i].end) {
        if (i > first)
            put(&out, ",");
        spell_node(&out, signature, i);
    }
    put(&out, ")");
    if (signature->nodes[0].type != MOTH_CALL_VOID)
        spell_node(&out, signature, 0);
    return out.n < size ? 0 : -1;
}
