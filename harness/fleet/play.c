/* SPDX-License-Identifier: MIT */
#include "fleet/play.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rng.h"
#include "branch/tree.h"
#include "detect/detect.h"
#include "fleet/explore.h"
#include "fleet/keep.h"
#include "fleet/stuck.h"

#define PROGRESS_NS (250 * MOTH_NS_PER_MS)
#define AGENT_SEED_MARK 0x6167656e74ULL /* keeps the agent's random numbers apart from the game's */

struct play {
    const struct moth_play_place *place; /* NULL: nothing is kept or told */
    uint32_t index;
    bool (*stopped)(void *context);
    void *stop_context;

    struct moth_trace_header header; /* build_id is owned */
    uint64_t agent_seed;
    struct moth_log *archive; /* the run's, or NULL */
    struct moth_tree *tree;
    enum moth_step step;      /* what the last step said */
    struct moth_err err;      /* … when it was a fault */
    struct moth_node **nodes; /* the agent's snapshots; an id is the index + 1, NULL where released */
    size_t *tips;             /* … what had been seen on the way to each */
    size_t n_nodes, n_held;
    struct moth_stuck stuck;

    char *work; /* folder of this instance, or NULL */
    struct moth_err trace_err;
    uint64_t told_ns;
    uint32_t frames;              /* boundaries played, over all branches */
    uint64_t virtual_ns, last_ns; /* their time; when the last one was */
    struct moth_keep keep;
    struct moth_frame_counts *frame_counts;
};

/* ---- what the agent does ---- */

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct play *play = context;
    moth_stuck_observed(&play->stuck, observation);
    if (play->stuck.aside)
        return;
    play->frames++;
    play->virtual_ns += observation->time_ns - play->last_ns;
    play->last_ns = observation->time_ns;
    if (play->frame_counts)
        moth_frame_counts_add(play->frame_counts, observation->cpu_ns);
}

static bool stopped(void *context)
{
    const struct play *play = context;
    return play->stopped && play->stopped(play->stop_context);
}

static uint32_t frame_of(const struct play *play)
{
    return moth_tree_frame(play->tree);
}

static void tell_progress(struct play *play)
{
    uint64_t now = moth_clock_monotonic_ns();
    if (!play->place || !play->place->progress || now - play->told_ns < PROGRESS_NS)
        return;
    play->told_ns = now;
    play->place->progress(play->place->context, play->index, play->frames);
}

static struct moth_lua_now now_of(const struct play *play)
{
    struct moth_instance *instance = moth_tree_instance(play->tree);
    const struct moth_observation *last = moth_instance_last(instance);
    const struct moth_channel *channel = moth_instance_channel(instance);
    return (struct moth_lua_now){.frame = last->frame,
                                 .time_ns = last->time_ns,
                                 .window_w = channel->window_w,
                                 .window_h = channel->window_h};
}

static void note(struct play *play, struct moth_finding *finding)
{
    moth_keep_note(&play->keep, finding, moth_tree_trace(play->tree, &play->header));
    if (play->n_held > 0 && play->work) /* the agent may turn away from here: it is stored while it stands */
        moth_keep_store(&play->keep, play->place, play->index, play->work, moth_tree_instance(play->tree));
}

static void judge(struct play *play)
{
    struct moth_finding *death = moth_judge(moth_tree_instance(play->tree));
    if (death)
        note(play, death);
}

/* A softlock or a leak, which lives on: stored at once, for the play goes on. */
static void found_alive(void *context, struct moth_finding *finding)
{
    struct play *play = context;
    char *path = moth_fs_path("%s/finding-%zu.png", play->work, play->keep.n + 1);
    moth_instance_screenshot(moth_tree_instance(play->tree), path, NULL);
    free(path);
    moth_keep_note(&play->keep, finding, moth_tree_trace(play->tree, &play->header));
    moth_keep_store(&play->keep, play->place, play->index, play->work, moth_tree_instance(play->tree));
}

static void died_aside(void *context)
{
    judge(context);
}

static void watch_over(struct play *play)
{
    play->stuck = (struct moth_stuck){.tree = play->tree,
                                      .how = {.seed = play->header.seed,
                                              .hz = play->header.hz,
                                              .softlock_s = play->place->config->softlock_s,
                                              .interrupted = stopped,
                                              .died = died_aside,
                                              .context = play},
                                      .found = found_alive,
                                      .context = play};
    moth_stuck_begin(&play->stuck);
}

