/* SPDX-License-Identifier: MIT */
#include "doctor/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "runner/snapshot.h"
#include "runner/watches.h"

#define LOG_BYTES 4096

struct playing {
    struct moth_trial *trial;
    struct moth_instance *instance;
    struct moth_watches *watches; /* or NULL */
    struct moth_err *err;
    bool fault;
};

static void *grown(void *items, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return items;
    *room = needed * 2;
    void *larger = realloc(items, *room * size);
    if (larger == NULL)
        abort();
    return larger;
}

static void keep_events(struct moth_trial *trial, const struct moth_input_event *events, size_t n)
{
    trial->events = grown(trial->events, &trial->events_room, trial->n_events + n, sizeof *trial->events);
    for (size_t i = 0; i < n; i++) {
        trial->events[trial->n_events] = events[i];
        trial->events[trial->n_events++].frame += (uint32_t)trial->n_observed;
    }
}

static enum moth_step step(struct playing *playing, uint32_t frames, const struct moth_input_event *events,
                           size_t n, uint32_t want)
{
    struct moth_trial *trial = playing->trial;
    uint32_t got = 0;
    trial->observed =
        grown(trial->observed, &trial->room, trial->n_observed + frames, sizeof *trial->observed);
    enum moth_step how = moth_instance_step(playing->instance, frames, events, n, want, 0,
                                            trial->observed + trial->n_observed, &got, playing->err);
    trial->n_observed += got;
    playing->fault = how == MOTH_STEP_FAULT;
    return how;
}

static enum moth_lua_step agent_step(void *context, uint32_t frames, const struct moth_input_event *events,
                                     size_t n, struct moth_lua_now *now)
{
    struct playing *playing = context;
    keep_events(playing->trial, events, n);
    enum moth_step how = step(playing, frames, events, n, MOTH_WANT_PICTURE);
    if (playing->watches)
        moth_watches_attach(playing->watches, playing->instance);
    const struct moth_observation *last = moth_instance_last(playing->instance);
    now->frame = last->frame;
    now->time_ns = last->time_ns;
    now->window_w = moth_instance_channel(playing->instance)->window_w;
    now->window_h = moth_instance_channel(playing->instance)->window_h;
    playing->trial->how = how;
    return how == MOTH_STEP_OK ? MOTH_LUA_STEP_OK : MOTH_LUA_STEP_ENDED;
}

static const struct moth_watch_value *agent_watches(void *context, uint32_t *n)
{
    const struct playing *playing = context;
    return moth_watches_values(playing->watches, playing->instance, n);
}

static int agent_watch(void *context, const char *name, const char *expression, struct moth_err *err)
{
    const struct playing *playing = context;
    enum moth_lookup result = moth_watches_add(playing->watches, playing->instance, name, expression, err);
    return result == MOTH_LOOKUP_FOUND ? 0 : result == MOTH_LOOKUP_NOT_FOUND ? 1 : -1;
}

static bool agent_watch_visit(void *context, const char *name, const struct moth_value_visitor *visitor)
{
    const struct playing *playing = context;
    return moth_watches_visit(playing->watches, playing->instance, name, visitor);
}

static bool agent_member(void *context, unsigned index, struct moth_lua_member *member)
{
    const struct playing *playing = context;
    struct moth_member_info info;
    if (!moth_instance_member(playing->instance, index, &info))
        return false;
    *member = (struct moth_lua_member){info.name, info.window_w, info.window_h, info.gone};
    return true;
}

/* ---- facts ---- */

/* "module+0x1234" of an address, from the process's map while it lives. */
static void place_of(pid_t pid, uint64_t pc, char *out, size_t size)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    snprintf(out, size, "0x%llx", (unsigned long long)pc);
    FILE *maps = fopen(path, "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long long low, high, offset;
        int at = 0;
        if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %n", &low, &high, &offset, &at) < 3 || pc < low ||
            pc >= high)
            continue;
        line[strcspn(line, "\n")] = '\0';
        const char *file = strrchr(line + at, '/');
        snprintf(out, size, "%.60s+0x%llx", file != NULL ? file + 1 : line + at, pc - low + offset);
    }
    if (maps != NULL)
        fclose(maps);
}

