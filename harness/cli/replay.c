/* SPDX-License-Identifier: MIT */
#include "cli/recorded.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "findings/finding_json.h"
#include "findings/reproduce.h"
#include "fleet/play.h"
#include "fleet/reaper.h"

#define NOT_TRIED 125 /* for `git bisect run`: skip this commit */

/* What came of all replays. */
struct replays {
    uint32_t tried, met, clean, other;
    bool interrupted, other_build;
    uint32_t frames; /* of the last one */
    bool diverged;   /* in any of them: the first divergence */
    uint32_t diverged_frame;
    const char *diverged_what;
    struct moth_finding *finding; /* the last one that was met */
};

/* ---- replaying ---- */

static void add_outcome(struct replays *replays, struct moth_replay_outcome *outcome,
                        const struct moth_trace *trace)
{
    replays->interrupted = replays->interrupted || outcome->interrupted;
    replays->other_build = replays->other_build || outcome->other_build;
    replays->frames = outcome->frames;
    if (outcome->diverged && !replays->diverged) {
        replays->diverged = true;
        replays->diverged_frame = outcome->diverged_frame;
        replays->diverged_what = outcome->diverged_what;
    }
    if (outcome->interrupted || outcome->killed)
        return;
    const char *wanted = trace->has_end ? trace->end.fingerprint : NULL;
    bool nondeterminism = trace->has_end && trace->end.kind && strcmp(trace->end.kind, "nondeterminism") == 0;
    replays->tried++;
    if (nondeterminism ? outcome->diverged
                       : outcome->finding && wanted && strcmp(outcome->finding->fingerprint, wanted) == 0)
        replays->met++;
    else if (outcome->finding)
        replays->other++;
    else
        replays->clean++;
    if (outcome->finding) {
        moth_finding_free(replays->finding);
        replays->finding = outcome->finding;
        outcome->finding = NULL;
    }
}

