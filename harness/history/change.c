/* SPDX-License-Identifier: MIT
 *
 * What changes a history: each change is one transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "history/inside.h"

int moth_history_change(struct moth_history *history, int (*what)(struct moth_history *, void *, struct moth_err *),
                        void *context, struct moth_err *err)
{
    /* The right to write is taken first: two that read and then write would each wait for the other. */
    if (moth_history_exec(history, "BEGIN IMMEDIATE", err) != 0)
        return -1;
    if (what(history, context, err) == 0 && moth_history_exec(history, "COMMIT", err) == 0)
        return 0;
    sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text ? text : "", -1, SQLITE_STATIC);
}

/* ---- adding ---- */

/* Is the record that is there as full as this one, or fuller? Of two that differ in nothing else the one with the
 * greater digest stays, so that the same one does whichever comes first. */
static int has_as_good(struct moth_history *history, const struct moth_history_run *run, bool *has, struct moth_err *err)
{
    sqlite3_stmt *statement = moth_history_prepare(
        history,
        "SELECT (complete, frames, wall_ms, digest) >= (?2, ?3, ?4, ?5) FROM run WHERE token = ?1", err);
    if (!statement)
        return -1;
    bind_text(statement, 1, run->token);
    sqlite3_bind_int(statement, 2, run->complete);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)run->frames);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)run->wall_ms);
    sqlite3_bind_int64(statement, 5, moth_history_digest(run));
    int step = sqlite3_step(statement);
    *has = step == SQLITE_ROW && sqlite3_column_int(statement, 0);
    int result = step == SQLITE_ROW || step == SQLITE_DONE ? 0 : moth_history_fail(history, err);
    sqlite3_finalize(statement);
    return result;
}

static int delete_run(struct moth_history *history, const char *token, struct moth_err *err)
{
    sqlite3_stmt *statement = moth_history_prepare(history, "DELETE FROM run WHERE token = ?1", err);
    if (!statement)
        return -1;
    bind_text(statement, 1, token);
    return moth_history_finish(history, statement, err);
}

static int insert_run(struct moth_history *history, const struct moth_history_run *run, sqlite3_int64 *id,
                      struct moth_err *err)
{
    sqlite3_stmt *statement = moth_history_prepare(
        history,
        "INSERT INTO run (token, build_id, label, built_ms, started_ms, seed, shard, shards, plan, machine, verdict, "
        "version, exit_code, complete, frames, wall_ms, digest) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        err);
    if (!statement)
        return -1;
    bind_text(statement, 1, run->token);
    bind_text(statement, 2, run->build_id);
    bind_text(statement, 3, run->label);
    sqlite3_bind_int64(statement, 4, run->built_ms);
    sqlite3_bind_int64(statement, 5, run->started_ms);
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)run->seed);
    sqlite3_bind_int64(statement, 7, run->shard);
    sqlite3_bind_int64(statement, 8, run->shards);
    bind_text(statement, 9, run->plan);
    bind_text(statement, 10, run->machine);
    bind_text(statement, 11, run->verdict);
    bind_text(statement, 12, run->version);
    sqlite3_bind_int(statement, 13, run->exit_code);
    sqlite3_bind_int(statement, 14, run->complete);
    sqlite3_bind_int64(statement, 15, (sqlite3_int64)run->frames);
    sqlite3_bind_int64(statement, 16, (sqlite3_int64)run->wall_ms);
    sqlite3_bind_int64(statement, 17, moth_history_digest(run));
    int result = moth_history_finish(history, statement, err);
    *id = sqlite3_last_insert_rowid(history->db);
    return result;
}

/* Statements that are used for many rows. */
struct rows {
    sqlite3_stmt *finding, *sighting, *replayed, *metric;
};

