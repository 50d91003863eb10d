/* SPDX-License-Identifier: MIT
 *
 * What is said of frame times, against figures worked out by hand; when a frame is a spike, and whose fault
 * it is.
 */
#include "test.h"

#include "base/rng.h"
#include "compare/compare.h"
#include "detect/spike.h"
#include "findings/sampled.h"
#include "fleet/frame_times.h"
#include "reports/metrics.h"

#define MS UINT64_C(1000000)
#define HZ 60u

/* Frames of so many ms of work, a tick of game time each, from frame 2 on. */
static size_t frames_of(struct moth_observation *out, const double *ms, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct moth_observation){.frame = (uint32_t)i + 2,
                                           .cpu_ns = (uint64_t)(ms[i] * 1e6),
                                           .time_ns = (i + 1) * UINT64_C(1000000000) / HZ};
    return n;
}

static void near(double is, double wanted)
{
    if (is < wanted - 1e-6 * (1 + wanted) || is > wanted + 1e-6 * (1 + wanted))
        fail_msg("%.9g, and %.9g was expected", is, wanted);
}

/* 1000 frames: 980 of 10 ms, 15 of 20 ms, 4 of 50 ms, one of 200 ms: 10.5 s in all. */
static size_t golden(double *ms)
{
    for (size_t i = 0; i < 1000; i++)
        ms[i] = i % 50 == 25 ? 20 : 10;
    for (size_t i = 0; i < 4; i++)
        ms[100 + 200 * i + 25] = 50;
    ms[925] = 200;
    return 1000;
}

static void expect_golden(const struct moth_frame_times *times)
{
    near((double)times->n, 1000);
    near(times->p50, 10);
    near(times->p95, 10);
    near(times->p99, 20);      /* the 990th: 980 of 10, then ten of 20 */
    near(times->low1_pct, 20); /* the same by another name */
    near(times->max, 200);
    near(times->low1_avg, 50); /* the ten slowest: 200 + 4 * 50 + 5 * 20 = 500 */
    near(times->low1_integral,
         200); /* a hundredth of 10.5 s is 105 ms, and the slowest frame is more than that */
    /* Over 2.5 times the mean of the 60 before, and over a tick: the four of 50 ms and the one of 200. */
    near(times->stutter_time_pct, 100.0 * 400 / 10500);
    /* One frame over 60 ms, in the game time from the first frame's end on. */
    near(times->hitches_per_min, 60.0 / (999.0 / HZ));
}

static void golden_frames_by_themselves(void **state)
{
    (void)state;
    static double ms[1000];
    static struct moth_observation frames[1000];
    size_t n = frames_of(frames, ms, golden(ms));
    struct moth_frame_times times = moth_metrics_of(frames, n, HZ);
    expect_golden(&times);
}

/* The same counted in buckets, added up from two parts and sent through a pipe. */
static void golden_frames_counted(void **state)
{
    (void)state;
    static double ms[1000];
    static struct moth_observation frames[1000];
    static struct moth_frame_counts counts, part, sum;
    size_t n = frames_of(frames, ms, golden(ms));
    for (size_t i = 0; i < n; i++)
        moth_frame_counts_add(&counts, &frames[i], HZ);
    struct moth_buf buf;
    moth_buf_init(&buf);
    moth_frame_counts_put(&buf, &counts);
    struct moth_cursor cursor = moth_cursor_on(buf.bytes, buf.size_bytes);
    moth_frame_counts_get(&cursor, &part);
    assert_false(cursor.failed);
    assert_int_equal(moth_cursor_left(&cursor), 0);
    moth_frame_counts_merge(&sum, &part);
    struct moth_frame_times times = moth_frame_counts_summary(&sum);
    expect_golden(&times);
    moth_frame_counts_merge(&sum, &part);
    times = moth_frame_counts_summary(&sum);
    near((double)times.n, 2000);
    near(times.low1_avg, 50);
    near(times.hitches_per_min, 60.0 / (999.0 / HZ));
    moth_buf_fini(&buf);
}