/* The step that follows from a look for softlocks, and at the end for leaks, where the game stands. */
static enum moth_step look_closer(struct play *play, bool last)
{
    if (moth_stuck_look(&play->stuck, play->n_held > 0, last, &play->err) == 0 &&
        (!last || moth_stuck_look_for_leak(&play->stuck, &play->err) == 0))
        return MOTH_STEP_OK;
    return play->err.code == MOTH_ERR_INTERRUPTED ? MOTH_STEP_OK : MOTH_STEP_FAULT;
}

static enum moth_lua_step agent_step(void *context, uint32_t frames, const struct moth_input_event *events,
                                     size_t n_events, struct moth_lua_now *now)
{
    struct play *play = context;
    if (stopped(play))
        return MOTH_LUA_STEP_INTERRUPTED;
    moth_stuck_input(&play->stuck, events, n_events);
    play->step = moth_tree_step(play->tree, frames, events, n_events, &play->err);
    if (play->step == MOTH_STEP_OK)
        play->step = look_closer(play, false);
    *now = now_of(play);
    tell_progress(play);
    if (play->step == MOTH_STEP_OK)
        return MOTH_LUA_STEP_OK;
    judge(play);
    return MOTH_LUA_STEP_ENDED;
}

static int agent_picture(void *context, uint64_t *hash, struct moth_err *err)
{
    struct play *play = context;
    return moth_instance_picture(moth_tree_instance(play->tree), hash, err);
}

static int agent_cell(void *context, uint8_t *grid, struct moth_err *err)
{
    struct play *play = context;
    return moth_instance_cell(moth_tree_instance(play->tree), grid, err);
}

static int agent_screenshot(void *context, const char *name, struct moth_err *err)
{
    struct play *play = context;
    if (!play->work)
        return 0;
    char *path = moth_fs_path("%s/%s.png", play->work, name);
    int result = moth_instance_screenshot(moth_tree_instance(play->tree), path, err);
    free(path);
    return result;
}

static void agent_finding(void *context, enum moth_finding_kind kind, const char *title, uint32_t frame)
{
    struct play *play = context;
    struct moth_finding *finding = play->keep.n < MOTH_PLAY_FINDINGS_MAX ? calloc(1, sizeof *finding) : NULL;
    if (!finding)
        return;
    finding->kind = kind;
    finding->title = strdup(title);
    finding->frame = frame;
    finding->scripted = true;
    moth_finding_fingerprint(finding);
    if (play->work) {
        char *path = moth_fs_path("%s/finding-%zu.png", play->work, play->keep.n + 1);
        moth_instance_screenshot(moth_tree_instance(play->tree), path, NULL);
        free(path);
    }
    note(play, finding);
}

static void agent_mark(void *context, uint32_t frame, const char *text)
{
    struct play *play = context;
    (void)frame;
    moth_tree_mark(play->tree, text);
}

static void agent_waiting(void *context, uint32_t frame, bool waiting)
{
    struct play *play = context;
    (void)frame;
    play->stuck.waiting = waiting;
}

static void agent_print(void *context, const char *line)
{
    struct play *play = context;
    if (play->place) /* not once more for each replay */
        moth_log_debug("instance %u: %s", play->index, line);
}

static int agent_way(void *context, struct moth_input_event **events, size_t *n_events)
{
    const struct play *play = context;
    struct moth_trace *trace = moth_tree_trace(play->tree, &play->header);
    if (!trace)
        return -1;
    *events = trace->events;
    *n_events = trace->n_events;
    trace->events = NULL;
    trace->n_events = 0;
    moth_trace_free(trace);
    return 0;
}

static const struct moth_watch_value *agent_watches(void *context, uint32_t *n)
{
    const struct play *play = context;
    const struct moth_channel *channel = moth_instance_channel(moth_tree_instance(play->tree));
    *n = channel->n_watches < MOTH_WATCHES_MAX ? channel->n_watches : MOTH_WATCHES_MAX;
    return channel->watches;
}

/* ---- the agent's branches ---- */

static uint64_t agent_snapshot(void *context, struct moth_err *err)
{
    struct play *play = context;
    struct moth_node *node = moth_tree_snapshot(play->tree, err);
    if (!node)
        return 0;
    size_t at = 0;
    while (at < play->n_nodes && play->nodes[at])
        at++;
    if (at == play->n_nodes) {
        size_t room = play->n_nodes * 2 + 16;
        play->nodes = realloc(play->nodes, room * sizeof *play->nodes);
        play->tips = realloc(play->tips, room * sizeof *play->tips);
        if (!play->nodes || !play->tips)
            abort();
        memset(play->nodes + play->n_nodes, 0, (room - play->n_nodes) * sizeof *play->nodes);
        play->n_nodes = room;
    }
    play->nodes[at] = node;
    play->tips[at] = moth_stuck_tip(&play->stuck);
    play->n_held++;
    return at + 1;
}

