/* SPDX-License-Identifier: MIT */
#include "cli/person.h"
#include "cli/recorded.h"
#include "cli/replays.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "findings/finding_json.h"
#include "findings/reproduce.h"
#include "fleet/play.h"
#include "fleet/reaper.h"

#define NOT_TRIED 125 /* for `git bisect run`: skip this commit */

static int replay_all(const struct moth_trace *trace, const struct moth_agent *agent,
                      const struct moth_options *options, struct moth_replays *replays, struct moth_err *err)
{
    struct moth_replay_config config = moth_replays_config(options);
    struct moth_reaper reaper;
    if (moth_reaper_start(&reaper, err) != 0)
        return -1;
    moth_cli_stop_on_signals(0);
    int result = 0;
    for (uint64_t i = 0; i < options->times && result == 0 && !moth_cli_stopped(NULL); i++)
        result = options->headed || options->break_at_finding
                     ? moth_replays_seen_once(trace, agent, options, &config, replays, err)
                     : moth_replays_once(trace, agent, &config, replays, err);
    moth_reaper_stop(&reaper);
    return result;
}

/* ---- telling ---- */

static void print_json(const struct moth_trace *trace, const struct moth_replays *replays, bool happened, int code)
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

static void print_text(const struct moth_trace *trace, const struct moth_replays *replays)
{
    char *title = moth_str_plain(trace->has_end ? trace->end.title : NULL);
    if (trace->has_end && trace->end.fingerprint)
        printf("%s\n  %s\n  reproduced %u/%u\n", trace->end.fingerprint, title, replays->met, replays->tried);
    else
        printf("a trace without a finding: %u of %u replays ran clean, %u frames\n", replays->clean,
               replays->tried, replays->frames);
    free(title);
    if (replays->other > 0) {
        char *other = moth_str_plain(replays->finding->title);
        printf("  something else happened in %u: %s: %s\n", replays->other, replays->finding->fingerprint, other);
        free(other);
    }
    for (size_t i = 0; replays->finding && i < replays->finding->n_stack; i++)
        printf("    #%zu %s\n", i, replays->finding->stack[i]);
}

static void warn(const struct moth_trace *trace, const struct moth_replays *replays, bool asked)
{
    if (trace->cut)
        moth_log_warning("the trace is cut: it is replayed up to its last whole block, frame %u",
                         trace->frames);
    if (replays->other_build && !asked) /* who names another game knows */
        moth_log_warning("the game is another build than the one the trace was recorded with");
    if (replays->diverged)
        moth_log_warning("the replay went another way than the recording: %s differs at frame %u",
                         replays->diverged_what, replays->diverged_frame);
}

/* A trace with a finding is replayed to see it again, be it once of several times; one without, to see that it is clean. */
static int judge(const struct moth_trace *trace, const struct moth_replays *replays, bool expect_clean,
                 bool *happened)
{
    bool has_finding = trace->has_end && trace->end.fingerprint;
    *happened = has_finding ? replays->met > 0 : replays->clean == replays->tried;
    if (!expect_clean)
        return *happened ? 0 : 1;
    if (has_finding && replays->met == 0 && replays->early == replays->tried)
        return NOT_TRIED; /* something else came first, each time */
    bool clean = has_finding ? replays->met == 0 : replays->clean == replays->tried;
    return clean ? 0 : 1;
}

static int tell(const struct moth_trace *trace, const struct moth_replays *replays,
                const struct moth_options *options)
{
    bool happened = false;
    int code = judge(trace, replays, options->expect_clean, &happened);
    if (replays->interrupted)
        code = 130;
    else if (replays->tried == 0)
        code = options->expect_clean ? NOT_TRIED : moth_err_exit_code(MOTH_ERR_SYSTEM);
    warn(trace, replays, options->game.n > 0);
    if (options->json)
        print_json(trace, replays, happened, code);
    else if (!options->quiet)
        print_text(trace, replays);
    return code;
}

static int replay_here(struct moth_trace *trace, const char *path, const struct moth_options *options,
                       struct moth_err *err)
{
    struct moth_trace_end end = trace->end; /* whose strings are freed with the trace, whatever is cut */
    bool had_end = trace->has_end;
    if (options->until > 0 && !options->break_at_finding)
        moth_cli_cut(trace, (uint32_t)options->until);
    moth_cli_enter_directory(trace);
    struct moth_replays replays = {0};
    struct moth_agent *agent = trace->has_end ? moth_replays_agent(trace, path, &replays) : NULL;
    int code = replay_all(trace, agent, options, &replays, err);
    if (code == 0)
        code = tell(trace, &replays, options);
    moth_replays_fini(&replays);
    moth_agent_free(agent);
    trace->end = end;
    trace->has_end = had_end;
    return code;
}

static int replay_trace(struct moth_trace *trace, const char *path, const struct moth_options *options,
                        struct moth_err *err)
{
    char **recorded = trace->header.env, **merged = moth_cli_merge_env(trace, options);
    char **command = trace->header.argv, **other = NULL;
    if (!merged)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the environment");
    if (options->game.n > 0 && !(other = moth_cli_other_game(trace, &options->game, err))) {
        free(merged);
        return -1;
    }
    trace->header.env = merged;
    trace->header.argv = other ? other : command;
    int code = moth_cli_check_frames(trace, options, err);
    if (code == 0)
        code = options->headed && options->until > 0 ? moth_cli_take_over(trace, options, err)
                                                     : replay_here(trace, path, options, err);
    trace->header.env = recorded;
    trace->header.argv = command;
    free(merged);
    moth_cli_free_game(other);
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
    int code = moth_cli_check_seen(options, &err), failed = moth_err_exit_code(MOTH_ERR_USAGE);
    if (code == 0) {
        code = replay(options, &err);
        /* Also without a trace to try: to `git bisect run` a 2 is a commit that has it. */
        failed = options->expect_clean ? NOT_TRIED : moth_err_exit_code(err.code);
    }
    if (code >= 0)
        return code;
    moth_log_error("%s", err.message);
    return failed;
}
