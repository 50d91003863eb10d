/* SPDX-License-Identifier: MIT */
#include "fleet/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rng.h"
#include "runner/png.h"
#include "runner/watch.h"
#include "runner/watches.h"
#include "symbols/expression.h"
#include "fleet/fatal.h"
#include "fleet/outside.h"

#define PROGRESS_NS (250 * MOTH_NS_PER_MS)
#define AGENT_SEED_MARK 0x6167656e74ULL /* keeps the agent's random numbers apart from the game's */

/* ---- what the agent does ---- */

static const struct moth_watch_value *agent_watches(void *context, uint32_t *n);

/* Say the last boundary on the bus. What the game publishes is known where it stands, at the end of a step. */
static void say_state(struct moth_stage *stage, bool stands)
{
    uint32_t n = 0;
    if (stage->unsaid.frame == 0)
        return;
    const struct moth_watch_value *watches = stands ? agent_watches(stage, &n) : NULL;
    moth_bus_seat_state(&stage->place->seat, stage->unsaid.frame, stage->unsaid.time_ns, watches, n);
    stage->unsaid.frame = 0;
}

static void count_frame(struct moth_stage *stage, const struct moth_observation *observation)
{
    moth_frame_counts_add(stage->frame_counts, observation, stage->header.hz);
    if (observation->frame % MOTH_MEMORY_EVERY_FRAMES != 0)
        return;
    const struct moth_channel *channel = moth_instance_channel(moth_tree_instance(stage->tree));
    uint64_t rss_bytes = moth_watch_rss_bytes((pid_t)channel->owner_pid);
    moth_memory_use_add(&stage->frame_counts->memory, observation->frame, rss_bytes, channel->heap_bytes);
    moth_scenes_checkpoint(&stage->scenes, channel, rss_bytes, &stage->frame_counts->memory);
}

/* Frames that are drawn only because somebody looked are not like the others (fleet/frame_times.h). */
static void survey_frame(struct moth_stage *stage, const struct moth_observation *observation)
{
    if (stage->scout.survey && !(observation->drawn && stage->frame_counts && stage->frame_counts->undrawn))
        moth_pace_add(&stage->scout.survey->pace, stage->index, observation->frame, observation->cpu_ns);
}

/* Where the game stands: what it publishes is known at the end of a step. */
static void survey_place(struct moth_stage *stage)
{
    uint32_t n = 0;
    const struct moth_watch_value *watches = stage->scout.survey ? agent_watches(stage, &n) : NULL;
    moth_scout_look(&stage->scout, moth_stage_frame(stage), watches, n);
}

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct moth_stage *stage = context;
    moth_stuck_observed(&stage->stuck, observation);
    if (stage->stuck.aside)
        return;
    moth_spikes_observed(&stage->spikes, observation);
    if (stage->place && stage->place->seat.ports) {
        say_state(stage, false);
        stage->unsaid = *observation;
    }
    stage->frames++;
    stage->virtual_ns += observation->time_ns - stage->last_ns;
    stage->last_ns = observation->time_ns;
    if (stage->frame_counts)
        count_frame(stage, observation);
    survey_frame(stage, observation);
}

static bool stopped(void *context)
{
    const struct moth_stage *stage = context;
    return stage->stopped && stage->stopped(stage->stop_context);
}

uint32_t moth_stage_frame(const struct moth_stage *stage)
{
    return moth_tree_frame(stage->tree);
}

void moth_stage_tell(struct moth_stage *stage)
{
    uint64_t now = moth_clock_coarse_ns();
    if (!stage->place || !stage->place->progress || now - stage->told_ns < PROGRESS_NS)
        return;
    stage->told_ns = now;
    stage->place->progress(stage->place->context, stage->index, stage->frames,
                           stage->seen ? stage->seen->n_cells : 0);
}

static struct moth_lua_now now_of(const struct moth_stage *stage)
{
    struct moth_instance *instance = moth_tree_instance(stage->tree);
    const struct moth_observation *last = moth_instance_last(instance);
    const struct moth_channel *channel = moth_instance_channel(instance);
    return (struct moth_lua_now){.frame = last->frame,
                                 .time_ns = last->time_ns,
                                 .window_w = channel->window_w,
                                 .window_h = channel->window_h};
}

static void survey_finding(struct moth_stage *stage, const struct moth_finding *finding)
{
    uint32_t n = 0;
    const struct moth_watch_value *watches = stage->scout.survey ? agent_watches(stage, &n) : NULL;
    moth_scout_found(&stage->scout, finding->frame, finding->fingerprint, watches, n);
}

