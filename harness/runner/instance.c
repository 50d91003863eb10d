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
#include "runner/environment.h"
#include "runner/launch.h"
#include "runner/pack.h"
#include "runner/png.h"
#include "runner/private.h"
#include "runner/process.h"
#include "runner/snapshot.h"
#include "runner/watch.h"
#include "unwind/unwind.h"

#define LOOK_IN_MS 20 /* how often a running game's process and limits are looked at */
#define LOG_CUT_BYTES (64u << 20)

struct moth_instance {
    struct moth_process process;
    struct moth_game_info game;
    struct moth_limits limits;
    struct moth_observation last;
    struct moth_death death;
    bool over;        /* death is filled */
    char shared[128]; /* what the last branch could not take along */
};

static pid_t player(const struct moth_instance *in)
{
    return moth_process_player(&in->process);
}

/* ---- endings ---- */

static enum moth_step end(struct moth_instance *in, enum moth_step how, const char *detail)
{
    if (in->over)
        return in->death.how;
    in->over = true;
    struct moth_death *death = &in->death;
    death->how = how;
    death->frame = in->process.channel->frame;
    death->time_ns = in->process.channel->vtime_ns;
    snprintf(death->detail, sizeof death->detail, "%.*s", (int)sizeof death->detail - 1, detail);
    death->sanitizer = moth_private_sanitizer_report(&in->process.folder);
    return how;
}

/* While the process still exists. One that runs on is looked at several times, for what it loops in. */
static void take_stacks(struct moth_instance *in, bool running)
{
    struct moth_err err;
    if (running)
        in->death.unwound = moth_unwind_running(player(in), in->process.channel, &err);
    else
        in->death.unwound = moth_unwind(player(in), in->process.channel, NULL, &err);
    if (in->death.unwound != NULL)
        in->death.stacks = moth_stacks_text(in->death.unwound);
}

static enum moth_step end_crash(struct moth_instance *in)
{
    char text[sizeof in->process.channel->crash.message];
    snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, in->process.channel->crash.message);
    in->death.signal = in->process.channel->crash.signal;
    take_stacks(in, false);
    return end(in, MOTH_STEP_CRASH, text);
}

static enum moth_step end_deadlock(struct moth_instance *in)
{
    char text[sizeof in->process.channel->deadlock_text];
    snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, in->process.channel->deadlock_text);
    take_stacks(in, false);
    return end(in, MOTH_STEP_DEADLOCK, text);
}

static enum moth_step end_stuck(struct moth_instance *in, const char *why)
{
    take_stacks(in, true);
    enum moth_step how = end(in, MOTH_STEP_HANG, why);
    moth_process_kill(&in->process);
    return how;
}

static enum moth_step end_memory(struct moth_instance *in, const char *why)
{
    take_stacks(in, false);
    enum moth_step how = end(in, MOTH_STEP_MEMORY, why);
    moth_process_kill(&in->process);
    return how;
}

static enum moth_step end_gone(struct moth_instance *in)
{
    int status = in->process.wait_status;
    if (in->process.channel->state == MOTH_STATE_EXIT || !in->process.reaped || WIFEXITED(status)) {
        bool told = in->process.channel->state == MOTH_STATE_EXIT;
        in->death.exit_status = told                 ? in->process.channel->exit_status & 0xff
                                : in->process.reaped ? WEXITSTATUS(status)
                                                     : 0;
        return end(in, MOTH_STEP_EXIT, "");
    }
    in->death.signal = WTERMSIG(status);
    if (in->death.signal == SIGKILL)
        return end(in, MOTH_STEP_KILLED, "killed from outside");
    return end(in, MOTH_STEP_CRASH, in->death.signal == SIGXFSZ ? "a file grew over the limit" : "");
}

/* ---- turns ---- */

/* A flood of output must not fill the disk: the log starts again, and says so. */
static void cut_log(struct moth_instance *in)
{
    static const char note[] = "[moth: the log was cut here]\n";
    struct stat st;
    if (fstat(in->process.folder.log_fd, &st) != 0 || st.st_size < (off_t)LOG_CUT_BYTES)
        return;
    if (ftruncate(in->process.folder.log_fd, 0) == 0) {
        ssize_t ignored = write(in->process.folder.log_fd, note, sizeof note - 1);
        (void)ignored;
    }
}

