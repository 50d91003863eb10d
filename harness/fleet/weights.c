/* SPDX-License-Identifier: MIT */
#include "fleet/weights.h"

#include <stdlib.h>

#define FRAMES_DOUBT 20000.0 /* an agent with so many frames is half believed */
#define REWARD_NOTHING 1.0   /* so that what was found long ago ends to count when nobody finds anything */

int moth_weights_init(struct moth_weights *weights, const double *base, size_t n, uint32_t block)
{
    double sum = 0;
    *weights =
        (struct moth_weights){.arms = calloc(n ? n : 1, sizeof *weights->arms), .n = n, .block = block};
    if (!weights->arms)
        return -1;
    for (size_t i = 0; i < n; i++)
        sum += base[i];
    for (size_t i = 0; i < n; i++)
        weights->arms[i].base = weights->arms[i].share = base[i] / sum;
    return 0;
}

void moth_weights_fini(struct moth_weights *weights)
{
    free(weights->arms);
    *weights = (struct moth_weights){0};
}

double *moth_weights_shares(const struct moth_weights *weights)
{
    double *shares = calloc(weights->n ? weights->n : 1, sizeof *shares);
    for (size_t i = 0; shares && i < weights->n; i++)
        shares[i] = weights->arms[i].share;
    return shares;
}

static double plain_rate(const struct moth_weights_arm *arm)
{
    return arm->frames > 0 ? arm->reward / arm->frames : 0;
}

static void share_out(struct moth_weights *weights)
{
    double best = 0, sum = 0;
    for (size_t i = 0; i < weights->n; i++) {
        double rate = plain_rate(&weights->arms[i]);
        best = rate > best ? rate : best;
    }
    if (best <= 0) { /* nobody finds anything: as the user said */
        for (size_t i = 0; i < weights->n; i++)
            weights->arms[i].share = weights->arms[i].base;
        return;
    }
    for (size_t i = 0; i < weights->n; i++) {
        struct moth_weights_arm *arm = &weights->arms[i];
        double rate = (REWARD_NOTHING + arm->reward + best * FRAMES_DOUBT) / (arm->frames + FRAMES_DOUBT);
        arm->share = arm->base * rate;
        sum += arm->share;
    }
    for (size_t i = 0; i < weights->n; i++) {
        struct moth_weights_arm *arm = &weights->arms[i];
        arm->share = MOTH_WEIGHTS_KEPT * arm->base + (1 - MOTH_WEIGHTS_KEPT) * arm->share / sum;
    }
}

bool moth_weights_done(struct moth_weights *weights, uint32_t arm, uint32_t frames, uint32_t cells,
                       uint32_t findings)
{
    struct moth_weights_arm *at = &weights->arms[arm];
    at->instances++;
    at->frames_all += frames;
    at->cells += cells;
    at->findings += findings;
    at->reward += cells + MOTH_WEIGHTS_FINDING * findings;
    at->frames += frames;
    if (++weights->in_block < weights->block)
        return false;
    weights->in_block = 0;
    share_out(weights);
    for (size_t i = 0; i < weights->n; i++) {
        weights->arms[i].reward *= MOTH_WEIGHTS_FADE;
        weights->arms[i].frames *= MOTH_WEIGHTS_FADE;
    }
    return true;
}
