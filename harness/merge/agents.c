/* SPDX-License-Identifier: MIT
 *
 * What each agent did, over all parts.
 */
#include <stdlib.h>
#include <string.h>

#include "merge/inside.h"

static double number(const json_t *row, const char *key)
{
    double value = json_number_value(json_object_get(row, key));
    return value >= 0 && value < 1e18 ? value : 0;
}

static struct moth_agent_share *entry(struct moth_merge *merge, const char *name)
{
    for (size_t i = 0; i < merge->n_agents; i++)
        if (strcmp(merge->agents[i].name, name) == 0)
            return &merge->agents[i];
    struct moth_agent_share *grown = realloc(merge->agents, (merge->n_agents + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    merge->agents = grown;
    grown[merge->n_agents] = (struct moth_agent_share){.name = name};
    return &grown[merge->n_agents++];
}

/* The weight is the mean of the parts', so that all of them are 1 together; the share is what was played. */
void moth_merge_agents(struct moth_merge *merge)
{
    uint64_t frames = 0;
    for (size_t i = 0; i < merge->parts.n; i++) {
        const json_t *rows = json_object_get(merge->parts.at[i].json, "agents"), *row;
        size_t at;
        json_array_foreach(rows, at, row)
        {
            const char *name = json_string_value(json_object_get(row, "name"));
            struct moth_agent_share *agent = name ? entry(merge, name) : NULL;
            if (!agent)
                continue;
            agent->weight += number(row, "weight") / (double)merge->parts.n;
            agent->instances += (uint64_t)number(row, "instances");
            agent->frames += (uint64_t)number(row, "frames");
            agent->cells += (uint64_t)number(row, "new_places");
            agent->findings += (uint64_t)number(row, "new_findings");
            frames += (uint64_t)number(row, "frames");
        }
    }
    for (size_t i = 0; i < merge->n_agents; i++)
        merge->agents[i].share = frames > 0 ? (double)merge->agents[i].frames / (double)frames : 0;
}
