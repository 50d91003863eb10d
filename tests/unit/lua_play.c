/* SPDX-License-Identifier: MIT */
#include "lua_play.h"

#include <inttypes.h>

static void say(struct lua_play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct lua_play *play, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(play->log + play->used, sizeof play->log - play->used, format, args);
    va_end(args);
    if (n > 0 && play->used + (size_t)n < sizeof play->log)
        play->used += (size_t)n;
}

static void say_event(struct lua_play *play, const struct moth_input_event *event)
{
    assert_int_equal(event->frame, 0);
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        say(play, " %s:%s", event->type == MOTH_INPUT_KEY_DOWN ? "down" : "up", moth_key_name(event->code));
        break;
    case MOTH_INPUT_TEXT:
        assert_non_null(memchr(event->text, '\0', MOTH_TEXT_MAX));
        say(play, " text:%s", event->text);
        break;
    case MOTH_INPUT_MOUSE_MOVE:
        say(play, " move:%d,%d", event->x, event->y);
        break;
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        say(play, " %s:%u", event->type == MOTH_INPUT_MOUSE_DOWN ? "mouse_down" : "mouse_up", event->code);
        break;
    case MOTH_INPUT_WHEEL:
        say(play, " wheel:%d,%d", event->x, event->y);
        break;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
        say(play, " pad%u_%s:%s", event->device, event->type == MOTH_INPUT_PAD_DOWN ? "down" : "up",
            moth_pad_button_name(event->code));
        break;
    case MOTH_INPUT_PAD_AXIS:
        say(play, " pad%u_axis:%s=%d", event->device, moth_pad_axis_name(event->code), event->x);
        break;
    case MOTH_INPUT_PAD_ATTACH:
        say(play, " pad%u", event->device);
        break;
    case MOTH_INPUT_QUIT:
        say(play, " quit");
        break;
    default:
        fail_msg("event type %u", event->type);
    }
}

static void note_event(struct lua_play *play, const struct moth_input_event *event)
{
    bool down = event->type == MOTH_INPUT_KEY_DOWN;
    if (down || event->type == MOTH_INPUT_KEY_UP) {
        if (event->code == moth_key_from_name("right"))
            play->walk.right = down;
        if (event->code == moth_key_from_name("left"))
            play->walk.left = down;
    }
    if (play->walk.n_events == LUA_PLAY_EVENTS)
        return;
    struct moth_input_event *kept = &play->events[play->walk.n_events++];
    *kept = *event;
    kept->frame = play->now.frame;
}

static int way(void *context, struct moth_input_event **events, size_t *n_events)
{
    struct lua_play *play = context;
    *n_events = play->walk.n_events;
    *events = calloc(*n_events + 1, sizeof **events);
    if (!*events)
        return -1;
    memcpy(*events, play->events, *n_events * sizeof **events);
    return 0;
}

/* Functions that give back nothing but zeros. */
static enum moth_lua_call call_function(void *context, struct moth_call *call, char *result, size_t size,
                                        struct moth_lua_now *now, struct moth_err *err)
{
    (void)context;
    (void)now;
    (void)err;
    for (unsigned i = 0; i < call->signature.nodes[0].end; i++)
        call->values[i] = (struct moth_call_value){.slot = MOTH_CALL_NO_SLOT};
    return moth_call_encode_result(call, result, size) == 0 ? MOTH_LUA_CALL_OK : MOTH_LUA_CALL_REFUSED;
}

static const struct moth_watch_value *watches(void *context, uint32_t *n)
{
    struct lua_play *play = context;
    play->watch = (struct moth_watch_value){.name = "x", .type = 0, .ok = 1, .number = play->walk.x};
    *n = 1;
    return &play->watch;
}

