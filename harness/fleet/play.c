/* SPDX-License-Identifier: MIT */
#include "fleet/play.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rng.h"
#include "detect/detect.h"
#include "runner/player.h"
#include "findings/store.h"

#define FLUSH_FRAMES 600u
#define PROGRESS_NS (250 * MOTH_NS_PER_MS)
#define AGENT_SEED_MARK 0x6167656e74ULL /* keeps the agent's random numbers apart from the game's */

struct play {
    const struct moth_play_place *place; /* NULL: nothing is kept or told */
    uint32_t index;
    bool (*stopped)(void *context);
    void *stop_context;

    struct moth_trace_header header;
    struct moth_instance *instance;
    struct moth_player player;
    enum moth_step step; /* what the last step said */
    struct moth_err err; /* … when it was a fault */

    char *work; /* folder of this instance, or NULL */
    struct moth_trace_writer *writer;
    struct moth_err trace_err;
    uint32_t flushed_frame;
    uint64_t told_ns;
    struct moth_finding *findings[MOTH_PLAY_FINDINGS_MAX];
    size_t n_findings;
    struct moth_frame_counts *frame_counts;
};

/* ---- what the agent does ---- */

static void record_events(struct play *play, const struct moth_input_event *events, size_t n_events)
{
    for (size_t i = 0; play->writer && i < n_events; i++) {
        struct moth_input_event event = events[i];
        event.frame += play->player.frame;
        moth_trace_event(play->writer, &event, &play->trace_err);
    }
}

static void on_checkpoint(void *context, const struct moth_trace_checkpoint *checkpoint)
{
    struct play *play = context;
    if (!play->writer)
        return;
    moth_trace_checkpoint(play->writer, checkpoint, &play->trace_err);
    if (checkpoint->frame - play->flushed_frame >= FLUSH_FRAMES) {
        moth_trace_flush(play->writer, &play->trace_err);
        play->flushed_frame = checkpoint->frame;
    }
}

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct play *play = context;
    if (play->frame_counts)
        moth_frame_counts_add(play->frame_counts, observation->cpu_ns);
}

static void tell_progress(struct play *play)
{
    uint64_t now = moth_clock_monotonic_ns();
    if (!play->place || !play->place->progress || now - play->told_ns < PROGRESS_NS)
        return;
    play->told_ns = now;
    play->place->progress(play->place->context, play->index, play->player.frame);
}

static struct moth_lua_now now_of(const struct play *play)
{
    const struct moth_observation *last = moth_instance_last(play->instance);
    const struct moth_channel *channel = moth_instance_channel(play->instance);
    return (struct moth_lua_now){.frame = last->frame,
                                 .time_ns = last->time_ns,
                                 .window_w = channel->window_w,
                                 .window_h = channel->window_h};
}

static enum moth_lua_step agent_step(void *context, uint32_t frames, const struct moth_input_event *events,
                                     size_t n_events, struct moth_lua_now *now)
{
    struct play *play = context;
    if (play->stopped && play->stopped(play->stop_context))
        return MOTH_LUA_STEP_INTERRUPTED;
    record_events(play, events, n_events);
    play->step = moth_player_step(&play->player, frames, events, n_events, &play->err);
    *now = now_of(play);
    tell_progress(play);
    return play->step == MOTH_STEP_OK ? MOTH_LUA_STEP_OK : MOTH_LUA_STEP_ENDED;
}

static int agent_picture(void *context, uint64_t *hash, struct moth_err *err)
{
    struct play *play = context;
    return moth_instance_picture(play->instance, hash, err);
}

static int agent_screenshot(void *context, const char *name, struct moth_err *err)
{
    struct play *play = context;
    if (!play->work)
        return 0;
    char *path = moth_fs_path("%s/%s.png", play->work, name);
    int result = moth_instance_screenshot(play->instance, path, err);
    free(path);
    return result;
}

static void agent_finding(void *context, enum moth_finding_kind kind, const char *title, uint32_t frame)
{
    struct play *play = context;
    struct moth_finding *finding =
        play->n_findings < MOTH_PLAY_FINDINGS_MAX ? calloc(1, sizeof *finding) : NULL;
    if (!finding)
        return;
    finding->kind = kind;
    finding->title = strdup(title);
    finding->frame = frame;
    finding->scripted = true;
    moth_finding_fingerprint(finding);
    play->findings[play->n_findings++] = finding;
    if (play->work) {
        char *path = moth_fs_path("%s/finding-%zu.png", play->work, play->n_findings);
        moth_instance_screenshot(play->instance, path, NULL);
        free(path);
    }
}

static void agent_mark(void *context, uint32_t frame, const char *text)
{
    struct play *play = context;
    if (play->writer)
        moth_trace_mark(play->writer, frame, text, &play->trace_err);
}

