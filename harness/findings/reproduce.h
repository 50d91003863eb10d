/* SPDX-License-Identifier: MIT
 *
 * Replaying a trace in a fresh instance, and judging how it ended.
 */
#ifndef MOTH_FINDINGS_REPRODUCE_H
#define MOTH_FINDINGS_REPRODUCE_H

#include "findings/finding.h"
#include "runner/instance.h"
#include "wire/trace.h"

#define MOTH_REPLAY_GRACE_FRAMES 120u /* played beyond the finding's frame before it counts as gone */
#define MOTH_SOFTLOCK_SNAPSHOT_BYTES (256u << 20) /* of live snapshots, while one is judged again */
#define MOTH_LOG_TAIL_BYTES 65536u    /* of the game's output, for the detectors */

struct moth_replay_config {
    struct moth_limits limits;
    const char *probe_path; /* NULL: found by moth's own place */
    const char *const *watches, *const *debug_dirs; /* for an agent that is played again; may be NULL */
    const char *log_path;   /* where the game's log is kept, or NULL */
    uint32_t softlock_s;    /* game time a softlock has shown itself for, at its trace's end; 0: 45 */
    double spike_ms;        /* budget of a frame for a spike; 0: what the trace says, else the usual one */
    /* Asked between steps; true ends the replay. May be NULL. */
    bool (*interrupted)(void *context);
    void *context;
};

struct moth_replay_outcome {
    struct moth_finding *finding; /* with fingerprint; NULL: it ran clean */
    uint32_t frames;              /* boundaries reached */
    uint64_t frames_tried;        /* … beyond that, on the ways out that were tried */
    bool started;                 /* its first boundary was reached */
    bool interrupted;
    bool killed;      /* SIGKILL from outside: the replay says nothing */
    bool other_build; /* the game's build id is not the trace's */
    bool diverged;    /* a checkpoint differs: at which frame, and which chain */
    uint32_t diverged_frame;
    const char *diverged_what; /* static */
};

/* Play `trace` once. 0 with `outcome` filled, or -1 for a fault of the harness or a game that cannot be
 * launched. */
int moth_replay(const struct moth_trace *trace, const struct moth_replay_config *config,
                struct moth_replay_outcome *outcome, struct moth_err *err);
/* What such a replay says of the finding that was to be met. */
struct moth_finding_attempt moth_reproduce_attempt(const struct moth_finding *finding,
                                           const struct moth_replay_outcome *outcome);
void moth_replay_outcome_fini(struct moth_replay_outcome *outcome);

/* Replay `times` times; *met counts those that ended in `fingerprint`, *tried those that were played.
 * Stops when interrupted. */
int moth_reproduce(const struct moth_trace *trace, const struct moth_replay_config *config,
                   const char *fingerprint, uint32_t times, uint32_t *met, uint32_t *tried,
                   struct moth_err *err);

/* The launch that a trace's header asks for. Borrows the header's strings. */
struct moth_instance_config moth_replay_launch_config(const struct moth_trace_header *header,
                                                      const struct moth_replay_config *config);
/* The events that a step of `frames` from `frame` on applies, counting from 0; `next` is the first that was not
 * taken yet. How many. */
size_t moth_replay_take_events(const struct moth_trace *trace, size_t *next, uint32_t frame, uint32_t frames,
                               struct moth_input_event *taken, size_t max);
/* The frame up to which a trace is replayed: its end, or a little beyond the frame that its game died in. */
uint32_t moth_replay_last_frame(const struct moth_trace *trace);
/* The game lives on in what the trace found: it is not seen in the game's end (a softlock, a leak, a spike, what a
 * script reported). */
bool moth_replay_lives_on(const struct moth_trace *trace);
/* In what a boundary is another than the recording's, or NULL. `picture`: it was looked at, too. */
const char *moth_replay_difference(const struct moth_trace_checkpoint *was, const struct moth_observation *is,
                                   bool picture);
/* A detector's finding for an instance that ended, with fingerprint; NULL when nothing is wrong, or when
 * it ended before its first boundary. */
struct moth_finding *moth_judge(struct moth_instance *instance);

#endif