static struct moth_node *held(const struct play *play, uint64_t id)
{
    return id > 0 && id <= play->n_nodes ? play->nodes[id - 1] : NULL;
}

static int agent_restore(void *context, uint64_t id, struct moth_lua_now *now, struct moth_err *err)
{
    struct play *play = context;
    struct moth_node *node = held(play, id);
    if (!node)
        return moth_err_set(err, MOTH_ERR_USAGE, "the snapshot was released");
    int result = moth_tree_restore(play->tree, node, err);
    moth_stuck_return(&play->stuck, play->tips[id - 1]);
    play->step = moth_instance_death(moth_tree_instance(play->tree))->how;
    *now = now_of(play);
    play->last_ns = now->time_ns;
    tell_progress(play);
    return result;
}

static void agent_release(void *context, uint64_t id)
{
    struct play *play = context;
    struct moth_node *node = held(play, id);
    if (!node)
        return;
    moth_tree_release(play->tree, node);
    play->nodes[id - 1] = NULL;
    play->n_held--;
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
        .waiting = agent_waiting,
        .snapshot = agent_snapshot,
        .restore = agent_restore,
        .release = agent_release,
        .cell = agent_cell,
        .way = agent_way,
        .watches = agent_watches,
        .log = play->archive,
        .print = agent_print,
    };
    uint64_t state = play->agent_seed ^ AGENT_SEED_MARK;
    struct moth_agent_play how = {.seed = moth_splitmix64(&state), .max_frames = frames, .pads = pads};
    return moth_agent_play(agent, &backend, &how, outcome);
}

/* Launch. NULL tree: err says why. */
static void launch(struct play *play, const struct moth_instance_config *config, uint64_t memory_bytes,
                   struct moth_err *err)
{
    struct moth_tree_config tree = {.launch = *config,
                                    .memory_bytes = memory_bytes,
                                    .observed = on_observed,
                                    .interrupted = stopped,
                                    .context = play};
    play->tree = moth_tree_launch(&tree, err);
    if (play->tree)
        play->header.build_id = strdup(moth_instance_game(moth_tree_instance(play->tree))->build_id);
}

