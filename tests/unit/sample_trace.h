/* SPDX-License-Identifier: MIT
 *
 * A trace with something of everything, for the tests of the codec.
 */
#ifndef MOTH_TEST_SAMPLE_TRACE_H
#define MOTH_TEST_SAMPLE_TRACE_H

#include "wire/trace.h"

/* Read only; static storage. With an end. */
const struct moth_trace *sample_trace(void);
/* The same, larger: n_frames frames of key events and a checkpoint every 60. moth_trace_free it. */
struct moth_trace *sample_trace_long(uint32_t n_frames);
/* Fails the test where the two differ. */
void assert_traces_equal(const struct moth_trace *a, const struct moth_trace *b);
/* Fails the test where `part` is not a beginning of `whole`, kind by kind. */
void assert_trace_begins(const struct moth_trace *whole, const struct moth_trace *part);

#endif
