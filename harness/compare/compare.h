/* SPDX-License-Identifier: MIT
 *
 * Two builds of a game on the same trace: is the second slower, where, and in which function?
 *
 * The builds are played in turns (A B, B A, …), k times each, so that whatever the machine does meanwhile
 * does it to both. A frame's time is the least of its k, because the machine can only add to it. What is said
 * of the two rests on a bootstrap over both sources of chance: which k plays there were, and which frames (in
 * blocks of BLOCK_FRAMES, because neighbours are alike). "Slower" is said when the interval lies wholly
 * beyond the threshold. Where a build's inputs lead it another way, frames are held against each other up to
 * there.
 *
 * Functions are compared by several sampled plays of each build (profile.h), as means with their standard
 * error over plays. Nothing here judges a single measurement. One thread; nothing is printed.
 */
#ifndef MOTH_COMPARE_COMPARE_H
#define MOTH_COMPARE_COMPARE_H

#include "findings/reproduce.h"
#include "reports/metrics.h"

#define MOTH_COMPARE_PLACES_MAX 64u
#define MOTH_COMPARE_FRAMES_MAX 32u

struct moth_compare_config {
    const char *programs[2]; /* absolute paths; take argv[0]'s place */
    struct moth_replay_config replay;
    uint32_t replays;   /* k of each build, 2 to 250; up to twice as many of a short trace */
    uint32_t profiles;  /* sampled plays of each build, up to six times as many of a short trace; 0: functions
                           are not compared */
    uint64_t period_ns; /* between two samples */
    double threshold_pct; /* a slow-down up to here is none */
    uint64_t seed;        /* of the bootstrap */
    void (*progress)(void *context, const char *what, uint32_t done, uint32_t of); /* may be NULL */
    void *context;
};

/* A time of both builds, and how much longer the second takes: 0.05 is 5 %. */
struct moth_compare_change {
    double a_ms, b_ms;
    double change, low, high; /* the interval */
};

/* A stretch of the trace. */
struct moth_compare_place {
    uint32_t from, to; /* frames */
    const char *mark;  /* the last one of the trace before it, or NULL; borrowed */
    struct moth_compare_change change;
    bool worse;
};

/* A frame that each play of B took much longer for than any of A. */
struct moth_compare_frame {
    uint32_t frame;
    double a_ms, b_ms; /* least of k */
};

/* The first frame, with all that comes before it. */
struct moth_compare_launch {
    double a_ms, b_ms; /* least of k */
    bool worse;
};

/* A build that did not play the trace to its end. */
struct moth_compare_end {
    uint32_t frame; /* 0: it did */
    bool bad;       /* it was ended by what would be a finding: a crash, a hang, … */
    char how[256];
};

struct moth_compare_function {
    char *name, *place;
    double a_ms, b_ms; /* of a whole play, without the calls it makes, with what was inlined into it */
    double change;
    double sigmas; /* the difference, in its standard errors */
    uint64_t samples;
    double own_more_ms; /* how much longer B surely takes in its own code, inlined or not */
    bool worse;         /* by itself beyond doubt */
};

struct moth_comparison {
    char build_ids[2][41];
    uint32_t frames;                    /* of the trace that were played */
    uint32_t common;                    /* up to which the two are the same game */
    struct moth_compare_change whole;   /* of the common frames */
    struct moth_frame_times metrics[2]; /* of the common frames, each at its least */
    struct moth_compare_place places[MOTH_COMPARE_PLACES_MAX];
    size_t n_places;
    struct moth_compare_frame slow[MOTH_COMPARE_FRAMES_MAX];
    size_t n_slow;
    struct moth_compare_launch launch;
    struct moth_compare_end ends[2];
    bool broken;                             /* B ends badly where A does not; it is worse then */
    struct moth_compare_function *functions; /* who is most at fault first */
    size_t n_functions;
    bool slower, worse; /* slower: by its frames; worse: or by its launch or its end */
    uint32_t replays;
};

/* 0 with *out; -1 with err (MOTH_ERR_INTERRUPTED, MOTH_ERR_NOTHING_RAN, MOTH_ERR_NONDETERMINISTIC when a
 * build does not play the same twice). */
int moth_compare(const struct moth_trace *trace, const struct moth_compare_config *config,
                 struct moth_comparison *out, struct moth_err *err);
/* Is functions[i] one of those that made B worse: by itself beyond doubt, or, where B is worse, surely slower
 * and by a good part of the difference? */
bool moth_comparison_blames(const struct moth_comparison *comparison, size_t i);
void moth_comparison_fini(struct moth_comparison *comparison);

/* The bootstrap, for tests: plays[x][k * n + i] is frame i's time in play k of build x. Fills change and
 * interval
 * (`coverage` of it, such as 0.99) of the frames [from, to). */
void moth_compare_bootstrap(const double *const plays[2], uint32_t k, uint32_t n, uint32_t from, uint32_t to,
                            double coverage, uint64_t seed, struct moth_compare_change *change);

#endif
