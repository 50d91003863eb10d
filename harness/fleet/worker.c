/* SPDX-License-Identifier: MIT */
#include "fleet/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/pulse.h"
#include "fleet/places.h"
#include "fleet/message.h"
#include "fleet/play.h"
#include "fleet/reaper.h"
#include "fleet/shorten.h"
#include "fleet/verify.h"
#include "runner/cgroup.h"
#include "runner/cookie.h"
#include "runner/watch.h"
#include "runner/watches.h"

static volatile sig_atomic_t stop_all, stop_playing, stop_minimizing;

static void on_signal(int number)
{
    if (number == SIGTERM)
        stop_all = 1;
    if (number == SIGTERM || number == SIGUSR1)
        stop_playing = 1;
    if (number == SIGTERM || number == SIGUSR2)
        stop_minimizing = 1;
}

static bool play_stopped(void *context)
{
    (void)context;
    moth_pulse_beat();
    return stop_playing;
}

static bool verify_stopped(void *context)
{
    (void)context;
    moth_pulse_beat();
    return stop_all;
}

static bool minimize_stopped(void *context)
{
    (void)context;
    moth_pulse_beat();
    return stop_minimizing;
}

/* Handlers, not SIG_IGN: a game must not inherit an ignored signal. A ctrl-c goes to the whole
 * foreground group, but it is the supervisor that decides what it means. */
static void set_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    static const int ours[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        sigaction(ours[i], &action, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGWINCH, SIG_DFL); /* the terminal is the supervisor's */
    signal(SIGPIPE, SIG_DFL);
}

/* A supervisor that does not take our message is gone: so are we. */
static void send_or_die(int fd, enum moth_message_type type, const struct moth_buf *body)
{
    if (moth_message_send(fd, type, body) != 0)
        _exit(1);
}

static void tell_progress(void *context, uint32_t index, uint32_t frames, uint32_t places)
{
    (void)index;
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_u32(&body, frames);
    moth_buf_put_u32(&body, places);
    send_or_die(*(int *)context, MOTH_MESSAGE_PROGRESS, &body);
    moth_buf_fini(&body);
}

static void tell_found(void *context, const struct moth_message_found *found)
{
    struct moth_buf body;
    moth_buf_init(&body);
    moth_message_put_found(&body, found);
    send_or_die(*(int *)context, MOTH_MESSAGE_FOUND, &body);
    moth_buf_fini(&body);
}

/* What a game may have with its members and its snapshots. */
static uint64_t memory_of(const struct moth_fleet_config *config)
{
    struct moth_limits limits = config->limits;
    moth_watch_fill_limits(&limits);
    return ((uint64_t)limits.memory_mb << 20) * (config->n_members + 1) + config->snapshot_bytes / config->workers;
}

static void play(struct moth_play_place *place, int fd, struct moth_cursor *body)
{
    struct moth_plan_job job;
    if (!moth_message_get_job(body, &job))
        _exit(1);
    struct moth_message_done done;
    place->stopped = play_stopped;
    moth_play_job(place, &job, &done);
    moth_reaper_kill_strays();
    struct moth_buf answer;
    moth_buf_init(&answer);
    if (done.survey && !moth_survey_is_empty(done.survey)) {
        moth_message_put_survey(&answer, done.survey);
        if (answer.size_bytes > 0)
            send_or_die(fd, MOTH_MESSAGE_SURVEY, &answer);
        moth_buf_clear(&answer);
    }
    moth_message_put_done(&answer, &done);
    send_or_die(fd, MOTH_MESSAGE_DONE, &answer);
    moth_buf_fini(&answer);
    moth_message_done_fini(&done);
}

static void verify(struct moth_play_place *place, int fd, struct moth_cursor *body)
{
    char *fingerprint = moth_cursor_string(body, MOTH_MESSAGE_TEXT_MAX, NULL);
    if (!fingerprint)
        _exit(1);
    struct moth_message_verified verified;
    place->stopped = verify_stopped;
    moth_verify(place, fingerprint, &verified);
    moth_reaper_kill_strays();
    struct moth_buf answer;
    moth_buf_init(&answer);
    moth_message_put_verified(&answer, &verified);
    send_or_die(fd, MOTH_MESSAGE_VERIFIED, &answer);
    moth_buf_fini(&answer);
    moth_message_verified_fini(&verified);
    free(fingerprint);
}

static void minimize(struct moth_play_place *place, int fd, struct moth_cursor *body)
{
    char *fingerprint = moth_cursor_string(body, MOTH_MESSAGE_TEXT_MAX, NULL);
    if (!fingerprint)
        _exit(1);
    struct moth_message_minimized minimized;
    place->stopped = minimize_stopped;
    moth_shorten(place, fingerprint, &minimized);
    moth_reaper_kill_strays();
    struct moth_buf answer;
    moth_buf_init(&answer);
    moth_message_put_minimized(&answer, &minimized);
    send_or_die(fd, MOTH_MESSAGE_MINIMIZED, &answer);
    moth_buf_fini(&answer);
    moth_message_minimized_fini(&minimized);
    free(fingerprint);
}

_Noreturn void moth_worker_main(const struct moth_fleet_config *config, const char *run, int fd,
                                unsigned mark, struct moth_bus_seat seat)
{
    set_signals();
    moth_cookie_mark(mark);
    moth_reaper_adopt();
    struct moth_places cells = {0};
    struct moth_play_place place = {
        .config = config, .run = run, .seat = seat, .cells = &cells, .watches = moth_watches_create(config->debug_dirs), .progress = tell_progress, .found = tell_found, .context = &fd};
    struct moth_inbox inbox = {0};
    while (moth_inbox_fill(&inbox, fd) == 0) {
        enum moth_message_type type;
        struct moth_cursor body;
        while (moth_inbox_next(&inbox, &type, &body) == 1) {
            moth_cgroup_begin(memory_of(config));
            if (type == MOTH_MESSAGE_PLAY)
                play(&place, fd, &body);
            else if (type == MOTH_MESSAGE_VERIFY)
                verify(&place, fd, &body);
            else if (type == MOTH_MESSAGE_MINIMIZE)
                minimize(&place, fd, &body);
            moth_cgroup_end();
        }
    }
    _exit(0);
}
