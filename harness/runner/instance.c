/* SPDX-License-Identifier: MIT */
#include "runner/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "runner/cgroup.h"
#include "base/rng.h"
#include "runner/environment.h"
#include "runner/function.h"
#include "runner/launch.h"
#include "runner/private.h"
#include "runner/process.h"
#include "runner/state.h"
#include "runner/watch.h"
#include "unwind/unwind.h"

#define LOOK_IN_MS 20 /* how often a running game's process and limits are looked at */
#define LOG_CUT_BYTES (64u << 20)

static pid_t player(const struct moth_member *member)
{
    return moth_process_player(&member->process);
}

/* ---- endings ---- */

/* What happens in a function that a script called, or while it is waited for, is the call's; a crash on another fiber
 * is not. */
static void note_call(const struct moth_channel *channel, enum moth_step how, struct moth_death *death)
{
    bool other = how == MOTH_STEP_CRASH && channel->state == MOTH_STATE_CRASH &&
                 channel->crash.fiber != channel->call.fiber;
    if (!channel->call.running || other || how == MOTH_STEP_KILLED)
        return;
    size_t length = strcspn(channel->call.text, "(");
    if (length < sizeof channel->call.text)
        snprintf(death->call, sizeof death->call, "%.*s", (int)(length < 100 ? length : 100), channel->call.text);
}

static enum moth_step end(struct moth_instance *in, struct moth_member *member, enum moth_step how, const char *detail)
{
    if (in->over)
        return in->death.how;
    in->over = true;
    in->culprit = (unsigned)(member - in->members);
    struct moth_death *death = &in->death;
    death->how = how;
    death->frame = member->process.channel->frame;
    death->time_ns = member->process.channel->vtime_ns;
    snprintf(death->detail, sizeof death->detail, "%.*s", (int)sizeof death->detail - 1, detail);
    note_call(member->process.channel, how, death);
    death->sanitizer = moth_private_sanitizer_report(&member->process.folder);
    return how;
}

/* While the process still exists. One that runs on is looked at several times, for what it loops in. */
static void take_stacks(struct moth_instance *in, struct moth_member *member, bool running)
{
    struct moth_err err;
    if (running)
        in->death.unwound = moth_unwind_running(player(member), member->process.channel, &err);
    else
        in->death.unwound = moth_unwind(player(member), member->process.channel, NULL, &err);
    if (in->death.unwound != NULL)
        in->death.stacks = moth_stacks_text(in->death.unwound);
}

static enum moth_step end_gone(struct moth_instance *in, struct moth_member *member)
{
    int status = member->process.wait_status;
    if (member->process.channel->state == MOTH_STATE_EXIT || !member->process.reaped || WIFEXITED(status)) {
        bool told = member->process.channel->state == MOTH_STATE_EXIT;
        in->death.exit_status = told                 ? member->process.channel->exit_status & 0xff
                                : member->process.reaped ? WEXITSTATUS(status)
                                                         : 0;
        if (member != in->members && in->death.exit_status == 0) {
            member->gone = true; /* the others go on */
            return MOTH_STEP_EXIT;
        }
        return end(in, member, MOTH_STEP_EXIT, "");
    }
    in->death.signal = WTERMSIG(status);
    if (in->death.signal == SIGKILL && moth_cgroup_starved()) { /* it grew faster than it was looked at */
        char text[64];
        snprintf(text, sizeof text, "more than %u MB of memory", in->limits.memory_mb);
        return end(in, member, MOTH_STEP_MEMORY, text);
    }
    if (in->death.signal == SIGKILL)
        return end(in, member, MOTH_STEP_KILLED, "killed from outside");
    return end(in, member, MOTH_STEP_CRASH, in->death.signal == SIGXFSZ ? "a file grew over the limit" : "");
}

/* Somebody killed it from outside while it was looked at: what was seen of it is not all, and its stack would
 * name another finding. */
static bool killed_meanwhile(struct moth_member *member)
{
    return moth_process_gone(&member->process) && WIFSIGNALED(member->process.wait_status) &&
           WTERMSIG(member->process.wait_status) == SIGKILL;
}

