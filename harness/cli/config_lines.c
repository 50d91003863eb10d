/* SPDX-License-Identifier: MIT
 *
 * Where in a moth.lua a key stands. Lua's tables don't remember lines, so the text is read once more, by
 * a lexer that knows strings, comments and braces: each `name =` and `["name"] =` inside braces is a key
 * on the path of the braces around it; an entry without a name is counted; `t.name =` outside braces is
 * a key by its last name. A key given twice counts where Lua takes it from: last.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "cli/option_table.h"

#define DEPTH_MAX 16    /* keys deeper than this are nobody's */
#define NESTING_MAX 200 /* Lua's own limit */
#define WORD_MAX 64

enum token { T_END, T_NAME, T_STRING, T_OTHER };

struct lexer {
    const char *at;
    int line;
    enum token token;
    int token_line;
    char word[WORD_MAX]; /* of names and strings; of others their one character */
};

static void next_char(struct lexer *lexer)
{
    if (*lexer->at == '\n')
        lexer->line++;
    if (*lexer->at)
        lexer->at++;
}

/* At "[[" or "[=[": how many '=' there are, else -1. */
static int long_bracket(const char *at)
{
    if (*at != '[')
        return -1;
    int level = (int)strspn(at + 1, "=");
    return at[1 + level] == '[' ? level : -1;
}

static void put(struct lexer *lexer, size_t *n, char c)
{
    if (*n + 1 < WORD_MAX)
        lexer->word[(*n)++] = c;
    lexer->word[*n] = '\0';
}

static void long_string(struct lexer *lexer, int level)
{
    size_t n = 0;
    lexer->word[0] = '\0';
    for (int i = 0; i < level + 2; i++)
        next_char(lexer);
    if (*lexer->at == '\n')
        next_char(lexer);
    for (; *lexer->at; next_char(lexer)) {
        if (*lexer->at == ']' && (int)strspn(lexer->at + 1, "=") >= level && lexer->at[1 + level] == ']' &&
            (int)strspn(lexer->at + 1, "=") == level) {
            for (int i = 0; i < level + 2; i++)
                next_char(lexer);
            return;
        }
        put(lexer, &n, *lexer->at);
    }
}

static void short_string(struct lexer *lexer)
{
    size_t n = 0;
    char quote = *lexer->at;
    lexer->word[0] = '\0';
    for (next_char(lexer); *lexer->at && *lexer->at != quote && *lexer->at != '\n'; next_char(lexer)) {
        if (*lexer->at == '\\' && lexer->at[1])
            next_char(lexer);
        put(lexer, &n, *lexer->at);
    }
    next_char(lexer);
}

static void skip_blank(struct lexer *lexer)
{
    for (;;) {
        if (isspace((unsigned char)*lexer->at)) {
            next_char(lexer);
        } else if (lexer->at[0] == '-' && lexer->at[1] == '-') {
            lexer->at += 2;
            int level = long_bracket(lexer->at);
            if (level >= 0)
                long_string(lexer, level);
            else
                while (*lexer->at && *lexer->at != '\n')
                    next_char(lexer);
        } else {
            return;
        }
    }
}

static void next_token(struct lexer *lexer)
{
    skip_blank(lexer);
    lexer->token_line = lexer->line;
    size_t n = 0;
    int level = long_bracket(lexer->at);
    if (!*lexer->at) {
        lexer->token = T_END;
        lexer->word[0] = '\0';
    } else if (isalpha((unsigned char)*lexer->at) || *lexer->at == '_') {
        lexer->token = T_NAME;
        for (; isalnum((unsigned char)*lexer->at) || *lexer->at == '_'; next_char(lexer))
            put(lexer, &n, *lexer->at);
    } else if (level >= 0) {
        lexer->token = T_STRING;
        long_string(lexer, level);
    } else if (*lexer->at == '"' || *lexer->at == '\'') {
        lexer->token = T_STRING;
        short_string(lexer);
    } else {
        bool comparison = strchr("=~<>", *lexer->at) && lexer->at[1] == '=';
        lexer->token = T_OTHER;
        put(lexer, &n, comparison ? '~' : *lexer->at);
        next_char(lexer);
        if (comparison)
            next_char(lexer);
    }
}

static bool is_other(const struct lexer *lexer, char c)
{
    return lexer->token == T_OTHER && lexer->word[0] == c;
}

/* ---- the walk ---- */

struct walk {
    struct lexer lexer;
    const char *const *path;
    size_t n_path;
    char names[DEPTH_MAX][WORD_MAX]; /* of the tables around, outermost first */
    int counts[DEPTH_MAX];           /* unnamed entries so far */
    int depth;                       /* braces that are open */
    int best_line;
    size_t best_matched; /* names of the path that agree, counted from its end; the whole path: n + 1 */
};

/* '-' and '_' are the same in keys. */
static bool same(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
            return false;
    return *a == *b;
}