/* 1..200 ms, once each: places can be counted on fingers. */
static void golden_ladder(void **state)
{
    (void)state;
    double ms[200];
    struct moth_observation frames[200];
    for (size_t i = 0; i < 200; i++)
        ms[(i * 77) % 200] = (double)(i + 1);
    struct moth_frame_times times = moth_metrics_of(frames, frames_of(frames, ms, 200), HZ);
    near(times.p50, 100);
    near(times.p95, 190);
    near(times.p99, 198);
    near(times.max, 200);
    near(times.low1_avg, 199.5);    /* of two */
    near(times.low1_integral, 199); /* a hundredth of 20.1 s is 201 ms: the second slowest reaches it */
}

static void no_frames_and_one(void **state)
{
    (void)state;
    struct moth_frame_times none = moth_metrics_of(NULL, 0, HZ);
    assert_int_equal(none.n, 0);
    double ms = 3;
    struct moth_observation frame;
    frames_of(&frame, &ms, 1);
    struct moth_frame_times one = moth_metrics_of(&frame, 1, HZ);
    near(one.p50, 3);
    near(one.p99, 3);
    near(one.low1_avg, 3);
    near(one.low1_integral, 3);
    near(one.hitches_per_min, 0);
}

/* ---- memory ---- */

#define MB (UINT64_C(1) << 20)

/* 10 MB, then 1 MB of heap more each 600 frames from frame 6000 on: 6 MB a minute at 60 Hz. */
static void memory_grows_by_so_much_a_minute(void **state)
{
    (void)state;
    static struct moth_memory_use use, got;
    for (uint32_t frame = 60; frame <= 12000; frame += 60) {
        uint64_t heap = 10 * MB + (frame > 6000 ? (frame - 6000) * MB / 600 : 0);
        moth_memory_use_add(&use, frame, heap + 5 * MB, heap);
    }
    moth_memory_use_add(&use, 12060, 90 * MB, 20 * MB); /* a peak that is kept though its point may not be */
    moth_memory_use_end(&use, HZ);
    assert_true(use.n <= MOTH_MEMORY_POINTS && use.n >= MOTH_MEMORY_POINTS / 2);
    near((double)use.rss_most, 90.0 * MB);
    assert_true(use.heap_growth > 58 * MB / 10 && use.heap_growth < 62 * MB / 10);
    for (uint32_t i = 1; i < use.n; i++)
        assert_true(use.points[i].frame > use.points[i - 1].frame);
    struct moth_buf buf;
    moth_buf_init(&buf);
    moth_memory_use_put(&buf, &use);
    struct moth_cursor cursor = moth_cursor_on(buf.bytes, buf.size_bytes);
    moth_memory_use_get(&cursor, &got);
    assert_false(cursor.failed);
    assert_int_equal(got.n, use.n);
    assert_memory_equal(got.points, use.points, use.n * sizeof *use.points);
    struct moth_memory_use less = {.rss_most = 1, .heap_most = 200 * MB, .rss_growth = 1};
    moth_memory_use_merge(&less, &got);
    near((double)less.heap_most, 200.0 * MB);
    assert_int_equal(less.n, use.n);
    assert_int_equal(less.heap_growth, use.heap_growth);
    moth_buf_fini(&buf);
}

