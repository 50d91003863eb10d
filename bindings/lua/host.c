/* SPDX-License-Identifier: MIT */
#include "bindings/lua/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/fs.h"
#include "bindings/lua/api.h"
#include "bindings/lua/find.h"

#define AGENT_BYTES_MAX ((size_t)16 << 20)
#define MATH_RANDOM_STREAM UINT64_C(0x6c75612e6d617468) /* so that math.random and rng differ */

struct moth_agent {
    char *name, *path, *folder, *stem, *chunk_name;
    char *text;
    size_t size_bytes;
    bool explores;
    double budget_ms; /* of a frame; 0: none */
    struct moth_agent_options options;
    struct moth_lua_sources sources;
};

const char *moth_agent_name(const struct moth_agent *agent)
{
    return agent->name;
}

const char *moth_agent_path(const struct moth_agent *agent)
{
    return agent->path;
}

bool moth_agent_explores(const struct moth_agent *agent)
{
    return agent && agent->explores;
}

double moth_agent_budget_ms(const struct moth_agent *agent)
{
    return agent ? agent->budget_ms : 0;
}

const char *moth_agent_result_name(enum moth_agent_result result)
{
    static const char *const names[] = {"finished", "game ended", "frame budget reached", "interrupted",
                                        "agent error"};
    return (size_t)result < sizeof names / sizeof names[0] ? names[result] : "?";
}

uint64_t moth_agent_digest(const struct moth_agent *agent)
{
    if (!agent)
        return 0;
    uint64_t digest = XXH3_64bits(agent->text, agent->size_bytes);
    for (size_t i = 0; i < agent->sources.n; i++) {
        const struct moth_lua_source *source = &agent->sources.items[i];
        digest = XXH3_64bits_withSeed(source->text, source->size_bytes, digest);
    }
    return digest;
}

void moth_agent_free(struct moth_agent *agent)
{
    if (!agent)
        return;
    moth_lua_sources_free(&agent->sources);
    free(agent->name);
    free(agent->path);
    free(agent->folder);
    free(agent->stem);
    free(agent->chunk_name);
    free(agent->text);
    free(agent);
}

static struct moth_lua_box_options box_options(const struct moth_agent *agent, uint64_t seed)
{
    return (struct moth_lua_box_options){
        .instructions_max = agent->options.instructions_max,
        .memory_bytes_max = agent->options.memory_bytes_max,
        .stuck_ms = agent->options.stuck_ms,
        .fail_allocation = agent->options.fail_allocation,
        .unsafe_lua = agent->options.unsafe_lua,
        .limit_words = " without stepping the game",
        .folder = agent->folder,
        .seed = seed ^ MATH_RANDOM_STREAM,
    };
}

/* A table that says what to look at and what to press, and not how to play, is the explorer's: it is
 * replaced by the explorer's own. */
static void complete(lua_State *L)
{
    static const char *const wishes[] = {"cell", "prefer", "actions"};
    bool any = false;
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        any |= lua_getfield(L, -1, wishes[i]) != LUA_TNIL;
        lua_pop(L, 1);
    }
    bool plays = lua_getfield(L, -1, "play") != LUA_TNIL;
    lua_pop(L, 1);
    if (!any || plays)
        return;
    lua_getglobal(L, "require");
    lua_pushliteral(L, "explorer");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "with");
    lua_pushvalue(L, -3);
    lua_call(L, 1, 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* From what the file returned, on the top, to the function that plays, on the top. Raises. */
static void take_play_function(lua_State *L)
{
    if (lua_isfunction(L, -1))
        return;
    if (!lua_istable(L, -1))
        luaL_error(L, "an agent returns function(game, rng), or a table with `play`; this one returns %s",
                   lua_isnil(L, -1) ? "nothing" : luaL_typename(L, -1));
    complete(L);
    if (lua_getfield(L, -1, "play") != LUA_TFUNCTION)
        luaL_error(L, "the agent's table needs a function `play`, not %s", luaL_typename(L, -1));
}

/* ---- load ---- */

/* The agent's table is at 1. Raises. */
static lua_Number take_budget(lua_State *L)
{
    int type = lua_getfield(L, 1, "budget");
    if (type == LUA_TTABLE)
        type = lua_getfield(L, -1, "spike_ms");
    if (type == LUA_TNIL)
        return 0;
    lua_Number budget = lua_tonumber(L, -1);
    if (type != LUA_TNUMBER || !(budget > 0) || budget > 1e6)
        luaL_error(L, "the agent's `budget` must be milliseconds a frame, over 0, or {spike_ms = …}");
    return budget;
}

/* Upvalue-less; 1: what the file returned. Returns the agent's own name or nil, whether it explores, and its
 * budget. */
static int check_agent(lua_State *L)
{
    lua_pushvalue(L, 1);
    take_play_function(L);
    if (!lua_istable(L, 1))
        return 0;
    lua_getfield(L, 2, "explores");
    bool explores = lua_toboolean(L, -1);
    lua_Number budget = take_budget(L);
    int type = lua_getfield(L, 1, "name");
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "the agent's `name` must be a string, not %s", luaL_typename(L, -1));
    lua_pushboolean(L, explores);
    lua_pushnumber(L, budget);
    return 3;
}

