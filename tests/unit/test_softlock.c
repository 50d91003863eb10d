/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "branch/attempt.h"
#include "branch/prove.h"
#include "branch/view.h"
#include "detect/softlock.h"
#include "wire/keys.h"

#define WINDOW 2700u
#define STEP 60u

/* A picture that shows `scene` all over, and `detail` in one cell. */
static struct moth_view view(uint32_t frame, uint8_t scene, uint8_t detail)
{
    struct moth_view shown = {.frame = frame, .ok = true, .picture = (uint64_t)scene << 8 | detail};
    memset(shown.cell, scene, sizeof shown.cell);
    shown.cell[40] = detail;
    return shown;
}

static void add(struct moth_views *views, uint32_t frame, uint8_t scene, uint8_t detail)
{
    struct moth_view shown = view(frame, scene, detail);
    moth_views_add(views, &shown);
}

/* ---- views ---- */

static void states_ignore_noise_and_masked_cells(void **state)
{
    (void)state;
    struct moth_view_mask mask;
    moth_view_mask_all(&mask);
    struct moth_view a = view(1, 64, 64), b = view(9, 70, 64), c = view(9, 64, 200);
    assert_true(moth_view_state(&a, &mask) == moth_view_state(&b, &mask));
    assert_true(moth_view_state(&a, &mask) != moth_view_state(&c, &mask));
    mask.counts[40] = false;
    assert_true(moth_view_state(&a, &mask) == moth_view_state(&c, &mask));
    assert_int_equal(moth_view_distance(&a, &c), 1);
    assert_int_equal(moth_view_distance(&a, &b), 0);
}

static void a_clock_is_masked_and_a_player_is_not(void **state)
{
    (void)state;
    struct moth_views ways[2] = {{0}};
    for (uint32_t i = 0; i < 10; i++)
        for (size_t way = 0; way < 2; way++) {
            struct moth_view shown = view(i * 10, 64, (uint8_t)(i * 20)); /* cell 40: the clock */
            shown.cell[50] = (uint8_t)(way ? i * 20 : 0);                 /* cell 50: the player */
            moth_views_add(&ways[way], &shown);
        }
    struct moth_view_mask mask;
    moth_view_mask_learn(&mask, ways, 2, 4);
    assert_false(mask.counts[40]);
    assert_true(mask.counts[50]);
    assert_true(mask.counts[0]);
    moth_view_mask_learn(&mask, ways, 2, 20); /* it does not move so often */
    assert_true(mask.counts[40]);
    moth_views_fini(&ways[0]);
    moth_views_fini(&ways[1]);
}

static void ways_differ_by_pixels_at_the_same_frame(void **state)
{
    (void)state;
    struct moth_views a = {0}, b = {0};
    add(&a, 10, 1, 1), add(&a, 20, 2, 2), add(&a, 30, 3, 3);
    add(&b, 20, 2, 2), add(&b, 40, 9, 9);
    assert_false(moth_views_differ(&a, &b));
    b.items[0].watches++;
    assert_true(moth_views_differ(&a, &b));
    b.items[0].watches--;
    b.items[0].picture++;
    assert_true(moth_views_differ(&a, &b));
    moth_views_fini(&a);
    moth_views_fini(&b);
}

static void the_window_begins_where_a_trap_was_entered(void **state)
{
    (void)state;
    struct moth_view_mask mask;
    struct moth_views line = {0};
    moth_view_mask_all(&mask);
    for (uint32_t i = 0; i < 20; i++)
        add(&line, i * STEP, 64, (uint8_t)(i % 3 * 64)); /* a field */
    for (uint32_t i = 20; i < 80; i++)
        add(&line, i * STEP, 192, (uint8_t)(i % 2 * 64)); /* a cellar */
    assert_int_equal(moth_views_window(&line, &mask, 79 * STEP, WINDOW), 20);
    line.items[79] = view(79 * STEP, 64, 64); /* back in the field: no trap, so the last 45 s */
    assert_int_equal(moth_views_window(&line, &mask, 79 * STEP, WINDOW), 79 - 44);
    moth_views_fini(&line);
}

static void a_place_is_named_by_what_stands_still(void **state)
{
    (void)state;
    struct moth_views a = {0}, b = {0}, other = {0};
    for (uint32_t i = 0; i < 20; i++) {
        add(&a, i, 64, (uint8_t)(i * 10));
        add(&b, i, 64, (uint8_t)(255 - i * 10));
        add(&other, i, 192, (uint8_t)(i * 10));
    }
    assert_true(moth_view_place(&a, 1) == moth_view_place(&b, 1));
    assert_true(moth_view_place(&a, 1) != moth_view_place(&other, 1));
    struct moth_views both[2] = {a, other}, turned[2] = {other, a};
    assert_true(moth_view_place(both, 2) == moth_view_place(turned, 2));
    assert_true(moth_view_place(both, 2) != moth_view_place(&a, 1));
    moth_views_fini(&a);
    moth_views_fini(&b);
    moth_views_fini(&other);
}

/* ---- the watch ---- */

