/* SPDX-License-Identifier: MIT
 *
 * What stands below the picture: the timeline with marks, the finding and where the game is; frame, time and speed;
 * what is held down. Drawn with what SDL's renderer has; letters are stb_easy_font's.
 */
#ifndef MOTH_HEADED_STRIP_H
#define MOTH_HEADED_STRIP_H

#include "headed/pressed.h"
#include "headed/sdl.h"
#include "wire/trace.h"

#define MOTH_STRIP_HEIGHT 76 /* pixels of the window */

struct moth_strip {
    uint32_t frame, frames; /* where the game is, and how far the timeline goes */
    uint32_t hz;
    const struct moth_trace_mark *marks;
    size_t n_marks;
    uint32_t finding_frame; /* 0: none */
    const char *title;      /* of the finding, or NULL */
    const char *state;      /* "recording", "paused", … */
    bool recording;
    double speed;           /* 0: as fast as it goes */
    double achieved;        /* times the game's speed; 0: not known */
    const char *help;       /* which keys do what */
    struct moth_pressed held;
};

/* In the rectangle, which is cleared. */
void moth_strip_draw(SDL_Renderer *renderer, const SDL_Rect *place, const struct moth_strip *strip);
/* The frame that the timeline has at x, y; 0: it is not there. */
uint32_t moth_strip_frame_at(const SDL_Rect *place, const struct moth_strip *strip, int x, int y);
/* Text at a place, `scale` times as large as it is; how wide it is. Cut at `right`. */
int moth_strip_text(SDL_Renderer *renderer, int x, int y, int scale, int right, uint32_t rgb, const char *text);

#endif
