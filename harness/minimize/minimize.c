/* SPDX-License-Identifier: MIT */
#include "minimize/minimize.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/fs.h"
#include "minimize/memo.h"
#include "minimize/oracle.h"
#include "minimize/repro.h"
#include "minimize/shrink.h"

#define CHECKS 2u                         /* replays before the search */
#define SAVE_NS_LEAST (5 * MOTH_NS_PER_S) /* between two results on disk … */
#define SAVE_TIMES 10u                    /* … and so many times what writing one took */

struct search {
    const struct moth_minimize_config *config;
    struct moth_minimize_outcome *outcome;
    const struct moth_trace *source; /* what the search starts from */
    struct moth_trace *best;         /* as written last, or NULL */
    struct moth_memo *memo;
    struct moth_oracle *oracle;
    struct moth_err err;
    struct moth_minimize_progress now;
    uint64_t saved_ns, save_took_ns;
    bool careful; /* each candidate from the launch, under the full limits */
    bool inexact; /* what was met on a branch was not met in a fresh process */
    bool failed;  /* err says how */
};

static bool is_interrupted(const struct search *search)
{
    const struct moth_replay_config *how = &search->config->replay;
    return how->interrupted && how->interrupted(how->context);
}

/* ---- does it happen? ---- */

static int check_kind(const struct moth_trace *trace, struct moth_err *err)
{
    if (!trace->has_end || !trace->end.fingerprint || !trace->end.kind)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "the trace ends without a finding: there is nothing to keep");
    if (strcmp(trace->end.kind, "nondeterminism") == 0)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "a nondeterminism finding is about the game, not about its inputs");
    return 0;
}

/* Every replay must meet it, and go the recorded way where the build is the recorded one. */
static int check_happens(struct search *search, bool *happens, struct moth_err *err)
{
    const struct moth_minimize_config *config = search->config;
    uint32_t met = 0, tried = 0;
    for (; tried < CHECKS && (tried == 0 || met > 0); tried++) {
        struct moth_replay_outcome outcome;
        if (moth_replay(search->source, &config->replay, &outcome, err) != 0)
            return -1;
        met += outcome.finding && strcmp(outcome.finding->fingerprint, search->source->end.fingerprint) == 0;
        bool other_way = outcome.diverged && !outcome.other_build;
        const char *what = outcome.diverged_what;
        uint32_t frame = outcome.diverged_frame;
        bool said = !outcome.interrupted && !outcome.killed, started = outcome.started;
        search->outcome->interrupted = outcome.interrupted;
        moth_replay_outcome_fini(&outcome);
        if (!said)
            return search->outcome->interrupted
                       ? 0
                       : moth_err_set(err, MOTH_ERR_SYSTEM, "something outside killed the game");
        if (!started)
            return moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before its first frame");
        if (other_way)
            return moth_err_set(err, MOTH_ERR_NONDETERMINISTIC,
                                "the game is not deterministic: %s of a replay differs at frame %u; see moth "
                                "doctor",
                                what, frame);
    }
    *happens = met > 0;
    if (met > 0 && met < tried)
        return moth_err_set(err, MOTH_ERR_NONDETERMINISTIC,
                            "the finding is flaky: it happened in %u of %u replays; see moth doctor", met,
                            tried);
    return 0;
}

/* ---- what lies on disk ---- */

static int write_script(struct search *search, const struct moth_trace *trace)
{
    uint64_t seed = trace->header.seed;
    char *text = moth_repro_text(trace, search->config->run_seed ? search->config->run_seed(seed) : 1,
                                 &search->config->replay);
    if (!text)
        return moth_err_set(&search->err, MOTH_ERR_MEMORY, "no memory for a script");
    char *path = moth_fs_path("%s/" MOTH_MINIMIZED_SCRIPT, search->config->out);
    int result = moth_fs_write_atomic(path, text, strlen(text), &search->err);
    free(path);
    free(text);
    return result;
}

