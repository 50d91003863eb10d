/* SPDX-License-Identifier: MIT
 *
 * One instance: a running game under the probe, driven boundary by boundary.
 *
 * Life cycle: moth_instance_launch → moth_instance_step … → moth_instance_close. The game stands
 * still between steps. When a step says anything but MOTH_STEP_OK the game is gone or must not be
 * stepped any more; what is left of it can be looked at (post-mortem) until close, which kills the
 * whole process group and removes the private folder. One thread; one process may hold several
 * instances. Nothing the game does ends the caller.
 */
#ifndef MOTH_RUNNER_INSTANCE_H
#define MOTH_RUNNER_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "wire/channel.h"
#include "wire/trace.h"

/* Limits, all watched or set from outside the game. 0 means the default. */
struct moth_limits {
    uint32_t boundary_cpu_ms;  /* CPU time without a boundary until it is a hang (default 5000) */
    uint32_t boundary_wall_ms; /* wall time without a boundary and without CPU use (default 20000) */
    uint32_t boot_wall_ms;     /* wall time until the first boundary (default 60000) */
    uint32_t memory_mb;        /* resident memory of the game (default 4096) */
    uint32_t file_mb;          /* size of any one file it writes, its log too (default 1024) */
};

struct moth_instance_config {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* extra "K=V", NULL-terminated; may be NULL */
    struct moth_channel_config channel;
    struct moth_limits limits;
    const char *probe_path; /* NULL: found by moth's own place */
    bool bare;              /* no probe at all: the game by itself (doctor's baseline) */
    bool debuggable;        /* a debugger may attach, also where the system lets only parents do so */
    /* The other members of a group, which play in the same virtual time and reach each other by a network of
     * their own. NULL, 0: the game by itself. */
    const struct moth_trace_member *members;
    size_t n_members;
    struct moth_link link; /* between each two of them */
};

struct moth_stacks; /* unwind/unwind.h */

enum moth_step {
    MOTH_STEP_OK,       /* at a boundary */
    MOTH_STEP_CRASH,    /* fatal signal, or a sanitizer's report */
    MOTH_STEP_HANG,     /* no boundary within the limits */
    MOTH_STEP_DEADLOCK, /* nothing can run any more */
    MOTH_STEP_EXIT,     /* left by itself; status in the death record */
    MOTH_STEP_MEMORY,   /* went over the memory limit and was stopped */
    MOTH_STEP_KILLED,   /* SIGKILL from outside: nobody's finding */
    MOTH_STEP_FAULT     /* ours; see err */
};

/* How it ended. Valid once a step said neither OK nor FAULT. */
struct moth_death {
    enum moth_step how;
    uint32_t frame;    /* last boundary reached */
    uint64_t time_ns;  /* virtual */
    int exit_status;   /* MOTH_STEP_EXIT */
    int signal;        /* MOTH_STEP_CRASH */
    char detail[1024]; /* abort message, deadlock's cycle, limit that was hit */
    char *sanitizer;   /* sanitizer's whole report, or NULL; owned by the instance */
    char *stacks;      /* text of all fibers' stacks, the culprit's first; owned by the instance */
    char call[128];  /* the function that a script called and that it ended in: the caller's fault; else "" */
    struct moth_stacks *unwound; /* the same, structured (unwind/unwind.h), or NULL; owned by the instance */
};

struct moth_instance; /* opaque */

/* What can be known of a game file before it is started. */
struct moth_game_info {
    char path[4096];     /* resolved program file */
    char run_path[4096]; /* what is executed: `path`, or a copy without the setgid bit */
    char build_id[41];   /* hex build id of the ELF, or hex XXH3 of the file's bytes */
    bool setid_copy;     /* set-user-id or set-group-id: a copy is run */
    bool script;         /* starts with "#!" */
};

/* Resolve argv[0] and refuse, with a sentence that says what to do: missing, a folder, not executable,
 * neither ELF nor script, 32-bit, foreign machine. Errors: MOTH_ERR_LAUNCH. */
int moth_game_inspect(const char *program, struct moth_game_info *info, struct moth_err *err);

/* Start a game and run it to its first boundary. NULL and err on failure to launch or attach; a game
 * that dies before its first boundary still returns an instance, and its death says how. */
struct moth_instance *moth_instance_launch(const struct moth_instance_config *config,
                                           struct moth_err *err);

/* Run `frames` boundaries (split into programs as needed) with events whose `frame` counts from 0 at
 * this call. `observed` (may be NULL) gets up to `frames` observations, *n_observed how many.
 * want and stop as in wire/channel.h. */
enum moth_step moth_instance_step(struct moth_instance *instance, uint32_t frames,
                                  const struct moth_input_event *events, size_t n_events,
                                  uint32_t want, uint32_t stop, struct moth_observation *observed,
                                  uint32_t *n_observed, struct moth_err *err);

/* Run one boundary, stopping the game about every `period_ns` on the way: `sampled` looks at channel->sample
 * and at the game, which stands still meanwhile, and must not step it. */
