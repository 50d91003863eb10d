/* SPDX-License-Identifier: MIT
 *
 * pages FOLDER: report.html of made-up runs, for the tests in a browser.
 *
 *     hostile/report.html  everything that a game, a build or a watch may name says that it is a script
 *     many/report.html     a run with 10,000 findings and a history of 200 builds with as many others
 *     empty/report.html    a run that found nothing
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "history/history.h"
#include "reports/reports.h"
#include "survey/survey.h"
#include "wire/trace.h"

#define SCRIPT "</script></title></style><script>window.pwned=1</script><img src=x onerror=\"window.pwned=1\">"
#define ODD " \xe2\x80\xa8\xe2\x80\xa9 \xff\xc3 \xe2\x80\xae" "desrever \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d 'q\" & <b> ]]> \x1b[31m {{data}} javascript:alert(1)"
#define HOSTILE SCRIPT ODD
#define MANY 10000u
#define BUILDS 200u

static void fail(const char *what)
{
    fprintf(stderr, "pages: %s\n", what);
    exit(1);
}

static void write_page(const struct moth_run_summary *summary, const char *out)
{
    char *path = moth_fs_path("%s/report.html", out), *text = moth_report_html_text(summary);
    struct moth_err err;
    if (!text || moth_fs_write_atomic(path, text, strlen(text), &err) != 0)
        fail(path);
    free(text);
    free(path);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    if (moth_fs_write_atomic(path, text, strlen(text), NULL) != 0)
        fail(path);
    free(path);
}

/* ---- hostile ---- */

static char *words[] = {(char *)(uintptr_t) "./" HOSTILE, NULL};
static char *no_words[] = {NULL};

static void write_trace(const char *folder)
{
    struct moth_input_event events[] = {
        {.frame = 2, .type = MOTH_INPUT_KEY_DOWN, .code = 79},   {.frame = 40, .type = MOTH_INPUT_KEY_UP, .code = 79},
        {.frame = 60, .type = MOTH_INPUT_MOUSE_MOVE, .x = 12},   {.frame = 61, .type = MOTH_INPUT_MOUSE_DOWN, .code = 1},
        {.frame = 66, .type = MOTH_INPUT_MOUSE_UP, .code = 1},   {.frame = 90, .type = MOTH_INPUT_TEXT, .text = "<script>x</script>"},
        {.frame = 95, .type = MOTH_INPUT_PAD_AXIS, .x = -20000}, {.frame = 99, .type = MOTH_INPUT_PAD_DOWN, .code = 3},
    };
    struct moth_trace_mark mark = {50, (char *)(uintptr_t)HOSTILE};
    struct moth_trace trace = {.header = {.argv = words, .env = no_words, .agent = words[0], .build_id = words[0], .moth_version = words[0], .directory = (char *)(uintptr_t) "/", .hz = 60},
                               .events = events,
                               .n_events = sizeof events / sizeof *events,
                               .marks = &mark,
                               .n_marks = 1,
                               .end = {.frames = 120, .kind = (char *)(uintptr_t) "crash", .fingerprint = (char *)(uintptr_t) "x", .title = words[0], .finding_frame = 120},
                               .has_end = true};
    char *path = moth_fs_path("%s/trace.moth", folder);
    struct moth_err err;
    if (moth_trace_write(path, &trace, &err) != 0)
        fail(err.message);
    free(path);
}

static json_t *hostile_survey(void)
{
    struct moth_survey *survey = moth_survey_create();
    struct moth_scout *scout = calloc(1, sizeof *scout);
    struct moth_watch_value watches[3] = {{.name = "x", .ok = 1}, {.name = "y", .ok = 1}, {.name = "room", .ok = 1, .type = 4}};
    struct moth_map_names names;
    if (!survey || !scout || moth_survey_names("x,y,room", &names, NULL) != 0)
        fail("no memory");
    snprintf(watches[2].text, sizeof watches[2].text, "%s", "</title><script>window.pwned=1</script>");
    moth_scout_begin(scout, survey, &names, 1, 0, 1);
    for (uint32_t frame = 1; frame < 2000; frame++) {
        watches[0].number = 200 + 150 * sin(frame / 90.0);
        watches[1].number = 100 + 60 * sin(frame / 37.0);
        moth_pace_add(&survey->pace, 0, frame, 4000000 + 400000 * (frame % 7) + (frame % 311 == 0 ? 40000000 : 0));
        moth_scout_look(scout, frame, watches, 3);
        if (frame % 400 == 0)
            moth_growth_add(&survey->growth, &(struct moth_growth_point){frame, frame / 10, frame / 60.0});
    }
    moth_scout_found(scout, 1999, "2-crash-00000000000000aa", watches, 3);
    moth_scout_end(scout);
    json_t *json = moth_survey_json(survey);
    json_object_set_new(json_array_get(json_object_get(json, "maps"), 0), "x", json_string("<script>window.pwned=1</script>"));
    moth_survey_free(survey);
    free(scout);
    return json;
}

