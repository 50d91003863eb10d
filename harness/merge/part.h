/* SPDX-License-Identifier: MIT
 *
 * A part: one run, or one shard of one, as it was played. It is its run.json without what the findings'
 * folders say better, and with what cannot be added up from there: counts of frame times, instances.
 *
 * merge.json, schema "moth.merge/1", holds the parts of a folder: one of a run, several of a merged folder.
 * A run.json without it is a part that knows less.
 */
#ifndef MOTH_MERGE_PART_H
#define MOTH_MERGE_PART_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "findings/properties.h"
#include "fleet/frame_times.h"
#include "reports/reports.h"

#define MOTH_PARTS_MAX 100000u
#define MOTH_PART_CELLS_MAX 250000u             /* more of them are counted, but not named */
#define MOTH_PART_BYTES_MAX ((size_t)256 << 20) /* of a run.json or merge.json */

struct moth_part {
    json_t *json;                                /* checked by moth_part_check */
    const char *run, *plan, *version, *build_id; /* in json; "" where it does not say */
    enum moth_verdict verdict;
    int exit_code;
    bool complete; /* false: it was interrupted, or still plays */
    const char *stopped_by; /* what ended it though there was more to play; NULL: nothing did, or it does not say */
    uint32_t shard, of;
    uint64_t seed, instances, workers, frames;
    double virtual_s, wall_s;
    bool has_counts, wall_clock; /* the times are not CPU times */
    struct moth_frame_counts *counts;
    struct moth_coverage coverage;
    uint64_t *cells; /* of the fixed grid, by hash; NULL: not known which */
    size_t n_cells;
    struct moth_properties properties; /* that the game stated */
    const char *folder; /* where it was read, borrowed; for messages */
};

struct moth_parts {
    struct moth_part *at;
    size_t n;
};

/* A part's JSON, made of a run.json. New reference. */
json_t *moth_part_json(const json_t *run_json);
/* Add what only the run itself knows. */
void moth_part_add(json_t *part, const struct moth_run_summary *summary, const char *out);
/* Check a part's JSON and take it over (its reference is stolen, also on failure). 0, or -1 with err, which
 * names `path`. */
int moth_part_check(json_t *json, const char *path, struct moth_part *part, struct moth_err *err);
/* Append. Takes over `part`. */
int moth_parts_add(struct moth_parts *parts, struct moth_part *part, struct moth_err *err);
/* merge.json's text; caller frees. */
char *moth_parts_text(const struct moth_parts *parts);
/* The parts of a merge.json. */
int moth_parts_read(const json_t *json, const char *path, struct moth_parts *parts, struct moth_err *err);
void moth_part_fini(struct moth_part *part);
void moth_parts_fini(struct moth_parts *parts);

/* By seed, number of shards, plan, shard and run: an order of what they are, not of where they came from. */
int moth_part_compare(const struct moth_part *a, const struct moth_part *b);
/* "shard 2/4", or "the run with seed 7". Caller frees. */
char *moth_part_name(const struct moth_part *part);

/* Read a JSON file of ours with this schema. NULL and err (MOTH_ERR_USAGE) where it is damaged or another's.
 */
json_t *moth_merge_read_json(const char *path, const char *schema, const char *what, struct moth_err *err);

#endif
