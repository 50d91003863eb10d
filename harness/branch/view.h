/* SPDX-License-Identifier: MIT
 *
 * Views of a game: what a look at one boundary shows, and states, which are views made comparable.
 *
 * Two views are compared cell by cell at eight levels of grey, so noise does not count, under a mask that
 * leaves out cells that move by themselves. A cell moves by itself when it changes over time and all ways
 * played from one place show the same in it at the same frame: a clock, a torch, a scrolling sky. What is
 * left is what inputs can change, and what does not change at all. Pure functions, but for moth_view_take.
 */
#ifndef MOTH_BRANCH_VIEW_H
#define MOTH_BRANCH_VIEW_H

#include "runner/instance.h"

#define MOTH_VIEW_CELLS (MOTH_CELL_ROWS * MOTH_CELL_COLUMNS)
#define MOTH_VIEW_SCENE_CELLS 8u /* views that differ in more cells show two scenes */

struct moth_view {
    uint32_t frame;
    bool ok;          /* the picture could be read */
    bool waiting;     /* the game, or the script, says that it waits */
    uint64_t picture; /* hash of the whole picture */
    uint64_t watches; /* … of the values that the game published, and of those that are watched */
    uint8_t cell[MOTH_VIEW_CELLS];
};

struct moth_views {
    struct moth_view *items;
    size_t n, room;
};

/* Look at the game as it stands. False when it cannot be looked at any more. */
bool moth_view_take(struct moth_instance *instance, struct moth_view *view);
/* Append a copy; out of memory aborts. */
void moth_views_add(struct moth_views *views, const struct moth_view *view);
void moth_views_fini(struct moth_views *views);

/* Which cells count, and which of them never changed. */
struct moth_view_mask {
    bool counts[MOTH_VIEW_CELLS];
};

/* All cells count. */
void moth_view_mask_all(struct moth_view_mask *mask);
/* Leave out the cells that move by themselves, by `ways` played from one place: those that changed at
 * least `changes` times within one of them, and never differed between two at the same frame. */
void moth_view_mask_learn(struct moth_view_mask *mask, const struct moth_views *ways, size_t n_ways,
                          unsigned changes);
/* Do two ways differ anywhere at the same frame, in any pixel or published value? They come in order of
 * frames. */
bool moth_views_differ(const struct moth_views *a, const struct moth_views *b);
uint64_t moth_view_state(const struct moth_view *view, const struct moth_view_mask *mask);
/* Where on a line the last window begins: the index of the latest view from which on no state occurs that
 * was seen before it, if that is `window_frames` ago or more; a trap that was entered just so long ago begins
 * there. Else of the first view that is not older. */
size_t moth_views_window(const struct moth_views *line, const struct moth_view_mask *mask, uint32_t now_frame,
                         uint32_t window_frames);
/* Number of cells that differ by more than a level. */
unsigned moth_view_distance(const struct moth_view *a, const struct moth_view *b);

/* A name for what these views show, whatever moves about in it: of each scene the cells that stand still,
 * without those beside one that changes; where there are none, the mean over time. Never 0. */
uint64_t moth_view_place(const struct moth_views *views, size_t n);

/* A set of states, in the order they were first seen. */
struct moth_states {
    uint64_t *items;
    uint32_t *seen; /* how often each was */
    size_t n, room;
};

/* Count one more sighting. True when it is the first. */
bool moth_states_add(struct moth_states *states, uint64_t state);
bool moth_states_has(const struct moth_states *states, uint64_t state);
void moth_states_fini(struct moth_states *states);

#endif
