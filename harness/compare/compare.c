/* SPDX-License-Identifier: MIT */
#include "compare/compare.h"
#include "compare/functions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "findings/work.h"

#define RESAMPLES 1000u
#define BLOCK_FRAMES 30u
#define WHOLE_COVERAGE 0.99  /* of the interval of a whole trace … */
#define PLACE_COVERAGE 0.999 /* … and of each of its places, which are many */
#define PLACE_TIMES 2.0      /* a place must be worse by so many thresholds */
#define PLACES 20u
#define PLACE_FRAMES_LEAST 30u
#define FRAME_TIMES 1.5 /* a slow frame: B's fastest against A's slowest play */
#define FRAME_LEAST_MS 1.0
#define LAUNCH_TIMES 1.1    /* a slow launch: B's fastest against A's faster half, */
#define LAUNCH_LEAST_MS 2.0 /* … and by so much */
#define REPLAYS_MS 3000.0   /* a short trace is played until it comes to this, */
#define REPLAYS_TIMES 2u    /* … but so many times as often as asked for at most; */
#define PROFILES_MS 6000.0  /* the same for sampled plays */
#define PROFILES_TIMES 6u
#define PLAYS_MAX 250u

/* ---- the bootstrap ---- */

/* Each frame's least over the chosen plays, added up by blocks. */
static void sum_blocks(const double *plays, const uint32_t *chosen, uint32_t n_chosen, uint32_t n,
                       uint32_t from, uint32_t to, double *blocks)
{
    for (uint32_t i = from; i < to; i++) {
        double least = plays[(size_t)chosen[0] * n + i];
        for (uint32_t k = 1; k < n_chosen; k++) {
            double other = plays[(size_t)chosen[k] * n + i];
            least = other < least ? other : least;
        }
        blocks[(i - from) / BLOCK_FRAMES] += least;
    }
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* One resample: k plays of each, then as many blocks as there are, the same ones of both builds. */
static double resample(const double *const plays[2], uint32_t k, uint32_t n, uint32_t from, uint32_t to,
                       struct moth_rng *rng, double *blocks[2], uint32_t n_blocks)
{
    for (int x = 0; x < 2; x++) {
        uint32_t chosen[256];
        for (uint32_t i = 0; i < k; i++)
            chosen[i] = (uint32_t)moth_rng_below(rng, k);
        memset(blocks[x], 0, n_blocks * sizeof *blocks[x]);
        sum_blocks(plays[x], chosen, k, n, from, to, blocks[x]);
    }
    double a = 0, b = 0;
    for (uint32_t i = 0; i < n_blocks; i++) {
        uint32_t block = (uint32_t)moth_rng_below(rng, n_blocks);
        a += blocks[0][block];
        b += blocks[1][block];
    }
    return moth_compare_part(a, b);
}

void moth_compare_bootstrap(const double *const plays[2], uint32_t k, uint32_t n, uint32_t from, uint32_t to,
                            double coverage, uint64_t seed, struct moth_compare_change *change)
{
    uint32_t n_blocks = (to - from + BLOCK_FRAMES - 1) / BLOCK_FRAMES, all[256];
    double *changes = calloc(RESAMPLES, sizeof *changes);
    double *blocks[2] = {calloc(n_blocks + 1, sizeof(double)), calloc(n_blocks + 1, sizeof(double))};
    struct moth_rng rng;
    if (!changes || !blocks[0] || !blocks[1])
        abort();
    *change = (struct moth_compare_change){0};
    for (uint32_t i = 0; i < k; i++)
        all[i] = i;
    sum_blocks(plays[0], all, k, n, from, to, blocks[0]);
    sum_blocks(plays[1], all, k, n, from, to, blocks[1]);
    for (uint32_t i = 0; i < n_blocks; i++) {
        change->a_ms += blocks[0][i];
        change->b_ms += blocks[1][i];
    }
    change->change = moth_compare_part(change->a_ms, change->b_ms);
    moth_rng_seed(&rng, seed);
    for (uint32_t r = 0; r < RESAMPLES; r++)
        changes[r] = resample(plays, k, n, from, to, &rng, blocks, n_blocks);
    qsort(changes, RESAMPLES, sizeof *changes, by_size);
    uint32_t cut = (uint32_t)((1 - coverage) / 2 * RESAMPLES);
    change->low = changes[cut];
    change->high = changes[RESAMPLES - 1 - cut];
    free(changes);
    free(blocks[0]);
    free(blocks[1]);
}

/* ---- playing ---- */

struct plays {
    const struct moth_trace *trace;
    const struct moth_compare_config *config;
    struct moth_work *of[2];
    uint32_t k;
};

/* The trace with a build's program for the recorded one. Borrows all but *argv, which is to be freed. */
static struct moth_trace trace_for(const struct moth_trace *trace, const char *program, char ***argv)
{
    struct moth_trace copy = *trace;
    size_t n = 0;
    while (trace->header.argv[n])
        n++;
    *argv = calloc(n + 1, sizeof **argv);
    if (!*argv)
        abort();
    memcpy(*argv, trace->header.argv, n * sizeof **argv);
    (*argv)[0] = (char *)(uintptr_t)program;
    copy.header.argv = *argv;
    copy.header.build_id = NULL;
    copy.n_checkpoints = 0; /* another build's */
    return copy;
}

static int play_one(struct plays *plays, int build, uint32_t k, struct moth_comparison *out,
                    struct moth_err *err)
{
    char **argv;
    struct moth_trace trace = trace_for(plays->trace, plays->config->programs[build], &argv);
    struct moth_work_config how = {.replay = plays->config->replay};
    int result = moth_work_play(&trace, &how, &plays->of[build][k], err);
    free(argv);
    if (result != 0) {
        struct moth_err why = *err;
        return moth_err_set(err, why.code, "%s: %s", plays->config->programs[build], why.message);
    }
    const struct moth_work *work = &plays->of[build][k];
    snprintf(out->build_ids[build], sizeof out->build_ids[build], "%s", work->build_id);
    if (work->interrupted)
        return moth_err_set(err, MOTH_ERR_INTERRUPTED, "interrupted");
    return 0;
}

static void tell(const struct moth_compare_config *config, const char *what, uint32_t done, uint32_t of)
{
    if (config->progress)
        config->progress(config->context, what, done, of);
}

/* How often to play what takes `ms`. */
static uint32_t times_for(double ms, double enough_ms, uint32_t least, uint32_t times)
{
    uint32_t most = least * times < PLAYS_MAX ? least * times : PLAYS_MAX;
    double wanted = ms > 0 ? ceil(enough_ms / ms) : most;
    return wanted > most ? most : wanted > least ? (uint32_t)wanted : least;
}

static double whole_ms(const struct moth_work *work)
{
    double ms = 0;
    for (uint32_t i = 2; i < work->n; i++)
        ms += (double)work->frames[i].ns / 1e6;
    return ms;
}

/* A B, B A, A B, …: a drift of the machine is shared out evenly. */
static int play_all(struct plays *plays, struct moth_comparison *out, struct moth_err *err)
{
    int result = 0;
    for (uint32_t i = 0; i < 2 * plays->k && result == 0; i++) {
        uint32_t k = i / 2;
        tell(plays->config, "plays", i, 2 * plays->k);
        result = play_one(plays, (int)((i + k) % 2), k, out, err);
        if (result == 0 && i == 0)
            plays->k =
                times_for(whole_ms(&plays->of[0][0]), REPLAYS_MS, plays->config->replays, REPLAYS_TIMES);
    }
    out->replays = plays->k;
    return result;
}

/* Up to where a build plays the same each time, and the two the same as each other. */
static int find_common(const struct plays *plays, struct moth_comparison *out, struct moth_err *err)
{
    const struct moth_work *first = &plays->of[0][0];
    uint32_t most = first->reached, common;
    for (int x = 0; x < 2; x++)
        for (uint32_t k = 0; k < plays->k; k++)
            most = plays->of[x][k].reached < most ? plays->of[x][k].reached : most;
    out->frames = most;
    for (common = 1; common < most; common++)
        if (plays->of[1][0].frames[common + 1].chain != first->frames[common + 1].chain)
            break;
    for (int x = 0; x < 2; x++)
        for (uint32_t k = 1; k < plays->k; k++)
            for (uint32_t i = 1; i <= common; i++)
                if (plays->of[x][k].frames[i].chain != plays->of[x][0].frames[i].chain)
                    return moth_err_set(
                        err, MOTH_ERR_NONDETERMINISTIC,
                        "%s does not play the same twice: frame %u (moth doctor says what differs)",
                        plays->config->programs[x], i);
    out->common = common;
    if (common < 2 || most < 2)
        return moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the builds have no frame in common after the first");
    return 0;
}

/* ---- frames and places ---- */

/* Milliseconds of the frames from 2 on, play by play; one that a play drew to be looked at counts for
 * nothing. */
static double *table_of(const struct plays *plays, int build, uint32_t n)
{
    double *table = calloc((size_t)plays->k * n, sizeof *table);
    if (!table)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        bool drawn = false;
        for (uint32_t k = 0; k < plays->k; k++)
            drawn = drawn || plays->of[0][k].frames[i + 2].drawn || plays->of[1][k].frames[i + 2].drawn;
        for (uint32_t k = 0; k < plays->k && !drawn; k++)
            table[(size_t)k * n + i] = (double)plays->of[build][k].frames[i + 2].ns / 1e6;
    }
    return table;
}

