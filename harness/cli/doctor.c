/* SPDX-License-Identifier: MIT
 *
 * `moth doctor`: plays the game in sessions until the asked number of frames is reached. Each session is
 * played by the agent once, its inputs twice more (once with every CPU kept busy), and a last time
 * without looking at pictures, for the speed.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/group.h"
#include "cli/launch.h"
#include "cli/options.h"
#include "doctor/trial.h"
#include "fleet/reaper.h"
#include "runner/watches.h"

#define SESSIONS_MAX 40
#define BARE_SECONDS 2.0
#define LOOK_EACH 30u /* frames between two looks in the trial that measures speed */
#define DEFAULT_AGENT "monkey"

struct examination {
    const struct moth_options *options;
    struct moth_instance_config config;
    struct moth_trial_facts facts; /* of the first session; its warnings are kept apart */
    json_t *warnings, *bypasses;
    uint32_t frames, sessions;
    bool reached, pictures, diverged;
    struct moth_divergence divergence;
    const char *against; /* which of the two repetitions differed */
    struct moth_branching branching;
    bool branch_identical;
    double speed_s, boot_s;
    uint64_t speed_frames, virtual_ns;
    bool bare_ok;
    char bare[256], last_words[512], log[2048];
};

static void warn(struct examination *e, const char *sentence)
{
    size_t i;
    json_t *known;
    json_array_foreach(e->warnings, i, known)
    {
        if (strcmp(json_string_value(known), sentence) == 0)
            return;
    }
    json_t *text = json_string(sentence);
    json_array_append_new(e->warnings, text != NULL ? text : json_string("(a warning that is not text)"));
}

static void take_warnings(struct examination *e, const struct moth_trial *trial)
{
    for (size_t i = 0; i < trial->facts.n_warnings; i++)
        warn(e, trial->facts.warnings[i]);
}

static void take_ending(struct examination *e, const struct moth_trial *trial)
{
    const struct moth_death *death = &trial->death;
    if (trial->how == MOTH_STEP_OK)
        return;
    snprintf(e->last_words, sizeof e->last_words, "the game ended (%s", moth_step_name(trial->how));
    size_t n = strlen(e->last_words);
    if (trial->how == MOTH_STEP_EXIT)
        n += (size_t)snprintf(e->last_words + n, sizeof e->last_words - n, ", status %d", death->exit_status);
    if (trial->how == MOTH_STEP_CRASH)
        n += (size_t)snprintf(e->last_words + n, sizeof e->last_words - n, ", signal %d", death->signal);
    snprintf(e->last_words + n, sizeof e->last_words - n, ") at frame %u%s%.200s", death->frame,
             death->detail[0] != '\0' ? ": " : "", death->detail);
}

static void judge(struct examination *e, const struct moth_trial *a, const struct moth_trial *b,
                  const char *against)
{
    struct moth_divergence d = moth_trial_compare(a, b);
    e->pictures |= d.pictures_compared;
    if (!d.any || e->diverged)
        return;
    e->diverged = true;
    e->divergence = d;
    e->against = against;
}

/* Play the first trial's inputs again; -1 when it could not be launched. */
static int repeat(struct examination *e, const struct moth_trial *first, bool loaded, struct moth_err *err)
{
    struct moth_trial again;
    struct moth_load load = {.n = 0};
    if (loaded)
        moth_load_start(&load);
    int result =
        moth_trial_repeat(&e->config, first, MOTH_PROGRAM_FRAMES_MAX, MOTH_WANT_PICTURE, &again, err);
    moth_load_stop(&load);
    if (result == 0) {
        judge(e, first, &again, loaded ? "under CPU load" : "in a second process");
        moth_trial_fini(&again);
    }
    return result;
}

static int measure_speed(struct examination *e, const struct moth_trial *first, struct moth_err *err)
{
    struct moth_trial blind;
    if (moth_trial_repeat(&e->config, first, LOOK_EACH, MOTH_WANT_PICTURE_LAST, &blind, err) != 0)
        return -1;
    for (size_t i = 0; i < blind.n_observed && i < first->n_observed; i++)
        if (blind.observed[i].picture_ok && first->observed[i].picture_ok &&
            blind.observed[i].picture != first->observed[i].picture)
            warn(e,
                 "--render auto shows other pictures than a fully drawn run of this game; use --render on");
    e->speed_s += blind.play_s;
    e->speed_frames += blind.n_observed;
    if (blind.n_observed > 0)
        e->virtual_ns += blind.observed[blind.n_observed - 1].time_ns;
    moth_trial_fini(&blind);
    return 0;
}

