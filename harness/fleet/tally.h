/* SPDX-License-Identifier: MIT
 *
 * What a run has come to so far: its instances, findings, warnings and faults, and the summary made of
 * them at the end. Owns its strings.
 */
#ifndef MOTH_FLEET_TALLY_H
#define MOTH_FLEET_TALLY_H

#include "fleet/message.h"
#include "fleet/workers.h"

#define MOTH_TALLY_TEXTS_MAX 100u /* different warnings, different faults that are kept */
#define MOTH_TALLY_RECORDS_MAX 20000u

struct moth_tally_finding {
    char fingerprint[40];
    struct moth_finding *finding; /* what the messages say; at the end what the store has */
    uint32_t first_index, seen;
    bool stored, warned;
    bool queued;   /* a replay task is queued or under way */
    bool outdated; /* its trace was replaced since it was replayed */
};

struct moth_tally_texts {
    char **at;
    size_t n;
};

struct moth_tally {
    const struct moth_fleet_config *config;
    struct moth_tally_finding *findings;
    size_t n_findings;
    struct moth_instance_record *records; /* own their strings but `agent` and `ended` */
    size_t n_records;
    struct moth_tally_texts warnings, agent_faults;
    char *build_id;
    char shard[24]; /* "I/N" */
    bool idle;      /* this shard has no part of the run */
    uint32_t started, no_frame, finished, clean_finished, agent_faulty, consecutive_faults;
    uint32_t faults; /* the harness's */
    enum moth_err_code first_fault;
    uint64_t frames, virtual_ns;
    struct moth_frame_counts frame_counts;
};

void moth_tally_init(struct moth_tally *tally, const struct moth_fleet_config *config);
void moth_tally_fini(struct moth_tally *tally);
/* Count a sighting. The finding, and whether it is the run's first of its fingerprint. */
struct moth_tally_finding *moth_tally_found(struct moth_tally *tally, const struct moth_message_found *found,
                                            bool *is_new);
struct moth_tally_finding *moth_tally_find(struct moth_tally *tally, const char *fingerprint);
/* Count an instance that is over. */
void moth_tally_done(struct moth_tally *tally, const struct moth_plan_job *job,
                     const struct moth_message_done *done);
/* Note a warning; one that was noted before is not repeated. */
void moth_tally_warn(struct moth_tally *tally, const char *format, ...) __attribute__((format(printf, 2, 3)));
void moth_tally_verified(struct moth_tally *tally, const struct moth_message_verified *verified);

/* Load the findings as stored, put everything in an order that does not depend on who was first, and
 * judge the run: verdict and exit code. The summary's pointers are the tally's. */
void moth_tally_summarise(struct moth_tally *tally, bool interrupted, double wall_s,
                          struct moth_run_summary *summary, struct moth_finding ***findings);

#endif
