/* SPDX-License-Identifier: MIT
 *
 * moth bisect: which of several builds, the oldest first, was the first to have a finding.
 *
 * A build is tried by replaying the finding's trace with its program in the place of the recorded one. It is bad
 * when one replay meets the finding, good when all come as far as the finding's frame and none meets it; else it
 * cannot be tried, and is passed over as `git bisect skip` does.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/recorded.h"
#include "cli/replays.h"
#include "findings/finding_json.h"
#include "fleet/reaper.h"

enum answer { UNTRIED, GOOD, BAD, SKIPPED };

static const char *const answer_names[] = {"not tried", "good", "bad", "skipped"};

struct build {
    const char *name; /* as it was given */
    char *program;    /* absolute; NULL: it has none */
    char *folder;     /* that the game is started in; NULL: as recorded */
    bool recorded;    /* it is the build that the trace was recorded with */
    enum answer answer;
    char *why; /* SKIPPED */
    uint32_t replays, met;
};

struct bisect {
    const struct moth_options *options;
    struct moth_trace *trace;
    char *path; /* its file */
    char **env; /* the trace's own, while another one takes its place */
    struct build *builds;
    size_t n;
    bool gone;      /* the newest build does not have it any more */
    long good, bad; /* the newest good one and the oldest bad one so far; -1 and n: none */
};

/* ---- what a build is ---- */

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