static double least_of(const double *table, uint32_t k, uint32_t n, uint32_t i)
{
    double least = table[i];
    for (uint32_t j = 1; j < k; j++)
        least = table[(size_t)j * n + i] < least ? table[(size_t)j * n + i] : least;
    return least;
}

static double most_of(const double *table, uint32_t k, uint32_t n, uint32_t i)
{
    double most = table[i];
    for (uint32_t j = 1; j < k; j++)
        most = table[(size_t)j * n + i] > most ? table[(size_t)j * n + i] : most;
    return most;
}

static struct moth_frame_times metrics_of(const double *table, uint32_t k, uint32_t n,
                                          const struct plays *plays)
{
    struct moth_observation *frames = calloc(n + 1, sizeof *frames);
    if (!frames)
        abort();
    for (uint32_t i = 0; i < n; i++)
        frames[i] = (struct moth_observation){.frame = i + 2,
                                              .cpu_ns = (uint64_t)(least_of(table, k, n, i) * 1e6),
                                              .time_ns = plays->of[0][0].frames[i + 2].time_ns};
    struct moth_frame_times times = moth_metrics_of(frames, n, plays->trace->header.hz);
    free(frames);
    return times;
}

static const char *mark_before(const struct moth_trace *trace, uint32_t frame)
{
    const char *text = NULL;
    for (size_t i = 0; i < trace->n_marks && trace->marks[i].frame <= frame; i++)
        text = trace->marks[i].text;
    return text;
}

