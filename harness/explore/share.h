/* SPDX-License-Identifier: MIT
 *
 * What an archive's log says as a whole, for whoever begins a run and for its summary at the end.
 */
#ifndef MOTH_EXPLORE_SHARE_H
#define MOTH_EXPLORE_SHARE_H

#include "explore/log.h"
#include "wire/trace.h"

/* What an instance did; summed over all in a summary. */
struct moth_explore_counts {
    uint64_t restores, rebuilds, frames_rebuilt;
};

struct moth_explore_summary {
    uint64_t cells;     /* of the archives, as they last stood; several archives of one log are summed */
    uint64_t reference; /* of the fixed grid */
    uint64_t rollouts;
    uint32_t deepest_frame; /* of all ways in */
    struct moth_explore_counts counts;
    uint64_t size_bytes; /* of what is whole in the file */
};

int moth_explore_summarise(const char *path, struct moth_explore_summary *summary, struct moth_err *err);
/* The cells of the fixed grid by their hashes, sorted: malloc'd, the caller frees. The same place has the same hash in all
 * archives of that name, so those of several runs can be counted together. 0, or -1 with err. */
int moth_explore_reference(const char *path, uint64_t **cells, size_t *n, struct moth_err *err);
/* Append what an instance did. */
void moth_explore_count(struct moth_log *log, const struct moth_explore_counts *counts);
/* Append the inputs of a trace, for agents that vary recordings. */
void moth_explore_recording(struct moth_log *log, const struct moth_trace *trace);

#endif
