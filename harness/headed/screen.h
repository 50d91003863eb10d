/* SPDX-License-Identifier: MIT
 *
 * A game on its way, seen in a window: what recording and showing have in common. The window, the pace, and what the
 * strip says. Life cycle: moth_screen_open → moth_screen_begin, then moth_screen_wait for when the next frame is
 * due, moth_screen_show once it was played → moth_screen_close. One thread.
 */
#ifndef MOTH_HEADED_SCREEN_H
#define MOTH_HEADED_SCREEN_H

#include "branch/tree.h"
#include "findings/finding.h"
#include "headed/pace.h"
#include "headed/told.h"
#include "headed/window.h"
#include "runner/watches.h"

struct moth_screen {
    struct moth_window *window;
    struct moth_pace pace;
    struct moth_strip strip;
    uint64_t drawn_ns;
    uint32_t game_w, game_h; /* of the game's window */
    bool pointer;            /* draw the game's mouse */
    bool said_slow;
};

/* "moth WHAT: GAME" is its title. */
int moth_screen_open(struct moth_screen *screen, const char *what, const struct moth_trace_header *header,
                     struct moth_err *err);
void moth_screen_close(struct moth_screen *screen);
/* From here on the game is on time. */
void moth_screen_begin(struct moth_screen *screen, uint32_t hz, double speed);
void moth_screen_set_speed(struct moth_screen *screen, double speed);
/* The game stands at another frame: show it if there is time, or in any case. */
void moth_screen_show(struct moth_screen *screen, struct moth_tree *tree, bool always);
/* So many frames were played. Says it once when the machine is too slow. */
void moth_screen_played(struct moth_screen *screen, uint32_t frames);
/* The end of a session, for who follows it: where the game stands, what it shows and what it publishes there, or what
 * is watched (`watches` may be NULL). */
void moth_screen_tell_end(struct moth_told *told, struct moth_tree *tree, struct moth_watches *watches, const char *how,
                          const struct moth_finding *finding);
/* Events until the next frame is due, or for `pause_ms` where the game stands still (at least 1). `on_event` gets
 * each; true ends the waiting. */
void moth_screen_wait(struct moth_screen *screen, int pause_ms, bool (*on_event)(void *context, const SDL_Event *event),
                      void *context);

#endif
