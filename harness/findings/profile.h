/* SPDX-License-Identifier: MIT
 *
 * How long each function of a game works in a trace, without the calls it makes: a play that is stopped every
 * now and then and asked where it is. Each sample stands for the work time since the one before, so their sum
 * is the play's. One play is one measurement: what is said of a function rests on several, in fresh
 * processes.
 */
#ifndef MOTH_FINDINGS_PROFILE_H
#define MOTH_FINDINGS_PROFILE_H

#include "findings/reproduce.h"

struct moth_profile_function {
    char *name;           /* as moth_frame_key has it; "(the game)": all of it that has no symbols */
    char *place;          /* one of its frames, as moth_frame_text has it */
    uint64_t ns, samples; /* with what was inlined into it; */
    uint64_t own_ns;      /* … without, */
    uint64_t inlined_ns;  /* … and so much of that where it was inlined itself */
    uint64_t last_pc;     /* while it is made */
};

struct moth_profile {
    struct moth_profile_function *functions; /* by name */
    size_t n;
    uint64_t ns, samples;
    char program[256]; /* the file that runs, without its folder */
    bool interrupted;
};

/* Play to frame `last`, and look about every `period_ns` of the frames from 2 on. 0 with *profile, or -1. */
int moth_profile_play(const struct moth_trace *trace, const struct moth_replay_config *config, uint32_t last,
                      uint64_t period_ns, struct moth_profile *profile, struct moth_err *err);
/* NULL when it is not there. */
const struct moth_profile_function *moth_profile_find(const struct moth_profile *profile, const char *name);
void moth_profile_fini(struct moth_profile *profile);

#endif
