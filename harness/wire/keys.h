/* SPDX-License-Identifier: MIT
 *
 * The table behind wire/input.h's key names. Private to harness/wire and its tests.
 */
#ifndef MOTH_WIRE_KEYS_H
#define MOTH_WIRE_KEYS_H

#define MOTH_KEYS 512 /* SDL_NUM_SCANCODES */

/* Indexed by scancode; NULL where SDL has no name. */
extern const char *const moth_key_names[MOTH_KEYS];

#endif