static int prepare_rows(struct moth_history *history, struct rows *rows, struct moth_err *err)
{
    rows->finding = moth_history_prepare(
        history, "INSERT OR IGNORE INTO finding (fingerprint, kind) VALUES (?1, ?2)", err);
    rows->sighting = moth_history_prepare(history,
                                          "INSERT OR IGNORE INTO sighting VALUES "
                                          "(?1, (SELECT id FROM finding WHERE fingerprint = ?2), ?3, ?4, ?5, ?6, ?7, ?8)",
                                          err);
    rows->replayed = moth_history_prepare(
        history,
        "INSERT OR IGNORE INTO replayed VALUES (?1, (SELECT id FROM finding WHERE fingerprint = ?2), ?3)", err);
    rows->metric = moth_history_prepare(history, "INSERT OR IGNORE INTO metric VALUES (?1, ?2, ?3)", err);
    return rows->finding && rows->sighting && rows->replayed && rows->metric ? 0 : -1;
}

static void finalize_rows(struct rows *rows)
{
    sqlite3_finalize(rows->finding);
    sqlite3_finalize(rows->sighting);
    sqlite3_finalize(rows->replayed);
    sqlite3_finalize(rows->metric);
}

static bool put(sqlite3_stmt *statement)
{
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    return sqlite3_reset(statement) == SQLITE_OK && done;
}

/* "1-crash-0123…" says itself what kind it is. */
static void kind_of(const char *fingerprint, char kind[32])
{
    const char *begin = strchr(fingerprint, '-');
    snprintf(kind, 32, "%.*s", begin ? (int)strcspn(begin + 1, "-") : 0, begin ? begin + 1 : "");
}

static bool put_finding(struct rows *rows, const char *fingerprint, const char *kind)
{
    char own[32];
    kind_of(fingerprint, own);
    bind_text(rows->finding, 1, fingerprint);
    bind_text(rows->finding, 2, kind && *kind ? kind : own);
    return put(rows->finding);
}

static bool put_sighting(struct rows *rows, sqlite3_int64 id, const struct moth_history_sighting *sighting)
{
    sqlite3_bind_int64(rows->sighting, 1, id);
    bind_text(rows->sighting, 2, sighting->fingerprint);
    bind_text(rows->sighting, 3, sighting->title);
    bind_text(rows->sighting, 4, sighting->status);
    sqlite3_bind_int64(rows->sighting, 5, sighting->reproduced);
    sqlite3_bind_int64(rows->sighting, 6, sighting->attempts);
    sqlite3_bind_int64(rows->sighting, 7, sighting->times_seen);
    sqlite3_bind_int64(rows->sighting, 8, sighting->frame);
    return put_finding(rows, sighting->fingerprint, sighting->kind) && put(rows->sighting);
}

static bool put_replayed(struct rows *rows, sqlite3_int64 id, const struct moth_history_replayed *replayed)
{
    sqlite3_bind_int64(rows->replayed, 1, id);
    bind_text(rows->replayed, 2, replayed->fingerprint);
    sqlite3_bind_int(rows->replayed, 3, replayed->happened);
    return put_finding(rows, replayed->fingerprint, NULL) && put(rows->replayed);
}

static bool put_metric(struct rows *rows, sqlite3_int64 id, const struct moth_history_value *metric)
{
    sqlite3_bind_int64(rows->metric, 1, id);
    bind_text(rows->metric, 2, metric->name);
    sqlite3_bind_double(rows->metric, 3, metric->value);
    return put(rows->metric);
}

static int insert_rows(struct moth_history *history, const struct moth_history_run *run, sqlite3_int64 id,
                       struct moth_err *err)
{
    struct rows rows = {0};
    int result = prepare_rows(history, &rows, err);
    bool good = result == 0;
    for (size_t i = 0; good && i < run->n_findings; i++)
        good = put_sighting(&rows, id, &run->findings[i]);
    for (size_t i = 0; good && i < run->n_replayed; i++)
        good = put_replayed(&rows, id, &run->replayed[i]);
    for (size_t i = 0; good && i < run->n_metrics; i++)
        good = put_metric(&rows, id, &run->metrics[i]);
    if (result == 0 && !good)
        result = moth_history_fail(history, err);
    finalize_rows(&rows);
    return result;
}

