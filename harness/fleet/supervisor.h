/* SPDX-License-Identifier: MIT
 *
 * The supervisor of a run, inside: what it knows, and the parts it is made of.
 *
 * run.c opens the output folder, begins and sums up. supervisor.c has the loop: it waits for workers and
 * signals, and knows the reasons to end. give.c gives idle workers something to do, hear.c takes what workers
 * say and what they leave when they die. One process, one thread.
 */
#ifndef MOTH_FLEET_SUPERVISOR_H
#define MOTH_FLEET_SUPERVISOR_H

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
    struct moth_reaper reaper;
    char run[MOTH_COOKIE_MAX];       /* token of this run: the cookie before workers mark theirs */
    struct moth_queue again, verify; /* instances to be played again; findings to be replayed */
    struct moth_queue minimize;      /* findings to be shrunk */
    int out_fd;                      /* holds the output folder's lock */
    uint64_t begin_ns, kill_ns;      /* kill_ns: when patience ends, 0: not yet */
    bool playing;                    /* new instances may begin */
    bool interrupted;
    bool late; /* the duration is over */
};

/* The loop, from the first instance to the last replay. 0, or -1 when no worker can be started. */
int moth_supervise(struct moth_supervisor *supervisor, struct moth_err *err);

/* Give each idle worker something to do, as long as there is something. */
int moth_give_all(struct moth_supervisor *supervisor, struct moth_err *err);
/* A finding is to be replayed; one that is queued already is not queued again. */
void moth_give_verify(struct moth_supervisor *supervisor, struct moth_tally_finding *entry);
/* A finding was replayed, and may be worth shrinking. */
void moth_give_minimize(struct moth_supervisor *supervisor, const struct moth_message_verified *verified);
/* Findings whose trace was replaced after its replays are replayed once more, at the end. */
void moth_give_outdated(struct moth_supervisor *supervisor);

/* Take what a worker said. */
void moth_hear(struct moth_supervisor *supervisor, struct moth_worker *worker);
/* A worker is gone or talks nonsense: what it was at is begun again by another, a few times. */
void moth_hear_lost(struct moth_supervisor *supervisor, struct moth_worker *worker);
/* Workers that did not end when they were told to: what they had played counts. */
void moth_hear_rest_lost(struct moth_supervisor *supervisor);

#endif
