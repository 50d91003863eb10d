/* SPDX-License-Identifier: MIT */
#include "fleet/outside_session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "bus/text.h"

#define WAIT_MS 200u /* between looks at whether the run is to end */

/* ---- answers ---- */

void moth_outside_answer(struct moth_outside *o)
{
    moth_bus_seat_answer(o->seat, o->text.failed ? MOTH_BUS_ERROR_FAILED : MOTH_BUS_ERROR_NONE,
                         (char *)o->text.bytes, o->text.failed ? 0 : o->text.size_bytes, &o->picture,
                         o->over);
}

void moth_outside_refuse(struct moth_outside *o, enum moth_bus_error error, const char *message)
{
    moth_bus_seat_answer(o->seat, error, message, strlen(message), NULL, o->over);
}

void moth_outside_refuse_run_over(struct moth_outside *o)
{
    o->over = true;
    o->result = MOTH_AGENT_INTERRUPTED;
    moth_outside_refuse(o, MOTH_BUS_ERROR_RUN_OVER, "the run is over");
}

/* ---- stepping ---- */

static void write_observation(struct moth_outside *o)
{
    moth_text_key(&o->text, NULL);
    moth_text_raw(&o->text, "{");
    moth_outside_write_place(o, &o->text);
    moth_outside_write_state(o, &o->text);
    moth_text_raw(&o->text, "}");
}

/* The events of [from, from + frames) that change something, counted from 0. */
static size_t cut_events(struct moth_outside *o, const struct moth_bus_request *request, uint32_t from,
                         uint32_t frames, struct moth_input_event *cut)
{
    size_t n = 0;
    for (uint32_t i = 0; i < request->n_events; i++) {
        struct moth_input_event event = request->events[i];
        bool pad = event.type >= MOTH_INPUT_PAD_DOWN && event.type <= MOTH_INPUT_PAD_AXIS;
        if (event.frame < from || event.frame - from >= frames)
            continue;
        event.frame -= from;
        struct moth_held *held = &o->input[event.member % MOTH_MEMBERS_MAX];
        if (pad && !moth_held_pad(held, event.device) && n < MOTH_PROGRAM_EVENTS_MAX) {
            cut[n] = (struct moth_input_event){.frame = event.frame,
                                               .type = MOTH_INPUT_PAD_ATTACH,
                                               .device = event.device,
                                               .member = event.member};
            (void)moth_held_note(held, &cut[n++]);
        }
        if (moth_held_note(held, &event) && n < MOTH_PROGRAM_EVENTS_MAX)
            cut[n++] = event;
    }
    return n;
}

static enum moth_lua_step run_frames(struct moth_outside *o, const struct moth_bus_request *request,
                                     uint32_t from, uint32_t frames)
{
    static struct moth_input_event cut[MOTH_PROGRAM_EVENTS_MAX];
    uint32_t before = o->now.frame;
    size_t n = cut_events(o, request, from, frames, cut);
    enum moth_lua_step went = o->backend->step(o->backend->context, frames, cut, n, &o->now);
    o->frames += went == MOTH_LUA_STEP_OK ? frames : o->now.frame - before;
    moth_outside_take_events(o);
    return went;
}

/* What `until` is held against, as it was at the step's begin. */
struct begin {
    uint8_t grid[MOTH_CELL_ROWS * MOTH_CELL_COLUMNS];
    bool has_grid, has_value;
    struct moth_watch_value value;
};

static void note_begin(struct moth_outside *o, const struct moth_bus_request *request, struct begin *begin)
{
    *begin = (struct begin){0};
    o->announced = false;
    o->awaited = request->until == MOTH_BUS_UNTIL_EVENT ? request->until_name : NULL;
    if (request->until == MOTH_BUS_UNTIL_CELL)
        begin->has_grid = o->backend->cell(o->backend->context, begin->grid, NULL) == 0;
    if (request->until == MOTH_BUS_UNTIL_WATCH)
        begin->has_value =
            moth_outside_watch(o, moth_outside_published(o, request->until_name), &begin->value);
}

static bool same_value(const struct moth_watch_value *a, const struct moth_watch_value *b)
{
    return a->ok == b->ok && a->number == b->number && a->integer == b->integer && strcmp(a->text, b->text) == 0;
}

