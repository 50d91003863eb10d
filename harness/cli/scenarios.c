/* SPDX-License-Identifier: MIT */
#include "cli/scenarios.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cli/tags.h"

struct moth_agent_options moth_cli_agent_options(const struct moth_options *options)
{
    return (struct moth_agent_options){
        .instructions_max = options->lua_instructions,
        .memory_bytes_max = options->lua_memory_mb << 20,
        .unsafe_lua = options->unsafe_lua,
        .update_pictures = options->update_pictures,
    };
}

static int any_holds(const struct moth_strings *expressions, const struct moth_agent *agent, bool *any,
                     struct moth_err *err)
{
    size_t n;
    const char *const *tags = moth_agent_tags(agent, &n);
    *any = false;
    for (size_t i = 0; i < expressions->n; i++) {
        bool holds;
        if (moth_tags_match(expressions->items[i], tags, n, &holds, err) != 0)
            return -1;
        *any = *any || holds;
    }
    return 0;
}

static int is_wanted(const struct moth_options *options, const struct moth_agent *agent, bool *wanted,
                     struct moth_err *err)
{
    bool in, out;
    if (any_holds(&options->tags, agent, &in, err) != 0 || any_holds(&options->not_tags, agent, &out, err) != 0)
        return -1;
    *wanted = (options->tags.n == 0 || in) && !out;
    return 0;
}

/* Take an agent, unless its tags are against it. */
static int take(struct moth_scenarios *scenarios, const char *name, struct moth_agent *agent,
                const struct moth_options *options, struct moth_err *err)
{
    bool wanted;
    int result = is_wanted(options, agent, &wanted, err);
    struct moth_fleet_agent *grown = NULL;
    if (result == 0 && wanted && !(grown = realloc(scenarios->items, (scenarios->n + 1) * sizeof *grown)))
        result = moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the scenarios");
    if (!grown) {
        moth_agent_free(agent);
        return result;
    }
    scenarios->items = grown;
    grown[scenarios->n++] = (struct moth_fleet_agent){.agent = agent, .name = moth_fs_path("%s", name), .weight = 1};
    return 0;
}

static int load_file(struct moth_scenarios *scenarios, const char *name, const struct moth_options *options,
                     struct moth_err *err)
{
    struct moth_agent_options limits = moth_cli_agent_options(options);
    struct moth_agent *file = moth_agent_load(name, &limits, err);
    if (!file)
        return -1;
    if (moth_agent_cases(file) == 0 || moth_agent_case(file))
        return take(scenarios, name, file, options, err);
    int result = 0;
    for (size_t i = 0; result == 0 && i < moth_agent_cases(file); i++) {
        char *each = moth_fs_path("%s:%s", name, moth_agent_case_name(file, i));
        struct moth_agent *agent = moth_agent_load(each, &limits, err);
        result = agent ? take(scenarios, each, agent, options, err) : -1;
        free(each);
    }
    moth_agent_free(file);
    return result;
}

int moth_scenarios_load(struct moth_scenarios *scenarios, const struct moth_options *options, struct moth_err *err)
{
    *scenarios = (struct moth_scenarios){0};
    for (size_t i = 0; i < options->scenarios.n; i++)
        if (load_file(scenarios, options->scenarios.items[i], options, err) != 0)
            return -1;
    bool choosy = options->tags.n > 0 || options->not_tags.n > 0;
    if (choosy && options->scenarios.n == 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "--tag and --not-tag choose among scenarios: name some with -s FILE");
    if (choosy && scenarios->n == 0)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "no scenario has such tags (`moth list scenarios FOLDER` shows which they have)");
    return 0;
}

void moth_scenarios_free(struct moth_scenarios *scenarios)
{
    for (size_t i = 0; i < scenarios->n; i++) {
        moth_agent_free((struct moth_agent *)(uintptr_t)scenarios->items[i].agent);
        free((char *)(uintptr_t)scenarios->items[i].name);
    }
    free(scenarios->items);
    *scenarios = (struct moth_scenarios){0};
}