/* Of very many those that hold the most are kept, whoever is put to whom. */
static void memory_of_scenes_adds_up(void **state)
{
    (void)state;
    static struct moth_memory_use one, two, both, other, got;
    char name[MOTH_SCENE_BYTES];
    for (unsigned i = 0; i < 3 * MOTH_MEMORY_SCENES; i++) {
        snprintf(name, sizeof name, "scene %03u", i * 7 % (3 * MOTH_MEMORY_SCENES));
        moth_memory_use_scene(i % 2 ? &one : &two, name, (i * 7 % (3 * MOTH_MEMORY_SCENES)) * MB, MB);
    }
    moth_memory_use_scene(&one, "scene 143", 500 * MB, 2 * MB);
    one.rss_most = 500 * MB;
    both = one, other = two;
    moth_memory_use_merge(&both, &two);
    moth_memory_use_merge(&other, &one);
    assert_int_equal(both.n_scenes, MOTH_MEMORY_SCENES);
    assert_memory_equal(both.scenes, other.scenes, sizeof both.scenes);
    assert_string_equal(both.scenes[0].name, "scene 096");
    assert_string_equal(both.scenes[MOTH_MEMORY_SCENES - 1].name, "scene 143");
    near((double)both.scenes[MOTH_MEMORY_SCENES - 1].rss_bytes, 500.0 * MB);
    near((double)both.scenes[MOTH_MEMORY_SCENES - 1].heap_bytes, 2.0 * MB);
    struct moth_buf buf;
    moth_buf_init(&buf);
    moth_memory_use_put(&buf, &both);
    struct moth_cursor cursor = moth_cursor_on(buf.bytes, buf.size_bytes);
    moth_memory_use_get(&cursor, &got);
    assert_false(cursor.failed);
    assert_int_equal(got.n_scenes, both.n_scenes);
    assert_memory_equal(got.scenes, both.scenes, both.n_scenes * sizeof *both.scenes);
    moth_buf_fini(&buf);
}

static void memory_that_stays_does_not_grow(void **state)
{
    (void)state;
    static struct moth_memory_use use;
    for (uint32_t frame = 60; frame <= 6000; frame += 60)
        moth_memory_use_add(&use, frame, (frame < 2000 ? frame : 2000) * 1000, 1000);
    moth_memory_use_end(&use, HZ);
    assert_int_equal(use.rss_growth, 0);
    moth_memory_use_return(&use);
    assert_int_equal(use.n, 0);
    assert_int_equal(use.rss_most, 2000 * 1000);
}

/* ---- spikes ---- */

static size_t spikes_in(const double *ms, size_t n, double budget_ms, uint32_t *which)
{
    struct moth_observation frames[64];
    struct moth_spike_watch watch;
    size_t found = 0;
    frames_of(frames, ms, n);
    moth_spike_begin(&watch, (uint64_t)(budget_ms * 1e6));
    for (size_t i = 0; i < n; i++)
        if (moth_spike_see(&watch, &frames[i]))
            which[found++] = (uint32_t)i;
    return found;
}

static void a_spike_is_over_the_budget_and_unlike_the_frame_before(void **state)
{
    (void)state;
    uint32_t which[64];
    assert_int_equal(spikes_in((double[]){5, 61, 5}, 3, 60, which), 1);
    assert_int_equal(which[0], 1);
    assert_int_equal(spikes_in((double[]){5, 60, 5}, 3, 60, which), 0);  /* not over it */
    assert_int_equal(spikes_in((double[]){50, 70, 5}, 3, 60, which), 0); /* 1.4 times the one before */
    assert_int_equal(spikes_in((double[]){50, 75, 5}, 3, 60, which), 1);
    assert_int_equal(spikes_in((double[]){1, 9, 1}, 3, 8, which), 1); /* by a budget of its own */
}

static void spikes_lie_apart(void **state)
{
    (void)state;
    uint32_t which[64];
    double ms[40] = {0};
    for (size_t i = 0; i < 40; i++)
        ms[i] = i % 6 == 3 ? 100 : 5; /* each 100 ms */
    assert_int_equal(spikes_in(ms, 40, 60, which), 4);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(which[i] - which[i - 1], 12);
}