/* A finding that a script reported is met again by the script, if it can still be loaded. */
static struct moth_agent *scripted_agent(const struct moth_trace *trace, const char *path)
{
    char *folder = strdup(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        *slash = '\0';
    struct moth_finding *finding = slash ? moth_finding_load(folder, NULL) : NULL;
    struct moth_err err = {0};
    struct moth_agent *agent = NULL;
    if (finding && finding->scripted) {
        agent = moth_agent_load(trace->header.agent, NULL, &err);
        if (!agent)
            moth_log_warning(
                "the script that reported this cannot be loaded, only its inputs are replayed: %s",
                err.message);
    }
    moth_finding_free(finding);
    free(folder);
    return agent;
}

static int replay_once(const struct moth_trace *trace, const struct moth_agent *agent,
                       const struct moth_replay_config *config, struct replays *replays, struct moth_err *err)
{
    if (agent) {
        bool met = false, killed = false;
        if (moth_play_scripted(&trace->header, agent, moth_play_pads_of(trace), trace->end.finding_frame,
                               config, trace->end.fingerprint, &met, &killed, err) != 0)
            return -1;
        replays->interrupted = replays->interrupted || moth_cli_stopped(NULL);
        replays->frames = trace->end.finding_frame;
        bool told = !killed && !moth_cli_stopped(NULL);
        replays->tried += told;
        replays->met += met;
        replays->clean += !met && told;
        return 0;
    }
    struct moth_replay_outcome outcome;
    if (moth_replay(trace, config, &outcome, err) != 0)
        return -1;
    bool started = outcome.started;
    add_outcome(replays, &outcome, trace);
    moth_replay_outcome_fini(&outcome);
    return started ? 0 : moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before its first frame");
}

static int replay_all(const struct moth_trace *trace, const struct moth_agent *agent,
                      const struct moth_options *options, struct replays *replays, struct moth_err *err)
{
    struct moth_replay_config config = {
        .limits = moth_cli_limits(options),
        .softlock_s = (uint32_t)options->softlock_s,
        .spike_ms = (double)options->spike_ms,
        .interrupted = moth_cli_stopped,
    };
    struct moth_reaper reaper;
    if (moth_reaper_start(&reaper, err) != 0)
        return -1;
    moth_cli_stop_on_signals(0);
    int result = 0;
    for (uint64_t i = 0; i < options->times && result == 0 && !moth_cli_stopped(NULL); i++)
        result = replay_once(trace, agent, &config, replays, err);
    moth_reaper_stop(&reaper);
    return result;
}

/* ---- telling ---- */

static void print_json(const struct moth_trace *trace, const struct replays *replays, bool happened, int code)
{
    json_t *json = json_object();
    json_object_set_new(json, "schema", json_string("moth.replay/1"));
    json_object_set_new(json, "fingerprint", moth_json_text(trace->has_end ? trace->end.fingerprint : NULL));
    json_object_set_new(json, "happened", json_boolean(happened));
    json_object_set_new(json, "exit_code", json_integer(code));
    json_object_set_new(json, "reproduced", json_sprintf("%u/%u", replays->met, replays->tried));
    json_object_set_new(json, "frames", json_integer(replays->frames));
    json_object_set_new(json, "same_build", json_boolean(!replays->other_build));
    json_object_set_new(json, "divergence",
                        replays->diverged
                            ? json_pack("{s:I, s:s}", "frame", (json_int_t)replays->diverged_frame, "what",
                                        replays->diverged_what)
                            : json_null());
    json_object_set_new(json, "finding",
                        replays->finding ? moth_finding_json(replays->finding) : json_null());
    char *text = json_dumps(json, JSON_INDENT(2));
    if (text)
        puts(text);
    free(text);
    json_decref(json);
}

static void print_text(const struct moth_trace *trace, const struct replays *replays)
{
    if (trace->has_end && trace->end.fingerprint)
        printf("%s\n  %s\n  reproduced %u/%u\n", trace->end.fingerprint,
               trace->end.title ? trace->end.title : "", replays->met, replays->tried);
    else
        printf("a trace without a finding: %u of %u replays ran clean, %u frames\n", replays->clean,
               replays->tried, replays->frames);
    if (replays->other > 0)
        printf("  something else happened in %u: %s: %s\n", replays->other, replays->finding->fingerprint,
               replays->finding->title);
    for (size_t i = 0; replays->finding && i < replays->finding->n_stack; i++)
        printf("    #%zu %s\n", i, replays->finding->stack[i]);
}

static void warn(const struct moth_trace *trace, const struct replays *replays)
{
    if (trace->cut)
        moth_log_warning("the trace is cut: it is replayed up to its last whole block, frame %u",
                         trace->frames);
    if (replays->other_build)
        moth_log_warning("the game is another build than the one the trace was recorded with");
    if (replays->diverged)
        moth_log_warning("the replay went another way than the recording: %s differs at frame %u",
                         replays->diverged_what, replays->diverged_frame);
}

/* A trace with a finding is replayed to see it again; one without, to see that it is clean. */
static int judge(const struct moth_trace *trace, const struct replays *replays, bool expect_clean,
                 bool *happened)
{
    bool has_finding = trace->has_end && trace->end.fingerprint;
    *happened = has_finding ? replays->met == replays->tried : replays->clean == replays->tried;
    if (!expect_clean)
        return *happened ? 0 : 1;
    bool clean = has_finding ? replays->met == 0 : replays->clean == replays->tried;
    return clean ? 0 : 1;
}

static int tell(const struct moth_trace *trace, const struct replays *replays,
                const struct moth_options *options)
{
    bool happened = false;
    int code = judge(trace, replays, options->expect_clean, &happened);
    if (replays->interrupted)
        code = 130;
    else if (replays->tried == 0)
        code = options->expect_clean ? NOT_TRIED : moth_err_exit_code(MOTH_ERR_SYSTEM);
    warn(trace, replays);
    if (options->json)
        print_json(trace, replays, happened, code);
    else if (!options->quiet)
        print_text(trace, replays);
    return code;
}

static int replay_trace(struct moth_trace *trace, const char *path, const struct moth_options *options,
                        struct moth_err *err)
{
    char **recorded = trace->header.env, **merged = moth_cli_merge_env(trace, options);
    if (!merged)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the environment");
    trace->header.env = merged;
    moth_cli_enter_directory(trace);
    struct moth_agent *agent = scripted_agent(trace, path);
    struct replays replays = {0};
    int code = replay_all(trace, agent, options, &replays, err);
    if (code == 0)
        code = tell(trace, &replays, options);
    moth_finding_free(replays.finding);
    moth_agent_free(agent);
    trace->header.env = recorded;
    free(merged);
    return code;
}

static int replay(const struct moth_options *options, struct moth_err *err)
{
    char *path = moth_cli_find_trace(options->args.items[0], err);
    struct moth_trace *trace = path ? moth_trace_read(path, err) : NULL;
    int code = trace ? replay_trace(trace, path, options, err) : -1;
    moth_trace_free(trace);
    free(path);
    return code;
}

int moth_cli_replay(const struct moth_options *options)
{
    if (options->args.n != 1) {
        moth_log_error("moth replay takes one trace, folder of a finding, or fingerprint");
        return moth_err_exit_code(MOTH_ERR_USAGE);
    }
    struct moth_err err = {0};
    int code = replay(options, &err);
    if (code >= 0)
        return code;
    moth_log_error("%s", err.message);
    bool tried = err.code != MOTH_ERR_USAGE && err.code != MOTH_ERR_CONFIG;
    return options->expect_clean && tried ? NOT_TRIED : moth_err_exit_code(err.code);
}
