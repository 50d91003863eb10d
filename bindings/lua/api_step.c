/* SPDX-License-Identifier: MIT
 *
 * The game goes on: here and nowhere else.
 */
#include "bindings/lua/api.h"

#include <stdio.h>
#include <string.h>

#define FRAME_NS_MOST 100000000u /* a frame at ten a second */

/* What the keyboard adds by itself to what is queued. Frame by frame while a key is down, since it is time that
 * says when. */
static uint32_t repeat_keys(struct moth_lua_host *host, uint32_t frames)
{
    struct moth_input_event again;
    if (!host->key_repeat)
        return frames;
    for (size_t i = 0; i < host->n_queue; i++)
        moth_key_repeat_note(&host->repeat, &host->queue[i], host->now.time_ns);
    if (moth_key_repeat_due(&host->repeat, host->now.time_ns, &again))
        moth_lua_queue_quietly(host, &again);
    return host->repeat.code ? 1 : frames;
}

/* Frames that the scenario's own budget allows at once: time is counted in virtual seconds, of which a frame is a
 * sixtieth or less at most rates; so the last of them are run one by one. 0: it is used up. */
static uint64_t own_budget(const struct moth_lua_host *host)
{
    uint64_t most = UINT32_MAX;
    if (host->budget.frames)
        most = host->frames < host->budget.frames ? host->budget.frames - host->frames : 0;
    if (host->budget.time_ns && most > 0) {
        uint64_t used_ns = host->now.time_ns > host->began_ns ? host->now.time_ns - host->began_ns : 0;
        uint64_t left_ns = host->budget.time_ns > used_ns ? host->budget.time_ns - used_ns : 0;
        uint64_t in_time = left_ns ? left_ns / FRAME_NS_MOST + 1 : 0;
        most = in_time < most ? in_time : most;
    }
    return most;
}

void moth_lua_run_frames(struct moth_lua_host *host, uint64_t frames)
{
    uint64_t left = frames;
    moth_lua_eyes_blink(host);
    if (host->play.max_frames && left > host->play.max_frames - host->frames)
        left = host->play.max_frames - host->frames;
    bool short_of_budget = left < frames;
    while (left > 0 && host->end == MOTH_LUA_END_NONE) {
        uint64_t own = own_budget(host);
        if (own == 0) {
            host->end = MOTH_LUA_END_BUDGET;
            break;
        }
        uint32_t now = left > MOTH_PROGRAM_FRAMES_MAX ? MOTH_PROGRAM_FRAMES_MAX : (uint32_t)left;
        now = now > own ? (uint32_t)own : now;
        now = repeat_keys(host, now);
        uint32_t before = host->now.frame;
        moth_lua_box_leave(&host->box);
        enum moth_lua_step went =
            host->backend->step(host->backend->context, now, host->queue, host->n_queue, &host->now);
        moth_lua_box_return(&host->box);
        host->n_queue = 0;
        left -= now;
        host->frames += went == MOTH_LUA_STEP_OK ? now : host->now.frame - before;
        if (went == MOTH_LUA_STEP_ENDED)
            host->end = MOTH_LUA_END_GAME;
        else if (went == MOTH_LUA_STEP_INTERRUPTED)
            host->end = MOTH_LUA_END_INTERRUPTED;
    }
    if (host->end == MOTH_LUA_END_NONE && short_of_budget)
        host->end = MOTH_LUA_END_BUDGET;
}

const char moth_lua_game_ended[] = "the game ended";

static void tell_over_budget(lua_State *L, struct moth_lua_host *host)
{
    char much[64];
    if (host->budget.frames && host->frames >= host->budget.frames)
        snprintf(much, sizeof much, "%u frames", host->budget.frames);
    else
        snprintf(much, sizeof much, "%g s of game time", (double)host->budget.time_ns / 1e9);
    const char *name = host->wanted ? host->wanted : host->stem ? host->stem : "the scenario";
    lua_pushfstring(L, "%s did not come to its end within its budget of %s", name, much);
    moth_lua_finding(L, host, MOTH_FINDING_INVARIANT, lua_tostring(L, -1));
    lua_pop(L, 1);
}