/* Is a branch like a straight run, and is a game from which one was taken like one from which none was? */
static int examine_branch(struct examination *e, const struct moth_trial *first, struct moth_err *err)
{
    struct moth_trial parent, branch;
    if (moth_trial_branch(&e->config, first, &parent, &branch, &e->branching, err) != 0)
        return -1;
    struct moth_divergence disturbed = moth_trial_compare(first, &parent), differs = {.any = true};
    if (e->branching.ok)
        differs = moth_trial_compare(first, &branch);
    e->branch_identical = e->branching.ok && !disturbed.any && !differs.any;
    char text[256];
    if (disturbed.any && !e->diverged) {
        snprintf(text, sizeof text, "a snapshot disturbs the game it is taken of: %s differs at frame %u",
                 disturbed.what, disturbed.frame);
        warn(e, text);
    }
    if (e->branching.ok && differs.any && !e->diverged) {
        snprintf(text, sizeof text, "a branch differs from a straight run: %s at frame %u", differs.what,
                 differs.frame);
        warn(e, text);
    }
    if (e->branching.shared[0] != '\0') {
        snprintf(text, sizeof text, "branches share this with each other: %s", e->branching.shared);
        warn(e, text);
    }
    moth_trial_fini(&parent);
    moth_trial_fini(&branch);
    return 0;
}

static int session(struct examination *e, const struct moth_agent *agent, uint32_t left, struct moth_err *err)
{
    struct moth_trial first;
    struct moth_watches *watches = moth_cli_watches(e->options);
    e->config.channel.seed = e->options->seed + e->sessions;
    int recorded = moth_trial_record(&e->config, agent, e->config.channel.seed, (uint32_t)e->options->pads, left,
                                     watches, &first, err);
    moth_watches_destroy(watches);
    if (recorded != 0)
        return -1;
    if (e->sessions++ == 0) {
        e->facts = first.facts;
        e->boot_s = first.boot_s;
    }
    e->facts.threads_created = first.facts.threads_created > e->facts.threads_created
                                   ? first.facts.threads_created
                                   : e->facts.threads_created;
    e->facts.preempted += e->sessions > 1 ? first.facts.preempted : 0;
    take_warnings(e, &first);
    take_ending(e, &first);
    e->reached |= first.n_observed > 0;
    if (!e->reached && first.log != NULL)
        snprintf(e->log, sizeof e->log, "%s", first.log);
    e->frames += (uint32_t)first.n_observed;
    int result = 0;
    if (first.n_observed > 0) {
        result = repeat(e, &first, false, err);
        if (result == 0)
            result = repeat(e, &first, true, err);
        if (result == 0 && e->sessions == 1)
            result = examine_branch(e, &first, err);
        if (result == 0)
            result = measure_speed(e, &first, err);
    }
    moth_trial_fini(&first);
    return result == 0 && e->reached && first.how == MOTH_STEP_OK ? 0 : result;
}

static void list_bypasses(struct examination *e)
{
    static const char *const names[] = {"rdtsc",          "raw time call",  "raw random call",
                                        "raw futex call", "raw sleep call", "other raw system call"};
    const struct moth_bypass_counts *b = &e->facts.bypass;
    const uint64_t counts[] = {b->rdtsc,     b->raw_time,  b->raw_random,
                               b->raw_futex, b->raw_sleep, b->raw_other};
    for (int i = 0; i < 6; i++) {
        if (counts[i] == 0)
            continue;
        char text[256];
        snprintf(text, sizeof text, "%s: %llu (for example at %s)%s", names[i], (unsigned long long)counts[i],
                 e->facts.bypass_place[i], i < 5 ? ", answered from inside" : "");
        json_array_append_new(e->bypasses, json_string(text));
    }
}