static void press(struct moth_softlock *watch, unsigned keys)
{
    for (uint16_t key = 0; key < keys; key++) {
        struct moth_input_event event = {.type = MOTH_INPUT_KEY_DOWN, .code = (uint16_t)(4 + key)};
        moth_softlock_input(watch, &event, 1);
    }
}

/* Stay in a scene; when it becomes due, or 0. */
static uint32_t stay(struct moth_softlock *watch, uint8_t scene, unsigned keys, uint32_t from, uint32_t to,
                     bool waiting)
{
    for (uint32_t frame = from; frame < to; frame += STEP) {
        struct moth_view shown = view(frame, scene, scene);
        shown.waiting = waiting;
        press(watch, keys);
        moth_softlock_view(watch, &shown, STEP);
        if (moth_softlock_due(watch))
            return frame;
    }
    return 0;
}

static void a_scene_is_due_after_the_window_and_many_inputs(void **state)
{
    (void)state;
    struct moth_softlock *watch = moth_softlock_create(WINDOW);
    assert_int_equal(stay(watch, 64, 5, 0, 9000, false), WINDOW - STEP);
    moth_softlock_looked(watch, true, false); /* in vain: the next comes later */
    assert_int_equal(stay(watch, 64, 5, 3000, 9000, false), 3000 + 2 * WINDOW - STEP);
    moth_softlock_looked(watch, true, true); /* found: nothing more here */
    assert_int_equal(stay(watch, 64, 5, 9000, 40000, false), 0);
    assert_int_equal(stay(watch, 192, 5, 40000, 50000, false), 40000 + WINDOW - STEP);
    moth_softlock_destroy(watch);
}

static void nothing_is_due_without_inputs_or_while_it_waits(void **state)
{
    (void)state;
    struct moth_softlock *watch = moth_softlock_create(WINDOW);
    assert_int_equal(stay(watch, 64, 5, 0, 20000, true), 0);
    assert_false(moth_softlock_due_last(watch));
    assert_true(stay(watch, 64, 1, 20000, 20000 + WINDOW - STEP, false) == 0);
    moth_softlock_destroy(watch);
    watch = moth_softlock_create(0); /* never */
    assert_int_equal(stay(watch, 64, 5, 0, 20000, false), 0);
    moth_softlock_destroy(watch);
}

static void what_was_entered_is_due_when_it_has_lasted(void **state)
{
    (void)state;
    struct moth_softlock *watch = moth_softlock_create(WINDOW);
    uint32_t frame = 0, due = 0;
    for (; frame < 20 * STEP; frame += STEP) {
        struct moth_view shown = view(frame, 64, (uint8_t)(frame / STEP % 3 * 80));
        moth_softlock_view(watch, &shown, STEP);
    }
    for (; frame < 9000 && !due; frame += STEP) { /* three menus, each of them a scene */
        struct moth_view shown = view(frame, (uint8_t)(128 + frame / STEP % 3 * 40), 0);
        press(watch, 5);
        moth_softlock_view(watch, &shown, STEP);
        due = moth_softlock_due(watch) ? frame : 0;
    }
    assert_in_range(due, 20 * STEP + WINDOW, 20 * STEP + WINDOW + 2 * STEP);
    moth_softlock_destroy(watch);
}

static void lines_branch(void **state)
{
    (void)state;
    struct moth_softlock *watch = moth_softlock_create(WINDOW);
    stay(watch, 64, 5, 0, 10 * STEP, false);
    size_t tip = moth_softlock_tip(watch);
    stay(watch, 128, 5, 10 * STEP, 20 * STEP, false);
    moth_softlock_return(watch, tip);
    stay(watch, 192, 5, 10 * STEP, 13 * STEP, false);
    struct moth_views line;
    moth_softlock_line(watch, &line);
    assert_int_equal(line.n, 13);
    for (size_t i = 0; i < line.n; i++) {
        assert_int_equal(line.items[i].frame, i * STEP);
        assert_int_equal(line.items[i].cell[0], i < 10 ? 64 : 192);
    }
    moth_views_fini(&line);
    moth_softlock_destroy(watch);
}

static void a_finding_says_what_was_tried(void **state)
{
    (void)state;
    struct moth_proof proof = {.verdict = MOTH_PROVE_STUCK,
                               .dead = true,
                               .why = "inputs change nothing",
                               .ways = 17,
                               .frames = 27900,
                               .longest = 7200,
                               .entry_frame = 600,
                               .place = 7};
    struct moth_finding *a = moth_softlock_finding(&proof, 3300, 60);
    proof.ways = 21;
    struct moth_finding *b = moth_softlock_finding(&proof, 9000, 60);
    proof.place = 8;
    struct moth_finding *c = moth_softlock_finding(&proof, 9000, 60);
    moth_finding_fingerprint(a);
    moth_finding_fingerprint(b);
    moth_finding_fingerprint(c);
    assert_int_equal(a->kind, MOTH_FINDING_SOFTLOCK);
    assert_int_equal(a->frame, 3300);
    assert_non_null(strstr(a->title, "17 ways tried"));
    assert_non_null(strstr(a->detail, "since frame 600"));
    assert_non_null(strstr(a->detail, "27900 frames (465 s of game time)"));
    assert_string_equal(a->fingerprint, b->fingerprint);
    assert_string_not_equal(b->fingerprint, c->fingerprint);
    moth_finding_free(a);
    moth_finding_free(b);
    moth_finding_free(c);
}