void moth_stage_note(struct moth_stage *stage, struct moth_finding *finding)
{
    survey_finding(stage, finding);
    moth_keep_note(&stage->keep, finding, moth_tree_trace(stage->tree, &stage->header));
    if (stage->n_held > 0 &&
        stage->work) /* the agent may turn away from here: it is stored while it stands */
        moth_keep_store(&stage->keep, stage->place, stage->index, stage->work,
                        moth_tree_instance(stage->tree));
}

void moth_stage_judge(struct moth_stage *stage)
{
    struct moth_finding *death = moth_judge(moth_tree_instance(stage->tree));
    if (death)
        moth_stage_note(stage, death);
}

static void keep_picture(struct moth_stage *stage)
{
    if (!stage->work)
        return;
    char *path = moth_fs_path("%s/finding-%zu.png", stage->work, stage->keep.n + 1);
    moth_instance_screenshot(moth_tree_instance(stage->tree), path, NULL);
    free(path);
}

/* A softlock or a leak, which lives on: stored at once, for the play goes on. */
static void found_alive(void *context, struct moth_finding *finding)
{
    struct moth_stage *stage = context;
    keep_picture(stage);
    survey_finding(stage, finding);
    moth_keep_note(&stage->keep, finding, moth_tree_trace(stage->tree, &stage->header));
    moth_keep_store(&stage->keep, stage->place, stage->index, stage->work, moth_tree_instance(stage->tree));
}

/* A kill from outside is no way that a game goes: an agent that returned to another place and played on
 * would play something else than the same seed plays elsewhere. */
static bool was_killed(struct moth_stage *stage)
{
    stage->killed = stage->killed || moth_instance_death(moth_tree_instance(stage->tree))->how == MOTH_STEP_KILLED;
    return stage->killed;
}

static void died_aside(void *context)
{
    was_killed(context);
    moth_stage_judge(context);
}

static void viewed(void *context, const struct moth_view *view)
{
    struct moth_stage *stage = context;
    struct moth_message_done *seen = stage->seen;
    uint64_t key = moth_places_key(view);
    if (!seen || !stage->cells || seen->n_cells >= MOTH_MESSAGE_CELLS_MAX || !moth_places_add(stage->cells, key))
        return;
    if (!seen->cells)
        seen->cells = calloc(MOTH_MESSAGE_CELLS_MAX, sizeof *seen->cells);
    if (seen->cells)
        seen->cells[seen->n_cells++] = key;
}

void moth_stage_watch(struct moth_stage *stage)
{
    stage->stuck = (struct moth_stuck){.tree = stage->tree,
                                       .how = {.seed = stage->header.seed,
                                               .hz = stage->header.hz,
                                               .softlock_s = stage->place->config->softlock_s,
                                               .interrupted = stopped,
                                               .died = died_aside,
                                               .context = stage},
                                       .found = found_alive,
                                       .viewed = viewed,
                                       .context = stage};
    moth_stuck_begin(&stage->stuck);
    moth_spikes_begin(&stage->spikes, stage->tree, &stage->header, stage->spike_ns);
}

static void found_spike(void *context, struct moth_finding *finding, struct moth_trace *trace)
{
    moth_keep_note(&((struct moth_stage *)context)->keep, finding, trace);
}

int moth_stage_judge_spikes(struct moth_stage *stage, const struct moth_replay_config *how)
{
    if (!stage->spikes.tree)
        return 0;
    moth_spikes_leave(&stage->spikes);
    int result = moth_spikes_judge(&stage->spikes, how, found_spike, stage, &stage->err);
    if (stage->frame_counts) {
        stage->frame_counts->suspected = stage->spikes.suspected;
        stage->frame_counts->confirmed = stage->spikes.confirmed;
        stage->frame_counts->gone = stage->spikes.gone;
    }
    return result;
}

/* The step that follows from a look for softlocks, and at the end for leaks, where the game stands. */
enum moth_step moth_stage_look(struct moth_stage *stage, bool last)
{
    if (moth_stuck_look(&stage->stuck, stage->n_held > 0, last, &stage->err) == 0 &&
        (!last || moth_stuck_look_for_leak(&stage->stuck, &stage->err) == 0))
        return MOTH_STEP_OK;
    return stage->err.code == MOTH_ERR_INTERRUPTED ? MOTH_STEP_OK : MOTH_STEP_FAULT;
}