static void compare_places(const struct plays *plays, const double *const tables[2], uint32_t n,
                           struct moth_comparison *out)
{
    uint32_t length = (n + PLACES - 1) / PLACES;
    length = length < PLACE_FRAMES_LEAST ? PLACE_FRAMES_LEAST : length;
    double threshold = PLACE_TIMES * plays->config->threshold_pct / 100;
    for (uint32_t from = 0; from < n && out->n_places < MOTH_COMPARE_PLACES_MAX; from += length) {
        uint32_t to = from + length < n ? from + length : n;
        struct moth_compare_place *place = &out->places[out->n_places++];
        *place = (struct moth_compare_place){
            .from = from + 2, .to = to + 1, .mark = mark_before(plays->trace, from + 2)};
        moth_compare_bootstrap(tables, plays->k, n, from, to, PLACE_COVERAGE, plays->config->seed + from,
                               &place->change);
        place->worse = place->change.low > threshold;
    }
}

static void compare_frames(const struct plays *plays, const double *const tables[2], uint32_t n,
                           struct moth_comparison *out)
{
    for (uint32_t i = 0; i < n && out->n_slow < MOTH_COMPARE_FRAMES_MAX; i++) {
        double a = most_of(tables[0], plays->k, n, i), b = least_of(tables[1], plays->k, n, i);
        if (b >= FRAME_TIMES * a && b - a >= FRAME_LEAST_MS)
            out->slow[out->n_slow++] =
                (struct moth_compare_frame){i + 2, least_of(tables[0], plays->k, n, i), b};
    }
}

/* ---- the launch, and the end ---- */