static enum moth_step end_crash(struct moth_instance *in, struct moth_member *member)
{
    char text[sizeof member->process.channel->crash.message];
    snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, member->process.channel->crash.message);
    in->death.signal = member->process.channel->crash.signal;
    take_stacks(in, member, false);
    if (killed_meanwhile(member))
        return end_gone(in, member);
    return end(in, member, MOTH_STEP_CRASH, text);
}

static enum moth_step end_deadlock(struct moth_instance *in, struct moth_member *member)
{
    char text[sizeof member->process.channel->deadlock_text];
    snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, member->process.channel->deadlock_text);
    take_stacks(in, member, false);
    if (killed_meanwhile(member))
        return end_gone(in, member);
    return end(in, member, MOTH_STEP_DEADLOCK, text);
}

static enum moth_step end_stuck(struct moth_instance *in, struct moth_member *member, const char *why)
{
    take_stacks(in, member, true);
    if (killed_meanwhile(member))
        return end_gone(in, member);
    enum moth_step how = end(in, member, MOTH_STEP_HANG, why);
    moth_process_kill(&member->process);
    return how;
}

static enum moth_step end_memory(struct moth_instance *in, struct moth_member *member, const char *why)
{
    take_stacks(in, member, false);
    if (killed_meanwhile(member))
        return end_gone(in, member);
    enum moth_step how = end(in, member, MOTH_STEP_MEMORY, why);
    moth_process_kill(&member->process);
    return how;
}

/* ---- turns ---- */

/* A flood of output must not fill the disk: the log starts again, and says so. */
static void cut_log(const struct moth_member *member)
{
    static const char note[] = "[moth: the log was cut here]\n";
    struct stat st;
    if (fstat(member->process.folder.log_fd, &st) != 0 || st.st_size < (off_t)LOG_CUT_BYTES)
        return;
    if (ftruncate(member->process.folder.log_fd, 0) == 0) {
        ssize_t ignored = write(member->process.folder.log_fd, note, sizeof note - 1);
        (void)ignored;
    }
}

/* The turn came on the way to a boundary, to be looked at; whether it is to be waited for again. */
static bool sample_taken(struct moth_instance *in, struct moth_member *member)
{
    if (member->process.channel->state != MOTH_STATE_SAMPLE || in->sampled == NULL)
        return false;
    in->sampled(in->sampled_context);
    moth_process_give_turn(&member->process);
    return true;
}

/* It is about to leave with a status: who called? Once, for what comes after it is not to be trusted. */
static bool leaving_seen(struct moth_instance *in, struct moth_member *member)
{
    if (member->process.channel->state != MOTH_STATE_EXIT || member->leaving)
        return false;
    member->leaving = true;
    take_stacks(in, member, false);
    moth_process_give_turn(&member->process);
    return true;
}

/* Wait for the turn. */
enum moth_step moth_member_await(struct moth_instance *in, struct moth_member *member, bool boot,
                                 struct moth_err *err)
{
    struct moth_watch watch;
    bool watching = false;
    char text[160];
    while (!moth_process_has_turn(&member->process, LOOK_IN_MS) || sample_taken(in, member) ||
           leaving_seen(in, member)) {
        if (moth_process_gone(&member->process) || moth_process_player_gone(&member->process))
            return end_gone(in, member);
        if (!watching)
            moth_watch_begin(&watch, player(member));
        watching = true;
        cut_log(member);
        switch (moth_watch_look(&watch, player(member), member->process.channel->frame, &in->limits, boot, text,
                                sizeof text)) {
        case MOTH_WATCH_STUCK:
            return end_stuck(in, member, text);
        case MOTH_WATCH_MEMORY:
            return end_memory(in, member, text);
        case MOTH_WATCH_FINE:
            break;
        }
    }
    switch (member->process.channel->state) {
    case MOTH_STATE_BOUNDARY:
        return MOTH_STEP_OK;
    case MOTH_STATE_CRASH:
        return end_crash(in, member);
    case MOTH_STATE_DEADLOCK:
        return end_deadlock(in, member);
    default:
        moth_err_set(err, MOTH_ERR_ATTACH, "the probe gave up in the game: %.200s",
                     member->process.channel->warnings);
        return MOTH_STEP_FAULT;
    }
}

