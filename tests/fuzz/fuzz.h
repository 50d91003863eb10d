/* SPDX-License-Identifier: MIT
 *
 * The one function of a fuzz target, as libFuzzer calls it.
 */
#ifndef MOTH_FUZZ_H
#define MOTH_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

#endif
