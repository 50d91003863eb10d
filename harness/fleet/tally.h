/* SPDX-License-Identifier: MIT
 *
 * What a run has come to so far: its instances, findings, warnings and faults, and the summary made of
 * them at the end. Owns its strings.
 */
#ifndef MOTH_FLEET_TALLY_H
#define MOTH_FLEET_TALLY_H

#include "fleet/places.h"
#include "fleet/message.h"
#include "fleet/weights.h"
#include "fleet/workers.h"
#include "runner/cookie.h"

#define MOTH_TALLY_TEXTS_MAX 100u /* different warnings, different faults that are kept */
#define MOTH_TALLY_RECORDS_MAX 20000u

struct moth_tally_finding {
    char fingerprint[40];
    struct moth_finding *finding; /* what the messages say; at the end what the store has */
    uint32_t first_index, seen;
    bool stored, warned;
    bool queued;   /* a replay task is queued or under way */
    bool outdated; /* its trace was replaced since it was replayed */
    uint32_t teller; /* the instance that was first to tell of it … */
    bool rewarded;   /* … whose agent was given it */
};

/* How often an instance that is not over told of a finding. One that is begun again tells of the same ones
 * again: only what goes beyond that counts. */
struct moth_tally_sighting {
    uint32_t index;
    char fingerprint[40];
    uint32_t counted, told;
};

struct moth_tally_texts {
    char **at;
    size_t n;
};

struct moth_tally {
    const struct moth_fleet_config *config;
    struct moth_tally_finding *findings;
    size_t n_findings;
    struct moth_tally_sighting *sightings;
    size_t n_sightings;
    struct moth_instance_record *records; /* own their strings but `agent` and `ended` */
    size_t n_records;
    struct moth_tally_texts warnings, agent_faults;
    char *build_id;
    char shard[24]; /* "I/N" */
    char run[MOTH_COOKIE_MAX]; /* token of the run */
    char plan[MOTH_PLAN_NAME_MAX], builds_plan[MOTH_PLAN_NAME_MAX];
    bool idle;      /* this shard has no part of the run */
    uint32_t started, no_frame, finished, clean_finished, agent_faulty, consecutive_faults;
    uint32_t consecutive_no_frame, consecutive_agent_faults;
    uint32_t faults; /* the harness's */
    uint32_t stopped; /* instances, before their end */
    bool cut_short;  /* --max-findings kept some of it from being played */
    bool gave_up;    /* it ended early because hardly anything ran any more */
    enum moth_err_code first_fault;
    uint64_t frames, virtual_ns;
    struct moth_frame_counts frame_counts;
    struct moth_properties properties; /* that the game stated, over all instances */
    struct moth_places places; /* places that any agent saw */
    struct moth_survey *survey; /* what the instances saw on their way */
    json_t *survey_json;        /* the summary's */
    struct moth_weights weights;
    struct moth_replayed_trace *replayed; /* one a trace of the corpus */
    struct moth_finding **fixed;          /* of these, at most */
    size_t n_fixed;
    struct moth_agent_share *shares; /* the summary's, one an agent */
    struct moth_gate gate;           /* as it was judged last */
    const char **all_warnings;       /* the summary's: our own, and the gate's */
};

/* 0, or -1 when memory is out. */
int moth_tally_init(struct moth_tally *tally, const struct moth_fleet_config *config);
void moth_tally_fini(struct moth_tally *tally);
/* An instance begins, perhaps again. */
void moth_tally_begin(struct moth_tally *tally, uint32_t index);
/* Count a sighting. The finding, and whether it is the run's first of its fingerprint. */
struct moth_tally_finding *moth_tally_found(struct moth_tally *tally, const struct moth_message_found *found,
                                            bool *is_new);
struct moth_tally_finding *moth_tally_find(struct moth_tally *tally, const char *fingerprint);
/* How many of its findings the baseline does not have. */
size_t moth_tally_unknown(const struct moth_tally *tally);
/* Take up a finding that is in the store and of this run, though nobody was told of it. NULL: no memory. */
struct moth_tally_finding *moth_tally_adopt(struct moth_tally *tally, const struct moth_finding *finding);
/* The run is gone on with: what kept it from playing may be gone. */
void moth_tally_forget_failures(struct moth_tally *tally);
/* Count an instance that is over. True: a block of them is, and the agents' shares are new. */
bool moth_tally_done(struct moth_tally *tally, const struct moth_plan_job *job,
                     const struct moth_message_done *done);
/* So many places are known by now. */
void moth_tally_note_growth(struct moth_tally *tally, double wall_s);
/* What each agent did so far; the tally's, until the next call. */
const struct moth_agent_share *moth_tally_agents(struct moth_tally *tally);
/* Note a warning; one that was noted before is not repeated. */
void moth_tally_warn(struct moth_tally *tally, const char *format, ...) __attribute__((format(printf, 2, 3)));
void moth_tally_verified(struct moth_tally *tally, const struct moth_message_verified *verified);

/* Load the findings as stored, put everything in an order that does not depend on who was first, and
 * judge the run as it stands: verdict and exit code. The summary's pointers are the tally's, and good until it
 * changes; *findings, which the caller frees, is replaced. */
void moth_tally_summarise(struct moth_tally *tally, bool interrupted, double wall_s,
                          struct moth_run_summary *summary, struct moth_finding ***findings);

#endif