static bool is_program(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

static void tell_build(const struct bisect *bisect, const struct build *build)
{
    if (!bisect->options->quiet)
        moth_log_info("%s: %s%s%s", build->name, answer_names[build->answer], build->why ? ": " : "",
                      build->why ? build->why : "");
}

/* How the recorded program lay in the folder that it was started in, or NULL: somewhere else. */
static const char *inside(const struct moth_trace *trace)
{
    const char *program = trace->header.argv[0], *folder = trace->header.directory;
    size_t n = folder ? strlen(folder) : 0;
    if (program[0] != '/')
        return strchr(program, '/') ? program : NULL;
    return n > 1 && strncmp(program, folder, n) == 0 && program[n] == '/' ? program + n + 1 : NULL;
}

static int find_program(struct bisect *bisect, struct build *build, struct moth_err *err)
{
    const char *recorded = bisect->trace->header.argv[0], *slash = strrchr(recorded, '/');
    const char *name = slash ? slash + 1 : recorded, *relative = inside(bisect->trace);
    char *whole = realpath(build->name, NULL);
    if (!whole)
        return moth_err_sys(err, MOTH_ERR_USAGE, "cannot find the build %s", build->name);
    if (!is_folder(whole)) {
        build->program = whole;
        return 0;
    }
    char *as_recorded = relative ? moth_fs_path("%s/%s", whole, relative) : NULL;
    char *plain = moth_fs_path("%s/%s", whole, name);
    char *bin = moth_fs_path("%s/bin/%s", whole, name);
    if (as_recorded && is_program(as_recorded)) {
        build->program = realpath(as_recorded, NULL);
        build->folder = strdup(whole); /* its files lie with it, as they did there */
    } else if (is_program(plain)) {
        build->program = realpath(plain, NULL);
    } else if (is_program(bin)) {
        build->program = realpath(bin, NULL);
    }
    if (!build->program) {
        build->answer = SKIPPED;
        build->why = moth_fs_path("there is no program %s in it", name);
        tell_build(bisect, build);
    }
    free(bin);
    free(plain);
    free(as_recorded);
    free(whole);
    return 0;
}

static void note_recorded(const struct bisect *bisect, struct build *build)
{
    struct moth_game_info info;
    const char *recorded = bisect->trace->header.build_id;
    build->recorded = build->program && recorded && moth_game_inspect(build->program, &info, NULL) == 0 &&
                      strcmp(info.build_id, recorded) == 0;
}

/* ---- trying one ---- */

static void skip(struct build *build, char *why)
{
    build->answer = SKIPPED;
    build->why = why;
}

static void judge(struct build *build, const struct moth_replays *replays)
{
    build->replays = replays->tried;
    build->met = replays->met;
    if (replays->met > 0)
        build->answer = BAD;
    else if (replays->early > 0)
        skip(build, moth_fs_path("something else happened before: %s", replays->finding->title));
    else if (replays->tried == 0)
        skip(build, moth_fs_path("its game was killed from outside"));
    else
        build->answer = GOOD;
}

/* With the trace set to the build: as many replays as it takes. -1 when it was interrupted. */
static int replay(struct bisect *bisect, struct build *build)
{
    struct moth_replay_config config = moth_replays_config(bisect->options);
    struct moth_replays replays = {0};
    struct moth_agent *agent = moth_replays_agent(bisect->trace, bisect->path, &replays);
    struct moth_err err;
    int result = 0;
    for (uint64_t i = 0; result == 0 && i < bisect->options->times && replays.met == 0 && !moth_cli_stopped(NULL); i++)
        result = moth_replays_once(bisect->trace, agent, &config, &replays, &err);
    bool stopped = moth_cli_stopped(NULL) || replays.interrupted;
    if (!stopped && result != 0)
        skip(build, moth_fs_path("%s", err.message));
    else if (!stopped)
        judge(build, &replays);
    moth_replays_fini(&replays);
    moth_agent_free(agent);
    return stopped ? -1 : 0;
}

/* Each build is tried once, however often it is asked for. */
static int try_build(struct bisect *bisect, size_t i, struct moth_err *err)
{
    struct build *build = &bisect->builds[i];
    struct moth_trace *trace = bisect->trace;
    if (build->answer != UNTRIED)
        return 0;
    struct moth_strings game = {.items = &build->program, .n = 1};
    struct moth_err why;
    char **command = trace->header.argv, *folder = trace->header.directory;
    char **other = moth_cli_other_game(trace, &game, &why);
    if (!other) {
        skip(build, moth_fs_path("%s", why.message));
        tell_build(bisect, build);
        return 0;
    }
    trace->header.argv = other;
    if (build->folder)
        trace->header.directory = build->folder;
    moth_cli_enter_directory(trace);
    int result = replay(bisect, build);
    trace->header.argv = command;
    trace->header.directory = folder;
    moth_cli_free_game(other);
    if (result == 0)
        tell_build(bisect, build);
    return result == 0 ? 0 : moth_err_set(err, MOTH_ERR_INTERRUPTED, "interrupted");
}

/* ---- the search ---- */

/* The build nearest to the middle of those between good and bad that can be tried; -1: there is none. */
static long nearest_untried(const struct bisect *bisect)
{
    long middle = (bisect->good + bisect->bad) / 2, best = -1;
    for (long i = bisect->good + 1; i < bisect->bad; i++) {
        if (bisect->builds[i].answer != UNTRIED)
            continue;
        if (best < 0 || labs(i - middle) < labs(best - middle))
            best = i;
    }
    return best;
}

static void narrow(struct bisect *bisect, long i)
{
    if (bisect->builds[i].answer == GOOD)
        bisect->good = i;
    else if (bisect->builds[i].answer == BAD)
        bisect->bad = i;
}

/* The outermost build that can be tried, from the newest back or from the oldest on. */
static int try_end(struct bisect *bisect, bool newest, long *end, struct moth_err *err)
{
    *end = -1;
    for (size_t k = 0; k < bisect->n; k++) {
        size_t i = newest ? bisect->n - 1 - k : k;
        if (try_build(bisect, i, err) != 0)
            return -1;
        if (bisect->builds[i].answer == SKIPPED)
            continue;
        *end = (long)i;
        return 0;
    }
    return moth_err_set(err, MOTH_ERR_NOTHING_RAN, "none of the builds can be tried: %s: %s", bisect->builds[0].name,
                        bisect->builds[0].why);
}

/* Of a finding that is gone by now the build is known that had it: the recorded one. -1: it is not among them. */
static long find_recorded(const struct bisect *bisect)
{
    for (size_t i = bisect->n; i-- > 0;)
        if (bisect->builds[i].recorded)
            return (long)i;
    return -1;
}

/* The newest build that has it. 1: none, as far as can be known without trying them all. */
static int find_bad(struct bisect *bisect, struct moth_err *err)
{
    long newest, recorded = find_recorded(bisect);
    if (try_end(bisect, true, &newest, err) != 0)
        return -1;
    bisect->bad = newest;
    if (bisect->builds[newest].answer == BAD)
        return 0;
    if (recorded >= 0 && try_build(bisect, (size_t)recorded, err) != 0)
        return -1;
    bisect->bad = recorded;
    bisect->gone = recorded >= 0;
    return recorded >= 0 && bisect->builds[recorded].answer == BAD ? 0 : 1;
}

/* 0 when `bad` is the first bad build as far as can be said; 1 when there is no such step, with the reason. */
static int search(struct bisect *bisect, const char **why, struct moth_err *err)
{
    long oldest;
    int found = find_bad(bisect, err);
    if (found != 0) {
        *why = "the newest build that can be tried does not have it, nor the one that it was recorded with";
        return found;
    }
    if (try_end(bisect, false, &oldest, err) != 0)
        return -1;
    if (bisect->builds[oldest].answer == BAD) {
        bisect->bad = oldest;
        *why = "the oldest build that can be tried has it already";
        return 1;
    }
    bisect->good = oldest;
    long i;
    while ((i = nearest_untried(bisect)) >= 0) {
        if (try_build(bisect, (size_t)i, err) != 0)
            return -1;
        narrow(bisect, i);
    }
    return 0;
}

/* ---- telling ---- */

static json_t *name_at(const struct bisect *bisect, long i)
{
    return i >= 0 && i < (long)bisect->n ? moth_json_text(bisect->builds[i].name) : json_null();
}

static void print_json(const struct bisect *bisect, const char *why, int code)
{
    json_t *json = json_object(), *builds = json_array(), *suspects = json_array();
    for (size_t i = 0; i < bisect->n; i++) {
        const struct build *build = &bisect->builds[i];
        json_t *row = json_object();
        json_object_set_new(row, "build", moth_json_text(build->name));
        json_object_set_new(row, "result", json_string(answer_names[build->answer]));
        json_object_set_new(row, "reproduced", json_sprintf("%u/%u", build->met, build->replays));
        json_object_set_new(row, "why", moth_json_text(build->why));
        json_array_append_new(builds, row);
    }
    for (long i = bisect->good + 1; code == 0 && i <= bisect->bad; i++)
        json_array_append_new(suspects, name_at(bisect, i));
    json_object_set_new(json, "schema", json_string("moth.bisect/1"));
    json_object_set_new(json, "fingerprint", moth_json_text(bisect->trace->end.fingerprint));
    json_object_set_new(json, "exit_code", json_integer(code));
    json_object_set_new(json, "first_bad",
                        code == 0 && bisect->bad - bisect->good == 1 ? name_at(bisect, bisect->bad) : json_null());
    json_object_set_new(json, "last_good", name_at(bisect, bisect->good));
    json_object_set_new(json, "suspects", suspects);
    json_object_set_new(json, "gone", json_boolean(bisect->gone));
    json_object_set_new(json, "why", moth_json_text(why));
    json_object_set_new(json, "builds", builds);
    char *text = json_dumps(json, JSON_INDENT(2));
    if (text)
        puts(text);
    free(text);
    json_decref(json);
}

static void print_text(const struct bisect *bisect, const char *why, int code)
{
    char *title = moth_str_plain(bisect->trace->end.title);
    printf("%s\n  %s\n", bisect->trace->end.fingerprint, title);
    free(title);
    if (code != 0) {
        printf("  %s\n", why);
        return;
    }
    printf("  last without it   %s\n", bisect->builds[bisect->good].name);
    printf("  first with it     %s\n", bisect->builds[bisect->bad].name);
    if (bisect->gone)
        printf("  it is gone in the newest build\n");
    for (long i = bisect->good + 1; i < bisect->bad; i++)
        printf("  or it was         %s, which could not be tried: %s\n", bisect->builds[i].name, bisect->builds[i].why);
}

/* ---- the verb ---- */

static int read_trace(struct bisect *bisect, struct moth_err *err)
{
    bisect->path = moth_cli_find_trace(bisect->options->args.items[0], err);
    bisect->trace = bisect->path ? moth_trace_read(bisect->path, err) : NULL;
    if (!bisect->trace)
        return -1;
    if (bisect->trace->has_end && bisect->trace->end.fingerprint)
        return 0;
    return moth_err_set(err, MOTH_ERR_USAGE, "%s leads to no finding: there is nothing to look for in other builds",
                        bisect->options->args.items[0]);
}

static int bisect_builds(struct bisect *bisect, struct moth_err *err)
{
    const struct moth_options *options = bisect->options;
    const char *why = NULL;
    bisect->n = options->args.n - 1;
    bisect->builds = calloc(bisect->n, sizeof *bisect->builds);
    bisect->good = -1;
    bisect->bad = (long)bisect->n;
    if (!bisect->builds || read_trace(bisect, err) != 0)
        return bisect->builds ? -1 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %zu builds", bisect->n);
    for (size_t i = 0; i < bisect->n; i++) {
        bisect->builds[i].name = options->args.items[i + 1];
        if (find_program(bisect, &bisect->builds[i], err) != 0)
            return -1;
        note_recorded(bisect, &bisect->builds[i]);
    }
    bisect->env = bisect->trace->header.env;
    bisect->trace->header.env = moth_cli_merge_env(bisect->trace, options);
    struct moth_reaper reaper;
    if (!bisect->trace->header.env || moth_reaper_start(&reaper, err) != 0)
        return -1;
    moth_cli_stop_on_signals(0);
    int code = search(bisect, &why, err);
    moth_reaper_stop(&reaper);
    if (code >= 0 && options->json)
        print_json(bisect, why, code);
    else if (code >= 0)
        print_text(bisect, why, code);
    return code;
}

static void finish(struct bisect *bisect)
{
    for (size_t i = 0; bisect->builds && i < bisect->n; i++) {
        free(bisect->builds[i].program);
        free(bisect->builds[i].folder);
        free(bisect->builds[i].why);
    }
    free(bisect->builds);
    if (bisect->env) {
        free(bisect->trace->header.env);
        bisect->trace->header.env = bisect->env;
    }
    moth_trace_free(bisect->trace);
    free(bisect->path);
}

int moth_cli_bisect(const struct moth_options *options)
{
    struct bisect bisect = {.options = options};
    struct moth_err err = {0};
    int code = bisect_builds(&bisect, &err);
    if (code < 0) {
        moth_log_error("%s", err.message);
        code = err.code == MOTH_ERR_NOTHING_RAN ? moth_err_exit_code(MOTH_ERR_LAUNCH) : moth_err_exit_code(err.code);
    }
    finish(&bisect);
    return code;
}
