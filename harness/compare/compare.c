/* SPDX-License-Identifier: MIT */
#include "compare/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "findings/profile.h"
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
#define FUNCTION_SIGMAS 5.0  /* a function that is worse by itself: so sure, */
#define FUNCTION_CHANGE 0.03 /* … by so much of its time */
#define FUNCTION_PART 0.003  /* … and by so much of the whole */
#define REPLAYS_MS 3000.0    /* a short trace is played until it comes to this, */
#define REPLAYS_TIMES 2u     /* … but so many times as often as asked for at most; */
#define PROFILES_MS 6000.0   /* the same for sampled plays */
#define PROFILES_TIMES 6u
#define PLAYS_MAX 250u
#define BLAME_SIGMAS 3.0 /* one that is named where B is worse: so sure, */
#define BLAME_PART 0.2   /* … and by so much of the difference */

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

static double change_of(double a, double b)
{
    return a > 0 ? b / a - 1 : 0;
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
    return change_of(a, b);
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
    change->change = change_of(change->a_ms, change->b_ms);
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
    if (result != 0)
        return -1;
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

/* Mean over plays, and the square of its standard error. Each play's functions are measured as parts of it:
 * what being looked at adds to all of them is taken out by scaling to what the frames cost by themselves. */
static double mean_of(const struct moth_profile *profiles, uint32_t m, const char *name, double whole_ms,
                      double *error_squared, uint64_t *samples)
{
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < m; i++) {
        const struct moth_profile_function *function = moth_profile_find(&profiles[i], name);
        double part = function && profiles[i].ns > 0 ? (double)function->ns / (double)profiles[i].ns : 0;
        sum += part * whole_ms;
        squares += part * whole_ms * part * whole_ms;
        *samples += function ? function->samples : 0;
    }
    double mean = sum / m, variance = m > 1 ? (squares - sum * mean) / (m - 1) : 0;
    *error_squared += variance > 0 ? variance / m : 0;
    return mean;
}

static void compare_function(const struct profiles *profiles, const char *name, const char *place,
                             struct moth_comparison *out)
{
    struct moth_compare_function function = {0};
    double error = 0;
    for (size_t i = 0; i < out->n_functions; i++)
        if (strcmp(out->functions[i].name, name) == 0)
            return;
    function.a_ms = mean_of(profiles->of[0], profiles->m, name, out->whole.a_ms, &error, &function.samples);
    function.b_ms = mean_of(profiles->of[1], profiles->m, name, out->whole.b_ms, &error, &function.samples);
    /* Of as many samples as there were one can know no more than this, however alike the plays were. */
    double counted =
        function.samples > 0 ? (function.a_ms + function.b_ms) / sqrt((double)function.samples) : 0;
    error = sqrt(error) > counted / 4 ? sqrt(error) : counted / 4;
    double more = function.b_ms - function.a_ms;
    function.change = change_of(function.a_ms, function.b_ms);
    function.sigmas = error > 0 ? more / error : 0;
    function.worse = function.sigmas > FUNCTION_SIGMAS && more > FUNCTION_CHANGE * function.a_ms &&
                     more > FUNCTION_PART * out->whole.a_ms;
    struct moth_compare_function *grown = realloc(out->functions, (out->n_functions + 1) * sizeof *grown);
    function.name = strdup(name);
    function.place = strdup(place);
    if (!grown || !function.name || !function.place)
        abort();
    out->functions = grown;
    grown[out->n_functions++] = function;
}

static int by_more(const void *a, const void *b)
{
    const struct moth_compare_function *left = a, *right = b;
    double more = (right->b_ms - right->a_ms) - (left->b_ms - left->a_ms);
    return more > 0 ? 1 : more < 0 ? -1 : strcmp(left->name, right->name);
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
    for (int x = 0; x < 2 && result == 0; x++)
        for (uint32_t k = 0; k < profiles.m; k++)
            for (size_t i = 0; i < profiles.of[x][k].n; i++)
                compare_function(&profiles, profiles.of[x][k].functions[i].name,
                                 profiles.of[x][k].functions[i].place, out);
    if (out->n_functions > 0)
        qsort(out->functions, out->n_functions, sizeof *out->functions, by_more);
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
    if (find_common(plays, out, err) != 0)
        return -1;
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
    out->worse = out->whole.low > plays->config->threshold_pct / 100 || out->n_slow > 0;
    for (size_t i = 0; i < out->n_places; i++)
        out->worse = out->worse || out->places[i].worse;
    for (size_t i = 0; i < out->n_functions; i++)
        out->worse = out->worse || out->functions[i].worse;
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

bool moth_comparison_blames(const struct moth_comparison *comparison, size_t i)
{
    const struct moth_compare_function *function = &comparison->functions[i];
    double more = function->b_ms - function->a_ms, whole = comparison->whole.b_ms - comparison->whole.a_ms;
    return function->worse ||
           (comparison->worse && function->sigmas > BLAME_SIGMAS && more > BLAME_PART * whole);
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