/* The process that plays may be another one than before. */
static void attach_watches(struct moth_stage *stage)
{
    if (stage->step != MOTH_STEP_OK)
        return;
    if (stage->watches)
        moth_watches_attach(stage->watches, moth_tree_instance(stage->tree));
    moth_entries_attach(&stage->entries, moth_tree_instance(stage->tree));
}

static void agent_finding(void *context, enum moth_finding_kind kind, const char *title, const char *where,
                          uint32_t frame);

/* What the game publishes is known where it stands. */
static void look_at_scene(struct moth_stage *stage)
{
    if (stage->frame_counts)
        moth_scenes_stand(&stage->scenes, moth_instance_channel(moth_tree_instance(stage->tree)),
                          &stage->frame_counts->memory);
}

/* ---- what the game says ---- */

/* A property that does not hold is a finding, once in a play; the game goes on. */
static void note_violation(void *context, struct moth_finding *finding)
{
    struct moth_stage *stage = context;
    bool known = stage->keep.n == MOTH_PLAY_FINDINGS_MAX;
    for (size_t i = 0; i < stage->keep.n && !known; i++)
        known = strcmp(stage->keep.items[i].finding->fingerprint, finding->fingerprint) == 0;
    if (known) {
        moth_finding_free(finding);
        return;
    }
    if (moth_instance_death(moth_tree_instance(stage->tree))->how == MOTH_STEP_OK)
        keep_picture(stage);
    moth_stage_note(stage, finding);
}

static void listen(struct moth_stage *stage)
{
    struct moth_instance *instance = moth_tree_instance(stage->tree);
    const struct moth_channel *channel = moth_instance_channel(instance);
    moth_said_take(&stage->said, instance);
    moth_properties_violations(channel, &stage->violations_changed, note_violation, stage);
    moth_properties_take(&stage->properties, channel);
}

static bool agent_announced(void *context, struct moth_announcement *said)
{
    struct moth_stage *stage = context;
    if (!moth_said_next(&stage->said, said))
        return false;
    moth_entries_translate(&stage->entries, said);
    return true;
}

static int agent_on_call(void *context, const char *signature, struct moth_err *err)
{
    struct moth_stage *stage = context;
    return moth_entries_add(&stage->entries, moth_tree_instance(stage->tree), signature, err);
}

static enum moth_lua_step agent_step(void *context, uint32_t frames, const struct moth_input_event *events,
                                     size_t n_events, struct moth_lua_now *now)
{
    struct moth_stage *stage = context;
    if (stopped(stage) || was_killed(stage))
        return MOTH_LUA_STEP_INTERRUPTED;
    moth_stuck_input(&stage->stuck, events, n_events);
    for (size_t i = 0; i < n_events; i++)
        stage->asked_to_quit = stage->asked_to_quit || events[i].type == MOTH_INPUT_QUIT;
    stage->step = moth_tree_step(stage->tree, frames, events, n_events, &stage->err);
    attach_watches(stage);
    listen(stage);
    survey_place(stage);
    say_state(stage, true);
    if (stage->step == MOTH_STEP_OK)
        look_at_scene(stage);
    if (stage->step == MOTH_STEP_OK)
        stage->step = moth_stage_look(stage, false);
    attach_watches(stage); /* the look may have gone elsewhere and come back */
    *now = now_of(stage);
    moth_stage_tell(stage);
    if (was_killed(stage))
        return MOTH_LUA_STEP_INTERRUPTED;
    if (stage->step == MOTH_STEP_OK)
        return MOTH_LUA_STEP_OK;
    size_t before = stage->keep.n;
    moth_stage_judge(stage);
    if (stage->scenario && !stage->asked_to_quit && stage->step == MOTH_STEP_EXIT && stage->keep.n == before &&
        stage->n_held == 0)
        agent_finding(stage, MOTH_FINDING_INVARIANT, "the game left before the scenario was over", "", now->frame);
    return MOTH_LUA_STEP_ENDED;
}

static int agent_picture(void *context, uint64_t *hash, struct moth_err *err)
{
    struct moth_stage *stage = context;
    return moth_instance_picture(moth_tree_instance(stage->tree), hash, err);
}

static int agent_cell(void *context, uint8_t *grid, struct moth_err *err)
{
    struct moth_stage *stage = context;
    return moth_instance_cell(moth_tree_instance(stage->tree), grid, err);
}

