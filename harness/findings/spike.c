/* SPDX-License-Identifier: MIT */
#include "findings/spike.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "detect/detectors.h"
#include "detect/frames.h"
#include "detect/spike.h"
#include "findings/sampled.h"
#include "findings/work.h"

#define PERIOD_LEAST_NS (100 * 1000)
#define LOOK_NS (20 * MOTH_NS_PER_S) /* samples are taken for so long at most */
#define REPLAY_SAMPLES 25u           /* enough to tell a function that half of the time is spent in */
#define REPLAY_SUSPECTS 3u           /* other frames that one replay looks into */
#define SETTLED_REPLAYS 6u           /* in a row that were no faster than the least before … */
#define SETTLED_PART 200u            /* … by half a percent */
#define SETTLING_NS (10 * MOTH_NS_PER_S) /* a game whose frames take seconds is replayed no more often than it must */
#define USUAL_FRAMES 20u             /* before the spike, for what every frame does */
#define USUAL_SAMPLES 4u             /* of each */

/* ---- k replays ---- */

static void measure(struct moth_spike *spike, const struct moth_work *work, uint64_t budget_ns)
{
    const struct moth_work_frame *frame = &work->frames[spike->frame], *before = frame - 1;
    if (frame->ns <= budget_ns || frame->drawn) {
        spike->confirmed = false;
        return;
    }
    spike->met++;
    spike->settled = spike->met > 1 && frame->ns + spike->least_ns / SETTLED_PART > spike->least_ns
                         ? spike->settled + 1
                         : 0;
    spike->most_ns = frame->ns > spike->most_ns ? frame->ns : spike->most_ns;
    spike->least_ns = spike->met == 1 || frame->ns < spike->least_ns ? frame->ns : spike->least_ns;
    uint64_t before_ns = spike->frame > 2 && !before->drawn ? before->ns : 0;
    spike->before_ns = spike->met == 1 || before_ns < spike->before_ns ? before_ns : spike->before_ns;
}

/* Has the least of each come to rest? */
static bool all_settled(const struct moth_spike *spikes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (spikes[i].confirmed && spikes[i].settled < SETTLED_REPLAYS)
            return false;
    return true;
}

int moth_spikes_confirm(const struct moth_trace *trace, const struct moth_spike_config *config,
                        struct moth_spike *spikes, size_t n, struct moth_err *err)
{
    uint32_t times = config->times ? config->times : MOTH_SPIKE_REPLAYS;
    uint32_t most = config->times ? times : MOTH_SPIKE_REPLAYS_MOST;
    uint32_t *frames = calloc(n + 1, sizeof *frames);
    if (!frames)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for spikes");
    for (size_t i = 0; i < n; i++)
        spikes[i] = (struct moth_spike){.frame = spikes[i].frame, .confirmed = true};
    int result = 0;
    uint64_t patience_ns = moth_clock_monotonic_ns() + SETTLING_NS;
    for (uint32_t k = 0; k < most && result == 0; k++) {
        if (k >= times && (all_settled(spikes, n) || moth_clock_monotonic_ns() > patience_ns))
            break;
        struct moth_work_config how = {.replay = config->replay, .apart = frames};
        for (size_t i = 0; i < n; i++)
            if (spikes[i].confirmed) {
                frames[how.n_apart++] = spikes[i].frame;
                how.last = spikes[i].frame > how.last ? spikes[i].frame : how.last;
            }
        struct moth_work work;
        if (how.n_apart == 0)
            break;
        result = moth_work_play(trace, &how, &work, err);
        if (result == 0 && work.interrupted)
            result = moth_err_set(err, MOTH_ERR_INTERRUPTED, "interrupted");
        for (size_t i = 0; i < n && result == 0; i++)
            if (spikes[i].confirmed)
                measure(&spikes[i], &work, config->budget_ns);
        if (result == 0 || work.interrupted)
            moth_work_fini(&work);
    }
    for (size_t i = 0; i < n; i++)
        spikes[i].confirmed = spikes[i].confirmed && spikes[i].met >= times &&
                              moth_spike_is(config->budget_ns, spikes[i].least_ns, spikes[i].before_ns);
    free(frames);
    return result;
}

/* ---- one replay that looks ---- */

struct usage {
    uint64_t reads, read_bytes, page_faults;
};