static void agent_print(void *context, const char *line)
{
    struct play *play = context;
    if (play->place) /* not once more for each replay */
        moth_log_debug("instance %u: %s", play->index, line);
}

static enum moth_agent_result let_agent_play(struct play *play, const struct moth_agent *agent,
                                             uint32_t frames, uint32_t pads,
                                             struct moth_agent_outcome *outcome)
{
    struct moth_lua_backend backend = {
        .context = play,
        .now = now_of(play),
        .step = agent_step,
        .picture = agent_picture,
        .screenshot = agent_screenshot,
        .finding = agent_finding,
        .mark = agent_mark,
        .print = agent_print,
    };
    uint64_t state = play->header.seed ^ AGENT_SEED_MARK;
    struct moth_agent_play how = {.seed = moth_splitmix64(&state), .max_frames = frames, .pads = pads};
    return moth_agent_play(agent, &backend, &how, outcome);
}

static void start_player(struct play *play)
{
    moth_player_init(&play->player, play->instance);
    play->player.checkpoint = on_checkpoint;
    play->player.observed = on_observed;
    play->player.context = play;
}

static void free_findings(struct play *play)
{
    for (size_t i = 0; i < play->n_findings; i++)
        moth_finding_free(play->findings[i]);
    play->n_findings = 0;
}

/* ---- keeping what was found ---- */

/* The part of a trace up to `frame`, in place. */
static void cut_trace(struct moth_trace *trace, uint32_t frame)
{
    while (trace->n_events > 0 && trace->events[trace->n_events - 1].frame > frame)
        trace->n_events--;
    while (trace->n_checkpoints > 0 && trace->checkpoints[trace->n_checkpoints - 1].frame > frame)
        trace->n_checkpoints--;
    while (trace->n_marks > 0 && trace->marks[trace->n_marks - 1].frame > frame)
        free(trace->marks[--trace->n_marks].text);
}

/* Write the finding's own trace: its way up to it, and its name at the end. */
static int write_own_trace(struct play *play, struct moth_finding *finding, const char *from, const char *to)
{
    struct moth_trace *trace = moth_trace_read(from, &play->trace_err);
    if (!trace)
        return -1;
    cut_trace(trace, finding->frame);
    finding->inputs = (uint32_t)trace->n_events;
    struct moth_trace_end kept = trace->end;
    trace->end = (struct moth_trace_end){
        .frames = finding->frame,
        .kind = (char *)(uintptr_t)moth_finding_kind_name(finding->kind),
        .fingerprint = finding->fingerprint,
        .title = finding->title,
        .finding_frame = finding->frame,
    };
    trace->has_end = true;
    int result = moth_trace_write(to, trace, &play->trace_err);
    trace->end = kept;
    moth_trace_free(trace);
    return result;
}

static void keep_finding(struct play *play, struct moth_finding *finding, const char *trace, const char *log)
{
    const struct moth_play_place *place = play->place;
    char *own = moth_fs_path("%s/own.moth", play->work);
    finding->agent = strdup(play->header.agent);
    finding->seed = play->header.seed;
    finding->run = strdup(place->run);
    finding->status = strdup("new");
    bool traced = write_own_trace(play, finding, trace, own) == 0;
    struct moth_store_files files = {.trace = traced ? own : NULL, .log = log, .pictures = play->work};
    struct moth_err err = {0};
    enum moth_store_result result = moth_store_put(place->config->out, finding, &files, &err);
    struct moth_message_found found = {
        .index = play->index,
        .kind = finding->kind,
        .frame = finding->frame,
        .better = result == MOTH_STORE_NEW || result == MOTH_STORE_SHORTER,
        .stored = result != MOTH_STORE_FAILED,
        .fingerprint = finding->fingerprint,
        .title = finding->title,
        .why = !traced ? play->trace_err.message : err.message,
    };
    place->found(place->context, &found);
    free(own);
}

static void keep_findings(struct play *play)
{
    struct moth_finding *death = moth_judge(play->instance);
    if (death && play->n_findings == MOTH_PLAY_FINDINGS_MAX)
        moth_finding_free(play->findings[--play->n_findings]);
    if (death)
        play->findings[play->n_findings++] = death;
    char *trace = moth_fs_path("%s/trace.moth", play->work);
    char *log = moth_fs_path("%s/game.log", play->work);
    struct moth_trace_end end = {.frames = play->player.frame};
    moth_trace_finish(play->writer, &end, &play->trace_err);
    play->writer = NULL;
    if (play->n_findings > 0 && moth_instance_log_save(play->instance, log, NULL) != 0) {
        free(log);
        log = NULL;
    }
    for (size_t i = 0; i < play->n_findings; i++)
        keep_finding(play, play->findings[i], trace, log);
    free(log);
    free(trace);
}

/* ---- one instance of a run ---- */