static int agent_screenshot(void *context, const char *name, struct moth_err *err)
{
    struct moth_stage *stage = context;
    if (!stage->work)
        return 0;
    char *path = moth_fs_path("%s/%s.png", stage->work, name);
    int result = moth_instance_screenshot(moth_tree_instance(stage->tree), path, err);
    free(path);
    return result;
}

static int agent_pixels(void *context, struct moth_lua_picture *seen, struct moth_err *err)
{
    struct moth_stage *stage = context;
    struct moth_picture picture;
    if (moth_instance_pixels(moth_tree_instance(stage->tree), &picture, err) != 0)
        return -1;
    *seen = (struct moth_lua_picture){picture.pixels, picture.width, picture.height};
    return 0;
}

static int agent_keep_picture(void *context, const char *path, const char *name, const uint8_t *pixels, uint32_t width,
                              uint32_t height, struct moth_err *err)
{
    struct moth_stage *stage = context;
    if (!path && !stage->work)
        return 0;
    char *file = path ? moth_fs_path("%s", path) : moth_fs_path("%s/%s.png", stage->work, name);
    char *slash = strrchr(file, '/');
    *slash = '\0';
    int result = moth_fs_make_dirs(file, err);
    *slash = '/';
    if (result == 0)
        result = moth_png_write(file, pixels, width, height, err);
    free(file);
    return result;
}

static void agent_finding(void *context, enum moth_finding_kind kind, const char *title, const char *where,
                          uint32_t frame)
{
    struct moth_stage *stage = context;
    struct moth_finding *finding = stage->keep.n < MOTH_PLAY_FINDINGS_MAX ? calloc(1, sizeof *finding) : NULL;
    if (!finding)
        return;
    finding->kind = kind;
    finding->title = strdup(title);
    finding->detail = where[0] ? strdup(where) : NULL;
    finding->frame = frame;
    finding->scripted = true;
    finding->played = stage->frames > frame ? stage->frames : frame;
    moth_finding_fingerprint(finding);
    keep_picture(stage);
    moth_stage_note(stage, finding);
}

/* ---- calls ---- */

static int agent_signature(void *context, const char *name, char *text, size_t size, struct moth_err *err)
{
    struct moth_stage *stage = context;
    return moth_instance_call_signature(moth_tree_instance(stage->tree), name, text, size, err);
}

static enum moth_lua_call agent_call(void *context, struct moth_call *call, char *result, size_t size,
                                     struct moth_lua_now *now, struct moth_err *err)
{
    struct moth_stage *stage = context;
    char text[MOTH_CALL_TEXT_BYTES];
    if (stopped(stage) || was_killed(stage))
        return MOTH_LUA_CALL_INTERRUPTED;
    moth_instance_point(moth_tree_instance(stage->tree), call);
    if (moth_call_encode(call, text, sizeof text) != 0) {
        moth_err_set(err, MOTH_ERR_USAGE, "the call and its arguments are longer than %u bytes", MOTH_CALL_TEXT_BYTES - 1);
        return MOTH_LUA_CALL_REFUSED;
    }
    enum moth_step step = moth_tree_call(stage->tree, text, result, size, err);
    if (step == MOTH_STEP_FAULT)
        return MOTH_LUA_CALL_REFUSED;
    *now = now_of(stage);
    stage->step = step;
    if (was_killed(stage))
        return MOTH_LUA_CALL_INTERRUPTED;
    listen(stage);
    if (step == MOTH_STEP_OK)
        return MOTH_LUA_CALL_OK;
    const struct moth_death *death = moth_instance_death(moth_tree_instance(stage->tree));
    if (death->call[0]) {
        moth_fatal_call(death, err);
        return MOTH_LUA_CALL_FATAL;
    }
    moth_stage_judge(stage);
    return MOTH_LUA_CALL_ENDED;
}

static void agent_mark(void *context, uint32_t frame, const char *text)
{
    struct moth_stage *stage = context;
    (void)frame;
    moth_tree_mark(stage->tree, text);
    moth_scenes_mark(&stage->scenes, text);
    look_at_scene(stage);
}

static void agent_waiting(void *context, uint32_t frame, bool waiting)
{
    struct moth_stage *stage = context;
    (void)frame;
    stage->stuck.waiting = waiting;
}

static void agent_print(void *context, const char *line)
{
    struct moth_stage *stage = context;
    if (stage->place) /* not once more for each replay */
        moth_log_debug("instance %u: %s", stage->index, line);
}