static int try_agent(struct moth_agent *agent, struct moth_lua_box *box)
{
    lua_State *L = box->L;
    if (moth_lua_box_compile(box, agent->text, agent->size_bytes, agent->chunk_name) != 0)
        return -1;
    lua_pushcfunction(L, check_agent);
    lua_insert(L, -2);
    if (moth_lua_box_call(box, 0, 1) != 0 || moth_lua_box_call(box, 1, 3) != 0)
        return -1;
    agent->explores = lua_toboolean(L, -2);
    agent->budget_ms = lua_tonumber(L, -1);
    if (lua_type(L, -3) == LUA_TSTRING && lua_tostring(L, -3)[0]) {
        free(agent->name);
        agent->name = moth_fs_path("%s", lua_tostring(L, -3));
    }
    return 0;
}

/* Put the file's name before a message that has no place. */
static void script_error(const struct moth_agent *agent, const char *message, struct moth_err *err)
{
    bool placed = strstr(message, agent->path) != NULL;
    moth_err_set(err, MOTH_ERR_SCRIPT, "%s%s%s", placed ? "" : agent->path, placed ? "" : ": ", message);
}

static int check_once(struct moth_agent *agent, struct moth_err *err)
{
    struct moth_lua_host *host = calloc(1, sizeof *host);
    if (!host)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory to check %s", agent->path);
    struct moth_lua_box_options options = box_options(agent, 0);
    options.limit_words = " before it returned an agent";
    options.sources = &agent->sources;
    options.keep_sources = true;
    options.owner = host;
    host->hand = host->hands;
    int result = moth_lua_box_open(&host->box, &options, err);
    if (result == 0) {
        result = try_agent(agent, &host->box);
        if (result != 0)
            script_error(agent, host->box.message, err);
        moth_lua_box_close(&host->box);
    }
    free(host);
    return result;
}

