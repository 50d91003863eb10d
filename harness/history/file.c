/* SPDX-License-Identifier: MIT
 *
 * The file: whose is it, which version, and what SQLite says when it cannot be used.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "history/inside.h"

#define APPLICATION 0x6d6f7468 /* "moth" */
#define BUSY_MS 30000          /* another run is adding itself, or a merge is under way */

/* Step i leads from version i to i + 1. A step that has been released is never changed: a new one is put behind. */
static const char *const steps[] = {
    "CREATE TABLE run (id INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, build_id TEXT NOT NULL,"
    " label TEXT NOT NULL, built_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, seed INTEGER NOT NULL,"
    " shard INTEGER NOT NULL, shards INTEGER NOT NULL, plan TEXT NOT NULL, machine TEXT NOT NULL,"
    " verdict TEXT NOT NULL, version TEXT NOT NULL, exit_code INTEGER NOT NULL, complete INTEGER NOT NULL,"
    " frames INTEGER NOT NULL, wall_ms INTEGER NOT NULL, digest INTEGER NOT NULL);"
    "CREATE TABLE finding (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, kind TEXT NOT NULL);"
    "CREATE TABLE sighting (run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " finding INTEGER NOT NULL REFERENCES finding, title TEXT NOT NULL, status TEXT NOT NULL,"
    " reproduced INTEGER NOT NULL, attempts INTEGER NOT NULL, times_seen INTEGER NOT NULL, frame INTEGER NOT NULL,"
    " PRIMARY KEY (run, finding)) WITHOUT ROWID;"
    "CREATE TABLE replayed (run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " finding INTEGER NOT NULL REFERENCES finding, happened INTEGER NOT NULL,"
    " PRIMARY KEY (run, finding)) WITHOUT ROWID;"
    "CREATE TABLE metric (run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE, name TEXT NOT NULL,"
    " value REAL NOT NULL, PRIMARY KEY (run, name)) WITHOUT ROWID;",
};

#define VERSION ((int)(sizeof steps / sizeof *steps))

int moth_history_fail(const struct moth_history *history, struct moth_err *err)
{
    int code = history->db ? sqlite3_errcode(history->db) & 0xff : SQLITE_NOMEM;
    const char *path = history->path;
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* what is in it does not fit together */
    case SQLITE_ERROR:      /* a table or a column is not there */
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "%s is damaged or no history of moth (%s); nothing in it was changed. Name another file, or "
                            "move this one away",
                            path, sqlite3_errmsg(history->db));
    case SQLITE_BUSY:
        return moth_err_set(err, MOTH_ERR_IO, "%s has been in use by another process for %d s", path, BUSY_MS / 1000);
    case SQLITE_NOMEM:
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    default:
        return moth_err_set(err, MOTH_ERR_IO, "the history %s cannot be used: %s", path, sqlite3_errmsg(history->db));
    }
}

int moth_history_exec(struct moth_history *history, const char *sql, struct moth_err *err)
{
    return sqlite3_exec(history->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : moth_history_fail(history, err);
}

sqlite3_stmt *moth_history_prepare(struct moth_history *history, const char *sql, struct moth_err *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL) != SQLITE_OK)
        moth_history_fail(history, err);
    return statement;
}

int moth_history_finish(struct moth_history *history, sqlite3_stmt *statement, struct moth_err *err)
{
    int result = sqlite3_step(statement) == SQLITE_DONE ? 0 : moth_history_fail(history, err);
    sqlite3_finalize(statement);
    return result;
}

/* The one number that a statement gives. -1 with err. */
static int ask(struct moth_history *history, const char *sql, sqlite3_int64 *value, struct moth_err *err)
{
    sqlite3_stmt *statement = moth_history_prepare(history, sql, err);
    if (!statement)
        return -1;
    int result = sqlite3_step(statement) == SQLITE_ROW ? 0 : moth_history_fail(history, err);
    if (result == 0)
        *value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return result;
}

/* ---- opening ---- */

static int bring_up(struct moth_history *history, void *context, struct moth_err *err)
{
    sqlite3_int64 version;
    (void)context;
    if (ask(history, "PRAGMA user_version", &version, err) != 0) /* again: now nobody else changes it */
        return -1;
    for (; version < VERSION; version++) {
        char mark[96];
        snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, (int)version + 1);
        if (moth_history_exec(history, steps[version], err) != 0 || moth_history_exec(history, mark, err) != 0)
            return -1;
    }
    return 0;
}