enum moth_step moth_instance_step_sampled(struct moth_instance *instance, const struct moth_input_event *events,
                                          size_t n_events, uint32_t want, uint64_t period_ns,
                                          void (*sampled)(void *context), void *context, struct moth_err *err);

/* ---- calls of the game's functions (wire/call.h), where it stands ---- */

struct moth_symbols; /* symbols/symbols.h */

/* What is known of the game's variables and functions, as it is mapped now. NULL and err. */
struct moth_symbols *moth_instance_symbols(struct moth_instance *instance, struct moth_err *err);
/* The signature of a function by the game's debug information. 0, or -1 with what to do. */
int moth_instance_call_signature(struct moth_instance *instance, const char *name, char *text, size_t size,
                                 struct moth_err *err);
/* Write pointers that calls gave back as what they are, so that the call can be made where addresses are others. */
void moth_instance_point(struct moth_instance *instance, struct moth_call *call);
/* Make a call that is given as text. MOTH_STEP_OK: `result` (may be NULL) has what came back. MOTH_STEP_FAULT: nothing was
 * called, err says why. Else the game ended in it: its death's `call` is set when that is the caller's fault. */
enum moth_step moth_instance_call(struct moth_instance *instance, const char *text, char *result, size_t size,
                                  struct moth_err *err);
/* Make the calls among the events of `frame`; moth_instance_step does so for the frames it begins. */
enum moth_step moth_instance_make_calls(struct moth_instance *instance, const struct moth_input_event *events,
                                        size_t n_events, uint32_t frame, struct moth_err *err);

/* Members of the group, the game itself included. */
unsigned moth_instance_members(const struct moth_instance *instance);
struct moth_member_info {
    const char *name;
    bool gone;                   /* it left, with status 0 */
    uint32_t window_w, window_h; /* pixels; 0: it has none */
    uint32_t frame;
    uint64_t time_ns;
};
bool moth_instance_member(const struct moth_instance *instance, unsigned index, struct moth_member_info *info);
/* Who ended it: a member's name, or NULL for the game itself. Its channel; its log is what the log functions give. */
const char *moth_instance_culprit(const struct moth_instance *instance);
const struct moth_channel *moth_instance_culprit_channel(const struct moth_instance *instance);

/* Newest observation (zeroed before the first boundary). */
const struct moth_observation *moth_instance_last(const struct moth_instance *instance);
const struct moth_death *moth_instance_death(const struct moth_instance *instance);
/* Shared memory, read only for callers; contents are the game's and not to be trusted. */
const struct moth_channel *moth_instance_channel(const struct moth_instance *instance);
const struct moth_game_info *moth_instance_game(const struct moth_instance *instance);
pid_t moth_instance_pid(const struct moth_instance *instance);

/* Read the watched variables, after others were put into the channel (runner/watches.h). 0 or -1. */
int moth_instance_sample(struct moth_instance *instance, struct moth_err *err);
/* See to the functions that were put into the channel (runner/entries.h). 0 or -1. */
int moth_instance_arm(struct moth_instance *instance, struct moth_err *err);
/* Ask for the picture as it stands now, without letting the game go on. 0, or -1 with a reason. */
int moth_instance_picture(struct moth_instance *instance, uint64_t *hash, struct moth_err *err);
/* The picture as it stands now as MOTH_CELL_ROWS × MOTH_CELL_COLUMNS grey values, row by row. 0, or -1 with
 * a reason. */
int moth_instance_cell(struct moth_instance *instance, uint8_t *grid, struct moth_err *err);
/* The picture as it stands now. The pixels are the game's memory: good until the next step, not to be trusted. */
struct moth_picture {
    const uint8_t *pixels; /* 4 bytes each, R G B X, rows packed */
    uint32_t width, height, sequence; /* sequence: counts what the game presented */
};
int moth_instance_pixels(struct moth_instance *instance, struct moth_picture *picture, struct moth_err *err);
/* Write it as PNG. */
int moth_instance_screenshot(struct moth_instance *instance, const char *path, struct moth_err *err);

/* Copy the end of the game's standard output and error, at most `size - 1` bytes, NUL-terminated. */
size_t moth_instance_log_tail(struct moth_instance *instance, char *buffer, size_t size);
/* Copy the whole log to a file. */
int moth_instance_log_save(struct moth_instance *instance, const char *path, struct moth_err *err);
/* Sentences the probe left (fibers preempted, no network, …): calls fn for each. */
void moth_instance_warnings(const struct moth_instance *instance,
                            void (*fn)(const char *sentence, void *context), void *context);

/* What the game announced through moth.h since the last call; calls fn for each. How many more there was no room for. */
uint32_t moth_instance_announcements(struct moth_instance *instance,
                                     void (*fn)(const struct moth_announcement *said, void *context), void *context);

void moth_instance_close(struct moth_instance *instance);

const char *moth_step_name(enum moth_step step);

#endif
