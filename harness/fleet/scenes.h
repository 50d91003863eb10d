/* SPDX-License-Identifier: MIT
 *
 * Which scene of a game its memory belongs to. A scene is the value of one watch: the one that the user names, else
 * scene, level, room or map, whichever the game publishes; where it publishes none, the last mark of the script.
 * It is looked at where the game stands: at checkpoints, where the heap is counted too, and between an agent's steps,
 * so that a scene which is left before the next checkpoint is seen all the same. Begun zeroed but for `watch`; one
 * thread.
 */
#ifndef MOTH_FLEET_SCENES_H
#define MOTH_FLEET_SCENES_H

#include <stdint.h>
#include <sys/types.h>

#include "fleet/memory_use.h"
#include "wire/channel.h"

struct moth_scenes {
    const char *watch; /* NULL: the usual names */
    char mark[MOTH_SCENE_BYTES];
    char name[MOTH_SCENE_BYTES]; /* where the game stood last; "": nobody says */
    char (*marks)[MOTH_SCENE_BYTES]; /* of each snapshot, by id */
    uint64_t n_marks;
};

/* The script said so. */
void moth_scenes_mark(struct moth_scenes *scenes, const char *text);
/* The game stands between two checkpoints: if that is in another scene, what does it hold there? */
void moth_scenes_stand(struct moth_scenes *scenes, const struct moth_channel *channel, struct moth_memory_use *use);
/* It stands at a checkpoint, and holds so much. */
void moth_scenes_checkpoint(struct moth_scenes *scenes, const struct moth_channel *channel, uint64_t rss_bytes,
                            struct moth_memory_use *use);
/* A snapshot was taken; the game stands there again. */
void moth_scenes_keep(struct moth_scenes *scenes, uint64_t id);
void moth_scenes_return(struct moth_scenes *scenes, uint64_t id);
void moth_scenes_fini(struct moth_scenes *scenes);

#endif
