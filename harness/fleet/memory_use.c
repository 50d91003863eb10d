/* SPDX-License-Identifier: MIT */
#include "fleet/memory_use.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROWTH_POINTS_LEAST 8u
#define GROWTH_FRAMES_LEAST 240u /* of the half that is looked at */

void moth_memory_use_add(struct moth_memory_use *use, uint32_t frame, uint64_t rss_bytes, uint64_t heap_bytes)
{
    use->rss_most = rss_bytes > use->rss_most ? rss_bytes : use->rss_most;
    use->heap_most = heap_bytes > use->heap_most ? heap_bytes : use->heap_most;
    use->every = use->every ? use->every : 1;
    if (++use->skipped < use->every)
        return;
    use->skipped = 0;
    if (use->n == MOTH_MEMORY_POINTS) {
        for (uint32_t i = 0; i < MOTH_MEMORY_POINTS / 2; i++)
            use->points[i] = use->points[2 * i + 1];
        use->n = MOTH_MEMORY_POINTS / 2;
        use->every *= 2;
    }
    use->points[use->n++] = (struct moth_memory_point){frame, rss_bytes, heap_bytes};
}

/* Of those there are the one with the least, which goes; `added` when it is that. */
static bool make_room(struct moth_memory_use *use, uint64_t added_bytes, const char *added)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < use->n_scenes; i++)
        if (use->scenes[i].rss_bytes < use->scenes[least].rss_bytes ||
            (use->scenes[i].rss_bytes == use->scenes[least].rss_bytes &&
             strcmp(use->scenes[i].name, use->scenes[least].name) > 0))
            least = i;
    const struct moth_memory_scene *going = &use->scenes[least];
    if (added_bytes < going->rss_bytes || (added_bytes == going->rss_bytes && strcmp(added, going->name) > 0))
        return false;
    memmove(&use->scenes[least], &use->scenes[least + 1], (use->n_scenes - least - 1) * sizeof *use->scenes);
    use->n_scenes--;
    return true;
}

void moth_memory_use_scene(struct moth_memory_use *use, const char *name, uint64_t rss_bytes, uint64_t heap_bytes)
{
    uint32_t at = 0;
    while (at < use->n_scenes && strcmp(use->scenes[at].name, name) < 0)
        at++;
    if (at < use->n_scenes && strcmp(use->scenes[at].name, name) == 0) {
        struct moth_memory_scene *scene = &use->scenes[at];
        scene->rss_bytes = rss_bytes > scene->rss_bytes ? rss_bytes : scene->rss_bytes;
        scene->heap_bytes = heap_bytes > scene->heap_bytes ? heap_bytes : scene->heap_bytes;
        return;
    }
    if (use->n_scenes == MOTH_MEMORY_SCENES) {
        if (make_room(use, rss_bytes, name))
            moth_memory_use_scene(use, name, rss_bytes, heap_bytes);
        return;
    }
    memmove(&use->scenes[at + 1], &use->scenes[at], (use->n_scenes - at) * sizeof *use->scenes);
    use->scenes[at] = (struct moth_memory_scene){.rss_bytes = rss_bytes, .heap_bytes = heap_bytes};
    snprintf(use->scenes[at].name, sizeof use->scenes[at].name, "%s", name);
    use->n_scenes++;
}

void moth_memory_use_return(struct moth_memory_use *use)
{
    use->n = use->every = use->skipped = 0;
}

