/* SPDX-License-Identifier: MIT */
#include "cli/tags.h"

#include <ctype.h>
#include <string.h>

struct reader {
    const char *text, *at;
    const char *const *tags;
    size_t n;
    int depth;
    const char *wrong; /* what is, where `at` stands */
};

static void skip_blanks(struct reader *reader)
{
    while (isspace((unsigned char)*reader->at))
        reader->at++;
}

static size_t word_at(const struct reader *reader)
{
    size_t n = 0;
    while (reader->at[n] && (isalnum((unsigned char)reader->at[n]) || strchr("-_.:/", reader->at[n])))
        n++;
    return n;
}

static bool take_word(struct reader *reader, const char *word)
{
    skip_blanks(reader);
    size_t n = word_at(reader);
    if (n != strlen(word) || strncmp(reader->at, word, n) != 0)
        return false;
    reader->at += n;
    return true;
}

static bool has(const struct reader *reader, size_t length)
{
    for (size_t i = 0; i < reader->n; i++)
        if (strlen(reader->tags[i]) == length && strncmp(reader->tags[i], reader->at, length) == 0)
            return true;
    return false;
}

static bool any_of(struct reader *reader);

static bool one(struct reader *reader)
{
    bool holds = false;
    if (++reader->depth > MOTH_TAGS_DEPTH_MAX) {
        reader->wrong = "it is nested too deeply";
    } else if (take_word(reader, "not")) {
        holds = !one(reader);
    } else if (*reader->at == '(') {
        reader->at++;
        holds = any_of(reader);
        skip_blanks(reader);
        if (!reader->wrong && *reader->at != ')')
            reader->wrong = "a ')' is missing";
        reader->at += !reader->wrong;
    } else {
        size_t n = word_at(reader);
        bool joins = (n == 3 && strncmp(reader->at, "and", 3) == 0) || (n == 2 && strncmp(reader->at, "or", 2) == 0);
        if (n == 0 || joins)
            reader->wrong = reader->wrong ? reader->wrong : "a tag is missing";
        holds = has(reader, n);
        reader->at += reader->wrong ? 0 : n;
    }
    reader->depth--;
    return holds;
}

static bool all_of(struct reader *reader)
{
    bool holds = one(reader);
    while (!reader->wrong && take_word(reader, "and")) {
        bool next = one(reader);
        holds = holds && next;
    }
    return holds;
}

static bool any_of(struct reader *reader)
{
    bool holds = all_of(reader);
    while (!reader->wrong && take_word(reader, "or")) {
        bool next = all_of(reader);
        holds = holds || next;
    }
    return holds;
}

int moth_tags_match(const char *expression, const char *const *tags, size_t n, bool *holds, struct moth_err *err)
{
    struct reader reader = {.text = expression, .at = expression, .tags = tags, .n = n};
    *holds = any_of(&reader);
    skip_blanks(&reader);
    if (!reader.wrong && *reader.at)
        reader.wrong = *reader.at == ')' ? "there is a ')' too many" : "`and` or `or` is missing";
    if (reader.wrong)
        return moth_err_set(err, MOTH_ERR_USAGE, "%s before '%.60s' in the tags '%.200s'", reader.wrong, reader.at, expression);
    return 0;
}
