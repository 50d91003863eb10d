/* SPDX-License-Identifier: MIT
 *
 * The reaper: a small process beside a verb that launches games. It does nothing but wait for the verb's
 * end, whatever kind of end that is, and then kills what the verb started and did not clear away itself:
 * everything that carries its cookie, private folders too. It is in a session of its own, so a ctrl-c
 * does not reach it. The verb's forked children keep it waiting as well: they are killed when the verb ends
 * (PR_SET_PDEATHSIG), but a moment later than its files are closed, and may make a folder until then.
 */
#ifndef MOTH_FLEET_REAPER_H
#define MOTH_FLEET_REAPER_H

#include <sys/types.h>

#include "base/err.h"

#define MOTH_REAPER_NONE {.pid = -1, .life_fds = {-1, -1}}

struct moth_reaper {
    pid_t pid;
    int life_fds[2]; /* a pipe: nobody writes; its second end is closed by our death, if not by us */
};

/* What else a reaper that is started from now on clears away after a verb that could not do so itself, when the
 * processes are gone. One in a process. */
void moth_reaper_also(void (*clear)(void *context), void *context);
/* Start it. Call before anything is launched. */
int moth_reaper_start(struct moth_reaper *reaper, struct moth_err *err);
/* Should it have been killed itself, start another, for the same pipe. To be asked now and then. */
void moth_reaper_look(struct moth_reaper *reaper);
/* Let it sweep, and wait until it has. */
void moth_reaper_stop(struct moth_reaper *reaper);

/* Make this process the one that orphans among its descendants come to. */
void moth_reaper_adopt(void);
/* Nothing is meant to run any more: kill whatever came to us, and what carries our cookie. Cheap when
 * there is nothing. */
void moth_reaper_kill_strays(void);

#endif
