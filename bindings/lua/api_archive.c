/* SPDX-License-Identifier: MIT
 *
 * The archive of places: `game:archive{}`. What explorers stand on (agents/explorer.lua).
 */
#include "bindings/lua/api.h"

#include <stdlib.h>
#include <string.h>

#include "explore/archive.h"

struct moth_lua_archive {
    struct moth_archive *archive;
    struct moth_route **held; /* by the script's handle - 1 */
    uint32_t n_held;
    bool warned;
};

static struct moth_archive *archive_of(lua_State *L, struct moth_lua_host *host)
{
    return host->archives[moth_lua_object_index(L, 1)]->archive;
}

static uint32_t cell_argument(lua_State *L, struct moth_lua_host *host, int argument)
{
    lua_Integer cell = lua_tointeger(L, argument);
    if (cell < 0 || cell >= UINT32_MAX || !moth_archive_route(archive_of(L, host), (uint32_t)cell))
        luaL_error(L, "archive: there is no cell %d that a way leads to", (int)cell);
    return (uint32_t)cell;
}

/* ---- making one ---- */

static const char *name_option(lua_State *L)
{
    if (lua_isnil(L, 2))
        return "";
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
        if (lua_type(L, -2) != LUA_TSTRING || strcmp(lua_tostring(L, -2), "name") != 0)
            moth_lua_argument_error(L, "game", "archive", "options", "knows only 'name', not '%s'",
                                    luaL_tolstring(L, -2, NULL));
    if (lua_getfield(L, 2, "name") == LUA_TNIL)
        return "";
    if (lua_type(L, -1) != LUA_TSTRING)
        moth_lua_argument_error(L, "game", "archive", "options.name", "must be a string, not %s", luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

static int api_archive(lua_State *L, struct moth_lua_host *host)
{
    const char *name = name_option(L);
    if (host->n_archives == MOTH_LUA_ARCHIVES_MAX)
        return luaL_error(L, "game:archive: at most %d archives in one play", MOTH_LUA_ARCHIVES_MAX);
    struct moth_lua_archive *made = calloc(1, sizeof *made);
    struct moth_archive_config config = {.seed = host->play.seed, .name = name, .log = host->backend->log};
    moth_lua_box_leave(&host->box);
    if (made)
        made->archive = moth_archive_create(&config);
    moth_lua_box_return(&host->box);
    if (!made || !made->archive) {
        free(made);
        return luaL_error(L, "no memory for an archive");
    }
    host->archives[host->n_archives] = made;
    moth_lua_push_object(L, "moth.archive", (int)host->n_archives++);
    return 1;
}

void moth_lua_archives_fini(struct moth_lua_host *host)
{
    for (uint32_t i = 0; i < host->n_archives; i++) {
        struct moth_lua_archive *each = host->archives[i];
        for (uint32_t k = 0; k < each->n_held; k++)
            moth_route_unref(each->held[k]);
        moth_archive_destroy(each->archive);
        free(each->held);
        free(each);
    }
    host->n_archives = 0;
}

/* ---- keys ---- */

#define KEY_DEPTH_MAX 8

/* The same for equal values; of a table, whatever the order it was filled in. Raises. */
static uint64_t hash_value(lua_State *L, int index, int depth)
{
    int type = lua_type(L, index);
    if (type == LUA_TNUMBER) {
        lua_Integer whole;
        lua_Number number = lua_tonumber(L, index);
        if (lua_isinteger(L, index) || lua_numbertointeger(number, &whole)) {
            if (lua_isinteger(L, index) || (lua_Number)whole == number) {
                whole = lua_isinteger(L, index) ? lua_tointeger(L, index) : whole;
                return moth_archive_hash(&whole, sizeof whole, LUA_TNUMBER);
            }
        }
        return moth_archive_hash(&number, sizeof number, 64);
    }
    if (type == LUA_TSTRING) {
        size_t size;
        const char *text = lua_tolstring(L, index, &size);
        return moth_archive_hash(text, size, LUA_TSTRING);
    }
    if (type == LUA_TBOOLEAN)
        return moth_archive_hash(lua_toboolean(L, index) ? "t" : "f", 1, LUA_TBOOLEAN);
    if (type != LUA_TTABLE || depth == KEY_DEPTH_MAX)
        luaL_error(L, "archive:see: a key is made of numbers, strings, booleans and tables of them, not of a %s",
                   lua_typename(L, type));
    luaL_checkstack(L, 4, "a key");
    uint64_t sum = LUA_TTABLE;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        uint64_t pair[2] = {hash_value(L, lua_absindex(L, -2), depth + 1), hash_value(L, lua_absindex(L, -1), depth + 1)};
        sum += moth_archive_hash(pair, sizeof pair, LUA_TTABLE);
    }
    return moth_archive_hash(&sum, sizeof sum, LUA_TTABLE);
}

/* ---- places ---- */

static int look_at_picture(struct moth_lua_host *host, struct moth_archive_place *place, struct moth_err *err)
{
    uint8_t grey[MOTH_GRID_CELLS];
    if (!host->backend->cell)
        return moth_err_set(err, MOTH_ERR_USAGE, "pictures are not available here");
    moth_lua_box_leave(&host->box);
    int result = host->backend->cell(host->backend->context, grey, err);
    moth_lua_box_return(&host->box);
    if (result == 0)
        moth_grid_of_grey(&place->grid, grey);
    return result;
}

static bool tell_way(struct moth_lua_host *host, struct moth_archive *archive, uint32_t cell)
{
    struct moth_input_event *events = NULL;
    size_t n = 0;
    if (!host->backend->way)
        return false;
    moth_lua_box_leave(&host->box);
    bool known = host->backend->way(host->backend->context, &events, &n) == 0;
    if (known)
        moth_archive_way(archive, cell, events, n, host->now.frame);
    moth_lua_box_return(&host->box);
    free(events);
    return known;
}

static int api_see(lua_State *L, struct moth_lua_host *host)
{
    static const char *const words[] = {"known", "opened", "better"};
    struct moth_archive *archive = archive_of(L, host);
    struct moth_archive_place place = {.frame = host->now.frame,
                                       .scripted = !lua_isnil(L, 2),
                                       .score = luaL_optnumber(L, 3, 0),
                                       .terminal = lua_toboolean(L, 4)};
    struct moth_err err = {0};
    if (place.scripted)
        place.key = hash_value(L, 2, 0);
    else if (look_at_picture(host, &place, &err) != 0)
        return moth_lua_fail(L, &err);
    if (place.score != place.score)
        return moth_lua_argument_error(L, "archive", "see", "score", "is not a number");
    uint32_t cell;
    moth_lua_box_leave(&host->box); /* it must not be torn */
    enum moth_archive_seen seen = moth_archive_see(archive, &place, &cell);
    moth_lua_box_return(&host->box);
    if (cell == MOTH_ARCHIVE_NONE) {
        moth_err_set(&err, MOTH_ERR_MEMORY, "the archive is full");
        return moth_lua_fail(L, &err);
    }
    if (seen != MOTH_ARCHIVE_KNOWN && !tell_way(host, archive, cell) && seen == MOTH_ARCHIVE_BETTER)
        seen = MOTH_ARCHIVE_KNOWN;
    lua_pushinteger(L, cell);
    lua_pushstring(L, words[seen]);
    lua_pushinteger(L, moth_archive_met(archive, cell));
    return 3;
}

static int api_choose(lua_State *L, struct moth_lua_host *host)
{
    moth_lua_box_leave(&host->box);
    uint32_t cell = moth_archive_choose(archive_of(L, host));
    moth_lua_box_return(&host->box);
    if (cell == MOTH_ARCHIVE_NONE)
        return 0;
    lua_pushinteger(L, cell);
    return 1;
}

static int api_any(lua_State *L, struct moth_lua_host *host)
{
    uint32_t cell = moth_archive_any(archive_of(L, host));
    if (cell == MOTH_ARCHIVE_NONE)
        return 0;
    lua_pushinteger(L, cell);
    return 1;
}

static int api_died(lua_State *L, struct moth_lua_host *host)
{
    moth_archive_died(archive_of(L, host));
    return 0;
}

static int api_tried(lua_State *L, struct moth_lua_host *host)
{
    moth_archive_tried(archive_of(L, host), (uint32_t)lua_tointeger(L, 2));
    return 0;
}

static int api_unreachable(lua_State *L, struct moth_lua_host *host)
{
    moth_archive_unreachable(archive_of(L, host), cell_argument(L, host, 2));
    return 0;
}

static int api_rolled(lua_State *L, struct moth_lua_host *host)
{
    struct moth_lua_archive *own = host->archives[moth_lua_object_index(L, 1)];
    struct moth_err err = {0};
    moth_lua_box_leave(&host->box);
    uint32_t opened = moth_archive_rolled(own->archive, &err);
    if (err.code != MOTH_ERR_OK && !own->warned && host->backend->print) {
        host->backend->print(host->backend->context, err.message);
        own->warned = true;
    }
    moth_lua_box_return(&host->box);
    lua_pushinteger(L, opened);
    return 1;
}

/* ---- ways ---- */

static int api_frame(lua_State *L, struct moth_lua_host *host)
{
    lua_pushinteger(L, moth_archive_route(archive_of(L, host), cell_argument(L, host, 2))->frame);
    return 1;
}

static int api_nearest(lua_State *L, struct moth_lua_host *host)
{
    const struct moth_route *route = moth_archive_route(archive_of(L, host), cell_argument(L, host, 2));
    while (route && route->handle == 0)
        route = route->parent;
    if (!route)
        return 0;
    lua_pushinteger(L, route->handle);
    lua_pushinteger(L, route->frame);
    return 2;
}

static void forget(struct moth_lua_archive *own, uint32_t handle)
{
    if (handle == 0 || handle > own->n_held || !own->held[handle - 1])
        return;
    own->held[handle - 1]->handle = 0;
    moth_route_unref(own->held[handle - 1]);
    own->held[handle - 1] = NULL;
}

static int api_forget(lua_State *L, struct moth_lua_host *host)
{
    forget(host->archives[moth_lua_object_index(L, 1)], (uint32_t)lua_tointeger(L, 2));
    return 0;
}

static int api_hold(lua_State *L, struct moth_lua_host *host)
{
    struct moth_lua_archive *own = host->archives[moth_lua_object_index(L, 1)];
    struct moth_route *route = moth_archive_route(own->archive, (uint32_t)lua_tointeger(L, 2));
    if (!route) /* no way is known: nothing leads there, from no snapshot either */
        return 0;
    uint32_t handle = (uint32_t)lua_tointeger(L, 3);
    if (handle > own->n_held) {
        uint32_t n = handle + handle / 2;
        struct moth_route **grown = realloc(own->held, n * sizeof *grown);
        if (!grown)
            return luaL_error(L, "no memory for a handle");
        memset(grown + own->n_held, 0, (n - own->n_held) * sizeof *grown);
        own->held = grown;
        own->n_held = n;
    }
    uint32_t before = route->handle;
    forget(own, handle);
    forget(own, before);
    route->handle = handle;
    own->held[handle - 1] = moth_route_ref(route);
    lua_pushinteger(L, before);
    return before ? 1 : 0;
}

/* A copy of the events that Lua frees, whatever is raised meanwhile. */
static struct moth_input_event *lua_owned(lua_State *L, struct moth_input_event *events, size_t n)
{
    if (!events)
        luaL_error(L, "no memory for a way");
    struct moth_input_event *copy = NULL;
    if (n * sizeof *events < (size_t)64 << 20)
        copy = lua_newuserdatauv(L, (n + 1) * sizeof *events, 0);
    if (copy)
        memcpy(copy, events, n * sizeof *events);
    free(events);
    if (!copy)
        luaL_error(L, "a way of %d inputs is too long to be played", (int)n);
    return copy;
}

static int api_play(lua_State *L, struct moth_lua_host *host)
{
    const struct moth_route *route = moth_archive_route(archive_of(L, host), cell_argument(L, host, 2));
    uint32_t to = route->frame;
    size_t n, at = 0;
    struct moth_input_event *events = moth_route_events(route, &n);
    events = lua_owned(L, events, n);
    while (at < n && events[at].frame < host->now.frame)
        at++;
    while (at < n || host->now.frame < to) {
        while (at < n && events[at].frame <= host->now.frame)
            moth_lua_put(L, host, &events[at++]);
        uint32_t next = at < n && events[at].frame < to ? events[at].frame : to;
        if (next <= host->now.frame)
            break;
        moth_lua_step(L, host, next - host->now.frame);
    }
    return 0;
}

static int api_inputs(lua_State *L, struct moth_lua_host *host)
{
    size_t n;
    const struct moth_route *route = moth_archive_route(archive_of(L, host), cell_argument(L, host, 2));
    uint32_t frame = route->frame;
    struct moth_input_event *events = moth_route_events(route, &n);
    events = lua_owned(L, events, n);
    moth_lua_push_inputs(L, events, n);
    lua_pushinteger(L, frame);
    return 2;
}

static int api_recording(lua_State *L, struct moth_lua_host *host)
{
    size_t n;
    uint32_t frames;
    lua_Integer i = lua_tointeger(L, 2);
    const struct moth_input_event *events = NULL;
    if (i >= 1 && i <= MOTH_ARCHIVE_RECORDINGS_MAX)
        events = moth_archive_recording(archive_of(L, host), (uint32_t)i - 1, &n, &frames);
    if (!events)
        return 0;
    moth_lua_push_inputs(L, events, n);
    lua_pushinteger(L, frames);
    return 2;
}

static int api_ngram(lua_State *L, struct moth_lua_host *host)
{
    struct moth_archive *archive = archive_of(L, host);
    const struct moth_ngram *ngram = moth_ngrams_sample(moth_archive_ngrams(archive), moth_archive_rng(archive));
    if (!ngram)
        return 0;
    moth_lua_push_inputs(L, ngram->edges, ngram->n);
    lua_pushinteger(L, ngram->after);
    return 2;
}

static int api_counts(lua_State *L, struct moth_lua_host *host)
{
    struct moth_archive_counts counts;
    moth_archive_counts(archive_of(L, host), &counts);
    const struct {
        const char *name;
        lua_Integer value;
    } fields[] = {{"cells", counts.cells},           {"reference", counts.reference},
                  {"step", counts.step},             {"recordings", counts.recordings},
                  {"deepest", counts.deepest_frame}, {"rollouts", (lua_Integer)counts.rollouts}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushinteger(L, fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    return 1;
}

const struct moth_lua_entry moth_lua_api_game_archive[] = {
    {"archive", api_archive, "options?: table -> archive",
     "An archive of places in this game, and of the ways there. Agents that explore share it with the other workers "
     "of the run; `options.name` keeps archives of different kinds apart. agents/explorer.lua shows its use."},
    {NULL, NULL, NULL, NULL}};

static int api_note(lua_State *L, struct moth_lua_host *host)
{
    size_t size;
    const char *text = lua_tolstring(L, 2, &size);
    if (size >= MOTH_ARCHIVE_NOTE_MAX || strlen(text) != size)
        return moth_lua_argument_error(L, "archive", "note", "text", "must be shorter than %u bytes, without zeros",
                                       MOTH_ARCHIVE_NOTE_MAX);
    moth_lua_box_leave(&host->box);
    moth_archive_note(archive_of(L, host), text);
    moth_lua_box_return(&host->box);
    return 0;
}

static int api_noted(lua_State *L, struct moth_lua_host *host)
{
    moth_lua_box_leave(&host->box);
    const char *text = moth_archive_noted(archive_of(L, host));
    moth_lua_box_return(&host->box);
    lua_pushstring(L, text);
    return 1;
}

const struct moth_lua_entry moth_lua_api_archive[] = {
    {"see", api_see, "key?: any, score?: number, last?: boolean -> integer?, string?, integer?",
     "Note where the game stands: in the cell of `key` (numbers, strings, booleans, tables of them), without one in "
     "that of its picture. Of states in one cell the one with the highest score is kept, of equals the one that "
     "takes fewer frames. `last`: not to be come back to. The cell's number, which is good until `rolled`, and "
     "\"opened\", \"better\" or \"known\", and how often it was met; nil and a message where the picture cannot be read."},
    {"choose", api_choose, "-> integer?",
     "Begin a roll-out: a cell to go on from, rarely met ones rather than others. nil while no way is known."},
    {"rolled", api_rolled, "-> integer",
     "End a roll-out: shares what it found and takes over what other workers found. How many cells it opened. "
     "Numbers of cells are void after it."},
    {"died", api_died, "", "The game died since the last `see`."},
    {"tried", api_tried, "cell: integer", "An input was tried in this cell: cells where much was tried are chosen less."},
    {"unreachable", api_unreachable, "cell: integer", "The way to this cell did not lead there: it is not chosen again."},
    {"any", api_any, "-> integer?", "Any cell that a way leads to."},
    {"frame", api_frame, "cell: integer -> integer", "The frame at which its way arrives."},
    {"hold", api_hold, "cell: integer, handle: handle -> integer?",
     "Remember a number of the script's own, 1 or more, for this way: that of a snapshot taken there. The number it "
     "had before."},
    {"forget", api_forget, "handle: integer", "The snapshot of that number is there no longer."},
    {"nearest", api_nearest, "cell: integer -> integer?, integer?",
     "The number held nearest before the end of the cell's way, and its frame; nil when there is none."},
    {"play", api_play, "cell: integer",
     "Play the rest of the way to a cell, from where the game stands on that way."},
    {"inputs", api_inputs, "cell: integer -> table, integer",
     "The whole way to a cell: a list of inputs { frame, type, code, device, x, y, text }, and the frame where it "
     "ends."},
    {"note", api_note, "text: string",
     "Leave a text for all archives of this name, also those of other workers: what is known of the game beside its "
     "places."},
    {"noted", api_noted, "-> string?", "The text that was left last, by whichever worker; nil: none yet."},
    {"recording", api_recording, "i: integer -> table?, integer?",
     "The i-th recording of the run's corpus, in the same form; nil when there is none."},
    {"ngram", api_ngram, "-> table?, integer?",
     "A short run of inputs that opened cells before, by how often it did; their frames count from the first. And "
     "how many frames later the cell was met. nil while none is known."},
    {"counts", api_counts, "-> table",
     "{ cells, reference, step, recordings, deepest, rollouts }: cells now, cells of the fixed grid, step of the "
     "adaptive one, recordings in the corpus, frame of the deepest way, roll-outs."},
    {NULL, NULL, NULL, NULL}};
