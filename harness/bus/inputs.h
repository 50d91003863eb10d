/* SPDX-License-Identifier: MIT
 *
 * The inputs of a step: from JSON, as BUS.md has it, to input events. Private to harness/bus.
 */
#ifndef MOTH_BUS_INPUTS_H
#define MOTH_BUS_INPUTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/input.h"

/* Decode an array of inputs of a step of `frames` frames. `events` has room for MOTH_PROGRAM_EVENTS_MAX and
 * comes out sorted by frame, in the order given within one. 0, or -1 with a sentence. */
int moth_bus_inputs_decode(const json_t *inputs, uint32_t frames, struct moth_input_event *events,
                           uint32_t *n_events, char *message, size_t message_size);

#endif
