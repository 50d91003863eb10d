/* SPDX-License-Identifier: MIT
 *
 * The supervisor's side of its workers: starting them, giving them something to do, and taking them away.
 */
#ifndef MOTH_FLEET_WORKERS_H
#define MOTH_FLEET_WORKERS_H

#include "bus/bus.h"
#include "fleet/message.h"

#define MOTH_TRIES_MAX 3u  /* what a worker dies of is begun so often … */
#define MOTH_KILLS_MAX 30u /* … not counting kills from outside, which are nobody's fault; of these, so many */

enum moth_worker_task { MOTH_WORKER_IDLE, MOTH_WORKER_PLAYS, MOTH_WORKER_VERIFIES, MOTH_WORKER_MINIMIZES };

/* Something to do, and how often it was begun. */
struct moth_task {
    struct moth_plan_job job; /* MOTH_WORKER_PLAYS */
    char fingerprint[40];     /* MOTH_WORKER_VERIFIES, MOTH_WORKER_MINIMIZES */
    unsigned tries; /* … of which so many ended because something from outside killed the worker or its game */
    unsigned kills;
};

struct moth_worker {
    pid_t pid; /* 0: none */
    int fd;
    unsigned mark;
    struct moth_inbox inbox;
    enum moth_worker_task does;
    struct moth_task task;
    uint32_t frames; /* of the instance it plays, so far */
    uint32_t places; /* new to it, likewise */
    uint64_t beats, beat_ns; /* its pulse, and when that was last seen to go on (time awake) */
    /* Of the place, whoever works there: */
    unsigned failures;       /* deaths since something was finished */
    uint64_t not_before_ns;  /* nobody is started here until then (time awake) */
};

struct moth_workers {
    struct moth_worker *at;
    uint32_t n;
    unsigned next_mark;
    _Atomic uint64_t *pulses; /* one a place, in memory that the workers share with us */
    const struct moth_fleet_config *config;
    const char *run;
    struct moth_bus *bus; /* NULL: none */
};

int moth_workers_init(struct moth_workers *workers, const struct moth_fleet_config *config, const char *run);
/* Kill them all, with their games. */
void moth_workers_fini(struct moth_workers *workers);
/* Fork a worker into an empty place. */
int moth_worker_start(struct moth_workers *workers, struct moth_worker *worker, struct moth_err *err);
/* Kill a worker, if it still lives, and everything it started. Its place is empty then; `does` and
 * `task` still tell what it was at. True: somebody else had killed it. */
bool moth_worker_end(struct moth_worker *worker);
/* It, or its start, failed: after the first time its place stays empty for a while, each time for longer. */
void moth_worker_hold_back(struct moth_worker *worker, uint64_t now_awake_ns);
/* Is it at something, and has shown no sign of life for so long? To be asked several times a second. */
bool moth_worker_is_stuck(const struct moth_workers *workers, struct moth_worker *worker, uint64_t now_awake_ns,
                          uint64_t patience_ns);
/* 0, or -1 when the worker is gone. */
int moth_worker_play(struct moth_worker *worker, const struct moth_task *task);
int moth_worker_verify(struct moth_worker *worker, const struct moth_task *task);
int moth_worker_minimize(struct moth_worker *worker, const struct moth_task *task);
void moth_workers_signal(const struct moth_workers *workers, int number);
uint32_t moth_workers_busy(const struct moth_workers *workers);

#endif