/* ---- launching ---- */

static const char **run_argv(const struct moth_member *member, const char *const *argv)
{
    size_t n = 0;
    while (argv[n] != NULL)
        n++;
    const char **copy = calloc(n + 1, sizeof *copy);
    if (copy == NULL)
        abort();
    memcpy(copy, argv, n * sizeof *copy);
    copy[0] = member->game.run_path;
    return copy;
}

static int start(struct moth_instance *in, struct moth_member *member, const char *const *args,
                 const struct moth_instance_config *config, uint64_t seed, struct moth_err *err)
{
    struct moth_process *process = &member->process;
    char *probe = config->probe_path != NULL ? moth_fs_path("%s", config->probe_path)
                                             : moth_fs_shipped("libmoth_probe.so");
    if (probe == NULL)
        return moth_err_set(err, MOTH_ERR_ATTACH,
                            "libmoth_probe.so is missing beside moth; install moth whole");
    if (moth_private_make(&process->folder, err) != 0) {
        free(probe);
        return -1;
    }
    char **environment = moth_environment_make(config, probe);
    const char **argv = run_argv(member, args);
    struct moth_launch launch = {.path = member->game.run_path,
                                 .argv = argv,
                                 .environment = environment,
                                 .channel_fd = config->bare ? -1 : process->channel_fd,
                                 .private_fd = process->folder.fd,
                                 .log_fd = process->folder.log_fd,
                                 .seed = seed,
                                 .file_mb = in->limits.file_mb,
                                 .debuggable = config->debuggable};
    process->pid = moth_launch(&launch, err);
    if (process->pid > 0)
        process->pid_fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    free(argv);
    moth_environment_free(environment);
    free(probe);
    return process->pid > 0 ? 0 : -1;
}

/* Each member is another game, or another player of the same one: not all of them draw the same numbers. */
static uint64_t seed_of(const struct moth_instance_config *config, unsigned index)
{
    uint64_t state = config->channel.seed + index;
    return index == 0 ? config->channel.seed : moth_splitmix64(&state) >> 11;
}

static const char *const *argv_of(const struct moth_instance_config *config, unsigned index)
{
    return index == 0 ? config->argv : (const char *const *)config->members[index - 1].argv;
}

/* All of them before any is started: when one ends at once, the others can be looked at all the same. */
static int prepare_member(struct moth_instance *in, unsigned index, const struct moth_instance_config *config,
                          struct moth_err *err)
{
    struct moth_member *member = &in->members[index];
    struct moth_channel_config channel = config->channel;
    channel.seed = seed_of(config, index);
    if (moth_instance_is_group(in))
        moth_group_place(in, index, &channel.group);
    return moth_game_inspect(argv_of(config, index)[0], &member->game, err) != 0
               ? -1
               : moth_process_make_channel(&member->process, &channel, err);
}

static int launch_member(struct moth_instance *in, unsigned index, const struct moth_instance_config *config,
                         struct moth_err *err)
{
    struct moth_member *member = &in->members[index];
    const char *const *argv = argv_of(config, index);
    if (start(in, member, argv, config, seed_of(config, index), err) != 0)
        return -1;
    if (config->bare)
        return 0;
    enum moth_step step = moth_member_await(in, member, true, err);
    if (step == MOTH_STEP_FAULT)
        return -1;
    if (member->gone)
        return moth_err_set(err, MOTH_ERR_LAUNCH, "the member '%s' left before its first frame", member->name);
    if (step == MOTH_STEP_OK)
        member->last = member->process.channel->observations[0];
    if (moth_instance_is_group(in))
        moth_group_take(in, index);
    return 0;
}