static void the_launch_and_what_is_drawn_to_be_looked_at(void **state)
{
    (void)state;
    struct moth_spike_watch watch;
    moth_spike_begin(&watch, 60 * MS);
    struct moth_observation frame = {.frame = 1, .cpu_ns = 900 * MS, .time_ns = 1};
    assert_false(moth_spike_see(&watch, &frame));
    /* One frame in three is drawn, and costs what drawing costs. */
    for (uint32_t i = 2; i < 40; i++) {
        frame = (struct moth_observation){
            .frame = i, .cpu_ns = (i % 3 == 0 ? 80 : 2) * MS, .time_ns = i * 400 * MS, .drawn = i % 3 == 0};
        assert_int_equal(moth_spike_see(&watch, &frame),
                         i == 3); /* nothing is known to hold the first against */
    }
    frame = (struct moth_observation){.frame = 41, .cpu_ns = 80 * MS, .time_ns = 41 * 400 * MS};
    assert_true(moth_spike_see(&watch, &frame));
}

/* ---- whose fault ---- */

static struct moth_frame called(const char *function)
{
    return (struct moth_frame){.symbol = (char *)(uintptr_t)function,
                               .file = (char *)(uintptr_t) "game.c",
                               .line = 7,
                               .module = (char *)(uintptr_t) "game"};
}

/* "turn<load_level<main": innermost first. */
static void add(struct moth_sampled *sampled, uint64_t ms, const char *calls)
{
    char text[200], *rest = text, *name;
    struct moth_frame frames[8];
    struct moth_fiber_stack stack = {.frames = frames, .name = "main"};
    snprintf(text, sizeof text, "%s", calls);
    while ((name = strsep(&rest, "<")))
        frames[stack.n_frames++] = called(name);
    moth_sampled_add(sampled, ms * MS, &stack);
}

static char *blamed(const struct moth_sampled *sampled, const struct moth_sampled *usual, const char *wanted)
{
    struct moth_finding *finding = calloc(1, sizeof *finding);
    double share = 0;
    assert_true(moth_sampled_blame(sampled, usual, wanted, finding, &share));
    assert_true(share >= 0.5 && share <= 1.0);
    char *culprit = moth_sampled_culprit(finding);
    moth_finding_free(finding);
    return culprit;
}

static void expect_blamed(const struct moth_sampled *sampled, const struct moth_sampled *usual,
                          const char *wanted, const char *name)
{
    char *culprit = blamed(sampled, usual, wanted);
    assert_string_equal(culprit, name);
    free(culprit);
}

static void the_innermost_that_half_of_the_time_was_spent_in(void **state)
{
    (void)state;
    struct moth_sampled sampled = {0}, nothing = {0}, usual = {0};
    add(&sampled, 20, "unpack<load_level<update<main");
    add(&sampled, 20, "place<load_level<update<main");
    add(&sampled, 20, "memcpy<load_level<update<main");
    add(&sampled, 10, "draw<main");
    expect_blamed(&sampled, &nothing, NULL, "load_level"); /* no one below it has half */
    add(&sampled, 100, "unpack<load_level<update<main");
    expect_blamed(&sampled, &nothing, NULL, "unpack");
    add(&usual, 1, "unpack<draw<main"); /* which every frame calls */
    add(&usual, 1, "update<main");
    expect_blamed(&sampled, &usual, NULL, "load_level");
    expect_blamed(&sampled, &usual, "update", "update"); /* as it was said before */
    expect_blamed(&sampled, &usual, "draw", "load_level");
    add(&usual, 1, "load_level<update<main"); /* nothing unusual is left */
    expect_blamed(&sampled, &usual, NULL, "unpack");
    moth_sampled_fini(&sampled);
    moth_sampled_fini(&usual);
}

static void its_heaviest_line_is_told(void **state)
{
    (void)state;
    struct moth_sampled sampled = {0}, nothing = {0};
    static const struct {
        int line;
        uint64_t ms;
    } lines[] = {{22, 10}, {25, 9}, {31, 1}, {25, 9}};
    for (size_t i = 0; i < 4; i++) {
        struct moth_frame frame = called("main");
        frame.line = lines[i].line;
        moth_sampled_add(&sampled, lines[i].ms * MS,
                         &(struct moth_fiber_stack){.frames = &frame, .n_frames = 1, .name = "main"});
    }
    struct moth_finding *finding = calloc(1, sizeof *finding);
    double share = 0;
    assert_true(moth_sampled_blame(&sampled, &nothing, NULL, finding, &share));
    assert_string_equal(finding->stack[0], "main game.c:25 (game)");
    moth_finding_free(finding);
    moth_sampled_fini(&sampled);
}