static bool compare(const struct moth_bus_request *request, const struct moth_watch_value *value)
{
    if (request->until_is_text)
        return (strcmp(value->text, request->until_text) == 0) ==
               (request->until_compare == MOTH_BUS_COMPARE_EQ);
    double is = value->number, wanted = request->until_value;
    switch (request->until_compare) {
    case MOTH_BUS_COMPARE_EQ:
        return is == wanted;
    case MOTH_BUS_COMPARE_NE:
        return is != wanted;
    case MOTH_BUS_COMPARE_LT:
        return is < wanted;
    case MOTH_BUS_COMPARE_LE:
        return is <= wanted;
    case MOTH_BUS_COMPARE_GT:
        return is > wanted;
    default:
        return is >= wanted;
    }
}

static bool is_met(struct moth_outside *o, const struct moth_bus_request *request, const struct begin *begin)
{
    struct moth_watch_value value;
    uint8_t grid[sizeof begin->grid];
    switch (request->until) {
    case MOTH_BUS_UNTIL_EVENT:
        return o->announced;
    case MOTH_BUS_UNTIL_CELL:
        return o->backend->cell(o->backend->context, grid, NULL) == 0 &&
               (!begin->has_grid || memcmp(grid, begin->grid, sizeof grid) != 0);
    case MOTH_BUS_UNTIL_WATCH:
        if (!moth_outside_watch(o, moth_outside_published(o, request->until_name), &value))
            return false;
        if (request->until_compare == MOTH_BUS_COMPARE_CHANGED)
            return !begin->has_value || !same_value(&value, &begin->value);
        return value.ok && compare(request, &value);
    default:
        return false;
    }
}

/* How the game ended, or why the instance is over. What was found is on disk before it is told. */
static void write_ended(struct moth_outside *o, const char *kind, size_t n_before)
{
    struct moth_keep *keep = &o->stage->keep;
    moth_keep_store(keep, o->stage->place, o->stage->index, o->stage->work,
                    moth_tree_instance(o->stage->tree));
    const struct moth_finding *finding = keep->n > n_before ? keep->items[keep->n - 1].finding : NULL;
    moth_text_key(&o->text, "ended");
    moth_text_raw(&o->text, "{");
    moth_text_string(&o->text, "kind", finding ? moth_finding_kind_name(finding->kind) : kind);
    if (finding) {
        moth_text_string(&o->text, "fingerprint", finding->fingerprint);
        moth_text_string(&o->text, "title", finding->title ? finding->title : "");
    } else {
        moth_text_null(&o->text, "fingerprint");
        moth_text_null(&o->text, "title");
    }
    moth_text_integer(&o->text, "frame", o->now.frame);
    moth_text_bool(&o->text, "restorable", !o->over);
    moth_text_raw(&o->text, "}");
}

void moth_outside_write_end(struct moth_outside *o, enum moth_lua_step went, size_t n_before)
{
    if (went == MOTH_LUA_STEP_ENDED) {
        o->alive = false;
        o->over = o->n_held == 0;
        o->result = MOTH_AGENT_GAME_ENDED;
        write_ended(o, moth_step_name(o->stage->step), n_before);
    } else if (o->how->max_frames && o->frames >= o->how->max_frames) {
        o->over = true;
        o->result = MOTH_AGENT_BUDGET;
        write_ended(o, "budget", o->stage->keep.n);
    } else {
        moth_text_null(&o->text, "ended");
    }
}

static unsigned n_members(const struct moth_outside *o)
{
    struct moth_lua_member member;
    unsigned n = 1;
    while (n < MOTH_MEMBERS_MAX && o->backend->member && o->backend->member(o->backend->context, n, &member))
        n++;
    return n;
}

/* The first input that is for nobody, or n_events. */
static uint32_t stray_input(const struct moth_outside *o, const struct moth_bus_request *request)
{
    uint32_t i = 0;
    unsigned most = 0, n;
    for (; i < request->n_events; i++)
        most = request->events[i].member > most ? request->events[i].member : most;
    if (most == 0 || most < (n = n_members(o)))
        return i;
    for (i = 0; request->events[i].member < n; i++)
        continue;
    return i;
}