static void make_hostile(const char *out)
{
    static char *stack[] = {(char *)(uintptr_t) HOSTILE " a.c:3 (game)", (char *)(uintptr_t) "main a.c:9 (game)", (char *)(uintptr_t) "__libc_start_main+0x85 (libc.so.6)"};
    struct moth_finding_attempt tries[] = {{.outcome = MOTH_OUTCOME_MET, .frame = 120}, {.outcome = MOTH_OUTCOME_OTHER, .frame = 9, .fingerprint = "x", .title = SCRIPT}};
    struct moth_spike_facts spike = {.budget_ms = 60, .least_ms = 80, .most_ms = 90, .n_threads = 1, .threads = {{"<i>t</i>", 80}}};
    struct moth_finding finding = {.kind = MOTH_FINDING_SPIKE,
                                   .fingerprint = "2-crash-00000000000000aa",
                                   .title = (char *)(uintptr_t)HOSTILE,
                                   .detail = (char *)(uintptr_t)HOSTILE,
                                   .stack = stack,
                                   .n_stack = 3,
                                   .stacks = (char *)(uintptr_t)HOSTILE,
                                   .agent = (char *)(uintptr_t)HOSTILE,
                                   .seed = 7,
                                   .frame = 120,
                                   .times_seen = 2,
                                   .reproduced = 1,
                                   .attempts = 2,
                                   .tries = tries,
                                   .n_tries = 2,
                                   .status = MOTH_FINDING_STATUS_QUARANTINED,
                                   .owner = (char *)(uintptr_t)HOSTILE,
                                   .reason = (char *)(uintptr_t)HOSTILE,
                                   .first_seen = {.build = (char *)(uintptr_t)HOSTILE},
                                   .trace = (char *)(uintptr_t) "x",
                                   .spike = &spike};
    struct moth_finding *findings[] = {&finding};
    struct moth_instance_record record = {.agent = HOSTILE, .seed = 7, .frames = 120, .wall_s = 1, .ended = HOSTILE, .fingerprint = finding.fingerprint, .fault = HOSTILE};
    struct moth_agent_share agent = {.name = HOSTILE, .weight = 1, .share = 1, .instances = 1, .frames = 120};
    static const char *const texts[] = {HOSTILE};
    char *folder = moth_fs_path("%s/findings/%s", out, finding.fingerprint);
    moth_fs_make_dirs(folder, NULL);
    write_trace(folder);
    write_file(folder, "game.log", HOSTILE "\n" HOSTILE "\n");
    write_file(folder, "stacks.folded", HOSTILE ";inner 5\nmain;<script>window.pwned=1</script> 9\n");
    write_file(folder, "\"><img src=x onerror=window.pwned=1>.png", "no picture");
    json_t *survey = hostile_survey();
    struct moth_memory_summary memory = {.rss_mb = 10, .heap_mb = 2, .n = 2, .points = {{60, 9 << 20, 1 << 20}, {120, 10 << 20, 2 << 20}}};
    struct moth_run_summary summary = {.verdict = MOTH_VERDICT_FLAKY,
                                       .complete = true,
                                       .argv = (const char *const *)words,
                                       .build_id = HOSTILE,
                                       .seed = 1,
                                       .shard = HOSTILE,
                                       .workers = 1,
                                       .instances = 1,
                                       .frames_total = 120,
                                       .findings = findings,
                                       .n_findings = 1,
                                       .records = &record,
                                       .n_records = 1,
                                       .agents = &agent,
                                       .n_agents = 1,
                                       .warnings = texts,
                                       .n_warnings = 1,
                                       .agent_faults = texts,
                                       .n_agent_faults = 1,
                                       .frame_times = {.n = 2000, .p50 = 4, .max = 44, .memory = memory},
                                       .run = HOSTILE,
                                       .plan = HOSTILE,
                                       .version = HOSTILE,
                                       .machine = HOSTILE,
                                       .survey = survey,
                                       .out = out};
    write_page(&summary, out);
    json_decref(survey);
    free(folder);
}

/* ---- many ---- */

