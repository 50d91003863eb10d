/* SPDX-License-Identifier: MIT
 *
 * The cookie: a token by which everything that one process of moth started can be found again, also
 * when that process is gone. It stands in each game's environment (MOTH_RUN_COOKIE) and in the names
 * of private folders. Made at the first call, inherited by fork; a worker appends its own mark, so
 * that its part can be told from the rest.
 */
#ifndef MOTH_RUNNER_COOKIE_H
#define MOTH_RUNNER_COOKIE_H

#include "base/err.h"

#define MOTH_COOKIE_VARIABLE "MOTH_RUN_COOKIE"
#define MOTH_COOKIE_MAX 64

/* Letters, digits and "-". Static storage. */
const char *moth_cookie(void);
/* From now on this process's cookie is the inherited one and "-<mark>". */
void moth_cookie_mark(unsigned mark);

/* Make "<TMPDIR or /tmp>/moth-<cookie>-XXXXXX", mode 0700. Caller frees; NULL and err on failure. */
char *moth_cookie_make_folder(struct moth_err *err);

/* Kill (SIGKILL) every process but this one whose environment has a cookie that is `cookie` or begins
 * with it and "-", until none is left, and remove their private folders. Bounded to about two seconds. */
void moth_cookie_sweep(const char *cookie);

#endif
