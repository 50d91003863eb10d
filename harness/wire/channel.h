/* SPDX-License-Identifier: MIT
 *
 * The channel: one memfd shared by the runner and one game, and the contract between them.
 *
 * The runner creates it, writes `config`, and launches the game, which inherits the descriptor as
 * MOTH_CHANNEL_FD. From then on exactly one side runs: `turn` says which, and is the futex both
 * wait on. The runner writes a program (inputs for k frames), gives the turn, and gets it back with
 * one observation a boundary; or the game stops early and `state` says why.
 *
 * Nothing in here is trusted by the runner: a game can scribble on its own memory, so every index
 * and length that is read back is bounded by the reader. Both sides are always from one build:
 * `version` is checked, and a foreign probe steps aside.
 */
#ifndef MOTH_WIRE_CHANNEL_H
#define MOTH_WIRE_CHANNEL_H

#include <stdatomic.h>
#include <stdint.h>

#include "wire/call.h"
#include "wire/input.h"
#include "wire/mail.h"
#include "wire/peek.h"

#define MOTH_CHANNEL_MAGIC 0x6c6e6863686d746fULL
#define MOTH_CHANNEL_VERSION 4u
#define MOTH_CHANNEL_FD 900  /* the channel, in the game */
#define MOTH_PRIVATE_FD 901  /* the instance's private folder: HOME is below /proc/self/fd/901 */

#define MOTH_PROGRAM_FRAMES_MAX 256u
#define MOTH_PROGRAM_EVENTS_MAX 4096u
#define MOTH_FIBERS_MAX 1024u
#define MOTH_WARNINGS_BYTES 8192u
#define MOTH_PICTURE_BYTES_MAX (4096u * 4096u * 4u)
#define MOTH_CELL_COLUMNS 11u
#define MOTH_CELL_ROWS 8u

enum moth_turn {
    MOTH_TURN_GAME = 0, /* from launch on: the game runs */
    MOTH_TURN_RUNNER = 1
};

/* Why the game gave the turn back. */
enum moth_state {
    MOTH_STATE_BOOT = 0,   /* no boundary yet */
    MOTH_STATE_BOUNDARY,   /* the program is done; the game stands at a boundary */
    MOTH_STATE_CRASH,      /* a fatal signal; `crash` is filled, the process waits to be looked at */
    MOTH_STATE_DEADLOCK,   /* nothing can run any more; `deadlock_text` says who waits for what */
    MOTH_STATE_EXIT,       /* exit() or _exit() was called; `exit_status` is set; given the turn, it goes on to die */
    MOTH_STATE_ABANDONED,  /* the probe stepped aside; `warnings` says why */
    MOTH_STATE_SAMPLE      /* on the way to a boundary: `sample` holds where; it goes on when given the turn */
};

enum moth_video { MOTH_VIDEO_AUTO, MOTH_VIDEO_NONE, MOTH_VIDEO_SOFTWARE, MOTH_VIDEO_GL };
enum moth_render { MOTH_RENDER_AUTO, MOTH_RENDER_ON, MOTH_RENDER_OFF };
enum moth_threads { MOTH_THREADS_DETERMINISTIC, MOTH_THREADS_NATIVE };
enum moth_attach { MOTH_ATTACH_NOT_YET, MOTH_ATTACH_PRELOAD, MOTH_ATTACH_DYNAPI, MOTH_ATTACH_LINK };

