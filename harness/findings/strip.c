/* SPDX-License-Identifier: MIT */
#include "findings/strip.h"

#include <stdlib.h>

#include "base/fs.h"
#include "branch/tree.h"

static const uint32_t before[] = {120, 60, 30, 10, 1, 0};

static bool interrupted(void *context)
{
    const struct moth_replay_config *config = context;
    return config->interrupted && config->interrupted(config->context);
}

/* Play on to `target`. False: the game is over, or the replay is. */
static bool play_to(struct moth_tree *tree, const struct moth_trace *trace, size_t *next, uint32_t target,
                    const struct moth_replay_config *config, struct moth_input_event *events)
{
    enum moth_step step = MOTH_STEP_OK;
    uint32_t frame;
    while (step == MOTH_STEP_OK && (frame = moth_tree_frame(tree)) < target && !interrupted((void *)(uintptr_t)config)) {
        uint32_t frames = MOTH_CHECKPOINT_FRAMES - frame % MOTH_CHECKPOINT_FRAMES;
        frames = frames < target - frame ? frames : target - frame;
        size_t n = moth_replay_take_events(trace, next, frame, frames, events, MOTH_PROGRAM_EVENTS_MAX);
        step = moth_tree_step(tree, frames, events, n, NULL);
    }
    return step == MOTH_STEP_OK && moth_tree_frame(tree) == target;
}

int moth_strip_take(const struct moth_trace *trace, uint32_t frame, const struct moth_replay_config *config,
                    const char *folder, struct moth_err *err)
{
    struct moth_tree_config how = {.launch = moth_replay_launch_config(&trace->header, config),
                                   .interrupted = interrupted,
                                   .context = (void *)(uintptr_t)config};
    if (how.launch.channel.render == MOTH_RENDER_OFF)
        how.launch.channel.render = MOTH_RENDER_AUTO; /* what is looked at has to be drawn */
    struct moth_input_event *events = malloc(MOTH_PROGRAM_EVENTS_MAX * sizeof *events);
    struct moth_tree *tree = events ? moth_tree_launch(&how, err) : NULL;
    size_t next = 0;
    for (size_t i = 0; tree && i < sizeof before / sizeof *before; i++) {
        uint32_t target = frame > before[i] ? frame - before[i] : 0;
        if (target == 0 || target < moth_tree_frame(tree))
            continue;
        if (!play_to(tree, trace, &next, target, config, events))
            break;
        char *path = moth_fs_path("%s/" MOTH_STRIP_NAME "%u.png", folder, before[i]);
        moth_instance_screenshot(moth_tree_instance(tree), path, NULL); /* one that shows nothing has no picture */
        free(path);
    }
    int result = tree ? 0 : events ? -1 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for input events");
    if (tree)
        moth_tree_close(tree);
    free(events);
    return result;
}