static int write_result(struct search *search, const struct moth_trace *trace)
{
    char *path = moth_fs_path("%s/" MOTH_MINIMIZED_TRACE, search->config->out);
    int result = moth_trace_write(path, trace, &search->err);
    free(path);
    return result == 0 ? write_script(search, trace) : -1;
}

/* Meet it in a fresh process, then write it down. */
static int save(struct search *search, const struct moth_input_event *events, size_t n_events, uint32_t frame)
{
    uint64_t begin = moth_clock_monotonic_ns();
    struct moth_trace *trace =
        moth_oracle_record(search->oracle, events, n_events, frame + MOTH_REPLAY_GRACE_FRAMES, &search->err);
    search->inexact = !trace && search->err.code == MOTH_ERR_OK;
    search->failed = !trace && !search->inexact && search->err.code != MOTH_ERR_INTERRUPTED;
    if (!trace)
        return -1;
    if (write_result(search, trace) != 0) {
        search->failed = true;
        moth_trace_free(trace);
        return -1;
    }
    moth_trace_free(search->best);
    search->best = trace;
    search->outcome->written = true;
    search->outcome->inputs = (uint32_t)moth_inputs_count(trace->events, trace->n_events);
    search->outcome->frame = trace->end.finding_frame;
    search->saved_ns = moth_clock_monotonic_ns();
    search->save_took_ns = search->saved_ns - begin;
    return 0;
}

/* ---- the search ---- */

static void tell(struct search *search)
{
    struct moth_oracle_counts counts;
    moth_oracle_counts(search->oracle, &counts);
    search->now.asked = counts.asked;
    search->now.frames = counts.frames;
    if (search->config->tell)
        search->config->tell(search->config->context, &search->now);
}

static int on_test(void *context, const struct moth_input_event *events, size_t n_events, uint32_t until,
                   uint32_t *frame)
{
    struct search *search = context;
    tell(search);
    return moth_oracle_test(search->oracle, events, n_events, until, frame);
}

static int on_better(void *context, const struct moth_input_event *events, size_t n_events, uint32_t frame)
{
    struct search *search = context;
    moth_oracle_follow(search->oracle, events, n_events, frame);
    search->now.inputs = (uint32_t)n_events;
    search->now.frame = frame;
    uint64_t wait = search->save_took_ns * SAVE_TIMES;
    if (wait < SAVE_NS_LEAST)
        wait = SAVE_NS_LEAST;
    if (moth_clock_monotonic_ns() - search->saved_ns < wait)
        return 0;
    return save(search, events, n_events, frame);
}

/* All that the answers depend on but the inputs. */
static struct moth_memo_identity identity_of(const struct search *search)
{
    const struct moth_trace *trace = search->source;
    struct moth_game_info game = {0};
    moth_game_inspect(trace->header.argv && trace->header.argv[0] ? trace->header.argv[0] : "", &game, NULL);
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        abort();
    XXH3_128bits_reset(state);
    uint64_t numbers[] = {trace->header.seed,
                          trace->header.schedule_seed,
                          trace->header.hz,
                          trace->header.video,
                          trace->header.render,
                          trace->header.threads,
                          search->careful,
                          search->config->replay.limits.boundary_cpu_ms,
                          search->config->replay.limits.boundary_wall_ms,
                          search->config->replay.limits.memory_mb};
    XXH3_128bits_update(state, numbers, sizeof numbers);
    XXH3_128bits_update(state, trace->events, trace->n_events * sizeof *trace->events);
    XXH3_128bits_update(state, trace->end.fingerprint, strlen(trace->end.fingerprint) + 1);
    XXH3_128bits_update(state, game.build_id, strlen(game.build_id) + 1);
    for (char **lists[] = {trace->header.argv, trace->header.env, NULL}, ***list = lists; *list; list++)
        for (char **word = *list; *word; word++)
            XXH3_128bits_update(state, *word, strlen(*word) + 1);
    for (size_t i = 0; i < trace->header.n_members; i++)
        for (char **word = trace->header.members[i].argv; *word; word++)
            XXH3_128bits_update(state, *word, strlen(*word) + 1);
    XXH3_128bits_update(state, &trace->header.link, sizeof trace->header.link);
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    return (struct moth_memo_identity){hash.low64, hash.high64};
}

