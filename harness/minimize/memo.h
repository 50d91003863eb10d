/* SPDX-License-Identifier: MIT
 *
 * What was asked already and what the answer was, in memory and, so that an interrupted search can go on,
 * in a file: a line of fixed size for each answer, appended. A search that asks the same questions in the
 * same order comes to the same end, whether it ran in one go or was killed ten times.
 *
 * A file cut or damaged anywhere is good up to there. One of another game, trace or version is begun anew.
 */
#ifndef MOTH_MINIMIZE_MEMO_H
#define MOTH_MINIMIZE_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/input.h"

struct moth_memo; /* opaque */

struct moth_memo_identity {
    uint64_t low, high; /* hash of all that an answer depends on but the inputs */
};

/* `path` NULL: in memory only. The file is locked: two searches in one place fail (MOTH_ERR_IO). */
struct moth_memo *moth_memo_open(const char *path, const struct moth_memo_identity *identity,
                                 struct moth_err *err);
void moth_memo_close(struct moth_memo *memo);
/* How many answers there are. */
size_t moth_memo_count(const struct moth_memo *memo);

/* True when it is known whether it happens with these inputs at `until` or before: *frame is where, 0: it
 * does not. */
bool moth_memo_find(const struct moth_memo *memo, const struct moth_input_event *events, size_t n_events,
                    uint32_t until, uint32_t *frame);
int moth_memo_add(struct moth_memo *memo, const struct moth_input_event *events, size_t n_events,
                  uint32_t until, uint32_t frame, struct moth_err *err);

#endif
