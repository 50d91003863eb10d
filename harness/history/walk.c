/* SPDX-License-Identifier: MIT
 *
 * What became of each finding: one walk over the runs, from build to build.
 */
#include <stdlib.h>
#include <string.h>

#include "history/inside.h"

/* A run said something about a finding: it saw it, or played its trace. */
struct word {
    const char *fingerprint;
    uint32_t run; /* its place in the order */
    const struct moth_history_sighting *seen;
    const struct moth_history_replayed *replayed;
};

static int by_finding(const void *a, const void *b)
{
    const struct word *left = a, *right = b;
    int order = strcmp(left->fingerprint, right->fingerprint);
    if (order == 0)
        order = (left->run > right->run) - (left->run < right->run);
    return order ? order : (left->seen == NULL) - (right->seen == NULL);
}

static struct word *collect(const struct moth_history_order *order, size_t *n)
{
    size_t room = 1;
    for (size_t i = 0; i < order->n; i++)
        room += order->runs[i]->n_findings + order->runs[i]->n_replayed;
    struct word *words = calloc(room, sizeof *words);
    *n = 0;
    for (size_t i = 0; words && i < order->n; i++) {
        const struct moth_history_run *run = order->runs[i];
        for (size_t j = 0; j < run->n_findings; j++)
            words[(*n)++] = (struct word){run->findings[j].fingerprint, (uint32_t)i, &run->findings[j], NULL};
        for (size_t j = 0; j < run->n_replayed; j++)
            words[(*n)++] = (struct word){run->replayed[j].fingerprint, (uint32_t)i, NULL, &run->replayed[j]};
    }
    if (*n > 0)
        qsort(words, *n, sizeof *words, by_finding);
    return words;
}

/* ---- one finding ---- */

#define EVIDENCE_MAX 64u /* runs remembered for what they said */

struct walk {
    struct moth_history_order *order;
    uint32_t fixed_after;
    uint32_t *plan_of; /* of each plan: the finding (its number, from 1) that was seen in it last */
    uint32_t number;   /* of this finding */
    struct moth_history_finding *finding;
    bool open, certain;   /* … is there; all replays of it met it */
    uint32_t last;        /* run that saw it */
    uint32_t vain_build;  /* the first one that it was looked for in vain in, since */
    uint32_t evidence[EVIDENCE_MAX];
    size_t n_evidence;
};

static void need_evidence(struct walk *walk)
{
    for (size_t i = 0; i < walk->n_evidence; i++)
        walk->order->needed[walk->evidence[i]] = true;
    walk->n_evidence = 0;
}

static void begin(struct walk *walk, uint32_t run)
{
    struct moth_history_finding *finding = walk->finding;
    finding->first_build = walk->order->build[run];
    finding->first_ms = walk->order->runs[run]->started_ms;
    finding->first_run = walk->order->runs[run]->token;
    walk->order->builds[finding->first_build].found++;
    walk->order->needed[run] = true;
}

static void come_back(struct walk *walk, uint32_t run)
{
    struct moth_history_finding *finding = walk->finding;
    finding->state = MOTH_HISTORY_REOPENED;
    finding->reopened_build = walk->order->build[run];
    walk->order->builds[finding->reopened_build].reopened++;
    walk->order->needed[run] = true;
}

static void see(struct walk *walk, uint32_t run, const struct moth_history_sighting *seen)
{
    struct moth_history_finding *finding = walk->finding;
    if (finding->runs_seen++ == 0)
        begin(walk, run);
    else if (!walk->open)
        come_back(walk, run);
    uint32_t plan = walk->order->plan[run];
    if (plan && walk->plan_of[plan] != walk->number) {
        walk->plan_of[plan] = walk->number;
        walk->order->needed[run] = true;
    }
    walk->open = true;
    walk->certain = seen->attempts > 0 && seen->reproduced == seen->attempts;
    walk->last = run;
    walk->n_evidence = 0;
    finding->chances = 0;
    finding->last_build = walk->order->build[run];
    finding->last_ms = walk->order->runs[run]->started_ms;
    finding->last_run = walk->order->runs[run]->token;
    finding->title = seen->title;
    finding->kind = seen->kind;
}

static void go_away(struct walk *walk, uint32_t run)
{
    struct moth_history_finding *finding = walk->finding;
    walk->open = false;
    finding->state = MOTH_HISTORY_FIXED;
    finding->fixed_build = walk->vain_build;
    if (finding->times_fixed++ == 0)
        finding->known_fixed_build = walk->order->build[run];
    walk->order->builds[walk->vain_build].fixed++;
    walk->order->needed[walk->last] = true;
    need_evidence(walk);
}

