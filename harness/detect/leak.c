/* SPDX-License-Identifier: MIT */
#include "detect/leak.h"

#include <stdlib.h>

#include "base/fs.h"

#define SUSPECT_BYTES (64u << 10) /* growth in the second half of a play */
#define LAP_SECONDS_MOST 10u

void moth_leak_size(struct moth_leak *leak, uint64_t bytes)
{
    uint32_t most = sizeof leak->bytes / sizeof *leak->bytes;
    leak->every = leak->every ? leak->every : 1;
    if (++leak->skipped < leak->every)
        return;
    leak->skipped = 0;
    if (leak->n == most) {
        for (uint32_t i = 0; i < most / 2; i++)
            leak->bytes[i] = leak->bytes[2 * i];
        leak->n = most / 2;
        leak->every *= 2;
    }
    leak->bytes[leak->n++] = bytes;
}

bool moth_leak_suspect(const struct moth_leak *leak)
{
    return leak->n >= 2 && leak->bytes[leak->n - 1] >= leak->bytes[(leak->n - 1) / 2] + SUSPECT_BYTES;
}

/* Does the line lead from i back to the same state at j, and through another one? */
static bool is_lap(const uint64_t *states, size_t i, size_t j)
{
    bool other = false;
    for (size_t k = i + 1; k < j; k++) {
        if (states[k] == states[i])
            return false; /* a shorter one does */
        other = true;
    }
    return other && states[i] == states[j];
}

size_t moth_leak_laps(const struct moth_views *line, uint32_t hz, struct moth_lap laps[MOTH_LEAK_LAPS_MAX])
{
    struct moth_view_mask all;
    moth_view_mask_all(&all);
    size_t n = 0;
    uint64_t *states = malloc((line->n + 1) * sizeof *states);
    if (!states)
        abort();
    for (size_t i = 0; i < line->n; i++)
        states[i] = moth_view_state(&line->items[i], &all);
    for (size_t j = line->n; j-- > 0 && n + 1 < MOTH_LEAK_LAPS_MAX;)
        for (size_t i = j; i-- > 0 && line->items[j].frame - line->items[i].frame <= LAP_SECONDS_MOST * hz;)
            if (is_lap(states, i, j)) {
                laps[n++] = (struct moth_lap){line->items[i].frame, line->items[j].frame};
                break;
            }
    free(states);
    laps[n++] = (struct moth_lap){0, 0};
    return n;
}

struct moth_finding *moth_leak_finding(const struct moth_laps *laps, uint32_t frame)
{
    uint64_t per_lap;
    struct moth_finding *finding = moth_laps_grow(laps, &per_lap) ? calloc(1, sizeof *finding) : NULL;
    if (!finding)
        return NULL;
    finding->kind = MOTH_FINDING_LEAK;
    finding->frame = frame;
    finding->title = moth_fs_path("memory that only grows: each of %zu identical laps leaves %llu KB or more",
                                  laps->n - 1, (unsigned long long)(per_lap >> 10));
    char *detail = moth_fs_path("memory at the beginning of each lap of %u frames, in KB:", laps->frames);
    for (size_t i = 0; i < laps->n; i++) {
        char *longer = moth_fs_path("%s %llu", detail, (unsigned long long)(laps->bytes[i] >> 10));
        free(detail);
        detail = longer;
    }
    finding->detail = detail;
    return finding;
}
