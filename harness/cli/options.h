/* SPDX-License-Identifier: MIT
 *
 * What the command line and moth.lua say, as one struct.
 *
 * One table (options_table.c) lists every option; parsing, --help and moth.lua's keys all derive from
 * it. To add an option: a field here, a row there. Life cycle: moth_options_parse → use →
 * moth_options_free. The command line wins over moth.lua. Nothing here prints but the help.
 *
 * A verb is `int moth_cli_<verb>(const struct moth_options *options)`; it returns the exit code.
 */
#ifndef MOTH_CLI_OPTIONS_H
#define MOTH_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "reports/reporters.h"

/* X(name, text, bit, one line, in this version) */
#define MOTH_VERBS(X)                                                                                 \
    X(RUN, "run", 0, "play a game with agents and judge it", true)                                    \
    X(REPLAY, "replay", 1, "run a recorded input trace again", true)                                  \
    X(RECORD, "record", 2, "a person plays in a window; writes a trace and a scenario", true)         \
    X(MINIMIZE, "minimize", 3, "shrink a finding's inputs while it still happens", true)              \
    X(DOCTOR, "doctor", 4, "can this build be attached to, is it deterministic, how fast", true)      \
    X(REPORT, "report", 5, "merge runs and shards, render reports, judge again", true)                \
    X(BASELINE, "baseline", 6, "the findings the team already knows: show, accept, prune", true)                        \
    X(LIST, "list", 7, "agents, scenarios, detectors or findings", true)                              \
    X(INIT, "init", 8, "write a commented moth.lua beside the game", true)                            \
    X(COMPARE, "compare", 9, "is one build of a game slower than another, on the same traces", true) \
    X(HISTORY, "history", 12, "what all runs so far came to: show, merge or prune it", true)          \
    X(BISECT, "bisect", 13, "which of several builds was the first to have a finding", true)         \
    X(SCAN, "scan", 14, "find a number in the game's memory by how it changes", true)

enum moth_verb {
#define X(name, text, bit, line, here) MOTH_VERB_##name = 1 << bit,
    MOTH_VERBS(X)
#undef X
};

enum moth_weights_choice { MOTH_WEIGHTS_ADAPTIVE, MOTH_WEIGHTS_FIXED };

/* NULL-terminated as well as counted; items may be NULL when n is 0. */
struct moth_strings {
    char **items;
    size_t n;
};

struct moth_agent_choice {
    char *name;    /* as the user wrote it: a shipped agent's name, or a file */
    double weight; /* > 0; share of the instances that it plays */
};

struct moth_agent_choices {
    struct moth_agent_choice *items;
    size_t n;
};

struct moth_options {
    enum moth_verb verb;
    struct moth_strings game; /* what stands after "--", else moth.lua's `game`; n 0: none */
    struct moth_strings args; /* other arguments: TRACE, DIR, … */
    char *config_path;        /* the moth.lua that was read, or NULL */

    /* what is played */
    struct moth_agent_choices agents; /* never empty for run: explorer when neither agent nor scenario given */
    struct moth_strings scenarios;    /* files; each is played once, before the agents */
    struct moth_strings tags, not_tags; /* expressions (cli/tags.h): which of their cases */
    struct moth_strings replay_first; /* folders of traces; each is played once, before everything else */
    struct moth_strings env;          /* "K=V" */
    struct moth_strings map_watches;  /* "X,Y[,PLANE]": watches that are coordinates */
    uint64_t seed, schedule_seed;
    uint64_t hz;
    uint64_t video, render, threads; /* enums of wire/channel.h */
    struct moth_strings members;     /* "NAME=COMMAND": who plays with the game */
    uint64_t link_latency_ms, link_jitter_ms;
    char *link_loss;                 /* percent, or NULL */
    uint64_t pads;                   /* virtual controllers plugged in from the start, 0..4 */

    /* how much */
    uint64_t frames;          /* run: boundaries over all instances, 0: no limit; doctor: of each trial */
    uint64_t duration_ms;     /* wall time of the run, 0: no limit */
    uint64_t instance_frames; /* boundaries until an instance is ended and the next one starts */
    uint64_t workers;         /* 0: one a CPU */
    uint64_t max_findings;    /* 0: no limit */
    char *shard;              /* "I/N", "auto" or NULL: the whole run */