/* ---- attempts ---- */

static size_t whole(enum moth_attempt_kind kind, uint64_t seed, const struct moth_trace *before,
                    uint32_t frames, struct moth_input_event *events, size_t room)
{
    struct moth_attempt attempt;
    size_t n = 0;
    moth_attempt_init(&attempt, kind, seed, before, 320, 240);
    for (uint32_t at = 0; at < frames; at += MOTH_ATTEMPT_FRAMES) {
        assert_true(n + MOTH_ATTEMPT_EVENTS_MAX <= room);
        size_t more = moth_attempt_next(&attempt, MOTH_ATTEMPT_FRAMES, events + n);
        for (size_t i = 0; i < more; i++) {
            assert_true(moth_input_valid(&events[n + i]));
            assert_true(events[n + i].type != MOTH_INPUT_QUIT);
            assert_true(events[n + i].frame < MOTH_ATTEMPT_FRAMES);
            assert_true(i == 0 || events[n + i - 1].frame <= events[n + i].frame);
        }
        for (size_t i = 0; i < more; i++)
            events[n + i].frame += at;
        n += more;
    }
    return n;
}

static struct moth_input_event events[2][40000];

static void attempts_are_valid_and_repeat(void **state)
{
    (void)state;
    for (enum moth_attempt_kind kind = 0; kind < MOTH_ATTEMPT_KINDS; kind++) {
        size_t n = whole(kind, 5, NULL, 1200, events[0], 40000);
        assert_int_equal(whole(kind, 5, NULL, 1200, events[1], 40000), n);
        assert_memory_equal(events[0], events[1], n * sizeof *events[0]);
        assert_true((n > 0) == (kind != MOTH_ATTEMPT_NOTHING && kind != MOTH_ATTEMPT_AGAIN));
        assert_non_null(moth_attempt_text(kind));
    }
}

static void a_sweep_presses_every_key(void **state)
{
    (void)state;
    bool pressed[MOTH_KEYS] = {false};
    size_t n = whole(MOTH_ATTEMPT_SWEEP, 1, NULL, 720, events[0], 40000);
    for (size_t i = 0; i < n; i++)
        pressed[events[0][i].code] = true;
    static const char *const names[] = {"a",   "p",    "0",         "5",   "return",    "space",    "f1",
                                        "f12", "left", "left ctrl", "tab", "backspace", "keypad 5", "pageup"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(pressed[moth_key_from_name(names[i])]);
    assert_false(pressed[moth_key_from_name("escape")]); /* it has ways of its own */
}

static void what_is_held_is_let_go_and_pressed_again(void **state)
{
    (void)state;
    struct moth_input_event played[] = {
        {.frame = 100, .type = MOTH_INPUT_KEY_DOWN, .code = 4},
        {.frame = 110, .type = MOTH_INPUT_KEY_DOWN, .code = 5},
        {.frame = 120, .type = MOTH_INPUT_KEY_UP, .code = 5},
        {.frame = 130, .type = MOTH_INPUT_MOUSE_DOWN, .code = 1},
    };
    struct moth_trace before = {.events = played, .n_events = 4, .frames = 200};
    size_t n = whole(MOTH_ATTEMPT_NOTHING, 1, &before, 60, events[0], 40000);
    assert_int_equal(n, 2);
    assert_true(events[0][0].type == MOTH_INPUT_KEY_UP && events[0][0].code == 4);
    assert_true(events[0][1].type == MOTH_INPUT_MOUSE_UP && events[0][1].code == 1);
    n = whole(MOTH_ATTEMPT_AGAIN, 1, &before, 400, events[0], 40000);
    assert_int_equal(n, 2 + 2 * 4); /* twice in 400 frames */
    assert_int_equal(events[0][2].frame, 100);
    assert_int_equal(events[0][6].frame, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_ignore_noise_and_masked_cells),
        cmocka_unit_test(a_clock_is_masked_and_a_player_is_not),
        cmocka_unit_test(ways_differ_by_pixels_at_the_same_frame),
        cmocka_unit_test(the_window_begins_where_a_trap_was_entered),
        cmocka_unit_test(a_place_is_named_by_what_stands_still),
        cmocka_unit_test(a_scene_is_due_after_the_window_and_many_inputs),
        cmocka_unit_test(nothing_is_due_without_inputs_or_while_it_waits),
        cmocka_unit_test(what_was_entered_is_due_when_it_has_lasted),
        cmocka_unit_test(lines_branch),
        cmocka_unit_test(a_finding_says_what_was_tried),
        cmocka_unit_test(attempts_are_valid_and_repeat),
        cmocka_unit_test(a_sweep_presses_every_key),
        cmocka_unit_test(what_is_held_is_let_go_and_pressed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