static void add_warning(const char *sentence, void *context)
{
    struct moth_trial_facts *facts = context;
    char **more = realloc(facts->warnings, (facts->n_warnings + 1) * sizeof *more);
    if (more == NULL)
        abort();
    facts->warnings = more;
    facts->warnings[facts->n_warnings++] = strdup(sentence);
}

static void take_facts(struct moth_trial *trial, struct moth_instance *instance)
{
    const struct moth_channel *c = moth_instance_channel(instance);
    struct moth_trial_facts *facts = &trial->facts;
    facts->attach = c->attach;
    facts->threads_created = c->threads_created;
    facts->preempted = c->preempted;
    facts->synthetic_boundaries = c->synthetic_boundaries;
    facts->presents = c->present_calls;
    facts->gl_used = c->gl_used;
    facts->bypass = c->bypass;
    snprintf(facts->sdl_version, sizeof facts->sdl_version, "%.15s", c->sdl_version);
    snprintf(facts->video_driver, sizeof facts->video_driver, "%.15s", c->video_driver);
    facts->setid_copy = moth_instance_game(instance)->setid_copy;
    uint32_t owner = c->owner_pid;
    for (int i = 0; i < 6; i++)
        if (c->bypass.last_pc[i] != 0)
            place_of(owner != 0 ? (pid_t)owner : moth_instance_pid(instance), c->bypass.last_pc[i],
                     facts->bypass_place[i], sizeof facts->bypass_place[i]);
    moth_instance_warnings(instance, add_warning, facts);
    trial->log = malloc(LOG_BYTES);
    if (trial->log == NULL)
        abort();
    moth_instance_log_tail(instance, trial->log, LOG_BYTES);
    trial->death = *moth_instance_death(instance);
    trial->death.sanitizer = trial->death.stacks = NULL;
    trial->death.unwound = NULL;
}

/* ---- trials ---- */

static int open_trial(struct playing *playing, const struct moth_instance_config *config,
                      struct moth_trial *trial, struct moth_err *err)
{
    memset(trial, 0, sizeof *trial);
    uint64_t began = moth_clock_monotonic_ns();
    *playing = (struct playing){.trial = trial, .err = err};
    playing->instance = moth_instance_launch(config, err);
    trial->boot_s = (double)(moth_clock_monotonic_ns() - began) / 1e9;
    if (playing->instance == NULL)
        return -1;
    trial->how = moth_instance_death(playing->instance)->how;
    return 0;
}

static int close_trial(struct playing *playing, uint64_t began_ns, int result)
{
    playing->trial->play_s = (double)(moth_clock_monotonic_ns() - began_ns) / 1e9;
    take_facts(playing->trial, playing->instance);
    moth_instance_close(playing->instance);
    return playing->fault ? -1 : result;
}

int moth_trial_record(const struct moth_instance_config *config, const struct moth_agent *agent,
                      uint64_t seed, uint32_t pads, uint32_t frames, struct moth_watches *watches,
                      struct moth_trial *trial, struct moth_err *err)
{
    struct playing playing;
    if (open_trial(&playing, config, trial, err) != 0)
        return -1;
    uint64_t began = moth_clock_monotonic_ns();
    if (trial->how != MOTH_STEP_OK)
        return close_trial(&playing, began, 0);
    struct moth_lua_backend backend = {.context = &playing, .step = agent_step, .watches = agent_watches, .member = agent_member};
    playing.watches = watches;
    if (watches) {
        backend.watch = agent_watch;
        backend.watch_visit = agent_watch_visit;
        moth_watches_attach(watches, playing.instance);
    }
    struct moth_agent_play play = {.seed = seed, .max_frames = frames, .pads = pads};
    struct moth_agent_outcome outcome;
    int result = 0;
    if (moth_agent_play(agent, &backend, &play, &outcome) == MOTH_AGENT_ERROR) {
        if (err != NULL)
            *err = outcome.err;
        result = -1;
    } else if (trial->how == MOTH_STEP_OK && trial->n_observed < frames) {
        step(&playing, frames - (uint32_t)trial->n_observed, NULL, 0, MOTH_WANT_PICTURE);
        trial->how = moth_instance_death(playing.instance)->how;
    }
    return close_trial(&playing, began, result);
}