static struct moth_instance *instance_new(const struct moth_instance_config *config, struct moth_err *err)
{
    struct moth_instance *in = calloc(1, sizeof *in);
    struct moth_member *members = calloc(config->n_members + 1, sizeof *members);
    if (in == NULL || members == NULL) {
        free(in);
        free(members);
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for an instance");
        return NULL;
    }
    in->members = members;
    in->n_members = (unsigned)config->n_members + 1;
    for (unsigned i = 0; i < in->n_members; i++) {
        moth_process_init(&members[i].process);
        snprintf(members[i].name, sizeof members[i].name, "%s", i == 0 ? "game" : config->members[i - 1].name);
    }
    moth_network_init(&in->network, &config->link, in->n_members, config->channel.seed);
    in->limits = config->limits;
    moth_watch_fill_limits(&in->limits);
    return in;
}

struct moth_instance *moth_instance_launch(const struct moth_instance_config *config, struct moth_err *err)
{
    if (config->n_members >= MOTH_MEMBERS_MAX) {
        moth_err_set(err, MOTH_ERR_USAGE, "a group has at most %u members", MOTH_MEMBERS_MAX);
        return NULL;
    }
    struct moth_instance *in = instance_new(config, err);
    if (in == NULL)
        return NULL;
    int result = 0;
    for (unsigned i = 0; result == 0 && i < in->n_members; i++)
        result = prepare_member(in, i, config, err);
    /* The others first: who plays finds its server there. */
    for (unsigned i = 1; result == 0 && i <= in->n_members && !in->over; i++)
        result = launch_member(in, i % in->n_members, config, err);
    if (result == 0 && !in->over && moth_instance_is_group(in) && moth_group_follow(in, err) == MOTH_STEP_FAULT)
        result = -1;
    if (result == 0)
        return in;
    moth_instance_close(in);
    return NULL;
}

/* ---- stepping ---- */

void moth_member_load(struct moth_member *member, uint32_t frames, const struct moth_input_event *events,
                      size_t n_events, uint32_t first_frame)
{
    struct moth_program *program = &member->process.channel->program;
    program->frames = frames;
    program->n_events = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].type == MOTH_INPUT_CALL)
            continue;
        program->events[program->n_events] = events[i];
        program->events[program->n_events++].frame -= first_frame;
    }
}

/* A member's share of what its channel has of the last program. */
static uint32_t take_observations(struct moth_instance *in, uint32_t batch, struct moth_observation *observed)
{
    const struct moth_channel *channel = moth_instance_process(in)->channel;
    uint32_t got = channel->n_observations < batch ? channel->n_observations : batch;
    for (uint32_t i = 0; i < got; i++) {
        in->members[0].last = channel->observations[i];
        if (observed != NULL)
            observed[i] = in->members[0].last;
    }
    return got;
}

/* How many events of this batch fit into a program; fewer frames where they do not. 0 frames: not even one. */
static size_t cut_batch(const struct moth_input_event *events, size_t n_events, uint32_t done, uint32_t *batch)
{
    size_t n = 0;
    for (size_t i = 0; i < n_events && events[i].frame < done + *batch; i++)
        if (events[i].type == MOTH_INPUT_CALL && events[i].frame > done)
            *batch = events[i].frame - done; /* calls are made between two programs */
    while (n < n_events && n < MOTH_PROGRAM_EVENTS_MAX && events[n].frame < done + *batch)
        n++;
    if (n < MOTH_PROGRAM_EVENTS_MAX || n == n_events || events[n].frame >= done + *batch)
        return n;
    *batch = events[n - 1].frame - done; /* the rest of that frame comes with the next program */
    while (n > 0 && events[n - 1].frame >= done + *batch)
        n--;
    if (n == 0)
        *batch = 0;
    return n;
}

/* One program of the first member. */
static enum moth_step run_program(struct moth_instance *in, uint32_t want, uint32_t stop, struct moth_err *err)
{
    struct moth_process *process = moth_instance_process(in);
    process->channel->program.want = want;
    process->channel->program.stop = stop;
    moth_group_before(in);
    moth_process_give_turn(process);
    enum moth_step step = moth_member_await(in, in->members, false, err);
    if (step == MOTH_STEP_OK)
        moth_group_after(in);
    return step;
}

