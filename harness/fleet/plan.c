/* SPDX-License-Identifier: MIT */
#include "fleet/plan.h"

#include <stdlib.h>

#include "base/rng.h"

int moth_plan_init(struct moth_plan *plan, const struct moth_fleet_config *config)
{
    *plan = (struct moth_plan){.config = config};
    plan->credit = calloc(config->n_agents ? config->n_agents : 1, sizeof *plan->credit);
    return plan->credit ? 0 : -1;
}

void moth_plan_fini(struct moth_plan *plan)
{
    free(plan->credit);
    plan->credit = NULL;
}

uint64_t moth_plan_seed(uint64_t run_seed, uint32_t index)
{
    uint64_t state = run_seed;
    state = moth_splitmix64(&state) ^ ((uint64_t)index * 0x9e3779b97f4a7c15ULL);
    return moth_splitmix64(&state) >> 11;
}

/* What moth_splitmix64 adds and mixes, undone: each of its steps is one to one. */
static uint64_t before_splitmix64(uint64_t z)
{
    z = (z ^ (z >> 31) ^ (z >> 62)) * 0x319642b2d24d8ec3ULL;
    z = (z ^ (z >> 27) ^ (z >> 54)) * 0x96de1b173f119089ULL;
    z = z ^ (z >> 30) ^ (z >> 60);
    return z - 0x9e3779b97f4a7c15ULL;
}

uint64_t moth_plan_run_seed(uint64_t seed)
{
    return moth_plan_seed(1, 0) == seed ? 1 : before_splitmix64(before_splitmix64(seed << 11));
}

uint32_t moth_plan_instance_frames(const struct moth_fleet_config *config)
{
    if (config->frames == 0)
        return config->instance_frames;
    uint64_t share = config->frames / MOTH_PLAN_SHARES;
    if (share < MOTH_PLAN_FRAMES_LEAST)
        share = MOTH_PLAN_FRAMES_LEAST;
    return share < config->instance_frames ? (uint32_t)share : config->instance_frames;
}

static double weights(const struct moth_fleet_config *config)
{
    double sum = 0;
    for (size_t i = 0; i < config->n_agents; i++)
        sum += config->agents[i].weight;
    return sum;
}

/* One that explores goes on rather than begin again: it is given its whole share of the run at once, one part a
 * worker. */
static uint32_t frames_of(const struct moth_fleet_config *config, uint32_t agent)
{
    uint32_t plain = moth_plan_instance_frames(config);
    if (!moth_agent_explores(config->agents[agent].agent))
        return plain;
    uint64_t most = (uint64_t)config->instance_frames * MOTH_PLAN_EXPLORES;
    if (config->frames > 0) {
        double share = (double)config->frames * config->agents[agent].weight / weights(config);
        uint64_t part = (uint64_t)share / config->workers;
        most = part < most ? part : most;
    }
    most = most > plain ? most : plain;
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

/* Smooth weighted round robin by frames: each gets its share, spread evenly. */
static uint32_t next_agent(const struct moth_plan *plan)
{
    const struct moth_fleet_config *config = plan->config;
    size_t best = 0;
    for (size_t i = 1; i < config->n_agents; i++)
        if (plan->credit[i] + config->agents[i].weight > plan->credit[best] + config->agents[best].weight)
            best = i;
    return (uint32_t)best;
}

static void charge(struct moth_plan *plan, uint32_t agent)
{
    const struct moth_fleet_config *config = plan->config;
    double turns = (double)frames_of(config, agent) / moth_plan_instance_frames(config);
    for (size_t i = 0; i < config->n_agents; i++)
        plan->credit[i] += config->agents[i].weight * turns;
    plan->credit[agent] -= weights(config) * turns;
}

static uint64_t schedule_seed_of(const struct moth_fleet_config *config, uint32_t index)
{
    if (config->schedule_seed == 0 || index == 0)
        return config->schedule_seed;
    return moth_plan_seed(config->schedule_seed, index) | 1; /* 0 would mean: no shuffling */
}

enum moth_plan_answer moth_plan_next(struct moth_plan *plan, struct moth_plan_job *job)
{
    const struct moth_fleet_config *config = plan->config;
    bool scenario = plan->next < config->n_scenarios;
    if (!scenario && config->n_agents == 0)
        return MOTH_PLAN_DONE;
    uint32_t agent = scenario ? plan->next : next_agent(plan);
    uint32_t frames = scenario ? config->instance_frames : frames_of(config, agent);
    if (config->frames > 0) {
        uint64_t taken = plan->settled + plan->open;
        uint64_t left = taken < config->frames ? config->frames - taken : 0;
        if (left < frames && plan->n_open > 0)
            return MOTH_PLAN_WAIT;
        if (left < MOTH_PLAN_FRAMES_WORTH && plan->next > 0)
            return MOTH_PLAN_DONE;
        frames = left < frames ? (uint32_t)left : frames;
    }
    uint32_t index = plan->next++;
    *job = (struct moth_plan_job){
        .index = index,
        .scenario = scenario,
        .agent = agent,
        .seed = moth_plan_seed(config->seed, index),
        .schedule_seed = schedule_seed_of(config, index),
        .frames = frames,
    };
    if (!scenario)
        charge(plan, agent);
    plan->open += frames;
    plan->n_open++;
    return MOTH_PLAN_JOB;
}

void moth_plan_settle(struct moth_plan *plan, const struct moth_plan_job *job, uint32_t frames_used)
{
    plan->open -= job->frames;
    plan->n_open--;
    /* An instance that never began must not make the run endless. */
    plan->settled += frames_used > 0 ? frames_used : MOTH_PLAN_FRAMES_WORTH;
}