static struct moth_history_view *many_builds(void)
{
    struct moth_history_view *view = calloc(1, sizeof *view);
    view->n_builds = BUILDS;
    view->n_runs = BUILDS;
    view->n_findings = MANY;
    view->n_metrics = 2;
    view->builds = calloc(BUILDS, sizeof *view->builds);
    view->findings = calloc(MANY, sizeof *view->findings);
    view->metrics = calloc(2, sizeof *view->metrics);
    view->values = calloc(BUILDS * 2, sizeof *view->values);
    view->machine = (char *)(uintptr_t) "a machine x2";
    view->metrics[0] = (struct moth_history_metric){.name = (char *)(uintptr_t) "frame_time_ms.p99", .unit = "ms"};
    view->metrics[1] = (struct moth_history_metric){.name = (char *)(uintptr_t) "memory_mb.rss_peak", .unit = "MB"};
    for (uint32_t i = 0; i < BUILDS; i++) {
        view->builds[i] = (struct moth_history_build){.name = moth_fs_path("build-%03u", i), .label = (char *)(uintptr_t) "", .build_id = (char *)(uintptr_t) "", .date_ms = 1700000000000 + i * 86400000LL, .runs = 1, .found = i % 5, .fixed = i % 3, .open = 20 + i / 4};
        view->values[2 * i] = 8 + sin((double)i / 9.0);
        view->values[2 * i + 1] = i % 10 == 3 ? (double)NAN : 300 + (double)i;
    }
    for (uint32_t i = 0; i < MANY; i++)
        view->findings[i] = (struct moth_history_finding){.fingerprint = moth_fs_path("2-hang-%016x", i), .kind = (char *)(uintptr_t) "hang", .title = moth_fs_path("no frame in old_function_%u", i), .state = i % 2 ? MOTH_HISTORY_FIXED : MOTH_HISTORY_OPEN, .first_build = i % 90, .last_build = 90 + i % 100, .fixed_build = 91 + i % 100, .first_run = (char *)(uintptr_t) "a", .last_run = (char *)(uintptr_t) "b"};
    return view;
}

static void make_many(const char *out)
{
    static char *stack[] = {(char *)(uintptr_t) "open_chest chest.c:33 (game)", (char *)(uintptr_t) "main game.c:64 (game)", (char *)(uintptr_t) "__libc_start_main+0x85 (libc.so.6)"};
    static const char *const argv[] = {"./game", "--level", "3", NULL};
    static const enum moth_finding_kind kinds[] = {MOTH_FINDING_CRASH, MOTH_FINDING_SOFTLOCK, MOTH_FINDING_SPIKE, MOTH_FINDING_INVARIANT};
    struct moth_finding *findings = calloc(MANY, sizeof *findings), **pointers = calloc(MANY, sizeof *pointers);
    for (uint32_t i = 0; i < MANY; i++) {
        pointers[i] = &findings[i];
        findings[i] = (struct moth_finding){.kind = kinds[i % 4], .title = moth_fs_path("SIGSEGV at address 0x%x in function_number_%u (file_%u.c:%u)", 8 * i, i, i % 60, i % 900), .agent = (char *)(uintptr_t) "monkey", .seed = i, .frame = 100 + i % 7000, .times_seen = 1 + i % 17, .reproduced = 10 - (i % 50 == 1), .attempts = 10, .status = i % 3 ? MOTH_FINDING_STATUS_KNOWN : MOTH_FINDING_STATUS_NEW, .stack = stack, .n_stack = 3, .trace = (char *)(uintptr_t) "x"};
        snprintf(findings[i].fingerprint, sizeof findings[i].fingerprint, "2-%s-%016x", moth_finding_kind_name(findings[i].kind), i);
    }
    struct moth_history_view *view = many_builds();
    struct moth_run_summary summary = {.verdict = MOTH_VERDICT_NEW_FINDINGS, .exit_code = 1, .complete = true, .argv = argv, .build_id = "0123456789abcdef", .seed = 1, .shard = "1/1", .workers = 8, .instances = 4000, .frames_total = 40000000, .virtual_s = 666666, .wall_s = 28800, .findings = pointers, .n_findings = MANY, .frame_times = {.n = 40000000, .p50 = 3, .p95 = 5, .p99 = 9, .max = 300}, .history = view, .out = out};
    write_page(&summary, out);
    for (uint32_t i = 0; i < MANY; i++) {
        free(findings[i].title);
        free(view->findings[i].fingerprint);
        free(view->findings[i].title);
    }
    for (uint32_t i = 0; i < BUILDS; i++)
        free(view->builds[i].name);
    free(view->builds);
    free(view->findings);
    free(view->metrics);
    free(view->values);
    free(view);
    free(findings);
    free(pointers);
}

static void make_empty(const char *out)
{
    static const char *const argv[] = {"./game", NULL};
    struct moth_run_summary summary = {.verdict = MOTH_VERDICT_PASS, .complete = true, .argv = argv, .shard = "1/1", .out = out};
    write_page(&summary, out);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(const char *out);
    } pages[] = {{"hostile", make_hostile}, {"many", make_many}, {"empty", make_empty}};
    if (argc != 2)
        fail("which folder?");
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        char *out = moth_fs_path("%s/%s", argv[1], pages[i].name);
        if (moth_fs_make_dirs(out, NULL) != 0)
            fail(out);
        pages[i].make(out);
        free(out);
    }
    return 0;
}