/* A run of a later build should have seen it and did not. */
static void miss(struct walk *walk, uint32_t run, bool played_trace)
{
    struct moth_history_finding *finding = walk->finding;
    if (finding->chances == 0)
        walk->vain_build = walk->order->build[run];
    if (walk->open && walk->n_evidence < EVIDENCE_MAX)
        walk->evidence[walk->n_evidence++] = run;
    finding->chances++;
    if (walk->open && (finding->chances >= walk->fixed_after || (played_trace && walk->certain)))
        go_away(walk, run);
}

static void look_at(struct walk *walk, uint32_t run, const struct word *words, size_t n)
{
    const struct moth_history_sighting *seen = NULL;
    const struct moth_history_replayed *replayed = NULL;
    for (size_t i = 0; i < n; i++) {
        seen = words[i].seen ? words[i].seen : seen;
        replayed = words[i].replayed ? words[i].replayed : replayed;
    }
    if (seen) {
        see(walk, run, seen);
        return;
    }
    const struct moth_history_order *order = walk->order;
    if (walk->finding->runs_seen == 0 || order->build[run] == order->build[walk->last])
        return;
    uint32_t plan = order->plan[run];
    if (replayed && !replayed->happened)
        miss(walk, run, true);
    else if (!replayed && order->runs[run]->complete && plan && walk->plan_of[plan] == walk->number)
        miss(walk, run, false);
}

/* All that was said of one finding, and all runs from the first that said something. */
static void walk_over(struct walk *walk, const struct word *words, size_t n)
{
    struct moth_history_finding *finding = walk->finding;
    finding->fingerprint = (char *)(uintptr_t)words[0].fingerprint;
    for (uint32_t run = words[0].run; run < walk->order->n; run++) {
        size_t said = 0;
        while (said < n && words[said].run == run)
            said++;
        look_at(walk, run, words, said);
        words += said;
        n -= said;
    }
    if (finding->runs_seen == 0)
        return;
    finding->runs_since = (uint32_t)walk->order->n - walk->last - 1;
    walk->order->needed[walk->last] = true;
    need_evidence(walk); /* what speaks against one that is open still does so tomorrow */
}

/* ---- all of them ---- */

static char *own(const char *text)
{
    char *copy = strdup(text ? text : "");
    if (!copy)
        abort(); /* a word */
    return copy;
}

static void own_texts(struct moth_history_finding *finding)
{
    finding->fingerprint = own(finding->fingerprint);
    finding->kind = own(finding->kind);
    finding->title = own(finding->title);
    finding->first_run = own(finding->first_run);
    finding->last_run = own(finding->last_run);
}

static void count_open(struct moth_history_order *order)
{
    uint32_t open = 0;
    for (size_t i = 0; i < order->n_builds; i++) {
        struct moth_history_build *build = &order->builds[i];
        open += build->found + build->reopened;
        open -= build->fixed < open ? build->fixed : open;
        build->open = open;
    }
}

int moth_history_walk(struct moth_history_order *order, uint32_t fixed_after, struct moth_history_finding **findings,
                      size_t *n, struct moth_err *err)
{
    size_t n_words = 0;
    struct word *words = collect(order, &n_words);
    uint32_t *plan_of = calloc(order->n_plans + 1, sizeof *plan_of);
    *findings = calloc(n_words + 1, sizeof **findings);
    *n = 0;
    bool good = words && plan_of && *findings;
    uint32_t number = 0;
    for (size_t i = 0, end; good && i < n_words; i = end) {
        for (end = i + 1; end < n_words && strcmp(words[i].fingerprint, words[end].fingerprint) == 0;)
            end++;
        struct walk walk = {.order = order,
                            .fixed_after = fixed_after ? fixed_after : MOTH_HISTORY_FIXED_AFTER,
                            .plan_of = plan_of,
                            .number = ++number,
                            .finding = &(*findings)[*n]};
        walk_over(&walk, words + i, end - i);
        if (walk.finding->runs_seen > 0)
            own_texts(&(*findings)[(*n)++]);
        else /* its trace was played, but no run that is here has seen it */
            *walk.finding = (struct moth_history_finding){0};
    }
    count_open(order);
    free(words);
    free(plan_of);
    return good ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the findings of the history");
}

void moth_history_free_findings(struct moth_history_finding *findings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(findings[i].fingerprint);
        free(findings[i].kind);
        free(findings[i].title);
        free(findings[i].first_run);
        free(findings[i].last_run);
    }
    free(findings);
}
