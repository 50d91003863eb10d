/* SPDX-License-Identifier: MIT
 *
 * What the files of merge/ share. Not for others.
 */
#ifndef MOTH_MERGE_INSIDE_H
#define MOTH_MERGE_INSIDE_H

#include "merge/merge.h"
#include "merge/source.h"

struct moth_texts {
    char **at;
    size_t n;
};

struct moth_merge {
    struct moth_merge_config config;
    struct moth_source *sources;
    size_t n_sources;
    size_t n_without_report;        /* folders of runs that left none */
    struct moth_parts parts;        /* of all sources, each once, in the order of moth_part_compare */
    struct moth_finding **findings; /* of each fingerprint the best; owned by its source */
    const char **finding_outs;      /* where each lies; owned by its source, or by the caller of write */
    size_t n_findings;
    struct moth_instance_record *records; /* their texts are the parts' */
    size_t n_records;
    struct moth_agent_share *agents; /* their names are the parts' */
    size_t n_agents;
    struct moth_texts warnings, agent_faults;
    struct moth_properties properties;
    struct moth_replayed_trace *replayed; /* their texts are the parts' */
    size_t n_replayed;
    const char **argv; /* the parts' */
    char shard[64];
    struct moth_frame_counts *counts;
    json_t *survey; /* the summary's */
    struct moth_gate gate;
    struct moth_run_summary summary;
};

/* Append a text that is not there yet; takes it over. */
void moth_texts_add(struct moth_texts *texts, char *text);
void moth_texts_fini(struct moth_texts *texts);

/* read.c: add the runs of a folder, of a folder of folders, or of a run.json's folder. */
int moth_merge_read(struct moth_merge *merge, const char *name, void (*warn)(const char *sentence),
                    struct moth_err *err);
/* pick.c: of each fingerprint that a part saw the best finding, and how often it was seen. */
int moth_merge_pick(struct moth_merge *merge, struct moth_err *err);
/* agents.c: who played how much. */
void moth_merge_agents(struct moth_merge *merge);
/* judge.c: verdict and exit code, with the warnings that explain them, and the word for `shard`. */
void moth_merge_judge(struct moth_merge *merge);
/* judge.c: `shards` of run.json: {of, have, missing}; null where it is not one run in shards. New reference.
 */
json_t *moth_merge_shards_json(const struct moth_merge *merge);

#endif