/* Wait for the turn. */
static enum moth_step await(struct moth_instance *in, bool boot, struct moth_err *err)
{
    struct moth_watch watch;
    bool watching = false;
    char text[160];
    while (!moth_process_has_turn(&in->process, LOOK_IN_MS)) {
        if (moth_process_gone(&in->process) || moth_process_player_gone(&in->process))
            return end_gone(in);
        if (!watching)
            moth_watch_begin(&watch, player(in));
        watching = true;
        cut_log(in);
        switch (moth_watch_look(&watch, player(in), in->process.channel->frame, &in->limits, boot, text,
                                sizeof text)) {
        case MOTH_WATCH_STUCK:
            return end_stuck(in, text);
        case MOTH_WATCH_MEMORY:
            return end_memory(in, text);
        case MOTH_WATCH_FINE:
            break;
        }
    }
    switch (in->process.channel->state) {
    case MOTH_STATE_BOUNDARY:
        return MOTH_STEP_OK;
    case MOTH_STATE_CRASH:
        return end_crash(in);
    case MOTH_STATE_DEADLOCK:
        return end_deadlock(in);
    default:
        moth_err_set(err, MOTH_ERR_ATTACH, "the probe gave up in the game: %.200s",
                     in->process.channel->warnings);
        return MOTH_STEP_FAULT;
    }
}

/* ---- launching ---- */

static const char **run_argv(const struct moth_instance *in, const char *const *argv)
{
    size_t n = 0;
    while (argv[n] != NULL)
        n++;
    const char **copy = calloc(n + 1, sizeof *copy);
    if (copy == NULL)
        abort();
    memcpy(copy, argv, n * sizeof *copy);
    copy[0] = in->game.run_path;
    return copy;
}

static int start(struct moth_instance *in, const struct moth_instance_config *config, struct moth_err *err)
{
    char *probe = config->probe_path != NULL ? moth_fs_path("%s", config->probe_path)
                                             : moth_fs_shipped("libmoth_probe.so");
    if (probe == NULL)
        return moth_err_set(err, MOTH_ERR_ATTACH,
                            "libmoth_probe.so is missing beside moth; install moth whole");
    if (moth_private_make(&in->process.folder, err) != 0) {
        free(probe);
        return -1;
    }
    char **environment = moth_environment_make(config, probe);
    const char **argv = run_argv(in, config->argv);
    struct moth_launch launch = {.path = in->game.run_path,
                                 .argv = argv,
                                 .environment = environment,
                                 .channel_fd = config->bare ? -1 : in->process.channel_fd,
                                 .private_fd = in->process.folder.fd,
                                 .log_fd = in->process.folder.log_fd,
                                 .seed = config->channel.seed,
                                 .file_mb = in->limits.file_mb};
    in->process.pid = moth_launch(&launch, err);
    if (in->process.pid > 0)
        in->process.pid_fd = (int)syscall(SYS_pidfd_open, in->process.pid, 0);
    free(argv);
    moth_environment_free(environment);
    free(probe);
    return in->process.pid > 0 ? 0 : -1;
}

struct moth_instance *moth_instance_launch(const struct moth_instance_config *config, struct moth_err *err)
{
    struct moth_instance *in = calloc(1, sizeof *in);
    if (in == NULL) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for an instance");
        return NULL;
    }
    moth_process_init(&in->process);
    in->limits = config->limits;
    moth_watch_fill_limits(&in->limits);
    if (moth_game_inspect(config->argv[0], &in->game, err) != 0 ||
        moth_process_make_channel(&in->process, &config->channel, err) != 0 || start(in, config, err) != 0) {
        moth_instance_close(in);
        return NULL;
    }
    if (config->bare)
        return in;
    if (await(in, true, err) == MOTH_STEP_FAULT) {
        moth_instance_close(in);
        return NULL;
    }
    if (!in->over)
        in->last = in->process.channel->observations[0];
    return in;
}

/* ---- stepping ---- */

static void load_program(struct moth_channel *c, uint32_t frames, const struct moth_input_event *events,
                         size_t n_events, uint32_t first_frame)
{
    c->program.frames = frames;
    c->program.n_events = (uint32_t)n_events;
    for (size_t i = 0; i < n_events; i++) {
        c->program.events[i] = events[i];
        c->program.events[i].frame -= first_frame;
    }
}