void moth_lua_step(lua_State *L, struct moth_lua_host *host, uint64_t frames)
{
    if (host->in_handler)
        luaL_error(L, "a function of game:on or game:on_call cannot step the game");
    moth_lua_box_alive(&host->box);
    if (host->n_handlers == 0) {
        moth_lua_run_frames(host, frames);
    } else {
        /* Each boundary by itself, for they are called where the game stands. */
        for (uint64_t i = 0; i < frames && host->end == MOTH_LUA_END_NONE; i++) {
            moth_lua_run_frames(host, 1);
            moth_lua_take_events(L, host);
        }
    }
    if (host->end == MOTH_LUA_END_GAME && host->n_held > 0)
        luaL_error(L, "%s at frame %d", moth_lua_game_ended, (int)host->now.frame);
    if (host->end == MOTH_LUA_END_BUDGET && own_budget(host) == 0)
        tell_over_budget(L, host);
    if (host->end != MOTH_LUA_END_NONE)
        moth_lua_box_stop(L);
}

static int api_step(lua_State *L, struct moth_lua_host *host)
{
    moth_lua_step(L, host, (uint64_t)luaL_optinteger(L, 2, 1));
    return 0;
}

static lua_Integer timeout_option(lua_State *L)
{
    if (lua_isnil(L, 3))
        return 0;
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "timeout") != 0)
            moth_lua_argument_error(L, "game", "wait_until", "options", "knows only 'timeout', not '%s'",
                                    luaL_tolstring(L, -2, NULL));
        lua_pop(L, 1);
    }
    lua_getfield(L, 3, "timeout");
    int is_integer = 0;
    lua_Integer timeout = lua_tointegerx(L, -1, &is_integer);
    if (!lua_isnil(L, -1) && (!is_integer || timeout < 1))
        moth_lua_argument_error(L, "game", "wait_until", "options.timeout",
                                "must be a whole number of frames, at least 1, not %s",
                                luaL_tolstring(L, -1, NULL));
    return timeout;
}

static int api_wait_until(lua_State *L, struct moth_lua_host *host)
{
    lua_Integer timeout = timeout_option(L);
    for (lua_Integer waited = 0;; waited++) {
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 1);
        lua_call(L, 1, 1);
        if (lua_toboolean(L, -1)) {
            lua_pushboolean(L, 1);
            return 1;
        }
        lua_pop(L, 1);
        if (timeout && waited == timeout)
            break;
        moth_lua_step(L, host, 1);
    }
    lua_pushnil(L);
    lua_pushliteral(L, "timeout");
    return 2;
}

static int api_key_repeat(lua_State *L, struct moth_lua_host *host)
{
    host->key_repeat = lua_toboolean(L, 2);
    host->repeat.code = 0;
    return 0;
}

const struct moth_lua_entry moth_lua_api_step[] = {
    {"step", api_step, "n?: frames",
     "Let the game run n frames (default 1). What was queued since the last step reaches the game at once, "
     "at the boundary where it stands. Ends the play when the game died or the frame budget is used up."},
    {"wait_until", api_wait_until, "fn: function, options?: table -> boolean?, string?",
     "Step one frame at a time until fn(game) is true. Returns true, or nil and \"timeout\" after "
     "options.timeout frames; without it there is no end but the frame budget."},
    {"key_repeat", api_key_repeat, "on: boolean",
     "Whether the key that was pressed last repeats while it is down, as on a keyboard: after half a second of game time, "
     "30 times a second. Off unless it is said."},
    {"frame", NULL, "-> integer", "Frames since the game started."},
    {"time", NULL, "-> number", "Virtual seconds since the game started."},
    {"width", NULL, "-> integer", "Width of the window in pixels; 0 while there is none."},
    {"height", NULL, "-> integer", "Height of the window in pixels; 0 while there is none."},
    {NULL, NULL, NULL, NULL}};
