/* SPDX-License-Identifier: MIT
 *
 * The corpus: traces that a run plays before everything else (--replay-first), most of them of findings that
 * earlier runs made. What happens again is a finding of this run; what does not is said to be fixed.
 *
 * Read once, before workers are forked; then only looked at.
 */
#ifndef MOTH_FLEET_CORPUS_H
#define MOTH_FLEET_CORPUS_H

#include "bindings/lua/host.h"
#include "findings/finding.h"

#define MOTH_CORPUS_MAX 100000u

struct moth_corpus_trace {
    char *path;                   /* of the trace */
    char *folder;                 /* of its finding, or NULL: it lies by itself */
    char *shorter;                /* minimized.moth beside it, or NULL */
    struct moth_finding *finding; /* that it leads to, or NULL */
    struct moth_agent *agent;     /* that alone can meet the finding again, or NULL: its inputs do */
};

struct moth_corpus {
    struct moth_corpus_trace *at; /* by path; of each finding one */
    size_t n;
};

/* All traces in these folders and below them: finding's folders, output folders of runs, single .moth files. What
 * cannot be read is warned of and left out; a folder that is not there is an error (MOTH_ERR_USAGE). */
int moth_corpus_read(const char *const *folders, size_t n, struct moth_corpus *corpus, struct moth_err *err);
void moth_corpus_fini(struct moth_corpus *corpus);

#endif