/* What a boundary's observation holds beyond the cheap fields (bits of program.want). */
enum moth_want {
    MOTH_WANT_PICTURE = 1u << 0,      /* hash the whole picture at each boundary of the program */
    MOTH_WANT_PICTURE_LAST = 1u << 1, /* … at the program's last boundary only */
    MOTH_WANT_PIXELS = 1u << 2,       /* copy the picture at the last boundary into the picture area */
    MOTH_WANT_CELL = 1u << 3,         /* sample the grey cell grid at the last boundary */
    MOTH_WANT_WORK = 1u << 4,         /* work time by fiber in each frame, not in every 16th only */
    MOTH_WANT_SAMPLES = 1u << 5,      /* in a program of one frame: stop on the way with MOTH_STATE_SAMPLE … */
    MOTH_WANT_COUNTS = 1u << 6,       /* … and count its allocations */
    MOTH_WANT_NOTHING = 1u << 7,      /* nor will anything be asked for where the program ends: it need not be drawn */
    MOTH_WANT_HEAP = 1u << 8,         /* ask libc at the last boundary what the heap holds */
    MOTH_WANT_WATCHES = 1u << 9       /* in a look: read the watched variables, which are others than before */
};

/* Stop the program before its end (bits of program.stop). */
enum moth_stop {
    MOTH_STOP_EVENT = 1u << 0, /* the game announced something */
    MOTH_STOP_WATCH = 1u << 2, /* a published or watched value is another one than at the program's start */
    MOTH_STOP_CELL = 1u << 1   /* the cell grid differs from the one at the program's start */
};

struct moth_channel_config {
    uint64_t seed;          /* of the game's entropy */
    uint64_t schedule_seed; /* 0: round-robin */
    uint32_t hz;
    uint32_t video;   /* enum moth_video */
    uint32_t render;  /* enum moth_render */
    uint32_t threads; /* enum moth_threads */
    uint32_t spin_budget_ms; /* CPU time without a scheduling point until preemption */
    uint64_t launch_s;    /* real time of launch, seconds since 1970: files newer than that have no true age */
    struct moth_group_place group;
};

#define MOTH_BRANCH_FOLDER_BYTES 512u

/* How far a branch is. */
enum moth_branch_state {
    MOTH_BRANCH_BORN = 0,
    MOTH_BRANCH_READY,  /* it has a channel of its own, at MOTH_CHANNEL_FD, and stands at the boundary there */
    MOTH_BRANCH_FAILED  /* `problem` says why; it ends itself */
};

/* What a game that stands at a boundary is asked to do with itself. */
enum moth_branch_wish {
    MOTH_BRANCH_NOTHING = 0,
    MOTH_BRANCH_FORK,
    MOTH_BRANCH_DROP /* give memory back: what was in it is kept elsewhere (moth_channel_ranges) */
};

struct moth_range {
    uint64_t low, pages; /* of 4096 bytes */
};

#define MOTH_RANGES_MAX (MOTH_PROGRAM_EVENTS_MAX * sizeof(struct moth_input_event) / sizeof(struct moth_range))

/* Asked for with program.frames 0 and `wanted`. For a fork, the game forks itself where it stands. The game that forks
 * gives the turn back at once; the branch tells of itself in the channel it was born with, and then leaves
 * that one for its own. */
struct moth_branch_request {
    uint32_t wanted; /* enum moth_branch_wish */
    uint32_t n_ranges;
    int32_t runner_pid;                    /* who the branch must die with */
    char folder[MOTH_BRANCH_FOLDER_BYTES]; /* its private folder: a copy, absolute path */
    int32_t pid;                           /* answer: the branch's, or a negative errno */
    _Atomic uint32_t state;                /* enum moth_branch_state; futex */
    char problem[128];
};

struct moth_program {
    uint32_t frames;   /* 1..MOTH_PROGRAM_FRAMES_MAX; 0: look (`want`) or branch, and give the turn back */
    uint32_t n_events; /* sorted by frame, each frame < frames */
    uint32_t want;     /* enum moth_want */
    uint32_t stop;     /* enum moth_stop */
    struct moth_input_event events[MOTH_PROGRAM_EVENTS_MAX];
};

#define MOTH_WORK_PARTS_MAX 6u

/* What one fiber worked in a frame. */
struct moth_work_part {
    char name[16];
    uint32_t fiber;
    uint32_t ns; /* saturates at 4.29 s */
};