static int examine(struct examination *e, const struct moth_agent *agent, struct moth_err *err)
{
    uint32_t wanted = (uint32_t)e->options->frames;
    if (e->config.n_members > 0) { /* which find each other only in here */
        e->bare_ok = true;
        snprintf(e->bare, sizeof e->bare, "not tried: it plays with others");
    } else {
        e->bare_ok = moth_bare_run(&e->config, BARE_SECONDS, e->bare, sizeof e->bare);
    }
    while (e->frames < wanted && e->sessions < SESSIONS_MAX && !e->diverged) {
        uint32_t before = e->frames;
        if (session(e, agent, wanted - e->frames, err) != 0)
            return -1;
        if (e->frames == before)
            break; /* it does not get anywhere */
        if (!e->options->quiet && e->frames < wanted)
            moth_log_info("session %u: %s; %u of %u frames", e->sessions, e->last_words, e->frames, wanted);
    }
    list_bypasses(e);
    if (e->reached && !e->pictures)
        warn(e, "no picture could be read: pictures were not compared");
    if (e->frames < wanted && !e->diverged)
        warn(e, e->last_words[0] != '\0' ? e->last_words : "fewer frames were played than asked for");
    if (e->facts.preempted > 0)
        warn(e, "a thread spun without a scheduling point and was preempted; such runs may differ");
    if (e->facts.setid_copy)
        warn(e, "the program is set-id: a copy without the bit was run");
    if (!e->bare_ok)
        warn(e, e->bare);
    return 0;
}

/* ---- telling ---- */

static const char *const attach_names[] = {"none", "preload", "dynapi", "link"};

static json_t *as_json(const struct examination *e, bool deterministic)
{
    double fps = e->speed_s > 0 ? (double)e->speed_frames / e->speed_s : 0;
    double times = e->speed_s > 0 ? (double)e->virtual_ns / 1e9 / e->speed_s : 0;
    bool ok = e->branching.ok;
    json_t *divergence = json_null();
    if (e->diverged)
        divergence = json_pack("{s:i, s:s, s:s}", "frame", (int)e->divergence.frame, "what",
                               e->divergence.what, "against", e->against);
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:i, s:b, s:o, s:{s:b, s:o, s:o, s:o}, s:{s:f, s:f, s:f}, "
                     "s:{s:i, s:i}, s:O, s:O, s:s, "
                     "s:b, s:i}",
                     "schema", "moth.doctor/1", "attach", "method", attach_names[e->facts.attach & 3], "sdl",
                     e->facts.sdl_version, "video", e->facts.video_driver, "frames", (int)e->frames,
                     "deterministic", deterministic, "first_divergence", divergence, "snapshot", "ok",
                     (int)ok, "identical", ok ? json_boolean(e->branch_identical) : json_null(), "branch_ms",
                     ok ? json_real(e->branching.branch_ms) : json_null(), "snapshot_ms",
                     ok ? json_real(e->branching.snapshot_ms) : json_null(), "speed", "frames_per_s", fps,
                     "times_realtime", times, "boot_s", e->boot_s, "threads", "created",
                     (int)e->facts.threads_created, "preempted", (int)e->facts.preempted, "bypasses",
                     e->bypasses, "warnings", e->warnings, "without_moth", e->bare, "pictures_compared",
                     e->pictures, "sessions", (int)e->sessions);
}

static void print_list(const char *heading, const json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        printf("%s%s\n", i == 0 ? heading : "               ", json_string_value(item));
    }
}

