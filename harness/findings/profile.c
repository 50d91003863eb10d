/* SPDX-License-Identifier: MIT */
#include "findings/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "detect/frames.h"
#include "findings/work.h"
#include "unwind/unwind.h"

#define KEY_BYTES 600u

/* Work time by address: there are far fewer addresses than samples. A table with open addressing. */
struct place {
    uint64_t pc, ns, samples;
};

struct places {
    struct place *at;
    size_t room, n; /* room: a power of two */
    struct moth_instance *instance;
};

static struct place *slot_of(const struct places *places, uint64_t pc)
{
    size_t i = (size_t)(pc * UINT64_C(0x9fb21c651e98df25) >> 20) & (places->room - 1);
    while (places->at[i].samples > 0 && places->at[i].pc != pc)
        i = (i + 1) & (places->room - 1);
    return &places->at[i];
}

static void grow(struct places *places)
{
    struct places bigger = *places;
    bigger.room = places->room ? places->room * 2 : 4096;
    bigger.at = calloc(bigger.room, sizeof *bigger.at);
    if (!bigger.at)
        abort();
    for (size_t i = 0; i < places->room; i++)
        if (places->at[i].samples > 0)
            *slot_of(&bigger, places->at[i].pc) = places->at[i];
    free(places->at);
    *places = bigger;
}

static void on_sample(void *context)
{
    struct places *places = context;
    const struct moth_channel *channel = moth_instance_channel(places->instance);
    uint64_t gregs[MOTH_CRASH_REGS];
    struct moth_unwind_regs regs;
    memcpy(gregs, channel->sample.regs, sizeof gregs);
    moth_unwind_regs_from_gregs(&regs, gregs);
    if (places->n * 2 >= places->room)
        grow(places);
    uint64_t pc = regs.r[MOTH_UNWIND_REGS - 1];
    struct place *place = slot_of(places, pc);
    places->n += place->samples == 0;
    place->pc = pc;
    place->samples++;
    place->ns += channel->sample.ns;
}

/* ---- from addresses to functions ---- */

static void add(struct moth_profile *profile, const char *key, const char *text, const struct place *place,
                bool own, bool inlined)
{
    struct moth_profile_function *function = NULL;
    for (size_t i = 0; i < profile->n && !function; i++)
        if (strcmp(profile->functions[i].name, key) == 0)
            function = &profile->functions[i];
    if (!function) {
        struct moth_profile_function *grown = realloc(profile->functions, (profile->n + 1) * sizeof *grown);
        if (!grown)
            abort();
        profile->functions = grown;
        function = &grown[profile->n++];
        *function = (struct moth_profile_function){.name = strdup(key), .place = strdup(text)};
    }
    function->own_ns += own ? place->ns : 0;
    function->inlined_ns += own && inlined ? place->ns : 0;
    if (function->last_pc == place->pc) /* inlined into itself */
        return;
    function->last_pc = place->pc;
    function->ns += place->ns;
    function->samples += place->samples;
}

/* The probe, and the instruction of libc's that its system calls go through (probe/core/trap.c): what being
 * sampled costs lies there. */
static bool is_ours(const char *text)
{
    struct moth_frame_parts parts;
    moth_frame_parse(text, &parts);
    return strncmp(parts.module, "libmoth_probe", 13) == 0 || strcmp(parts.function, "getppid") == 0;
}

static void add_frame(struct moth_profile *profile, const struct moth_frame *frame, const struct place *place,
                      bool own)
{
    struct moth_frame_parts parts;
    char key[KEY_BYTES], *text = moth_frame_text(frame);
    moth_frame_parse(text, &parts);
    if (!parts.function[0] &&
        parts.module[0]) { /* without symbols a library is one function, and so is the game */
        snprintf(key, sizeof key, "%s",
                 strcmp(parts.module, profile->program) == 0 ? "(the game)" : parts.module);
        free(text);
        text = moth_fs_path("%s (without symbols)", parts.module);
    } else if (!moth_frame_key(&parts, key, sizeof key))
        snprintf(key, sizeof key, "?");
    add(profile, key, text, place, own, frame->inlined);
    free(text);
}

