/* SPDX-License-Identifier: MIT */
#include "fleet/scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moth/moth.h"
#include "runner/watch.h"

void moth_scenes_mark(struct moth_scenes *scenes, const char *text)
{
    snprintf(scenes->mark, sizeof scenes->mark, "%s", text);
}

/* The first of these that there is. */
static const struct moth_watch_value *find(const struct moth_channel *channel, const char *const *names, size_t n_names)
{
    uint32_t n = channel->n_watches < MOTH_WATCHES_MAX ? channel->n_watches : MOTH_WATCHES_MAX;
    for (size_t i = 0; i < n_names; i++)
        for (uint32_t j = 0; j < n; j++)
            if (channel->watches[j].ok && strcmp(channel->watches[j].name, names[i]) == 0)
                return &channel->watches[j];
    return NULL;
}

static void name_scene(const struct moth_scenes *scenes, const struct moth_channel *channel,
                       char name[MOTH_SCENE_BYTES])
{
    static const char *const usual[] = {"scene", "level", "room", "map"};
    const struct moth_watch_value *value =
        scenes->watch ? find(channel, &scenes->watch, 1) : find(channel, usual, sizeof usual / sizeof *usual);
    if (!value)
        snprintf(name, MOTH_SCENE_BYTES, "%s", scenes->mark);
    else if (value->type == MOTH_WATCH_STR)
        snprintf(name, MOTH_SCENE_BYTES, "%.*s", (int)MOTH_SCENE_BYTES - 1, value->text);
    else
        snprintf(name, MOTH_SCENE_BYTES, "%g", value->number);
}

void moth_scenes_stand(struct moth_scenes *scenes, const struct moth_channel *channel, struct moth_memory_use *use)
{
    char name[MOTH_SCENE_BYTES];
    name_scene(scenes, channel, name);
    if (!name[0] || strcmp(name, scenes->name) == 0)
        return;
    memcpy(scenes->name, name, sizeof name);
    moth_memory_use_scene(use, name, moth_watch_rss_bytes((pid_t)channel->owner_pid), 0);
}

void moth_scenes_checkpoint(struct moth_scenes *scenes, const struct moth_channel *channel, uint64_t rss_bytes,
                            struct moth_memory_use *use)
{
    name_scene(scenes, channel, scenes->name);
    if (scenes->name[0])
        moth_memory_use_scene(use, scenes->name, rss_bytes, channel->heap_bytes);
}

void moth_scenes_keep(struct moth_scenes *scenes, uint64_t id)
{
    if (id >= scenes->n_marks) {
        uint64_t room = id * 2 + 16;
        char(*grown)[MOTH_SCENE_BYTES] = realloc(scenes->marks, room * sizeof *grown);
        if (!grown)
            abort(); /* as of the snapshots themselves */
        scenes->marks = grown;
        scenes->n_marks = room;
    }
    memcpy(scenes->marks[id], scenes->mark, sizeof scenes->mark);
}

void moth_scenes_return(struct moth_scenes *scenes, uint64_t id)
{
    if (id < scenes->n_marks)
        memcpy(scenes->mark, scenes->marks[id], sizeof scenes->mark);
    scenes->name[0] = '\0'; /* its memory is another one's */
}

void moth_scenes_fini(struct moth_scenes *scenes)
{
    free(scenes->marks);
    *scenes = (struct moth_scenes){0};
}
