/* SPDX-License-Identifier: MIT
 *
 * moth replay with somebody before it: in a window, handed over to a person, or waiting for a debugger.
 */
#include <stdlib.h>

#include "base/log.h"
#include "cli/breaking.h"
#include "cli/person.h"
#include "cli/recorded.h"
#include "fleet/reaper.h"
#include "headed/show.h"

/* ---- what goes together ---- */

static const char *bad_combination(const struct moth_options *options)
{
    bool hands_over = options->headed && options->until > 0;
    if (options->headed && options->break_at_finding)
        return "--headed and --break do not go together: while the game waits for a debugger there is nothing to see";
    if (options->headed && options->times > 1)
        return "--headed shows one replay: leave out --times";
    if (options->break_at_finding && options->times > 1)
        return "--break waits in one replay: leave out --times";
    if (hands_over && options->expect_clean)
        return "--headed --until hands the controls over, so there is nothing to expect: leave out --expect-clean";
    if (options->out && !hands_over)
        return "--out is for the recording that --headed --until FRAME makes";
    if (options->events && !options->headed)
        return "--events is for --headed";
    if (options->exit_at_end && (!options->headed || hands_over))
        return "--exit-at-end is for --headed without --until";
    return NULL;
}

int moth_cli_check_seen(const struct moth_options *options, struct moth_err *err)
{
    double speed;
    const char *bad = bad_combination(options);
    return bad ? moth_err_set(err, MOTH_ERR_USAGE, "%s", bad) : moth_cli_speed(options, &speed, err);
}

int moth_cli_check_frames(const struct moth_trace *trace, const struct moth_options *options, struct moth_err *err)
{
    bool found = trace->has_end && trace->end.kind;
    if (options->break_at_finding && !found && options->until == 0)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "--break: this trace has no finding to wait before; say where with --until FRAME");
    if (options->until > trace->frames)
        return moth_err_set(err, MOTH_ERR_USAGE, "--until %llu: this trace has only %u frames",
                            (unsigned long long)options->until, trace->frames);
    return 0;
}

void moth_cli_cut(struct moth_trace *trace, uint32_t until)
{
    while (trace->n_events > 0 && trace->events[trace->n_events - 1].frame >= until)
        trace->n_events--;
    trace->frames = until;
    if (trace->has_end && trace->end.finding_frame >= until)
        trace->has_end = false;
}

/* ---- in a window, or with a debugger ---- */

/* Before what was found: the last frame at which nothing has happened yet. */
static uint32_t break_frame(const struct moth_trace *trace, const struct moth_options *options)
{
    if (options->until > 0)
        return (uint32_t)options->until;
    return trace->end.finding_frame > 1 ? trace->end.finding_frame - 1 : 1;
}

static int show(const struct moth_trace *trace, const struct moth_options *options,
                const struct moth_replay_config *config, struct moth_replay_outcome *outcome, struct moth_err *err)
{
    struct moth_show_config how = {
        .how = *config, .exit_at_end = options->exit_at_end, .memory_bytes = options->snapshot_memory_mb << 20};
    if (moth_cli_speed(options, &how.speed, err) != 0)
        return -1;
    if (options->events && !(how.told = moth_told_open(options->events, err)))
        return -1;
    int result = moth_show(trace, &how, outcome, err);
    moth_told_close(how.told);
    return result;
}

int moth_replays_seen_once(const struct moth_trace *trace, const struct moth_agent *agent,
                           const struct moth_options *options, const struct moth_replay_config *config,
                           struct moth_replays *replays, struct moth_err *err)
{
    struct moth_replay_outcome outcome = {0};
    int result = options->headed ? show(trace, options, config, &outcome, err)
                                 : moth_cli_break(trace, break_frame(trace, options), config, &outcome, err);
    if (result != 0)
        return -1;
    bool tells = !agent && !moth_replay_lives_on(trace); /* its end says whether it happened */
    if (!tells && !outcome.interrupted && outcome.started) {
        moth_replay_outcome_fini(&outcome);
        moth_log_info("played to its end; whether it happened again is found out by a replay that nobody watches");
        return moth_replays_once(trace, agent, config, replays, err);
    }
    bool started = outcome.started;
    moth_replays_add(replays, &outcome, trace);
    moth_replay_outcome_fini(&outcome);
    return started ? 0 : moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before its first frame");
}

/* ---- handed over ---- */

int moth_cli_take_over(const struct moth_trace *trace, const struct moth_options *options, struct moth_err *err)
{
    struct moth_record_config config = {.header = trace->header, .before = trace, .until = (uint32_t)options->until};
    struct moth_record_outcome outcome = {0};
    struct moth_told *told = NULL;
    struct moth_reaper reaper;
    char *out = NULL;
    int code = moth_cli_person(options, &config, &out, &told, err);
    config.header.agent = (char *)(uintptr_t)"record";
    config.header.moth_version = (char *)(uintptr_t)MOTH_VERSION;
    if (code == 0)
        code = moth_reaper_start(&reaper, err);
    if (code == 0) {
        moth_cli_stop_on_signals(0);
        moth_cli_enter_directory(trace);
        code = moth_record(&config, &outcome, err);
        moth_reaper_stop(&reaper);
    }
    if (code == 0)
        code = moth_cli_recorded(options, &config, &outcome);
    moth_record_outcome_fini(&outcome);
    moth_told_close(told);
    free(out);
    return code;
}
