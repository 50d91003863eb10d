/* SPDX-License-Identifier: MIT */
#include "fleet/tally.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "findings/store.h"
#include "fleet/again.h"
#include "fleet/corpus.h"
#include "runner/cookie.h"

#define BLOCK_PER_AGENT 4u /* instances of each agent, on average, until the shares change */

static int init_weights(struct moth_tally *tally)
{
    const struct moth_fleet_config *config = tally->config;
    double *base = calloc(config->n_agents + 1, sizeof *base);
    size_t block = config->n_agents * BLOCK_PER_AGENT;
    for (size_t i = 0; base && i < config->n_agents; i++)
        base[i] = config->agents[i].weight;
    block = block > config->workers ? block : config->workers;
    int result = base ? moth_weights_init(&tally->weights, base, config->n_agents, (uint32_t)block) : -1;
    tally->shares = calloc(config->n_agents + 1, sizeof *tally->shares);
    free(base);
    return tally->shares ? result : -1;
}

int moth_tally_init(struct moth_tally *tally, const struct moth_fleet_config *config)
{
    *tally = (struct moth_tally){.config = config};
    bool shared = config->shards > 1;
    moth_plan_name(config, tally->plan);
    moth_plan_name_of_builds(config, tally->builds_plan);
    tally->survey = moth_survey_create();
    if (!tally->survey)
        return -1;
    if (config->judge_warning)
        moth_tally_warn(tally, "%s", config->judge_warning);
    snprintf(tally->shard, sizeof tally->shard, "%u/%u", shared ? config->shard : 1, shared ? config->shards : 1);
    size_t n = config->corpus ? config->corpus->n : 0;
    tally->replayed = calloc(n + 1, sizeof *tally->replayed);
    tally->fixed = calloc(n + 1, sizeof *tally->fixed);
    for (size_t i = 0; tally->replayed && i < n; i++) {
        const struct moth_corpus_trace *trace = &config->corpus->at[i];
        tally->replayed[i] = (struct moth_replayed_trace){
            .path = trace->path, .fingerprint = trace->finding ? trace->finding->fingerprint : NULL};
    }
    return tally->replayed && tally->fixed ? init_weights(tally) : -1;
}

static void free_texts(struct moth_tally_texts *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        free(texts->at[i]);
    free(texts->at);
}

static void forget_fixed(struct moth_tally *tally)
{
    while (tally->n_fixed > 0)
        moth_finding_free(tally->fixed[--tally->n_fixed]);
}

void moth_tally_fini(struct moth_tally *tally)
{
    for (size_t i = 0; i < tally->n_findings; i++)
        moth_finding_free(tally->findings[i].finding);
    free(tally->findings);
    for (size_t i = 0; i < tally->n_records; i++) {
        free((char *)(uintptr_t)tally->records[i].ended);
        free((char *)(uintptr_t)tally->records[i].fingerprint);
        free((char *)(uintptr_t)tally->records[i].fault);
    }
    free(tally->records);
    free_texts(&tally->warnings);
    moth_properties_fini(&tally->properties);
    free_texts(&tally->agent_faults);
    moth_gate_fini(&tally->gate);
    free(tally->all_warnings);
    free(tally->sightings);
    moth_survey_free(tally->survey);
    json_decref(tally->survey_json);
    free(tally->shares);
    forget_fixed(tally);
    free(tally->fixed);
    free(tally->replayed);
    moth_weights_fini(&tally->weights);
    moth_places_fini(&tally->places);
    free(tally->build_id);
}

static void add_text(struct moth_tally_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->n; i++) {
        if (strcmp(texts->at[i], text) == 0)
            return;
    }
    char **grown =
        texts->n < MOTH_TALLY_TEXTS_MAX ? realloc(texts->at, (texts->n + 1) * sizeof *grown) : NULL;
    if (!grown)
        return;
    texts->at = grown;
    grown[texts->n++] = strdup(text);
}

void moth_tally_warn(struct moth_tally *tally, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    if (text)
        add_text(&tally->warnings, text);
    free(text);
}