/* A place counts for each function that it was inlined into: a helper that all use would be named for what
 * one of them does more of. */
static void name_place(struct moth_profile *profile, struct moth_unwind_session *session,
                       const struct moth_channel *channel, const struct place *place)
{
    struct moth_unwind_regs regs = {0};
    regs.r[MOTH_UNWIND_REGS - 1] = place->pc; /* no stack: only where it is is asked for */
    struct moth_stacks *stacks = moth_unwind_session_look(session, channel, &regs);
    const struct moth_fiber_stack *stack = stacks && stacks->n_fibers > 0 ? &stacks->fibers[0] : NULL;
    char *text = stack && stack->n_frames > 0 ? moth_frame_text(&stack->frames[0]) : NULL;
    if (!is_ours(text ? text : "")) {
        profile->ns += place->ns;
        profile->samples += place->samples;
        if (!text)
            add(profile, "?", "?", place, true, false);
        for (size_t i = 0; text && i < stack->n_frames && (i == 0 || stack->frames[i - 1].inlined); i++)
            add_frame(profile, &stack->frames[i], place, i == 0);
    }
    free(text);
    moth_stacks_free(stacks);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct moth_profile_function *)a)->name,
                  ((const struct moth_profile_function *)b)->name);
}

/* Two builds of a game seldom have the same file name. */
static void find_program(struct moth_profile *profile, pid_t pid)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    const char *slash = strrchr(path, '/');
    snprintf(profile->program, sizeof profile->program, "%.255s", slash ? slash + 1 : path);
}

static int name_all(struct moth_profile *profile, const struct places *places, struct moth_err *err)
{
    const struct moth_channel *channel = moth_instance_channel(places->instance);
    pid_t pid = channel->owner_pid ? (pid_t)channel->owner_pid : moth_instance_pid(places->instance);
    struct moth_unwind_session *session = moth_unwind_session_open(pid, err);
    if (!session)
        return -1;
    find_program(profile, pid);
    for (size_t i = 0; i < places->room; i++)
        if (places->at[i].samples > 0)
            name_place(profile, session, channel, &places->at[i]);
    moth_unwind_session_close(session);
    if (profile->n > 0)
        qsort(profile->functions, profile->n, sizeof *profile->functions, by_name);
    return 0;
}

/* ---- the play ---- */

int moth_profile_play(const struct moth_trace *trace, const struct moth_replay_config *config, uint32_t last,
                      uint64_t period_ns, struct moth_profile *profile, struct moth_err *err)
{
    struct moth_work_player player;
    *profile = (struct moth_profile){0};
    if (moth_work_open(&player, trace, config, err) != 0)
        return -1;
    struct places places = {.instance = player.instance};
    grow(&places);
    enum moth_step step = MOTH_STEP_OK;
    while (step == MOTH_STEP_OK && moth_instance_last(player.instance)->frame < last &&
           !profile->interrupted) {
        size_t n = moth_work_take(&player, 1);
        step = moth_instance_step_sampled(player.instance, player.events, n, MOTH_WANT_NOTHING, period_ns,
                                          on_sample, &places, err);
        profile->interrupted = config->interrupted && config->interrupted(config->context);
    }
    int result = step == MOTH_STEP_FAULT ? -1 : 0;
    if (result == 0 && !profile->interrupted && moth_instance_death(player.instance)->how == MOTH_STEP_OK)
        result = name_all(profile, &places, err);
    free(places.at);
    moth_work_close(&player);
    return result;
}

const struct moth_profile_function *moth_profile_find(const struct moth_profile *profile, const char *name)
{
    struct moth_profile_function key = {.name = (char *)(uintptr_t)name};
    return profile->n > 0 ? bsearch(&key, profile->functions, profile->n, sizeof key, by_name) : NULL;
}

void moth_profile_fini(struct moth_profile *profile)
{
    for (size_t i = 0; i < profile->n; i++) {
        free(profile->functions[i].name);
        free(profile->functions[i].place);
    }
    free(profile->functions);
    *profile = (struct moth_profile){0};
}
