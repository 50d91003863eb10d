/* SPDX-License-Identifier: MIT
 *
 * Shrinking with an oracle that is only pretended: what comes out, how many questions it took, and that an
 * interrupted search comes to the same end. A failure means that a finding's shortest trace is not the
 * shortest, is none at all, or takes a night to find.
 */
#include "test.h"

#include <stdbool.h>
#include <unistd.h>

#include "base/rng.h"
#include "minimize/memo.h"
#include "minimize/repro.h"
#include "minimize/shrink.h"
#include "minimize/unit.h"

#define GRACE 120u
#define EVENTS_MAX 8192u

/* ---- inputs ---- */

struct inputs {
    struct moth_input_event at[EVENTS_MAX];
    size_t n;
};

static void add(struct inputs *inputs, uint32_t frame, uint8_t type, uint16_t code)
{
    assert_true(inputs->n < EVENTS_MAX);
    inputs->at[inputs->n++] = (struct moth_input_event){.frame = frame, .type = type, .code = code};
}

static void add_tap(struct inputs *inputs, uint32_t frame, uint16_t code, uint32_t frames)
{
    add(inputs, frame, MOTH_INPUT_KEY_DOWN, code);
    add(inputs, frame + frames, MOTH_INPUT_KEY_UP, code);
}

/* Any valid events in any order of kinds, a few a frame, also ones that make no sense. */
static void add_anything(struct inputs *inputs, struct moth_rng *rng, size_t n)
{
    uint32_t frame = 1;
    for (size_t i = 0; i < n; i++) {
        struct moth_input_event event = {.frame = frame, .device = (uint8_t)moth_rng_below(rng, 2)};
        event.type = (uint8_t)(1 + moth_rng_below(rng, MOTH_INPUT_QUIT)); /* no torn calls */
        bool pad = event.type >= MOTH_INPUT_PAD_DOWN && event.type <= MOTH_INPUT_PAD_ATTACH;
        event.device = pad ? event.device : 0;
        event.code = (uint16_t)(1 + moth_rng_below(rng, 3));
        if (event.type == MOTH_INPUT_TEXT)
            strcpy(event.text, "añ");
        else if (event.type == MOTH_INPUT_MOUSE_MOVE || event.type == MOTH_INPUT_WHEEL)
            event.x = (int32_t)moth_rng_below(rng, 50), event.y = -3;
        else if (event.type == MOTH_INPUT_PAD_AXIS)
            event.x = (int32_t)moth_rng_below(rng, 3) * 1000;
        inputs->at[inputs->n++] = event;
        frame += (uint32_t)moth_rng_below(rng, 3);
    }
}

/* ---- units ---- */

static void units_make_their_events_again(void **state)
{
    (void)state;
    struct moth_rng rng;
    moth_rng_seed(&rng, 5);
    for (int round = 0; round < 200; round++) {
        struct inputs *inputs = calloc(1, sizeof *inputs);
        add_anything(inputs, &rng, 60);
        struct moth_units units;
        moth_units_parse(&units, inputs->at, inputs->n);
        size_t n;
        struct moth_input_event *events = moth_units_events(&units, &n);
        assert_int_equal(n, inputs->n);
        assert_memory_equal(events, inputs->at, n * sizeof *events);
        free(events);
        moth_units_fini(&units);
        free(inputs);
    }
}

static void what_is_held_is_one_unit(void **state)
{
    (void)state;
    struct inputs inputs = {.n = 0};
    add(&inputs, 3, MOTH_INPUT_KEY_DOWN, 4);
    add(&inputs, 5, MOTH_INPUT_MOUSE_DOWN, 1);
    add(&inputs, 9, MOTH_INPUT_KEY_UP, 4);
    add(&inputs, 9, MOTH_INPUT_KEY_UP, 7); /* was never pressed: an event by itself */
    struct moth_units units;
    moth_units_parse(&units, inputs.at, inputs.n);
    assert_int_equal(units.n, 3);
    assert_true(units.at[0].held);
    assert_int_equal(units.at[0].end, 9);
    assert_int_equal(units.at[1].end, MOTH_UNIT_OPEN);
    assert_false(units.at[2].held);
    moth_units_drop(&units, 0, 1);
    size_t n;
    struct moth_input_event *events = moth_units_events(&units, &n);
    assert_int_equal(n, 2); /* both of its ends are gone */
    assert_int_equal(events[0].type, MOTH_INPUT_MOUSE_DOWN);
    free(events);
    moth_units_fini(&units);
}

