/* SPDX-License-Identifier: MIT
 *
 * The output folder's disk: ordinary traces, a quota, and what is done when the disk is full.
 *
 * OUT/traces/ has the traces of the last instances, one an instance, found something or not: a corpus for
 * `moth replay` and for agents that vary recordings. They are what may be lost, and the oldest go first: when
 * there are too many, when the folder is over its quota, and when the disk is full and something is to be
 * written that may not be lost. For that moment some room is kept as well, in OUT/.work/reserve.
 */
#ifndef MOTH_FLEET_DISK_H
#define MOTH_FLEET_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/trace.h"

/* Keep room for a bad moment. Where there is none already, nothing is kept. */
void moth_disk_reserve(const char *out);
/* Was it for want of room? Disk full, or a quota. */
bool moth_disk_is_full(const struct moth_err *err);
/* Give up the reserve, and some of the oldest ordinary traces. False: there is nothing left to give up. Any
 * process of the run may. */
bool moth_disk_make_room(const char *out);

/* Keep an instance's trace as OUT/traces/<number>.moth. 0, or -1 with err. */
int moth_disk_keep_trace(const char *out, uint32_t index, const struct moth_trace *trace,
                         struct moth_err *err);
/* Its pictures, which lie in `work`, go to OUT/traces/<number>/, and with the trace when that is dropped. */
int moth_disk_keep_pictures(const char *out, uint32_t index, const char *work, struct moth_err *err);
/* Drop ordinary traces until there are at most `most`, and the folder has at most `bytes` (0: no limit). Its
 * size afterwards. */
uint64_t moth_disk_tidy(const char *out, uint32_t most, uint64_t bytes);

#endif