/* The events of one frame: the first member's are kept, the others' go their way. */
static size_t hand_out(struct moth_instance *in, const struct moth_input_event *events, size_t n_events,
                       struct moth_input_event *own)
{
    size_t n = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].member == 0)
            own[n++] = events[i];
        else
            moth_group_input(in, &events[i]);
    }
    return n;
}

static enum moth_step step_group(struct moth_instance *in, const struct moth_input_event *events, size_t n_events,
                                 uint32_t frame, uint32_t want, uint32_t stop, struct moth_observation *observed,
                                 uint32_t *got, struct moth_err *err)
{
    struct moth_input_event *own = malloc((n_events + 1) * sizeof *own);
    if (own == NULL)
        abort();
    moth_member_load(in->members, 1, own, hand_out(in, events, n_events, own), frame);
    free(own);
    enum moth_step step = run_program(in, want, stop, err);
    *got = take_observations(in, 1, NULL);
    if (step == MOTH_STEP_OK)
        step = moth_group_follow(in, err);
    if (*got == 1) {
        moth_group_observe(in, &in->members[0].last);
        if (observed != NULL)
            *observed = in->members[0].last;
    }
    return step;
}

enum moth_step moth_instance_step(struct moth_instance *in, uint32_t frames,
                                  const struct moth_input_event *events, size_t n_events, uint32_t want,
                                  uint32_t stop, struct moth_observation *observed, uint32_t *n_observed,
                                  struct moth_err *err)
{
    uint32_t done = 0, most = moth_instance_is_group(in) ? 1 : MOTH_PROGRAM_FRAMES_MAX;
    enum moth_step step = in->over ? in->death.how : MOTH_STEP_OK;
    while (step == MOTH_STEP_OK && done < frames) {
        uint32_t batch = frames - done < most ? frames - done : most, got = 0;
        if ((step = moth_instance_make_calls(in, events, n_events, done, err)) != MOTH_STEP_OK)
            break;
        size_t n = cut_batch(events, n_events, done, &batch);
        if (batch == 0) {
            moth_err_set(err, MOTH_ERR_USAGE, "more than %u input events in one frame", MOTH_PROGRAM_EVENTS_MAX);
            return MOTH_STEP_FAULT;
        }
        uint32_t wanted = done + batch == frames ? want : (want & MOTH_WANT_PICTURE) | MOTH_WANT_NOTHING;
        struct moth_observation *here = observed != NULL ? observed + done : NULL;
        if (moth_instance_is_group(in)) {
            step = step_group(in, events, n, done, wanted, stop, here, &got, err);
        } else {
            moth_member_load(in->members, batch, events, n, done);
            step = run_program(in, wanted, stop, err);
            got = take_observations(in, batch, here);
        }
        done += got;
        events += n;
        n_events -= n;
        if (got < batch)
            break;
    }
    if (n_observed != NULL)
        *n_observed = done;
    return step;
}

void moth_instance_forget_death(struct moth_instance *in)
{
    moth_stacks_free(in->death.unwound);
    free(in->death.stacks);
    free(in->death.sanitizer);
    in->death = (struct moth_death){0};
    in->over = false;
    in->culprit = 0;
}

void moth_instance_close(struct moth_instance *in)
{
    if (in == NULL)
        return;
    for (unsigned i = 0; i < in->n_members; i++) {
        moth_process_close(&in->members[i].process);
        free(in->members[i].inputs.events);
    }
    moth_process_clear_retired();
    moth_network_fini(&in->network);
    moth_function_symbols_close(in->symbols);
    moth_instance_forget_death(in);
    free(in->members);
    free(in);
}

const char *moth_step_name(enum moth_step step)
{
    static const char *const names[] = {"ok",   "crash",  "hang",   "deadlock",
                                        "exit", "memory", "killed", "fault"};
    return (unsigned)step < sizeof names / sizeof *names ? names[step] : "?";
}