/* What is known at one boundary. The chains are running hashes from launch on: two runs are alike up
 * to a frame when all four are equal there. */
struct moth_observation {
    uint32_t frame;     /* 1-based: the boundary's number */
    uint32_t presented; /* pictures presented since the boundary before */
    uint64_t time_ns;   /* virtual time since launch */
    uint64_t picture;   /* XXH3 of the last presented picture; 0: not asked for or not readable */
    uint64_t audio_chain;
    uint64_t random_chain; /* entropy handed out and generators seeded */
    uint64_t call_chain;   /* scheduling: which fiber ran when */
    /* Work time: CPU time of the game's kernel thread since the boundary before, without what it spent in
     * boundaries and in waiting for the next tick. --threads native: wall time between the two. */
    uint64_t cpu_ns;
    uint8_t picture_ok;    /* 1: `picture` is a hash of real pixels */
    uint8_t drawn;         /* 1: it was drawn because it may be looked at, and others are not */
    uint8_t reserved[2];
    uint32_t n_parts; /* 0: not known of this frame */
    struct moth_work_part parts[MOTH_WORK_PARTS_MAX]; /* those that worked most, the most first */
};

enum moth_wait_kind {
    MOTH_WAIT_NONE, /* runnable */
    MOTH_WAIT_SLEEP,
    MOTH_WAIT_MUTEX,
    MOTH_WAIT_COND,
    MOTH_WAIT_SEM,
    MOTH_WAIT_RWLOCK,
    MOTH_WAIT_BARRIER,
    MOTH_WAIT_JOIN,
    MOTH_WAIT_FUTEX,
    MOTH_WAIT_FD,
    MOTH_WAIT_ONCE,
    MOTH_WAIT_SIGNAL,
    MOTH_WAIT_OTHER
};

enum moth_fiber_state { MOTH_FIBER_FREE, MOTH_FIBER_ALIVE, MOTH_FIBER_FINISHED };

/* One fiber, as the runner's unwinder needs it. `sp` is valid while the fiber is switched out: the
 * callee-saved registers lie there in the order of arch's switch (see probe/arch). */
struct moth_fiber_record {
    uint32_t state; /* enum moth_fiber_state */
    uint32_t wait;  /* enum moth_wait_kind */
    uint64_t sp;
    uint64_t fs_base;
    uint64_t wait_key; /* address waited on */
    int32_t tid;       /* of the parked kernel thread */
    int32_t owner;     /* fiber that holds what is waited for, or -1 */
    char name[16];
};

#define MOTH_ANNOUNCEMENTS_MAX 256u

enum moth_announce_kind {
    MOTH_ANNOUNCE_EVENT = 1,
    MOTH_ANNOUNCE_VIOLATION,   /* a moth_always that did not hold */
    MOTH_ANNOUNCE_UNREACHABLE, /* a moth_unreachable that was met */
    MOTH_ANNOUNCE_ENTERED,     /* a function that a script watches; `text`: its arguments, hexadecimal */
    MOTH_ANNOUNCE_LOST         /* not the game's: `text` says how many there was no room for */
};

/* One thing the game said through moth.h. */
struct moth_announcement {
    uint32_t frame;
    uint8_t kind; /* enum moth_announce_kind */
    char name[123];
    char text[256]; /* an event's text; a violated property's "file:line" */
};

#define MOTH_PROPERTIES_MAX 512u

/* A property that the game states through moth.h. */
struct moth_property_record {
    uint8_t kind;     /* enum moth_property_kind of moth.h */
    uint8_t seen;     /* sometimes: it held; else: the line was met */
    uint8_t violated; /* always: it did not hold; unreachable: it was met */
    uint8_t reserved;
    uint32_t line;
    uint32_t violated_frame; /* the boundary before */
    char message[122];
    char file[122];
};

#define MOTH_WATCHES_MAX 128u
#define MOTH_WATCH_TEXT_BYTES 64u

