/* SPDX-License-Identifier: MIT
 *
 * The stage: one game on its tree of branches, and all that an agent can do with it. It records, judges what
 * the game dies of, watches over what it does while it lives, and notes what the script finds.
 */
#ifndef MOTH_FLEET_STAGE_H
#define MOTH_FLEET_STAGE_H

#include "branch/tree.h"
#include "explore/share.h"
#include "fleet/places.h"
#include "fleet/keep.h"
#include "fleet/said.h"
#include "scan/set.h"
#include "fleet/scenes.h"
#include "fleet/spikes.h"
#include "findings/properties.h"
#include "runner/entries.h"
#include "fleet/stuck.h"
#include "survey/survey.h"

struct moth_watches; /* runner/watches.h */

struct moth_stage {
    const struct moth_play_place *place; /* NULL: nothing is kept or told */
    uint32_t index;
    bool (*stopped)(void *context);
    void *stop_context;

    struct moth_trace_header header; /* build_id is owned */
    uint64_t agent_seed;
    const char *const *watched;    /* "NAME=EXPRESSION", NULL-terminated, or NULL */
    const char *const *debug_dirs; /* … and where debug files are */
    struct moth_watches *watches;  /* the worker's; NULL at launch: its own */
    struct moth_watches *own_watches;
    struct moth_scans scans; /* the agent's */
    struct moth_entries entries; /* … functions that it hears of */
    struct moth_log *archive; /* the run's, or NULL */
    struct moth_tree *tree;
    enum moth_step step;      /* what the last step said */
    bool scenario;            /* a play that has an end: the game must not leave before it */
    bool asked_to_quit;       /* the agent closed the window */
    bool killed;              /* something outside killed the game, on whatever branch: the play says nothing */
    struct moth_err err;      /* … when it was a fault */
    struct moth_node **nodes; /* the agent's snapshots; an id is the index + 1, NULL where released */
    size_t *tips;             /* … what had been seen on the way to each */
    size_t n_nodes, n_held;
    struct moth_stuck stuck;
    struct moth_spikes spikes;
    struct moth_scenes scenes;
    uint64_t spike_ns; /* budget of a frame; 0: spikes are not watched for */

    char *work; /* folder of this instance, or NULL */
    uint64_t told_ns;
    uint32_t frames;              /* boundaries played, over all branches */
    uint64_t virtual_ns, last_ns; /* their time; when the last one was */
    struct moth_observation unsaid; /* the last one, to be said on the bus; frame 0: none */
    struct moth_keep keep;
    struct moth_said said;
    struct moth_properties properties; /* over all branches */
    uint32_t violations_changed;       /* the channel's count when it was looked through for violations */
    char *warnings; /* sentences, a line each, or NULL */
    struct moth_frame_counts *frame_counts;
    struct moth_scout scout;
    struct moth_message_done *seen; /* gets the places that are new to `cells`; NULL: nobody counts them */
    struct moth_places *cells;       /* … which lasts as long as the worker */
};

/* Launch into a stage whose first part was filled. NULL tree: err says why. */
void moth_stage_launch(struct moth_stage *stage, const struct moth_instance_config *config,
                       uint64_t memory_bytes, struct moth_err *err);
/* Tell the place how far it is, now and then: also a play that waits is alive. */
void moth_stage_tell(struct moth_stage *stage);
/* The boundary the game stands at. */
uint32_t moth_stage_frame(const struct moth_stage *stage);
/* From here on look out for softlocks and leaks. */
void moth_stage_watch(struct moth_stage *stage);
/* Let an agent play at most `frames` boundaries; NULL: a program from outside. */
enum moth_agent_result moth_stage_play(struct moth_stage *stage, const struct moth_agent *agent,
                                       uint32_t frames, uint32_t pads, struct moth_agent_outcome *outcome);
/* The step that follows from a look for softlocks, and at the end for leaks, where the game stands. */
enum moth_step moth_stage_look(struct moth_stage *stage, bool last);
/* The play is over: play its suspicious frames again, and note what returns. 0, or -1 with stage->err. */
int moth_stage_judge_spikes(struct moth_stage *stage, const struct moth_replay_config *how);
/* Note what the game died of, if it is something. */
void moth_stage_judge(struct moth_stage *stage);
/* Note a finding, which is taken. */
void moth_stage_note(struct moth_stage *stage, struct moth_finding *finding);
void moth_stage_fini(struct moth_stage *stage);

/* A line for each watch whose expression was never found. */
void moth_stage_missing_watches(const struct moth_stage *stage, char **lines);

/* Append a line to the text at `context` (char **). */
void moth_stage_add_line(const char *sentence, void *context);

#endif