static void time_is_cut_out(void **state)
{
    (void)state;
    struct inputs inputs = {.n = 0};
    add_tap(&inputs, 10, 4, 30); /* ends in the stretch */
    inputs.n = 1;
    add(&inputs, 25, MOTH_INPUT_KEY_DOWN, 5); /* begins in it */
    add(&inputs, 40, MOTH_INPUT_KEY_UP, 4);
    add(&inputs, 60, MOTH_INPUT_KEY_UP, 5);
    add(&inputs, 70, MOTH_INPUT_QUIT, 0);
    struct moth_units units;
    moth_units_parse(&units, inputs.at, inputs.n);
    moth_units_cut(&units, 20, 50);
    size_t n;
    struct moth_input_event *events = moth_units_events(&units, &n);
    assert_int_equal(n, 3);
    assert_int_equal(events[0].frame, 10);
    assert_int_equal(events[1].type, MOTH_INPUT_KEY_UP);
    assert_int_equal(events[1].frame, 20);
    assert_int_equal(events[2].type, MOTH_INPUT_QUIT);
    assert_int_equal(events[2].frame, 40);
    free(events);
    moth_units_fini(&units);
}

/* A stick goes back to its rest when what put it elsewhere after it is taken out. */
static void a_stick_goes_back(void **state)
{
    (void)state;
    struct inputs inputs = {.n = 0};
    for (uint32_t i = 0; i < 3; i++) {
        add(&inputs, 10 + 10 * i, MOTH_INPUT_PAD_AXIS, 0);
        inputs.at[i].x = i < 2 ? 1000 * (int32_t)(i + 1) : 0;
    }
    struct moth_units units;
    moth_units_parse(&units, inputs.at, inputs.n);
    assert_int_equal(units.n, 2);
    moth_units_drop(&units, 1, 2);
    size_t n;
    struct moth_input_event *events = moth_units_events(&units, &n);
    assert_int_equal(n, 2);
    assert_int_equal(events[1].frame, 20);
    assert_int_equal(events[1].x, 0);
    free(events);
    moth_units_fini(&units);
}

/* ---- a pretended game ---- */

/* It happens when the keys of `order` have gone down in this order, the last one at `not_before` or later and
 * the one at `held` only when it is let go after `held_frames`. */
struct game {
    const uint16_t *order;
    size_t n_order;
    uint32_t not_before, held_frames;
    size_t held; /* index in `order`; n_order: none */
    unsigned asked, asked_most, fresh;
    uint64_t frames;
    struct moth_memo *memo;
};

static bool is_done(const struct game *game, const struct moth_input_event *event, size_t step,
                    uint32_t *since)
{
    if (event->code != game->order[step] || event->frame < (step + 1 == game->n_order ? game->not_before : 0))
        return false;
    if (step != game->held)
        return event->type == MOTH_INPUT_KEY_DOWN;
    if (event->type == MOTH_INPUT_KEY_DOWN)
        *since = event->frame;
    return event->type == MOTH_INPUT_KEY_UP && event->frame - *since >= game->held_frames;
}

static uint32_t happens_at(const struct game *game, const struct moth_input_event *events, size_t n_events,
                           uint32_t until)
{
    size_t step = 0;
    uint32_t since = UINT32_MAX;
    for (size_t i = 0; i < n_events && events[i].frame <= until; i++) {
        bool key = events[i].type == MOTH_INPUT_KEY_DOWN || events[i].type == MOTH_INPUT_KEY_UP;
        if (key && is_done(game, &events[i], step, &since) && ++step == game->n_order)
            return events[i].frame;
    }
    return 0;
}

static int answer(void *context, const struct moth_input_event *events, size_t n_events, uint32_t until,
                  uint32_t *frame)
{
    struct game *game = context;
    if (game->memo && moth_memo_find(game->memo, events, n_events, until, frame))
        return *frame > 0;
    if (game->asked_most > 0 && game->asked == game->asked_most)
        return -1;
    game->asked++;
    *frame = happens_at(game, events, n_events, until);
    game->frames += until;
    if (game->memo)
        assert_int_equal(moth_memo_add(game->memo, events, n_events, until, *frame, NULL), 0);
    return *frame > 0;
}

