/* SPDX-License-Identifier: MIT
 *
 * moth list: what there is to play with, to detect, and what was found.
 */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "bindings/lua/host.h"
#include "cli/launch.h"
#include "cli/options.h"
#include "detect/detect.h"
#include "findings/finding.h"
#include "fleet/outside.h"

#define SCRIPT_BYTES_MAX ((size_t)16 << 20)
#define SUMMARY_BYTES 160

/* Entries of a folder, sorted. The number, or -1 and errno. */
static int entries(const char *folder, int (*wanted)(const struct dirent *), struct dirent ***list)
{
    *list = NULL;
    return scandir(folder, list, wanted, alphasort);
}

static int is_script(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 4, ".lua") == 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int say(enum moth_err_code code, const char *message)
{
    moth_log_error("%s", message);
    return moth_err_exit_code(code);
}

/* ---- agents and scenarios ---- */

static const char *text_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

/* What a script says of itself: its first comment line that is no licence, without its own name. */
static void summary_of(const char *text, const char *name, char summary[SUMMARY_BYTES])
{
    summary[0] = '\0';
    for (const char *line = text; strncmp(line, "--", 2) == 0; line += strcspn(line, "\n") + 1) {
        const char *words = line + 2 + strspn(line + 2, " ");
        size_t n = strcspn(words, "\n");
        if (n == 0 || strncmp(words, "SPDX", 4) == 0) {
            if (!line[strcspn(line, "\n")])
                return;
            continue;
        }
        if (strncmp(words, name, strlen(name)) == 0 && strncmp(words + strlen(name), ": ", 2) == 0) {
            words += strlen(name) + 2;
            n = strcspn(words, "\n");
        }
        const char *stop = memmem(words, n, ". ", 2);
        n = stop ? (size_t)(stop - words) : n;
        snprintf(summary, SUMMARY_BYTES, "%.*s", (int)n, words);
        size_t used = strlen(summary);
        if (used && summary[used - 1] == '.')
            summary[used - 1] = '\0';
        return;
    }
}

/* What a scenario's file says of itself: its tags and cases, or why it cannot be played. */
static void add_scenario(json_t *row, const char *path)
{
    struct moth_err err = {0};
    struct moth_agent *agent = moth_agent_load(path, NULL, &err);
    if (!agent) {
        json_object_set_new(row, "error", json_string(err.message));
        moth_log_warning("%s", err.message);
        return;
    }
    size_t n;
    const char *const *tags = moth_agent_tags(agent, &n);
    json_t *tag_list = json_array(), *cases = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(tag_list, json_string(tags[i]));
    for (size_t i = 0; i < moth_agent_cases(agent); i++) {
        char *name = moth_fs_path("%s:%s", path, moth_agent_case_name(agent, i));
        struct moth_agent *one = moth_agent_load(name, NULL, &err);
        json_t *one_tags = json_array();
        tags = one ? moth_agent_tags(one, &n) : NULL;
        for (size_t k = 0; one && k < n; k++)
            json_array_append_new(one_tags, json_string(tags[k]));
        json_array_append_new(cases, json_pack("{s:s, s:o}", "name", moth_agent_case_name(agent, i), "tags", one_tags));
        moth_agent_free(one);
        free(name);
    }
    json_object_set_new(row, "tags", tag_list);
    json_object_set_new(row, "cases", cases);
    moth_agent_free(agent);
}

static json_t *script(const char *folder, const char *file)
{
    char *path = moth_fs_path("%s/%s", folder, file);
    char *name = moth_fs_path("%.*s", (int)strlen(file) - 4, file);
    char *text = moth_fs_read(path, SCRIPT_BYTES_MAX, NULL, NULL);
    char summary[SUMMARY_BYTES] = "";
    if (text)
        summary_of(text, name, summary);
    json_t *row = json_pack("{s:s, s:s, s:s}", "name", name, "summary", summary, "path", path);
    free(text);
    free(name);
    free(path);
    return row;
}

/* The folder of `what` that moth ships, or the one that was asked for. */
static int list_scripts(const char *what, const char *asked, json_t *rows)
{
    char *folder = asked ? moth_fs_path("%s", asked) : moth_fs_shipped(what);
    if (!folder)
        return 0; /* moth ships none */
    struct dirent **list;
    int n = entries(folder, is_script, &list);
    if (n < 0) {
        char *message = moth_fs_path("%s: %s", folder, strerror(errno));
        int code = say(MOTH_ERR_USAGE, message);
        free(message);
        free(folder);
        return code;
    }
    for (int i = 0; i < n; i++) {
        json_t *row = script(folder, list[i]->d_name);
        if (strcmp(what, "scenarios") == 0)
            add_scenario(row, text_of(row, "path"));
        json_array_append_new(rows, row);
        free(list[i]);
    }
    free(list);
    free(folder);
    return 0;
}

/* ---- detectors and findings ---- */

static int list_detectors(json_t *rows)
{
    for (size_t i = 0; i < moth_detectors_n; i++) {
        bool seen = false; /* several detectors may give one kind */
        for (size_t j = 0; j < i; j++)
            seen = seen || strcmp(moth_detectors[j].name, moth_detectors[i].name) == 0;
        if (!seen)
            json_array_append_new(rows, json_pack("{s:s, s:s}", "name", moth_detectors[i].name, "summary",
                                                  moth_detectors[i].summary));
    }
    return 0;
}

static json_t *finding_row(const char *folder, const struct moth_finding *finding)
{
    char reproduced[32];
    snprintf(reproduced, sizeof reproduced, "%u/%u", finding->reproduced, finding->attempts);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "fingerprint", finding->fingerprint, "kind",
                     moth_finding_kind_name(finding->kind), "title", finding->title ? finding->title : "", "status",
                     moth_finding_status_name(finding->status), "reproduced", reproduced, "times_seen",
                     (int)finding->times_seen, "path", folder);
}