static int agent_way(void *context, struct moth_input_event **events, size_t *n_events)
{
    const struct moth_stage *stage = context;
    struct moth_trace *trace = moth_tree_trace(stage->tree, &stage->header);
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
    const struct moth_stage *stage = context;
    return moth_watches_values(stage->watches, moth_tree_instance(stage->tree), n);
}

static int agent_watch(void *context, const char *name, const char *expression, struct moth_err *err)
{
    struct moth_stage *stage = context;
    enum moth_lookup result =
        moth_watches_add(stage->watches, moth_tree_instance(stage->tree), name, expression, err);
    return result == MOTH_LOOKUP_FOUND ? 0 : result == MOTH_LOOKUP_NOT_FOUND ? 1 : -1;
}

static int agent_scan(void *context, int id, const char *type, const char *step, uint64_t *count, struct moth_err *err)
{
    struct moth_stage *stage = context;
    return moth_scans_step(&stage->scans, id, type, step, moth_instance_player(moth_tree_instance(stage->tree)), count, err);
}

static size_t agent_scan_find(void *context, int id, struct moth_scan_hit *hits, size_t room)
{
    struct moth_stage *stage = context;
    return moth_scans_find(&stage->scans, id, moth_instance_player(moth_tree_instance(stage->tree)), hits, room);
}

static bool agent_watch_visit(void *context, const char *name, const struct moth_value_visitor *visitor)
{
    const struct moth_stage *stage = context;
    return moth_watches_visit(stage->watches, moth_tree_instance(stage->tree), name, visitor);
}

static bool agent_member(void *context, unsigned index, struct moth_lua_member *member)
{
    const struct moth_stage *stage = context;
    struct moth_member_info info;
    if (!moth_instance_member(moth_tree_instance(stage->tree), index, &info))
        return false;
    *member = (struct moth_lua_member){info.name, info.window_w, info.window_h, info.gone};
    return true;
}

void moth_stage_add_line(const char *sentence, void *context)
{
    char **lines = context;
    char *longer = moth_fs_path("%s%s\n", *lines ? *lines : "", sentence);
    free(*lines);
    *lines = longer;
}

/* ---- the agent's branches ---- */

static uint64_t agent_snapshot(void *context, struct moth_err *err)
{
    struct moth_stage *stage = context;
    struct moth_node *node = moth_tree_snapshot(stage->tree, err);
    if (!node)
        return 0;
    size_t at = 0;
    while (at < stage->n_nodes && stage->nodes[at])
        at++;
    if (at == stage->n_nodes) {
        size_t room = stage->n_nodes * 2 + 16;
        stage->nodes = realloc(stage->nodes, room * sizeof *stage->nodes);
        stage->tips = realloc(stage->tips, room * sizeof *stage->tips);
        if (!stage->nodes || !stage->tips)
            abort();
        memset(stage->nodes + stage->n_nodes, 0, (room - stage->n_nodes) * sizeof *stage->nodes);
        stage->n_nodes = room;
    }
    stage->nodes[at] = node;
    stage->tips[at] = moth_stuck_tip(&stage->stuck);
    moth_scenes_keep(&stage->scenes, at + 1);
    stage->n_held++;
    return at + 1;
}

static struct moth_node *held(const struct moth_stage *stage, uint64_t id)
{
    return id > 0 && id <= stage->n_nodes ? stage->nodes[id - 1] : NULL;
}

static int agent_restore(void *context, uint64_t id, struct moth_lua_now *now, struct moth_err *err)
{
    struct moth_stage *stage = context;
    struct moth_node *node = held(stage, id);
    if (!node)
        return moth_err_set(err, MOTH_ERR_USAGE, "the snapshot was released");
    if (was_killed(stage))
        return moth_err_set(err, MOTH_ERR_INTERRUPTED, "the game was killed from outside");
    if (stage->spikes.tree)
        moth_spikes_leave(&stage->spikes);
    int result = moth_tree_restore(stage->tree, node, err);
    if (result != 0 && was_killed(stage))
        return moth_err_set(err, MOTH_ERR_INTERRUPTED, "the game was killed from outside");
    if (result != 0 && err->code == MOTH_ERR_NONDETERMINISTIC)
        moth_stage_add_line(err->message, &stage->warnings);
    moth_stuck_return(&stage->stuck, stage->tips[id - 1]);
    moth_said_forget(&stage->said);
    stage->properties.changed = stage->violations_changed = UINT32_MAX; /* what is in another channel is other news */
    stage->step = moth_instance_death(moth_tree_instance(stage->tree))->how;
    attach_watches(stage);
    *now = now_of(stage);
    stage->last_ns = now->time_ns;
    if (stage->frame_counts)
        moth_frame_counts_return(stage->frame_counts);
    moth_scout_return(&stage->scout);
    moth_scenes_return(&stage->scenes, id);
    moth_stage_tell(stage);
    return result;
}

