/* SPDX-License-Identifier: MIT */
#include "bindings/lua/watchdog.h"

#include <string.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static _Thread_local struct moth_lua_watchdog *watched;

static void on_timer(int signal)
{
    (void)signal;
    struct moth_lua_watchdog *watchdog = watched;
    if (!watchdog)
        return;
    if (!watchdog->outside && watchdog->moves == watchdog->seen_moves)
        siglongjmp(watchdog->escape, 1);
    watchdog->seen_moves = watchdog->moves;
}

void moth_lua_watchdog_start(struct moth_lua_watchdog *watchdog)
{
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGVTALRM;
    event.sigev_notify_thread_id = gettid();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_timer;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGVTALRM, &action, &watchdog->before) != 0)
        return;
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &watchdog->timer) != 0) {
        sigaction(SIGVTALRM, &watchdog->before, NULL);
        return;
    }
    watchdog->running = true;
    watchdog->seen_moves = watchdog->moves - 1; /* the first look only looks */
    watched = watchdog;
    struct timespec period = {.tv_sec = watchdog->period_ms / 1000,
                              .tv_nsec = (long)(watchdog->period_ms % 1000) * 1000000};
    struct itimerspec every = {.it_interval = period, .it_value = period};
    timer_settime(watchdog->timer, 0, &every, NULL);
}

void moth_lua_watchdog_stop(struct moth_lua_watchdog *watchdog)
{
    if (!watchdog->running)
        return;
    watched = NULL;
    timer_delete(watchdog->timer);
    sigaction(SIGVTALRM, &watchdog->before, NULL);
    watchdog->running = false;
}