struct moth_tally_finding *moth_tally_find(struct moth_tally *tally, const char *fingerprint)
{
    for (size_t i = 0; i < tally->n_findings; i++) {
        if (strcmp(tally->findings[i].fingerprint, fingerprint) == 0)
            return &tally->findings[i];
    }
    return NULL;
}

static struct moth_tally_finding *add_finding(struct moth_tally *tally,
                                              const struct moth_message_found *found)
{
    struct moth_tally_finding *grown = realloc(tally->findings, (tally->n_findings + 1) * sizeof *grown);
    struct moth_finding *finding = calloc(1, sizeof *finding);
    if (grown)
        tally->findings = grown;
    if (!grown || !finding) {
        free(finding);
        return NULL;
    }
    struct moth_tally_finding *entry = &grown[tally->n_findings++];
    *entry = (struct moth_tally_finding){.finding = finding, .first_index = found->index, .teller = found->index};
    snprintf(entry->fingerprint, sizeof entry->fingerprint, "%s", found->fingerprint);
    memcpy(finding->fingerprint, entry->fingerprint, sizeof finding->fingerprint);
    finding->kind = (enum moth_finding_kind)found->kind;
    finding->title = strdup(found->title);
    finding->frame = found->frame;
    return entry;
}

void moth_tally_begin(struct moth_tally *tally, uint32_t index)
{
    for (size_t i = 0; i < tally->n_sightings; i++) {
        if (tally->sightings[i].index == index)
            tally->sightings[i].told = 0;
    }
}

static void forget_sightings(struct moth_tally *tally, uint32_t index)
{
    size_t kept = 0;
    for (size_t i = 0; i < tally->n_sightings; i++) {
        if (tally->sightings[i].index != index)
            tally->sightings[kept++] = tally->sightings[i];
    }
    tally->n_sightings = kept;
}

/* Does it count, or did the instance tell of it before it was begun again? */
static bool sight(struct moth_tally *tally, const struct moth_message_found *found)
{
    struct moth_tally_sighting *at = NULL;
    for (size_t i = 0; i < tally->n_sightings && !at; i++) {
        struct moth_tally_sighting *each = &tally->sightings[i];
        if (each->index == found->index && strcmp(each->fingerprint, found->fingerprint) == 0)
            at = each;
    }
    if (!at) {
        struct moth_tally_sighting *grown = realloc(tally->sightings, (tally->n_sightings + 1) * sizeof *grown);
        if (!grown)
            return true;
        tally->sightings = grown;
        at = &grown[tally->n_sightings++];
        *at = (struct moth_tally_sighting){.index = found->index};
        snprintf(at->fingerprint, sizeof at->fingerprint, "%s", found->fingerprint);
    }
    if (++at->told <= at->counted)
        return false;
    at->counted++;
    return true;
}

struct moth_tally_finding *moth_tally_found(struct moth_tally *tally, const struct moth_message_found *found,
                                            bool *is_new)
{
    struct moth_tally_finding *entry = moth_tally_find(tally, found->fingerprint);
    *is_new = entry == NULL;
    if (!entry)
        entry = add_finding(tally, found);
    if (!entry)
        return NULL;
    entry->seen += sight(tally, found);
    entry->stored = entry->stored || found->stored;
    entry->outdated = entry->outdated || found->better;
    if (found->index < entry->first_index)
        entry->first_index = found->index;
    if (!found->stored && !entry->warned)
        moth_tally_warn(tally, "finding %s (%s) could not be stored: %s", found->fingerprint, found->title,
                        found->why);
    entry->warned = entry->warned || !found->stored;
    return entry;
}

size_t moth_tally_unknown(const struct moth_tally *tally)
{
    const struct moth_baseline *baseline = tally->config->baseline;
    size_t n = 0;
    for (size_t i = 0; i < tally->n_findings; i++)
        n += !baseline || !moth_baseline_find(baseline, tally->findings[i].fingerprint);
    return n;
}

struct moth_tally_finding *moth_tally_adopt(struct moth_tally *tally, const struct moth_finding *finding)
{
    struct moth_message_found found = {.index = UINT32_MAX,
                                       .kind = finding->kind,
                                       .frame = finding->frame,
                                       .stored = true,
                                       .fingerprint = (char *)(uintptr_t)finding->fingerprint,
                                       .title = finding->title ? finding->title : (char *)(uintptr_t)""};
    struct moth_tally_finding *entry = add_finding(tally, &found);
    if (entry)
        entry->stored = entry->rewarded = true;
    return entry;
}

