/* SPDX-License-Identifier: MIT */
#include "fleet/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "fleet/corpus.h"

static uint32_t shards_of(const struct moth_fleet_config *config)
{
    return config->shards > 1 ? config->shards : 1;
}

/* No run has more parts than this: none but the last is shorter than an instance may be. */
static uint32_t parts_at_most(const struct moth_fleet_config *config)
{
    uint32_t plain = moth_plan_instance_frames(config);
    uint64_t parts = config->n_scenarios + (plain ? (config->frames + plain - 1) / plain : 0);
    return parts < UINT32_MAX ? (uint32_t)parts : UINT32_MAX;
}

int moth_plan_init(struct moth_plan *plan, const struct moth_fleet_config *config)
{
    *plan = (struct moth_plan){.config = config, .stride = parts_at_most(config)};
    size_t room = config->n_agents ? config->n_agents : 1;
    plan->credit = calloc(room, sizeof *plan->credit);
    plan->weight = calloc(room, sizeof *plan->weight);
    for (size_t i = 0; plan->weight && i < config->n_agents; i++)
        plan->weight[i] = config->agents[i].weight;
    return plan->credit && plan->weight ? 0 : -1;
}

void moth_plan_fini(struct moth_plan *plan)
{
    free(plan->credit);
    free(plan->weight);
    free(plan->rests);
    plan->credit = plan->weight = NULL;
    plan->rests = NULL;
}

void moth_plan_begin_at(struct moth_plan *plan, uint32_t first)
{
    plan->next = (uint32_t)plan->config->n_scenarios;
    plan->next_replay = plan->config->corpus ? (uint32_t)plan->config->corpus->n : 0;
    plan->base = first > plan->next ? first - plan->next : 0;
}