/* An older file that is only read is brought up to date in memory. */
static int copy_to_memory(struct moth_history *history, struct moth_err *err)
{
    sqlite3 *copy = NULL;
    sqlite3_backup *backup =
        sqlite3_open(":memory:", &copy) == SQLITE_OK ? sqlite3_backup_init(copy, "main", history->db, "main") : NULL;
    bool whole = backup && sqlite3_backup_step(backup, -1) == SQLITE_DONE;
    if (sqlite3_backup_finish(backup) != SQLITE_OK || !whole) {
        sqlite3_close(copy);
        return moth_err_set(err, MOTH_ERR_IO, "the history %s cannot be read whole", history->path);
    }
    sqlite3_close(history->db);
    history->db = copy;
    return 0;
}

/* Whose it is and which version, at one moment: another process may just be making it. */
static int ask_whose(struct moth_history *history, sqlite3_int64 *application, sqlite3_int64 *version, bool *empty,
                     struct moth_err *err)
{
    sqlite3_int64 tables = 0;
    if (moth_history_exec(history, "BEGIN", err) != 0)
        return -1;
    bool told = ask(history, "SELECT count(*) FROM sqlite_master", &tables, err) == 0 &&
                ask(history, "PRAGMA application_id", application, err) == 0 &&
                ask(history, "PRAGMA user_version", version, err) == 0;
    sqlite3_exec(history->db, "COMMIT", NULL, NULL, NULL);
    *empty = told && *application == 0 && *version == 0 && tables == 0;
    return told ? 0 : -1;
}

static int check(struct moth_history *history, enum moth_history_access access, struct moth_err *err)
{
    sqlite3_int64 application = 0, version = 0;
    bool empty;
    if (ask_whose(history, &application, &version, &empty, err) != 0)
        return -1;
    if (application != APPLICATION && !empty)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "%s is the database of another program and is left alone; name another file", history->path);
    if (version > VERSION || version < 0)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "%s was written by a newer moth: its version is %lld, and this one knows up to %d",
                            history->path, (long long)version, VERSION);
    if (version == VERSION)
        return 0;
    if (access == MOTH_HISTORY_READ && copy_to_memory(history, err) != 0)
        return -1;
    return moth_history_change(history, bring_up, NULL, err);
}

/* A page that is damaged may not be met for long: nothing is added to a file that has one. */
static int look_whole(struct moth_history *history, struct moth_err *err)
{
    sqlite3_stmt *statement = moth_history_prepare(history, "PRAGMA quick_check(1)", err);
    if (!statement)
        return -1;
    int result = sqlite3_step(statement) == SQLITE_ROW ? 0 : moth_history_fail(history, err);
    const char *said = result == 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (result == 0 && (!said || strcmp(said, "ok") != 0))
        result = moth_err_set(err, MOTH_ERR_USAGE,
                              "%s is damaged (%s); nothing in it was changed. Move it away, and what can be saved comes "
                              "out of it with: sqlite3 %s .recover",
                              history->path, said ? said : "it cannot be read", history->path);
    sqlite3_finalize(statement);
    return result;
}

static int look_at_path(const char *path, enum moth_history_access access, struct moth_err *err)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        if (errno == ENOENT && access == MOTH_HISTORY_CREATE)
            return 0;
        return moth_err_sys(err, MOTH_ERR_USAGE, "there is no history %s", path);
    }
    return S_ISREG(about.st_mode) ? 0 : moth_err_set(err, MOTH_ERR_USAGE, "%s is no file, and no history", path);
}

struct moth_history *moth_history_open(const char *path, enum moth_history_access access, struct moth_err *err)
{
    /* Also to read: what a writer left that died is rolled back first. Where the file is write-protected SQLite reads
     * it without. */
    int flags = SQLITE_OPEN_READWRITE | (access == MOTH_HISTORY_CREATE ? SQLITE_OPEN_CREATE : 0);
    if (look_at_path(path, access, err) != 0)
        return NULL;
    struct moth_history *history = calloc(1, sizeof *history);
    if (!history) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a history");
        return NULL;
    }
    history->path = moth_fs_path("%s", path);
    int opened = sqlite3_open_v2(path, &history->db, flags, NULL);
    int result = opened == SQLITE_OK ? 0 : moth_history_fail(history, err);
    if (result == 0) {
        sqlite3_busy_timeout(history->db, BUSY_MS);
        sqlite3_exec(history->db, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON", NULL, NULL, NULL);
        result = check(history, access, err);
    }
    if (result == 0 && access != MOTH_HISTORY_READ)
        result = look_whole(history, err);
    if (result == 0)
        return history;
    moth_history_close(history);
    return NULL;
}

void moth_history_close(struct moth_history *history)
{
    if (!history)
        return;
    sqlite3_close(history->db);
    free(history->path);
    free(history);
}
