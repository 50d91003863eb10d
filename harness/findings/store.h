/* SPDX-License-Identifier: MIT
 *
 * The findings of an output folder: `<out>/findings/<fingerprint>/`, each with finding.json, stack.txt,
 * trace.moth, game.log and pictures, and minimized.moth with repro.lua once its inputs were shrunk. A folder is made under another name and renamed, so it is whole or
 * absent whenever anyone looks, and after any death of ours. Several processes may put at once.
 */
#ifndef MOTH_FINDINGS_STORE_H
#define MOTH_FINDINGS_STORE_H

#include "findings/finding.h"

#define MOTH_STRIP_NAME "strip-" /* of a picture: how many frames before the finding, and ".png", follow */

enum moth_store_result {
    MOTH_STORE_FAILED = -1,
    MOTH_STORE_NEW,    /* first of its fingerprint in this run */
    MOTH_STORE_SEEN,   /* known: times_seen is one more */
    MOTH_STORE_SHORTER /* known, and this trace is the shorter one: it is kept instead */
};

/* What lies beside finding.json. Paths of files to copy; NULL: there is none. */
struct moth_store_files {
    const char *trace;
    const char *log;
    const char *pictures; /* folder; its *.png are taken */
};

/* Keep a finding that has a fingerprint. Sets finding->trace and times_seen as stored. What another run
 * (finding->run) left is always replaced, for the game may have changed since; its times_seen goes on. */
enum moth_store_result moth_store_put(const char *out, struct moth_finding *finding,
                                      const struct moth_store_files *files, struct moth_err *err);
/* Note how its replays ended; nothing happens if the stored trace is not the one of `seed`
 * and `frame` any more. */
int moth_store_reproduced(const char *out, const char *fingerprint, uint64_t seed, uint32_t frame,
                          const struct moth_finding_attempt *tries, uint32_t n, struct moth_err *err);
/* Note what the team knows of it (moth_finding_take_status). */
int moth_store_status(const char *out, const struct moth_finding *finding, struct moth_err *err);
/* A finding's inputs were shrunk to so many: take minimized.moth and repro.lua from the folder `from`. */
int moth_store_minimized(const char *out, const char *fingerprint, uint32_t inputs, const char *from,
                         struct moth_err *err);
/* Take the pictures on the way to a finding (strip.h) from the folder `from`, in the place of earlier ones; nothing
 * happens if the stored trace is not the one of `seed` and `frame` any more. */
int moth_store_strip(const char *out, const char *fingerprint, uint64_t seed, uint32_t frame, const char *from,
                     struct moth_err *err);
/* "<out>/findings/<fingerprint>". Caller frees. */
char *moth_store_folder(const char *out, const char *fingerprint);
/* Remove what a killed run left half made. */
void moth_store_clean(const char *out);

/* Is `a` the better sighting of the two: earlier, with fewer inputs, then by seed, so that the same one
 * is kept in whatever order they come. */
bool moth_store_is_better(const struct moth_finding *a, const struct moth_finding *b);

#endif
