/* SPDX-License-Identifier: MIT
 *
 * A game's memory over a play: what is resident, and what its heap holds, at every 60th boundary; kept as at
 * most MOTH_MEMORY_POINTS points, however long the play, and as the most there was.
 */
#ifndef MOTH_FLEET_MEMORY_USE_H
#define MOTH_FLEET_MEMORY_USE_H

#include "base/buf.h"
#include "reports/reports.h"

#define MOTH_MEMORY_EVERY_FRAMES 60u

struct moth_memory_use {
    struct moth_memory_point points[MOTH_MEMORY_POINTS];
    uint32_t n;
    uint32_t every, skipped; /* of the boundaries that are looked at, one in `every` is kept */
    uint64_t rss_most, heap_most, rss_growth,
        heap_growth; /* growth: bytes a minute, of plays that came to a judgement */
    struct moth_memory_scene scenes[MOTH_MEMORY_SCENES]; /* by name */
    uint32_t n_scenes;
};

/* The game stands at `frame`. */
void moth_memory_use_add(struct moth_memory_use *use, uint32_t frame, uint64_t rss_bytes,
                         uint64_t heap_bytes);
/* The game holds so much in a scene (fleet/scenes.h); heap 0: it was not counted. Of more than MOTH_MEMORY_SCENES those that hold the most are
 * kept. */
void moth_memory_use_scene(struct moth_memory_use *use, const char *name, uint64_t rss_bytes, uint64_t heap_bytes);
/* The game stands somewhere else now: its memory is another one's. */
void moth_memory_use_return(struct moth_memory_use *use);
/* The play is over: how much did it grow by in a minute of its second half? */
void moth_memory_use_end(struct moth_memory_use *use, uint32_t hz);
/* The most of both, in each scene too; the points of that with more. */
void moth_memory_use_merge(struct moth_memory_use *use, const struct moth_memory_use *other);
void moth_memory_use_put(struct moth_buf *buf, const struct moth_memory_use *use);
void moth_memory_use_get(struct moth_cursor *cursor, struct moth_memory_use *use);

#endif
