/* SPDX-License-Identifier: MIT */
#include "cli/group.h"

#include <ctype.h>
#include <math.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>

#include "wire/channel.h"

#define LOSS_MAX 100.0

/* A machine's name, for that is how the others call it. */
static bool is_name(const char *text, size_t length)
{
    if (length == 0 || length >= MOTH_MEMBER_NAME_BYTES || !isalpha((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    return true;
}

/* popt takes the end of the text for the end of a quotation. */
static bool is_closed(const char *command)
{
    char quote = '\0';
    for (const char *at = command; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (quote ? *at == quote : *at == '\'' || *at == '"')
            quote = quote ? '\0' : *at;
    }
    return !quote;
}

static char **words_of(const char *command)
{
    const char **words;
    int n;
    if (!is_closed(command) || poptParseArgvString(command, &n, &words) != 0)
        return NULL;
    char **copy = calloc((size_t)n + 1, sizeof *copy);
    for (int i = 0; copy && i < n; i++)
        copy[i] = strdup(words[i]);
    free(words);
    return copy;
}

static bool is_taken(const struct moth_group *group, const char *name, size_t length)
{
    if (length == 4 && strncmp(name, "game", 4) == 0)
        return true;
    for (size_t i = 0; i < group->n_members; i++)
        if (strlen(group->members[i].name) == length && strncmp(group->members[i].name, name, length) == 0)
            return true;
    return false;
}

static int add_member(struct moth_group *group, const char *text, struct moth_err *err)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : 0;
    if (!equals || !is_name(text, length))
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "--member '%s': write NAME=COMMAND, with a name of letters, digits, '-' and '_' of at most "
                            "%u bytes: --member 'server=./game-server --port 8303'",
                            text, MOTH_MEMBER_NAME_BYTES - 1);
    if (is_taken(group, text, length))
        return moth_err_set(err, MOTH_ERR_USAGE, "--member '%s': there is a '%.*s' already%s", text, (int)length, text,
                            strncmp(text, "game=", 5) == 0 ? ": it is the game behind '--'" : "");
    if (group->n_members == MOTH_MEMBERS_MAX - 1)
        return moth_err_set(err, MOTH_ERR_USAGE, "--member '%s': at most %u may play with the game", text,
                            MOTH_MEMBERS_MAX - 1);
    struct moth_trace_member *member = &group->members[group->n_members];
    member->argv = words_of(equals + 1);
    if (!member->argv || !member->argv[0])
        return moth_err_set(err, MOTH_ERR_USAGE, "--member '%s': the command %s", text,
                            equals[1] ? "has a quote that is not closed" : "is missing");
    member->name = strndup(text, length);
    group->n_members++;
    return 0;
}

static int parse_loss(const char *text, uint32_t *ppm, struct moth_err *err)
{
    char *end;
    double percent = strtod(text, &end);
    if (*end == '%')
        end++;
    if (end == text || *end || !(percent >= 0) || percent > LOSS_MAX)
        return moth_err_set(err, MOTH_ERR_USAGE, "--link-loss '%s': must be percent, 0 to 100: 0.5, 2%%", text);
    *ppm = (uint32_t)lround(percent * 10000);
    return 0;
}

int moth_group_parse(const struct moth_options *options, struct moth_group *group, struct moth_err *err)
{
    *group = (struct moth_group){.link = {.latency_us = (uint32_t)options->link_latency_ms * 1000,
                                          .jitter_us = (uint32_t)options->link_jitter_ms * 1000}};
    group->members = calloc(MOTH_MEMBERS_MAX, sizeof *group->members);
    if (!group->members)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the members");
    for (size_t i = 0; i < options->members.n; i++)
        if (add_member(group, options->members.items[i], err) != 0)
            return -1;
    if (options->link_loss && parse_loss(options->link_loss, &group->link.loss_ppm, err) != 0)
        return -1;
    if (group->n_members > 0 && options->threads == MOTH_THREADS_NATIVE)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "--member needs --threads deterministic: games with real threads have no common time");
    return 0;
}

void moth_group_fini(struct moth_group *group)
{
    for (size_t i = 0; group->members && i < MOTH_MEMBERS_MAX; i++) {
        for (char **word = group->members[i].argv; word && *word; word++)
            free(*word);
        free(group->members[i].argv);
        free(group->members[i].name);
    }
    free(group->members);
    *group = (struct moth_group){0};
}