/* Bytes a frame, by least squares over points [from, n); a fall is no growth. */
static double slope(const struct moth_memory_use *use, uint32_t from, bool heap)
{
    double n = use->n - from, sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (uint32_t i = from; i < use->n; i++) {
        double x = use->points[i].frame - use->points[from].frame;
        double y = (double)(heap ? use->points[i].heap_bytes : use->points[i].rss_bytes);
        sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    double divisor = n * sxx - sx * sx, bytes = divisor > 0 ? (n * sxy - sx * sy) / divisor : 0;
    return bytes > 0 ? bytes : 0;
}

void moth_memory_use_end(struct moth_memory_use *use, uint32_t hz)
{
    uint32_t from = use->n / 2;
    if (use->n < GROWTH_POINTS_LEAST ||
        use->points[use->n - 1].frame - use->points[from].frame < GROWTH_FRAMES_LEAST)
        return;
    use->rss_growth = (uint64_t)(slope(use, from, false) * hz * 60);
    use->heap_growth = (uint64_t)(slope(use, from, true) * hz * 60);
}

void moth_memory_use_merge(struct moth_memory_use *use, const struct moth_memory_use *other)
{
    struct moth_memory_use sum = other->rss_most > use->rss_most ? *other : *use;
    sum.heap_most = use->heap_most > other->heap_most ? use->heap_most : other->heap_most;
    sum.rss_growth = use->rss_growth > other->rss_growth ? use->rss_growth : other->rss_growth;
    sum.heap_growth = use->heap_growth > other->heap_growth ? use->heap_growth : other->heap_growth;
    const struct moth_memory_use *less = other->rss_most > use->rss_most ? use : other;
    for (uint32_t i = 0; i < less->n_scenes; i++)
        moth_memory_use_scene(&sum, less->scenes[i].name, less->scenes[i].rss_bytes, less->scenes[i].heap_bytes);
    *use = sum;
}

void moth_memory_use_put(struct moth_buf *buf, const struct moth_memory_use *use)
{
    const uint64_t numbers[] = {use->rss_most, use->heap_most, use->rss_growth, use->heap_growth, use->n};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        moth_buf_put_varint(buf, numbers[i]);
    for (uint32_t i = 0; i < use->n; i++) {
        moth_buf_put_varint(buf, use->points[i].frame);
        moth_buf_put_varint(buf, use->points[i].rss_bytes);
        moth_buf_put_varint(buf, use->points[i].heap_bytes);
    }
    moth_buf_put_varint(buf, use->n_scenes);
    for (uint32_t i = 0; i < use->n_scenes; i++) {
        moth_buf_put_string(buf, use->scenes[i].name);
        moth_buf_put_varint(buf, use->scenes[i].rss_bytes);
        moth_buf_put_varint(buf, use->scenes[i].heap_bytes);
    }
}

static void get_scenes(struct moth_cursor *cursor, struct moth_memory_use *use)
{
    uint32_t n = (uint32_t)moth_cursor_varint_to(cursor, MOTH_MEMORY_SCENES);
    for (uint32_t i = 0; i < n && !cursor->failed; i++) {
        char *name = moth_cursor_string(cursor, MOTH_SCENE_BYTES - 1, NULL);
        uint64_t rss_bytes = moth_cursor_varint(cursor), heap_bytes = moth_cursor_varint(cursor);
        if (name && !cursor->failed) /* in order, whatever order they came in */
            moth_memory_use_scene(use, name, rss_bytes, heap_bytes);
        free(name);
    }
}

void moth_memory_use_get(struct moth_cursor *cursor, struct moth_memory_use *use)
{
    *use = (struct moth_memory_use){0};
    use->rss_most = moth_cursor_varint(cursor);
    use->heap_most = moth_cursor_varint(cursor);
    use->rss_growth = moth_cursor_varint(cursor);
    use->heap_growth = moth_cursor_varint(cursor);
    use->n = (uint32_t)moth_cursor_varint_to(cursor, MOTH_MEMORY_POINTS);
    for (uint32_t i = 0; i < use->n && !cursor->failed; i++) {
        use->points[i].frame = (uint32_t)moth_cursor_varint_to(cursor, UINT32_MAX);
        use->points[i].rss_bytes = moth_cursor_varint(cursor);
        use->points[i].heap_bytes = moth_cursor_varint(cursor);
    }
    get_scenes(cursor, use);
    if (cursor->failed)
        use->n = use->n_scenes = 0;
}