static void add_line(const char *sentence, void *context)
{
    char **lines = context;
    char *longer = moth_fs_path("%s%s\n", *lines ? *lines : "", sentence);
    free(*lines);
    *lines = longer;
}

/* Not a finding: a game that never came so far may lack a file, a screen or the right machine. */
static void describe_no_frame(struct play *play, struct moth_message_done *done)
{
    char log[2048];
    moth_instance_log_tail(play->instance, log, sizeof log);
    struct moth_evidence evidence = moth_evidence_of(play->instance, log);
    struct moth_finding *why = moth_detect(&evidence);
    const struct moth_death *death = evidence.death;
    done->ending = MOTH_ENDING_NO_FRAME;
    done->how = strdup(moth_step_name(death->how));
    done->fault = moth_fs_path("the game ended before its first frame: %s%s%s",
                               why                            ? why->title
                               : death->how == MOTH_STEP_EXIT ? "it left by itself with status 0"
                                                              : moth_step_name(death->how),
                               log[0] ? "; its output ends with:\n" : "; it printed nothing", log);
    moth_finding_free(why);
}

static void describe_end(struct play *play, const struct moth_agent_outcome *outcome,
                         struct moth_message_done *done)
{
    done->ending = MOTH_ENDING_PLAYED;
    done->how = strdup(play->step == MOTH_STEP_OK ? moth_agent_result_name(outcome->result)
                                                  : moth_step_name(play->step));
    if (play->step == MOTH_STEP_FAULT) {
        done->ending = MOTH_ENDING_FAULT;
        done->err_code = play->err.code;
        done->fault = strdup(play->err.message);
    } else if (play->step == MOTH_STEP_KILLED) {
        done->ending = MOTH_ENDING_KILLED;
    } else if (outcome->result == MOTH_AGENT_ERROR) {
        done->ending = MOTH_ENDING_AGENT;
        done->fault = moth_fs_path("%s\n%s", outcome->err.message, outcome->traceback);
    } else if (outcome->result == MOTH_AGENT_INTERRUPTED) {
        done->ending = MOTH_ENDING_STOPPED;
    }
}

static int open_trace(struct play *play, struct moth_err *err)
{
    char *path = moth_fs_path("%s/trace.moth", play->work);
    play->writer = moth_trace_create(path, &play->header, err);
    free(path);
    return play->writer ? 0 : -1;
}

static void play_instance(struct play *play, const struct moth_agent *agent, const struct moth_plan_job *job,
                          struct moth_message_done *done)
{
    struct moth_agent_outcome outcome;
    play->header.build_id = (char *)(uintptr_t)moth_instance_game(play->instance)->build_id;
    done->build_id = strdup(play->header.build_id);
    start_player(play);
    if (play->player.frame == 0) {
        describe_no_frame(play, done);
        return;
    }
    if (open_trace(play, &play->err) != 0) {
        play->step = MOTH_STEP_FAULT;
        outcome.result = MOTH_AGENT_FINISHED;
    } else if (job->frames <= play->player.frame) {
        outcome.result = MOTH_AGENT_BUDGET;
    } else if (moth_instance_death(play->instance)->how == MOTH_STEP_OK) {
        let_agent_play(play, agent, job->frames - play->player.frame, play->place->config->pads, &outcome);
    } else { /* it died between its first boundary and here */
        play->step = moth_instance_death(play->instance)->how;
        outcome.result = MOTH_AGENT_GAME_ENDED;
    }
    if (play->writer)
        keep_findings(play);
    describe_end(play, &outcome, done);
    const struct moth_observation *last = moth_instance_last(play->instance);
    done->frames = last->frame;
    done->virtual_ns = last->time_ns;
    if (play->n_findings > 0)
        done->fingerprint = strdup(play->findings[0]->fingerprint);
    if (play->trace_err.code != MOTH_ERR_OK && play->n_findings == 0) /* else the finding's message says it */
        add_line(play->trace_err.message, &done->warnings);
}

static void warn_of_copy(const struct moth_instance *instance, struct moth_message_done *done)
{
    const struct moth_game_info *game = moth_instance_game(instance);
    if (!game->setid_copy)
        return;
    char *line =
        moth_fs_path("%s is set-user-id or set-group-id, which keeps the probe out: a copy without that "
                     "bit is played",
                     game->path);
    add_line(line, &done->warnings);
    free(line);
}

/* --strict: play the instance's trace again and hold it against itself. */
static void check_determinism(struct play *play, const struct moth_replay_config *how)
{
    char *path = moth_fs_path("%s/trace.moth", play->work);
    struct moth_trace *trace = moth_trace_read(path, &play->trace_err);
    struct moth_replay_outcome outcome = {0};
    if (trace && moth_replay(trace, how, &outcome, &play->trace_err) == 0 && outcome.diverged) {
        struct moth_finding *finding = calloc(1, sizeof *finding);
        if (finding) {
            finding->kind = MOTH_FINDING_NONDETERMINISM;
            finding->frame = outcome.diverged_frame;
            finding->title = moth_fs_path("a replay differs in %s", outcome.diverged_what);
            moth_finding_fingerprint(finding);
            keep_finding(play, finding, path, NULL);
        }
        moth_finding_free(finding);
    }
    moth_replay_outcome_fini(&outcome);
    moth_trace_free(trace);
    free(path);
}