/* A key in the table `depth`: is it the one, or as near to it as anything so far? */
static void key(struct walk *walk, const char *name, int line)
{
    size_t matched = 0;
    int depth = walk->depth - 1; /* of the table it stands in */
    while (matched < walk->n_path) {
        const char *here = matched == 0 ? name : depth >= 0 && depth < DEPTH_MAX ? walk->names[depth] : "";
        if (!same(walk->path[walk->n_path - 1 - matched], here))
            break;
        if (matched > 0)
            depth--;
        matched++;
    }
    if (matched == walk->n_path && (walk->depth == (int)walk->n_path || walk->depth == 0))
        matched++;
    if (matched && matched >= walk->best_matched) {
        walk->best_matched = matched;
        walk->best_line = line;
    }
}

static void unnamed(struct walk *walk, int line, char *name, size_t size)
{
    int *count = &walk->counts[walk->depth < DEPTH_MAX ? walk->depth : DEPTH_MAX - 1];
    snprintf(name, size, "%d", ++*count);
    key(walk, name, line);
}

static void open_table(struct walk *walk, const char *name)
{
    walk->depth++;
    if (walk->depth < DEPTH_MAX) {
        snprintf(walk->names[walk->depth - 1], WORD_MAX, "%s", name);
        walk->counts[walk->depth] = 0;
    }
}

static void expression(struct walk *walk, const char *name);

/* One entry of a table: `name = e`, `["name"] = e` or `e`. */
static void entry(struct walk *walk)
{
    struct lexer *lexer = &walk->lexer;
    char name[WORD_MAX];
    int line = lexer->token_line;
    struct lexer before = *lexer;
    bool bracket = is_other(lexer, '[');
    if (bracket)
        next_token(lexer);
    bool is_key = bracket ? lexer->token == T_STRING : lexer->token == T_NAME;
    memcpy(name, lexer->word, sizeof name);
    next_token(lexer);
    if (bracket) {
        is_key = is_key && is_other(lexer, ']');
        next_token(lexer);
    }
    is_key = is_key && is_other(lexer, '=');
    if (is_key) {
        next_token(lexer);
        key(walk, name, line);
    } else {
        *lexer = before;
        unnamed(walk, line, name, sizeof name);
    }
    expression(walk, name);
}

static void table(struct walk *walk, const char *name)
{
    struct lexer *lexer = &walk->lexer;
    open_table(walk, name);
    next_token(lexer);
    while (lexer->token != T_END && !is_other(lexer, '}')) {
        const char *at = lexer->at;
        entry(walk);
        if (is_other(lexer, ',') || is_other(lexer, ';') || lexer->at == at)
            next_token(lexer);
    }
    walk->depth--;
    next_token(lexer);
}

/* 1 where something begins that may hold commas, -1 where it ends. */
static int nests(const struct lexer *lexer)
{
    static const char *const begin[] = {"function", "if", "do"};
    if (is_other(lexer, '('))
        return 1;
    if (is_other(lexer, ')'))
        return -1;
    if (lexer->token != T_NAME)
        return 0;
    for (size_t i = 0; i < sizeof begin / sizeof begin[0]; i++)
        if (strcmp(lexer->word, begin[i]) == 0)
            return 1;
    return strcmp(lexer->word, "end") == 0 ? -1 : 0;
}

/* Over an expression, to the separator or brace that ends it. Parentheses and functions' bodies may hold
 * commas and tables of their own: those are not keys of ours unless the whole value is a table. */
static void expression(struct walk *walk, const char *name)
{
    struct lexer *lexer = &walk->lexer;
    int nesting = 0; /* of parentheses and blocks */
    while (lexer->token != T_END) {
        if (is_other(lexer, '{') && walk->depth < NESTING_MAX) {
            table(walk, name);
            continue;
        }
        if (nesting == 0 && (is_other(lexer, ',') || is_other(lexer, ';') || is_other(lexer, '}')))
            return;
        nesting += nests(lexer);
        nesting = nesting < 0 ? 0 : nesting;
        next_token(lexer);
    }
}

int moth_config_line(const char *text, const char *const *path, size_t n)
{
    struct walk walk = {.lexer = {.at = text, .line = 1}, .path = path, .n_path = n, .best_line = 1};
    struct lexer *lexer = &walk.lexer;
    char last[WORD_MAX] = "";
    int last_line = 1;
    next_token(lexer);
    while (lexer->token != T_END) {
        if (is_other(lexer, '{') && walk.depth < NESTING_MAX) {
            table(&walk, last);
            continue;
        }
        if (lexer->token == T_NAME || lexer->token == T_STRING) {
            memcpy(last, lexer->word, sizeof last);
            last_line = lexer->token_line;
        } else if (is_other(lexer, '=') && last[0]) {
            key(&walk, last, last_line);
        }
        next_token(lexer);
    }
    return walk.best_line;
}