/* Steps of `chunk` boundaries up to `frames`, each with the inputs that fall into it. */
static void play_chunks(struct playing *playing, const struct moth_trial *first, uint32_t frames,
                        uint32_t chunk, uint32_t want)
{
    struct moth_trial *trial = playing->trial;
    struct moth_input_event *events = calloc(first->n_events + 1, sizeof *events);
    if (events == NULL)
        abort();
    uint32_t next = 0, begin = (uint32_t)trial->n_observed;
    while (next < first->n_events && first->events[next].frame < begin)
        next++;
    for (uint32_t at = begin; at < frames && trial->how == MOTH_STEP_OK; at += chunk) {
        uint32_t length = frames - at < chunk ? frames - at : chunk;
        size_t n = 0;
        for (; next < first->n_events && first->events[next].frame < at + length; next++) {
            events[n] = first->events[next];
            events[n++].frame -= at;
        }
        trial->how = step(playing, length, events, n, want);
    }
    free(events);
}

int moth_trial_repeat(const struct moth_instance_config *config, const struct moth_trial *first,
                      uint32_t chunk, uint32_t want, struct moth_trial *trial, struct moth_err *err)
{
    struct playing playing;
    if (open_trial(&playing, config, trial, err) != 0)
        return -1;
    uint64_t began = moth_clock_monotonic_ns();
    /* One boundary more when the first ended by itself: it should end here, too. */
    uint32_t frames = (uint32_t)first->n_observed + (first->how != MOTH_STEP_OK);
    if (trial->how == MOTH_STEP_OK)
        play_chunks(&playing, first, frames, chunk, want);
    return close_trial(&playing, began, 0);
}

/* ---- branches ---- */

static double ms_since(uint64_t began_ns)
{
    return (double)(moth_clock_monotonic_ns() - began_ns) / 1e6;
}

static void take_branch(struct playing *playing, const struct moth_trial *first, uint32_t frames,
                        struct moth_trial *branch, struct moth_branching *found)
{
    struct moth_trial *parent = playing->trial;
    struct moth_err why = {0};
    size_t half = parent->n_observed;
    uint64_t began = moth_clock_monotonic_ns();
    struct moth_snapshot *snapshot = moth_instance_snapshot(playing->instance, &why);
    found->snapshot_ms = ms_since(began);
    play_chunks(playing, first, frames, frames, MOTH_WANT_PICTURE);
    began = moth_clock_monotonic_ns();
    found->ok = snapshot != NULL && moth_instance_restore(playing->instance, snapshot, &why) == 0;
    found->branch_ms = ms_since(began);
    snprintf(found->why, sizeof found->why, "%.*s", (int)sizeof found->why - 1, why.message);
    if (found->ok) {
        snprintf(found->shared, sizeof found->shared, "%s", moth_instance_shared(playing->instance));
        branch->observed = grown(NULL, &branch->room, half + 1, sizeof *branch->observed);
        memcpy(branch->observed, parent->observed, half * sizeof *branch->observed);
        branch->n_observed = half;
        playing->trial = branch;
        play_chunks(playing, first, frames, frames, MOTH_WANT_PICTURE);
        playing->trial = parent;
    }
    moth_snapshot_release(snapshot);
}

int moth_trial_branch(const struct moth_instance_config *config, const struct moth_trial *first,
                      struct moth_trial *parent, struct moth_trial *branch, struct moth_branching *found,
                      struct moth_err *err)
{
    struct playing playing;
    *found = (struct moth_branching){0};
    *branch = (struct moth_trial){0};
    if (open_trial(&playing, config, parent, err) != 0)
        return -1;
    uint64_t began = moth_clock_monotonic_ns();
    uint32_t frames = (uint32_t)first->n_observed + (first->how != MOTH_STEP_OK);
    if (parent->how == MOTH_STEP_OK)
        play_chunks(&playing, first, frames / 2, frames, MOTH_WANT_PICTURE);
    if (parent->how == MOTH_STEP_OK)
        take_branch(&playing, first, frames, branch, found);
    return close_trial(&playing, began, 0);
}

void moth_trial_fini(struct moth_trial *trial)
{
    for (size_t i = 0; i < trial->facts.n_warnings; i++)
        free(trial->facts.warnings[i]);
    free(trial->facts.warnings);
    free(trial->observed);
    free(trial->events);
    free(trial->log);
    memset(trial, 0, sizeof *trial);
}