    /* limits of a game, as in struct moth_limits; 0: its default */
    uint64_t frame_cpu_ms, frame_wall_ms, boot_wall_ms, memory_mb, file_mb;
    uint64_t snapshot_memory_mb; /* of all parked copies of the game */
    /* limits of an agent; 0: the host's default */
    uint64_t lua_memory_mb, lua_instructions;
    bool unsafe_lua;
    bool update_pictures; /* run: what scripts expect to see is what there is */

    /* judging and telling */
    bool fail_on_flaky, strict;
    bool allow_missing; /* report: shards that are not there are no error */
    double spike_ms;     /* work time of a frame, 0: never (run), as recorded (replay, minimize) */
    char *scene_watch;   /* the watch whose value names the scene, or NULL: the usual ones */
    uint64_t softlock_s; /* game time in one scene until it is looked at, 0: never */
    uint64_t replays; /* run: how often each finding is replayed */
    uint64_t minimize_frames; /* run: played to shrink each finding's inputs, 0: none */
    uint64_t reporters; /* enum moth_reporter bits */
    char *out;          /* output folder */
    char *resume;       /* run: output folder of an earlier run to go on with, or NULL */
    bool seed_given;    /* `seed` is not the default */
    uint64_t weights;   /* enum moth_weights_choice */
    uint64_t stuck_s;   /* run: a worker without a sign of life for so long is replaced; 0: never */
    uint64_t disk_mb;   /* of the output folder; 0: no limit */
    uint64_t traces;    /* ordinary ones that are kept, at most */
    bool quiet, verbose, json, force;

    /* watches */
    struct moth_strings watches;    /* "NAME=EXPRESSION" */
    struct moth_strings debug_dirs;
    char *value_type;               /* list state: NULL: any; scan */
    uint64_t depth;
    struct moth_strings steps;      /* of a scan */
    char *input;                    /* trace or finding whose inputs a scan plays, or NULL */
    uint64_t limit;

    /* the bus */
    char *bus;       /* URL, or NULL: none */
    char *bus_token; /* file, or NULL */
    bool bus_allow_remote;

    /* compare */
    struct moth_strings compared; /* traces */
    uint64_t profiles, sample_us; /* sampled plays of each build; between two samples */
    char *threshold;              /* percent */

    /* replay */
    bool expect_clean, headed, break_at_finding;
    uint64_t until; /* frame, 0: none */
    uint64_t times; /* 1 */

    /* a person at the window: record, replay --headed */
    char *speed;         /* times the game's own, or "max" */
    char *host_key;      /* a key's name */
    char *events;        /* file, or NULL */
    uint64_t key_repeat; /* 0: on, 1: off */
    bool exit_at_end;
    /* the gate */
    char *baseline;         /* file, or NULL */
    char *fail_on, *budget; /* as baseline/gate.h reads them, or NULL */
    char *machine;          /* class of this machine, NULL: found out */
    bool quarantine, metrics, keep_fixed; /* baseline */
    char *owner, *reason, *expires;       /* of a quarantine, or NULL */


    /* history */
    char *history;        /* file, or NULL */
    char *build_label;    /* how people call the build, or NULL */
    uint64_t fixed_after; /* runs that must miss a finding */
    uint64_t keep;        /* history prune: builds */
};

/* Parse `moth <verb> argv[2..]`, read moth.lua where the verb takes one, fill defaults. Returns 0, -1
 * with err (MOTH_ERR_USAGE, MOTH_ERR_CONFIG), or 1 when help was asked for and printed to `out`. */
int moth_options_parse(struct moth_options *options, int argc, char **argv, FILE *out,
                       struct moth_err *err);
void moth_options_free(struct moth_options *options);

/* 0 when there is no such verb. */
enum moth_verb moth_verb_from_name(const char *name);
const char *moth_verb_name(enum moth_verb verb);

int moth_cli_run(const struct moth_options *options);
int moth_cli_replay(const struct moth_options *options);
int moth_cli_record(const struct moth_options *options);
int moth_cli_minimize(const struct moth_options *options);
int moth_cli_doctor(const struct moth_options *options);
int moth_cli_report(const struct moth_options *options);
int moth_cli_scan(const struct moth_options *options);
int moth_cli_list(const struct moth_options *options);
int moth_cli_compare(const struct moth_options *options);
int moth_cli_history(const struct moth_options *options);
int moth_cli_bisect(const struct moth_options *options);
int moth_cli_baseline(const struct moth_options *options);
int moth_cli_init(const struct moth_options *options);

#endif
