/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/rng.h"
#include "sample_trace.h"

static char *sample_argv[] = {"/usr/games/example", "-level", "3", "", NULL};
static char *sample_env[] = {"SDL_AUDIODRIVER=dummy", NULL};

static struct moth_input_event sample_events[] = {
    {.frame = 0, .type = MOTH_INPUT_PAD_ATTACH, .device = 1},
    {.frame = 1, .type = MOTH_INPUT_KEY_DOWN, .code = 44},
    {.frame = 1, .type = MOTH_INPUT_KEY_DOWN, .code = 4},
    {.frame = 9, .type = MOTH_INPUT_KEY_UP, .code = 44},
    {.frame = 9, .type = MOTH_INPUT_TEXT, .text = "ä"},
    {.frame = 10, .type = MOTH_INPUT_TEXT, .text = "0123456789012345678901234567890"},
    {.frame = 300, .type = MOTH_INPUT_MOUSE_MOVE, .x = 319, .y = 199},
    {.frame = 300, .type = MOTH_INPUT_MOUSE_MOVE, .x = INT32_MIN, .y = INT32_MAX},
    {.frame = 300, .type = MOTH_INPUT_MOUSE_MOVE, .x = INT32_MAX, .y = INT32_MIN},
    {.frame = 301, .type = MOTH_INPUT_MOUSE_DOWN, .code = 1},
    {.frame = 302, .type = MOTH_INPUT_MOUSE_UP, .code = 1},
    {.frame = 302, .type = MOTH_INPUT_WHEEL, .x = -1, .y = 3},
    {.frame = 303, .type = MOTH_INPUT_PAD_DOWN, .device = 1, .code = 11},
    {.frame = 303, .type = MOTH_INPUT_PAD_UP, .device = 1, .code = 11},
    {.frame = 303, .type = MOTH_INPUT_PAD_AXIS, .device = 3, .code = 5, .x = -32768},
    {.frame = UINT32_MAX, .type = MOTH_INPUT_QUIT},
};

static struct moth_trace_checkpoint sample_checkpoints[] = {
    {60, 1000000000, 11, 0, 12, 13},
    {120, 2000000000, 11, 0, 12, UINT64_MAX},
    {120, 1999999999, UINT64_C(0x8000000000000000), 5, 6, 7},
    {UINT32_MAX, UINT64_MAX, 1, 2, 3, 4},
};

static struct moth_trace_mark sample_marks[] = {{0, "began"}, {301, "clicked"}, {301, ""}};

const struct moth_trace *sample_trace(void)
{
    static struct moth_trace trace;
    trace = (struct moth_trace){
        .header = {.argv = sample_argv,
                   .env = sample_env,
                   .build_id = "0123456789abcdef0123456789abcdef01234567",
                   .agent = NULL,
                   .moth_version = "0.1.0",
                   .directory = "",
                   .seed = UINT64_MAX,
                   .schedule_seed = 7,
                   .hz = 60,
                   .video = 1,
                   .render = 2,
                   .threads = 0},
        .events = sample_events,
        .n_events = COUNT(sample_events),
        .checkpoints = sample_checkpoints,
        .n_checkpoints = COUNT(sample_checkpoints),
        .marks = sample_marks,
        .n_marks = COUNT(sample_marks),
        .end = {.frames = 4000,
                .kind = "crash",
                .fingerprint = "1-crash-0123456789abcdef",
                .title = "SIGSEGV in door_open (map.c:12)",
                .finding_frame = 3999},
        .has_end = true,
        .frames = 4000,
    };
    return &trace;
}