/* A picture whose column is the tens of x. */
static int cell(void *context, uint8_t *grid, struct moth_err *err)
{
    struct lua_play *play = context;
    if (play->no_picture)
        return moth_err_set(err, MOTH_ERR_IO, "the picture cannot be read");
    memset(grid, 0, MOTH_CELL_ROWS * MOTH_CELL_COLUMNS);
    grid[(uint32_t)(play->walk.x / 10 + 1000) % (MOTH_CELL_ROWS * MOTH_CELL_COLUMNS)] = 255;
    return 0;
}

static enum moth_lua_step step(void *context, uint32_t frames, const struct moth_input_event *events,
                               size_t n_events, struct moth_lua_now *now)
{
    struct lua_play *play = context;
    assert_in_range(frames, 1, 256);
    say(play, "step %u", frames);
    for (size_t i = 0; i < n_events; i++)
        say_event(play, &events[i]);
    for (size_t i = 0; i < n_events; i++)
        note_event(play, &events[i]);
    say(play, "\n");
    enum moth_lua_step result = MOTH_LUA_STEP_OK;
    for (uint32_t i = 0; i < frames && result == MOTH_LUA_STEP_OK; i++) {
        play->now.frame++;
        play->walk.x += play->walk.right - play->walk.left;
        if (abs(play->walk.x) > play->furthest)
            play->furthest = abs(play->walk.x);
        if (play->dies_at && abs(play->walk.x) == play->dies_at)
            result = MOTH_LUA_STEP_ENDED;
        if (play->now.frame == play->ends_at)
            result = MOTH_LUA_STEP_ENDED;
        else if (play->now.frame == play->interrupts_at)
            result = MOTH_LUA_STEP_INTERRUPTED;
    }
    play->now.time_ns = play->now.frame * UINT64_C(16666667);
    play->now.window_w = 320;
    play->now.window_h = 200;
    *now = play->now;
    return result;
}

static int picture(void *context, uint64_t *hash, struct moth_err *err)
{
    struct lua_play *play = context;
    if (play->no_picture)
        return moth_err_set(err, MOTH_ERR_IO, "the picture cannot be read");
    *hash = 0xabc0 + play->now.frame;
    return 0;
}

/* Grey in all shades; half as large as the window. */
static int pixels(void *context, struct moth_lua_picture *seen, struct moth_err *err)
{
    static uint8_t all[160 * 100 * 4];
    struct lua_play *play = context;
    if (play->no_picture)
        return moth_err_set(err, MOTH_ERR_IO, "the picture cannot be read");
    for (size_t i = 0; i < sizeof all / 4; i++)
        memset(all + 4 * i, (int)((i * 7 + i / 160 * 11 + i / 160 * i % 160) & 255), 4);
    *seen = (struct moth_lua_picture){all, 160, 100};
    return 0;
}

static int keep_picture(void *context, const char *path, const char *name, const uint8_t *rgbx, uint32_t width,
                        uint32_t height, struct moth_err *err)
{
    (void)err;
    assert_non_null(rgbx);
    const char *slash = path ? strrchr(path, '/') : NULL;
    say(context, "keep %s %u x %u\n", name ? name : slash + 1, width, height);
    return 0;
}

static int screenshot(void *context, const char *name, struct moth_err *err)
{
    struct lua_play *play = context;
    if (play->no_picture)
        return moth_err_set(err, MOTH_ERR_IO, "the picture cannot be read");
    say(play, "screenshot %s\n", name);
    return 0;
}

static void finding(void *context, enum moth_finding_kind kind, const char *title, const char *where,
                    uint32_t frame)
{
    (void)where;
    say(context, "finding %d %u %s\n", (int)kind, frame, title);
}

static void mark(void *context, uint32_t frame, const char *text)
{
    say(context, "mark %u %s\n", frame, text);
}

static void waiting(void *context, uint32_t frame, bool is_waiting)
{
    say(context, "waiting %u %d\n", frame, is_waiting);
}

