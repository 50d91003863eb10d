/* SPDX-License-Identifier: MIT
 *
 * Which instances a run consists of, and which of them are this shard's.
 *
 * A frame budget is cut into parts before anything is played: so many frames for such an agent, shared out by
 * weight. A part is played by one instance; when that ends early, the rest of the part by another one, and so
 * on until what is left is not worth an instance. So a part is a function of the run's seed and the part's
 * number, whatever the other parts came to, and shard I of N plays the parts I, I + N, I + 2N, …: the shards
 * play what the whole run would have played, each instance once. The n-th instance (from 0) of part p has the
 * number p + n * stride, where the stride is the same for all parts; seeds are made of instance numbers.
 * Without a frame budget each instance is a part and there is no end.
 *
 * Traces of the corpus are played before any part, each by one shard, and have numbers of their own
 * (MOTH_PLAN_REPLAYS on), so that what comes after them is the same whatever they are. A whole run takes the
 * frames that they used off its budget, a shard does not.
 *
 * Scenarios are parts too, the first ones. Their length is known only when they are over: a whole run takes
 * what they used off the end of the agents' parts, to keep within its budget; a shard cannot know and does
 * not. Agents that explore get parts as long as their share, one a worker of each shard.
 */
#ifndef MOTH_FLEET_PLAN_H
#define MOTH_FLEET_PLAN_H

#include "fleet/fleet.h"

#define MOTH_PLAN_SHARES 8u         /* an instance gets at most this part of --frames … */
#define MOTH_PLAN_FRAMES_LEAST 600u /* … but not less than so many frames */
#define MOTH_PLAN_EXPLORES 100u     /* an instance that explores may be so many times as long as others */
#define MOTH_PLAN_REPLAYS 0x80000000u /* number of the first trace of the corpus */
#define MOTH_PLAN_NAME_MAX 17
#define MOTH_PLAN_FRAMES_WORTH 60u /* a rest of the budget smaller than this is not played */

struct moth_plan_job {
    uint32_t index;
    uint32_t agent; /* in config->agents, or with `scenario` in config->scenarios */
    bool scenario;
    bool replay; /* of the trace `agent` of config->corpus: it has its own seed and length */
    uint64_t seed, schedule_seed;
    uint32_t frames; /* budget */
};

/* The rest of a part whose instance ended early. */
struct moth_plan_rest {
    uint32_t index, agent, frames;
};

struct moth_plan {
    const struct moth_fleet_config *config;
    uint32_t next;   /* number of the next part */
    bool parts_over; /* there are no more */
    uint32_t stride; /* between the numbers of a part's instances */
    uint32_t base;   /* added to each number: those below are an earlier run's, which this one goes on with */
    double *weight;  /* of each agent; as configured, unless moth_plan_weigh said otherwise */
    double *credit;  /* of each agent, for shares by weight */
    uint64_t taken;  /* frames of all parts so far; of scenarios that are over, what they used */
    struct moth_plan_rest *rests; /* first in, first out; room for one of each open instance */
    size_t n_rests, room;
    uint32_t n_open, n_open_scenarios;
    uint32_t next_replay, n_open_replays; /* of the corpus; everything else waits for them */
};

enum moth_plan_answer {
    MOTH_PLAN_JOB,  /* *job is the next instance */
    MOTH_PLAN_WAIT, /* there may be more when the playing instances are over */
    MOTH_PLAN_DONE  /* no more instances */
};

int moth_plan_init(struct moth_plan *plan, const struct moth_fleet_config *config);
void moth_plan_fini(struct moth_plan *plan);
/* Before the first instance: numbers begin at `first`, and the scenarios were played already. */
void moth_plan_begin_at(struct moth_plan *plan, uint32_t first);
/* From the next instance on, agents are shared out by these weights. Only where there is no frame budget and
 * no shard: a part would no longer be a function of its number. */
void moth_plan_weigh(struct moth_plan *plan, const double *weight);
enum moth_plan_answer moth_plan_next(struct moth_plan *plan, struct moth_plan_job *job);
/* An instance is over and used so many of its frames. */
void moth_plan_settle(struct moth_plan *plan, const struct moth_plan_job *job, uint32_t frames_used);

/* This shard has no part of the run: there are fewer parts than shards. */
bool moth_plan_is_empty(const struct moth_fleet_config *config);

/* What names everything that the whole run is to play, whatever the shard, the machine and the number of
 * workers: 16 hex digits. Two shards with different names are not of one run. */
void moth_plan_name(const struct moth_fleet_config *config, char name[MOTH_PLAN_NAME_MAX]);
/* The same without the programs' names, which may be another with each build ("game-1.1"): for a history, where
 * runs of one game follow each other. */
void moth_plan_name_of_builds(const struct moth_fleet_config *config, char name[MOTH_PLAN_NAME_MAX]);
/* Frames an instance may use at most under this configuration. */
uint32_t moth_plan_instance_frames(const struct moth_fleet_config *config);
/* Seed number k of a run: below 2^53, so that it survives JSON readers. */
uint64_t moth_plan_seed(uint64_t run_seed, uint32_t index);
/* A run seed whose number 0 is this one: 1, the default, where that will do. */
uint64_t moth_plan_run_seed(uint64_t seed);

#endif
