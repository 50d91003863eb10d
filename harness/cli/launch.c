/* SPDX-License-Identifier: MIT */
#include "cli/launch.h"

#include <string.h>

#include "base/log.h"
#include "cli/group.h"
#include "cli/recorded.h"
#include "fleet/reaper.h"
#include "runner/watches.h"
#include "symbols/expression.h"

struct moth_instance_config moth_cli_instance_config(const struct moth_options *options)
{
    return (struct moth_instance_config){.argv = (const char *const *)options->game.items,
                                         .env = (const char *const *)options->env.items,
                                         .channel = {.seed = options->seed,
                                                     .schedule_seed = options->schedule_seed,
                                                     .hz = (uint32_t)options->hz,
                                                     .video = (uint32_t)options->video,
                                                     .render = (uint32_t)options->render,
                                                     .threads = (uint32_t)options->threads},
                                         .limits = moth_cli_limits(options)};
}

struct moth_instance *moth_cli_launch(const struct moth_options *options, struct moth_err *err)
{
    struct moth_group group;
    struct moth_instance_config config = moth_cli_instance_config(options);
    struct moth_instance *instance = NULL;
    if (moth_group_parse(options, &group, err) == 0) {
        config.members = group.members;
        config.n_members = group.n_members;
        config.link = group.link;
        instance = moth_instance_launch(&config, err);
    }
    moth_group_fini(&group);
    if (instance && moth_instance_death(instance)->how != MOTH_STEP_OK) {
        moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before its first frame: %s",
                     moth_step_name(moth_instance_death(instance)->how));
        moth_instance_close(instance);
        instance = NULL;
    }
    return instance;
}

struct moth_watches *moth_cli_watches(const struct moth_options *options)
{
    struct moth_watches *watches = moth_watches_create((const char *const *)options->debug_dirs.items);
    char name[MOTH_EXPRESSION_LABEL_MAX + 1];
    for (size_t i = 0; watches && i < options->watches.n; i++) {
        const char *expression = moth_expression_split(options->watches.items[i], name, NULL);
        if (expression)
            moth_watches_add(watches, NULL, name, expression, NULL);
    }
    return watches;
}

static int check(const struct moth_options *options, struct moth_instance *instance, struct moth_err *err)
{
    struct moth_watches *watches = moth_watches_create((const char *const *)options->debug_dirs.items);
    int result = watches ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for watches");
    for (size_t i = 0; i < options->watches.n && result == 0; i++) {
        char name[MOTH_EXPRESSION_LABEL_MAX + 1];
        struct moth_err why;
        struct moth_watch_value value;
        const char *expression = moth_expression_split(options->watches.items[i], name, &why);
        if (!expression || moth_watches_get(watches, instance, expression, &value))
            continue; /* the game publishes it */
        enum moth_lookup found = moth_watches_add(watches, instance, name, expression, &why);
        if (found == MOTH_LOOKUP_NOT_FOUND && strchr(expression, '@'))
            moth_log_warning("--watch %s: %s (so far)", options->watches.items[i], why.message);
        else if (found != MOTH_LOOKUP_FOUND)
            result = moth_err_set(err, MOTH_ERR_CONFIG, "--watch %s: %s%s", options->watches.items[i], why.message,
                                  found == MOTH_LOOKUP_NOT_FOUND
                                      ? "; where a library has it that is loaded later, say which: name@library"
                                      : "");
    }
    moth_watches_destroy(watches);
    return result;
}

int moth_cli_check_watches(const struct moth_options *options, struct moth_err *err)
{
    struct moth_reaper reaper;
    if (options->watches.n == 0)
        return 0;
    if (moth_reaper_start(&reaper, err) != 0)
        return -1;
    struct moth_instance *instance = moth_cli_launch(options, err);
    int result = instance ? check(options, instance, err) : err->code == MOTH_ERR_NOTHING_RAN ? 0 : -1; /* the run tells that better */
    if (instance)
        moth_instance_close(instance);
    moth_reaper_stop(&reaper);
    return result;
}
