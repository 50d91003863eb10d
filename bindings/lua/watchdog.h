/* SPDX-License-Identifier: MIT
 *
 * Ends a script that is stuck inside one call of a library function: string.rep("", 1e18), a pattern that
 * tries every way. There Lua counts no instructions, so CPU time is what is counted: a timer looks every
 * few seconds whether the script has moved, and jumps out of the state when it has not. The state is then
 * unusable, and its memory goes back as a whole (see arena.h).
 *
 * One box of a thread is watched at a time. While `box->outside` is set (callbacks) nothing happens.
 */
#ifndef MOTH_BINDINGS_LUA_WATCHDOG_H
#define MOTH_BINDINGS_LUA_WATCHDOG_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

struct moth_lua_watchdog {
    sigjmp_buf escape;
    volatile unsigned moves; /* counts up while the script gets on */
    unsigned seen_moves;
    volatile sig_atomic_t outside; /* 1: in a callback, whose work must not be torn */
    struct sigaction before;
    timer_t timer;
    unsigned period_ms; /* CPU time; a script is stuck after one to two of these */
    bool running;
};

/* Begin after sigsetjmp on `escape`. Where there is no such timer, nothing is watched. */
void moth_lua_watchdog_start(struct moth_lua_watchdog *watchdog);
void moth_lua_watchdog_stop(struct moth_lua_watchdog *watchdog);

#endif