static int list_findings(const char *out, json_t *rows)
{
    char *folder = moth_fs_path("%s/findings", out);
    struct dirent **list;
    int n = entries(folder, is_visible, &list);
    int code = 0;
    if (n < 0) {
        char *message = moth_fs_path("%s: %s; is '%s' the output folder of a run?", folder, strerror(errno), out);
        code = say(MOTH_ERR_USAGE, message);
        free(message);
    }
    for (int i = 0; i < n; i++) {
        char *path = moth_fs_path("%s/%s", folder, list[i]->d_name);
        struct moth_err err = {0};
        struct moth_finding *finding = moth_finding_load(path, &err);
        json_t *row = finding ? finding_row(path, finding) : NULL;
        if (row)
            json_array_append_new(rows, row);
        else
            moth_log_warning("%s", finding ? path : err.message);
        if (finding)
            moth_finding_free(finding);
        free(path);
        free(list[i]);
    }
    free(list);
    free(folder);
    return code;
}

/* ---- telling ---- */

static void print_tags(const json_t *tags)
{
    size_t i;
    const json_t *tag;
    json_array_foreach(tags, i, tag) printf("%s%s", i ? ", " : "  [", json_string_value(tag));
    printf(json_array_size(tags) ? "]\n" : "\n");
}

static void print_script(const json_t *row, int width)
{
    size_t i;
    const json_t *each;
    printf("%-*s  %s", width, text_of(row, "name"), text_of(row, "summary"));
    print_tags(json_object_get(row, "tags"));
    json_array_foreach(json_object_get(row, "cases"), i, each)
    {
        printf("%*s  :%s", width, "", text_of(each, "name"));
        print_tags(json_object_get(each, "tags"));
    }
}

/* What can be watched, of what type it is, and what it is now. */
static void print_state(const json_t *rows)
{
    size_t i, widest[2] = {10, 4};
    json_t *row;
    static const char *const columns[] = {"expression", "type"};
    json_array_foreach(rows, i, row) for (size_t j = 0; j < 2; j++)
    {
        size_t n = strlen(text_of(row, columns[j])), most = j ? 24 : 48;
        widest[j] = n > widest[j] && n <= most ? n : widest[j];
    }
    json_array_foreach(rows, i, row)
    {
        char *value = json_dumps(json_object_get(row, "value"), JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
        const char *exact = text_of(row, "exact");
        printf("%-*s  %-*s  %s\n", (int)widest[0], text_of(row, "expression"), (int)widest[1], text_of(row, "type"),
               *exact                                ? exact
               : value && strcmp(value, "null") != 0 ? value
                                                     : "-");
        free(value);
    }
    if (json_array_size(rows) == 0)
        moth_log_info("nothing to watch");
}

static void print_rows(const char *what, const json_t *rows)
{
    size_t i, widest = 8;
    json_t *row;
    bool findings = strcmp(what, "findings") == 0;
    const char *first = findings ? "fingerprint" : "name";
    json_array_foreach(rows, i, row) widest =
        strlen(text_of(row, first)) > widest ? strlen(text_of(row, first)) : widest;
    json_array_foreach(rows, i, row)
    {
        if (findings)
            printf("%-*s  %-6s %-7s %s\n", (int)widest, text_of(row, first), text_of(row, "status"),
                   text_of(row, "reproduced"), text_of(row, "title"));
        else
            print_script(row, (int)widest);
    }
    if (json_array_size(rows) == 0)
        moth_log_info("no %s", what);
}

static int print_json(const char *what, json_t *rows)
{
    json_t *all = json_pack("{s:s, s:s, s:O}", "schema", "moth.list/1", "what", what, "items", rows);
    int result = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;
    putchar('\n');
    json_decref(all);
    return result == 0 ? 0 : moth_err_exit_code(MOTH_ERR_IO);
}

int moth_cli_list(const struct moth_options *options)
{
    const char *what = options->args.items[0];
    const char *folder = options->args.n > 1 ? options->args.items[1] : NULL;
    static const char *const words[] = {"agents", "scenarios", "detectors", "findings", "state"};
    json_t *rows = json_array();
    int code;
    if (strcmp(what, "agents") == 0 || strcmp(what, "scenarios") == 0) {
        code = list_scripts(what, folder, rows);
        if (code == 0 && !folder && strcmp(what, "agents") == 0)
            json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "name", MOTH_OUTSIDE_NAME, "summary",
                                                  "a program of your own drives the game, over the bus (--bus)", "path",
                                                  "built in"));
    } else if (strcmp(what, "detectors") == 0 && !folder) {
        code = list_detectors(rows);
    } else if (strcmp(what, "state") == 0) {
        code = moth_cli_list_state(options, rows);
    } else if (strcmp(what, "findings") == 0) {
        code = list_findings(folder ? folder : "moth-out", rows);
    } else {
        const char *near = moth_str_nearest(what, words, sizeof words / sizeof words[0]);
        char *message = near && strcmp(near, what) == 0
                            ? moth_fs_path("moth list detectors takes no folder")
                            : moth_fs_path("moth lists agents, scenarios, detectors, findings and state, not '%s'%s%s%s", what,
                                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        code = say(MOTH_ERR_USAGE, message);
        free(message);
    }
    if (code == 0 && options->json)
        code = print_json(what, rows);
    else if (code == 0 && strcmp(what, "state") == 0)
        print_state(rows);
    else if (code == 0)
        print_rows(what, rows);
    json_decref(rows);
    return code;
}
