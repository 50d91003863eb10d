/* SPDX-License-Identifier: MIT
 *
 * From text to a field of struct moth_options, by the option's type.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "cli/option_table.h"
#include "cli/shard.h"
#include "symbols/expression.h"

static void *grown(void *items, size_t n, size_t size)
{
    void *more = realloc(items, n * size);
    if (!more)
        abort(); /* a few words of a command line */
    return more;
}

void moth_strings_add(struct moth_strings *strings, const char *text)
{
    strings->items = grown(strings->items, strings->n + 2, sizeof *strings->items);
    strings->items[strings->n++] = moth_fs_path("%s", text);
    strings->items[strings->n] = NULL;
}

void moth_strings_free(struct moth_strings *strings)
{
    for (size_t i = 0; i < strings->n; i++)
        free(strings->items[i]);
    free(strings->items);
    strings->items = NULL;
    strings->n = 0;
}

void moth_option_add_agent(struct moth_options *options, const char *name, double weight)
{
    struct moth_agent_choices *agents = &options->agents;
    agents->items = grown(agents->items, agents->n + 1, sizeof *agents->items);
    agents->items[agents->n++] = (struct moth_agent_choice){moth_fs_path("%s", name), weight};
}

/* Digits only; false also when it does not fit. */
static bool digits(const char **text, uint64_t *value)
{
    if (!isdigit((unsigned char)**text))
        return false;
    errno = 0;
    char *end;
    *value = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static int set_number(uint64_t *field, const struct moth_option *option, const char *text,
                      enum moth_err_code code, struct moth_err *err)
{
    const char *at = text;
    uint64_t value;
    if (digits(&at, &value) && !*at && value >= option->least && value <= option->most) {
        *field = value;
        return 0;
    }
    if (option->most == UINT64_MAX)
        return moth_err_set(err, code, "must be a whole number, at least %" PRIu64 ", not '%s'", option->least, text);
    return moth_err_set(err, code, "must be a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'",
                        option->least, option->most, text);
}

/* Plain digits and a point: strtod knows more ways to write a number than a command line needs. */
static int set_decimal(double *field, const struct moth_option *option, const char *text, enum moth_err_code code,
                       struct moth_err *err)
{
    size_t n = strspn(text, "0123456789."), points = 0;
    for (size_t i = 0; i < n; i++)
        points += text[i] == '.';
    double value = n > points && points <= 1 && !text[n] ? strtod(text, NULL) : -1;
    if (value >= (double)option->least && value <= (double)option->most) {
        *field = value;
        return 0;
    }
    return moth_err_set(err, code, "must be a number from %" PRIu64 " to %" PRIu64 ", not '%s'", option->least,
                        option->most, text);
}

static bool duration(const char *text, uint64_t most_ms, uint64_t *total_ms)
{
    *total_ms = 0;
    if (!*text)
        return false;
    while (*text) {
        uint64_t value, unit_ms = 1000;
        if (!digits(&text, &value))
            return false;
        if (strncmp(text, "ms", 2) == 0)
            unit_ms = 1, text += 2;
        else if (*text == 's')
            text++;
        else if (*text == 'm')
            unit_ms = 60000, text++;
        else if (*text == 'h')
            unit_ms = 3600000, text++;
        else if (*text)
            return false;
        if (value > most_ms / unit_ms || (*total_ms += value * unit_ms) > most_ms)
            return false;
    }
    return true;
}

static int set_duration(uint64_t *field, const struct moth_option *option, const char *text,
                        enum moth_err_code code, struct moth_err *err)
{
    uint64_t value;
    if (!duration(text, option->most, &value) || value < option->least)
        return moth_err_set(err, code, "must be a time like 8h, 30m, 90s or 1h30m, up to a year, not '%s'", text);
    *field = value;
    return 0;
}

/* Place of `text` among "a|b|(c)"; -1: none; -2: one for later. Fills `words` for messages. */
static int choice_place(const char *choices, const char *text, char *words, const char **near)
{
    static char copies[16][32];
    const char *list[16] = {NULL};
    int n = 0, found = -1;
    words[0] = '\0';
    for (const char *at = choices; *at && n < 16; n++) {
        size_t length = strcspn(at, "|");
        bool later = *at == '(';
        snprintf(copies[n], sizeof copies[n], "%.*s", (int)(length - (later ? 2u : 0u)), at + later);
        list[n] = later ? NULL : copies[n];
        if (strcmp(copies[n], text) == 0)
            found = later ? -2 : n;
        if (!later) {
            strcat(words, words[0] ? ", " : "");
            strcat(words, copies[n]);
        }
        at += length + (at[length] == '|');
    }
    *near = moth_str_nearest(text, list, (size_t)n);
    return found;
}

static int choice(const struct moth_option *option, const char *text, enum moth_err_code code, struct moth_err *err)
{
    char words[256];
    const char *near;
    int place = choice_place(option->choices, text, words, &near);
    if (place == -2)
        return moth_err_set(err, code, "'%s' is not in this version of moth", text);
    if (place == -1)
        return moth_err_set(err, code, "must be one of %s, not '%s'%s%s%s", words, text,
                            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return place;
}

static int set_set(uint64_t *field, const struct moth_option *option, const char *text, enum moth_err_code code,
                   struct moth_err *err)
{
    uint64_t bits = 0;
    char word[64];
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        int place = choice(option, word, code, err);
        if (place < 0)
            return -1;
        bits |= UINT64_C(1) << place;
        at += length;
        if (!*at)
            break;
    }
    *field = bits;
    return 0;
}

static int add_pair(struct moth_strings *strings, const char *text, enum moth_err_code code, struct moth_err *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return moth_err_set(err, code, "must be NAME=VALUE, not '%s'", text);
    moth_strings_add(strings, text);
    return 0;
}

/* Which modules there are is known later, too: what could be one is taken for one. */
static bool any_module(void *context, const char *name, size_t length)
{
    (void)context;
    (void)name;
    return length > 0;
}

/* How an expression is written is looked at now; what it says, when the game is there. */
static int add_watch(struct moth_strings *strings, const char *text, enum moth_err_code code, struct moth_err *err)
{
    char name[MOTH_EXPRESSION_LABEL_MAX + 1];
    struct moth_expression parsed;
    struct moth_expression_names names = {.is_module = any_module};
    struct moth_err why;
    const char *expression = moth_expression_split(text, name, &why);
    if (!expression)
        return moth_err_set(err, code, "%s", why.message);
    if (moth_expression_parse(&parsed, expression, &names, &why) != 0)
        return moth_err_set(err, code, "'%s': %s", text, why.message);
    moth_strings_add(strings, text);
    return 0;
}

/* "NAME", "FILE", either with "=WEIGHT". A file's own '=' is no weight: what follows looks like a path. */
static int add_agent(struct moth_options *options, const char *text, enum moth_err_code code, struct moth_err *err)
{
    const char *equals = strrchr(text, '=');
    double weight = 1;
    size_t length = strlen(text);
    if (equals && !strchr(equals, '/') && !strstr(equals, ".lua")) {
        char *end;
        weight = strtod(equals + 1, &end);
        if (end == equals + 1 || *end || !isfinite(weight) || weight <= 0)
            return moth_err_set(err, code, "the weight in '%s' must be a number over 0", text);
        length = (size_t)(equals - text);
    }
    if (length == 0)
        return moth_err_set(err, code, "must be the name of an agent or a file, not '%s'", text);
    char *name = moth_fs_path("%.*s", (int)length, text);
    moth_option_add_agent(options, name, weight);
    free(name);
    return 0;
}

static int set_string(char **field, const char *text, enum moth_err_code code, struct moth_err *err)
{
    if (!*text)
        return moth_err_set(err, code, "must not be empty");
    free(*field);
    *field = moth_fs_path("%s", text);
    return 0;
}

static int check_string(const struct moth_option *option, const char *text, enum moth_err_code code,
                        struct moth_err *err)
{
    struct moth_err why = {0};
    if (!*text || !option->check || option->check(text, &why) == 0)
        return 0;
    return moth_err_set(err, code, "is wrong: %s", why.message);
}

static int set_shard(char **field, const char *text, enum moth_err_code code, struct moth_err *err)
{
    struct moth_shard shard;
    if (strcmp(text, "auto") != 0 && !moth_shard_parse(text, &shard))
        return moth_err_set(err, code,
                            "must be I/N, part I of N (I from 1 to N, N up to %u), such as 2/4, or auto, not '%s'",
                            MOTH_SHARDS_MAX, text);
    return set_string(field, text, code, err);
}

int moth_option_set(struct moth_options *options, const struct moth_option *option, const char *text,
                    enum moth_err_code code, struct moth_err *err)
{
    void *field = (char *)options + option->offset;
    int place;
    switch (option->type) {
    case MOTH_OPTION_FLAG:
        *(bool *)field = strcmp(text, "true") == 0;
        return 0;
    case MOTH_OPTION_NUMBER:
        return set_number(field, option, text, code, err);
    case MOTH_OPTION_DECIMAL:
        return set_decimal(field, option, text, code, err);
    case MOTH_OPTION_DURATION:
        return set_duration(field, option, text, code, err);
    case MOTH_OPTION_CHOICE:
        place = choice(option, text, code, err);
        if (place >= 0)
            *(uint64_t *)field = (uint64_t)place;
        return place < 0 ? -1 : 0;
    case MOTH_OPTION_SET:
        return set_set(field, option, text, code, err);
    case MOTH_OPTION_STRING:
        return check_string(option, text, code, err) == 0 ? set_string(field, text, code, err) : -1;
    case MOTH_OPTION_STRINGS:
        if (!*text)
            return moth_err_set(err, code, "must not be empty");
        moth_strings_add(field, text);
        return 0;
    case MOTH_OPTION_WATCHES:
        return add_watch(field, text, code, err);
    case MOTH_OPTION_PAIRS:
        return add_pair(field, text, code, err);
    case MOTH_OPTION_SHARD:
        return set_shard(field, text, code, err);
    case MOTH_OPTION_AGENTS:
        return add_agent(options, text, code, err);
    }
    return moth_err_set(err, MOTH_ERR_INTERNAL, "an option without a type");
}
