/* SPDX-License-Identifier: MIT
 *
 * The window: the game's picture, as large as fits in whole steps, and the strip below it.
 *
 * Life cycle: moth_window_open (which opens SDL) → moth_window_picture and moth_window_draw as often as there is
 * something new, moth_window_event in between → moth_window_close. One window at a time, one thread. The game
 * knows nothing of it: its picture comes out of its channel.
 */
#ifndef MOTH_HEADED_WINDOW_H
#define MOTH_HEADED_WINDOW_H

#include "headed/hands.h"
#include "headed/strip.h"

struct moth_window; /* opaque */

/* NULL and err: MOTH_ERR_USAGE where there is no screen. */
struct moth_window *moth_window_open(const char *title, struct moth_err *err);
void moth_window_close(struct moth_window *window);
/* Its number in the window system (X11), or 0. */
unsigned long moth_window_id(const struct moth_window *window);

/* A new picture: R G B X, rows packed. The first one sets the window's size. 0 or -1. */
int moth_window_picture(struct moth_window *window, const uint8_t *pixels, uint32_t width, uint32_t height);
/* Show the picture and the strip. `pointer`: the game's mouse is drawn into the picture, whose window is so large. */
void moth_window_draw(struct moth_window *window, const struct moth_strip *strip, bool pointer, uint32_t game_w,
                      uint32_t game_h);
/* The next event; waits for one so long. */
bool moth_window_event(struct moth_window *window, SDL_Event *event, int wait_ms);
/* Where the picture is, into view->x, y, w, h. */
void moth_window_place(const struct moth_window *window, struct moth_hands_view *view);
/* The frame under a click on the timeline; 0: none. */
uint32_t moth_window_frame_at(const struct moth_window *window, const struct moth_strip *strip, int x, int y);
/* Keep the pointer in the window, and have its motion only. */
void moth_window_grab(struct moth_window *window, bool grab);
/* Write the picture that was last given as PNG. 0 or -1. */
int moth_window_save(const struct moth_window *window, const char *path, struct moth_err *err);

#endif
