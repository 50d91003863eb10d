/* SPDX-License-Identifier: MIT
 *
 * The places a game was brought to, and the ways there (Go-Explore's archive).
 *
 * A cell stands for all states that look alike: those for which a script computes the same key, or whose
 * picture is alike. It keeps one way in, the best by the script's score, of equals the shorter one (by
 * more than a sixteenth: each new way costs a snapshot), how often it was met (once each time it is
 * entered), how often it was chosen since something new came of it, and how often the game died there.
 *
 * Pictures are the 11 × 8 grey grid in 8 levels, seen through a ladder of coarser grids (grid.h). Each 8
 * roll-outs the archive looks at how many cells they opened: more than 8 a roll-out, and it goes a step
 * down and joins what now looks alike; fewer than one, and it goes a step up. Each turn back
 * doubles the number of roll-outs until the next look, so it comes to rest.
 * Coverage is counted on one fixed step beside that, so that runs can be compared; keys of a script are
 * their own fixed grid.
 *
 * A cell is chosen with a weight of 1/√(met + 1), times what is new about it: another 1/√(met + 1),
 * 1/√(chosen in vain + 1), 1/(inputs tried there + 1), sixteen times as much when it was opened just now, which
 * is halved within four roll-outs and fades; and 1/(deaths + 1). One whose way would have to be replayed over n
 * frames is taken 2048 times of (2048 + n), so that each worker mostly goes on where it has been. Cells that a
 * script calls terminal are never chosen.
 *
 * With a log (log.h) the workers of a run share what they find: each adds its own and takes over the
 * others' when a roll-out ends. Everything is a function of the seed, of the calls and of what is in the
 * log. Memory is bounded: MOTH_ARCHIVE_CELLS_MAX cells, of which those most often met make room.
 * One thread. No part of it touches the game.
 */
#ifndef MOTH_EXPLORE_ARCHIVE_H
#define MOTH_EXPLORE_ARCHIVE_H

#include "explore/grid.h"
#include "explore/log.h"
#include "explore/ngram.h"
#include "explore/route.h"

#define MOTH_ARCHIVE_CELLS_MAX 100000u
#define MOTH_ARCHIVE_REFERENCE_MAX 1000000u /* cells of the fixed grid that are told apart */
#define MOTH_ARCHIVE_RECORDINGS_MAX 256u
#define MOTH_ARCHIVE_NONE UINT32_MAX

struct moth_archive; /* opaque */

struct moth_archive_config {
    uint64_t seed;
    const char *name;     /* archives of one log see only what comes from the same name */
    struct moth_log *log; /* borrowed; NULL: nothing is shared */
    uint32_t cells_max;   /* 0: MOTH_ARCHIVE_CELLS_MAX */
};

/* Where the game stands. */
struct moth_archive_place {
    uint32_t frame;
    bool scripted; /* `key` counts, else `grid` */
    bool terminal; /* not to be come back to */
    uint64_t key;
    struct moth_grid grid;
    double score; /* of states in one cell, the more the better */
};

enum moth_archive_seen {
    MOTH_ARCHIVE_KNOWN,  /* nothing new */
    MOTH_ARCHIVE_OPENED, /* a new cell: tell its way with moth_archive_way */
    MOTH_ARCHIVE_BETTER  /* a better way to a known one: likewise */
};

struct moth_archive_counts {
    uint32_t cells, reference, step; /* `step` of the ladder */
    uint32_t recordings, deepest_frame;
    uint64_t rollouts; /* of all workers that share the log */
};

/* For keys: the same in every process and build. */
uint64_t moth_archive_hash(const void *bytes, size_t size_bytes, uint64_t seed);

/* NULL when memory is out. */
struct moth_archive *moth_archive_create(const struct moth_archive_config *config);
void moth_archive_destroy(struct moth_archive *archive);
/* What is known of the game beside its places, for all archives of this name; texts of MOTH_ARCHIVE_NOTE_MAX bytes or
 * more are not taken. The newest, of whichever worker; NULL: none yet. */
#define MOTH_ARCHIVE_NOTE_MAX (64u << 10)
void moth_archive_note(struct moth_archive *archive, const char *text);
const char *moth_archive_noted(struct moth_archive *archive);

/* Note where the game stands. *cell is its number, good until moth_archive_rolled. */
enum moth_archive_seen moth_archive_see(struct moth_archive *archive, const struct moth_archive_place *place,
                                        uint32_t *cell);
/* The inputs from frame 0 to where the game stands, which `see` has just called new or better. */
void moth_archive_way(struct moth_archive *archive, uint32_t cell, const struct moth_input_event *events,
                      size_t n_events, uint32_t frame);
/* A cell to go on from, or MOTH_ARCHIVE_NONE. A roll-out begins. */
uint32_t moth_archive_choose(struct moth_archive *archive);
/* An input was tried in this cell. */
void moth_archive_tried(struct moth_archive *archive, uint32_t cell);
/* The game died since the last `see`. */
void moth_archive_died(struct moth_archive *archive);
/* The chosen cell's way did not lead there: it is never chosen again here. */
void moth_archive_unreachable(struct moth_archive *archive, uint32_t cell);
/* A roll-out is over: cells it opened. Shares, and may change the ladder's step: cell numbers are void. */
uint32_t moth_archive_rolled(struct moth_archive *archive, struct moth_err *err);

/* The way to a cell; NULL when none is known. Good until the next call that changes the archive. */
struct moth_route *moth_archive_route(const struct moth_archive *archive, uint32_t cell);
/* A cell whose way in was new to all, by rng; MOTH_ARCHIVE_NONE when there is none. */
uint32_t moth_archive_any(struct moth_archive *archive);
struct moth_ngrams *moth_archive_ngrams(struct moth_archive *archive);
struct moth_rng *moth_archive_rng(struct moth_archive *archive);
/* Inputs of the i-th recording of the corpus, or NULL. The archive's. */
const struct moth_input_event *moth_archive_recording(const struct moth_archive *archive, uint32_t i,
                                                      size_t *n_events, uint32_t *frames);
void moth_archive_counts(const struct moth_archive *archive, struct moth_archive_counts *counts);
/* How often a cell was met. */
uint32_t moth_archive_met(const struct moth_archive *archive, uint32_t cell);
/* Weight by which a cell is chosen; for tests. */
double moth_archive_weight(const struct moth_archive *archive, uint32_t cell);

#endif