static void libraries_are_not_to_blame(void **state)
{
    (void)state;
    struct moth_sampled sampled = {0}, nothing = {0};
    add(&sampled, 90, "memcpy<SDL_BlitSurface<draw_sky<main<_start");
    add(&sampled, 10, "draw<main<_start");
    expect_blamed(&sampled, &nothing, NULL, "draw_sky");
    moth_sampled_fini(&sampled);
}

static void stacks_are_folded(void **state)
{
    (void)state;
    struct moth_sampled sampled = {0};
    assert_null(moth_sampled_folded(&sampled));
    add(&sampled, 2, "turn<load;level<main");
    add(&sampled, 1, "draw<main");
    add(&sampled, 3, "turn<load;level<main");
    struct moth_frame work = called("work");
    moth_sampled_add(&sampled, 7 * MS, /* a thread that was never given a name */
                     &(struct moth_fiber_stack){.fiber = 2, .frames = &work, .n_frames = 1, .name = "main"});
    char *folded = moth_sampled_folded(&sampled);
    assert_string_equal(folded, "#2;work 7000\nmain;main;draw 1000\nmain;main;load:level;turn 5000\n");
    free(folded);
    moth_sampled_fini(&sampled);
}

/* ---- comparing ---- */

/* Plays whose frames cost `ms`, each with something added that no two have in common. */
static double *plays_of(double ms, uint32_t k, uint32_t n, uint64_t seed)
{
    double *plays = calloc((size_t)k * n, sizeof *plays);
    struct moth_rng rng;
    moth_rng_seed(&rng, seed);
    for (size_t i = 0; i < (size_t)k * n; i++)
        plays[i] = ms * (1 + (double)(i % n % 7) / 7) + ms * (double)moth_rng_below(&rng, 1000) / 10000;
    return plays;
}

static struct moth_compare_change change_between(double a_ms, double b_ms, uint64_t seed)
{
    double *a = plays_of(a_ms, 7, 300, seed), *b = plays_of(b_ms, 7, 300, seed + 1000);
    struct moth_compare_change change;
    moth_compare_bootstrap((const double *const[]){a, b}, 7, 300, 0, 300, 0.99, 1, &change);
    free(a);
    free(b);
    return change;
}

static void the_interval_holds_what_is_true(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct moth_compare_change same = change_between(2, 2, seed), slower = change_between(2, 2.1, seed);
        assert_true(same.low <= 0 && same.high >= 0);
        assert_true(slower.low > 0.03 && slower.low <= 0.05 && slower.high >= 0.05 && slower.high < 0.07);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_frames_by_themselves),
        cmocka_unit_test(golden_frames_counted),
        cmocka_unit_test(golden_ladder),
        cmocka_unit_test(no_frames_and_one),
        cmocka_unit_test(memory_grows_by_so_much_a_minute),
        cmocka_unit_test(memory_of_scenes_adds_up),
        cmocka_unit_test(memory_that_stays_does_not_grow),
        cmocka_unit_test(a_spike_is_over_the_budget_and_unlike_the_frame_before),
        cmocka_unit_test(spikes_lie_apart),
        cmocka_unit_test(the_launch_and_what_is_drawn_to_be_looked_at),
        cmocka_unit_test(the_innermost_that_half_of_the_time_was_spent_in),
        cmocka_unit_test(its_heaviest_line_is_told),
        cmocka_unit_test(libraries_are_not_to_blame),
        cmocka_unit_test(stacks_are_folded),
        cmocka_unit_test(the_interval_holds_what_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