struct moth_trace *sample_trace_long(uint32_t n_frames)
{
    struct moth_trace *trace = calloc(1, sizeof *trace);
    assert_non_null(trace);
    trace->header.argv = calloc(2, sizeof(char *));
    trace->header.env = calloc(1, sizeof(char *));
    trace->events = calloc(n_frames, sizeof *trace->events);
    trace->checkpoints = calloc(n_frames / 60 + 1, sizeof *trace->checkpoints);
    assert_true(trace->header.argv && trace->header.env && trace->events && trace->checkpoints);
    trace->header.argv[0] = strdup("game");
    struct moth_rng rng;
    moth_rng_seed(&rng, 1);
    for (uint32_t frame = 0; frame < n_frames; frame++) {
        if (moth_rng_below(&rng, 3) == 0) {
            struct moth_input_event *event = &trace->events[trace->n_events++];
            event->frame = frame;
            event->type = moth_rng_below(&rng, 2) ? MOTH_INPUT_KEY_DOWN : MOTH_INPUT_KEY_UP;
            event->code = (uint16_t)(79 + moth_rng_below(&rng, 4));
        }
        if (frame % 60 == 0)
            trace->checkpoints[trace->n_checkpoints++] = (struct moth_trace_checkpoint){
                frame, UINT64_C(16666667) * frame, moth_rng_next(&rng), moth_rng_next(&rng),
                5,     moth_rng_next(&rng)};
    }
    trace->end.frames = trace->frames = n_frames;
    trace->has_end = true;
    return trace;
}

static void assert_text_equal(const char *a, const char *b)
{
    assert_int_equal(a != NULL, b != NULL);
    if (a && b)
        assert_string_equal(a, b);
}

static void assert_lists_equal(char *const *a, char *const *b)
{
    for (; *a && *b; a++, b++)
        assert_string_equal(*a, *b);
    assert_true(*a == *b);
}

static void assert_headers_equal(const struct moth_trace_header *a, const struct moth_trace_header *b)
{
    assert_lists_equal(a->argv, b->argv);
    assert_lists_equal(a->env, b->env);
    assert_text_equal(a->build_id, b->build_id);
    assert_text_equal(a->agent, b->agent);
    assert_text_equal(a->moth_version, b->moth_version);
    assert_text_equal(a->directory, b->directory);
    assert_true(a->seed == b->seed && a->schedule_seed == b->schedule_seed);
    assert_true(a->hz == b->hz && a->video == b->video && a->render == b->render && a->threads == b->threads);
}

static void assert_checkpoints_equal(const struct moth_trace_checkpoint *a,
                                     const struct moth_trace_checkpoint *b)
{
    assert_true(a->frame == b->frame && a->time_ns == b->time_ns && a->picture == b->picture);
    assert_true(a->audio_chain == b->audio_chain && a->random_chain == b->random_chain &&
                a->call_chain == b->call_chain);
}

void assert_trace_begins(const struct moth_trace *whole, const struct moth_trace *part)
{
    assert_headers_equal(&whole->header, &part->header);
    assert_true(part->n_events <= whole->n_events);
    assert_true(part->n_checkpoints <= whole->n_checkpoints);
    assert_true(part->n_marks <= whole->n_marks);
    if (part->n_events)
        assert_memory_equal(whole->events, part->events, part->n_events * sizeof *whole->events);
    for (size_t i = 0; i < part->n_checkpoints; i++)
        assert_checkpoints_equal(&whole->checkpoints[i], &part->checkpoints[i]);
    for (size_t i = 0; i < part->n_marks; i++) {
        assert_int_equal(whole->marks[i].frame, part->marks[i].frame);
        assert_string_equal(whole->marks[i].text, part->marks[i].text);
    }
}

void assert_traces_equal(const struct moth_trace *a, const struct moth_trace *b)
{
    assert_trace_begins(a, b);
    assert_int_equal(a->n_events, b->n_events);
    assert_int_equal(a->n_checkpoints, b->n_checkpoints);
    assert_int_equal(a->n_marks, b->n_marks);
    assert_int_equal(a->has_end, b->has_end);
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->end.frames, b->end.frames);
    assert_int_equal(a->end.finding_frame, b->end.finding_frame);
    assert_text_equal(a->end.kind, b->end.kind);
    assert_text_equal(a->end.fingerprint, b->end.fingerprint);
    assert_text_equal(a->end.title, b->end.title);
}