static void do_step(struct moth_outside *o, const struct moth_bus_request *request)
{
    struct begin begin;
    size_t n_before = o->stage->keep.n;
    uint32_t frames = request->frames, left = o->how->max_frames ? o->how->max_frames - o->frames : frames;
    uint32_t part = request->each || request->until ? 1 : frames;
    enum moth_lua_step went = MOTH_LUA_STEP_OK;
    bool met = false;
    if (!o->alive) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, "the game has ended: restore a snapshot, or release the instance");
        return;
    }
    if (stray_input(o, request) < request->n_events) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, "an input is for a member that this group does not have");
        return;
    }
    frames = frames < left ? frames : left;
    part = part < frames ? part : frames;
    note_begin(o, request, &begin);
    moth_text_key(&o->text, "observations");
    moth_text_raw(&o->text, "[");
    for (uint32_t done = 0; done < frames && went == MOTH_LUA_STEP_OK && !met; done += part) {
        went = run_frames(o, request, done, part);
        if (went == MOTH_LUA_STEP_OK)
            met = is_met(o, request, &begin);
        if (went == MOTH_LUA_STEP_OK && (request->each || met || done + part >= frames))
            write_observation(o);
    }
    if (went == MOTH_LUA_STEP_INTERRUPTED) {
        moth_outside_refuse_run_over(o);
        return;
    }
    if (went == MOTH_LUA_STEP_ENDED && !request->each)
        write_observation(o);
    moth_text_raw(&o->text, "]");
    moth_outside_write_place(o, &o->text);
    moth_text_key(&o->text, "events");
    moth_text_raw(&o->text, "[");
    moth_buf_put(&o->text, o->events.bytes, o->events.size_bytes);
    moth_text_raw(&o->text, "]");
    moth_buf_clear(&o->events);
    if (request->until)
        moth_text_bool(&o->text, "met", met);
    moth_outside_look(o, request->picture);
    moth_outside_write_end(o, went, n_before);
    moth_outside_answer(o);
}

/* ---- branches ---- */

static struct moth_outside_place *place_of(struct moth_outside *o, uint64_t id)
{
    return id > 0 && id <= o->n_places && o->places[id - 1].held ? &o->places[id - 1] : NULL;
}

static bool keep_place(struct moth_outside *o, uint64_t id)
{
    if (id > o->n_places) {
        size_t room = id * 2 + 16;
        struct moth_outside_place *places = realloc(o->places, room * sizeof *places);
        if (!places)
            return false;
        memset(places + o->n_places, 0, (room - o->n_places) * sizeof *places);
        o->places = places;
        o->n_places = room;
    }
    o->places[id - 1].held = true;
    memcpy(o->places[id - 1].input, o->input, sizeof o->input);
    o->n_held++;
    return true;
}

static void do_snapshot(struct moth_outside *o)
{
    struct moth_err err = {.message = "no memory for a snapshot"};
    uint64_t id = o->alive ? o->backend->snapshot(o->backend->context, &err) : 0;
    if (!o->alive || !id) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED,
               o->alive ? err.message : "the game has ended: there is nothing to keep");
        return;
    }
    if (!keep_place(o, id)) {
        o->backend->release(o->backend->context, id);
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, err.message);
        return;
    }
    moth_text_integer(&o->text, "snapshot", (int64_t)id);
    moth_outside_write_place(o, &o->text);
    moth_outside_answer(o);
}

static void do_restore(struct moth_outside *o, const struct moth_bus_request *request)
{
    struct moth_outside_place *place = place_of(o, request->snapshot);
    struct moth_err err = {0};
    if (!place) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_UNKNOWN_SNAPSHOT, "there is no such snapshot, or it was released");
        return;
    }
    int result = o->backend->restore(o->backend->context, request->snapshot, &o->now, &err);
    memcpy(o->input, place->input, sizeof o->input);
    o->alive = result == 0;
    moth_buf_clear(&o->events);
    if (result != 0 && err.code == MOTH_ERR_INTERRUPTED) {
        moth_outside_refuse_run_over(o);
        return;
    }
    if (result != 0) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, err.message);
        return;
    }
    o->result = MOTH_AGENT_FINISHED;
    moth_outside_write_place(o, &o->text);
    moth_outside_write_state(o, &o->text);
    moth_outside_answer(o);
}

static void do_release(struct moth_outside *o, const struct moth_bus_request *request)
{
    struct moth_outside_place *place = place_of(o, request->snapshot);
    if (!request->has_snapshot) {
        o->over = true;
        moth_text_bool(&o->text, "released", true);
        moth_outside_answer(o);
    } else if (!place) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_UNKNOWN_SNAPSHOT, "there is no such snapshot, or it was released");
    } else {
        o->backend->release(o->backend->context, request->snapshot);
        place->held = false;
        o->n_held--;
        o->over = !o->alive && o->n_held == 0; /* nothing can follow */
        moth_text_bool(&o->text, "released", true);
        moth_outside_answer(o);
    }
}