static const uint16_t six[] = {20, 21, 22, 23, 24, 25};

static struct game six_keys(void)
{
    return (struct game){.order = six, .n_order = COUNT(six), .held = COUNT(six)};
}

/* 2,000 taps of other keys over 20,000 frames, with the six among them. */
static void add_long_play(struct inputs *inputs, uint32_t dwell)
{
    for (uint32_t i = 0; i < 2000; i++)
        add_tap(inputs, 10 + i * 10, i % 300 == 150 ? six[i / 300 % 6] : (uint16_t)(4 + i % 10), dwell);
}

static struct moth_shrink_result shrink(struct game *game, const struct inputs *inputs)
{
    struct moth_shrink_oracle oracle = {.context = game, .test = answer};
    struct moth_shrink_result result;
    uint32_t frame = happens_at(game, inputs->at, inputs->n, UINT32_MAX);
    assert_true(frame > 0);
    moth_shrink(inputs->at, inputs->n, frame, GRACE, &oracle, &result);
    assert_int_equal(happens_at(game, result.events, result.n_events, UINT32_MAX), result.frame);
    return result;
}

/* ---- shrinking ---- */

static void six_of_two_thousand(void **state)
{
    (void)state;
    struct inputs *inputs = calloc(1, sizeof *inputs);
    add_long_play(inputs, 4);
    struct game game = six_keys();
    struct moth_shrink_result result = shrink(&game, inputs);
    assert_true(result.minimal);
    assert_int_equal(result.n_events, 11); /* six presses, and the last is not let go before it happens */
    assert_in_range(result.frame, 7, 12);  /* no waits between them */
    /* Measured: 131 questions. One unit after the other would be 2,000 to begin with. */
    assert_in_range(game.asked, 20, 160);
    free(result.events);
    free(inputs);
}

/* Where nothing can be taken out, it ends after about two questions for each unit and wait. */
static void nothing_to_take_out(void **state)
{
    (void)state;
    struct inputs inputs = {.n = 0};
    for (uint32_t i = 0; i < COUNT(six); i++)
        add(&inputs, 2 + i, MOTH_INPUT_KEY_DOWN, six[i]);
    struct game game = six_keys();
    struct moth_shrink_result result = shrink(&game, &inputs);
    assert_int_equal(result.n_events, 6);
    assert_in_range(game.asked, 1, 40);
    free(result.events);
}

static void every_one_left_is_needed(void **state)
{
    (void)state;
    struct inputs *inputs = calloc(1, sizeof *inputs);
    add_long_play(inputs, 3);
    struct game game = six_keys();
    struct moth_shrink_result result = shrink(&game, inputs);
    struct moth_units units;
    moth_units_parse(&units, result.events, result.n_events);
    for (size_t i = 0; i < units.n; i++) {
        struct moth_units without;
        moth_units_copy(&without, &units);
        moth_units_drop(&without, i, i + 1);
        size_t n;
        struct moth_input_event *events = moth_units_events(&without, &n);
        assert_int_equal(happens_at(&game, events, n, UINT32_MAX), 0);
        free(events);
        moth_units_fini(&without);
    }
    moth_units_fini(&units);
    free(result.events);
    free(inputs);
}

/* The game has a clock of its own: time cannot be taken out, inputs can. */
static void time_that_matters_stays(void **state)
{
    (void)state;
    struct inputs *inputs = calloc(1, sizeof *inputs);
    add_long_play(inputs, 4);
    struct game game = six_keys();
    game.not_before = 15000;
    struct moth_shrink_result result = shrink(&game, inputs);
    assert_true(result.minimal);
    assert_int_equal(result.n_events, 11);
    assert_int_equal(result.frame, 15000);
    free(result.events);
    free(inputs);
}