static void agent_release(void *context, uint64_t id)
{
    struct moth_stage *stage = context;
    struct moth_node *node = held(stage, id);
    if (!node)
        return;
    moth_tree_release(stage->tree, node);
    stage->nodes[id - 1] = NULL;
    stage->n_held--;
}

enum moth_agent_result moth_stage_play(struct moth_stage *stage, const struct moth_agent *agent,
                                       uint32_t frames, uint32_t pads, struct moth_agent_outcome *outcome)
{
    struct moth_lua_backend backend = {
        .context = stage,
        .now = now_of(stage),
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
        .pixels = agent_pixels,
        .keep_picture = agent_keep_picture,
        .way = agent_way,
        .watches = agent_watches,
        .scan = agent_scan,
        .scan_find = agent_scan_find,
        .watch = stage->watches ? agent_watch : NULL,
        .watch_visit = stage->watches ? agent_watch_visit : NULL,
        .member = agent_member,
        .signature = agent_signature,
        .call = agent_call,
        .announced = agent_announced,
        .on_call = agent_on_call,
        .log = stage->archive,
        .print = agent_print,
    };
    uint64_t state = stage->agent_seed ^ AGENT_SEED_MARK;
    struct moth_agent_play how = {.seed = moth_splitmix64(&state), .max_frames = frames, .pads = pads};
    if (!agent)
        return moth_outside_play(stage, &backend, &how, outcome);
    return moth_agent_play(agent, &backend, &how, outcome);
}

/* The run's own watches, and a session for those of the agent. What was read of the game's debug information
 * lasts as long as the worker. */
static void begin_watches(struct moth_stage *stage)
{
    char name[sizeof((struct moth_watch_value *)0)->name];
    if (!stage->watches)
        stage->watches = stage->own_watches = moth_watches_create(stage->debug_dirs);
    if (!stage->watches)
        return;
    moth_watches_begin(stage->watches);
    for (const char *const *pair = stage->watched; pair && *pair; pair++) {
        const char *expression = moth_expression_split(*pair, name, NULL);
        if (expression)
            moth_watches_add(stage->watches, NULL, name, expression, NULL);
    }
    if (moth_stage_frame(stage) > 0)
        attach_watches(stage);
}

static void note_missing(void *context, const char *name, const char *expression, const char *why)
{
    char *line = moth_fs_path("the watch %s=%s has no value: %s", name, expression, why);
    moth_stage_add_line(line, context);
    free(line);
}

void moth_stage_missing_watches(const struct moth_stage *stage, char **lines)
{
    if (stage->watches)
        moth_watches_missing(stage->watches, note_missing, lines);
}

/* Launch. NULL tree: err says why. */
void moth_stage_launch(struct moth_stage *stage, const struct moth_instance_config *config,
                       uint64_t memory_bytes, struct moth_err *err)
{
    struct moth_tree_config tree = {.launch = *config,
                                    .memory_bytes = memory_bytes,
                                    .observed = on_observed,
                                    .interrupted = stopped,
                                    .context = stage};
    stage->tree = moth_tree_launch(&tree, err);
    if (stage->tree)
        begin_watches(stage);
    if (stage->tree)
        stage->header.build_id = strdup(moth_instance_game(moth_tree_instance(stage->tree))->build_id);
}

void moth_stage_fini(struct moth_stage *stage)
{
    moth_keep_fini(&stage->keep);
    moth_scans_fini(&stage->scans);
    moth_entries_fini(&stage->entries);
    moth_watches_destroy(stage->own_watches);
    moth_said_fini(&stage->said);
    moth_properties_fini(&stage->properties);
    moth_tree_close(stage->tree);
    moth_stuck_end(&stage->stuck);
    moth_spikes_end(&stage->spikes);
    moth_scenes_fini(&stage->scenes);
    free(stage->nodes);
    free(stage->tips);
    free(stage->header.build_id);
    free(stage->warnings);
}
