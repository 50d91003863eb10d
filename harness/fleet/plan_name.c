/* SPDX-License-Identifier: MIT */
#include "fleet/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"

/* Machines keep their files in different folders. */
static const char *without_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void put_agents(struct moth_buf *buf, const struct moth_fleet_agent *agents, size_t n)
{
    moth_buf_put_varint(buf, n);
    for (size_t i = 0; i < n; i++) {
        moth_buf_put_string(buf, without_folder(agents[i].name));
        moth_buf_put(buf, &agents[i].weight, sizeof agents[i].weight);
        moth_buf_put_u64(buf, moth_agent_digest(agents[i].agent));
    }
}

static void put_command(struct moth_buf *buf, const char *const *argv, bool any_name)
{
    moth_buf_put_string(buf, !any_name && argv && argv[0] ? without_folder(argv[0]) : "");
    for (size_t i = 1; argv && argv[0] && argv[i]; i++)
        moth_buf_put_string(buf, argv[i]);
    moth_buf_put_u8(buf, 0);
}

static void put_group(struct moth_buf *buf, const struct moth_fleet_config *config, bool any_name)
{
    for (size_t i = 0; i < config->n_members; i++) {
        moth_buf_put_string(buf, config->members[i].name);
        put_command(buf, (const char *const *)config->members[i].argv, any_name);
    }
    if (config->n_members > 0)
        moth_buf_put(buf, &config->link, sizeof config->link);
}

/* The environment is not in it, for it may name folders; nor are limits of memory and time, which change what
 * is seen and not what is played. */
static void name_it(const struct moth_fleet_config *config, bool any_name, char name[MOTH_PLAN_NAME_MAX])
{
    struct moth_buf buf;
    moth_buf_init(&buf);
    put_command(&buf, config->argv, any_name);
    put_group(&buf, config, any_name);
    put_agents(&buf, config->scenarios, config->n_scenarios);
    put_agents(&buf, config->agents, config->n_agents);
    const uint64_t numbers[] = {config->seed,
                                config->schedule_seed,
                                config->shards > 1 ? config->shards : 1,
                                config->frames,
                                config->duration_ms,
                                config->instance_frames,
                                config->max_findings,
                                config->pads,
                                config->softlock_s,
                                config->channel.hz,
                                config->channel.video,
                                config->channel.render,
                                config->channel.threads};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        moth_buf_put_u64(&buf, numbers[i]);
    snprintf(name, MOTH_PLAN_NAME_MAX, "%016" PRIx64, (uint64_t)XXH3_64bits(buf.bytes, buf.size_bytes));
    moth_buf_fini(&buf);
}

void moth_plan_name(const struct moth_fleet_config *config, char name[MOTH_PLAN_NAME_MAX])
{
    name_it(config, false, name);
}

void moth_plan_name_of_builds(const struct moth_fleet_config *config, char name[MOTH_PLAN_NAME_MAX])
{
    name_it(config, true, name);
}
