/* SPDX-License-Identifier: MIT
 *
 * Inside of an archive: its table of cells. Private to harness/explore.
 */
#ifndef MOTH_EXPLORE_CELLS_H
#define MOTH_EXPLORE_CELLS_H

#include "explore/archive.h"

struct moth_cell {
    uint64_t key; /* at the present step */
    struct moth_grid grid;
    struct moth_route *route; /* NULL: no way is known */
    double score;
    uint64_t since; /* roll-outs there had been when it was opened */
    uint32_t met, chosen, in_vain, tried, deaths;
    uint32_t new_met, new_chosen, new_deaths; /* since this was last told to the others */
    bool used, scripted, terminal, unreachable;
    bool untold;  /* the way is not in the log yet */
};

/* A set of hashes; 0 is never one of them. */
struct moth_hashes {
    uint64_t *at;
    uint32_t n, room; /* room: a power of two */
};

/* What a cell's record in the log was of, so that counts that name it find its cell. */
struct moth_entry {
    uint64_t place;
    struct moth_route *route;
    bool scripted;
    uint64_t key;
    uint8_t packed[MOTH_GRID_PACKED_BYTES];
};

struct moth_recording {
    struct moth_input_event *events;
    size_t n_events;
    uint32_t frames;
};

struct moth_archive {
    struct moth_rng rng;
    char *note; /* what is known beside the places, or NULL */
    uint32_t name, cells_max;
    struct moth_log *log;

    struct moth_cell *cells;
    uint32_t n_slots, room, n_cells; /* slots ever used, allocated, cells in use */
    uint32_t *free_slots;
    uint32_t n_free;
    uint32_t *index, index_room; /* hash table of slot + 1 */
    unsigned step;
    bool pictures; /* some cells are of pictures: the ladder counts */
    struct moth_hashes reference;
    uint64_t *new_reference; /* not told yet */
    uint32_t n_new_reference, room_new_reference;

    uint32_t current, chosen; /* cell met last, cell of this roll-out */
    struct moth_route *near;  /* a route the game has come along */
    uint32_t opened;          /* in this roll-out */
    uint64_t rollouts; /* of all workers */
    uint32_t window_opened, window_rollouts, window; /* of the ladder's rule */
    int last_turn;
    uint32_t deepest;

    struct moth_ngrams ngrams;
    struct moth_entry *entries; /* by place */
    size_t n_entries, room_entries;
    struct moth_recording *recordings;
    uint32_t n_recordings;
};

/* The cell of a key, or MOTH_ARCHIVE_NONE. */
uint32_t moth_cells_find(const struct moth_archive *archive, uint64_t key);
/* A new cell; MOTH_ARCHIVE_NONE when memory is out. */
uint32_t moth_cells_add(struct moth_archive *archive, uint64_t key);
void moth_cells_remove(struct moth_archive *archive, uint32_t cell);
/* See all pictures through another step; cells that are alike now are joined. */
void moth_cells_rekey(struct moth_archive *archive, unsigned step);
/* Is the first way to be preferred? */
bool moth_cells_better(double score, uint32_t frame, const struct moth_cell *than);

/* True when it was not there. A set that is full takes no more. */
bool moth_hashes_add(struct moth_hashes *set, uint64_t hash, uint32_t most);

/* The key of a place at the present step. */
uint64_t moth_archive_key(const struct moth_archive *archive, bool scripted, uint64_t key,
                          const struct moth_grid *grid);
void moth_archive_note_reference(struct moth_archive *archive, uint64_t hash, bool own);

/* ---- share.c ---- */
/* Take over what others wrote, tell what is new here. */
int moth_archive_share(struct moth_archive *archive, struct moth_err *err);
/* Take over only. */
void moth_archive_take_over(struct moth_archive *archive);

#endif
