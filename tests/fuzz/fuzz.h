/* SPDX-License-Identifier: MIT
 *
 * The one function of a fuzz target, as libFuzzer calls it, and what targets share.
 */
#ifndef MOTH_FUZZ_H
#define MOTH_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

/* A folder for a target that needs files, in memory where that can be had; removed at the end. folder.c. */
const char *fuzz_folder(void);

#endif
