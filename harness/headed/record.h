/* SPDX-License-Identifier: MIT
 *
 * A person plays in a window, and what they do is recorded: moth record, and moth replay --until, which lets a trace
 * play the first part. The game runs as it does under an agent, in its own time, without a screen; the window shows
 * its picture and takes the inputs. Life cycle: one call. One thread; the caller has a reaper.
 */
#ifndef MOTH_HEADED_RECORD_H
#define MOTH_HEADED_RECORD_H

#include "findings/reproduce.h"
#include "headed/told.h"

struct moth_record_config {
    struct moth_trace_header header; /* how the game is launched; build_id is filled here */
    struct moth_replay_config how;   /* limits, and who may end it */
    const char *out;                 /* folder for trace, scenario and findings */
    uint32_t pads;                   /* plugged in from the start */
    double speed;                    /* times the game's own; 0: as fast as it goes */
    uint16_t host_key;
    const char *host_key_name;
    bool key_repeat;
    uint64_t memory_bytes; /* of places to go back to */
    uint32_t replays;      /* of what the game dies of */
    const struct moth_trace *before; /* played first, up to the frame `until`; NULL: nothing */
    uint32_t until;
    struct moth_told *told; /* who follows it, or NULL */
    uint64_t (*run_seed)(uint64_t instance_seed);
};

struct moth_record_outcome {
    uint32_t frames;  /* in the recording */
    size_t inputs, marks;
    uint32_t rewound; /* how often the person went back */
    bool interrupted; /* ended by how.interrupted */
    bool taken_over;  /* the first part was played and the person had the controls */
    const char *how_it_ended; /* static: "closed", "the game ended", … */
    struct moth_finding *finding; /* what the game died of, or NULL */
};

/* 0 with *outcome; -1 with err. The recording is on disk in both cases, as far as it came. */
int moth_record(const struct moth_record_config *config, struct moth_record_outcome *outcome, struct moth_err *err);
void moth_record_outcome_fini(struct moth_record_outcome *outcome);

#endif
