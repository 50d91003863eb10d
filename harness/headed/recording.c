/* SPDX-License-Identifier: MIT */
#include "headed/recording.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"

static char *trace_path(const struct moth_recording *recording)
{
    return moth_fs_path("%s/" MOTH_RECORDING_TRACE, recording->out);
}

int moth_recording_begin(struct moth_recording *recording, const char *out, const struct moth_trace_header *header,
                         struct moth_err *err)
{
    *recording = (struct moth_recording){.out = out, .header = header};
    moth_state_log_init(&recording->state);
    if (moth_fs_make_dirs(out, err) != 0)
        return -1;
    char *path = trace_path(recording);
    recording->writer = moth_trace_create(path, header, err);
    free(path);
    return recording->writer ? 0 : -1;
}

/* The recording goes on in memory, and is written when it ends. */
static void check(struct moth_recording *recording, int result, const struct moth_err *err)
{
    if (result == 0 || recording->failed)
        return;
    recording->failed = true;
    moth_log_warning("%s. The recording goes on, and is written when it ends", err->message);
}

void moth_recording_inputs(struct moth_recording *recording, uint32_t frame, const struct moth_input_event *events,
                           size_t n)
{
    struct moth_err err = {0};
    int result = 0;
    if (n == 0 || recording->failed)
        return;
    for (size_t i = 0; i < n && result == 0; i++) {
        struct moth_input_event event = events[i];
        event.frame = frame;
        result = moth_trace_event(recording->writer, &event, &err);
    }
    if (result == 0)
        result = moth_trace_flush(recording->writer, &err);
    check(recording, result, &err);
}

void moth_recording_observed(struct moth_recording *recording, const struct moth_observation *is)
{
    if (is->frame % MOTH_CHECKPOINT_FRAMES != 0 || recording->failed)
        return;
    struct moth_trace_checkpoint checkpoint = {.frame = is->frame,
                                               .time_ns = is->time_ns,
                                               .picture = is->picture_ok ? is->picture : 0,
                                               .audio_chain = is->audio_chain,
                                               .random_chain = is->random_chain,
                                               .call_chain = is->call_chain};
    struct moth_err err = {0};
    int result = moth_trace_checkpoint(recording->writer, &checkpoint, &err);
    if (result == 0)
        result = moth_trace_flush(recording->writer, &err);
    check(recording, result, &err);
}

void moth_recording_state(struct moth_recording *recording, uint32_t frame, const struct moth_watch_value *values,
                          uint32_t n)
{
    moth_state_log_add(&recording->state, frame, values, n);
}

void moth_recording_mark(struct moth_recording *recording, uint32_t frame, const char *text)
{
    struct moth_err err = {0};
    if (recording->failed)
        return;
    int result = moth_trace_mark(recording->writer, frame, text, &err);
    if (result == 0)
        result = moth_trace_flush(recording->writer, &err);
    check(recording, result, &err);
}

static int put_all(struct moth_trace_writer *writer, const struct moth_trace *trace, struct moth_err *err)
{
    int result = 0;
    for (size_t i = 0; i < trace->n_events && result == 0; i++)
        result = moth_trace_event(writer, &trace->events[i], err);
    for (size_t i = 0; i < trace->n_checkpoints && result == 0; i++)
        result = moth_trace_checkpoint(writer, &trace->checkpoints[i], err);
    for (size_t i = 0; i < trace->n_marks && result == 0; i++)
        result = moth_trace_mark(writer, trace->marks[i].frame, trace->marks[i].text, err);
    return result == 0 ? moth_trace_flush(writer, err) : -1;
}

/* Beside the old one, and then in its place: at no moment is there no trace. */
void moth_recording_again(struct moth_recording *recording, const struct moth_tree *tree)
{
    struct moth_err err = {0};
    struct moth_trace *trace = moth_tree_trace(tree, recording->header);
    char *path = trace_path(recording), *half = moth_fs_path("%s.half", path);
    struct moth_trace_writer *writer = trace ? moth_trace_create(half, recording->header, &err) : NULL;
    int result = writer ? put_all(writer, trace, &err) : -1;
    if (result == 0 && rename(half, path) != 0)
        result = moth_err_sys(&err, MOTH_ERR_IO, "cannot write %s", path);
    if (result == 0) {
        moth_trace_finish(recording->writer, NULL, NULL);
        recording->writer = writer;
        recording->failed = false;
    } else if (writer) {
        moth_trace_finish(writer, NULL, NULL);
        unlink(half);
    }
    moth_state_log_cut(&recording->state, moth_tree_frame(tree));
    check(recording, result, &err);
    moth_trace_free(trace);
    free(half);
    free(path);
}

/* ---- the end ---- */

static void set_end(struct moth_trace *trace, const struct moth_finding *finding)
{
    trace->has_end = true;
    trace->end = (struct moth_trace_end){.frames = trace->frames};
    if (!finding)
        return;
    trace->end.kind = strdup(moth_finding_kind_name(finding->kind));
    trace->end.fingerprint = strdup(finding->fingerprint);
    trace->end.title = strdup(finding->title);
    trace->end.finding_frame = finding->frame;
}

int moth_recording_finish(struct moth_recording *recording, const struct moth_tree *tree,
                          const struct moth_finding *finding, const struct moth_scenario *how, struct moth_trace **whole,
                          struct moth_err *err)
{
    struct moth_trace *trace = moth_tree_trace(tree, recording->header);
    if (!trace)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the recording");
    set_end(trace, finding);
    char *path = trace_path(recording), *script = moth_fs_path("%s/" MOTH_RECORDING_SCENARIO, recording->out);
    struct moth_scenario scenario = *how;
    scenario.trace = trace;
    scenario.state = &recording->state;
    scenario.file = script;
    int result = moth_trace_write(path, trace, err);
    char *text = moth_scenario_text(&scenario);
    if (!text && result == 0)
        result = moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the scenario");
    if (result == 0)
        result = moth_fs_write_atomic(script, text, strlen(text), err);
    free(text);
    free(script);
    free(path);
    if (whole)
        *whole = trace;
    else
        moth_trace_free(trace);
    return result;
}

void moth_recording_fini(struct moth_recording *recording)
{
    if (recording->writer)
        moth_trace_finish(recording->writer, NULL, NULL);
    recording->writer = NULL;
    moth_state_log_fini(&recording->state);
}