static void print_text(const struct examination *e, bool deterministic)
{
    double fps = e->speed_s > 0 ? (double)e->speed_frames / e->speed_s : 0;
    double times = e->speed_s > 0 ? (double)e->virtual_ns / 1e9 / e->speed_s : 0;
    printf("attached       %s, SDL %s, video %s\n", attach_names[e->facts.attach & 3],
           e->facts.sdl_version[0] != '\0' ? e->facts.sdl_version : "not seen",
           e->facts.video_driver[0] != '\0' ? e->facts.video_driver : "none");
    printf("without moth   %s\n", e->bare);
    printf("frames         %u in %u session%s, first after %.2f s\n", e->frames, e->sessions,
           e->sessions == 1 ? "" : "s", e->boot_s);
    printf("threads        %u created, %u preempted\n", e->facts.threads_created, e->facts.preempted);
    if (e->diverged)
        printf("deterministic  NO: %s differs first, at frame %u, %s\n", e->divergence.what,
               e->divergence.frame, e->against);
    else
        printf("deterministic  %s\n",
               deterministic
                   ? "yes: two more processes, one of them under CPU load, were the same in every frame"
                   : "not known");
    if (!e->branching.ok)
        printf("snapshot       no%s%s\n", e->branching.why[0] != '\0' ? ": " : "", e->branching.why);
    else
        printf("snapshot       %s; %.1f ms to take, %.1f ms to return\n",
               e->branch_identical ? "yes: a branch and the game it left were the same in every frame"
                                   : "yes, but NOT the same as a straight run",
               e->branching.snapshot_ms, e->branching.branch_ms);
    if (!e->reached)
        printf("its last words\n%s\n", e->log);
    printf("speed          %.0f frames/s, %.1f times real time\n", fps, times);
    print_list("bypasses       ", e->bypasses);
    print_list("warnings       ", e->warnings);
}

static int conclude(struct examination *e, const struct moth_options *options)
{
    bool native = options->threads == MOTH_THREADS_NATIVE;
    bool deterministic = e->reached && !e->diverged && !native;
    if (native)
        warn(e, "--threads native: real threads and real time, so nothing is promised");
    if (options->json) {
        json_t *root = as_json(e, deterministic);
        json_dumpf(root, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(root);
    } else {
        print_text(e, deterministic);
    }
    if (!e->reached)
        return moth_err_exit_code(e->facts.attach == MOTH_ATTACH_NOT_YET && e->facts.sdl_version[0] == '\0'
                                      ? MOTH_ERR_ATTACH
                                      : MOTH_ERR_NOTHING_RAN);
    return deterministic ? 0 : 6;
}

int moth_cli_doctor(const struct moth_options *options)
{
    struct moth_err err = {.code = MOTH_ERR_OK};
    struct examination e = {.options = options,
                            .config = {.argv = (const char *const *)options->game.items,
                                       .env = (const char *const *)options->env.items,
                                       .channel = {.hz = (uint32_t)options->hz,
                                                   .video = (uint32_t)options->video,
                                                   .render = (uint32_t)options->render,
                                                   .threads = (uint32_t)options->threads,
                                                   .schedule_seed = options->schedule_seed},
                                       .limits = {.boundary_cpu_ms = (uint32_t)options->frame_cpu_ms,
                                                  .boundary_wall_ms = (uint32_t)options->frame_wall_ms,
                                                  .boot_wall_ms = (uint32_t)options->boot_wall_ms,
                                                  .memory_mb = (uint32_t)options->memory_mb,
                                                  .file_mb = (uint32_t)options->file_mb}}};
    struct moth_agent_options limits = {.instructions_max = options->lua_instructions,
                                        .memory_bytes_max = options->lua_memory_mb << 20,
                                        .unsafe_lua = options->unsafe_lua};
    struct moth_group group;
    if (moth_group_parse(options, &group, &err) != 0) {
        moth_log_error("%s", err.message);
        moth_group_fini(&group);
        return moth_err_exit_code(err.code);
    }
    e.config.members = group.members;
    e.config.n_members = group.n_members;
    e.config.link = group.link;
    const char *name = options->agents.n > 0 ? options->agents.items[0].name : DEFAULT_AGENT;
    struct moth_agent *agent = moth_agent_load(name, &limits, &err);
    e.warnings = json_array();
    e.bypasses = json_array();
    int code;
    struct moth_reaper reaper = MOTH_REAPER_NONE;
    if (agent != NULL && moth_reaper_start(&reaper, &err) == 0 && examine(&e, agent, &err) == 0) {
        code = conclude(&e, options);
    } else {
        moth_log_error("%s", err.message);
        code = moth_err_exit_code(err.code);
    }
    moth_reaper_stop(&reaper);
    json_decref(e.warnings);
    json_decref(e.bypasses);
    moth_agent_free(agent);
    moth_group_fini(&group);
    return code;
}