static char *stem_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *stem = moth_fs_path("%s", slash ? slash + 1 : path);
    size_t n = strlen(stem);
    if (n > 4 && strcmp(stem + n - 4, ".lua") == 0)
        stem[n - 4] = '\0';
    return stem;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return moth_fs_path(".");
    return moth_fs_path("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

struct moth_agent *moth_agent_load(const char *name, const struct moth_agent_options *options,
                                   struct moth_err *err)
{
    char *path = moth_agent_find(name, err);
    if (!path)
        return NULL;
    struct moth_agent *agent = calloc(1, sizeof *agent);
    if (!agent) {
        free(path);
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for an agent");
        return NULL;
    }
    if (options)
        agent->options = *options;
    agent->path = path;
    agent->name = stem_of(path);
    agent->folder = folder_of(path);
    agent->stem = stem_of(path);
    agent->chunk_name = moth_fs_path("@%s", path);
    struct moth_err why = {0};
    agent->text = moth_fs_read(path, AGENT_BYTES_MAX, &agent->size_bytes, &why);
    if (!agent->text)
        moth_err_set(err, MOTH_ERR_SCRIPT, "agent '%s': %s", name, why.message);
    if (!agent->text || check_once(agent, err) != 0) {
        moth_agent_free(agent);
        return NULL;
    }
    return agent;
}

/* ---- play ---- */

/* The whole of a play, inside one protected call. Stack: 1 the compiled file. */
static int play_all(lua_State *L)
{
    struct moth_lua_host *host = moth_lua_host_of(L);
    moth_lua_open_api(L);
    lua_call(L, 0, 1);
    take_play_function(L);
    for (uint32_t i = 0; i < host->play.pads && i < MOTH_PADS_MAX; i++) {
        struct moth_input_event event = {.type = MOTH_INPUT_PAD_ATTACH, .device = (uint8_t)i};
        moth_lua_queue(L, host, &event);
        host->hand->pads[i].attached = true;
    }
    moth_lua_push_object(L, "moth.game", 0);
    moth_lua_push_object(L, "moth.rng", 0);
    moth_lua_box_alive(&host->box);
    lua_call(L, 2, 0);
    return 0;
}

static int run_agent(const struct moth_agent *agent, struct moth_lua_host *host)
{
    struct moth_lua_box *box = &host->box;
    if (moth_lua_box_compile(box, agent->text, agent->size_bytes, agent->chunk_name) != 0)
        return -1;
    lua_pushcfunction(box->L, play_all);
    lua_insert(box->L, -2);
    return moth_lua_box_call(box, 1, 0);
}

static void fill_error(const struct moth_agent *agent, const struct moth_lua_box *box,
                       struct moth_agent_outcome *outcome)
{
    outcome->result = MOTH_AGENT_ERROR;
    script_error(agent, box->message, &outcome->err);
    snprintf(outcome->traceback, sizeof outcome->traceback, "%s", box->traceback);
}

static void judge(const struct moth_agent *agent, struct moth_lua_host *host, bool failed,
                  struct moth_agent_outcome *outcome)
{
    outcome->frames = host->frames;
    if (host->end == MOTH_LUA_END_CALL) {
        outcome->result = MOTH_AGENT_ERROR;
        script_error(agent, host->fault, &outcome->err);
        snprintf(outcome->traceback, sizeof outcome->traceback, "%s", host->fault_traceback);
        return;
    }
    bool fault = host->end == MOTH_LUA_END_NONE && (failed || host->box.stopped);
    /* A script that holds snapshots runs on after the game's death: only that error of its is none. */
    if (host->end == MOTH_LUA_END_GAME && failed && !host->box.stopped)
        fault = strstr(host->box.message, moth_lua_game_ended) == NULL;
    if (!fault && host->end == MOTH_LUA_END_NONE) {
        moth_lua_release_all(host);
        bool room = !host->play.max_frames || host->frames < host->play.max_frames;
        if (host->n_queue && room)
            moth_lua_run_frames(host, 1);
    }
    outcome->frames = host->frames;
    if (fault) {
        fill_error(agent, &host->box, outcome);
        return;
    }
    static const enum moth_agent_result results[] = {
        [MOTH_LUA_END_NONE] = MOTH_AGENT_FINISHED,
        [MOTH_LUA_END_GAME] = MOTH_AGENT_GAME_ENDED,
        [MOTH_LUA_END_BUDGET] = MOTH_AGENT_BUDGET,
        [MOTH_LUA_END_INTERRUPTED] = MOTH_AGENT_INTERRUPTED,
    };
    outcome->result = results[host->end];
}

enum moth_agent_result moth_agent_play(const struct moth_agent *agent, const struct moth_lua_backend *backend,
                                       const struct moth_agent_play *play, struct moth_agent_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    struct moth_lua_host *host = calloc(1, sizeof *host);
    if (!host) {
        outcome->result = MOTH_AGENT_ERROR;
        moth_err_set(&outcome->err, MOTH_ERR_MEMORY, "no memory to play");
        return outcome->result;
    }
    host->backend = backend;
    host->hand = host->hands;
    host->play = *play;
    host->now = backend->now;
    host->folder = agent->folder;
    host->stem = agent->stem;
    host->chunk_name = agent->chunk_name;
    host->update_pictures = agent->options.update_pictures;
    moth_rng_seed(&host->rng, play->seed);
    struct moth_lua_box_options options = box_options(agent, play->seed);
    struct moth_lua_sources sources = agent->sources; /* read only: keep_sources is off */
    options.sources = &sources;
    options.print = backend->print;
    options.print_context = backend->context;
    options.owner = host;
    if (moth_lua_box_open(&host->box, &options, &outcome->err) != 0) {
        outcome->result = MOTH_AGENT_ERROR;
    } else {
        judge(agent, host, run_agent(agent, host) != 0, outcome);
        moth_lua_branch_fini(host);
        moth_lua_archives_fini(host);
        moth_lua_eyes_fini(host);
        moth_lua_box_close(&host->box);
    }
    free(host);
    return outcome->result;
}
