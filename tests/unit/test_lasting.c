/* SPDX-License-Identifier: MIT
 *
 * What lets a run last: the journal it is gone on with by, sightings that count once, weights that follow
 * what is found, places, and room on the disk. A failure means that a night's run loses or doubles something,
 * or lets an agent starve.
 */
#include "test.h"

#include <unistd.h>

#include "fleet/disk.h"
#include "fleet/journal.h"
#include "fleet/places.h"
#include "fleet/tally.h"
#include "fleet/weights.h"
#include "sample_trace.h"

/* ---- the journal ---- */

#define RECORDS 5u

struct heard {
    unsigned n;
    uint32_t values[64];
};

static void hear(void *context, enum moth_journal_type type, struct moth_cursor *body)
{
    struct heard *heard = context;
    assert_int_equal(type, MOTH_JOURNAL_AGAIN);
    assert_true(heard->n < COUNT(heard->values));
    heard->values[heard->n++] = moth_cursor_u32(body);
}

static void append(struct moth_journal *journal, uint32_t value)
{
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_u32(&body, value);
    assert_int_equal(moth_journal_append(journal, MOTH_JOURNAL_AGAIN, &body, NULL), 0);
    moth_buf_fini(&body);
}

static const struct moth_journal_run a_run = {
    .token = "token", .program = "game", .build_id = "b1", .identity = "--hz=60\n", .seed = 7};

static struct moth_journal *open_again(const char *path, struct heard *heard, struct moth_err *err)
{
    struct moth_journal_run run;
    *heard = (struct heard){0};
    struct moth_journal *journal = moth_journal_open(path, &run, hear, heard, err);
    if (journal) {
        assert_string_equal(run.token, "token");
        assert_string_equal(run.identity, "--hz=60\n");
        assert_int_equal(run.seed, 7);
    }
    moth_journal_run_fini(&run);
    return journal;
}

static char *a_journal(const char *folder)
{
    char *path = moth_journal_path(folder);
    struct moth_journal *journal = moth_journal_create(path, &a_run, NULL);
    assert_non_null(journal);
    for (uint32_t i = 0; i < RECORDS; i++)
        append(journal, i);
    moth_journal_close(journal);
    return path;
}

/* Cut at any byte it has the records before the cut, and what is appended then is there as well. */
static void a_journal_that_was_cut_goes_on(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = a_journal(folder);
    size_t size;
    char *whole = moth_fs_read(path, 1 << 20, &size, NULL);
    unsigned most = 0;
    for (size_t cut = 0; cut <= size; cut++) {
        assert_int_equal(moth_fs_write_atomic(path, whole, cut, NULL), 0);
        struct heard heard;
        struct moth_err err;
        struct moth_journal *journal = open_again(path, &heard, &err);
        if (!journal) {
            assert_int_equal(err.code, MOTH_ERR_CONFIG);
            assert_int_equal(most, 0);
            continue;
        }
        unsigned before = heard.n;
        assert_in_range(before, most, RECORDS);
        most = before;
        append(journal, 1000);
        moth_journal_close(journal);
        journal = open_again(path, &heard, &err);
        assert_int_equal(heard.n, before + 1);
        assert_int_equal(heard.values[before], 1000);
        moth_journal_close(journal);
    }
    assert_int_equal(most, RECORDS);
    free(whole);
    free(path);
    test_scratch_remove(folder);
}

static void a_damaged_record_ends_a_journal(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = a_journal(folder);
    size_t size;
    char *whole = moth_fs_read(path, 1 << 20, &size, NULL);
    for (size_t at = 0; at < size; at++) {
        whole[at] ^= 0x10;
        assert_int_equal(moth_fs_write_atomic(path, whole, size, NULL), 0);
        whole[at] ^= 0x10;
        struct heard heard = {0};
        struct moth_journal_run run;
        struct moth_err err;
        struct moth_journal *journal = moth_journal_open(path, &run, hear, &heard, &err);
        assert_true(heard.n < RECORDS);
        for (unsigned i = 0; i < heard.n; i++)
            assert_int_equal(heard.values[i], i);
        moth_journal_run_fini(&run);
        moth_journal_close(journal);
    }
    free(whole);
    free(path);
    test_scratch_remove(folder);
}

/* ---- sightings ---- */

static uint32_t seen_after(struct moth_tally *tally, uint32_t index, const char *fingerprint)
{
    bool is_new;
    struct moth_message_found found = {.index = index,
                                       .stored = true,
                                       .fingerprint = (char *)(uintptr_t)fingerprint,
                                       .title = (char *)(uintptr_t) "t",
                                       .why = (char *)(uintptr_t) ""};
    return moth_tally_found(tally, &found, &is_new)->seen;
}

static void an_instance_that_is_begun_again_counts_once(void **state)
{
    (void)state;
    struct moth_fleet_agent agent = {.name = "a", .weight = 1};
    struct moth_fleet_config config = {.agents = &agent, .n_agents = 1, .workers = 2, .instance_frames = 600};
    struct moth_tally tally;
    assert_int_equal(moth_tally_init(&tally, &config), 0);
    moth_tally_begin(&tally, 3);
    assert_int_equal(seen_after(&tally, 3, "1-crash-a"), 1);
    assert_int_equal(seen_after(&tally, 3, "1-crash-a"), 2); /* twice in one instance is twice */
    moth_tally_begin(&tally, 3);
    assert_int_equal(seen_after(&tally, 3, "1-crash-a"), 2);
    assert_int_equal(seen_after(&tally, 3, "1-crash-a"), 2);
    assert_int_equal(seen_after(&tally, 3, "1-crash-a"), 3); /* it came further than before */
    assert_int_equal(seen_after(&tally, 3, "1-crash-b"), 1);
    assert_int_equal(seen_after(&tally, 4, "1-crash-a"), 4);
    struct moth_plan_job job = {.index = 3};
    struct moth_message_done done = {.index = 3, .frames = 10};
    moth_tally_done(&tally, &job, &done);
    moth_tally_begin(&tally, 4);
    assert_int_equal(seen_after(&tally, 4, "1-crash-a"), 4);
    moth_tally_fini(&tally);
}

