/* SPDX-License-Identifier: MIT
 *
 * Packing a parked process: the pages that it alone still holds are taken out of it, compressed, and put
 * back into whoever is forked from it. A game that draws leaves each snapshot with pictures of its own,
 * which are large, and shrink well.
 */
#ifndef MOTH_RUNNER_PACK_H
#define MOTH_RUNNER_PACK_H

#include "runner/process.h"

struct moth_pack {
    struct moth_range *ranges; /* of addresses, in pages */
    size_t n_ranges;
    uint8_t *bytes; /* their contents, one zstd frame */
    size_t size_bytes, unpacked_bytes;
};

/* Pack a process that stands at a boundary and is only to be forked from now on. 0, or -1 with the process
 * as it was. Having nothing to pack is no error. */
int moth_pack_make(struct moth_process *process, struct moth_pack *pack, struct moth_err *err);
/* Put the contents into a process that was forked from it. 0 or -1. */
int moth_pack_apply(const struct moth_pack *pack, pid_t pid, struct moth_err *err);
void moth_pack_fini(struct moth_pack *pack);

#endif
