/* SPDX-License-Identifier: MIT
 *
 * Trials: one game played once, every boundary observed, and played again with the same inputs.
 *
 * Life cycle: moth_trial_record (an agent plays) → moth_trial_repeat as often as wanted →
 * moth_trial_compare → moth_trial_fini each. A trial ends early when the game does. No global state.
 */
#ifndef MOTH_DOCTOR_TRIAL_H
#define MOTH_DOCTOR_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bindings/lua/host.h"
#include "runner/instance.h"

/* What the game's process told of itself, copied out of its channel. */
struct moth_trial_facts {
    uint32_t attach, threads_created, preempted, synthetic_boundaries, presents, gl_used;
    char sdl_version[16], video_driver[16];
    struct moth_bypass_counts bypass;
    char bypass_place[6][96]; /* "module+0x…" of one example each, "" when there was none */
    char **warnings;
    size_t n_warnings;
    bool setid_copy;
};

struct moth_trial {
    struct moth_observation *observed;
    size_t n_observed, room;
    struct moth_input_event *events; /* frames count from the trial's first boundary */
    size_t n_events, events_room;
    enum moth_step how;      /* MOTH_STEP_OK: all frames were played */
    struct moth_death death; /* strings are not kept */
    struct moth_trial_facts facts;
    double boot_s, play_s; /* wall */
    char *log;             /* end of the game's output */
};

struct moth_watches; /* runner/watches.h */

/* Let an agent play up to `frames` boundaries, recording its inputs. `watches`: what it may watch, begun and
 * filled by the caller; NULL: only what the game publishes. 0, or -1 and err when the game
 * could not be launched or the agent failed. */
int moth_trial_record(const struct moth_instance_config *config, const struct moth_agent *agent,
                      uint64_t seed, uint32_t pads, uint32_t frames, struct moth_watches *watches,
                      struct moth_trial *trial, struct moth_err *err);
/* Play the inputs of `first` again, for as many boundaries as it had, in steps of `chunk` boundaries.
 * want: as in wire/channel.h. */
int moth_trial_repeat(const struct moth_instance_config *config, const struct moth_trial *first,
                      uint32_t chunk, uint32_t want, struct moth_trial *trial, struct moth_err *err);

struct moth_branching {
    bool ok;                       /* a branch could be made */
    double snapshot_ms, branch_ms; /* wall: parking the game; going on from there */
    char why[256];                 /* not ok: why */
    char shared[128];              /* what the branch shares with the game it came from, or "" */
};

/* As moth_trial_repeat, with a snapshot taken half-way: *parent goes on from there, and then *branch does
 * once more. Where it could not be taken, *branch is empty. */
int moth_trial_branch(const struct moth_instance_config *config, const struct moth_trial *first,
                      struct moth_trial *parent, struct moth_trial *branch, struct moth_branching *found,
                      struct moth_err *err);
void moth_trial_fini(struct moth_trial *trial);

/* The first boundary at which two trials differ. */
struct moth_divergence {
    bool any;
    uint32_t frame;
    const char *what;       /* the source nearest the cause: "virtual time", "random draws", … */
    bool pictures_compared; /* at least one picture was read in both */
};
struct moth_divergence moth_trial_compare(const struct moth_trial *a, const struct moth_trial *b);

/* Run the game without moth for up to `seconds`, to know what is the game's own fault. True: it was
 * still running then, or left with status 0. `text` gets what happened. */
bool moth_bare_run(const struct moth_instance_config *config, double seconds, char *text, size_t size);

/* Keep every CPU busy, twice over, until moth_load_stop. */
struct moth_load {
    int pids[64];
    unsigned n;
};
void moth_load_start(struct moth_load *load);
void moth_load_stop(struct moth_load *load);

#endif