/* What a value is. The first are enum moth_watch_type of moth.h, and all that the game itself publishes. */
enum moth_value_type {
    MOTH_VALUE_I32,
    MOTH_VALUE_F32,
    MOTH_VALUE_F64,
    MOTH_VALUE_BOOL,
    MOTH_VALUE_STR,
    MOTH_VALUE_INTEGER, /* `integer`, and as near as it comes in `number` */
    MOTH_VALUE_ENUM,    /* the same, and its name in `text` ("" when it has none) */
    MOTH_VALUE_TABLE    /* an array or a struct: its type in `text` */
};

/* A variable that the game published through moth.h, as it was at the boundary where the game stands; or one
 * that the runner watches, in its own memory. */
struct moth_watch_value {
    char name[55];
    uint8_t type;  /* enum moth_value_type */
    uint32_t ok;   /* 0: taken back, or its memory cannot be read */
    uint32_t reserved;
    double number; /* i32, f32, f64; bool: 0 or 1 */
    int64_t integer;
    char text[MOTH_WATCH_TEXT_BYTES]; /* str, NUL-terminated, cut */
};

/* How a call went. */
enum moth_call_status {
    MOTH_CALL_DONE = 0,
    MOTH_CALL_REFUSED /* nothing was called; `problem` says why */
};

/* Asked for with program.frames 0 and `wanted`: the game calls one of its functions where it stands, on its main
 * fiber, and gives the turn back. Other fibers go on meanwhile as far as the function waits. */
struct moth_call_request {
    uint32_t wanted;
    uint32_t running; /* 1: the game is in the function */
    uint32_t fiber;   /* … on this fiber */
    uint32_t status;  /* enum moth_call_status */
    uint64_t address; /* of the function */
    char text[MOTH_CALL_TEXT_BYTES];   /* as wire/call.h has it */
    char result[MOTH_CALL_TEXT_BYTES]; /* answer, likewise */
    char problem[128];
    uint32_t slots_used; /* pointers that are known by a number, the next one's place */
    uint64_t slots[MOTH_CALL_SLOTS];
};

#define MOTH_ENTRIES_MAX 16u
#define MOTH_ENTRY_SYMBOL_BYTES 512u

/* A function of the game whose calls are announced (MOTH_ANNOUNCE_ENTERED). */
struct moth_entry_point {
    char name[123]; /* what is announced: as the script has it */
    uint8_t met;    /* answer: a module exports it */
    char symbol[MOTH_ENTRY_SYMBOL_BYTES]; /* by which modules refer to it; answer, where only `address` was known */
    uint64_t address; /* where it lies, 0: not known */
    uint32_t places;  /* answer: in modules, through which it is called */
    uint32_t untold;  /* answer: … that may be more than calls, and are left alone */
};

/* Asked for with program.frames 0 and `wanted`: see to it that calls of these are announced. */
struct moth_entry_table {
    uint32_t wanted, n;
    uint64_t generation;     /* the runner's: of what is in here */
    uint32_t objects_opened; /* calls of dlopen when modules were looked through last */
    struct moth_entry_point items[MOTH_ENTRIES_MAX];
};

#define MOTH_CRASH_REGS 32 /* x86-64: glibc's gregs order (23 used); arm64: x0..x30, sp; pc apart */

struct moth_crash_record {
    int32_t signal;
    int32_t code; /* siginfo's si_code */
    uint64_t address;
    uint64_t pc, sp, fp;
    uint64_t regs[MOTH_CRASH_REGS];
    uint32_t fiber;
    uint32_t stack_overflow; /* 1: the fault lies just below the fiber's stack */
    char message[512];       /* libc's abort message (assert, heap check), or "" */
};

struct moth_picture_header {
    uint32_t width, height, pitch_bytes;
    uint32_t ok;       /* 0: could not be read */
    uint32_t sequence; /* counts presents */
    /* pixels follow in moth_channel.pixels: 4 bytes each, R G B X */
};