void moth_tally_forget_failures(struct moth_tally *tally)
{
    tally->consecutive_faults = tally->consecutive_no_frame = tally->consecutive_agent_faults = 0;
    if (tally->started == 0)
        tally->no_frame = tally->faults = 0;
}

void moth_tally_verified(struct moth_tally *tally, const struct moth_message_verified *verified)
{
    struct moth_tally_finding *entry = moth_tally_find(tally, verified->fingerprint);
    if (entry)
        entry->queued = false;
    if (verified->warning[0])
        moth_tally_warn(tally, "%s", verified->warning);
}

/* ---- instances ---- */

static const char *agent_name(const struct moth_tally *tally, const struct moth_plan_job *job)
{
    if (job->replay)
        return MOTH_AGAIN_NAME;
    return job->scenario ? tally->config->scenarios[job->agent].name : tally->config->agents[job->agent].name;
}

/* Of scenarios: what they are called, and their case. */
static void name_scenario(struct moth_instance_record *record, const struct moth_tally *tally,
                          const struct moth_plan_job *job)
{
    if (!job->scenario)
        return;
    const struct moth_agent *agent = tally->config->scenarios[job->agent].agent;
    record->scenario = agent ? moth_agent_name(agent) : record->agent;
    record->scenario_case = moth_agent_case(agent);
}

static void add_record(struct moth_tally *tally, const struct moth_plan_job *job,
                       const struct moth_message_done *done)
{
    struct moth_instance_record *grown = NULL;
    if (tally->n_records < MOTH_TALLY_RECORDS_MAX)
        grown = realloc(tally->records, (tally->n_records + 1) * sizeof *grown);
    if (!grown)
        return;
    tally->records = grown;
    grown[tally->n_records++] = (struct moth_instance_record){
        .index = job->replay ? job->agent : job->index,
        .agent = agent_name(tally, job),
        .seed = job->seed,
        .frames = done->frames,
        .wall_s = (double)done->wall_ns / (double)MOTH_NS_PER_S,
        .ended = strdup(done->how ? done->how : ""),
        .fingerprint = done->fingerprint && *done->fingerprint ? strdup(done->fingerprint) : NULL,
        .fault = done->fault && *done->fault ? strdup(done->fault) : NULL,
    };
    name_scenario(&grown[tally->n_records - 1], tally, job);
}

static void add_warnings(struct moth_tally *tally, char *lines)
{
    char *rest = lines, *line;
    while ((line = strsep(&rest, "\n"))) {
        if (*line)
            add_text(&tally->warnings, line);
    }
}

static void count_ending(struct moth_tally *tally, const struct moth_plan_job *job,
                         const struct moth_message_done *done)
{
    bool fault = done->ending == MOTH_ENDING_FAULT || done->ending == MOTH_ENDING_KILLED;
    tally->consecutive_faults = fault ? tally->consecutive_faults + 1 : 0;
    tally->consecutive_no_frame = done->ending == MOTH_ENDING_NO_FRAME ? tally->consecutive_no_frame + 1 : 0;
    tally->consecutive_agent_faults =
        done->ending == MOTH_ENDING_AGENT ? tally->consecutive_agent_faults + 1 : 0;
    tally->finished++;
    tally->stopped += done->ending == MOTH_ENDING_STOPPED;
    tally->started += done->frames > 0;
    tally->clean_finished += done->ending == MOTH_ENDING_PLAYED;
    if (done->ending == MOTH_ENDING_NO_FRAME) {
        tally->no_frame++;
        add_text(&tally->warnings, done->fault);
    } else if (done->ending == MOTH_ENDING_AGENT) {
        char *text = moth_fs_path("%s: %s", agent_name(tally, job), done->fault);
        tally->agent_faulty++;
        add_text(&tally->agent_faults, text);
        free(text);
    } else if (fault) {
        if (tally->faults++ == 0)
            tally->first_fault = (enum moth_err_code)done->err_code;
        moth_tally_warn(tally, "%s", done->fault);
    }
}

