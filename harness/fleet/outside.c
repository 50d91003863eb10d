/* SPDX-License-Identifier: MIT */
#include "fleet/outside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "bus/port.h"
#include "bus/text.h"
#include "fleet/held.h"
#include "runner/png.h"

#define WAIT_MS 200u /* between looks at whether the run is to end */

/* A snapshot of the program's; its id is the backend's. */
struct place {
    bool held;
    struct moth_held input[MOTH_MEMBERS_MAX];
};

struct outside {
    struct moth_stage *stage;
    const struct moth_lua_backend *backend;
    const struct moth_bus_seat *seat;
    const struct moth_agent_play *how;
    struct moth_lua_now now;
    uint32_t frames; /* boundaries run */
    bool alive;      /* the game can be stepped */
    bool over;       /* … and the session goes no further */
    enum moth_agent_result result;
    struct moth_held input[MOTH_MEMBERS_MAX]; /* held down in each member of the group */
    struct place *places; /* by id - 1 */
    size_t n_places, n_held;
    struct moth_bus_alias watches[MOTH_WATCHES_MAX]; /* what `state` holds; none: everything */
    uint32_t n_watches;
    struct moth_buf text;   /* the reply */
    struct moth_buf events; /* what the game announced since the last step, as JSON */
    bool announced;         /* … with the name that a step waits for */
    const char *awaited;
    int picture_fd; /* memory file, -1: none yet */
    struct moth_bus_frame picture;
};

/* ---- answers ---- */

static void answer(struct outside *o)
{
    moth_bus_seat_answer(o->seat, o->text.failed ? MOTH_BUS_ERROR_FAILED : MOTH_BUS_ERROR_NONE, (char *)o->text.bytes,
                         o->text.failed ? 0 : o->text.size_bytes, &o->picture, o->over);
}

static void refuse(struct outside *o, enum moth_bus_error error, const char *message)
{
    moth_bus_seat_answer(o->seat, error, message, strlen(message), NULL, o->over);
}

static void refuse_run_over(struct outside *o)
{
    o->over = true;
    o->result = MOTH_AGENT_INTERRUPTED;
    refuse(o, MOTH_BUS_ERROR_RUN_OVER, "the run is over");
}

/* ---- what is seen ---- */

static struct moth_watch_value copy_watch(const struct moth_watch_value *untrusted)
{
    struct moth_watch_value value = *untrusted;
    value.name[sizeof value.name - 1] = value.text[sizeof value.text - 1] = '\0';
    return value;
}

static bool find_watch(const struct outside *o, const char *name, struct moth_watch_value *value)
{
    uint32_t n = 0;
    const struct moth_watch_value *all = o->backend->watches(o->backend->context, &n);
    for (uint32_t i = 0; all && i < n; i++) {
        *value = copy_watch(&all[i]);
        if (strcmp(value->name, name) == 0)
            return true;
    }
    return false;
}

/* The published name that a program's own stands for. */
static const char *published(const struct outside *o, const char *name)
{
    for (uint32_t i = 0; i < o->n_watches; i++)
        if (strcmp(o->watches[i].alias, name) == 0)
            return o->watches[i].name;
    return name;
}

static void write_state(const struct outside *o, struct moth_buf *text)
{
    uint32_t n = 0;
    struct moth_watch_value value;
    const struct moth_watch_value *all = o->backend->watches(o->backend->context, &n);
    moth_text_key(text, "state");
    moth_text_raw(text, "{");
    for (uint32_t i = 0; all && o->n_watches == 0 && i < n; i++) {
        value = copy_watch(&all[i]);
        moth_bus_watch_write(text, value.name, &value);
    }
    for (uint32_t i = 0; i < o->n_watches; i++) {
        if (find_watch(o, o->watches[i].name, &value))
            moth_bus_watch_write(text, o->watches[i].alias, &value);
        else
            moth_text_null(text, o->watches[i].alias);
    }
    moth_text_raw(text, "}");
}

static void write_place(const struct outside *o, struct moth_buf *text)
{
    moth_text_integer(text, "frame", o->now.frame);
    moth_text_seconds(text, "time", o->now.time_ns);
}