static void held_for_as_long_as_it_takes(void **state)
{
    (void)state;
    struct inputs *inputs = calloc(1, sizeof *inputs);
    add_long_play(inputs, 9);
    struct game game = six_keys();
    game.held = 3;
    game.held_frames = 5;
    struct moth_shrink_result result = shrink(&game, inputs);
    assert_true(result.minimal);
    assert_int_equal(result.n_events, 11);
    uint32_t down = 0, up = 0;
    for (size_t i = 0; i < result.n_events; i++)
        if (result.events[i].code == six[3])
            *(result.events[i].type == MOTH_INPUT_KEY_DOWN ? &down : &up) = result.events[i].frame;
    assert_int_equal(up - down, 5);
    free(result.events);
    free(inputs);
}

static int drags(void *context, const struct moth_input_event *events, size_t n_events, uint32_t until,
                 uint32_t *frame)
{
    (void)context, (void)until;
    int32_t x = 0, stick = 0;
    *frame = 0;
    for (size_t i = 0; i < n_events && !*frame; i++) {
        if (events[i].type == MOTH_INPUT_MOUSE_MOVE)
            x = events[i].x;
        else if (events[i].type == MOTH_INPUT_PAD_AXIS)
            stick = events[i].x;
        else if (events[i].type == MOTH_INPUT_TEXT && strchr(events[i].text, 'o') && x > 120 && stick > 9000)
            *frame = events[i].frame + 5;
    }
    return *frame > 0;
}

static void values_become_plain(void **state)
{
    (void)state;
    struct inputs inputs = {.n = 0};
    add(&inputs, 10, MOTH_INPUT_PAD_AXIS, 1);
    inputs.at[0].x = 12345;
    add(&inputs, 20, MOTH_INPUT_MOUSE_MOVE, 0);
    inputs.at[1].x = 137, inputs.at[1].y = 77;
    add(&inputs, 30, MOTH_INPUT_TEXT, 0);
    strcpy(inputs.at[2].text, "olé, olé");
    struct moth_shrink_oracle oracle = {.test = drags};
    struct moth_shrink_result result;
    moth_shrink(inputs.at, inputs.n, 35, GRACE, &oracle, &result);
    assert_int_equal(result.n_events, 3);
    assert_int_equal(result.events[0].x, INT16_MAX);
    assert_int_equal(result.events[1].x, 140); /* 100 would not do */
    assert_int_equal(result.events[1].y, 80);
    assert_string_equal(result.events[2].text, "o");
    free(result.events);
}

/* Whenever it is told to stop, what it has is good. */
static void stopped_at_any_question(void **state)
{
    (void)state;
    struct inputs *inputs = calloc(1, sizeof *inputs);
    add_long_play(inputs, 4);
    size_t before = inputs->n + 1;
    for (unsigned most = 1; most < 130; most += 6) {
        struct game game = six_keys();
        game.asked_most = most;
        struct moth_shrink_result result = shrink(&game, inputs);
        assert_false(result.minimal);
        assert_true(result.n_events <= before);
        before = result.n_events;
        free(result.events);
    }
    free(inputs);
}

/* ---- going on ---- */

static const struct moth_memo_identity mine = {11, 12};

static struct moth_memo *memo_at(const char *path)
{
    struct moth_err err;
    struct moth_memo *memo = moth_memo_open(path, &mine, &err);
    if (!memo)
        fail_msg("%s", err.message);
    return memo;
}

/* Ended after every 20 new questions, also in the middle of a line: the same result, nothing asked twice. */
static void interrupted_it_comes_to_the_same_end(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = moth_fs_path("%s/answers", folder);
    struct inputs *inputs = calloc(1, sizeof *inputs);
    add_long_play(inputs, 4);
    struct game straight = six_keys();
    straight.memo = moth_memo_open(NULL, &mine, NULL);
    struct moth_shrink_result whole = shrink(&straight, inputs), part = {0};
    unsigned asked = 0, parts = 0;
    while (!part.minimal) {
        free(part.events);
        struct game game = six_keys();
        game.memo = memo_at(path);
        game.asked_most = 20;
        part = shrink(&game, inputs);
        asked += game.asked;
        moth_memo_close(game.memo);
        if (parts++ % 3 == 1) /* killed while it wrote: one answer is lost */
            assert_int_equal(truncate(path, (off_t)(32 * asked + 32 - 5)), 0), asked--;
    }
    assert_int_equal(asked, straight.asked);
    assert_int_equal(part.n_events, whole.n_events);
    assert_memory_equal(part.events, whole.events, whole.n_events * sizeof *whole.events);
    moth_memo_close(straight.memo);
    free(whole.events);
    free(part.events);
    free(inputs);
    free(path);
    test_scratch_remove(folder);
}