/* Findings that this instance was the first to tell of. */
static uint32_t take_rewards(struct moth_tally *tally, uint32_t index)
{
    uint32_t n = 0;
    for (size_t i = 0; i < tally->n_findings; i++) {
        struct moth_tally_finding *entry = &tally->findings[i];
        if (entry->teller != index || entry->rewarded)
            continue;
        entry->rewarded = true;
        n++;
    }
    return n;
}

static bool weigh(struct moth_tally *tally, const struct moth_plan_job *job, const struct moth_message_done *done)
{
    uint32_t cells = 0;
    for (uint32_t i = 0; i < done->n_cells; i++)
        cells += moth_places_add(&tally->places, done->cells[i]);
    uint32_t findings = take_rewards(tally, job->index);
    return !job->scenario && !job->replay && moth_weights_done(&tally->weights, job->agent, done->frames, cells, findings);
}

static void note_replay(struct moth_tally *tally, const struct moth_plan_job *job, const struct moth_message_done *done)
{
    struct moth_replayed_trace *replayed = &tally->replayed[job->agent];
    replayed->tried = done->ending == MOTH_ENDING_PLAYED && moth_again_tells(done->how);
    replayed->happened = moth_again_happened(done->how);
}

bool moth_tally_done(struct moth_tally *tally, const struct moth_plan_job *job,
                     const struct moth_message_done *done)
{
    forget_sightings(tally, job->index);
    if (job->replay)
        note_replay(tally, job, done);
    count_ending(tally, job, done);
    add_record(tally, job, done);
    add_warnings(tally, done->warnings);
    moth_properties_merge(&tally->properties, &done->properties);
    tally->frames += done->frames;
    tally->virtual_ns += done->virtual_ns;
    moth_frame_counts_merge(&tally->frame_counts, &done->frame_counts);
    if (!tally->build_id && done->build_id && *done->build_id)
        tally->build_id = strdup(done->build_id);
    return weigh(tally, job, done);
}

void moth_tally_note_growth(struct moth_tally *tally, double wall_s)
{
    if (tally->frames > 0)
        moth_growth_add(&tally->survey->growth, &(struct moth_growth_point){.frames = tally->frames,
                                                                            .places = tally->places.n,
                                                                            .wall_s = wall_s});
}

/* ---- the end ---- */

static int by_first_index(const void *a, const void *b)
{
    const struct moth_tally_finding *left = a, *right = b;
    if (left->first_index != right->first_index)
        return left->first_index < right->first_index ? -1 : 1;
    return strcmp(left->fingerprint, right->fingerprint);
}

static int by_index(const void *a, const void *b)
{
    const struct moth_instance_record *left = a, *right = b;
    return (left->index > right->index) - (left->index < right->index);
}

static void load_finding(struct moth_tally *tally, struct moth_tally_finding *entry)
{
    char *folder = moth_store_folder(tally->config->out, entry->fingerprint);
    struct moth_err err;
    struct moth_finding *stored = entry->stored ? moth_finding_load(folder, &err) : NULL;
    if (stored) {
        moth_finding_free(entry->finding);
        entry->finding = stored;
    } else if (entry->stored) {
        moth_tally_warn(tally, "%s", err.message);
    }
    entry->finding->times_seen = entry->seen > 0 ? entry->seen : 1;
    if (entry->finding->status == MOTH_FINDING_STATUS_FIXED) /* its old trace led nowhere, but another one did */
        entry->finding->status = MOTH_FINDING_STATUS_NEW;
    if (tally->config->know)
        tally->config->know(tally->config->know_context, entry->finding);
    free(folder);
}

static int judge_findings(struct moth_tally *tally, const struct moth_run_summary *summary)
{
    const struct moth_fleet_config *config = tally->config;
    struct moth_gate_rules any;
    struct moth_gate_measured measured;
    moth_gate_rules_init(&any);
    moth_report_measured(summary, &measured);
    moth_gate_fini(&tally->gate);
    if (moth_gate_judge(config->gate ? config->gate : &any, config->fail_on_flaky, summary->findings,
                        summary->n_findings, config->baseline, &measured, &tally->gate) != 0)
        return -1;
    return moth_report_unfinished(summary->records, summary->n_records, &tally->gate);
}