static int by_ns(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* What a launch costs depends on the machine more than a frame does (files that are not in its memory yet),
 * so B is slower only if each of its plays was, clearly, than half of A's. */
static void compare_launch(const struct plays *plays, struct moth_comparison *out)
{
    uint64_t ns[2][PLAYS_MAX];
    for (int x = 0; x < 2; x++) {
        for (uint32_t k = 0; k < plays->k; k++)
            ns[x][k] = plays->of[x][k].frames[1].ns;
        qsort(ns[x], plays->k, sizeof *ns[x], by_ns);
    }
    double usual = (double)ns[0][plays->k / 2] / 1e6;
    struct moth_compare_launch *launch = &out->launch;
    *launch = (struct moth_compare_launch){.a_ms = (double)ns[0][0] / 1e6, .b_ms = (double)ns[1][0] / 1e6};
    launch->worse = launch->b_ms >= LAUNCH_TIMES * usual && launch->b_ms - usual >= LAUNCH_LEAST_MS;
}

static void find_ends(const struct plays *plays, struct moth_comparison *out)
{
    for (int x = 0; x < 2; x++)
        for (uint32_t k = 0; k < plays->k && !out->ends[x].bad; k++) {
            const struct moth_work *work = &plays->of[x][k];
            if (!work->ended)
                continue;
            struct moth_compare_end *end = &out->ends[x];
            end->frame = work->end ? work->end->frame : work->reached;
            end->bad = work->end != NULL;
            snprintf(end->how, sizeof end->how, "%s", work->end ? work->end->title : "it left by itself");
        }
    out->broken = out->ends[1].bad && !out->ends[0].bad;
}

/* ---- functions ---- */

struct profiles {
    struct moth_profile *of[2];
    uint32_t m;
};

static int profile_all(const struct plays *plays, struct profiles *profiles, uint32_t last,
                       struct moth_err *err)
{
    const struct moth_compare_config *config = plays->config;
    int result = 0;
    for (uint32_t i = 0; i < 2 * profiles->m && result == 0; i++) {
        uint32_t k = i / 2;
        int x = (int)((i + k) % 2);
        char **argv;
        struct moth_trace trace = trace_for(plays->trace, config->programs[x], &argv);
        tell(config, "sampled plays", i, 2 * profiles->m);
        result =
            moth_profile_play(&trace, &config->replay, last, config->period_ns, &profiles->of[x][k], err);
        if (result == 0 && profiles->of[x][k].interrupted)
            result = moth_err_set(err, MOTH_ERR_INTERRUPTED, "interrupted");
        free(argv);
    }
    return result;
}

static int compare_functions(const struct plays *plays, struct moth_comparison *out, struct moth_err *err)
{
    struct profiles profiles = {
        .m = times_for(out->whole.a_ms, PROFILES_MS, plays->config->profiles, PROFILES_TIMES)};
    profiles.m = plays->config->profiles > 0 ? profiles.m : 0;
    profiles.of[0] = calloc(profiles.m + 1, sizeof *profiles.of[0]);
    profiles.of[1] = calloc(profiles.m + 1, sizeof *profiles.of[1]);
    if (!profiles.of[0] || !profiles.of[1])
        abort();
    int result = profiles.m > 0 ? profile_all(plays, &profiles, out->common, err) : 0;
    if (result == 0)
        moth_compare_functions((const struct moth_profile *const[2]){profiles.of[0], profiles.of[1]},
                               profiles.m, out);
    for (int x = 0; x < 2; x++) {
        for (uint32_t k = 0; k < profiles.m; k++)
            moth_profile_fini(&profiles.of[x][k]);
        free(profiles.of[x]);
    }
    return result;
}

/* ---- all of it ---- */

static int judge(const struct plays *plays, struct moth_comparison *out, struct moth_err *err)
{
    find_ends(plays, out);
    if (find_common(plays, out, err) != 0)
        return -1;
    compare_launch(plays, out);
    uint32_t n = out->common - 1;
    double *tables[2] = {table_of(plays, 0, n), table_of(plays, 1, n)};
    const double *const both[2] = {tables[0], tables[1]};
    moth_compare_bootstrap(both, plays->k, n, 0, n, WHOLE_COVERAGE, plays->config->seed, &out->whole);
    for (int x = 0; x < 2; x++)
        out->metrics[x] = metrics_of(tables[x], plays->k, n, plays);
    compare_places(plays, both, n, out);
    compare_frames(plays, both, n, out);
    free(tables[0]);
    free(tables[1]);
    int result = compare_functions(plays, out, err);
    out->slower = out->whole.low > plays->config->threshold_pct / 100 || out->n_slow > 0;
    for (size_t i = 0; i < out->n_places; i++)
        out->slower = out->slower || out->places[i].worse;
    for (size_t i = 0; i < out->n_functions; i++)
        out->slower = out->slower || out->functions[i].worse;
    out->worse = out->slower || out->launch.worse || out->broken;
    return result;
}

int moth_compare(const struct moth_trace *trace, const struct moth_compare_config *config,
                 struct moth_comparison *out, struct moth_err *err)
{
    struct plays plays = {.trace = trace, .config = config, .k = config->replays};
    *out = (struct moth_comparison){0};
    plays.of[0] = calloc(PLAYS_MAX, sizeof *plays.of[0]);
    plays.of[1] = calloc(PLAYS_MAX, sizeof *plays.of[1]);
    if (!plays.of[0] || !plays.of[1])
        abort();
    int result = play_all(&plays, out, err);
    if (result == 0)
        result = judge(&plays, out, err);
    for (int x = 0; x < 2; x++) {
        for (uint32_t k = 0; k < plays.k; k++)
            moth_work_fini(&plays.of[x][k]);
        free(plays.of[x]);
    }
    if (result != 0)
        moth_comparison_fini(out);
    return result;
}

void moth_comparison_fini(struct moth_comparison *comparison)
{
    for (size_t i = 0; i < comparison->n_functions; i++) {
        free(comparison->functions[i].name);
        free(comparison->functions[i].place);
    }
    free(comparison->functions);
    comparison->functions = NULL;
    comparison->n_functions = 0;
}