/* Inside a transaction. *added: it was not there, or not as full. */
static int add_run(struct moth_history *history, const struct moth_history_run *run, bool *added, struct moth_err *err)
{
    bool has;
    sqlite3_int64 id;
    *added = false;
    if (has_as_good(history, run, &has, err) != 0)
        return -1;
    if (has)
        return 0;
    *added = true;
    return delete_run(history, run->token, err) == 0 && insert_run(history, run, &id, err) == 0
               ? insert_rows(history, run, id, err)
               : -1;
}

static int add(struct moth_history *history, void *context, struct moth_err *err)
{
    bool added;
    return add_run(history, context, &added, err);
}

int moth_history_add(struct moth_history *history, const struct moth_history_run *run, struct moth_err *err)
{
    return moth_history_change(history, add, (void *)(uintptr_t)run, err);
}

/* ---- merging ---- */

struct merge {
    struct moth_history_run *runs;
    size_t n, added;
};

static int add_all(struct moth_history *history, void *context, struct moth_err *err)
{
    struct merge *merge = context;
    for (size_t i = 0; i < merge->n; i++) {
        bool added;
        if (add_run(history, &merge->runs[i], &added, err) != 0)
            return -1;
        merge->added += added;
    }
    return 0;
}

int moth_history_merge(struct moth_history *history, const char *from, size_t *added, struct moth_err *err)
{
    struct moth_history *other = moth_history_open(from, MOTH_HISTORY_READ, err);
    struct merge merge = {0};
    if (!other)
        return -1;
    int result = moth_history_load(other, &merge.runs, &merge.n, err);
    moth_history_close(other);
    if (result == 0)
        result = moth_history_change(history, add_all, &merge, err);
    moth_history_free_runs(merge.runs, merge.n);
    *added = merge.added;
    return result;
}

/* ---- pruning ---- */

static int delete_metrics(struct moth_history *history, const char *token, struct moth_err *err)
{
    sqlite3_stmt *statement = moth_history_prepare(
        history, "DELETE FROM metric WHERE run = (SELECT id FROM run WHERE token = ?1)", err);
    if (!statement)
        return -1;
    bind_text(statement, 1, token);
    return moth_history_finish(history, statement, err);
}

struct prune {
    const struct moth_history_order *order;
    size_t keep, dropped;
};

static int drop_old(struct moth_history *history, void *context, struct moth_err *err)
{
    struct prune *prune = context;
    const struct moth_history_order *order = prune->order;
    size_t old = order->n_builds > prune->keep ? order->n_builds - prune->keep : 0;
    int result = 0;
    for (size_t i = 0; result == 0 && i < order->n && order->build[i] < old; i++) {
        const char *token = order->runs[i]->token;
        result = order->needed[i] ? delete_metrics(history, token, err) : delete_run(history, token, err);
        prune->dropped += !order->needed[i];
    }
    if (result == 0)
        result = moth_history_exec(history,
                                   "DELETE FROM finding WHERE id NOT IN (SELECT finding FROM sighting) AND id NOT IN "
                                   "(SELECT finding FROM replayed)",
                                   err);
    return result;
}

int moth_history_prune(struct moth_history *history, size_t keep, uint32_t fixed_after, size_t *dropped,
                       struct moth_err *err)
{
    struct moth_history_run *runs = NULL;
    struct moth_history_finding *findings = NULL;
    size_t n = 0, n_findings = 0;
    struct moth_history_order order = {0};
    int result = moth_history_load(history, &runs, &n, err);
    if (result == 0)
        result = moth_history_put_in_order(runs, n, &order, err);
    if (result == 0)
        result = moth_history_walk(&order, fixed_after, &findings, &n_findings, err);
    struct prune prune = {.order = &order, .keep = keep};
    if (result == 0)
        result = moth_history_change(history, drop_old, &prune, err);
    if (result == 0) /* gives the room back; outside of any transaction */
        result = moth_history_exec(history, "VACUUM", err);
    *dropped = prune.dropped;
    moth_history_free_findings(findings, n_findings);
    moth_history_order_fini(&order);
    moth_history_free_runs(runs, n);
    return result;
}
