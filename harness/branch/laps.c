/* SPDX-License-Identifier: MIT */
#include "branch/laps.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "branch/attempt.h"

#define IDLE_FRAMES 120u
#define WARM_LAPS 2u     /* caches fill in these */
#define LAPS_LEAST 10u   /* for a judgement */
#define REAL_BYTES 4096u /* a lap */
#define SETTLED_AFTER 4u /* laps, the last two without growth: it is not worth going on */

/* ---- memory ---- */

static size_t read_proc(const struct moth_instance *instance, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/%s", (unsigned)moth_instance_channel(instance)->owner_pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

uint64_t moth_laps_memory(const struct moth_instance *instance)
{
    char text[4096];
    unsigned long long kb = 0;
    const char *at =
        read_proc(instance, "smaps_rollup", text, sizeof text) ? strstr(text, "\nAnonymous:") : NULL;
    return at && sscanf(at, "\nAnonymous: %llu", &kb) == 1 ? (uint64_t)kb << 10 : 0;
}

uint64_t moth_laps_data(const struct moth_instance *instance)
{
    char text[256];
    unsigned long long pages = 0;
    read_proc(instance, "statm", text, sizeof text);
    return sscanf(text, "%*s %*s %*s %*s %*s %llu", &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE)
                                                                 : 0;
}

void moth_laps_note(struct moth_laps *laps, struct moth_instance *instance)
{
    struct moth_view view;
    if (laps->n > MOTH_LAPS || !moth_view_take(instance, &view))
        return;
    moth_views_add(&laps->views, &view);
    laps->bytes[laps->n++] = moth_laps_memory(instance);
}

void moth_laps_fini(struct moth_laps *laps)
{
    moth_views_fini(&laps->views);
    *laps = (struct moth_laps){0};
}

/* ---- judging ---- */

static bool alike(const struct moth_laps *laps)
{
    struct moth_view_mask all;
    moth_view_mask_all(&all);
    for (size_t i = 2; i < laps->n; i++)
        if (moth_view_state(&laps->views.items[i], &all) != moth_view_state(&laps->views.items[1], &all))
            return false;
    return true;
}

bool moth_laps_grow(const struct moth_laps *laps, uint64_t *per_lap)
{
    uint64_t least = UINT64_MAX;
    *per_lap = 0;
    if (laps->n <= LAPS_LEAST || !alike(laps))
        return false;
    for (size_t i = WARM_LAPS + 1; i < laps->n; i++) {
        uint64_t more = laps->bytes[i] > laps->bytes[i - 1] ? laps->bytes[i] - laps->bytes[i - 1] : 0;
        least = more < least ? more : least;
    }
    *per_lap = least;
    return least >= REAL_BYTES;
}

static bool settled(const struct moth_laps *laps)
{
    return laps->n > SETTLED_AFTER && laps->bytes[laps->n - 1] < laps->bytes[laps->n - 2] + REAL_BYTES;
}

/* ---- playing ---- */

/* What the player holds is let go, and a frame later the lap's inputs begin: so each lap is like the others.
 */
static enum moth_step play_lap(struct moth_tree *tree, const struct moth_input_event *events, size_t n_events,
                               uint32_t frames, struct moth_err *err)
{
    static const struct moth_trace_header none;
    struct moth_trace *before = moth_tree_trace(tree, &none);
    struct moth_attempt nothing;
    moth_attempt_init(&nothing, MOTH_ATTEMPT_NOTHING, 0, before, 0, 0);
    struct moth_input_event released[MOTH_ATTEMPT_EVENTS_MAX];
    size_t n_released = moth_attempt_next(&nothing, 1, released);
    moth_trace_free(before);
    moth_tree_mark(tree, MOTH_LAP_MARK);
    enum moth_step step = moth_tree_step(tree, 1, released, n_released, err);
    return step == MOTH_STEP_OK ? moth_tree_step(tree, frames, events, n_events, err) : step;
}

static size_t cut_lap(const struct moth_trace *way, const struct moth_lap *lap,
                      struct moth_input_event *events)
{
    size_t n = 0;
    for (size_t i = 0; i < way->n_events; i++) {
        if (way->events[i].frame < lap->from || way->events[i].frame >= lap->to)
            continue;
        events[n] = way->events[i];
        events[n++].frame -= lap->from;
    }
    return n;
}

int moth_laps_play(struct moth_tree *tree, const struct moth_lap *lap, struct moth_laps *laps,
                   struct moth_err *err)
{
    static const struct moth_trace_header none;
    struct moth_trace *way = moth_tree_trace(tree, &none);
    struct moth_input_event *events = way ? calloc(way->n_events + 1, sizeof *events) : NULL;
    if (!events) {
        moth_trace_free(way);
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a lap");
    }
    size_t n_events = cut_lap(way, lap, events);
    *laps = (struct moth_laps){.frames = lap->to > lap->from ? lap->to - lap->from : IDLE_FRAMES};
    enum moth_step step = MOTH_STEP_OK;
    moth_laps_note(laps, moth_tree_instance(tree));
    for (unsigned i = 0; i < MOTH_LAPS && step == MOTH_STEP_OK && !settled(laps) && alike(laps); i++) {
        step = play_lap(tree, events, n_events, laps->frames, err);
        if (step == MOTH_STEP_OK)
            moth_laps_note(laps, moth_tree_instance(tree));
    }
    if (step == MOTH_STEP_OK)
        moth_tree_mark(tree, MOTH_LAP_MARK);
    free(events);
    moth_trace_free(way);
    return step == MOTH_STEP_FAULT ? -1 : 0;
}