/* Calls that went past the hooks, counted by kind; `moth doctor` names them. */
struct moth_bypass_counts {
    uint64_t rdtsc; /* trapped and answered from the virtual clock */
    uint64_t raw_time, raw_random, raw_futex, raw_sleep, raw_other; /* raw system calls */
    uint64_t last_pc[6]; /* one example address of each, same order */
};

/* The game in the middle of a frame, and what that frame took of it so far. */
struct moth_work_sample {
    uint64_t period_ns; /* the runner's: between two samples */
    uint64_t ns;        /* work time since the sample before */
    uint64_t regs[MOTH_CRASH_REGS]; /* as moth_crash_record's, of the fiber fiber_current */
    uint64_t allocations, allocated_bytes, lock_waits; /* of the frame; counted in sampled frames only */
};

struct moth_channel {
    uint64_t magic;
    uint32_t version, size;
    struct moth_channel_config config;

    _Atomic uint32_t turn;      /* enum moth_turn; futex */
    _Atomic uint32_t owner_pid; /* real pid of the process that claimed the channel, 0: none yet */
    uint32_t state;             /* enum moth_state */
    uint32_t attach;            /* enum moth_attach */
    int32_t exit_status;
    uint32_t exit_kind;         /* 0: exit()/return from main, 1: _exit */

    struct moth_branch_request branch;
    struct moth_program program;
    uint32_t n_observations; /* of this program */
    uint32_t frame;          /* boundaries so far */
    struct moth_observation observations[MOTH_PROGRAM_FRAMES_MAX];

    uint8_t cell[MOTH_CELL_ROWS * MOTH_CELL_COLUMNS]; /* grey 0..255, row by row */
    uint32_t cell_ok;
    struct moth_picture_header picture;

    uint32_t window_w, window_h, text_input;
    int32_t mouse_x, mouse_y;              /* as the game sees it, in window pixels */
    uint32_t mouse_relative, mouse_warps;  /* the game wants motion only; how often it has put the pointer somewhere */
    uint32_t objects_opened; /* calls of dlopen so far */
    uint32_t maps_files;     /* 1: files of the private folder are, or were, mapped to be written */
    uint32_t threads_created, preempted, fiber_current, n_fibers;
    uint32_t gl_used, present_calls, synthetic_boundaries, waiting;
    uint64_t vtime_ns;
    char sdl_version[16], video_driver[16];

    struct moth_bypass_counts bypass;
    struct moth_crash_record crash;
    char deadlock_text[1024];
    uint32_t n_announcements, announcements_lost; /* taken and reset by the runner */
    struct moth_announcement announcements[MOTH_ANNOUNCEMENTS_MAX];
    uint32_t warnings_used;
    char warnings[MOTH_WARNINGS_BYTES]; /* NUL-separated sentences */

    struct moth_fiber_record fibers[MOTH_FIBERS_MAX];

    uint32_t n_watches, watches_lost; /* lost: published when there was no room */
    struct moth_watch_value watches[MOTH_WATCHES_MAX];

    struct moth_work_sample sample;
    struct moth_call_request call;
    uint32_t n_properties, properties_lost, properties_changed; /* changed: counts news */
    struct moth_property_record properties[MOTH_PROPERTIES_MAX];
    uint64_t heap_bytes; /* handed out by libc's allocator and not given back; 0: not known */

    struct moth_peek_table peeks; /* variables the runner watches */
    struct moth_entry_table entries; /* … and functions */

    /* From here on nothing is to be known between two programs: a branch begins without it. */
    struct moth_mail outbox, inbox; /* the game's: filled by the game, filled by the runner */

    _Alignas(4096) uint8_t pixels[MOTH_PICTURE_BYTES_MAX];
};

/* The ranges of MOTH_BRANCH_DROP lie where a program's events would: there are none then. */
static inline struct moth_range *moth_channel_ranges(struct moth_channel *channel)
{
    return (struct moth_range *)(void *)channel->program.events;
}

#endif
