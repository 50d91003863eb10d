/* SPDX-License-Identifier: MIT
 *
 * What happened in a run, in order, so that a run whose supervisor was killed can be gone on with:
 * OUT/run.journal, written by the supervisor alone.
 *
 * The file is a head (MOTH_JOURNAL_MAGIC, u32 version) and records, each u32 size of its payload, u32
 * checksum (XXH3 of type and payload, low half), u8 type, payload. A record is written by one write, before
 * anybody is told of what it says. One that was cut short, by a death or by a full disk, is at the end: it
 * does not count, and the next one is written over it. Written when the system likes, but for
 * moth_journal_sync: a killed process loses nothing, a lost machine the last moments.
 */
#ifndef MOTH_FLEET_JOURNAL_H
#define MOTH_FLEET_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"

#define MOTH_JOURNAL_MAGIC "\x89MOTHJNL"
#define MOTH_JOURNAL_VERSION 1u
#define MOTH_JOURNAL_RECORD_MAX (4u << 20)

enum moth_journal_type {
    MOTH_JOURNAL_RUN = 1, /* the first: struct moth_journal_run */
    MOTH_JOURNAL_PLAN,    /* u32: instances are planned anew, and their numbers begin here */
    MOTH_JOURNAL_JOB,     /* struct moth_plan_job, as it came from the plan */
    MOTH_JOURNAL_AGAIN,   /* u32: number of an instance that is begun again */
    MOTH_JOURNAL_FOUND,   /* struct moth_message_found */
    MOTH_JOURNAL_DONE,    /* struct moth_message_done */
    MOTH_JOURNAL_TIME,    /* u64: milliseconds that the run has lasted, with all its parts */
    MOTH_JOURNAL_RESUMED, /* string: cookie (runner/cookie.h) of the process that goes on; what was open
                           * before is begun again */
    MOTH_JOURNAL_END      /* it came to its end by itself: what was stopped then is over */
};

/* Which run it is. Strings are malloc'd where read. */
struct moth_journal_run {
    char *token;   /* in the findings of this run */
    char *program; /* argv[0]'s file name */
    char *build_id;
    char *identity; /* "name=value" lines: all that makes instance k what it is, but the seed */
    uint64_t seed;
};

struct moth_journal; /* opaque */

/* Where a run's journal is. Caller frees. */
char *moth_journal_path(const char *out);
/* Begin one, in place of one that is there. */
struct moth_journal *moth_journal_create(const char *path, const struct moth_journal_run *run,
                                         struct moth_err *err);

typedef void (*moth_journal_reader)(void *context, enum moth_journal_type type, struct moth_cursor *body);

/* Read one, and go on with it at its end. *run is released by moth_journal_run_fini. `reader` (may be NULL)
 * gets what comes after the first record. NULL and err when it is not there or no journal (MOTH_ERR_CONFIG).
 */
struct moth_journal *moth_journal_open(const char *path, struct moth_journal_run *run,
                                       moth_journal_reader reader, void *context, struct moth_err *err);
void moth_journal_run_fini(struct moth_journal_run *run);
/* Append. 0, or -1 with err: it is not in there. NULL journal: nothing happens. */
int moth_journal_append(struct moth_journal *journal, enum moth_journal_type type,
                        const struct moth_buf *body, struct moth_err *err);
/* On the disk, not only with the system. */
void moth_journal_sync(struct moth_journal *journal);
void moth_journal_close(struct moth_journal *journal); /* NULL is ignored */

#endif
