/* SPDX-License-Identifier: MIT
 *
 * A recording as a scenario: what it waits for, how it reads, and that whatever was recorded comes out as a script
 * that plays the same inputs at the same frames.
 */
#include "test.h"

#include <math.h>

#include "base/rng.h"
#include "bindings/lua/host.h"
#include "moth/moth.h"
#include "script/scenario.h"
#include "wire/keyboard.h"

#define FRAMES 600u

static char *argv[] = {"./game", "it's", NULL}, *env[] = {NULL};

struct recording {
    struct moth_input_event events[4000];
    size_t n;
    struct moth_trace_mark marks[8];
    struct moth_state_log state;
    struct moth_trace trace;
};

static struct recording recording;

static int begin(void **state)
{
    (void)state;
    recording.n = 0;
    moth_state_log_init(&recording.state);
    recording.trace = (struct moth_trace){.header = {.argv = argv, .env = env, .hz = 60, .directory = "/games"},
                                          .events = recording.events,
                                          .marks = recording.marks,
                                          .frames = FRAMES};
    return 0;
}

static int end(void **state)
{
    (void)state;
    moth_state_log_fini(&recording.state);
    return 0;
}

static void add(uint32_t frame, uint8_t type, uint16_t code, int32_t x, int32_t y)
{
    struct moth_input_event event = {.frame = frame, .type = type, .code = code};
    event.x = x;
    event.y = y;
    recording.events[recording.n++] = event;
    recording.trace.n_events = recording.n;
}

static void add_mark(uint32_t frame, const char *text)
{
    recording.marks[recording.trace.n_marks++] = (struct moth_trace_mark){frame, (char *)(uintptr_t)text};
}

static void add_state(uint32_t frame, const char *name, uint8_t type, double number, const char *text)
{
    struct moth_watch_value value = {.type = type, .ok = 1, .number = number};
    snprintf(value.name, sizeof value.name, "%s", name);
    snprintf(value.text, sizeof value.text, "%s", text);
    moth_state_log_add(&recording.state, frame, &value, 1);
}

static char *written(bool key_repeat)
{
    struct moth_scenario scenario = {.trace = &recording.trace,
                                     .state = &recording.state,
                                     .run_seed = 1,
                                     .file = "my scenario.lua",
                                     .key_repeat = key_repeat};
    char *text = moth_scenario_text(&scenario);
    assert_non_null(text);
    return text;
}

/* ---- how it reads ---- */

static const char expected[] =
    "-- Recorded: 600 frames (10.0 s), 13 inputs, 1 mark. Play it again:\n"
    "--\n"
    "--   moth run -s 'my scenario.lua' -- ./game 'it'\\''s'\n"
    "--   (in /games)\n"
    "\n"
    "-- The mouse, place by place: { x, y } for a frame, { x, y, n } for n frames.\n"
    "local function path(game, places)\n"
    "    for i, place in ipairs(places) do\n"
    "        game:mouse_move(place[1], place[2])\n"
    "        if i < #places then\n"
    "            game:step(place[3] or 1)\n"
    "        end\n"
    "    end\n"
    "end\n"
    "\n"
    "return function(game)\n"
    "    game:step(9)\n"
    "    game:tap(\"return\")                   -- frame 10, 0.17 s\n"
    "    -- it took 88 frames, to frame 100, 1.67 s\n"
    "    game:expect(game:wait_until(function() return game.state.scene == \"the \\\"end\\\"\" end, { timeout = 300 }),\n"
    "        \"waited in vain for game.state.scene == \\\"the \\\\\\\"end\\\\\\\"\\\"\")\n"
    "    game:step(20)\n"
    "\n"
    "    game:press(\"right\")                  -- frame 120, 2.00 s\n"
    "    -- it took 80 frames, to frame 200, 3.33 s\n"
    "    game:expect(game:wait_until(function() return not game.state[\"player.alive\"] end, { timeout = 300 }),\n"
    "        \"waited in vain for not game.state[\\\"player.alive\\\"]\")\n"
    "    game:step(10)\n"
    "\n"
    "    game:release(\"right\")                -- frame 210, 3.50 s\n"
    "    game:step(40)\n"
    "\n"
    "    ---- the ?boss ---- frame 250, 4.17 s\n"
    "    game:mark(\"the \\010boss\")\n"
    "    game:step(50)\n"
    "    path(game, {                         -- frame 300, 5.00 s, to frame 306\n"
    "        { 1, 2 }, { 3, 4, 4 }, { 5, 6 }, { 7, 8 },\n"
    "    })\n"
    "    game:step()\n"
    "    game:mouse_press()                   -- frame 307, 5.12 s\n"
    "    game:hold(\"a\", 5)                    -- frame 307, 5.12 s\n"
    "    game:mouse_release()                 -- frame 312, 5.20 s\n"
    "    game:step(288)\n"
    "end\n";