static enum moth_verdict judge(const struct moth_tally *tally, bool interrupted, int *exit_code)
{
    size_t nondeterministic = 0, lost = 0;
    for (size_t i = 0; i < tally->n_findings; i++) {
        lost += !tally->findings[i].stored;
        nondeterministic += tally->findings[i].finding->kind == MOTH_FINDING_NONDETERMINISM;
    }
    if (tally->started == 0 && tally->faults > 0) {
        *exit_code = moth_err_exit_code(tally->first_fault);
        return MOTH_VERDICT_ERROR;
    }
    if (tally->idle) {
        *exit_code = 0;
        return MOTH_VERDICT_PASS;
    }
    if (tally->started == 0 && !interrupted) {
        *exit_code = 4;
        return MOTH_VERDICT_NOTHING_RAN;
    }
    if (lost > 0) { /* worse than any finding: the gate would go by less than was seen */
        *exit_code = moth_err_exit_code(MOTH_ERR_IO);
        return MOTH_VERDICT_ERROR;
    }
    if (tally->config->strict && nondeterministic > 0) {
        *exit_code = 6;
        return MOTH_VERDICT_NEW_FINDINGS;
    }
    if (tally->gate.findings_fail || tally->gate.metrics_fail) {
        *exit_code = 1;
        return MOTH_VERDICT_NEW_FINDINGS;
    }
    if (interrupted && !(tally->gate.flaky && tally->config->fail_on_flaky)) { /* what was not played may have failed */
        *exit_code = moth_err_exit_code(MOTH_ERR_INTERRUPTED);
        return MOTH_VERDICT_ERROR;
    }
    if (tally->agent_faulty > 0 || tally->clean_finished == 0) {
        *exit_code = tally->agent_faulty > 0 ? 2 : tally->faults > 0 ? 3 : 0;
        if (*exit_code != 0)
            return MOTH_VERDICT_ERROR;
    }
    if (tally->gave_up) { /* most of it was not played: that is no pass */
        *exit_code = tally->faults > 0 ? moth_err_exit_code(tally->first_fault) : 3;
        return MOTH_VERDICT_ERROR;
    }
    *exit_code = tally->gate.flaky && tally->config->fail_on_flaky ? 5 : 0;
    return tally->gate.flaky ? MOTH_VERDICT_FLAKY : MOTH_VERDICT_PASS;
}

const struct moth_agent_share *moth_tally_agents(struct moth_tally *tally)
{
    for (size_t i = 0; i < tally->config->n_agents; i++) {
        const struct moth_weights_arm *arm = &tally->weights.arms[i];
        tally->shares[i] = (struct moth_agent_share){.name = tally->config->agents[i].name,
                                                     .weight = arm->base,
                                                     .share = tally->config->adaptive ? arm->share : arm->base,
                                                     .instances = arm->instances,
                                                     .frames = arm->frames_all,
                                                     .cells = arm->cells,
                                                     .findings = arm->findings};
    }
    return tally->shares;
}

/* The gate's are about the run as it stands: they are not kept. */
static void put_warnings(struct moth_tally *tally, struct moth_run_summary *summary)
{
    size_t own = tally->warnings.n, gate = tally->gate.n_warnings;
    free(tally->all_warnings);
    tally->all_warnings = calloc(own + gate + 1, sizeof *tally->all_warnings);
    if (!tally->all_warnings)
        return;
    for (size_t i = 0; i < own; i++)
        tally->all_warnings[i] = tally->warnings.at[i];
    for (size_t i = 0; i < gate; i++)
        tally->all_warnings[own + i] = tally->gate.warnings[i];
    summary->warnings = tally->all_warnings;
    summary->n_warnings = own + gate;
}

