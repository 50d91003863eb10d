/* SPDX-License-Identifier: MIT
 *
 * The work time of every frame of a trace, by playing it in a fresh process from its launch. Branches are no
 * place to measure in: after a fork each page that is written to costs a fault.
 *
 * A replay is played in programs as long as they can be, and nothing is looked at: where frames are drawn
 * only to be looked at, the last of a program is, and what it costs is not the game's.
 */
#ifndef MOTH_FINDINGS_WORK_H
#define MOTH_FINDINGS_WORK_H

#include "findings/reproduce.h"

struct moth_work_frame {
    uint64_t ns;      /* work time; 0: there was no such frame */
    uint64_t time_ns; /* game time */
    uint64_t chain;   /* of all that is known of the game: the same where two plays are alike up to here */
    bool drawn;       /* as moth_observation's */
};

struct moth_work {
    struct moth_work_frame *frames; /* by number; frames[0] is none */
    uint32_t n;                     /* the last one's number + 1 */
    uint32_t reached;               /* boundary */
    bool ended;                     /* the game ended before the trace did, */
    struct moth_finding *end;       /* … of this, or NULL: it left by itself; released with the rest */
    bool interrupted;
    bool other_build; /* the game's build id is not the trace's */
    char build_id[41];
    uint32_t diverged_frame; /* first checkpoint whose chains (all but the picture) differ; 0: none */
    const char *diverged_what;
    size_t next_checkpoint;
};

struct moth_work_config {
    struct moth_replay_config replay;
    uint32_t last;         /* frame to play to; 0: the trace's last */
    const uint32_t *apart; /* no program ends at these frames or just before them */
    size_t n_apart;
};

/* 0 with *work, which the caller releases; or -1 with err. */
int moth_work_play(const struct moth_trace *trace, const struct moth_work_config *config,
                   struct moth_work *work, struct moth_err *err);
void moth_work_fini(struct moth_work *work);

/* A trace being played by hand, for those who do something at one of its frames. */
struct moth_work_player {
    struct moth_instance *instance;
    const struct moth_trace *trace;
    struct moth_input_event *events; /* of one step */
    size_t next;
};

/* 0, or -1 when the game cannot be launched. */
int moth_work_open(struct moth_work_player *player, const struct moth_trace *trace,
                   const struct moth_replay_config *config, struct moth_err *err);
/* Play `frames` (at most MOTH_PROGRAM_FRAMES_MAX); observations and their number as moth_instance_step's. */
enum moth_step moth_work_step(struct moth_work_player *player, uint32_t frames, uint32_t want,
                              struct moth_observation *observed, uint32_t *n, struct moth_err *err);
/* The inputs of the next `frames`, taken out of the trace, in player->events. How many. */
size_t moth_work_take(struct moth_work_player *player, uint32_t frames);
void moth_work_close(struct moth_work_player *player);

#endif
