/* SPDX-License-Identifier: MIT
 *
 * Branches: keeping the whole game at a place, and returning to it.
 */
#include "bindings/lua/api.h"

#include <stdlib.h>
#include <string.h>

/* What the script holds down and has queued, as it was: part of the place. */
struct moth_lua_place {
    uint64_t id; /* the backend's; 0: released */
    struct moth_lua_hands *hands; /* of each member */
    size_t n_queue;
    struct moth_input_event *queue;
};

static struct moth_lua_place *free_place(lua_State *L, struct moth_lua_host *host, int *index)
{
    size_t at = 0;
    while (at < host->n_places && host->places[at].id)
        at++;
    if (at == host->n_places) {
        size_t room = host->n_places * 2 + 16;
        struct moth_lua_place *places = realloc(host->places, room * sizeof *places);
        if (!places)
            luaL_error(L, "no memory for a snapshot");
        memset(places + host->n_places, 0, (room - host->n_places) * sizeof *places);
        host->places = places;
        host->n_places = room;
    }
    *index = (int)at;
    return &host->places[at];
}

static struct moth_lua_place *place_at(lua_State *L, struct moth_lua_host *host, int argument)
{
    struct moth_lua_place *place = &host->places[moth_lua_object_index(L, argument)];
    if (!place->id)
        luaL_error(L, "the snapshot was released");
    return place;
}

static void clear(struct moth_lua_place *place)
{
    free(place->queue);
    free(place->hands);
    *place = (struct moth_lua_place){0};
}

static int api_snapshot(lua_State *L, struct moth_lua_host *host)
{
    if (host->end == MOTH_LUA_END_GAME)
        luaL_error(L, "%s; there is nothing to keep", moth_lua_game_ended);
    int index;
    struct moth_lua_place *place = free_place(L, host, &index);
    struct moth_input_event *queue = malloc((host->n_queue + 1) * sizeof *queue);
    size_t hands_bytes = moth_lua_members(host) * sizeof *host->hands;
    struct moth_lua_hands *hands = malloc(hands_bytes);
    if (!queue || !hands) {
        free(queue);
        free(hands);
        luaL_error(L, "no memory for a snapshot");
    }
    memcpy(queue, host->queue, host->n_queue * sizeof *queue);
    struct moth_err err = {.message = "this game cannot be branched"};
    moth_lua_box_leave(&host->box);
    uint64_t id = host->backend->snapshot ? host->backend->snapshot(host->backend->context, &err) : 0;
    moth_lua_box_return(&host->box);
    if (!id) {
        free(queue);
        free(hands);
        return moth_lua_fail(L, &err);
    }
    place->id = id;
    place->queue = queue;
    place->n_queue = host->n_queue;
    place->hands = hands;
    memcpy(hands, host->hands, hands_bytes);
    host->n_held++;
    moth_lua_push_object(L, "moth.snapshot", index);
    return 1;
}

static int api_restore(lua_State *L, struct moth_lua_host *host)
{
    struct moth_lua_place *place = place_at(L, host, 2);
    struct moth_err err = {0};
    moth_lua_eyes_blink(host);
    moth_lua_box_leave(&host->box);
    int result = host->backend->restore(host->backend->context, place->id, &host->now, &err);
    moth_lua_box_return(&host->box);
    memcpy(host->hands, place->hands, moth_lua_members(host) * sizeof *host->hands);
    memcpy(host->queue, place->queue, place->n_queue * sizeof *host->queue);
    host->n_queue = place->n_queue;
    host->end = result == 0 ? MOTH_LUA_END_NONE : MOTH_LUA_END_GAME;
    host->n_lost = 0;
    moth_lua_forget_events(L);
    if (result != 0 && err.code == MOTH_ERR_INTERRUPTED) {
        host->end = MOTH_LUA_END_INTERRUPTED;
        moth_lua_box_stop(L);
    }
    if (result != 0)
        return moth_lua_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

static int api_release(lua_State *L, struct moth_lua_host *host)
{
    struct moth_lua_place *place = &host->places[moth_lua_object_index(L, 1)];
    if (!place->id)
        return 0;
    host->backend->release(host->backend->context, place->id);
    clear(place);
    host->n_held--;
    return 0;
}

void moth_lua_branch_fini(struct moth_lua_host *host)
{
    for (size_t i = 0; i < host->n_places; i++)
        clear(&host->places[i]);
    free(host->places);
    host->places = NULL;
    host->n_places = host->n_held = 0;
}

const struct moth_lua_entry moth_lua_api_branch[] = {
    {"snapshot", api_snapshot, "-> snapshot?, string?",
     "Keep the whole game as it stands, and what the script holds down and has queued. The game goes on as "
     "if "
     "nothing had been. nil and a reason where it cannot be kept. As long as a script holds a snapshot, a "
     "game "
     "that dies is no end of the play: game:step raises an error that begins with \"the game ended\", and "
     "after "
     "game:restore the play goes on."},
    {"restore", api_restore, "snapshot: snapshot -> boolean?, string?",
     "Return to a snapshot: as often as wanted, in any order, also after the game died. nil and a reason "
     "when the "
     "game could not be brought back; another snapshot may be tried."},
    {NULL, NULL, NULL, NULL}};

const struct moth_lua_entry moth_lua_api_snapshot[] = {{"release", api_release, "",
                                                        "The script needs the snapshot no longer: its memory "
                                                        "is given back. Once is enough, twice does no harm."},
                                                       {NULL, NULL, NULL, NULL}};
