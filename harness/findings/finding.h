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

struct moth_finding {
    enum moth_finding_kind kind;
    char fingerprint[40]; /* "1-crash-<16 hex digits>": version, kind, hash */
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
    char *status;                  /* "new", … */
    char *trace;                   /* path relative to the output folder, or NULL */
    char *trace_minimized;         /* likewise */
    uint32_t inputs_minimized;     /* 0: not minimized */
    bool scripted; /* reported by a script, not by the game's death: only the script can meet it again */
    uint64_t state; /* softlock: what names the state it is stuck in; 0: none */
    char *run;     /* token of the run that stored it, or NULL */
    struct moth_spike_facts *spike; /* of a spike, else NULL */
    char *folded; /* spike: stacks of its samples, folded; stored as stacks.folded, not read back */
};

const char *moth_finding_kind_name(enum moth_finding_kind kind);
/* -1 when there is none. */
int moth_finding_kind_from_name(const char *name);

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
