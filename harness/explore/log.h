/* SPDX-License-Identifier: MIT
 *
 * The archive's file: what all workers of a run found out, appended by each and read by all.
 *
 * The file is a head (MOTH_LOG_MAGIC, u32 version) and records, each u32 size of its payload, u32 checksum
 * (XXH3 of type and payload, low half, seeded with the record's place), u8 type, payload. A record's place
 * in the file is its name; nothing is ever changed or moved. Writers hold flock(LOCK_EX) from the moment
 * they read what the others wrote until their own records are written, so records name only places
 * before them, and a record cut short by a writer's death is at the end: the next writer takes it off.
 * Readers stop at the first record that does not hold.
 *
 * One thread. A log that cannot be written to (disk full, MOTH_LOG_BYTES_MAX) is still read.
 */
#ifndef MOTH_EXPLORE_LOG_H
#define MOTH_EXPLORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define MOTH_LOG_MAGIC "\x89MOTHARC"
#define MOTH_LOG_VERSION 1u
#define MOTH_LOG_HEAD_BYTES 12u
#define MOTH_LOG_RECORD_HEAD_BYTES 9u
#define MOTH_LOG_RECORD_MAX (16u << 20)
#define MOTH_LOG_BYTES_MAX (UINT64_C(512) << 20)

enum moth_log_type {
    MOTH_LOG_HEADER = 1, /* the first: which game, which world */
    MOTH_LOG_CELL,       /* a cell and the way there */
    MOTH_LOG_STATS,      /* how often cells were met and chosen since the writer's record before */
    MOTH_LOG_REFERENCE,  /* cells of the fixed grid that were new to the writer */
    MOTH_LOG_RECORDING,  /* a trace from the corpus */
    MOTH_LOG_COUNTS,     /* what an instance did, at its end */
    MOTH_LOG_NOTE        /* what agents of one kind know of the game, as text; the last one holds */
};

/* What the ways in the file belong to. Strings are malloc'd where read. */
struct moth_log_header {
    char *program;  /* argv[0]'s file name */
    char *build_id; /* as moth_game_inspect's */
    uint64_t seed;  /* of the game's entropy in all instances that share the file */
};

struct moth_log; /* opaque */

/* Make a file with nothing but its header. Replaces one that is there. */
int moth_log_create(const char *path, const struct moth_log_header *header, struct moth_err *err);
/* NULL and err when it is not there or no log: MOTH_ERR_CONFIG says what is wrong with it. */
struct moth_log *moth_log_open(const char *path, struct moth_err *err);
const struct moth_log_header *moth_log_header(const struct moth_log *log);
void moth_log_close(struct moth_log *log); /* NULL is ignored */

typedef void (*moth_log_reader)(void *context, enum moth_log_type type, struct moth_cursor *body, uint64_t place);

/* Read what was appended since the last time, without a lock. */
void moth_log_read(struct moth_log *log, moth_log_reader reader, void *context);
/* Lock, and read what the others appended. False: nothing can be written. */
bool moth_log_begin(struct moth_log *log, moth_log_reader reader, void *context);
/* Between begin and end: queue a record; its place. 0 when there is no room. */
uint64_t moth_log_append(struct moth_log *log, enum moth_log_type type, const struct moth_buf *body);
/* Write what is queued, unlock. 0, or -1: from here on it is only read. */
int moth_log_end(struct moth_log *log, struct moth_err *err);

#endif