static void fill_header(struct moth_trace_header *header, const struct moth_fleet_config *config,
                        const struct moth_fleet_agent *agent, const struct moth_plan_job *job,
                        char *directory)
{
    static char *no_env[] = {NULL};
    *header = (struct moth_trace_header){
        .argv = (char **)(uintptr_t)config->argv,
        .env = config->env ? (char **)(uintptr_t)config->env : no_env,
        .agent = (char *)(uintptr_t)agent->name,
        .moth_version = (char *)(uintptr_t)MOTH_VERSION,
        .directory = directory,
        .seed = job->seed,
        .schedule_seed = job->schedule_seed,
        .hz = config->channel.hz,
        .video = config->channel.video,
        .render = config->channel.render,
        .threads = config->channel.threads,
    };
}

void moth_play_job(const struct moth_play_place *place, const struct moth_plan_job *job,
                   struct moth_message_done *done)
{
    const struct moth_fleet_config *config = place->config;
    const struct moth_fleet_agent *agent =
        job->scenario ? &config->scenarios[job->agent] : &config->agents[job->agent];
    *done = (struct moth_message_done){.index = job->index};
    uint64_t begin_ns = moth_clock_monotonic_ns();
    char *directory = getcwd(NULL, 0);
    struct play play = {.place = place,
                        .index = job->index,
                        .stopped = place->stopped,
                        .stop_context = place->context,
                        .frame_counts = &done->frame_counts,
                        .told_ns = begin_ns};
    fill_header(&play.header, config, agent, job, directory ? directory : "/");
    play.work = moth_fs_path("%s/.work/%u", config->out, job->index);
    struct moth_replay_config limits = {.limits = config->limits,
                                        .probe_path = config->probe_path,
                                        .interrupted = place->stopped,
                                        .context = place->context};
    struct moth_instance_config launch = moth_replay_launch_config(&play.header, &limits);
    launch.channel.spin_budget_ms = config->channel.spin_budget_ms;
    if (moth_fs_remove_tree(play.work, &play.err) == 0 && moth_fs_make_dirs(play.work, &play.err) == 0)
        play.instance = moth_instance_launch(&launch, &play.err);
    if (play.instance) {
        play_instance(&play, agent->agent, job, done);
        warn_of_copy(play.instance, done);
        moth_instance_warnings(play.instance, add_line, &done->warnings);
        moth_instance_close(play.instance);
        if (config->strict && job->index == 0 && done->ending == MOTH_ENDING_PLAYED)
            check_determinism(&play, &limits);
    } else {
        done->ending = MOTH_ENDING_FAULT;
        done->err_code = play.err.code;
        done->fault = strdup(play.err.message);
    }
    moth_fs_remove_tree(play.work, NULL);
    free_findings(&play);
    free(play.work);
    free(directory);
    done->wall_ns = moth_clock_monotonic_ns() - begin_ns;
}

/* ---- scripted findings once more ---- */

uint32_t moth_play_pads_of(const struct moth_trace *trace)
{
    uint32_t pads = 0;
    for (size_t i = 0; i < trace->n_events && trace->events[i].frame == trace->events[0].frame; i++)
        pads += trace->events[i].type == MOTH_INPUT_PAD_ATTACH;
    return pads;
}

int moth_play_scripted(const struct moth_trace_header *header, const struct moth_agent *agent, uint32_t pads,
                       uint32_t frame, const struct moth_replay_config *config, const char *fingerprint,
                       bool *met, struct moth_err *err)
{
    struct play play = {.header = *header, .stopped = config->interrupted, .stop_context = config->context};
    struct moth_instance_config launch = moth_replay_launch_config(header, config);
    *met = false;
    play.instance = moth_instance_launch(&launch, err);
    if (!play.instance)
        return -1;
    start_player(&play);
    struct moth_agent_outcome outcome;
    if (play.player.frame > 0)
        let_agent_play(&play, agent, frame + MOTH_REPLAY_GRACE_FRAMES, pads, &outcome);
    for (size_t i = 0; i < play.n_findings; i++)
        *met = *met || strcmp(play.findings[i]->fingerprint, fingerprint) == 0;
    free_findings(&play);
    moth_instance_close(play.instance);
    if (play.step == MOTH_STEP_FAULT && err)
        *err = play.err;
    return play.step == MOTH_STEP_FAULT ? -1 : 0;
}
