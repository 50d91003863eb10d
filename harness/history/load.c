/* SPDX-License-Identifier: MIT
 *
 * Runs read back from the file.
 */
#include <stdlib.h>
#include <string.h>

#include "history/inside.h"

static char *text_at(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    char *copy = strdup(text ? text : "");
    if (!copy)
        abort(); /* a word */
    return copy;
}

static uint32_t u32_at(sqlite3_stmt *row, int column)
{
    return (uint32_t)sqlite3_column_int64(row, column);
}

struct load {
    struct moth_history *history;
    struct moth_history_run *runs;
    sqlite3_int64 *ids; /* ascending */
    size_t n, room;
};

/* Room for one more in an array that doubles. */
static bool grow(void **at, size_t n, size_t size_bytes)
{
    if (n & (n - 1)) /* no power of two, nor 0: there is room */
        return true;
    void *grown = realloc(*at, (n ? n * 2 : 1) * size_bytes);
    if (grown)
        *at = grown;
    return grown != NULL;
}

static struct moth_history_run *run_of(struct load *load, sqlite3_int64 id)
{
    size_t begin = 0, end = load->n;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (load->ids[middle] == id)
            return &load->runs[middle];
        if (load->ids[middle] < id)
            begin = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

/* Call `take` for each row. */
static int each(struct load *load, const char *sql, bool (*take)(struct load *, sqlite3_stmt *), struct moth_err *err)
{
    sqlite3_stmt *statement = moth_history_prepare(load->history, sql, err);
    if (!statement)
        return -1;
    int step, result = 0;
    while (result == 0 && (step = sqlite3_step(statement)) != SQLITE_DONE) {
        if (step != SQLITE_ROW)
            result = moth_history_fail(load->history, err);
        else if (!take(load, statement))
            result = moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the history %s", load->history->path);
    }
    sqlite3_finalize(statement);
    return result;
}

static bool take_run(struct load *load, sqlite3_stmt *row)
{
    if (load->n == load->room) {
        size_t room = load->room ? load->room * 2 : 64;
        struct moth_history_run *runs = realloc(load->runs, room * sizeof *runs);
        load->runs = runs ? runs : load->runs;
        sqlite3_int64 *ids = realloc(load->ids, room * sizeof *ids);
        load->ids = ids ? ids : load->ids;
        if (!runs || !ids)
            return false;
        load->room = room;
    }
    load->ids[load->n] = sqlite3_column_int64(row, 0);
    load->runs[load->n++] = (struct moth_history_run){
        .token = text_at(row, 1),
        .build_id = text_at(row, 2),
        .label = text_at(row, 3),
        .built_ms = sqlite3_column_int64(row, 4),
        .started_ms = sqlite3_column_int64(row, 5),
        .seed = (uint64_t)sqlite3_column_int64(row, 6),
        .shard = u32_at(row, 7),
        .shards = u32_at(row, 8),
        .plan = text_at(row, 9),
        .machine = text_at(row, 10),
        .verdict = text_at(row, 11),
        .version = text_at(row, 12),
        .exit_code = sqlite3_column_int(row, 13),
        .complete = sqlite3_column_int(row, 14) != 0,
        .frames = (uint64_t)sqlite3_column_int64(row, 15),
        .wall_ms = (uint64_t)sqlite3_column_int64(row, 16),
    };
    return true;
}

static bool take_sighting(struct load *load, sqlite3_stmt *row)
{
    struct moth_history_run *run = run_of(load, sqlite3_column_int64(row, 0));
    if (!run)
        return true;
    if (!grow((void **)&run->findings, run->n_findings, sizeof *run->findings))
        return false;
    run->findings[run->n_findings++] = (struct moth_history_sighting){.fingerprint = text_at(row, 1),
                                                                      .kind = text_at(row, 2),
                                                                      .title = text_at(row, 3),
                                                                      .status = text_at(row, 4),
                                                                      .reproduced = u32_at(row, 5),
                                                                      .attempts = u32_at(row, 6),
                                                                      .times_seen = u32_at(row, 7),
                                                                      .frame = u32_at(row, 8)};
    return true;
}

static bool take_replayed(struct load *load, sqlite3_stmt *row)
{
    struct moth_history_run *run = run_of(load, sqlite3_column_int64(row, 0));
    if (!run)
        return true;
    if (!grow((void **)&run->replayed, run->n_replayed, sizeof *run->replayed))
        return false;
    run->replayed[run->n_replayed++] = (struct moth_history_replayed){
        .fingerprint = text_at(row, 1), .happened = sqlite3_column_int(row, 2) != 0};
    return true;
}

static bool take_metric(struct load *load, sqlite3_stmt *row)
{
    struct moth_history_run *run = run_of(load, sqlite3_column_int64(row, 0));
    if (!run)
        return true;
    if (!grow((void **)&run->metrics, run->n_metrics, sizeof *run->metrics))
        return false;
    run->metrics[run->n_metrics++] =
        (struct moth_history_value){.name = text_at(row, 1), .value = sqlite3_column_double(row, 2)};
    return true;
}

static int read_all(struct load *load, struct moth_err *err)
{
    static const char runs[] = "SELECT id, token, build_id, label, built_ms, started_ms, seed, shard, shards, plan, machine, "
                               "verdict, version, exit_code, complete, frames, wall_ms FROM run ORDER BY id";
    static const char sightings[] = "SELECT run, fingerprint, kind, title, status, reproduced, attempts, times_seen, frame "
                                    "FROM sighting JOIN finding ON finding.id = sighting.finding";
    static const char replayed[] =
        "SELECT run, fingerprint, happened FROM replayed JOIN finding ON finding.id = replayed.finding";
    if (each(load, runs, take_run, err) != 0 || each(load, sightings, take_sighting, err) != 0 ||
        each(load, replayed, take_replayed, err) != 0)
        return -1;
    return each(load, "SELECT run, name, value FROM metric", take_metric, err);
}

/* All of it as it was at one moment, whoever writes meanwhile. */
int moth_history_load(struct moth_history *history, struct moth_history_run **runs, size_t *n, struct moth_err *err)
{
    struct load load = {.history = history};
    int result = moth_history_exec(history, "BEGIN", err);
    if (result == 0) {
        result = read_all(&load, err);
        sqlite3_exec(history->db, "COMMIT", NULL, NULL, NULL);
    }
    free(load.ids);
    *runs = load.runs;
    *n = load.n;
    if (result == 0)
        return 0;
    moth_history_free_runs(load.runs, load.n);
    *runs = NULL;
    *n = 0;
    return -1;
}

void moth_history_free_runs(struct moth_history_run *runs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        moth_history_run_fini(&runs[i]);
    free(runs);
}
