/* SPDX-License-Identifier: MIT
 *
 * Which instances a run consists of. Instance numbers are handed out in order; what an instance is
 * depends on the configuration, its number and what the ones before it used of the frame budget, never
 * on who plays or when.
 */
#ifndef MOTH_FLEET_PLAN_H
#define MOTH_FLEET_PLAN_H

#include "fleet/fleet.h"

#define MOTH_PLAN_SHARES 8u         /* an instance gets at most this part of --frames … */
#define MOTH_PLAN_FRAMES_LEAST 600u /* … but not less than so many frames */
#define MOTH_PLAN_EXPLORES 100u     /* an instance that explores may be so many times as long as others */
#define MOTH_PLAN_FRAMES_WORTH 60u  /* a rest of the budget smaller than this is not played */

struct moth_plan_job {
    uint32_t index;
    uint32_t agent; /* in config->agents, or with `scenario` in config->scenarios */
    bool scenario;
    uint64_t seed, schedule_seed;
    uint32_t frames; /* budget */
};

struct moth_plan {
    const struct moth_fleet_config *config;
    uint32_t next;    /* number of the next instance */
    double *credit;   /* of each agent, for shares by weight */
    uint64_t settled; /* frames used by finished instances */
    uint64_t open;    /* frames reserved by instances that still play */
    uint32_t n_open;
};

enum moth_plan_answer {
    MOTH_PLAN_JOB,  /* *job is the next instance */
    MOTH_PLAN_WAIT, /* it depends on what the playing instances will use */
    MOTH_PLAN_DONE  /* no more instances */
};

int moth_plan_init(struct moth_plan *plan, const struct moth_fleet_config *config);
void moth_plan_fini(struct moth_plan *plan);
enum moth_plan_answer moth_plan_next(struct moth_plan *plan, struct moth_plan_job *job);
/* An instance is over and used so many of its frames. */
void moth_plan_settle(struct moth_plan *plan, const struct moth_plan_job *job, uint32_t frames_used);

/* Frames an instance may use at most under this configuration. */
uint32_t moth_plan_instance_frames(const struct moth_fleet_config *config);
/* Seed number k of a run: below 2^53, so that it survives JSON readers. */
uint64_t moth_plan_seed(uint64_t run_seed, uint32_t index);
/* A run seed whose number 0 is this one: 1, the default, where that will do. */
uint64_t moth_plan_run_seed(uint64_t seed);

#endif
