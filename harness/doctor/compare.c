/* SPDX-License-Identifier: MIT */
#include "doctor/trial.h"

/* In the order of cause and effect: what a game is given, then how its threads ran, then what it made
 * of it. */
static const char *first_difference(const struct moth_observation *a, const struct moth_observation *b)
{
    if (a->random_chain != b->random_chain)
        return "random draws";
    if (a->time_ns != b->time_ns)
        return "virtual time";
    if (a->call_chain != b->call_chain)
        return "thread schedule";
    if (a->audio_chain != b->audio_chain)
        return "audio";
    if (a->picture_ok != b->picture_ok)
        return "picture (readable in one run only)";
    if (a->picture != b->picture)
        return "picture";
    return NULL;
}

struct moth_divergence moth_trial_compare(const struct moth_trial *a, const struct moth_trial *b)
{
    struct moth_divergence divergence = {.any = false};
    size_t n = a->n_observed < b->n_observed ? a->n_observed : b->n_observed;
    for (size_t i = 0; i < n && !divergence.any; i++) {
        const char *what = first_difference(&a->observed[i], &b->observed[i]);
        divergence.pictures_compared |= a->observed[i].picture_ok && b->observed[i].picture_ok;
        if (what != NULL)
            divergence = (struct moth_divergence){true, a->observed[i].frame, what, divergence.pictures_compared};
    }
    if (!divergence.any && (a->n_observed != b->n_observed || a->how != b->how)) {
        divergence.any = true;
        divergence.frame = n > 0 ? a->observed[n - 1].frame + 1 : 0;
        divergence.what = "how the game ended";
    }
    return divergence;
}