static void write_observation(struct outside *o)
{
    moth_text_key(&o->text, NULL);
    moth_text_raw(&o->text, "{");
    write_place(o, &o->text);
    write_state(o, &o->text);
    moth_text_raw(&o->text, "}");
}

static void note_announcement(const struct moth_announcement *said, void *context)
{
    struct outside *o = context;
    o->announced |= o->awaited && (o->awaited[0] == '\0' || strcmp(o->awaited, said->name) == 0);
    if (o->events.size_bytes > MOTH_BUS_REPLY_BYTES / 4)
        return;
    moth_text_key(&o->events, NULL);
    moth_text_raw(&o->events, "{");
    moth_text_integer(&o->events, "frame", said->frame);
    moth_text_string(&o->events, "kind", said->kind == MOTH_ANNOUNCE_VIOLATION ? "violation" : "event");
    moth_text_string(&o->events, "name", said->name);
    moth_text_string(&o->events, "text", said->text);
    moth_text_raw(&o->events, "}");
}

static void take_announcements(struct outside *o)
{
    moth_instance_announcements(moth_tree_instance(o->stage->tree), note_announcement, o);
}

/* ---- pictures ---- */

/* Into the memory file, which the program or the bus reads before it asks for the next one. */
static int put_picture(struct outside *o, const void *bytes, size_t size)
{
    if (o->picture_fd < 0)
        o->picture_fd = memfd_create("moth-picture", MFD_CLOEXEC);
    o->picture.fd = o->picture_fd;
    o->picture.size_bytes = size;
    if (o->picture_fd < 0 || ftruncate(o->picture_fd, (off_t)size) != 0)
        return -1;
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(o->picture_fd, (const char *)bytes + done, size - done, (off_t)done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int take_pixels(struct outside *o, uint32_t kind, struct moth_err *err)
{
    struct moth_picture picture;
    if (moth_instance_pixels(moth_tree_instance(o->stage->tree), &picture, err) != 0)
        return -1;
    o->picture = (struct moth_bus_frame){.kind = kind,
                                         .sequence = picture.sequence,
                                         .width = picture.width,
                                         .height = picture.height,
                                         .pitch_bytes = picture.width * 4};
    if (kind == MOTH_BUS_PICTURE_SHM)
        return put_picture(o, picture.pixels, (size_t)picture.width * picture.height * 4) == 0
                   ? 0
                   : moth_err_sys(err, MOTH_ERR_MEMORY, "no memory for the picture");
    struct moth_buf png;
    moth_buf_init(&png);
    int result = moth_png_encode(&png, picture.pixels, picture.width, picture.height, err);
    if (result == 0 && put_picture(o, png.bytes, png.size_bytes) != 0)
        result = moth_err_sys(err, MOTH_ERR_MEMORY, "no memory for the picture");
    moth_buf_fini(&png);
    return result;
}

/* A picture that cannot be had is said, and fails nothing. */
static void look(struct outside *o, uint32_t kind)
{
    struct moth_err err = {.message = "the game is over"};
    uint64_t hash = 0;
    if (kind == MOTH_BUS_PICTURE_NONE)
        return;
    int result = !o->alive                          ? -1
                 : kind == MOTH_BUS_PICTURE_HASH ? o->backend->picture(o->backend->context, &hash, &err)
                                                 : take_pixels(o, kind, &err);
    if (result == 0 && kind != MOTH_BUS_PICTURE_HASH)
        return; /* the bus writes it */
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    o->picture = (struct moth_bus_frame){0};
    moth_text_key(&o->text, "picture");
    moth_text_raw(&o->text, "{");
    moth_text_string(&o->text, result == 0 ? "hash" : "error", result == 0 ? text : err.message);
    moth_text_raw(&o->text, "}");
}

/* ---- stepping ---- */

/* The events of [from, from + frames) that change something, counted from 0. */
static size_t cut_events(struct outside *o, const struct moth_bus_request *request, uint32_t from, uint32_t frames,
                         struct moth_input_event *cut)
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

static enum moth_lua_step run_frames(struct outside *o, const struct moth_bus_request *request, uint32_t from,
                                     uint32_t frames)
{
    static struct moth_input_event cut[MOTH_PROGRAM_EVENTS_MAX];
    uint32_t before = o->now.frame;
    size_t n = cut_events(o, request, from, frames, cut);
    enum moth_lua_step went = o->backend->step(o->backend->context, frames, cut, n, &o->now);
    o->frames += went == MOTH_LUA_STEP_OK ? frames : o->now.frame - before;
    take_announcements(o);
    return went;
}

/* What `until` is held against, as it was at the step's begin. */
struct begin {
    uint8_t grid[MOTH_CELL_ROWS * MOTH_CELL_COLUMNS];
    bool has_grid, has_value;
    struct moth_watch_value value;
};

static void note_begin(struct outside *o, const struct moth_bus_request *request, struct begin *begin)
{
    *begin = (struct begin){0};
    o->announced = false;
    o->awaited = request->until == MOTH_BUS_UNTIL_EVENT ? request->until_name : NULL;
    if (request->until == MOTH_BUS_UNTIL_CELL)
        begin->has_grid = o->backend->cell(o->backend->context, begin->grid, NULL) == 0;
    if (request->until == MOTH_BUS_UNTIL_WATCH)
        begin->has_value = find_watch(o, published(o, request->until_name), &begin->value);
}

static bool same_value(const struct moth_watch_value *a, const struct moth_watch_value *b)
{
    return a->ok == b->ok && a->number == b->number && strcmp(a->text, b->text) == 0;
}

static bool compare(const struct moth_bus_request *request, const struct moth_watch_value *value)
{
    if (request->until_is_text)
        return (strcmp(value->text, request->until_text) == 0) == (request->until_compare == MOTH_BUS_COMPARE_EQ);
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

static bool is_met(struct outside *o, const struct moth_bus_request *request, const struct begin *begin)
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
        if (!find_watch(o, published(o, request->until_name), &value))
            return false;
        if (request->until_compare == MOTH_BUS_COMPARE_CHANGED)
            return !begin->has_value || !same_value(&value, &begin->value);
        return value.ok && compare(request, &value);
    default:
        return false;
    }
}

/* How the game ended, or why the instance is over. What was found is on disk before it is told. */
static void write_ended(struct outside *o, const char *kind, size_t n_before)
{
    struct moth_keep *keep = &o->stage->keep;
    moth_keep_store(keep, o->stage->place, o->stage->index, o->stage->work, moth_tree_instance(o->stage->tree));
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

static void write_end(struct outside *o, enum moth_lua_step went, size_t n_before)
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

static unsigned n_members(const struct outside *o)
{
    struct moth_lua_member member;
    unsigned n = 1;
    while (n < MOTH_MEMBERS_MAX && o->backend->member && o->backend->member(o->backend->context, n, &member))
        n++;
    return n;
}

/* The first input that is for nobody, or n_events. */
static uint32_t stray_input(const struct outside *o, const struct moth_bus_request *request)
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

static void do_step(struct outside *o, const struct moth_bus_request *request)
{
    struct begin begin;
    size_t n_before = o->stage->keep.n;
    uint32_t frames = request->frames, left = o->how->max_frames ? o->how->max_frames - o->frames : frames;
    uint32_t part = request->each || request->until ? 1 : frames;
    enum moth_lua_step went = MOTH_LUA_STEP_OK;
    bool met = false;
    if (!o->alive) {
        refuse(o, MOTH_BUS_ERROR_FAILED, "the game has ended: restore a snapshot, or release the instance");
        return;
    }
    if (stray_input(o, request) < request->n_events) {
        refuse(o, MOTH_BUS_ERROR_FAILED, "an input is for a member that this group does not have");
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
        refuse_run_over(o);
        return;
    }
    if (went == MOTH_LUA_STEP_ENDED && !request->each)
        write_observation(o);
    moth_text_raw(&o->text, "]");
    write_place(o, &o->text);
    moth_text_key(&o->text, "events");
    moth_text_raw(&o->text, "[");
    moth_buf_put(&o->text, o->events.bytes, o->events.size_bytes);
    moth_text_raw(&o->text, "]");
    moth_buf_clear(&o->events);
    if (request->until)
        moth_text_bool(&o->text, "met", met);
    look(o, request->picture);
    write_end(o, went, n_before);
    answer(o);
}

/* ---- branches ---- */

static struct place *place_of(struct outside *o, uint64_t id)
{
    return id > 0 && id <= o->n_places && o->places[id - 1].held ? &o->places[id - 1] : NULL;
}

static bool keep_place(struct outside *o, uint64_t id)
{
    if (id > o->n_places) {
        size_t room = id * 2 + 16;
        struct place *places = realloc(o->places, room * sizeof *places);
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

static void do_snapshot(struct outside *o)
{
    struct moth_err err = {.message = "no memory for a snapshot"};
    uint64_t id = o->alive ? o->backend->snapshot(o->backend->context, &err) : 0;
    if (!o->alive || !id) {
        refuse(o, MOTH_BUS_ERROR_FAILED, o->alive ? err.message : "the game has ended: there is nothing to keep");
        return;
    }
    if (!keep_place(o, id)) {
        o->backend->release(o->backend->context, id);
        refuse(o, MOTH_BUS_ERROR_FAILED, err.message);
        return;
    }
    moth_text_integer(&o->text, "snapshot", (int64_t)id);
    write_place(o, &o->text);
    answer(o);
}

static void do_restore(struct outside *o, const struct moth_bus_request *request)
{
    struct place *place = place_of(o, request->snapshot);
    struct moth_err err = {0};
    if (!place) {
        refuse(o, MOTH_BUS_ERROR_UNKNOWN_SNAPSHOT, "there is no such snapshot, or it was released");
        return;
    }
    int result = o->backend->restore(o->backend->context, request->snapshot, &o->now, &err);
    memcpy(o->input, place->input, sizeof o->input);
    o->alive = result == 0;
    moth_buf_clear(&o->events);
    if (result != 0 && err.code == MOTH_ERR_INTERRUPTED) {
        refuse_run_over(o);
        return;
    }
    if (result != 0) {
        refuse(o, MOTH_BUS_ERROR_FAILED, err.message);
        return;
    }
    o->result = MOTH_AGENT_FINISHED;
    write_place(o, &o->text);
    write_state(o, &o->text);
    answer(o);
}

static void do_release(struct outside *o, const struct moth_bus_request *request)
{
    struct place *place = place_of(o, request->snapshot);
    if (!request->has_snapshot) {
        o->over = true;
        moth_text_bool(&o->text, "released", true);
        answer(o);
    } else if (!place) {
        refuse(o, MOTH_BUS_ERROR_UNKNOWN_SNAPSHOT, "there is no such snapshot, or it was released");
    } else {
        o->backend->release(o->backend->context, request->snapshot);
        place->held = false;
        o->n_held--;
        o->over = !o->alive && o->n_held == 0; /* nothing can follow */
        moth_text_bool(&o->text, "released", true);
        answer(o);
    }
}

/* ---- the rest ---- */

static void do_watch(struct outside *o, const struct moth_bus_request *request)
{
    struct moth_watch_value value;
    memcpy(o->watches, request->watches, request->n_watches * sizeof *o->watches);
    o->n_watches = request->n_watches;
    moth_text_key(&o->text, "missing");
    moth_text_raw(&o->text, "[");
    for (uint32_t i = 0; i < o->n_watches; i++)
        if (!find_watch(o, o->watches[i].name, &value))
            moth_text_string(&o->text, NULL, o->watches[i].name);
    moth_text_raw(&o->text, "]");
    write_state(o, &o->text);
    answer(o);
}

static void do_screenshot(struct outside *o, const struct moth_bus_request *request)
{
    struct moth_err err = {.message = "the game has ended"};
    if (request->name[0] && (!o->alive || o->backend->screenshot(o->backend->context, request->name, &err) != 0)) {
        refuse(o, MOTH_BUS_ERROR_FAILED, err.message);
        return;
    }
    write_place(o, &o->text);
    look(o, request->picture);
    answer(o);
}

static void do_note(struct outside *o, const struct moth_bus_request *request)
{
    if (request->op == MOTH_BUS_OP_MARK)
        o->backend->mark(o->backend->context, o->now.frame, request->text);
    else
        o->backend->waiting(o->backend->context, o->now.frame, request->waiting);
    write_place(o, &o->text);
    answer(o);
}

static void handle(struct outside *o, const struct moth_bus_request *request)
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
        refuse(o, MOTH_BUS_ERROR_NOT_AVAILABLE, "calling functions of the game is not available in this version of moth");
        return;
    default:
        refuse(o, MOTH_BUS_ERROR_UNKNOWN_OP, "that is not for an instance");
        return;
    }
}

/* ---- the session ---- */

static void make_offer(struct outside *o)
{
    const struct moth_trace_header *header = &o->stage->header;
    const struct moth_channel *channel = moth_instance_channel(moth_tree_instance(o->stage->tree));
    struct moth_buf offer;
    uint64_t hash;
    (void)o->backend->picture(o->backend->context, &hash, NULL); /* the window is known once it was looked at */
    moth_buf_init(&offer);
    write_place(o, &offer);
    moth_text_key(&offer, "window");
    moth_text_raw(&offer, "[");
    moth_text_integer(&offer, NULL, channel->window_w);
    moth_text_integer(&offer, NULL, channel->window_h);
    moth_text_raw(&offer, "]");
    moth_text_key(&offer, "members");
    moth_text_raw(&offer, "[");
    struct moth_lua_member member;
    for (unsigned i = 0; i < n_members(o); i++)
        moth_text_string(&offer, NULL, o->backend->member && o->backend->member(o->backend->context, i, &member)
                                           ? member.name : "game");
    moth_text_raw(&offer, "]");
    moth_text_integer(&offer, "hz", header->hz);
    moth_text_integer(&offer, "seed", (int64_t)header->seed);
    moth_text_integer(&offer, "frames_left", o->how->max_frames);
    moth_buf_put_u8(&offer, '\0');
    if (!offer.failed)
        moth_bus_seat_offer(o->seat, (char *)offer.bytes + (offer.bytes[0] == ',' ? 1 : 0));
    moth_buf_fini(&offer);
}

static void begin(struct outside *o)
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
static void let_go(struct outside *o)
{
    static struct moth_bus_request releases;
    if (!o->alive || o->result != MOTH_AGENT_FINISHED || (o->how->max_frames && o->frames >= o->how->max_frames))
        return;
    size_t n = 0;
    for (unsigned i = 0; i < MOTH_MEMBERS_MAX && n + MOTH_HELD_RELEASES_MAX <= MOTH_PROGRAM_EVENTS_MAX; i++)
        for (size_t more = moth_held_releases(&o->input[i], releases.events + n); more > 0; more--)
            releases.events[n++].member = i & 0xf;
    if (n > 0)
        (void)o->backend->step(o->backend->context, 1, releases.events, n, &o->now);
}

static void serve(struct outside *o)
{
    while (!o->over) {
        const struct moth_bus_request *request = moth_bus_seat_wait(o->seat, WAIT_MS);
        if (o->stage->stopped && o->stage->stopped(o->stage->stop_context)) {
            if (request)
                refuse_run_over(o);
            o->result = MOTH_AGENT_INTERRUPTED;
            return;
        }
        moth_stage_tell(o->stage);
        if (request) {
            handle(o, request);
        } else if (moth_bus_seat_lapsed(o->seat)) {
            char *line = moth_fs_path("instance %u: the program that drove it said nothing for longer than its lease, "
                                      "so it was ended",
                                      o->stage->index);
            moth_stage_add_line(line, &o->stage->warnings);
            free(line);
            return;
        }
    }
}

enum moth_agent_result moth_outside_play(struct moth_stage *stage, const struct moth_lua_backend *backend,
                                         const struct moth_agent_play *how, struct moth_agent_outcome *outcome)
{
    struct outside o = {
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
    *outcome = (struct moth_agent_outcome){.result = o.result, .frames = o.frames};
    return o.result;
}