enum moth_step moth_instance_step(struct moth_instance *in, uint32_t frames,
                                  const struct moth_input_event *events, size_t n_events, uint32_t want,
                                  uint32_t stop, struct moth_observation *observed, uint32_t *n_observed,
                                  struct moth_err *err)
{
    uint32_t done = 0;
    enum moth_step step = in->over ? in->death.how : MOTH_STEP_OK;
    while (step == MOTH_STEP_OK && done < frames) {
        uint32_t batch = frames - done < MOTH_PROGRAM_FRAMES_MAX ? frames - done : MOTH_PROGRAM_FRAMES_MAX;
        size_t n = 0;
        while (n < n_events && n < MOTH_PROGRAM_EVENTS_MAX && events[n].frame < done + batch)
            n++;
        if (n == MOTH_PROGRAM_EVENTS_MAX && n < n_events && events[n].frame < done + batch) {
            batch = events[n - 1].frame - done; /* the rest of that frame comes with the next program */
            while (n > 0 && events[n - 1].frame >= done + batch)
                n--;
            if (batch == 0 || n == 0) {
                moth_err_set(err, MOTH_ERR_USAGE, "more than %u input events in one frame",
                             MOTH_PROGRAM_EVENTS_MAX);
                return MOTH_STEP_FAULT;
            }
        }
        load_program(in->process.channel, batch, events, n, done);
        bool last = done + batch == frames;
        in->process.channel->program.want = last ? want : want & MOTH_WANT_PICTURE;
        in->process.channel->program.stop = stop;
        moth_process_give_turn(&in->process);
        step = await(in, false, err);
        uint32_t got = in->process.channel->n_observations;
        got = got < batch ? got : batch;
        for (uint32_t i = 0; i < got; i++) {
            if (observed != NULL)
                observed[done + i] = in->process.channel->observations[i];
            in->last = in->process.channel->observations[i];
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

static int look(struct moth_instance *in, uint32_t want, struct moth_err *err)
{
    if (in->over)
        return moth_err_set(err, MOTH_ERR_USAGE, "the game is gone");
    in->process.channel->program.frames = 0;
    in->process.channel->program.n_events = 0;
    in->process.channel->program.want = want;
    moth_process_give_turn(&in->process);
    if (await(in, false, err) != MOTH_STEP_OK)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the game ended while it was looked at");
    return 0;
}

int moth_instance_picture(struct moth_instance *in, uint64_t *hash, struct moth_err *err)
{
    *hash = 0;
    if (look(in, MOTH_WANT_PICTURE_LAST, err) != 0)
        return -1;
    if (!in->process.channel->observations[0].picture_ok)
        return moth_err_set(err, MOTH_ERR_SYSTEM,
                            "the picture cannot be read (nothing shown yet, or not drawn)");
    *hash = in->process.channel->observations[0].picture;
    return 0;
}

int moth_instance_cell(struct moth_instance *in, uint8_t *grid, struct moth_err *err)
{
    if (look(in, MOTH_WANT_CELL, err) != 0)
        return -1;
    if (!in->process.channel->cell_ok)
        return moth_err_set(err, MOTH_ERR_SYSTEM,
                            "the picture cannot be read (nothing shown yet, or not drawn)");
    memcpy(grid, in->process.channel->cell, sizeof in->process.channel->cell);
    return 0;
}

int moth_instance_screenshot(struct moth_instance *in, const char *path, struct moth_err *err)
{
    if (look(in, MOTH_WANT_PIXELS, err) != 0)
        return -1;
    const struct moth_picture_header *picture = &in->process.channel->picture;
    uint32_t width = picture->width, height = picture->height;
    if (!picture->ok || width == 0 || height == 0 || (uint64_t)width * height * 4 > MOTH_PICTURE_BYTES_MAX)
        return moth_err_set(err, MOTH_ERR_SYSTEM,
                            "the picture cannot be read (nothing shown yet, or not drawn)");
    return moth_png_write(path, in->process.channel->pixels, width, height, err);
}

/* ---- what is known of it ---- */

const struct moth_observation *moth_instance_last(const struct moth_instance *in)
{
    return &in->last;
}

const struct moth_death *moth_instance_death(const struct moth_instance *in)
{
    return &in->death;
}

const struct moth_channel *moth_instance_channel(const struct moth_instance *in)
{
    return in->process.channel;
}

const struct moth_game_info *moth_instance_game(const struct moth_instance *in)
{
    return &in->game;
}

pid_t moth_instance_pid(const struct moth_instance *in)
{
    return in->process.pid;
}

size_t moth_instance_log_tail(struct moth_instance *in, char *buffer, size_t size)
{
    struct stat st;
    buffer[0] = '\0';
    if (size == 0 || fstat(in->process.folder.log_fd, &st) != 0)
        return 0;
    off_t from = st.st_size > (off_t)size - 1 ? st.st_size - ((off_t)size - 1) : 0;
    ssize_t n = pread(in->process.folder.log_fd, buffer, size - 1, from);
    buffer[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

int moth_instance_log_save(struct moth_instance *in, const char *path, struct moth_err *err)
{
    char *log = moth_fs_path("%s/log", in->process.folder.path);
    int result = moth_fs_copy(log, path, 0644, err);
    free(log);
    return result;
}

void moth_instance_warnings(const struct moth_instance *in, void (*fn)(const char *, void *), void *context)
{
    const char *text = in->process.channel->warnings;
    size_t used = in->process.channel->warnings_used;
    if (used > sizeof in->process.channel->warnings)
        used = sizeof in->process.channel->warnings;
    for (size_t at = 0; at < used;) {
        size_t n = strnlen(text + at, used - at);
        if (at + n == used)
            break; /* not terminated: not ours */
        fn(text + at, context);
        at += n + 1;
    }
}

void moth_instance_announcements(struct moth_instance *in,
                                 void (*fn)(const struct moth_announcement *, void *), void *context)
{
    uint32_t n = in->process.channel->n_announcements;
    for (uint32_t i = 0; i < n && i < MOTH_ANNOUNCEMENTS_MAX; i++) {
        struct moth_announcement said = in->process.channel->announcements[i];
        said.name[sizeof said.name - 1] = said.text[sizeof said.text - 1] = '\0';
        fn(&said, context);
    }
    in->process.channel->n_announcements = 0;
}

/* ---- snapshots ---- */

struct moth_snapshot {
    struct moth_process process;
    struct moth_pack pack;
    bool packed;
    struct moth_observation last;
};

static void forget_death(struct moth_instance *in)
{
    moth_stacks_free(in->death.unwound);
    free(in->death.stacks);
    free(in->death.sanitizer);
    in->death = (struct moth_death){0};
    in->over = false;
}

struct moth_snapshot *moth_instance_snapshot(struct moth_instance *in, struct moth_err *err)
{
    struct moth_snapshot *snapshot = in->over ? NULL : calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        moth_err_set(err, MOTH_ERR_USAGE, in->over ? "the game is gone" : "no memory for a snapshot");
        return NULL;
    }
    if (moth_process_branch(&in->process, &snapshot->process, true, in->shared, sizeof in->shared, err) !=
        0) {
        free(snapshot);
        return NULL;
    }
    snapshot->last = in->last;
    return snapshot;
}

int moth_instance_restore(struct moth_instance *in, struct moth_snapshot *snapshot, struct moth_err *err)
{
    struct moth_process branch;
    if (moth_process_branch(&snapshot->process, &branch, false, in->shared, sizeof in->shared, err) != 0)
        return -1;
    if (moth_pack_apply(&snapshot->pack, branch.pid, err) != 0) {
        moth_process_retire(&branch);
        return -1;
    }
    moth_process_retire(&in->process);
    forget_death(in);
    in->process = branch;
    in->last = snapshot->last;
    return 0;
}

void moth_snapshot_release(struct moth_snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    moth_process_retire(&snapshot->process);
    moth_pack_fini(&snapshot->pack);
    free(snapshot);
}

uint64_t moth_snapshot_pss_bytes(const struct moth_snapshot *snapshot)
{
    return moth_watch_pss_bytes(snapshot->process.pid) + snapshot->pack.size_bytes;
}

int moth_snapshot_pack(struct moth_snapshot *snapshot, struct moth_err *err)
{
    if (!snapshot->packed && moth_pack_make(&snapshot->process, &snapshot->pack, err) != 0)
        return -1;
    snapshot->packed = true;
    return 0;
}

bool moth_snapshot_packed(const struct moth_snapshot *snapshot)
{
    return snapshot->packed;
}

const char *moth_instance_shared(const struct moth_instance *in)
{
    return in->shared;
}

void moth_instance_close(struct moth_instance *in)
{
    if (in == NULL)
        return;
    moth_process_close(&in->process);
    moth_process_clear_retired();
    forget_death(in);
    free(in);
}

const char *moth_step_name(enum moth_step step)
{
    static const char *const names[] = {"ok",   "crash",  "hang",   "deadlock",
                                        "exit", "memory", "killed", "fault"};
    return (unsigned)step < sizeof names / sizeof *names ? names[step] : "?";
}
