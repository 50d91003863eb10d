/* SPDX-License-Identifier: MIT */
#include "minimize/repro.h"

#include <inttypes.h>
#include <stdlib.h>

#include "script/call.h"
#include "script/inputs.h"
#include "script/text.h"
#include "script/world.h"

static void put_limits(FILE *out, const struct moth_replay_config *how)
{
    moth_script_put_limit(out, "frame-cpu-ms", how->limits.boundary_cpu_ms, 5000);
    moth_script_put_limit(out, "frame-wall-ms", how->limits.boundary_wall_ms, 20000);
    moth_script_put_limit(out, "memory-mb", how->limits.memory_mb, 4096);
    moth_script_put_limit(out, "softlock-s", how->softlock_s, 45);
}

/* The command that plays this file as the trace was played. */
static void put_command(FILE *out, const struct moth_trace *trace, uint64_t run_seed,
                        const struct moth_replay_config *how, uint32_t frames)
{
    fprintf(out, "moth run -a repro.lua --max-findings 1");
    moth_script_put_world(out, &trace->header, run_seed);
    put_limits(out, how);
    moth_script_put_budget(out, frames);
    moth_script_put_game(out, &trace->header);
}

static void put_head(const struct moth_script_writer *writer, const struct moth_trace *trace,
                     uint64_t run_seed, const struct moth_replay_config *how,
                     uint32_t frames)
{
    FILE *out = writer->out;
    fprintf(out, "-- ");
    moth_script_put_plain(out, trace->end.kind);
    fprintf(out, ": ");
    moth_script_put_plain(out, trace->end.title);
    fprintf(out, "\n-- %s, at frame %" PRIu32 " (%.2f s), after %zu input%s\n--\n",
            trace->end.fingerprint ? trace->end.fingerprint : "", trace->end.finding_frame,
            trace->end.finding_frame / writer->hz, trace->n_events, trace->n_events == 1 ? "" : "s");
    fprintf(out, "--   ");
    put_command(out, trace, run_seed, how, frames);
    fprintf(out, "\n");
    if (trace->header.directory && *trace->header.directory) {
        fprintf(out, "--   (in ");
        moth_script_put_plain(out, trace->header.directory);
        fprintf(out, ")\n");
    }
    fprintf(out, "\nreturn function(game)\n");
}

static void put_events(struct moth_script_writer *writer, const struct moth_trace *trace)
{
    for (size_t i = 0; i < trace->n_events;) {
        const struct moth_input_event *events = &trace->events[i];
        moth_script_step_to(writer, events[0].frame);
        size_t taken = moth_script_gesture(writer, events, trace->n_events - i, UINT32_MAX);
        if (taken == 0) {
            moth_script_event(writer, events);
            taken = 1;
        }
        i += taken;
    }
}

static void put_end(struct moth_script_writer *writer, uint32_t last, uint32_t finding_frame)
{
    char code[32], comment[48];
    if (writer->frame >= last)
        return;
    snprintf(code, sizeof code, "game:step(%" PRIu32 ")", last - writer->frame);
    snprintf(comment, sizeof comment, "it happens at frame %" PRIu32, finding_frame);
    moth_script_line_about(writer, code, comment);
}

char *moth_repro_text(const struct moth_trace *trace, uint64_t run_seed, const struct moth_replay_config *how)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    struct moth_script_writer writer;
    moth_script_writer_init(&writer, out, &trace->header);
    uint32_t last = trace->end.finding_frame + MOTH_REPLAY_GRACE_FRAMES;
    put_head(&writer, trace, run_seed, how, last + 1);
    if (moth_script_keeps_pointers(trace->events, trace->n_events))
        fprintf(out, "    local made = {}                      -- what calls gave back\n");
    put_events(&writer, trace);
    put_end(&writer, last, trace->end.finding_frame);
    fprintf(out, "end\n");
    fclose(out);
    return text;
}