/* Findings of earlier runs whose traces lead nowhere any more, and that nobody met otherwise. */
static void collect_fixed(struct moth_tally *tally)
{
    size_t n = tally->config->corpus ? tally->config->corpus->n : 0;
    forget_fixed(tally);
    for (size_t i = 0; i < n; i++) {
        const struct moth_replayed_trace *trace = &tally->replayed[i];
        if (!trace->fingerprint || !trace->tried || trace->happened || moth_tally_find(tally, trace->fingerprint))
            continue;
        char *folder = moth_store_folder(tally->config->out, trace->fingerprint);
        struct moth_finding *finding = moth_finding_load(folder, NULL);
        if (finding && finding->status == MOTH_FINDING_STATUS_FIXED)
            tally->fixed[tally->n_fixed++] = finding;
        else
            moth_finding_free(finding);
        free(folder);
    }
}

static struct moth_finding *know(const struct moth_tally *tally, struct moth_finding *finding)
{
    if (tally->config->know)
        tally->config->know(tally->config->know_context, finding);
    return finding;
}

void moth_tally_summarise(struct moth_tally *tally, bool interrupted, double wall_s,
                          struct moth_run_summary *summary, struct moth_finding ***findings)
{
    const struct moth_fleet_config *config = tally->config;
    if (tally->n_findings > 0)
        qsort(tally->findings, tally->n_findings, sizeof *tally->findings, by_first_index);
    if (tally->n_records > 0)
        qsort(tally->records, tally->n_records, sizeof *tally->records, by_index);
    free(*findings);
    collect_fixed(tally);
    *findings = calloc(tally->n_findings + tally->n_fixed + 1, sizeof **findings);
    for (size_t i = 0; *findings && i < tally->n_findings; i++) {
        load_finding(tally, &tally->findings[i]);
        (*findings)[i] = tally->findings[i].finding;
    }
    for (size_t i = 0; *findings && i < tally->n_fixed; i++)
        (*findings)[tally->n_findings + i] = know(tally, tally->fixed[i]);
    *summary = (struct moth_run_summary){
        .interrupted = interrupted,
        .stopped_by = tally->cut_short ? MOTH_STOPPED_BY_MAX_FINDINGS : NULL,
        .argv = config->argv,
        .members = config->members,
        .n_members = config->n_members,
        .link = config->link,
        .build_id = tally->build_id,
        .seed = config->seed,
        .shard = tally->shard,
        .workers = config->workers,
        .instances = tally->started,
        .frames_total = tally->frames,
        .virtual_s = (double)tally->virtual_ns / (double)MOTH_NS_PER_S,
        .wall_s = wall_s,
        .findings = *findings,
        .n_findings = *findings ? tally->n_findings + tally->n_fixed : 0,
        .replayed = tally->replayed,
        .n_replayed = config->corpus ? config->corpus->n : 0,
        .fail_on_flaky = config->fail_on_flaky,
        .records = tally->records,
        .n_records = tally->n_records,
        .agent_faults = (const char *const *)tally->agent_faults.at,
        .n_agent_faults = tally->agent_faults.n,
        .frame_times = moth_frame_counts_summary(&tally->frame_counts),
        .out = config->out,
        .run = tally->run,
        .plan = tally->plan,
        .builds_plan = tally->builds_plan,
        .version = MOTH_VERSION,
        .frame_counts = &tally->frame_counts,
        .agents = tally->shares,
        .n_agents = config->n_agents,
        .adaptive = config->adaptive,
    };
    moth_tally_agents(tally);
    moth_tally_note_growth(tally, wall_s);
    json_decref(tally->survey_json);
    tally->survey_json = moth_survey_is_empty(tally->survey) ? NULL : moth_survey_json(tally->survey);
    summary->survey = tally->survey_json;
    tally->idle = tally->finished == 0 && moth_plan_is_empty(config);
    if (tally->idle)
        moth_tally_warn(tally,
                        "shard %s has nothing to play: the run has fewer parts than shards (more --frames, or fewer "
                        "--instance-frames, make more)",
                        tally->shard);
    summary->frame_times.wall = config->channel.threads == MOTH_THREADS_NATIVE;
    summary->machine = config->machine;
    if (judge_findings(tally, summary) == 0)
        summary->gate = &tally->gate;
    summary->verdict = judge(tally, interrupted, &summary->exit_code);
    if (interrupted)
        summary->exit_code = moth_err_exit_code(MOTH_ERR_INTERRUPTED);
    put_warnings(tally, summary);
    summary->properties = &tally->properties;
}