static void answers_of_another_are_not_taken(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = moth_fs_path("%s/answers", folder);
    struct inputs inputs = {.n = 0};
    add_tap(&inputs, 10, 4, 2);
    struct moth_memo *memo = memo_at(path);
    assert_int_equal(moth_memo_add(memo, inputs.at, inputs.n, 100, 0, NULL), 0);
    uint32_t frame = 1;
    assert_true(moth_memo_find(memo, inputs.at, inputs.n, 100, &frame));
    assert_int_equal(frame, 0);
    assert_true(moth_memo_find(memo, inputs.at, inputs.n, 50, &frame));
    assert_false(moth_memo_find(memo, inputs.at, inputs.n, 101, &frame)); /* it was not played so far */
    assert_int_equal(moth_memo_add(memo, inputs.at, inputs.n, 200, 150, NULL), 0);
    assert_true(moth_memo_find(memo, inputs.at, inputs.n, 300, &frame));
    assert_int_equal(frame, 150);
    assert_true(moth_memo_find(memo, inputs.at, inputs.n, 120, &frame));
    assert_int_equal(frame, 0);
    struct moth_err err;
    assert_null(moth_memo_open(path, &mine, &err)); /* in use */
    assert_int_equal(err.code, MOTH_ERR_IO);
    moth_memo_close(memo);
    memo = memo_at(path);
    assert_int_equal(moth_memo_count(memo), 1);
    moth_memo_close(memo);
    struct moth_memo_identity other = {11, 13};
    memo = moth_memo_open(path, &other, &err);
    assert_int_equal(moth_memo_count(memo), 0);
    moth_memo_close(memo);
    free(path);
    test_scratch_remove(folder);
}

/* ---- the script ---- */

static const char expected_script[] = "-- crash: it \"broke\"?\n"
                                      "-- 1-crash-0123456789abcdef, at frame 90 (1.50 s), after 20 inputs\n"
                                      "--\n"
                                      "--   moth run -a repro.lua --max-findings 1 --seed 77 --schedule-seed "
                                      "3 --video gl --env 'A=b c' -- ./game "
                                      "'it'\\''s' --fast\n"
                                      "--   (in /games)\n"
                                      "\n"
                                      "return function(game)\n"
                                      "    game:pad(1)                          -- frame 1, 0.02 s\n"
                                      "    game:step(9)\n"
                                      "    game:tap(\"left shift\")               -- frame 10, 0.17 s\n"
                                      "    game:hold(\"a\", 5)                    -- frame 12, 0.20 s\n"
                                      "    game:press(\"\\\\\")                     -- frame 17, 0.28 s\n"
                                      "    game:step()\n"
                                      "    game:press(\"b\")                      -- frame 18, 0.30 s\n"
                                      "    game:release(\"b\")                    -- frame 18, 0.30 s\n"
                                      "    game:step(2)\n"
                                      "    game:release(\"\\\\\")                   -- frame 20, 0.33 s\n"
                                      "    game:step(10)\n"
                                      "    game:click(10, 20)                   -- frame 30, 0.50 s\n"
                                      "    game:step(8)\n"
                                      "    game:mouse_press(3)                  -- frame 40, 0.67 s\n"
                                      "    game:step()\n"
                                      "    game:mouse_move(-5, 7)               -- frame 41, 0.68 s\n"
                                      "    game:mouse_release(3)                -- frame 41, 0.68 s\n"
                                      "    game:step(9)\n"
                                      "    game:text(\"say \\\"hé\\\"\")             -- frame 50, 0.83 s\n"
                                      "    game:wheel(0, -1)                    -- frame 50, 0.83 s\n"
                                      "    game:pad(1):axis(\"leftx\", -0.5)      -- frame 50, 0.83 s\n"
                                      "    game:pad(1):press(\"start\")           -- frame 50, 0.83 s\n"
                                      "    game:step(10)\n"
                                      "    game:quit()                          -- frame 60, 1.00 s\n"
                                      "    game:step(150)                       -- it happens at frame 90\n"
                                      "end\n";