/* ---- the rest ---- */

static void do_watch(struct moth_outside *o, const struct moth_bus_request *request)
{
    struct moth_watch_value value;
    struct moth_err err;
    char *why[MOTH_WATCHES_MAX] = {NULL};
    memcpy(o->watches, request->watches, request->n_watches * sizeof *o->watches);
    o->n_watches = request->n_watches;
    moth_text_key(&o->text, "missing");
    moth_text_raw(&o->text, "[");
    for (uint32_t i = 0; i < o->n_watches; i++) {
        struct moth_bus_alias *pair = &o->watches[i];
        if (moth_outside_watch(o, pair->name, &value))
            continue;
        err.message[0] = '\0';
        int result = o->backend->watch ? o->backend->watch(o->backend->context, pair->alias, pair->name, &err) : 1;
        if (result != 0) {
            moth_text_string(&o->text, NULL, pair->name);
            why[i] = err.message[0] ? moth_fs_path("%s", err.message) : NULL;
        }
        if (result >= 0 && o->backend->watch)
            memcpy(pair->name, pair->alias, sizeof pair->name); /* watched under the program's own name */
    }
    moth_text_raw(&o->text, "]");
    moth_text_key(&o->text, "why");
    moth_text_raw(&o->text, "{");
    for (uint32_t i = 0; i < o->n_watches; i++)
        if (why[i])
            moth_text_string(&o->text, o->watches[i].alias, why[i]);
    for (uint32_t i = 0; i < o->n_watches; i++)
        free(why[i]);
    moth_text_raw(&o->text, "}");
    moth_outside_write_state(o, &o->text);
    moth_outside_answer(o);
}

static void do_screenshot(struct moth_outside *o, const struct moth_bus_request *request)
{
    struct moth_err err = {.message = "the game has ended"};
    if (request->name[0] &&
        (!o->alive || o->backend->screenshot(o->backend->context, request->name, &err) != 0)) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, err.message);
        return;
    }
    moth_outside_write_place(o, &o->text);
    moth_outside_look(o, request->picture);
    moth_outside_answer(o);
}

static void do_note(struct moth_outside *o, const struct moth_bus_request *request)
{
    if (request->op == MOTH_BUS_OP_MARK)
        o->backend->mark(o->backend->context, o->now.frame, request->text);
    else
        o->backend->waiting(o->backend->context, o->now.frame, request->waiting);
    moth_outside_write_place(o, &o->text);
    moth_outside_answer(o);
}

static void handle(struct moth_outside *o, const struct moth_bus_request *request)
{
    moth_buf_clear(&o->text);
    o->picture = (struct moth_bus_frame){0};
    switch ((enum moth_bus_op)request->op) {
    case MOTH_BUS_OP_STEP:
        do_step(o, request);
        return;
    case MOTH_BUS_OP_SNAPSHOT:
        do_snapshot(o);
        return;
    case MOTH_BUS_OP_RESTORE:
        do_restore(o, request);
        return;
    case MOTH_BUS_OP_RELEASE:
        do_release(o, request);
        return;
    case MOTH_BUS_OP_WATCH:
        do_watch(o, request);
        return;
    case MOTH_BUS_OP_SCREENSHOT:
        do_screenshot(o, request);
        return;
    case MOTH_BUS_OP_MARK:
    case MOTH_BUS_OP_WAITING:
        do_note(o, request);
        return;
    case MOTH_BUS_OP_CALL:
        moth_outside_call(o, request);
        return;
    default:
        moth_outside_refuse(o, MOTH_BUS_ERROR_UNKNOWN_OP, "that is not for an instance");
        return;
    }
}

/* ---- the session ---- */