static int open_memo(struct search *search)
{
    const char *folder = search->config->progress;
    struct moth_memo_identity identity = identity_of(search);
    char *path = folder ? moth_fs_path("%s/answers", folder) : NULL;
    search->memo = moth_memo_open(path, &identity, &search->err);
    free(path);
    search->failed = !search->memo;
    return search->memo ? 0 : -1;
}

static void open_oracle(struct search *search)
{
    const struct moth_minimize_config *config = search->config;
    struct moth_oracle_config oracle = {.trace = search->source,
                                        .replay = config->replay,
                                        .full_limits = search->careful,
                                        .memory_bytes = search->careful ? 0 : config->memory_bytes,
                                        .frames_most = config->frames_most,
                                        .duration_ms = config->duration_ms,
                                        .memo = search->memo};
    search->oracle = moth_oracle_create(&oracle);
}

static void close_oracle(struct search *search)
{
    struct moth_oracle_counts counts;
    moth_oracle_counts(search->oracle, &counts);
    search->outcome->asked += counts.asked;
    search->outcome->remembered += counts.remembered;
    search->outcome->frames += counts.frames;
    search->outcome->frames_whole += counts.frames_whole;
    search->outcome->branches = counts.branches;
    moth_oracle_destroy(search->oracle);
    moth_memo_close(search->memo);
    search->oracle = NULL;
    search->memo = NULL;
}

/* Search and save what came out. 0, or -1 with search->inexact or err. */
static int shrink(struct search *search, uint32_t frame)
{
    struct moth_shrink_oracle oracle = {.context = search, .test = on_test, .better = on_better};
    struct moth_shrink_result result;
    search->saved_ns = moth_clock_monotonic_ns();
    moth_shrink(search->source->events, search->source->n_events, frame, MOTH_REPLAY_GRACE_FRAMES, &oracle,
                &result);
    struct moth_err why;
    enum moth_oracle_stop stop = moth_oracle_stopped(search->oracle, &why);
    if (!search->inexact && !search->failed)
        save(search, result.events, result.n_events, result.frame);
    free(result.events);
    search->outcome->minimal = result.minimal;
    search->outcome->interrupted = stop == MOTH_ORACLE_INTERRUPTED && is_interrupted(search);
    if (stop == MOTH_ORACLE_FAULT && !search->failed) {
        search->failed = true;
        search->err = why;
    }
    return search->failed || search->inexact ? -1 : 0;
}

/* With the memo open; it is closed then. */
static int search_once(struct search *search)
{
    uint32_t frame = 0;
    search->inexact = search->failed = false;
    open_oracle(search);
    int result, learnt = moth_oracle_learn(search->oracle, &frame);
    if (learnt > 0) {
        result = shrink(search, frame);
    } else if (learnt == 0) {
        search->failed = true;
        result = moth_err_set(&search->err, MOTH_ERR_NONDETERMINISTIC,
                              "the finding happened in a replay and then did not; see moth doctor");
    } else {
        result = 0;
        search->failed = moth_oracle_stopped(search->oracle, &search->err) != MOTH_ORACLE_INTERRUPTED;
        search->outcome->interrupted = is_interrupted(search);
    }
    close_oracle(search);
    return search->failed ? -1 : result;
}

