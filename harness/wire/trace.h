/* SPDX-License-Identifier: MIT
 *
 * Traces: everything needed to play a game again. A header (what was launched and how), then input
 * events, marks and checkpoints in frame order, and at the end what became of it. harness/TRACE.md
 * is normative for the bytes.
 *
 * A writer appends blocks, each compressed and checksummed on its own, so that a file cut at any byte
 * reads up to its last whole block. A reader trusts nothing: every length is bounded, every error names
 * the offset. Neither keeps global state.
 */
#ifndef MOTH_WIRE_TRACE_H
#define MOTH_WIRE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/input.h"
#include "wire/mail.h"

/* Another game of a group, which plays with the first one. */
struct moth_trace_member {
    char *name;  /* by which the others find it, as a machine's */
    char **argv; /* NULL-terminated */
};

/* What a run was made of. Strings are owned by whoever filled the struct; the reader's are owned by
 * the trace. */
struct moth_trace_header {
    char **argv; /* NULL-terminated */
    char **env;  /* extra "K=V", NULL-terminated */
    char *build_id, *agent, *moth_version;
    char *directory; /* working directory of the game, absolute */
    uint64_t seed, schedule_seed;
    uint32_t hz, video, render, threads; /* as in wire/channel.h */
    struct moth_trace_member *members;   /* of a group, without the game itself; NULL: it plays alone */
    size_t n_members;
    struct moth_link link; /* between the members */
};

/* Chains at a boundary: what a replay is held against. */
struct moth_trace_checkpoint {
    uint32_t frame;
    uint64_t time_ns, picture, audio_chain, random_chain, call_chain;
};

struct moth_trace_mark {
    uint32_t frame;
    char *text;
};

/* What became of the run; kind NULL when it ended without a finding. */
struct moth_trace_end {
    uint32_t frames; /* boundaries in all */
    char *kind, *fingerprint, *title;
    uint32_t finding_frame;
};

struct moth_trace {
    struct moth_trace_header header;
    struct moth_input_event *events;
    size_t n_events;
    struct moth_trace_checkpoint *checkpoints;
    size_t n_checkpoints;
    struct moth_trace_mark *marks;
    size_t n_marks;
    struct moth_trace_end end;
    bool has_end; /* an end record was read */
    bool cut;     /* the file stops inside a block; what came before is here */
    uint32_t frames; /* end.frames, else the last frame named anywhere */
};

struct moth_trace_writer; /* opaque */

/* Create `path` and write the header at once. NULL and err on failure. */
struct moth_trace_writer *moth_trace_create(const char *path, const struct moth_trace_header *header,
                                            struct moth_err *err);
/* Each queues one record; whole blocks reach the file as they fill. 0 or -1. */
int moth_trace_event(struct moth_trace_writer *writer, const struct moth_input_event *event,
                     struct moth_err *err);
int moth_trace_checkpoint(struct moth_trace_writer *writer,
                          const struct moth_trace_checkpoint *checkpoint, struct moth_err *err);
int moth_trace_mark(struct moth_trace_writer *writer, uint32_t frame, const char *text,
                    struct moth_err *err);
/* Write what is queued as a block of its own. */
int moth_trace_flush(struct moth_trace_writer *writer, struct moth_err *err);
/* Flush, write the end record if not NULL, close, free. 0, or -1 if anything did not reach the file. */
int moth_trace_finish(struct moth_trace_writer *writer, const struct moth_trace_end *end,
                      struct moth_err *err);

/* Read a whole trace. Foreign, newer and damaged files are errors (MOTH_ERR_TRACE) that say which; a
 * file cut short is not: see `cut`. */
struct moth_trace *moth_trace_read(const char *path, struct moth_err *err);
/* The same from memory (fuzzing, tests). */
struct moth_trace *moth_trace_decode(const uint8_t *bytes, size_t size_bytes, const char *name,
                                     struct moth_err *err);
/* Write a trace in one go: tmp file and rename. */
int moth_trace_write(const char *path, const struct moth_trace *trace, struct moth_err *err);
void moth_trace_free(struct moth_trace *trace);

#endif
