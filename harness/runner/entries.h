/* SPDX-License-Identifier: MIT
 *
 * Functions of a game whose calls are announced (MOTH_ANNOUNCE_ENTERED), by its probe.
 *
 * Life cycle: zeroed for each play → moth_entries_add, now or later → moth_entries_attach whenever the game may be
 * another process (as moth_watches_attach; cheap when nothing has changed) → moth_entries_translate on what was
 * announced → moth_entries_fini. Modules that the game loads later are seen to by the probe. One thread.
 */
#ifndef MOTH_RUNNER_ENTRIES_H
#define MOTH_RUNNER_ENTRIES_H

#include "runner/instance.h"

struct moth_entries {
    struct moth_entry_wish *items[MOTH_ENTRIES_MAX]; /* owned */
    unsigned n;
    uint64_t generation; /* counts changes */
};

/* By a name or a signature; under its name it is announced. 0, or -1 with what to do about it. */
int moth_entries_add(struct moth_entries *entries, struct moth_instance *instance, const char *signature,
                     struct moth_err *err);
void moth_entries_attach(const struct moth_entries *entries, struct moth_instance *instance);
/* The words of one that was entered, from registers to what its parameters are; others are left as they are. */
void moth_entries_translate(const struct moth_entries *entries, struct moth_announcement *said);
void moth_entries_fini(struct moth_entries *entries);

#endif