static void it_reads_like_one(void **state)
{
    (void)state;
    uint16_t right = moth_key_from_name("right"), a = moth_key_from_name("a"), enter = moth_key_from_name("return");
    add(10, MOTH_INPUT_KEY_DOWN, enter, 0, 0);
    add(11, MOTH_INPUT_KEY_UP, enter, 0, 0);
    add(120, MOTH_INPUT_KEY_DOWN, right, 0, 0);
    add(210, MOTH_INPUT_KEY_UP, right, 0, 0);
    add(300, MOTH_INPUT_MOUSE_MOVE, 0, 1, 2);
    add(301, MOTH_INPUT_MOUSE_MOVE, 0, 3, 4);
    add(305, MOTH_INPUT_MOUSE_MOVE, 0, 5, 6);
    add(306, MOTH_INPUT_MOUSE_MOVE, 0, 7, 8);
    add(307, MOTH_INPUT_MOUSE_DOWN, 1, 0, 0);
    add(307, MOTH_INPUT_KEY_DOWN, a, 0, 0);
    add(310, MOTH_INPUT_KEY_DOWN, a, 0, 0); /* the keyboard's own */
    add(312, MOTH_INPUT_KEY_UP, a, 0, 0);
    add(312, MOTH_INPUT_MOUSE_UP, 1, 0, 0);
    add_mark(250, "the \nboss");
    for (uint32_t frame = 1; frame <= FRAMES; frame++) {
        add_state(frame, "scene", MOTH_WATCH_STR, 0, frame < 100 ? "title" : "the \"end\"");
        add_state(frame, "player.alive", MOTH_WATCH_BOOL, frame < 200, "");
        add_state(frame, "x", MOTH_WATCH_F32, frame, "");             /* runs along */
        add_state(frame, "seconds", MOTH_WATCH_I32, frame / 60, ""); /* a clock */
    }
    char *text = written(false);
    if (strcmp(text, expected) != 0) { /* longer than what cmocka prints */
        fputs(text, stderr);
        fail_msg("that is not the scenario that was expected");
    }
    free(text);
}

/* A value that had been there already since the script began to wait would not be waited for. */
static void what_was_there_is_not_waited_for(void **state)
{
    (void)state;
    add(10, MOTH_INPUT_KEY_DOWN, 4, 0, 0);
    add(200, MOTH_INPUT_KEY_UP, 4, 0, 0);
    add_state(1, "room", MOTH_WATCH_I32, 1, "");
    add_state(100, "room", MOTH_WATCH_I32, 2, "");
    add_state(150, "room", MOTH_WATCH_I32, 1, "");
    moth_state_log_judge(&recording.state, FRAMES);
    const struct moth_state_change *change = moth_state_log_landmark(&recording.state, 10, 200);
    assert_non_null(change);
    assert_int_equal(change->frame, 100);
    assert_null(moth_state_log_landmark(&recording.state, 100, 120));
    change = moth_state_log_landmark(&recording.state, 100, 200);
    assert_non_null(change);
    assert_int_equal(change->frame, 150);
    moth_state_log_cut(&recording.state, 120);
    moth_state_log_judge(&recording.state, FRAMES);
    assert_null(moth_state_log_landmark(&recording.state, 100, 200));
}

static void values_that_no_script_can_name(void **state)
{
    (void)state;
    add_state(1, "hp", MOTH_WATCH_F64, 1, "");
    add_state(50, "hp", MOTH_WATCH_F64, (double)NAN, "");
    add_state(100, "hp", MOTH_WATCH_F64, 0.1, "");
    moth_state_log_judge(&recording.state, FRAMES);
    assert_null(moth_state_log_landmark(&recording.state, 1, 60));
    const struct moth_state_change *change = moth_state_log_landmark(&recording.state, 1, 120);
    assert_non_null(change);
    char line[64] = "";
    FILE *out = fmemopen(line, sizeof line, "w");
    moth_state_put_condition(out, &recording.state, change);
    fclose(out);
    assert_string_equal(line, "game.state.hp == 0.1");
}

/* ---- that it plays the same ---- */

struct played {
    struct moth_input_event events[8000];
    size_t n;
    uint32_t frame;
    struct moth_watch_value watches[2];
};

static struct played played;

static void set_watches(uint32_t frame)
{
    snprintf(played.watches[0].name, sizeof played.watches[0].name, "room");
    played.watches[0].type = MOTH_WATCH_I32;
    played.watches[0].ok = 1;
    played.watches[0].number = frame / 97 % 3;
    snprintf(played.watches[1].name, sizeof played.watches[1].name, "open");
    played.watches[1].type = MOTH_WATCH_BOOL;
    played.watches[1].ok = 1;
    played.watches[1].number = frame / 140 % 2;
}

static enum moth_lua_step on_step(void *context, uint32_t frames, const struct moth_input_event *events, size_t n,
                                  struct moth_lua_now *now)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        played.events[played.n] = events[i];
        played.events[played.n++].frame = played.frame;
    }
    played.frame += frames;
    set_watches(played.frame);
    *now = (struct moth_lua_now){.frame = played.frame, .time_ns = played.frame * UINT64_C(16666667)};
    return MOTH_LUA_STEP_OK;
}

