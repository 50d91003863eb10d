/* SPDX-License-Identifier: MIT
 *
 * A finding: something wrong that a run met, with what is needed to meet it again.
 *
 * Made by a detector from a death or by a script, given a fingerprint, stored in
 * `<out>/findings/<fingerprint>/` before anyone is told of it, replayed, then announced. Owns its
 * strings (malloc); moth_finding_free releases them and the struct.
 */
#ifndef MOTH_FINDINGS_FINDING_H
#define MOTH_FINDINGS_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* X(name, text in files) */
#define MOTH_FINDING_KINDS(X) \
    X(CRASH, "crash")         \
    X(HANG, "hang")           \
    X(DEADLOCK, "deadlock")   \
    X(SOFTLOCK, "softlock")   \
    X(SPIKE, "spike")         \
    X(INVARIANT, "invariant") \
    X(EXIT, "exit")           \
    X(SANITIZER, "sanitizer") \
    X(LEAK, "leak")           \
    X(NONDETERMINISM, "nondeterminism")

enum moth_finding_kind {
#define X(name, text) MOTH_FINDING_##name,
    MOTH_FINDING_KINDS(X)
#undef X
        MOTH_FINDING_KIND_END
};

/* X(name, text in files): what the team knows of it (baseline/baseline.h, history/history.h) */
#define MOTH_FINDING_STATUSES(X)                                            \
    X(NEW, "new")           /* nobody knew of it */                         \
    X(KNOWN, "known")       /* the baseline has it */                       \
    X(FIXED, "fixed")       /* known, looked for, and not there any more */ \
    X(REOPENED, "reopened") /* had been fixed, and came back */             \
    X(QUARANTINED, "quarantined")

enum moth_finding_status {
#define X(name, text) MOTH_FINDING_STATUS_##name,
    MOTH_FINDING_STATUSES(X)
#undef X
        MOTH_FINDING_STATUS_END
};

/* X(name, text in files): how one replay of a finding ended */
#define MOTH_FINDING_ATTEMPT_OUTCOMES(X) \
    X(MET, "met")     /* in it */ \
    X(CLEAN, "clean") /* in nothing */ \
    X(OTHER, "other") /* in another finding */

enum moth_finding_outcome {
#define X(name, text) MOTH_OUTCOME_##name,
    MOTH_FINDING_ATTEMPT_OUTCOMES(X)
#undef X
        MOTH_OUTCOME_END
};

#define MOTH_FINDING_ATTEMPT_TITLE_BYTES 160u

struct moth_finding_attempt {
    enum moth_finding_outcome outcome;
    uint32_t frame; /* that it came to */
    bool diverged;  /* it went another way than the recording, from this frame on */
    uint32_t diverged_frame;
    char fingerprint[40];                 /* OTHER: which, else "" */
    char title[MOTH_FINDING_ATTEMPT_TITLE_BYTES]; /* likewise */
};

#define MOTH_DATE_BYTES 11u /* "2026-11-23" */

#define MOTH_SPIKE_THREADS_MAX 6u

/* What is known of a spike's frame. */
struct moth_spike_facts {
    double budget_ms;
    double least_ms, most_ms; /* of its replays; the first is what it cost */
    double before_ms;         /* the frame before, at its least */
    uint32_t replays;         /* in which it was measured */
    uint32_t samples;
    double share; /* of the samples' time that lies in the finding's stack */
    struct moth_spike_thread {
        char name[16];
        double ms;
    } threads[MOTH_SPIKE_THREADS_MAX]; /* who worked in it, the most first */
    uint32_t n_threads;
    uint64_t allocations, allocated_bytes, reads, read_bytes, lock_waits, page_faults;
};

/* A build that a finding was seen in, as a history or a baseline knows it. */
struct moth_seen {
    char *build;   /* its label, else the beginning of its build id; NULL: not known */
    char date[24]; /* "2026-11-23T22:14:36Z", or the day alone; "": not known */
};

struct moth_finding {
    enum moth_finding_kind kind;
    char fingerprint[40]; /* "2-crash-<16 hex digits>": version, kind, hash */
    char *title;          /* one line */
    char *detail;         /* abort message, deadlock's cycle, sanitizer's report; may be NULL */
    char **stack; /* culprit's frames, innermost first, as moth_frame_text (unwind/unwind.h) has them */
    size_t n_stack;
    char *stacks; /* text of every fiber's stack, or NULL */
    char *agent;
    uint64_t seed;
    uint32_t frame;  /* last boundary before or at which it showed */
    uint32_t inputs; /* input events in its trace */
    uint32_t times_seen;
    uint32_t reproduced, attempts; /* k of n replays met the same fingerprint */
    struct moth_finding_attempt *tries;    /* these replays one by one; NULL: not known */
    uint32_t n_tries;
    enum moth_finding_status status;
    char *owner, *reason;           /* QUARANTINED: who looks after it and why; else NULL, or as accepted */
    char expires[MOTH_DATE_BYTES];  /* QUARANTINED: the last day of it; "": none */
    bool expired;                   /* … and it is past: it fails the gate like a new one */
    char accepted[MOTH_DATE_BYTES]; /* the day it was taken into the baseline, or "" */
    struct moth_seen first_seen, last_seen;
    uint32_t runs_seen;            /* runs that saw it, with this one; 0: no history says */
    char *trace;                   /* path relative to the output folder, or NULL */
    char *trace_minimized;         /* likewise */
    uint32_t inputs_minimized;     /* 0: not minimized */
    bool scripted; /* reported by a script, not by the game's death: only the script can meet it again */
    uint32_t played; /* frames that the script had run by then, those of branches that it left among them; 0: not known */
    uint64_t state; /* softlock: what names the state it is stuck in; 0: none */
    char *run;     /* token of the run that stored it, or NULL */
    struct moth_spike_facts *spike; /* of a spike, else NULL */
    char *folded; /* spike: stacks of its samples, folded; stored as stacks.folded, not read back */
};

const char *moth_finding_kind_name(enum moth_finding_kind kind);
/* -1 when there is none. */
int moth_finding_kind_from_name(const char *name);

const char *moth_finding_status_name(enum moth_finding_status status);
/* -1 when there is none. */
int moth_finding_status_from_name(const char *name);
const char *moth_finding_outcome_name(enum moth_finding_outcome outcome);
/* "2-crash-0123456789abcdef" and nothing else: it becomes part of paths. */
bool moth_finding_is_fingerprint(const char *text);
/* Does it count against a build: new, reopened, or quarantined for too long? */
bool moth_finding_counts(const struct moth_finding *finding);
/* What the team knows of `from` is known of `finding`, too. */
void moth_finding_take_status(struct moth_finding *finding, const struct moth_finding *from);
/* Replace its replays by a copy of these, and count them. 0, or -1 when memory is out. */
int moth_finding_set_attempts(struct moth_finding *finding, const struct moth_finding_attempt *tries, uint32_t n);

/* Set `fingerprint` from the kind and the top three frames that are the game's own, by function, not
 * address; without a usable stack, from the title with its numbers and addresses taken out. */
void moth_finding_fingerprint(struct moth_finding *finding);

/* Write finding.json and stack.txt into `<folder>` (made if missing), each atomically. */
int moth_finding_save(const struct moth_finding *finding, const char *folder, struct moth_err *err);
/* Read `<folder>/finding.json`. */
struct moth_finding *moth_finding_load(const char *folder, struct moth_err *err);
/* Its smallest trace lies beside the other one, as minimized.moth. */
void moth_finding_set_minimized(struct moth_finding *finding, uint32_t inputs);
void moth_finding_free(struct moth_finding *finding);

#endif
