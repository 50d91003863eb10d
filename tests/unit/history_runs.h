/* SPDX-License-Identifier: MIT
 *
 * Synthetic runs, and histories of them in a scratch folder.
 */
#ifndef HISTORY_RUNS_H
#define HISTORY_RUNS_H

#include "test.h"

#include <sqlite3.h>

#include "history/inside.h"

#define BUILDS 200u
#define FINDINGS 50u
#define RUNS_A_BUILD 2u
#define FIXED_AFTER 3u
#define DAY_MS (INT64_C(86400000))
#define BEGIN_MS INT64_C(1700000000000)

struct made {
    struct moth_history_run run;
    struct moth_history_sighting findings[FINDINGS];
    struct moth_history_replayed replayed[FINDINGS];
    struct moth_history_value metrics[2];
    char token[32], build[48], label[32], prints[FINDINGS][40], titles[FINDINGS][64], traces[FINDINGS][40];
};

static inline char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

/* A complete run of one plan that saw nothing; what it saw and what was played again. */
void history_name(char *to, size_t size, unsigned i);
void history_run_make(struct made *made, unsigned build, unsigned k);
void history_run_see(struct made *made, unsigned i, uint32_t reproduced);
void history_run_play(struct made *made, unsigned i, bool happened);
int history_set_up(void **state);
int history_tear_down(void **state);
struct moth_history *history_open_at(const char *folder, const char *name, enum moth_history_access access);
void history_add(struct moth_history *history, const struct moth_history_run *run);
struct moth_history_view *history_view_of(struct moth_history *history);
char *history_said_by(const char *folder, const char *name);
const struct moth_history_finding *history_find(const struct moth_history_view *view, unsigned i);

#endif
