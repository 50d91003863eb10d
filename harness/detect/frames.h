/* SPDX-License-Identifier: MIT
 *
 * Frames as findings keep them, one line of text each (moth_frame_text): taking them apart, telling
 * the game's own from machinery, and the name a frame has in a fingerprint. Pure functions.
 */
#ifndef MOTH_DETECT_FRAMES_H
#define MOTH_DETECT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

struct moth_frame_parts {
    char function[512]; /* "" when it is not known */
    char file[256];     /* "" … */
    int line;
    char module[256]; /* "" … */
    char offset[32];  /* "0x1234" in the module, where the function is not known */
    char build[48];   /* build id's beginning, likewise */
};

void moth_frame_parse(const char *text, struct moth_frame_parts *parts);

/* Is it part of libc, SDL, the C++ run-time library, a sanitizer or the probe, by module or by name? */
bool moth_frame_is_machinery(const struct moth_frame_parts *parts);
/* Does it look like a game's own assertion or error handler, by its name? */
bool moth_frame_is_handler(const struct moth_frame_parts *parts);
/* Is it the way in which a process ends itself: abort(), a failed assertion, std::terminate()? */
bool moth_frame_is_abort(const struct moth_frame_parts *parts);
/* What names this frame in a fingerprint: the function without arguments, template arguments and
 * compiler's suffixes, or the module's build id and offset. False when nothing is known of it. */
bool moth_frame_key(const struct moth_frame_parts *parts, char *key, size_t size);

/* Index of the innermost frame that is the game's own, handlers passed over where another follows.
 * n when there is none. */
size_t moth_frames_first_own(char *const *stack, size_t n);

#endif