/* ---- weights ---- */

static void shares_follow_what_is_found_and_nobody_starves(void **state)
{
    (void)state;
    const double base[] = {1, 1, 2};
    struct moth_weights weights;
    assert_int_equal(moth_weights_init(&weights, base, 3, 6), 0);
    for (unsigned i = 0; i < 600; i++) /* the second finds ten times what the first does, the third nothing */
        moth_weights_done(&weights, i % 3, 10000, i % 3 == 0 ? 1 : i % 3 == 1 ? 10 : 0, 0);
    double *shares = moth_weights_shares(&weights);
    assert_true(shares[1] > 0.5 && shares[1] > 2 * shares[0]);
    assert_true(shares[2] >= MOTH_WEIGHTS_KEPT * 0.5 - 1e-9 && shares[0] >= MOTH_WEIGHTS_KEPT * 0.25 - 1e-9);
    assert_true(shares[0] + shares[1] + shares[2] > 0.999 && shares[0] + shares[1] + shares[2] < 1.001);
    free(shares);
    for (unsigned i = 0; i < 600; i++) /* then it is the third's turn: it is not forgotten */
        moth_weights_done(&weights, i % 3, 10000, i % 3 == 2 ? 10 : 0, 0);
    shares = moth_weights_shares(&weights);
    assert_true(shares[2] > 0.7);
    free(shares);
    for (unsigned i = 0; i < 6000; i++)
        moth_weights_done(&weights, i % 3, 10000, 0, 0);
    shares = moth_weights_shares(&weights);
    assert_true(shares[2] < 0.6); /* and without finds it is as the user said */
    free(shares);
    moth_weights_fini(&weights);
}

static void without_finds_shares_are_the_users(void **state)
{
    (void)state;
    const double base[] = {1, 3};
    struct moth_weights weights;
    assert_int_equal(moth_weights_init(&weights, base, 2, 4), 0);
    for (unsigned i = 0; i < 100; i++)
        moth_weights_done(&weights, i % 2, 600, 0, 0);
    double *shares = moth_weights_shares(&weights);
    assert_true(shares[0] > 0.2499 && shares[0] < 0.2501);
    free(shares);
    moth_weights_fini(&weights);
}

/* ---- places ---- */

static void places_are_a_set(void **state)
{
    (void)state;
    struct moth_places places = {0};
    assert_false(moth_places_add(&places, 0));
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 1; i <= 5000; i++)
            assert_int_equal(moth_places_add(&places, i * 0x9e3779b97f4a7c15ULL), round == 0);
    }
    assert_int_equal(places.n, 5000);
    moth_places_fini(&places);
}

/* ---- the disk ---- */

static bool has_trace(const char *out, uint32_t index)
{
    char *path = moth_fs_path("%s/traces/%08u.moth", out, index);
    struct moth_err err;
    struct moth_trace *trace = access(path, F_OK) == 0 ? moth_trace_read(path, &err) : NULL;
    bool there = trace != NULL;
    moth_trace_free(trace);
    free(path);
    return there;
}

static void the_oldest_traces_go_first_and_findings_stay(void **state)
{
    (void)state;
    char *out = test_scratch(), *finding = moth_fs_path("%s/findings/1-crash-a/trace.moth", out);
    char *folder = moth_fs_path("%s/findings/1-crash-a", out), *work = moth_fs_path("%s/.work", out);
    assert_int_equal(moth_fs_make_dirs(folder, NULL), 0);
    assert_int_equal(moth_fs_make_dirs(work, NULL), 0);
    char block[16384] = {0};
    assert_int_equal(moth_fs_write_atomic(finding, block, sizeof block, NULL), 0);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(moth_disk_keep_trace(out, i * 7 % 20, sample_trace(), NULL), 0);
    moth_disk_tidy(out, 16, 0);
    assert_true(!has_trace(out, 3) && has_trace(out, 4) && has_trace(out, 19));
    uint64_t all = moth_disk_tidy(out, 16, UINT64_MAX), some = moth_disk_tidy(out, 16, all - 1);
    assert_true(some < all && !has_trace(out, 4) && has_trace(out, 19));
    moth_disk_reserve(out);
    assert_true(moth_disk_make_room(out)); /* the reserve, and a quarter of the traces */
    assert_true(!has_trace(out, 7) && has_trace(out, 19));
    assert_true(moth_disk_tidy(out, 16, 1) > 1); /* findings stay, whatever the quota */
    assert_true(!has_trace(out, 19) && access(finding, F_OK) == 0);
    assert_false(moth_disk_make_room(out));
    free(work);
    free(folder);
    free(finding);
    test_scratch_remove(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_that_was_cut_goes_on),
        cmocka_unit_test(a_damaged_record_ends_a_journal),
        cmocka_unit_test(an_instance_that_is_begun_again_counts_once),
        cmocka_unit_test(shares_follow_what_is_found_and_nobody_starves),
        cmocka_unit_test(without_finds_shares_are_the_users),
        cmocka_unit_test(places_are_a_set),
        cmocka_unit_test(the_oldest_traces_go_first_and_findings_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
