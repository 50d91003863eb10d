/* SPDX-License-Identifier: MIT
 *
 * What happens in a session, as it happens, a JSON object a line: for programs that drive or follow one
 * (--events). {"event": "ready", "frame": 1, …}. One thread.
 */
#ifndef MOTH_HEADED_TOLD_H
#define MOTH_HEADED_TOLD_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

struct moth_told; /* opaque; NULL is allowed everywhere: nobody listens */

/* A file that is there is appended to; a pipe is opened, and waits for its reader. */
struct moth_told *moth_told_open(const char *path, struct moth_err *err);
/* One event. `more`: an object with more members, which is taken, or NULL. */
void moth_told(struct moth_told *told, const char *event, uint32_t frame, json_t *more);
void moth_told_close(struct moth_told *told);

#endif