static void add_script(struct inputs *inputs)
{
    add(inputs, 1, MOTH_INPUT_PAD_ATTACH, 0);
    add_tap(inputs, 10, moth_key_from_name("left shift"), 1);
    add_tap(inputs, 12, moth_key_from_name("a"), 5);
    add(inputs, 17, MOTH_INPUT_KEY_DOWN, moth_key_from_name("\\"));
    add_tap(inputs, 18, moth_key_from_name("b"), 0);
    add(inputs, 20, MOTH_INPUT_KEY_UP, moth_key_from_name("\\"));
    add(inputs, 30, MOTH_INPUT_MOUSE_MOVE, 0);
    inputs->at[inputs->n - 1].x = 10, inputs->at[inputs->n - 1].y = 20;
    add(inputs, 30, MOTH_INPUT_MOUSE_DOWN, 1);
    add(inputs, 31, MOTH_INPUT_MOUSE_UP, 1);
    add(inputs, 40, MOTH_INPUT_MOUSE_DOWN, 3);
    add(inputs, 41, MOTH_INPUT_MOUSE_MOVE, 0);
    inputs->at[inputs->n - 1].x = -5, inputs->at[inputs->n - 1].y = 7;
    add(inputs, 41, MOTH_INPUT_MOUSE_UP, 3);
    add(inputs, 50, MOTH_INPUT_TEXT, 0);
    strcpy(inputs->at[inputs->n - 1].text, "say \"hé\"");
    add(inputs, 50, MOTH_INPUT_WHEEL, 0);
    inputs->at[inputs->n - 1].y = -1;
    add(inputs, 50, MOTH_INPUT_PAD_AXIS, 0);
    inputs->at[inputs->n - 1].x = -16384;
    add(inputs, 50, MOTH_INPUT_PAD_DOWN, 6);
    add(inputs, 60, MOTH_INPUT_QUIT, 0);
}

static void the_script_reads_like_one(void **state)
{
    (void)state;
    struct inputs inputs = {.n = 0};
    add_script(&inputs);
    char *argv[] = {"./game", "it's", "--fast", NULL}, *env[] = {"A=b c", NULL};
    struct moth_trace trace = {
        .header = {.argv = argv, .env = env, .directory = "/games", .schedule_seed = 3, .hz = 60, .video = 3},
        .events = inputs.at,
        .n_events = inputs.n,
        .end = {.kind = "crash",
                .fingerprint = "1-crash-0123456789abcdef",
                .title = "it \"broke\"\n",
                .finding_frame = 90},
        .has_end = true,
    };
    char *text = moth_repro_text(&trace, 77, &(struct moth_replay_config){.softlock_s = 45});
    assert_string_equal(text, expected_script);
    free(text);
    trace.end.finding_frame = 9000; /* longer than what an instance gets by itself */
    trace.header.schedule_seed = 0;
    struct moth_replay_config limited = {.limits = {.boundary_cpu_ms = 5000, .memory_mb = 300}};
    text = moth_repro_text(&trace, 1, &limited);
    assert_non_null(strstr(text, "--max-findings 1 --video gl --env 'A=b c' --memory-mb 300 --frames 72968 "
                                 "--instance-frames 9121 --"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_make_their_events_again),
        cmocka_unit_test(what_is_held_is_one_unit),
        cmocka_unit_test(time_is_cut_out),
        cmocka_unit_test(a_stick_goes_back),
        cmocka_unit_test(six_of_two_thousand),
        cmocka_unit_test(nothing_to_take_out),
        cmocka_unit_test(every_one_left_is_needed),
        cmocka_unit_test(time_that_matters_stays),
        cmocka_unit_test(held_for_as_long_as_it_takes),
        cmocka_unit_test(values_become_plain),
        cmocka_unit_test(stopped_at_any_question),
        cmocka_unit_test(interrupted_it_comes_to_the_same_end),
        cmocka_unit_test(answers_of_another_are_not_taken),
        cmocka_unit_test(the_script_reads_like_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
