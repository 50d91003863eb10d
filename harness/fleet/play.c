/* SPDX-License-Identifier: MIT */
#include "fleet/play.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "detect/detect.h"
#include "fleet/again.h"
#include "fleet/disk.h"
#include "fleet/explore.h"
#include "fleet/stage.h"

/* ---- one instance of a run ---- */

/* Not a finding: a game that never came so far may lack a file, a screen or the right machine. */
static void describe_no_frame(struct moth_stage *stage, struct moth_message_done *done)
{
    char log[2048];
    struct moth_instance *instance = moth_tree_instance(stage->tree);
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

static void describe_end(struct moth_stage *stage, const struct moth_agent_outcome *outcome,
                         struct moth_message_done *done)
{
    done->ending = MOTH_ENDING_PLAYED;
    done->how = strdup(stage->step == MOTH_STEP_OK ? moth_agent_result_name(outcome->result)
                                                   : moth_step_name(stage->step));
    if (stage->killed) {
        done->ending = MOTH_ENDING_KILLED;
    } else if (stage->step == MOTH_STEP_FAULT) {
        done->ending = MOTH_ENDING_FAULT;
        done->err_code = stage->err.code;
        done->fault = strdup(stage->err.message);
    } else if (stage->step == MOTH_STEP_KILLED) {
        done->ending = MOTH_ENDING_KILLED;
    } else if (outcome->result == MOTH_AGENT_ERROR) {
        done->ending = MOTH_ENDING_AGENT;
        done->fault = moth_fs_path("%s\n%s", outcome->err.message, outcome->traceback);
    } else if (outcome->result == MOTH_AGENT_INTERRUPTED) {
        done->ending = MOTH_ENDING_STOPPED;
    }
}

/* A spike that cannot be looked into is no reason to give up the rest. */
static void judge_spikes(struct moth_stage *stage, const struct moth_replay_config *how, struct moth_message_done *done)
{
    if (moth_stage_judge_spikes(stage, how) == 0 || stage->err.code == MOTH_ERR_INTERRUPTED)
        return;
    char *line = moth_fs_path("a spike could not be looked into: %s", stage->err.message);
    moth_stage_add_line(line, &done->warnings);
    free(line);
}

/* A play without a finding is worth keeping too; where there is no room for it, it is not. Its pictures are what the
 * script asked for, and may tell why it went wrong itself. */
static void keep_trace(struct moth_stage *stage, const struct moth_message_done *done)
{
    const struct moth_fleet_config *config = stage->place->config;
    bool clean = config->traces > 0 && stage->keep.n == 0, ordinary = clean && done->ending == MOTH_ENDING_PLAYED;
    struct moth_trace *trace = ordinary ? moth_tree_trace(stage->tree, &stage->header) : NULL;
    struct moth_err err;
    if (trace && moth_disk_keep_trace(config->out, stage->index, trace, &err) != 0)
        moth_log_debug("%s", err.message);
    if (clean && (ordinary || done->ending == MOTH_ENDING_AGENT) &&
        moth_disk_keep_pictures(config->out, stage->index, stage->work, &err) != 0)
        moth_log_debug("%s", err.message);
    moth_trace_free(trace);
}

static void play_instance(struct moth_stage *stage, const struct moth_agent *agent, const struct moth_plan_job *job,
                          const struct moth_replay_config *how, struct moth_message_done *done)
{
    struct moth_agent_outcome outcome = {.result = MOTH_AGENT_BUDGET};
    struct moth_instance *instance = moth_tree_instance(stage->tree);
    done->build_id = strdup(stage->header.build_id);
    moth_stage_watch(stage);
    done->survey = moth_survey_create();
    moth_scout_begin(&stage->scout, done->survey, stage->place->config->map_names, stage->place->config->n_map_names,
                     job->index, job->seed);
    stage->frames = moth_stage_frame(stage); /* the first boundary */
    stage->virtual_ns = stage->last_ns = moth_instance_last(instance)->time_ns;
    if (stage->frames == 0 && moth_instance_death(instance)->how == MOTH_STEP_KILLED) {
        done->ending = MOTH_ENDING_KILLED; /* nobody's finding, nor a sign that it cannot be played */
        done->how = strdup(moth_step_name(MOTH_STEP_KILLED));
        return;
    }
    if (stage->frames == 0) {
        describe_no_frame(stage, done);
        return;
    }
    if (job->frames > moth_stage_frame(stage) && moth_instance_death(instance)->how == MOTH_STEP_OK) {
        moth_stage_play(stage, agent, job->frames - moth_stage_frame(stage), stage->place->config->pads,
                        &outcome);
    } else if (job->frames > moth_stage_frame(stage)) { /* it died between its first boundary and here */
        stage->step = moth_instance_death(instance)->how;
        outcome.result = MOTH_AGENT_GAME_ENDED;
        moth_stage_judge(stage);
    }
    if (stage->step == MOTH_STEP_OK && outcome.result != MOTH_AGENT_INTERRUPTED)
        stage->step = moth_stage_look(stage, true);
    moth_scout_end(&stage->scout);
    moth_memory_use_end(&done->frame_counts.memory, stage->header.hz);
    if (outcome.result != MOTH_AGENT_INTERRUPTED)
        judge_spikes(stage, how, done);
    moth_keep_store(&stage->keep, stage->place, stage->index, stage->work, moth_tree_instance(stage->tree));
    moth_properties_merge(&done->properties, &stage->properties);
    describe_end(stage, &outcome, done);
    if (job->scenario && stage->asked_to_quit && stage->step == MOTH_STEP_EXIT && stage->keep.n == 0) {
        free(done->how); /* its end is that of the game */
        done->how = strdup(moth_agent_result_name(MOTH_AGENT_FINISHED));
    }
    keep_trace(stage, done);
    done->frames = stage->frames;
    done->virtual_ns = stage->virtual_ns;
    if (stage->keep.n > 0)
        done->fingerprint = strdup(stage->keep.items[0].finding->fingerprint);
}

/* Agents that explore share the run's archive, and all play in its world. */
static void join_archive(struct moth_stage *stage, const struct moth_fleet_config *config,
                         const struct moth_fleet_agent *agent, struct moth_message_done *done)
{
    if (!moth_agent_explores(agent->agent))
        return;
    char *path = moth_fleet_archive_path(config->out);
    struct moth_err err;
    stage->header.seed = config->world_seed;
    stage->header.schedule_seed = config->schedule_seed;
    stage->archive = moth_log_open(path, &err);
    if (!stage->archive)
        moth_stage_add_line(err.message, &done->warnings);
    free(path);
}

static void leave_archive(struct moth_stage *stage)
{
    if (!stage->archive)
        return;
    struct moth_tree_counts counts = {0};
    if (stage->tree)
        moth_tree_counts(stage->tree, &counts);
    struct moth_explore_counts did = {
        .restores = counts.restores, .rebuilds = counts.rebuilds, .frames_rebuilt = counts.frames_rebuilt};
    moth_explore_count(stage->archive, &did);
    moth_log_close(stage->archive);
    stage->archive = NULL;
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
    moth_stage_add_line(line, &done->warnings);
    free(line);
}

/* What the branches had to say: kept apart from the game's warnings, which are its process's. */
static void warn_of_branches(struct moth_stage *stage, struct moth_message_done *done)
{
    struct moth_tree_counts counts;
    moth_tree_counts(stage->tree, &counts);
    if (counts.shared[0]) {
        char *line = moth_fs_path("branches of this game share this with each other: %s", counts.shared);
        moth_stage_add_line(line, &done->warnings);
        free(line);
    }
    if (stage->warnings) {
        stage->warnings[strcspn(stage->warnings, "\n")] = '\0'; /* the first says it */
        moth_stage_add_line(stage->warnings, &done->warnings);
    }
}

/* --strict: play the instance's trace again and hold it against itself. */
static void check_determinism(struct moth_stage *stage, const struct moth_replay_config *how)
{
    struct moth_trace *trace = moth_tree_trace(stage->tree, &stage->header);
    struct moth_replay_outcome outcome = {0};
    struct moth_finding *finding = NULL;
    if (trace && moth_replay(trace, how, &outcome, &stage->err) == 0 && outcome.diverged)
        finding = calloc(1, sizeof *finding);
    if (finding) {
        finding->kind = MOTH_FINDING_NONDETERMINISM;
        finding->frame = outcome.diverged_frame;
        finding->title = moth_fs_path("a replay differs in %s", outcome.diverged_what);
        moth_finding_fingerprint(finding);
        moth_stage_note(stage, finding);
        moth_keep_store(&stage->keep, stage->place, stage->index, stage->work, NULL);
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
        .members = (struct moth_trace_member *)(uintptr_t)config->members,
        .n_members = config->n_members,
        .link = config->link,
    };
}

/* The agent's own budget goes before the run's; with none at all nothing is watched for. */
static uint64_t spike_budget_ns(const struct moth_fleet_config *config, const struct moth_agent *agent)
{
    double own_ms = moth_agent_budget_ms(agent);
    return config->spike_ms > 0 ? (uint64_t)((own_ms > 0 ? own_ms : config->spike_ms) * 1e6) : 0;
}

void moth_play_job(const struct moth_play_place *place, const struct moth_plan_job *job,
                   struct moth_message_done *done)
{
    if (job->replay) {
        moth_again_play(place, job, done);
        return;
    }
    const struct moth_fleet_config *config = place->config;
    const struct moth_fleet_agent *agent =
        job->scenario ? &config->scenarios[job->agent] : &config->agents[job->agent];
    *done = (struct moth_message_done){.index = job->index};
    moth_bus_seat_begin(&place->seat, job->index, agent->name);
    uint64_t begin_ns = moth_clock_monotonic_ns();
    char *directory = getcwd(NULL, 0);
    struct moth_stage stage = {.place = place,
                               .watched = config->watches,
                               .debug_dirs = config->debug_dirs,
                               .watches = place->watches,
                               .index = job->index,
                               .agent_seed = job->seed,
                               .scenario = job->scenario,
                               .stopped = place->stopped,
                               .stop_context = place->context,
                               .frame_counts = &done->frame_counts,
                               .spike_ns = spike_budget_ns(config, agent->agent),
                               .scenes = {.watch = config->scene_watch},
                               .seen = done,
                               .cells = place->cells,
                               .told_ns = begin_ns};
    fill_header(&stage.header, config, agent, job, directory ? directory : "/");
    join_archive(&stage, config, agent, done);
    stage.work = moth_fs_path("%s/.work/%u", config->out, job->index);
    struct moth_replay_config limits = {.limits = config->limits,
                                        .probe_path = config->probe_path,
                                        .watches = config->watches,
                                        .debug_dirs = config->debug_dirs,
                                        .interrupted = place->stopped,
                                        .context = place->context};
    struct moth_instance_config how = moth_replay_launch_config(&stage.header, &limits);
    how.channel.spin_budget_ms = config->channel.spin_budget_ms;
    if (moth_fs_remove_tree(stage.work, &stage.err) == 0 && moth_fs_make_dirs(stage.work, &stage.err) == 0)
        moth_stage_launch(&stage, &how, config->snapshot_bytes / config->workers, &stage.err);
    if (stage.tree) {
        play_instance(&stage, agent->agent, job, &limits, done);
        warn_of_copy(moth_tree_instance(stage.tree), done);
        warn_of_branches(&stage, done);
        moth_stage_missing_watches(&stage, &done->warnings);
        moth_instance_warnings(moth_tree_instance(stage.tree), moth_stage_add_line, &done->warnings);
        if (config->strict && job->index == 0 && done->ending == MOTH_ENDING_PLAYED)
            check_determinism(&stage, &limits);
    } else {
        done->ending = MOTH_ENDING_FAULT;
        done->err_code = stage.err.code;
        done->fault = strdup(stage.err.message);
    }
    leave_archive(&stage);
    moth_bus_seat_end(&place->seat);
    moth_stage_fini(&stage);
    moth_fs_remove_tree(stage.work, NULL);
    free(stage.work);
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
                       uint32_t frames, const struct moth_replay_config *config, const char *fingerprint,
                       bool *met, bool *killed, struct moth_err *err)
{
    struct moth_stage stage = {.header = *header,
                               .watched = config->watches,
                               .debug_dirs = config->debug_dirs,
                               .agent_seed = header->seed,
                               .scenario = true, /* what it would have to find is asked for by name */
                               .stopped = config->interrupted,
                               .stop_context = config->context};
    struct moth_instance_config how = moth_replay_launch_config(header, config);
    *met = *killed = false;
    stage.header.build_id = NULL;
    moth_stage_launch(&stage, &how, MOTH_PLAY_SCRIPTED_SNAPSHOT_BYTES, err);
    if (!stage.tree)
        return -1;
    struct moth_agent_outcome outcome;
    if (moth_stage_frame(&stage) > 0)
        moth_stage_play(&stage, agent, frames + MOTH_REPLAY_GRACE_FRAMES, pads, &outcome);
    for (size_t i = 0; i < stage.keep.n; i++)
        *met = *met || strcmp(stage.keep.items[i].finding->fingerprint, fingerprint) == 0;
    *killed = !*met && moth_instance_death(moth_tree_instance(stage.tree))->how == MOTH_STEP_KILLED;
    moth_stage_fini(&stage);
    if (stage.step == MOTH_STEP_FAULT && err)
        *err = stage.err;
    return stage.step == MOTH_STEP_FAULT ? -1 : 0;
}