void moth_plan_weigh(struct moth_plan *plan, const double *weight)
{
    memcpy(plan->weight, weight, plan->config->n_agents * sizeof *weight);
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

/* One that explores goes on rather than begin again: it is given its whole share of the run at once, one part
 * a worker. */
static uint32_t frames_of(const struct moth_fleet_config *config, uint32_t agent)
{
    uint32_t plain = moth_plan_instance_frames(config);
    const struct moth_agent *who = config->agents[agent].agent;
    if (who && !moth_agent_explores(who)) /* a program from outside says itself when it begins again */
        return plain;
    uint64_t most = (uint64_t)config->instance_frames * MOTH_PLAN_EXPLORES;
    if (config->frames > 0) {
        double share = (double)config->frames * config->agents[agent].weight / weights(config);
        uint64_t part = (uint64_t)share / config->workers / shards_of(config);
        most = part < most ? part : most;
    }
    most = most > plain ? most : plain;
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

/* One that says itself how long it may take is given that, and the frames to say so. */
static uint32_t frames_of_scenario(const struct moth_fleet_config *config, uint32_t scenario)
{
    uint32_t own = moth_agent_budget_frames(config->scenarios[scenario].agent, config->channel.hz);
    return own == 0 ? config->instance_frames : own < UINT32_MAX - MOTH_PLAN_FRAMES_WORTH ? own + MOTH_PLAN_FRAMES_WORTH : own;
}

/* Smooth weighted round robin by frames: each gets its share, spread evenly. */
static uint32_t next_agent(const struct moth_plan *plan)
{
    const struct moth_fleet_config *config = plan->config;
    size_t best = 0;
    for (size_t i = 1; i < config->n_agents; i++)
        if (plan->credit[i] + plan->weight[i] > plan->credit[best] + plan->weight[best])
            best = i;
    return (uint32_t)best;
}

static void charge(struct moth_plan *plan, uint32_t agent)
{
    const struct moth_fleet_config *config = plan->config;
    double turns = (double)frames_of(config, agent) / moth_plan_instance_frames(config), sum = 0;
    for (size_t i = 0; i < config->n_agents; i++) {
        plan->credit[i] += plan->weight[i] * turns;
        sum += plan->weight[i];
    }
    plan->credit[agent] -= sum * turns;
}

static uint64_t schedule_seed_of(const struct moth_fleet_config *config, uint32_t index)
{
    if (config->schedule_seed == 0 || index == 0)
        return config->schedule_seed;
    return moth_plan_seed(config->schedule_seed, index) | 1; /* 0 would mean: no shuffling */
}

static bool is_ours(const struct moth_fleet_config *config, uint32_t part)
{
    return config->shards <= 1 || part % config->shards == config->shard - 1;
}

/* The next trace of the corpus that is this shard's. */
static enum moth_plan_answer next_replay(struct moth_plan *plan, struct moth_plan_job *job)
{
    const struct moth_fleet_config *config = plan->config;
    size_t n = config->corpus ? config->corpus->n : 0;
    while (plan->next_replay < n && !is_ours(config, plan->next_replay))
        plan->next_replay++;
    if (plan->next_replay >= n)
        return plan->n_open_replays > 0 ? MOTH_PLAN_WAIT : MOTH_PLAN_DONE;
    *job = (struct moth_plan_job){
        .index = MOTH_PLAN_REPLAYS + plan->next_replay, .agent = plan->next_replay, .replay = true};
    plan->next_replay++;
    plan->n_open_replays++;
    plan->n_open++;
    return MOTH_PLAN_JOB;
}

/* Cut off the next part, whosever it is. */
static enum moth_plan_answer cut_part(struct moth_plan *plan, struct moth_plan_job *job)
{
    const struct moth_fleet_config *config = plan->config;
    bool scenario = plan->next<config->n_scenarios, shared = config->shards> 1;
    if (!scenario && config->n_agents == 0)
        return MOTH_PLAN_DONE;
    uint32_t agent = scenario ? plan->next : next_agent(plan);
    uint64_t frames = scenario ? frames_of_scenario(config, agent) : frames_of(config, agent);
    if (config->frames > 0) {
        uint64_t left = plan->taken < config->frames ? config->frames - plan->taken : 0;
        if (left < frames && plan->n_open_scenarios > 0)
            return MOTH_PLAN_WAIT;
        if (left < MOTH_PLAN_FRAMES_WORTH && (plan->next > 0 || plan->next_replay > 0))
            return MOTH_PLAN_DONE;
        frames = left < frames ? left : frames;
    }
    *job = (struct moth_plan_job){
        .index = plan->next++, .agent = agent, .scenario = scenario, .frames = (uint32_t)frames};
    if (!scenario)
        charge(plan, agent);
    if (!scenario || !shared)
        plan->taken += frames;
    return MOTH_PLAN_JOB;
}

static enum moth_plan_answer next_part(struct moth_plan *plan, struct moth_plan_job *job)
{
    enum moth_plan_answer answer = MOTH_PLAN_DONE;
    while (!plan->parts_over && (answer = cut_part(plan, job)) == MOTH_PLAN_JOB &&
           !is_ours(plan->config, job->index))
        continue;
    plan->parts_over = plan->parts_over || answer == MOTH_PLAN_DONE;
    return answer;
}

static enum moth_plan_answer next_rest(struct moth_plan *plan, struct moth_plan_job *job)
{
    if (plan->n_rests == 0)
        return plan->n_open > 0 ? MOTH_PLAN_WAIT : MOTH_PLAN_DONE;
    struct moth_plan_rest rest = plan->rests[0];
    memmove(plan->rests, plan->rests + 1, --plan->n_rests * sizeof *plan->rests);
    *job = (struct moth_plan_job){.index = rest.index, .agent = rest.agent, .frames = rest.frames};
    return MOTH_PLAN_JOB;
}

/* So that an instance's end never lacks the memory to go on with its part. */
static bool make_room(struct moth_plan *plan)
{
    size_t needed = plan->n_rests + plan->n_open + 1;
    if (needed <= plan->room)
        return true;
    struct moth_plan_rest *grown = realloc(plan->rests, needed * 2 * sizeof *grown);
    if (!grown)
        return false;
    plan->rests = grown;
    plan->room = needed * 2;
    return true;
}

enum moth_plan_answer moth_plan_next(struct moth_plan *plan, struct moth_plan_job *job)
{
    if (!make_room(plan))
        return plan->n_open > 0 ? MOTH_PLAN_WAIT : MOTH_PLAN_DONE;
    enum moth_plan_answer answer = next_replay(plan, job);
    if (answer != MOTH_PLAN_DONE)
        return answer;
    answer = next_part(plan, job);
    if (answer != MOTH_PLAN_JOB)
        answer = next_rest(plan, job);
    if (answer != MOTH_PLAN_JOB)
        return answer;
    job->index += plan->base;
    job->seed = moth_plan_seed(plan->config->seed, job->index);
    job->schedule_seed = schedule_seed_of(plan->config, job->index);
    plan->n_open++;
    plan->n_open_scenarios += job->scenario;
    return MOTH_PLAN_JOB;
}

void moth_plan_settle(struct moth_plan *plan, const struct moth_plan_job *job, uint32_t frames_used)
{
    /* An instance that never began must not make the run endless. */
    uint32_t used = frames_used > 0 ? frames_used : MOTH_PLAN_FRAMES_WORTH;
    uint32_t left = job->frames > used ? job->frames - used : 0;
    plan->n_open--;
    plan->n_open_replays -= job->replay;
    if (job->replay) {
        plan->taken += plan->config->shards <= 1 ? frames_used : 0;
        return;
    }
    plan->n_open_scenarios -= job->scenario;
    if (job->scenario && plan->config->shards <= 1)
        plan->taken -= left;
    else if (!job->scenario && plan->config->frames > 0 && left >= MOTH_PLAN_FRAMES_WORTH)
        plan->rests[plan->n_rests++] =
            (struct moth_plan_rest){job->index - plan->base + plan->stride, job->agent, left};
}

bool moth_plan_is_empty(const struct moth_fleet_config *config)
{
    struct moth_plan plan;
    struct moth_plan_job job;
    bool empty = moth_plan_init(&plan, config) == 0 && moth_plan_next(&plan, &job) == MOTH_PLAN_DONE;
    moth_plan_fini(&plan);
    return empty;
}
