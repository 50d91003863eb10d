/* SPDX-License-Identifier: MIT
 *
 * A run: a supervisor (the process of `moth run`) that hands out instances to worker processes, keeps
 * what they find and decides when it is over.
 *
 * Instance k of a run is a pure function of the run's seed and k, whichever worker plays it, so results
 * do not depend on how many workers there are, nor on how many shards (plan.h). A worker plays one instance
 * at a time. It may die at any moment: another takes its place and plays the same instance again. A finding is on disk before the
 * supervisor hears of it. Signals: SIGINT and SIGTERM end the run (findings and summary are kept); a
 * second one ends it at once.
 *
 * moth_fleet_run forks; call it from a process with one thread. The caller's signal handlers for SIGINT,
 * SIGTERM, SIGHUP and SIGCHLD are replaced while it runs.
 */
#ifndef MOTH_FLEET_FLEET_H
#define MOTH_FLEET_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "baseline/gate.h"
#include "bindings/lua/host.h"
#include "bus/place.h"
#include "reports/reports.h"
#include "runner/instance.h"
#include "survey/survey.h"

struct moth_corpus; /* corpus.h */

struct moth_fleet_agent {
    const struct moth_agent *agent; /* NULL: a program from outside, over the bus */
    const char *name; /* as the user wrote it; goes into traces */
    double weight;    /* > 0 */
};

/* Borrowed until moth_fleet_result_free. */
struct moth_fleet_config {
    const char *const *argv;            /* of the game, NULL-terminated */
    const char *const *env;             /* extra "K=V", NULL-terminated; may be NULL */
    struct moth_channel_config channel; /* without seeds */
    const struct moth_trace_member *members; /* who plays with the game; NULL: nobody */
    size_t n_members;
    struct moth_link link;
    const char *const *watches;    /* "NAME=EXPRESSION" for all agents, NULL-terminated; may be NULL */
    const char *const *debug_dirs; /* where separate debug files are, NULL-terminated; may be NULL */
    struct moth_limits limits;
    const char *probe_path;                   /* NULL: found by moth's own place */
    const struct moth_corpus *corpus; /* traces that are played before everything else (corpus.h); or NULL */
    const struct moth_fleet_agent *scenarios; /* each is played once, first */
    size_t n_scenarios;
    const struct moth_fleet_agent *agents;
    size_t n_agents;
    uint64_t seed, schedule_seed;
    uint32_t shard, shards;   /* play part `shard` (from 1) of `shards` of the run; 0 or 1 shards: all of it */
    uint64_t frames;          /* over all instances; 0: no limit */
    uint64_t duration_ms;     /* 0: no limit */
    uint32_t instance_frames; /* of one instance */
    uint32_t workers;         /* > 0 */
    uint64_t snapshot_bytes;  /* of all live snapshots, shared out among the workers */
    uint32_t max_findings;    /* 0: no limit */
    uint32_t replays;         /* of each finding */
    uint64_t minimize_frames; /* played at most to shrink each finding's inputs; 0: they stay as they are */
    uint32_t pads;
    double spike_ms;     /* work time of a frame over which it may be a spike; 0: never */
    const char *scene_watch; /* the watch whose value names the scene (fleet/scenes.h), or NULL */
    uint32_t softlock_s; /* game time in one scene until it is looked at for a softlock; 0: never */
    /* What it is judged by; see baseline/gate.h. All may be NULL: then any finding fails it. */
    const struct moth_gate_rules *gate;
    const struct moth_baseline *baseline; /* for metrics, and who is known already */
    void (*know)(void *context, struct moth_finding *finding); /* sets what the team knows of a finding */
    void *know_context;
    const char *machine;     /* class of this one */
    const char *judge_warning; /* what is odd about all this */
    bool strict; /* replay a clean instance and compare */
    bool fail_on_flaky;
    const char *out; /* made if missing */
    const char *bus_url; /* where the run is shown to other programs, and may be driven by them; NULL: nowhere */
    const char *bus_token; /* file, or NULL: see bus/place.h */
    bool bus_remote;     /* other machines may come */
    const char *resume; /* output folder of an earlier run that this one goes on with, or NULL */
    bool seed_given;    /* false: `seed` is the default, and one that is resumed has its own */
    bool adaptive;      /* agents' weights follow what they find; not with a frame budget or shards */
    uint32_t stuck_s;   /* a worker without a sign of life for so long is replaced; 0: never */
    uint64_t disk_bytes; /* of the output folder: ordinary traces are dropped beyond it; 0: no limit */
    uint32_t traces;     /* ordinary traces that are kept, at most */
    const struct moth_map_names *map_names; /* watches that are coordinates; NULL: the usual ones */
    size_t n_map_names;
    uint64_t world_seed; /* of the game in instances of agents that explore; set by moth_fleet_run */
    /* Told of the run's state a few times a second; may be NULL. */
    void (*progress)(void *context, const struct moth_run_progress *progress);
    /* Told of the run as far as it came, at intervals and after findings, to be put on disk. May be NULL. */
    void (*report)(void *context, const struct moth_run_summary *summary);
    /* Told of each new finding, which is on disk. May be NULL. */
    void (*found)(void *context, const char *kind, const char *title, const char *fingerprint);
    void *context;
};

struct moth_fleet_result; /* opaque; owns what the summary points to */

/* Play. 0 with *result, also when interrupted or when nothing ran; -1 with err when the run could not
 * begin (output folder, a game that cannot be launched at all). */
int moth_fleet_run(const struct moth_fleet_config *config, struct moth_fleet_result **result,
                   struct moth_err *err);
const struct moth_run_summary *moth_fleet_summary(const struct moth_fleet_result *result);
void moth_fleet_result_free(struct moth_fleet_result *result);

#endif
