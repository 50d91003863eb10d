/* SPDX-License-Identifier: MIT
 *
 * The supervisor of a run, inside: what it knows, and the parts it is made of.
 *
 * run.c opens the output folder, begins and sums up; resume.c goes on with an earlier run. supervisor.c has
 * the loop: it waits for workers and signals, and knows the reasons to end. give.c gives idle workers
 * something to do, hear.c takes what workers say and what they leave when they die, and looks for those that
 * are stuck. What happened stands in the journal before anybody is told of it. One process, one thread.
 */
#ifndef MOTH_FLEET_SUPERVISOR_H
#define MOTH_FLEET_SUPERVISOR_H

#include "base/awake.h"
#include "fleet/journal.h"
#include "fleet/queue.h"
#include "fleet/reaper.h"
#include "fleet/tally.h"
#include "fleet/workers.h"
#include "runner/cookie.h"

struct moth_supervisor {
    const struct moth_fleet_config *config;
    struct moth_plan plan;
    struct moth_workers workers;
    struct moth_tally *tally;
    struct moth_fleet_result *result; /* the tally is its */
    struct moth_reaper reaper;
    struct moth_bus *bus; /* NULL: there is none */
    struct moth_journal *journal;
    bool resumes;                    /* the journal is an earlier run's, which is gone on with */
    uint64_t past_ms;                /* that the run had lasted before this process */
    uint64_t before_ms;              /* … of which so much does not count for --duration */
    size_t findings_before;          /* likewise for --max-findings */
    char run[MOTH_COOKIE_MAX];       /* token of this run: the cookie before workers mark theirs */
    struct moth_queue again, verify; /* instances to be played again; findings to be replayed */
    struct moth_queue minimize;      /* findings to be shrunk */
    int out_fd;                      /* holds the output folder's lock */
    struct moth_awake awake;
    uint64_t awake_ns;  /* time awake, looked at in each turn of the loop */
    uint64_t begin_ns;  /* of this process's part */
    uint64_t kill_ns;   /* when patience ends (time awake), 0: not yet */
    uint64_t noted_ns;  /* when the journal was last told the time (awake) */
    uint64_t report_ns; /* when the next report may be written, and is due without a cause (awake) */
    uint64_t report_due_ns;
    bool report_wanted;      /* there is a cause */
    bool cannot_store;       /* a finding could not be put on disk: there is no point in looking for more */
    uint64_t tidy_ns;        /* when the output folder is looked at again (awake) */
    unsigned held_back;      /* places that are empty for a while though there may be something to do */
    unsigned start_failures; /* in a row */
    bool journal_warned;
    bool playing; /* new instances may begin */
    bool interrupted;
    bool late; /* the duration is over */
    bool enough; /* --max-findings ended the playing */
};

/* The loop, from the first instance to the last replay. 0, or -1 when no worker can be started. */
int moth_supervise(struct moth_supervisor *supervisor, struct moth_err *err);

/* Append to the journal. A folder that is full is told of once. */
void moth_supervisor_note(struct moth_supervisor *supervisor, enum moth_journal_type type,
                          const struct moth_buf *body);
/* How long the run has lasted, with its earlier parts. */
uint64_t moth_supervisor_wall_ms(const struct moth_supervisor *supervisor);
/* Put the run on disk as it stands. */
void moth_supervisor_report(struct moth_supervisor *supervisor);

/* Give each idle worker something to do, as long as there is something. */
int moth_give_all(struct moth_supervisor *supervisor, struct moth_err *err);
/* A finding is to be replayed; one that is queued already is not queued again. */
void moth_give_verify(struct moth_supervisor *supervisor, struct moth_tally_finding *entry);
/* A finding was replayed, and may be worth shrinking. */
void moth_give_minimize(struct moth_supervisor *supervisor, const struct moth_message_verified *verified);
/* Findings whose trace was replaced after its replays are replayed once more, at the end. */
void moth_give_outdated(struct moth_supervisor *supervisor);

/* Replace workers that show no sign of life. */
void moth_hear_silence(struct moth_supervisor *supervisor);
/* Take what a worker said. */
void moth_hear(struct moth_supervisor *supervisor, struct moth_worker *worker);
/* A worker is gone or talks nonsense: what it was at is begun again by another, a few times. */
void moth_hear_lost(struct moth_supervisor *supervisor, struct moth_worker *worker);
/* Workers that did not end when they were told to: what they had played counts. */
void moth_hear_rest_lost(struct moth_supervisor *supervisor);

#endif