static const struct moth_watch_value *on_watches(void *context, uint32_t *n)
{
    (void)context;
    *n = 2;
    return played.watches;
}

static void play_script(const char *folder, const char *text)
{
    char *path = moth_fs_path("%s/scenario.lua", folder);
    struct moth_err err = {0};
    assert_int_equal(moth_fs_write_atomic(path, text, strlen(text), &err), 0);
    struct moth_agent *agent = moth_agent_load(path, NULL, &err);
    if (!agent)
        fail_msg("%s in\n%s", err.message, text);
    played.n = 0;
    played.frame = 1;
    set_watches(1);
    struct moth_lua_backend backend = {.step = on_step, .watches = on_watches, .now = {.frame = 1, .time_ns = 16666667}};
    struct moth_agent_play play = {.seed = 1, .max_frames = FRAMES * 2};
    struct moth_agent_outcome outcome;
    moth_agent_play(agent, &backend, &play, &outcome);
    if (outcome.result != MOTH_AGENT_FINISHED)
        fail_msg("%s: %s in\n%s", moth_agent_result_name(outcome.result), outcome.err.message, text);
    moth_agent_free(agent);
    free(path);
}

/* As a person's hands would do it: keys that go down come up, and moves. */
static void record_at_random(struct moth_rng *rng, bool repeats)
{
    static const uint16_t keys[] = {4, 44, 79, 80, 225, 49};
    bool down[COUNT(keys)] = {false}, pressed = false;
    struct moth_key_repeat repeat = {0};
    uint32_t frame = 1;
    while (frame < FRAMES - 60) {
        uint64_t now_ns = frame * UINT64_C(16666667);
        size_t from = recording.n;
        unsigned acts = (unsigned)moth_rng_below(rng, 3);
        for (unsigned i = 0; i < acts; i++) {
            unsigned k = (unsigned)moth_rng_below(rng, COUNT(keys));
            switch (moth_rng_below(rng, 4)) {
            case 0:
            case 1:
                down[k] = !down[k];
                add(frame, down[k] ? MOTH_INPUT_KEY_DOWN : MOTH_INPUT_KEY_UP, keys[k], 0, 0);
                break;
            case 2:
                add(frame, MOTH_INPUT_MOUSE_MOVE, 0, (int32_t)moth_rng_below(rng, 320), -(int32_t)moth_rng_below(rng, 9));
                break;
            default:
                pressed = !pressed;
                add(frame, pressed ? MOTH_INPUT_MOUSE_DOWN : MOTH_INPUT_MOUSE_UP, 1, 0, 0);
            }
        }
        struct moth_input_event again;
        for (; from < recording.n; from++)
            moth_key_repeat_note(&repeat, &recording.events[from], now_ns);
        if (repeats && moth_key_repeat_due(&repeat, now_ns, &again))
            add(frame, again.type, again.code, 0, 0);
        frame += repeats || moth_rng_below(rng, 3) ? 1 : (uint32_t)moth_rng_below(rng, 80);
    }
    for (size_t k = 0; k < COUNT(keys); k++)
        if (down[k])
            add(FRAMES - 50, MOTH_INPUT_KEY_UP, keys[k], 0, 0);
    if (pressed)
        add(FRAMES - 50, MOTH_INPUT_MOUSE_UP, 1, 0, 0);
}

static void compare(const char *text)
{
    for (size_t i = 0; i < recording.n && i < played.n; i++) {
        const struct moth_input_event *was = &recording.events[i], *is = &played.events[i];
        if (was->frame != is->frame || was->type != is->type || was->code != is->code || was->x != is->x || was->y != is->y)
            fail_msg("input %zu: recorded %u:%u:%u, played %u:%u:%u, by\n%s", i, was->frame, was->type, was->code, is->frame,
                     is->type, is->code, text);
    }
    assert_int_equal(played.n, recording.n);
    assert_int_equal(played.frame, FRAMES);
}

static void whatever_was_recorded_is_played(void **state)
{
    char *folder = test_scratch();
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct moth_rng rng;
        begin(state);
        moth_rng_seed(&rng, seed);
        bool repeats = seed % 2 == 0;
        record_at_random(&rng, repeats);
        if (seed % 3 == 0)
            add_mark((uint32_t)moth_rng_below(&rng, FRAMES), "a mark");
        for (uint32_t frame = 1; frame <= FRAMES; frame++) {
            set_watches(frame);
            moth_state_log_add(&recording.state, frame, played.watches, 2);
        }
        char *text = written(repeats);
        play_script(folder, text);
        compare(text);
        free(text);
        end(state);
    }
    begin(state);
    test_scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_reads_like_one, begin, end),
        cmocka_unit_test_setup_teardown(what_was_there_is_not_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(values_that_no_script_can_name, begin, end),
        cmocka_unit_test_setup_teardown(whatever_was_recorded_is_played, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
