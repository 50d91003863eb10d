/* SPDX-License-Identifier: MIT */
#include "fleet/memory_use.h"

#include <fcntl.h>
#include <stdio.h>
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
    if (cursor->failed)
        use->n = 0;
}
