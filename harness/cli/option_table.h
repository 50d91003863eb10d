/* SPDX-License-Identifier: MIT
 *
 * The one table of options, and how a value gets into struct moth_options. Command line, --help and
 * moth.lua are read by it. Inside cli/ only.
 */
#ifndef MOTH_CLI_OPTION_TABLE_H
#define MOTH_CLI_OPTION_TABLE_H

#include "cli/options.h"

enum moth_option_type {
    MOTH_OPTION_FLAG,     /* bool */
    MOTH_OPTION_NUMBER,   /* uint64_t */
    MOTH_OPTION_DECIMAL,  /* double; "16.7" */
    MOTH_OPTION_DURATION, /* uint64_t, ms; "8h", "30m", "90s", "1h30m"; a bare number is seconds */
    MOTH_OPTION_CHOICE,   /* uint64_t, place in `choices` */
    MOTH_OPTION_SET,      /* uint64_t, a bit for each place in `choices`; "a,b" */
    MOTH_OPTION_STRING,   /* char * */
    MOTH_OPTION_STRINGS,  /* struct moth_strings; repeatable */
    MOTH_OPTION_WATCHES,  /* struct moth_strings of "NAME=EXPRESSION"; repeatable */
    MOTH_OPTION_PAIRS,    /* struct moth_strings of "K=V"; repeatable */
    MOTH_OPTION_SHARD,    /* char *, "I/N" or "auto" */
    MOTH_OPTION_AGENTS    /* struct moth_agent_choices; repeatable */
};

struct moth_option {
    const char *name;
    char letter; /* 0: none */
    enum moth_option_type type;
    unsigned verbs; /* enum moth_verb bits */
    size_t offset;  /* in struct moth_options */
    const char *argument; /* "N", for the help; NULL for flags */
    const char *fallback; /* default as one would type it, NULL: zero */
    uint64_t least, most; /* of numbers and durations */
    const char *choices;  /* "a|b|c"; a word in parentheses is known but not in this version */
    const char *group;    /* heading in the help */
    const char *alias;    /* second place in moth.lua, dotted: "budgets.frames"; NULL: none */
    bool no_config;       /* no key in moth.lua */
    bool later;           /* known by name, not in this version */
    /* Of a string: -1 with err when it is none that is taken. May be NULL. */
    int (*check)(const char *text, struct moth_err *err);
    const char *help;
};

extern const struct moth_option moth_option_table[];
extern const size_t moth_option_count;

/* Put a value, as typed, into its field; lists grow. 0, or -1 with err->message "must be …" (no name in
 * front) and the given code. */
int moth_option_set(struct moth_options *options, const struct moth_option *option, const char *text,
                    enum moth_err_code code, struct moth_err *err);
/* Append one agent. */
void moth_option_add_agent(struct moth_options *options, const char *name, double weight);

void moth_strings_add(struct moth_strings *strings, const char *text);
void moth_strings_free(struct moth_strings *strings);

/* moth.lua. `given[i]`: option i was on the command line and stays. 0, or -1 with err "file:line: …". */
int moth_config_read(struct moth_options *options, const char *path, bool *given, struct moth_err *err);

/* The line on which the key with this path of names stands ("budgets", "frames"); list places are "1",
 * "2", …. 1 when nothing like it is in the text. */
int moth_config_line(const char *text, const char *const *path, size_t n);

/* The manual page of a verb; of moth itself for verb 0. */
void moth_help_print(FILE *out, enum moth_verb verb);

#endif