static void finish(struct play *play)
{
    moth_keep_fini(&play->keep);
    moth_tree_close(play->tree);
    moth_stuck_end(&play->stuck);
    free(play->nodes);
    free(play->tips);
    free(play->header.build_id);
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
    struct moth_instance *instance = moth_tree_instance(play->tree);
    moth_instance_log_tail(instance, log, sizeof log);
    struct moth_evidence evidence = moth_evidence_of(instance, log);
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

static void play_instance(struct play *play, const struct moth_agent *agent, const struct moth_plan_job *job,
                          struct moth_message_done *done)
{
    struct moth_agent_outcome outcome = {.result = MOTH_AGENT_BUDGET};
    struct moth_instance *instance = moth_tree_instance(play->tree);
    done->build_id = strdup(play->header.build_id);
    watch_over(play);
    play->frames = frame_of(play); /* the first boundary */
    play->virtual_ns = play->last_ns = moth_instance_last(instance)->time_ns;
    if (play->frames == 0) {
        describe_no_frame(play, done);
        return;
    }
    if (job->frames > frame_of(play) && moth_instance_death(instance)->how == MOTH_STEP_OK) {
        let_agent_play(play, agent, job->frames - frame_of(play), play->place->config->pads, &outcome);
    } else if (job->frames > frame_of(play)) { /* it died between its first boundary and here */
        play->step = moth_instance_death(instance)->how;
        outcome.result = MOTH_AGENT_GAME_ENDED;
        judge(play);
    }
    if (play->step == MOTH_STEP_OK && outcome.result != MOTH_AGENT_INTERRUPTED)
        play->step = look_closer(play, true);
    moth_keep_store(&play->keep, play->place, play->index, play->work, moth_tree_instance(play->tree));
    describe_end(play, &outcome, done);
    done->frames = play->frames;
    done->virtual_ns = play->virtual_ns;
    if (play->keep.n > 0)
        done->fingerprint = strdup(play->keep.items[0].finding->fingerprint);
}

/* Agents that explore share the run's archive, and all play in its world. */
static void join_archive(struct play *play, const struct moth_fleet_config *config,
                         const struct moth_fleet_agent *agent, struct moth_message_done *done)
{
    if (!moth_agent_explores(agent->agent))
        return;
    char *path = moth_fleet_archive_path(config->out);
    struct moth_err err;
    play->header.seed = config->world_seed;
    play->header.schedule_seed = config->schedule_seed;
    play->archive = moth_log_open(path, &err);
    if (!play->archive)
        add_line(err.message, &done->warnings);
    free(path);
}

static void leave_archive(struct play *play)
{
    if (!play->archive)
        return;
    struct moth_tree_counts counts = {0};
    if (play->tree)
        moth_tree_counts(play->tree, &counts);
    struct moth_explore_counts did = {
        .restores = counts.restores, .rebuilds = counts.rebuilds, .frames_rebuilt = counts.frames_rebuilt};
    moth_explore_count(play->archive, &did);
    moth_log_close(play->archive);
    play->archive = NULL;
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
    struct moth_trace *trace = moth_tree_trace(play->tree, &play->header);
    struct moth_replay_outcome outcome = {0};
    struct moth_finding *finding = NULL;
    if (trace && moth_replay(trace, how, &outcome, &play->err) == 0 && outcome.diverged)
        finding = calloc(1, sizeof *finding);
    if (finding) {
        finding->kind = MOTH_FINDING_NONDETERMINISM;
        finding->frame = outcome.diverged_frame;
        finding->title = moth_fs_path("a replay differs in %s", outcome.diverged_what);
        moth_finding_fingerprint(finding);
        note(play, finding);
        moth_keep_store(&play->keep, play->place, play->index, play->work, NULL);
    }
    moth_replay_outcome_fini(&outcome);
    moth_trace_free(trace);
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
                        .agent_seed = job->seed,
                        .stopped = place->stopped,
                        .stop_context = place->context,
                        .frame_counts = &done->frame_counts,
                        .told_ns = begin_ns};
    fill_header(&play.header, config, agent, job, directory ? directory : "/");
    join_archive(&play, config, agent, done);
    play.work = moth_fs_path("%s/.work/%u", config->out, job->index);
    struct moth_replay_config limits = {.limits = config->limits,
                                        .probe_path = config->probe_path,
                                        .interrupted = place->stopped,
                                        .context = place->context};
    struct moth_instance_config how = moth_replay_launch_config(&play.header, &limits);
    how.channel.spin_budget_ms = config->channel.spin_budget_ms;
    if (moth_fs_remove_tree(play.work, &play.err) == 0 && moth_fs_make_dirs(play.work, &play.err) == 0)
        launch(&play, &how, config->snapshot_bytes / config->workers, &play.err);
    if (play.tree) {
        play_instance(&play, agent->agent, job, done);
        warn_of_copy(moth_tree_instance(play.tree), done);
        moth_instance_warnings(moth_tree_instance(play.tree), add_line, &done->warnings);
        if (config->strict && job->index == 0 && done->ending == MOTH_ENDING_PLAYED)
            check_determinism(&play, &limits);
    } else {
        done->ending = MOTH_ENDING_FAULT;
        done->err_code = play.err.code;
        done->fault = strdup(play.err.message);
    }
    leave_archive(&play);
    finish(&play);
    moth_fs_remove_tree(play.work, NULL);
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
    struct play play = {.header = *header,
                        .agent_seed = header->seed,
                        .stopped = config->interrupted,
                        .stop_context = config->context};
    struct moth_instance_config how = moth_replay_launch_config(header, config);
    *met = false;
    play.header.build_id = NULL;
    launch(&play, &how, MOTH_PLAY_SCRIPTED_SNAPSHOT_BYTES, err);
    if (!play.tree)
        return -1;
    struct moth_agent_outcome outcome;
    if (frame_of(&play) > 0)
        let_agent_play(&play, agent, frame + MOTH_REPLAY_GRACE_FRAMES, pads, &outcome);
    for (size_t i = 0; i < play.keep.n; i++)
        *met = *met || strcmp(play.keep.items[i].finding->fingerprint, fingerprint) == 0;
    finish(&play);
    if (play.step == MOTH_STEP_FAULT && err)
        *err = play.err;
    return play.step == MOTH_STEP_FAULT ? -1 : 0;
}