/* Again from what is known to be good, and without what turned out to be unlike a straight run. */
static int search_carefully(struct search *search)
{
    if (search->careful)
        return moth_err_set(
            &search->err, MOTH_ERR_NONDETERMINISTIC,
            "the same inputs led to the finding in one process and not in another; see moth doctor");
    if (search->config->warn)
        search->config->warn(search->config->context,
                             "what happened on a branch of the game did not happen in a fresh process: each "
                             "candidate is played from its launch from here on");
    struct moth_trace *begin = search->best;
    search->best = NULL;
    search->careful = true;
    if (begin)
        search->source = begin;
    int result = open_memo(search);
    if (result == 0)
        result = search_once(search);
    if (search->inexact && !search->failed)
        result = search_carefully(search);
    if (begin)
        moth_trace_free(begin);
    return result;
}

/* ---- the result ---- */

static int replay_result(struct search *search, struct moth_err *err)
{
    const struct moth_minimize_config *config = search->config;
    return moth_reproduce(search->best, &config->replay, search->best->end.fingerprint, config->replays,
                          &search->outcome->met, &search->outcome->tried, err);
}

/* An earlier search that got as far as an answer had checked it. */
static int check_unless_resumed(struct search *search, struct moth_err *err)
{
    struct moth_minimize_outcome *outcome = search->outcome;
    if (open_memo(search) != 0) {
        *err = search->err;
        return -1;
    }
    outcome->resumed = moth_memo_count(search->memo) > 0;
    outcome->happened = search->config->checked || outcome->resumed;
    return outcome->happened ? 0 : check_happens(search, &outcome->happened, err);
}

static int work(struct search *search, struct moth_err *err)
{
    struct moth_minimize_outcome *outcome = search->outcome;
    int result = check_unless_resumed(search, err);
    if (result != 0 || !outcome->happened || outcome->interrupted) {
        moth_memo_close(search->memo);
        return result;
    }
    result = search_once(search);
    if (result != 0 && search->inexact)
        result = search_carefully(search);
    if (result != 0)
        *err = search->err;
    else if (search->best && !outcome->interrupted)
        result = replay_result(search, err);
    return result;
}

/* The trace an interrupted search began with, or a copy of this one for the next. NULL: begin with `trace`.
 */
static struct moth_trace *take_up(const struct moth_trace *trace, const struct moth_minimize_config *config,
                                  int *result, struct moth_err *err)
{
    if (!config->progress)
        return NULL;
    char *path = moth_fs_path("%s/source.moth", config->progress);
    struct moth_trace *begun = access(path, F_OK) == 0 ? moth_trace_read(path, NULL) : NULL;
    bool same = begun && begun->has_end && begun->end.fingerprint &&
                strcmp(begun->end.fingerprint, trace->end.fingerprint) == 0 &&
                begun->header.seed == trace->header.seed;
    if (!same) {
        moth_trace_free(begun);
        begun = NULL;
        *result = moth_fs_make_dirs(config->progress, err);
        if (*result == 0)
            *result = moth_trace_write(path, trace, err);
    }
    free(path);
    return begun;
}

int moth_minimize(const struct moth_trace *trace, const struct moth_minimize_config *config,
                  struct moth_minimize_outcome *outcome, struct moth_err *err)
{
    *outcome = (struct moth_minimize_outcome){.inputs_before = (uint32_t)trace->n_events,
                                              .frame_before = trace->end.finding_frame};
    int result = check_kind(trace, err);
    if (result != 0 || moth_fs_make_dirs(config->out, err) != 0)
        return -1;
    struct moth_trace *begun = take_up(trace, config, &result, err);
    if (result != 0)
        return -1;
    struct search search = {.config = config, .outcome = outcome, .source = begun ? begun : trace};
    search.now = (struct moth_minimize_progress){.inputs_before = outcome->inputs_before,
                                                 .inputs = (uint32_t)search.source->n_events,
                                                 .frame_before = outcome->frame_before,
                                                 .frame = search.source->end.finding_frame};
    result = work(&search, err);
    moth_trace_free(search.best);
    moth_trace_free(begun);
    if (config->progress && result == 0 && (outcome->minimal || !outcome->happened))
        result = moth_fs_remove_tree(config->progress, err);
    return result;
}
