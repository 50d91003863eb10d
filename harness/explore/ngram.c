/* SPDX-License-Identifier: MIT */
#include "explore/ngram.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

void moth_ngrams_fini(struct moth_ngrams *ngrams)
{
    free(ngrams->at);
    *ngrams = (struct moth_ngrams){0};
}

static bool is_edge(const struct moth_input_event *event)
{
    return event->type == MOTH_INPUT_KEY_DOWN || event->type == MOTH_INPUT_KEY_UP ||
           event->type == MOTH_INPUT_PAD_DOWN || event->type == MOTH_INPUT_PAD_UP;
}

static unsigned magnitude(uint32_t frames)
{
    unsigned bits = 0;
    while (frames >> bits)
        bits++;
    return bits;
}

static uint64_t hash_of(const struct moth_ngram *ngram)
{
    uint8_t text[MOTH_NGRAM_EDGES * 5];
    size_t n = 0;
    for (uint32_t i = 0; i < ngram->n; i++) {
        const struct moth_input_event *edge = &ngram->edges[i];
        text[n++] = edge->type;
        text[n++] = edge->device;
        text[n++] = (uint8_t)edge->code;
        text[n++] = (uint8_t)(edge->code >> 8);
        text[n++] = (uint8_t)magnitude(i ? edge->frame - ngram->edges[i - 1].frame : 0);
    }
    return XXH3_64bits(text, n);
}

static void halve(struct moth_ngrams *ngrams)
{
    size_t kept = 0;
    ngrams->weight = 0;
    for (size_t i = 0; i < ngrams->n; i++) {
        ngrams->at[i].weight /= 2;
        ngrams->weight += ngrams->at[i].weight;
        if (ngrams->at[i].weight > 0)
            ngrams->at[kept++] = ngrams->at[i];
    }
    ngrams->n = kept;
}

static void add(struct moth_ngrams *ngrams, const struct moth_ngram *ngram)
{
    for (size_t i = 0; i < ngrams->n; i++)
        if (ngrams->at[i].hash == ngram->hash) {
            ngrams->at[i].weight++;
            ngrams->weight++;
            return;
        }
    if (!ngrams->at)
        ngrams->at = calloc(MOTH_NGRAMS_MAX, sizeof *ngrams->at);
    if (!ngrams->at)
        return;
    while (ngrams->n == MOTH_NGRAMS_MAX)
        halve(ngrams);
    ngrams->at[ngrams->n++] = *ngram;
    ngrams->weight++;
}

void moth_ngrams_learn(struct moth_ngrams *ngrams, const struct moth_input_event *events, size_t n_events,
                       uint32_t frame)
{
    const struct moth_input_event *last[MOTH_NGRAM_EDGES]; /* newest first */
    uint32_t n = 0;
    for (size_t i = n_events; i > 0 && n < MOTH_NGRAM_EDGES; i--) {
        if (events[i - 1].frame + MOTH_NGRAM_FRAMES < frame)
            break;
        if (is_edge(&events[i - 1]))
            last[n++] = &events[i - 1];
    }
    for (uint32_t size = 2; size <= n; size++) {
        struct moth_ngram ngram = {.n = size, .weight = 1, .after = frame - last[0]->frame};
        for (uint32_t i = 0; i < size; i++) {
            ngram.edges[i] = *last[size - 1 - i];
            ngram.edges[i].frame -= last[size - 1]->frame;
        }
        ngram.hash = hash_of(&ngram);
        add(ngrams, &ngram);
    }
}

const struct moth_ngram *moth_ngrams_sample(const struct moth_ngrams *ngrams, struct moth_rng *rng)
{
    if (ngrams->weight == 0)
        return NULL;
    uint64_t at = moth_rng_below(rng, ngrams->weight);
    for (size_t i = 0; i < ngrams->n; i++) {
        if (at < ngrams->at[i].weight)
            return &ngrams->at[i];
        at -= ngrams->at[i].weight;
    }
    return NULL;
}
