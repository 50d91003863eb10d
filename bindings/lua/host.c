/* SPDX-License-Identifier: MIT */
#include "bindings/lua/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/fs.h"
#include "bindings/lua/api.h"
#include "bindings/lua/find.h"
#include "bindings/lua/scenario.h"

#define AGENT_BYTES_MAX ((size_t)16 << 20)
#define MATH_RANDOM_STREAM UINT64_C(0x6c75612e6d617468) /* so that math.random and rng differ */

struct moth_agent {
    char *name, *path, *folder, *stem, *chunk_name;
    char *text;
    size_t size_bytes;
    bool explores;
    struct moth_lua_budget budget;
    char *wanted;      /* the case that is played; NULL: none was named */
    char **cases;      /* names of all there are */
    size_t n_cases;
    char *tags[MOTH_LUA_TAGS_MAX]; /* of the case, or of all */
    size_t n_tags;
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
    return agent ? agent->budget.spike_ms : 0;
}

uint32_t moth_agent_budget_frames(const struct moth_agent *agent, uint32_t hz)
{
    if (!agent || (agent->budget.frames == 0 && agent->budget.time_ns == 0))
        return 0;
    uint64_t most = agent->budget.frames ? agent->budget.frames : UINT32_MAX;
    if (agent->budget.time_ns) {
        uint64_t in_time = 2 * (agent->budget.time_ns / 1000 * hz / 1000000 + 1);
        most = in_time < most ? in_time : most;
    }
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

size_t moth_agent_cases(const struct moth_agent *agent)
{
    return agent ? agent->n_cases : 0;
}

const char *moth_agent_case_name(const struct moth_agent *agent, size_t i)
{
    return i < agent->n_cases ? agent->cases[i] : NULL;
}

const char *moth_agent_case(const struct moth_agent *agent)
{
    return agent ? agent->wanted : NULL;
}

const char *const *moth_agent_tags(const struct moth_agent *agent, size_t *n)
{
    *n = agent->n_tags;
    return (const char *const *)agent->tags;
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
    free(agent->wanted);
    for (size_t i = 0; i < agent->n_cases; i++)
        free(agent->cases[i]);
    free(agent->cases);
    for (size_t i = 0; i < agent->n_tags; i++)
        free(agent->tags[i]);
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
    int top = lua_gettop(L);
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        any |= lua_getfield(L, -1, wishes[i]) != LUA_TNIL;
        lua_pop(L, 1);
    }
    bool plays = lua_getfield(L, -1, "play") != LUA_TNIL || lua_getfield(L, -2, "cases") != LUA_TNIL;
    lua_settop(L, top);
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

/* The case that is to be played, of what the file returned (at 1): `wanted`, else the one that the number picks; nil
 * where there are none. Pushes it. Raises. */
static void push_case(lua_State *L, const char *wanted, uint64_t number)
{
    if (moth_lua_push_cases(L, 1)) {
        int list = lua_gettop(L);
        if (wanted)
            moth_lua_find_case(L, list, wanted);
        else
            lua_geti(L, list, (lua_Integer)(number % lua_rawlen(L, list)) + 1);
    } else if (wanted) {
        luaL_error(L, "there is no case '%s': it has no cases", wanted);
    }
}

/* Of what the file returned, at 1, and the case at 2: push the function that plays. Raises. */
static void push_play(lua_State *L)
{
    if (lua_isfunction(L, 1)) {
        lua_pushvalue(L, 1);
        return;
    }
    if (!lua_istable(L, 1))
        luaL_error(L, "an agent returns function(game, rng), or a table with `play`; this one returns %s",
                   lua_isnil(L, 1) ? "nothing" : luaL_typename(L, 1));
    if (moth_lua_case_field(L, 1, 2, "play") != LUA_TFUNCTION)
        luaL_error(L, "the agent's table needs a function `play`, not %s", luaL_typename(L, -1));
}

/* The value on the top becomes the i-th and last. */
static void keep_as(lua_State *L, int i)
{
    if (lua_gettop(L) != i)
        lua_replace(L, i);
    lua_settop(L, i);
}

/* What the file returned is on the top; leaves it at 1, the case at 2, and the function that plays at 3. Raises. */
static void take_apart(lua_State *L, const char *wanted, uint64_t number)
{
    if (lua_istable(L, -1))
        complete(L);
    keep_as(L, 1);
    push_case(L, wanted, number);
    keep_as(L, 2);
    push_play(L);
}

/* ---- load ---- */

static void keep_texts(lua_State *L, int list, char **texts, size_t n, const char *field)
{
    for (size_t i = 0; i < n; i++) {
        lua_geti(L, list, (lua_Integer)i + 1);
        if (field)
            lua_getfield(L, -1, field);
        texts[i] = moth_fs_path("%s", lua_tostring(L, -1));
        lua_pop(L, field ? 2 : 1);
    }
}

/* Everything that is known of an agent without a game. 1: what the file returned; 2: the agent. Returns its
 * name. */
static int check_agent(lua_State *L)
{
    struct moth_agent *agent = lua_touserdata(L, 2);
    lua_settop(L, 1);
    if (lua_istable(L, 1))
        moth_lua_warn_of_fields(L, 1, agent->chunk_name + 1); /* without its @ */
    take_apart(L, agent->wanted, 0);
    if (lua_isfunction(L, 1))
        return 0;
    for (int i = 0; i < 2; i++) {
        int type = moth_lua_case_field(L, 1, 2, i ? "teardown" : "setup");
        if (type != LUA_TNIL && type != LUA_TFUNCTION)
            luaL_error(L, "the agent's `%s` must be a function, not %s", i ? "teardown" : "setup", luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    lua_getfield(L, 1, "explores");
    agent->explores = lua_toboolean(L, -1);
    moth_lua_case_field(L, 1, 2, "budget");
    agent->budget = moth_lua_budget_of(L, -1);
    moth_lua_push_tags(L, 1, agent->wanted ? 2 : 1);
    agent->n_tags = lua_rawlen(L, -1);
    keep_texts(L, lua_gettop(L), agent->tags, agent->n_tags, NULL);
    if (moth_lua_push_cases(L, 1)) {
        agent->cases = calloc(lua_rawlen(L, -1), sizeof *agent->cases);
        if (!agent->cases)
            luaL_error(L, "no memory for the cases");
        agent->n_cases = lua_rawlen(L, -1);
        keep_texts(L, lua_gettop(L), agent->cases, agent->n_cases, "name");
    }
    int type = lua_getfield(L, 1, "name");
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "the agent's `name` must be a string, not %s", luaL_typename(L, -1));
    return 1;
}

static int try_agent(struct moth_agent *agent, struct moth_lua_box *box)
{
    lua_State *L = box->L;
    if (moth_lua_box_compile(box, agent->text, agent->size_bytes, agent->chunk_name) != 0)
        return -1;
    lua_pushcfunction(L, check_agent);
    lua_insert(L, -2);
    if (moth_lua_box_call(box, 0, 1) != 0)
        return -1;
    lua_pushlightuserdata(L, agent);
    if (moth_lua_box_call(box, 2, 1) != 0)
        return -1;
    if (lua_type(L, -1) == LUA_TSTRING && lua_tostring(L, -1)[0]) {
        free(agent->name);
        agent->name = moth_fs_path("%s", lua_tostring(L, -1));
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

/* "levels.lua:level 3" is a case of a file, unless a file is called so. */
static void split_name(const char *name, char **file, char **wanted)
{
    const char *end = access(name, F_OK) == 0 ? NULL : strstr(name, ".lua:");
    *file = end ? moth_fs_path("%.*s.lua", (int)(end - name), name) : moth_fs_path("%s", name);
    *wanted = end ? moth_fs_path("%s", end + 5) : NULL;
}

struct moth_agent *moth_agent_load(const char *name, const struct moth_agent_options *options,
                                   struct moth_err *err)
{
    char *file = NULL, *wanted = NULL;
    split_name(name, &file, &wanted);
    char *path = moth_agent_find(file, err);
    free(file);
    struct moth_agent *agent = path ? calloc(1, sizeof *agent) : NULL;
    if (!path) {
        free(wanted);
        return NULL;
    }
    if (!agent) {
        free(path);
        free(wanted);
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for an agent");
        return NULL;
    }
    if (options)
        agent->options = *options;
    agent->path = path;
    agent->wanted = wanted;
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

/* `setup`, `play` or `teardown` of what take_apart left, with what they are given. Pushes the function and that. */
static void push_call(lua_State *L, int function)
{
    lua_pushvalue(L, function);
    moth_lua_push_object(L, "moth.game", 0);
    moth_lua_push_object(L, "moth.rng", 0);
    lua_pushvalue(L, 2);
}

/* What setup made is taken down again, also where the play failed; not where the game is over. */
static void play_between(lua_State *L, struct moth_lua_host *host)
{
    int setup = lua_gettop(L) + 1, teardown = setup + 1, status = LUA_OK;
    moth_lua_case_field(L, 1, 2, "setup");
    moth_lua_case_field(L, 1, 2, "teardown");
    if (!lua_isnil(L, setup)) {
        push_call(L, setup);
        lua_call(L, 3, 0);
    }
    push_call(L, 3);
    if (lua_isnil(L, teardown)) {
        lua_call(L, 3, 0);
        return;
    }
    status = lua_pcall(L, 3, 0, 0);
    if (host->end == MOTH_LUA_END_NONE && !host->box.stopped) {
        push_call(L, teardown);
        lua_call(L, 3, 0);
    }
    if (status != LUA_OK)
        lua_error(L);
}

/* The whole of a play, inside one protected call. Stack: 1 the compiled file. */
static int play_all(lua_State *L)
{
    struct moth_lua_host *host = moth_lua_host_of(L);
    moth_lua_open_api(L);
    lua_call(L, 0, 1);
    take_apart(L, host->wanted, host->play.seed);
    for (uint32_t i = 0; i < host->play.pads && i < MOTH_PADS_MAX; i++) {
        struct moth_input_event event = {.type = MOTH_INPUT_PAD_ATTACH, .device = (uint8_t)i};
        moth_lua_queue(L, host, &event);
        host->hand->pads[i].attached = true;
    }
    moth_lua_box_alive(&host->box);
    play_between(L, host);
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

/* Lua does not say where a nil came from, and a name that nobody watches is where it mostly does. */
static void tell_lacking(struct moth_lua_host *host)
{
    char *message = host->box.message;
    size_t used = strlen(message);
    if (host->lacking[0] != '\0' && (strstr(message, "nil value") || strstr(message, "with nil") || strstr(message, "nil with")))
        snprintf(message + used, sizeof host->box.message - used,
                 " (game.state.%s is nil: nothing of that name is watched or published)", host->lacking);
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
    if (fault && host->failed && !host->box.stopped)
        fault = strstr(host->box.message, moth_lua_play_failed) == NULL;
    if (!fault && host->end == MOTH_LUA_END_NONE) {
        moth_lua_release_all(host);
        bool room = !host->play.max_frames || host->frames < host->play.max_frames;
        if (host->n_queue && room)
            moth_lua_run_frames(host, 1);
    }
    outcome->frames = host->frames;
    if (fault) {
        tell_lacking(host);
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
    host->wanted = agent->wanted;
    host->budget = agent->budget;
    host->began_ns = backend->now.time_ns;
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