static void make_offer(struct moth_outside *o)
{
    const struct moth_trace_header *header = &o->stage->header;
    const struct moth_channel *channel = moth_instance_channel(moth_tree_instance(o->stage->tree));
    struct moth_buf offer;
    uint64_t hash;
    (void)o->backend->picture(o->backend->context, &hash,
                              NULL); /* the window is known once it was looked at */
    moth_buf_init(&offer);
    moth_outside_write_place(o, &offer);
    moth_text_key(&offer, "window");
    moth_text_raw(&offer, "[");
    moth_text_integer(&offer, NULL, channel->window_w);
    moth_text_integer(&offer, NULL, channel->window_h);
    moth_text_raw(&offer, "]");
    moth_text_key(&offer, "members");
    moth_text_raw(&offer, "[");
    struct moth_lua_member member;
    for (unsigned i = 0; i < n_members(o); i++)
        moth_text_string(
            &offer, NULL,
            o->backend->member && o->backend->member(o->backend->context, i, &member) ? member.name : "game");
    moth_text_raw(&offer, "]");
    moth_text_integer(&offer, "hz", header->hz);
    moth_text_integer(&offer, "seed", (int64_t)header->seed);
    moth_text_integer(&offer, "frames_left", o->how->max_frames);
    moth_buf_put_u8(&offer, '\0');
    if (!offer.failed)
        moth_bus_seat_offer(o->seat, (char *)offer.bytes + (offer.bytes[0] == ',' ? 1 : 0));
    moth_buf_fini(&offer);
}

static void begin(struct moth_outside *o)
{
    static struct moth_bus_request pads; /* plugged in from the start, as for every agent */
    o->alive = true;
    o->picture_fd = -1;
    o->result = MOTH_AGENT_FINISHED;
    for (uint32_t i = 0; i < o->how->pads && i < MOTH_PADS_MAX; i++)
        pads.events[i] = (struct moth_input_event){.type = MOTH_INPUT_PAD_ATTACH, .device = i & 0xf};
    pads.n_events = o->how->pads < MOTH_PADS_MAX ? o->how->pads : MOTH_PADS_MAX;
    if (pads.n_events > 0 && run_frames(o, &pads, 0, 1) != MOTH_LUA_STEP_OK) {
        o->over = true;
        o->result = o->stage->step == MOTH_STEP_OK ? MOTH_AGENT_INTERRUPTED : MOTH_AGENT_GAME_ENDED;
    }
}

/* Let go of what the program held, as at the end of every agent's play. */
static void let_go(struct moth_outside *o)
{
    static struct moth_bus_request releases;
    if (!o->alive || o->result != MOTH_AGENT_FINISHED ||
        (o->how->max_frames && o->frames >= o->how->max_frames))
        return;
    size_t n = 0;
    for (unsigned i = 0; i < MOTH_MEMBERS_MAX && n + MOTH_HELD_RELEASES_MAX <= MOTH_PROGRAM_EVENTS_MAX; i++)
        for (size_t more = moth_held_releases(&o->input[i], releases.events + n); more > 0; more--)
            releases.events[n++].member = i & 0xf;
    if (n > 0)
        (void)o->backend->step(o->backend->context, 1, releases.events, n, &o->now);
}

static void serve(struct moth_outside *o)
{
    while (!o->over) {
        const struct moth_bus_request *request = moth_bus_seat_wait(o->seat, WAIT_MS);
        if (o->stage->stopped && o->stage->stopped(o->stage->stop_context)) {
            if (request)
                moth_outside_refuse_run_over(o);
            o->result = MOTH_AGENT_INTERRUPTED;
            return;
        }
        moth_stage_tell(o->stage);
        if (request) {
            handle(o, request);
        } else if (moth_bus_seat_lapsed(o->seat)) {
            char *line =
                moth_fs_path("instance %u: the program that drove it said nothing for longer than its lease, "
                             "so it was ended",
                             o->stage->index);
            moth_stage_add_line(line, &o->stage->warnings);
            free(line);
            return;
        }
    }
}

enum moth_agent_result moth_outside_play(struct moth_stage *stage, const struct moth_lua_backend *backend,
                                         const struct moth_agent_play *how,
                                         struct moth_agent_outcome *outcome)
{
    struct moth_outside o = {
        .stage = stage, .backend = backend, .seat = &stage->place->seat, .how = how, .now = backend->now};
    moth_buf_init(&o.text);
    moth_buf_init(&o.events);
    begin(&o);
    if (!o.over) {
        make_offer(&o);
        serve(&o);
        moth_bus_seat_close(o.seat);
        let_go(&o);
    }
    for (size_t i = 0; i < o.n_places; i++)
        if (o.places[i].held)
            backend->release(backend->context, i + 1);
    if (o.picture_fd >= 0)
        close(o.picture_fd);
    free(o.places);
    moth_buf_fini(&o.text);
    moth_buf_fini(&o.events);
    *outcome = (struct moth_agent_outcome){.result = o.result, .frames = o.frames, .err = o.err};
    return o.result;
}