static uint64_t snapshot(void *context, struct moth_err *err)
{
    struct lua_play *play = context;
    for (size_t i = 0; i < (play->many_places ? LUA_PLAY_PLACES_MANY : LUA_PLAY_PLACES); i++)
        if (play->places[i].frame == 0) {
            play->places[i] = play->now;
            play->walks[i] = play->walk;
            size_t n_events;
            free(play->branches[i]);
            assert_int_equal(way(play, &play->branches[i], &n_events), 0);
            say(play, "snapshot %zu\n", i + 1);
            return i + 1;
        }
    moth_err_set(err, MOTH_ERR_MEMORY, "no room for another snapshot");
    return 0;
}

static int restore(void *context, uint64_t id, struct moth_lua_now *now, struct moth_err *err)
{
    struct lua_play *play = context;
    say(play, "restore %u\n", (unsigned)id);
    if (play->no_restore)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "its process was killed");
    play->now = *now = play->places[id - 1];
    play->walk = play->walks[id - 1];
    memcpy(play->events, play->branches[id - 1], play->walk.n_events * sizeof *play->events);
    return 0;
}

static void release(void *context, uint64_t id)
{
    struct lua_play *play = context;
    say(play, "release %u\n", (unsigned)id);
    play->places[id - 1].frame = 0;
}

static void print(void *context, const char *line)
{
    say(context, "print %s\n", line);
}

void lua_play_named(struct lua_play *play, const char *name)
{
    struct moth_agent *agent = moth_agent_load(name, &play->options, &play->load_err);
    play->loaded = agent != NULL;
    if (!agent)
        return;
    struct moth_lua_backend backend = {.context = play,
                                       .now = play->now,
                                       .step = step,
                                       .picture = picture,
                                       .screenshot = screenshot,
                                       .finding = finding,
                                       .mark = mark,
                                       .waiting = waiting,
                                       .cell = cell,
                                       .pixels = pixels,
                                       .keep_picture = keep_picture,
                                       .way = way,
                                       .watches = watches,
                                       .call = call_function,
                                       .log = play->archive,
                                       .snapshot = play->no_snapshots ? NULL : snapshot,
                                       .restore = restore,
                                       .release = release,
                                       .print = print};
    enum moth_agent_result result = moth_agent_play(agent, &backend, &play->play, &play->outcome);
    assert_int_equal(result, play->outcome.result);
    moth_agent_free(agent);
    for (size_t i = 0; i < LUA_PLAY_PLACES_MANY; i++) {
        free(play->branches[i]);
        play->branches[i] = NULL;
    }
}

void lua_play(struct lua_play *play, const char *script)
{
    char *scratch = play->folder ? NULL : test_scratch();
    char *path = moth_fs_path("%s/bot.lua", play->folder ? play->folder : scratch);
    struct moth_err err;
    if (moth_fs_write_atomic(path, script, strlen(script), &err) != 0)
        fail_msg("%s", err.message);
    lua_play_named(play, path);
    free(path);
    if (scratch)
        test_scratch_remove(scratch);
}

void lua_play_well(struct lua_play *play, const char *script)
{
    lua_play(play, script);
    if (!play->loaded)
        fail_msg("not loaded: %s", play->load_err.message);
    if (play->outcome.result != MOTH_AGENT_FINISHED)
        fail_msg("%s: %s\n%s", moth_agent_result_name(play->outcome.result), play->outcome.err.message,
                 play->outcome.traceback);
}

void lua_play_fails(const char *script, const char *part)
{
    struct lua_play *play = calloc(1, sizeof *play);
    assert_non_null(play);
    play->play.max_frames = 1000;
    lua_play(play, script);
    if (!play->loaded)
        fail_msg("not loaded: %s", play->load_err.message);
    assert_int_equal(play->outcome.result, MOTH_AGENT_ERROR);
    assert_int_equal(play->outcome.err.code, MOTH_ERR_SCRIPT);
    if (!strstr(play->outcome.err.message, part))
        fail_msg("\"%s\" has no \"%s\" in it", play->outcome.err.message, part);
    free(play);
}
