/* SPDX-License-Identifier: MIT
 *
 * Files that are no history, damaged ones, and the records that runs leave: an answer or an error, and never a file
 * that is worse than before.
 */
#include "history_runs.h"

#include "base/rng.h"

/* ---- what is no history ---- */

static void refuse(const char *folder, const char *name, const void *bytes, size_t size, const char *because)
{
    struct moth_err err = {0};
    char *path = moth_fs_path("%s/%s", folder, name);
    if (bytes)
        assert_int_equal(moth_fs_write_atomic(path, bytes, size, &err), 0);
    size_t had, has;
    char *before = moth_fs_read(path, SIZE_MAX >> 1, &had, NULL);
    for (int access = MOTH_HISTORY_READ; access <= MOTH_HISTORY_CREATE; access++) {
        assert_null(moth_history_open(path, (enum moth_history_access)access, &err));
        assert_int_equal(err.code, MOTH_ERR_USAGE);
        if (!strstr(err.message, because) || !strstr(err.message, path))
            fail_msg("%s: %s", name, err.message);
        char *now = moth_fs_read(path, SIZE_MAX >> 1, &has, NULL);
        assert_int_equal(has, had);
        assert_memory_equal(now, before, had);
        free(now);
    }
    free(before);
    free(path);
}

static void what_is_no_history_is_left_alone(void **state)
{
    const char *folder = *state;
    static const char text_file[] = "return {\n    game = { \"./game\" },\n}\n-- long enough not to be taken for an empty file\n";
    char *other = moth_fs_path("%s/other.db", folder), *newer = moth_fs_path("%s/newer.db", folder);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE bookmarks (url TEXT)", NULL, NULL, NULL);
    sqlite3_close(db);
    moth_history_close(history_open_at(folder, "newer.db", MOTH_HISTORY_CREATE));
    assert_int_equal(sqlite3_open(newer, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    refuse(folder, "moth.lua", text_file, sizeof text_file - 1, "no history of moth");
    refuse(folder, "other.db", NULL, 0, "another program");
    refuse(folder, "newer.db", NULL, 0, "newer moth");
    assert_null(moth_history_open(folder, MOTH_HISTORY_CREATE, NULL));
    free(other);
    free(newer);
}

static void an_empty_file_is_an_empty_history(void **state)
{
    char *path = moth_fs_path("%s/empty.db", (char *)*state);
    assert_int_equal(moth_fs_write_atomic(path, "", 0, NULL), 0);
    struct moth_history *history = history_open_at(*state, "empty.db", MOTH_HISTORY_READ);
    struct moth_history_view *view = history_view_of(history);
    assert_int_equal(view->n_runs, 0);
    assert_int_equal(view->n_builds, 0);
    moth_history_view_free(view);
    moth_history_close(history);
    free(path);
}

/* Whatever bytes are wrong: an error or an answer, never a crash, and a file that is not made worse. */
static void damage(void **state)
{
    static struct made made;
    struct moth_err err;
    struct moth_history *history = history_open_at(*state, "h.db", MOTH_HISTORY_CREATE);
    for (unsigned k = 0; k < 20; k++) {
        history_run_make(&made, k, 0);
        for (unsigned i = 0; i < 20; i++)
            history_run_see(&made, i, 10);
        history_add(history, &made.run);
    }
    moth_history_close(history);
    char *path = moth_fs_path("%s/h.db", (char *)*state), *hurt = moth_fs_path("%s/hurt.db", (char *)*state);
    size_t size, refused = 0;
    char *bytes = moth_fs_read(path, 1 << 24, &size, NULL);
    struct moth_rng rng;
    moth_rng_seed(&rng, 11);
    for (unsigned n = 0; n < 300; n++) {
        char *copy = malloc(size);
        memcpy(copy, bytes, size);
        size_t at = moth_rng_below(&rng, n % 2 ? size : 200), length = n % 3 ? 1 : 64;
        for (size_t i = at; i < at + length && i < size; i++)
            copy[i] = (char)moth_rng_below(&rng, 256);
        assert_int_equal(moth_fs_write_atomic(hurt, copy, n % 7 ? size : at, &err), 0);
        history = moth_history_open(hurt, n % 2 ? MOTH_HISTORY_READ : MOTH_HISTORY_WRITE, &err);
        struct moth_history_view *view = history ? moth_history_view(history, 0, &err) : NULL;
        refused += view == NULL;
        moth_history_view_free(view);
        moth_history_close(history);
        free(copy);
    }
    assert_true(refused > 20); /* it is looked at */
    free(bytes);
    free(hurt);
    free(path);
}

/* ---- records ---- */

static void records_come_back(void **state)
{
    static struct made made;
    (void)state;
    history_run_make(&made, 3, 0);
    history_run_see(&made, 1, 10);
    history_run_play(&made, 2, true);
    json_t *json = moth_history_run_json(&made.run), *again;
    struct moth_history_run run;
    assert_int_equal(moth_history_run_from_json(json, "merge.json", &run, NULL), 0);
    again = moth_history_run_json(&run);
    assert_true(json_equal(json, again));
    assert_int_equal(moth_history_digest(&made.run), moth_history_digest(&run));
    moth_history_run_fini(&run);
    json_decref(json);
    json_decref(again);
}

static void records_that_are_wrong(void **state)
{
    static const char *const changes[] = {
        "{\"token\": \"\"}",          "{\"token\": 3}",
        "{\"shard\": -1}",            "{\"started_ms\": 1e300}",
        "{\"complete\": 1}",          "{\"findings\": {}}",
        "{\"findings\": [3]}",        "{\"findings\": [{\"fingerprint\": \"x\"}]}",
        "{\"replayed\": null}",       "{\"replayed\": [{\"fingerprint\": \"x\", \"happened\": 0}]}",
        "{\"metrics\": []}",          "{\"metrics\": {\"p50\": \"fast\"}}",
        "{\"exit_code\": 256}",       "{\"frames\": -1}",
        "{\"wall_ms\": 1.5}",         "{\"label\": null}",
        "{\"started_ms\": 999999999999999999}",
    };
    static struct made made;
    (void)state;
    history_run_make(&made, 3, 0);
    for (size_t i = 0; i < COUNT(changes); i++) {
        json_t *json = moth_history_run_json(&made.run), *change = json_loads(changes[i], 0, NULL);
        struct moth_history_run run;
        struct moth_err err = {0};
        assert_non_null(change);
        json_object_update(json, change);
        if (moth_history_run_from_json(json, "that.json", &run, &err) == 0)
            fail_msg("taken: %s", changes[i]);
        assert_int_equal(err.code, MOTH_ERR_USAGE);
        assert_non_null(strstr(err.message, "that.json"));
        json_decref(json);
        json_decref(change);
    }
    struct moth_history_run run;
    json_t *none = json_null();
    assert_int_equal(moth_history_run_from_json(none, "that.json", &run, NULL), -1);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, history_set_up, history_tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_is_no_history_is_left_alone),
        WITH_FOLDER(an_empty_file_is_an_empty_history),
        WITH_FOLDER(damage),
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(records_that_are_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