static void read_text(pid_t pid, const char *name, char *text, size_t size)
{
    char *path = moth_fs_path("/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    free(path);
}

/* What the kernel keeps about a process: read calls and bytes (files, and whatever else is read), page
 * faults. */
static struct usage usage_of(pid_t pid)
{
    struct usage usage = {0};
    char text[1024];
    unsigned long long bytes = 0, calls = 0, minor = 0, major = 0;
    read_text(pid, "io", text, sizeof text);
    if (sscanf(text, "rchar: %llu wchar: %*u syscr: %llu", &bytes, &calls) == 2)
        usage = (struct usage){.reads = calls, .read_bytes = bytes};
    read_text(pid, "stat", text, sizeof text);
    const char *at = strrchr(text, ')');
    if (at && sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %llu %*u %llu", &minor, &major) == 2)
        usage.page_faults = minor + major;
    return usage;
}

struct look {
    struct moth_instance *instance;
    pid_t pid;
    struct moth_unwind_session *session;
    struct moth_sampled *sampled;
    uint64_t deadline_ns;
};

static void on_sample(void *context)
{
    struct look *look = context;
    const struct moth_channel *channel = moth_instance_channel(look->instance);
    struct moth_unwind_regs regs;
    if (moth_clock_monotonic_ns() > look->deadline_ns)
        return;
    uint64_t gregs[MOTH_CRASH_REGS];
    memcpy(gregs, channel->sample.regs, sizeof gregs);
    moth_unwind_regs_from_gregs(&regs, gregs);
    struct moth_stacks *stacks = moth_unwind_session_look(look->session, channel, &regs);
    if (stacks && stacks->n_fibers > 0)
        moth_sampled_add(look->sampled, channel->sample.ns, &stacks->fibers[0]);
    moth_stacks_free(stacks);
}

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

/* Being looked at costs the frame some time: its threads share what it cost by itself. */
static void note_threads(struct moth_spike_facts *facts, const struct moth_observation *o)
{
    double sum = 0;
    for (uint32_t i = 0; i < o->n_parts && i < MOTH_WORK_PARTS_MAX; i++)
        sum += ms(o->parts[i].ns);
    for (uint32_t i = 0; i < o->n_parts && i < MOTH_WORK_PARTS_MAX; i++) {
        struct moth_spike_thread *thread = &facts->threads[facts->n_threads++];
        char name[sizeof o->parts[i].name + 1] = {0};
        memcpy(name, o->parts[i].name, sizeof o->parts[i].name);
        moth_sampled_thread(o->parts[i].fiber, name, thread->name);
        thread->ms = sum > 0 ? ms(o->parts[i].ns) * facts->least_ms / sum : 0;
    }
}

static void note_facts(struct moth_spike_facts *facts, const struct look *look, const struct usage *before)
{
    const struct moth_work_sample *counted = &moth_instance_channel(look->instance)->sample;
    struct usage after = usage_of(look->pid);
    facts->samples = (uint32_t)look->sampled->n;
    note_threads(facts, moth_instance_last(look->instance));
    facts->allocations = counted->allocations;
    facts->allocated_bytes = counted->allocated_bytes;
    facts->lock_waits = counted->lock_waits;
    facts->reads = after.reads - before->reads;
    facts->read_bytes = after.read_bytes - before->read_bytes;
    facts->page_faults = after.page_faults - before->page_faults;
}

/* One frame, sampled about so many times. */
static enum moth_step step_into(struct moth_work_player *player, struct look *look, uint64_t about_ns,
                                uint32_t samples, uint32_t want, struct moth_sampled *sampled,
                                struct moth_err *err)
{
    uint64_t period_ns = about_ns / samples;
    size_t n = moth_work_take(player, 1);
    look->sampled = sampled;
    return moth_instance_step_sampled(player->instance, player->events, n, want,
                                      period_ns > PERIOD_LEAST_NS ? period_ns : PERIOD_LEAST_NS, on_sample,
                                      look, err);
}

/* Play to the spike, look at the last frames on the way, and into it. */
static enum moth_step play_into(struct moth_work_player *player, const struct moth_spike *spike,
                                uint64_t budget_ns, uint32_t samples, struct moth_spike_facts *facts,
                                struct moth_sampled *sampled, struct moth_sampled *usual,
                                struct moth_err *err)
{
    const struct moth_channel *channel = moth_instance_channel(player->instance);
    struct look look = {.instance = player->instance, .deadline_ns = moth_clock_monotonic_ns() + LOOK_NS};
    look.pid = channel->owner_pid ? (pid_t)channel->owner_pid : moth_instance_pid(player->instance);
    enum moth_step step = MOTH_STEP_OK;
    uint32_t at, usual_from = spike->frame > USUAL_FRAMES ? spike->frame - USUAL_FRAMES : 1;
    while (step == MOTH_STEP_OK && (at = moth_instance_last(player->instance)->frame) + 1 < usual_from) {
        uint32_t left = usual_from - 1 - at;
        step = moth_work_step(player, left < MOTH_PROGRAM_FRAMES_MAX ? left : MOTH_PROGRAM_FRAMES_MAX,
                              MOTH_WANT_NOTHING, NULL, NULL, err);
    }
    look.session = step == MOTH_STEP_OK ? moth_unwind_session_open(look.pid, err) : NULL;
    if (!look.session)
        return step == MOTH_STEP_OK ? MOTH_STEP_FAULT : step;
    while (step == MOTH_STEP_OK && moth_instance_last(player->instance)->frame + 1 < spike->frame) {
        uint64_t about_ns = moth_instance_last(player->instance)->cpu_ns;
        size_t n = usual->n;
        step = step_into(player, &look, about_ns, USUAL_SAMPLES, MOTH_WANT_NOTHING, usual, err);
        /* One that is a spike itself has the culprit in it. */
        if (step == MOTH_STEP_OK &&
            moth_spike_is(budget_ns, moth_instance_last(player->instance)->cpu_ns, spike->before_ns))
            moth_sampled_cut(usual, n);
    }
    struct usage before = usage_of(look.pid);
    if (step == MOTH_STEP_OK)
        step = step_into(player, &look, spike->least_ns, samples, MOTH_WANT_COUNTS | MOTH_WANT_NOTHING,
                         sampled, err);
    if (step == MOTH_STEP_OK)
        note_facts(facts, &look, &before);
    moth_unwind_session_close(look.session);
    return step;
}

/* ---- the finding ---- */

static char *describe(const struct moth_spike_facts *facts)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    fprintf(out, "least of %u replays %.2f ms, most %.2f ms; the frame before %.2f ms; budget %g ms\n",
            facts->replays, facts->least_ms, facts->most_ms, facts->before_ms, facts->budget_ms);
    fprintf(out, "threads:");
    for (uint32_t i = 0; i < facts->n_threads; i++)
        fprintf(out, "%s %s %.2f ms", i ? "," : "", facts->threads[i].name, facts->threads[i].ms);
    fprintf(out,
            "\nin this frame: %llu allocations (%llu KB), %llu reads (%llu KB), %llu lock waits, %llu page "
            "faults",
            (unsigned long long)facts->allocations, (unsigned long long)(facts->allocated_bytes >> 10),
            (unsigned long long)facts->reads, (unsigned long long)(facts->read_bytes >> 10),
            (unsigned long long)facts->lock_waits, (unsigned long long)facts->page_faults);
    if (facts->share > 0)
        fprintf(out, "\n%.0f %% of its time in the stack below (%u samples, all of them in stacks.folded)",
                facts->share * 100, facts->samples);
    fclose(out);
    return text;
}

/* " called by load_level": who called the culprit, where that is the game's own and says something. */
static char *caller_of(const struct moth_finding *finding)
{
    struct moth_frame_parts parts;
    char key[600];
    char *itself = moth_sampled_culprit(finding);
    bool other = false;
    for (size_t i = 1; itself && i < finding->n_stack && !other; i++) { /* one that calls itself says nothing */
        moth_frame_parse(finding->stack[i], &parts);
        other = !moth_frame_key(&parts, key, sizeof key) || strcmp(key, itself) != 0;
    }
    free(itself);
    bool says = other && parts.function[0] && !moth_frame_is_machinery(&parts) && strcmp(key, "main") != 0 &&
                strcmp(key, "SDL_main") != 0;
    return says ? moth_fs_path(" called by %s", key) : strdup("");
}

static struct moth_finding *make(uint32_t frame, struct moth_spike_facts *facts,
                                 const struct moth_sampled *sampled, const struct moth_sampled *usual,
                                 const char *wanted)
{
    struct moth_finding *finding = calloc(1, sizeof *finding);
    if (!finding)
        abort();
    finding->kind = MOTH_FINDING_SPIKE;
    finding->frame = frame;
    moth_sampled_blame(sampled, usual, wanted, finding, &facts->share);
    finding->folded = moth_sampled_folded(sampled);
    finding->spike = malloc(sizeof *finding->spike);
    if (!finding->spike)
        abort();
    *finding->spike = *facts;
    char *place = moth_finding_place(finding), *caller = caller_of(finding);
    const char *thread =
        facts->n_threads > 0 && strcmp(facts->threads[0].name, "main") != 0 ? facts->threads[0].name : "";
    finding->title = moth_fs_path("frame %u took %.1f ms%s%s%s%s", frame, facts->least_ms, place ? place : "",
                                  caller ? caller : "", *thread ? " on thread " : "", thread);
    finding->detail = describe(facts);
    moth_finding_fingerprint(finding);
    free(caller);
    free(place);
    return finding;
}

struct moth_finding *moth_spike_look(const struct moth_trace *trace, const struct moth_spike_config *config,
                                     const struct moth_spike *spike, struct moth_err *err)
{
    struct moth_work_player player;
    struct moth_spike_facts facts = {.budget_ms = ms(config->budget_ns),
                                     .least_ms = ms(spike->least_ns),
                                     .most_ms = ms(spike->most_ns),
                                     .before_ms = ms(spike->before_ns),
                                     .replays = spike->met};
    struct moth_sampled sampled = {0}, usual = {0};
    struct moth_finding *finding = NULL;
    if (moth_work_open(&player, trace, &config->replay, err) != 0)
        return NULL;
    enum moth_step step =
        play_into(&player, spike, config->budget_ns, config->samples ? config->samples : MOTH_SPIKE_SAMPLES,
                  &facts, &sampled, &usual, err);
    moth_work_close(&player);
    if (step == MOTH_STEP_OK)
        finding = make(spike->frame, &facts, &sampled, &usual, config->culprit);
    else if (step != MOTH_STEP_FAULT)
        moth_err_set(err, MOTH_ERR_NONDETERMINISTIC,
                     "the game ended before frame %u when it was played again", spike->frame);
    moth_sampled_fini(&sampled);
    moth_sampled_fini(&usual);
    return finding;
}

/* ---- what a trace says ---- */

void moth_spike_cut(struct moth_trace *trace, uint32_t frame, uint64_t budget_ns, const char *culprit)
{
    while (trace->n_events > 0 && trace->events[trace->n_events - 1].frame >= frame)
        trace->n_events--;
    while (trace->n_checkpoints > 0 && trace->checkpoints[trace->n_checkpoints - 1].frame > frame)
        trace->n_checkpoints--;
    while (trace->n_marks > 0 && trace->marks[trace->n_marks - 1].frame > frame)
        free(trace->marks[--trace->n_marks].text);
    trace->frames = frame;
    struct moth_trace_mark *grown = realloc(trace->marks, (trace->n_marks + 1) * sizeof *grown);
    if (!grown)
        abort();
    trace->marks = grown;
    grown[trace->n_marks++] = (struct moth_trace_mark){
        .frame = frame,
        .text = moth_fs_path(MOTH_SPIKE_MARK "%llu us%s%s", (unsigned long long)(budget_ns / 1000),
                             culprit ? " in " : "", culprit ? culprit : "")};
}

/* The mark's two parts; NULL: there is none. */
static const char *read_mark(const struct moth_trace *trace, uint64_t *budget_ns)
{
    for (size_t i = 0; i < trace->n_marks; i++) {
        const char *text = trace->marks[i].text;
        char *end;
        if (strncmp(text, MOTH_SPIKE_MARK, sizeof MOTH_SPIKE_MARK - 1) != 0)
            continue;
        *budget_ns = strtoull(text + sizeof MOTH_SPIKE_MARK - 1, &end, 10) * 1000;
        return strncmp(end, " us in ", 7) == 0 ? end + 7 : NULL;
    }
    return NULL;
}

/* ---- a replay ---- */

static bool is_wanted(const struct moth_trace *trace, const struct moth_finding *finding)
{
    return trace->has_end && trace->end.fingerprint &&
           strcmp(finding->fingerprint, trace->end.fingerprint) == 0;
}

/* Look into one frame. 1 when it is what was recorded; then, and if it is the first, the outcome has it. */
static int look_at(const struct moth_trace *trace, const struct moth_spike_config *how,
                   const struct moth_spike *spike, struct moth_replay_outcome *outcome, struct moth_err *err)
{
    struct moth_finding *finding = moth_spike_look(trace, how, spike, err);
    if (!finding)
        return -1;
    bool wanted = is_wanted(trace, finding);
    if (outcome->finding && !wanted) {
        moth_finding_free(finding);
        return 0;
    }
    moth_finding_free(outcome->finding);
    outcome->finding = finding;
    return wanted;
}

static bool spikes_at(const struct moth_work *work, uint32_t frame, uint64_t budget_ns,
                      struct moth_spike *spike)
{
    if (frame < 2 || frame >= work->n || work->frames[frame].drawn)
        return false;
    const struct moth_work_frame *is = &work->frames[frame], *before = is - 1;
    uint64_t before_ns = frame > 2 && !before->drawn ? before->ns : 0;
    *spike = (struct moth_spike){.frame = frame,
                                 .met = 1,
                                 .least_ns = is->ns,
                                 .most_ns = is->ns,
                                 .before_ns = before_ns,
                                 .confirmed = true};
    return moth_spike_is(budget_ns, is->ns, before_ns);
}

/* Other frames than the recorded one, each once more, so that the machine's doing is not looked into. */
static int look_elsewhere(const struct moth_trace *trace, const struct moth_spike_config *how,
                          const struct moth_work *work, struct moth_replay_outcome *outcome,
                          struct moth_err *err)
{
    struct moth_spike_watch watch;
    int answer = 0;
    moth_spike_begin(&watch, how->budget_ns);
    for (uint32_t i = 2, looked = 0; i < work->n && looked < REPLAY_SUSPECTS && answer == 0; i++) {
        const struct moth_work_frame *frame = &work->frames[i];
        struct moth_observation o = {
            .frame = i, .cpu_ns = frame->ns, .time_ns = frame->time_ns, .drawn = frame->drawn};
        struct moth_spike one = {.frame = i};
        struct moth_spike_config once = *how;
        once.times = 1;
        if (!moth_spike_see(&watch, &o) || frame->drawn)
            continue;
        if (moth_spikes_confirm(trace, &once, &one, 1, err) != 0)
            return -1;
        looked += one.confirmed;
        answer = one.confirmed ? look_at(trace, how, &one, outcome, err) : 0;
    }
    return answer;
}

static int judge(const struct moth_trace *trace, const struct moth_spike_config *how,
                 const struct moth_work *work, struct moth_replay_outcome *outcome, struct moth_err *err)
{
    struct moth_spike spike;
    int answer = 0;
    if (spikes_at(work, trace->end.finding_frame, how->budget_ns, &spike))
        answer = look_at(trace, how, &spike, outcome, err);
    if (answer == 0)
        answer = look_elsewhere(trace, how, work, outcome, err);
    return answer;
}

/* Play to `last` and judge. 1: the recorded spike was met; 0; -1 with err. */
static int play_and_judge(const struct moth_trace *trace, const struct moth_spike_config *how, uint32_t last,
                          struct moth_replay_outcome *outcome, struct moth_err *err)
{
    uint32_t recorded = trace->end.finding_frame;
    struct moth_work_config measured = {.replay = how->replay, .last = last, .apart = &recorded, .n_apart = 1};
    struct moth_work work;
    if (moth_work_play(trace, &measured, &work, err) != 0)
        return -1;
    outcome->started = true;
    outcome->interrupted = work.interrupted;
    outcome->frames = work.reached;
    outcome->other_build = work.other_build;
    outcome->diverged = work.diverged_frame > 0;
    outcome->diverged_frame = work.diverged_frame;
    outcome->diverged_what = work.diverged_what;
    int answer = work.interrupted ? 0 : judge(trace, how, &work, outcome, err);
    moth_work_fini(&work);
    return answer;
}

int moth_spike_replay(const struct moth_trace *trace, const struct moth_replay_config *config,
                      struct moth_replay_outcome *outcome, struct moth_err *err)
{
    struct moth_spike_config how = {.replay = *config, .samples = REPLAY_SAMPLES};
    how.culprit = read_mark(trace, &how.budget_ns);
    if (config->spike_ms > 0)
        how.budget_ns = (uint64_t)(config->spike_ms * 1e6);
    if (how.budget_ns == 0)
        how.budget_ns = MOTH_SPIKE_MS * MOTH_NS_PER_MS;
    /* Where it is not at its frame, it may come a little later: by fewer inputs, say. */
    uint32_t recorded = trace->end.finding_frame;
    int answer = play_and_judge(trace, &how, recorded, outcome, err);
    if (answer == 0 && !outcome->interrupted)
        answer = play_and_judge(trace, &how, recorded + MOTH_REPLAY_GRACE_FRAMES, outcome, err);
    int result = answer < 0 ? -1 : 0;
    if (result != 0 && err && err->code == MOTH_ERR_INTERRUPTED) {
        outcome->interrupted = true;
        result = 0;
    }
    return result;
}
