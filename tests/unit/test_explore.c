/* SPDX-License-Identifier: MIT
 *
 * The archive of places: what it keeps, whom it chooses, and that its file survives whatever happens to it.
 */
#include "test.h"

#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explore/archive.h"
#include "explore/share.h"

static struct moth_archive *archive_with(uint64_t seed, struct moth_log *log, uint32_t cells_max)
{
    struct moth_archive_config config = {.seed = seed, .name = "test", .log = log, .cells_max = cells_max};
    struct moth_archive *archive = moth_archive_create(&config);
    assert_non_null(archive);
    return archive;
}

/* `n` key presses, one each second frame, of keys that `salt` decides. */
static void presses(struct moth_input_event *events, uint32_t n, uint16_t salt)
{
    memset(events, 0, n * sizeof *events);
    for (uint32_t i = 0; i < n; i++) {
        events[i].frame = 2 * i + 1;
        events[i].type = i % 2 ? MOTH_INPUT_KEY_UP : MOTH_INPUT_KEY_DOWN;
        events[i].code = (uint16_t)(4 + (i / 2 + salt) % 20);
    }
}

/* See a scripted place reached by n presses. */
static enum moth_archive_seen see(struct moth_archive *archive, uint64_t key, double score, uint32_t n, uint32_t *cell)
{
    struct moth_input_event events[256];
    struct moth_archive_place place = {.frame = 2 * n + 1, .scripted = true, .key = key * 1000, .score = score};
    presses(events, n, 0);
    enum moth_archive_seen seen = moth_archive_see(archive, &place, cell);
    if (seen != MOTH_ARCHIVE_KNOWN)
        moth_archive_way(archive, *cell, events, n, place.frame);
    return seen;
}

static void the_better_way_is_kept(void **state)
{
    (void)state;
    struct moth_archive *archive = archive_with(1, NULL, 0);
    uint32_t cell, other;
    assert_int_equal(see(archive, 1, 0, 100, &cell), MOTH_ARCHIVE_OPENED);
    assert_int_equal(see(archive, 1, 0, 100, &other), MOTH_ARCHIVE_KNOWN);
    assert_int_equal(other, cell);
    assert_int_equal(see(archive, 1, 0, 97, &other), MOTH_ARCHIVE_KNOWN); /* not worth a snapshot */
    assert_int_equal(see(archive, 1, 0, 60, &other), MOTH_ARCHIVE_BETTER);
    assert_int_equal(moth_archive_route(archive, cell)->frame, 121);
    assert_int_equal(see(archive, 1, -1, 10, &other), MOTH_ARCHIVE_KNOWN);
    assert_int_equal(see(archive, 1, 5, 120, &other), MOTH_ARCHIVE_BETTER);
    assert_int_equal(moth_archive_route(archive, cell)->frame, 241);
    size_t n;
    struct moth_input_event *events = moth_route_events(moth_archive_route(archive, cell), &n), wanted[120];
    presses(wanted, 120, 0);
    assert_int_equal(n, 120);
    for (size_t i = 0; i < n; i++)
        assert_true(events[i].frame == wanted[i].frame && events[i].code == wanted[i].code);
    free(events);
    moth_archive_destroy(archive);
}

static void ways_share_what_they_have_in_common(void **state)
{
    (void)state;
    struct moth_input_event events[60];
    presses(events, 60, 0);
    struct moth_route *first = moth_route_of(NULL, events, 40, 81);
    struct moth_route *second = moth_route_of(first, events, 60, 121);
    assert_ptr_equal(second->parent, first);
    assert_int_equal(second->n_events, 20);
    /* Another key halfway: below the first no more. */
    events[20].code++;
    struct moth_route *third = moth_route_of(second, events, 60, 121);
    assert_null(third->parent);
    /* The same inputs, but the place lies behind this frame. */
    events[20].code--;
    struct moth_route *fourth = moth_route_of(second, events, 40, 80);
    assert_null(fourth->parent);
    size_t n;
    struct moth_input_event *all = moth_route_events(second, &n);
    assert_int_equal(n, 60);
    assert_int_equal(all[59].frame, 119);
    free(all);
    moth_route_unref(fourth);
    moth_route_unref(third);
    moth_route_unref(first);
    moth_route_unref(second);
}

static void cells_are_chosen_by_their_weight(void **state)
{
    (void)state;
    enum { CELLS = 8, DRAWS = 20000 };
    struct moth_archive *archive = archive_with(7, NULL, 0);
    uint32_t cells[CELLS], counts[CELLS] = {0}, cell;
    double sum = 0;
    for (uint64_t i = 0; i < CELLS; i++)
        see(archive, i, 0, 0, &cells[i]);
    for (uint64_t i = 0; i < CELLS; i++)
        for (uint64_t k = 0; k < i * i; k++) { /* in and out again */
            see(archive, i, 0, 0, &cell);
            see(archive, (i + 1) % CELLS, 0, 0, &cell);
        }
    for (uint32_t i = 0; i < CELLS; i++)
        sum += moth_archive_weight(archive, cells[i]);
    for (uint32_t i = 0; i < DRAWS; i++) {
        cell = moth_archive_choose(archive);
        for (uint32_t k = 0; k < CELLS; k++)
            counts[k] += cells[k] == cell;
    }
    double chi2 = 0;
    for (uint32_t i = 0; i < CELLS; i++) {
        double expected = DRAWS * moth_archive_weight(archive, cells[i]) / sum;
        chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    assert_true(chi2 < 24.3); /* 7 degrees of freedom, one in a thousand */
    assert_true(moth_archive_weight(archive, cells[0]) > moth_archive_weight(archive, cells[6]));
    moth_archive_destroy(archive);
}

static void some_cells_are_never_chosen(void **state)
{
    (void)state;
    struct moth_archive *archive = archive_with(7, NULL, 0);
    assert_int_equal(moth_archive_choose(archive), MOTH_ARCHIVE_NONE);
    uint32_t good, over, lost;
    see(archive, 1, 0, 0, &good);
    struct moth_archive_place place = {.frame = 1, .scripted = true, .key = 2000, .terminal = true};
    assert_int_equal(moth_archive_see(archive, &place, &over), MOTH_ARCHIVE_OPENED);
    moth_archive_way(archive, over, NULL, 0, 1);
    see(archive, 3, 0, 0, &lost);
    moth_archive_unreachable(archive, lost);
    place = (struct moth_archive_place){.frame = 1, .scripted = true, .key = 4000};
    moth_archive_see(archive, &place, &lost); /* no way was told */
    for (int i = 0; i < 200; i++)
        assert_int_equal(moth_archive_choose(archive), good);
    double before = moth_archive_weight(archive, good);
    moth_archive_died(archive);
    assert_true(fabs(moth_archive_weight(archive, good) - before / 2) < 1e-12);
    moth_archive_destroy(archive);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    struct moth_archive *archive = archive_with(3, NULL, 50);
    struct moth_archive_counts counts;
    uint32_t cell;
    for (uint64_t i = 0; i < 1000; i++) {
        see(archive, i, 0, 2, &cell);
        moth_archive_counts(archive, &counts);
        assert_in_range(counts.cells, 1, 50);
    }
    assert_int_equal(counts.reference, 1000);
    moth_archive_destroy(archive);
}

/* A picture with this much light in this field. */
static enum moth_archive_seen see_picture(struct moth_archive *archive, uint32_t field, uint8_t light, uint32_t *cell)
{
    uint8_t grey[MOTH_GRID_CELLS] = {0};
    grey[field % MOTH_GRID_CELLS] = light;
    struct moth_archive_place place = {.frame = 1};
    moth_grid_of_grey(&place.grid, grey);
    enum moth_archive_seen seen = moth_archive_see(archive, &place, cell);
    if (seen == MOTH_ARCHIVE_OPENED)
        moth_archive_way(archive, *cell, NULL, 0, 1);
    return seen;
}

static void the_ladder_finds_its_step(void **state)
{
    (void)state;
    struct moth_archive *archive = archive_with(3, NULL, 0);
    struct moth_archive_counts counts;
    uint32_t cell;
    struct moth_rng rng;
    moth_rng_seed(&rng, 5);
    for (int i = 0; i < 64; i++) { /* nothing but noise: each picture is another */
        moth_archive_choose(archive);
        for (int k = 0; k < 60; k++) {
            uint8_t grey[MOTH_GRID_CELLS];
            for (uint32_t f = 0; f < MOTH_GRID_CELLS; f++)
                grey[f] = (uint8_t)moth_rng_below(&rng, 256);
            struct moth_archive_place place = {.frame = 1};
            moth_grid_of_grey(&place.grid, grey);
            moth_archive_see(archive, &place, &cell);
        }
        moth_archive_rolled(archive, NULL);
    }
    moth_archive_counts(archive, &counts);
    assert_in_range(counts.step, 0, 1);
    assert_in_range(counts.cells, 1, 600);
    assert_in_range(counts.reference, 3000, 4000);
    moth_archive_destroy(archive);

    archive = archive_with(3, NULL, 0);
    for (int i = 0; i < 200; i++) { /* two pictures that differ by little */
        moth_archive_choose(archive);
        see_picture(archive, 30, (uint8_t)(100 + 32 * (i % 2)), &cell);
        moth_archive_rolled(archive, NULL);
    }
    moth_archive_counts(archive, &counts);
    assert_int_equal(counts.step, MOTH_GRID_STEPS - 1);
    assert_int_equal(counts.cells, 2);
    moth_archive_destroy(archive);
}

static void coarser_steps_join_what_finer_ones_part(void **state)
{
    (void)state;
    struct moth_rng rng;
    moth_rng_seed(&rng, 11);
    for (int i = 0; i < 500; i++) {
        uint8_t grey[MOTH_GRID_CELLS];
        for (uint32_t f = 0; f < MOTH_GRID_CELLS; f++)
            grey[f] = (uint8_t)moth_rng_below(&rng, 256);
        struct moth_grid grid, again;
        uint8_t packed[MOTH_GRID_PACKED_BYTES];
        moth_grid_of_grey(&grid, grey);
        moth_grid_pack(&grid, packed);
        moth_grid_unpack(&again, packed);
        assert_memory_equal(&grid, &again, sizeof grid);
        uint32_t field = (uint32_t)moth_rng_below(&rng, MOTH_GRID_CELLS);
        again.level[field] = (uint8_t)((again.level[field] + 1) % 8);
        assert_true(moth_grid_key(&grid, MOTH_GRID_STEPS - 1) != moth_grid_key(&again, MOTH_GRID_STEPS - 1));
    }
    struct moth_grid dark = {{0}}, dim = {{0}};
    dim.level[5] = 2;
    assert_true(moth_grid_key(&dark, 0) == moth_grid_key(&dim, 0));
}

static void what_opened_cells_is_learned(void **state)
{
    (void)state;
    struct moth_ngrams ngrams = {0};
    struct moth_rng rng;
    struct moth_input_event events[8];
    moth_rng_seed(&rng, 1);
    assert_null(moth_ngrams_sample(&ngrams, &rng));
    presses(events, 8, 0);
    for (int i = 0; i < 30; i++)
        moth_ngrams_learn(&ngrams, events, 8, 20);
    presses(events, 8, 9);
    moth_ngrams_learn(&ngrams, events, 8, 20);
    moth_ngrams_learn(&ngrams, events, 8, 20 + 2 * MOTH_NGRAM_FRAMES); /* too long ago */
    assert_int_equal(ngrams.n, 6);
    assert_int_equal(ngrams.weight, 93);
    int often = 0;
    for (int i = 0; i < 1000; i++)
        often += moth_ngrams_sample(&ngrams, &rng)->edges[0].code < 9;
    assert_in_range(often, 930, 1000);
    for (uint16_t i = 0; i < 5000; i++) {
        presses(events, 8, i);
        events[7].code = (uint16_t)(i % 500 + 4);
        moth_ngrams_learn(&ngrams, events, 8, 20);
    }
    assert_in_range(ngrams.n, 1, MOTH_NGRAMS_MAX);
    moth_ngrams_fini(&ngrams);
}

/* ---- sharing ---- */

static char *new_log(const char *folder)
{
    struct moth_err err;
    struct moth_log_header header = {.program = "game", .build_id = "0123", .seed = 99};
    char *path = moth_fs_path("%s/archive.bin", folder);
    assert_int_equal(moth_log_create(path, &header, &err), 0);
    return path;
}

static struct moth_log *open_log(const char *path)
{
    struct moth_err err = {0};
    struct moth_log *log = moth_log_open(path, &err);
    if (!log)
        fail_msg("%s", err.message);
    return log;
}

static void roll(struct moth_archive *archive, uint64_t from, uint64_t to)
{
    struct moth_err err = {0};
    uint32_t cell;
    moth_archive_choose(archive);
    for (uint64_t i = from; i < to; i++)
        see(archive, i, 0, (uint32_t)i, &cell);
    see_picture(archive, (uint32_t)from, 255, &cell);
    moth_archive_rolled(archive, &err);
    assert_int_equal(err.code, MOTH_ERR_OK);
}

static void workers_share_what_they_find(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = new_log(folder);
    struct moth_log *logs[3] = {open_log(path), open_log(path), NULL};
    struct moth_archive *a = archive_with(1, logs[0], 0), *b = archive_with(2, logs[1], 0), *c;
    struct moth_archive_counts counts;
    assert_int_equal(moth_log_header(logs[0])->seed, 99);
    roll(a, 0, 20);
    roll(b, 10, 40);
    roll(a, 0, 1);
    logs[2] = open_log(path);
    c = archive_with(3, logs[2], 0);
    struct moth_archive *all[] = {a, b, c};
    for (size_t i = 0; i < COUNT(all); i++) {
        moth_archive_counts(all[i], &counts);
        assert_int_equal(counts.cells, 42); /* 40 of the script's, two pictures */
        assert_int_equal(counts.deepest_frame, 79);
    }
    /* The way of another's cell is whole. */
    uint32_t cell;
    assert_int_equal(see(a, 39, 0, 39, &cell), MOTH_ARCHIVE_KNOWN);
    size_t n;
    struct moth_input_event *events = moth_route_events(moth_archive_route(a, cell), &n);
    assert_int_equal(n, 39);
    assert_int_equal(events[38].frame, 77);
    free(events);
    struct moth_explore_counts did = {.restores = 5, .rebuilds = 2, .frames_rebuilt = 70};
    struct moth_trace trace = {.frames = 9, .n_events = 1, .events = &(struct moth_input_event){.frame = 3, .type = MOTH_INPUT_KEY_DOWN, .code = 9}};
    moth_explore_count(logs[2], &did);
    moth_explore_count(logs[2], &did);
    moth_explore_recording(logs[2], &trace);
    struct moth_explore_summary summary;
    assert_int_equal(moth_explore_summarise(path, &summary, NULL), 0);
    assert_int_equal(summary.cells, 42);
    assert_int_equal(summary.reference, 42);
    assert_int_equal(summary.counts.frames_rebuilt, 140);
    assert_int_equal(summary.deepest_frame, 79);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(summary.size_bytes, st.st_size);
    roll(a, 0, 1);
    uint32_t frames;
    assert_non_null(moth_archive_recording(a, 0, &n, &frames));
    assert_int_equal(frames, 9);
    assert_null(moth_archive_recording(a, 1, &n, &frames));
    for (size_t i = 0; i < COUNT(all); i++) {
        moth_archive_destroy(all[i]);
        moth_log_close(logs[i]);
    }
    free(path);
    test_scratch_remove(folder);
}

/* Counts, too: a cell that one met often the other leaves alone. */
static void how_often_cells_were_met_is_shared(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = new_log(folder);
    struct moth_log *log = open_log(path), *other = open_log(path);
    struct moth_archive *a = archive_with(1, log, 0), *b = archive_with(2, other, 0);
    uint32_t cell;
    roll(a, 0, 3);
    for (int i = 0; i < 50; i++)
        roll(a, 0, 2);
    roll(b, 5, 6);
    see(b, 0, 0, 0, &cell);
    assert_in_range(moth_archive_met(b, cell), 45, 60);
    see(b, 2, 0, 2, &cell);
    assert_in_range(moth_archive_met(b, cell), 1, 3);
    moth_archive_destroy(a);
    moth_archive_destroy(b);
    moth_log_close(log);
    moth_log_close(other);
    free(path);
    test_scratch_remove(folder);
}

static void the_same_seed_and_log_choose_the_same(void **state)
{
    (void)state;
    uint32_t chosen[2][100];
    for (int run = 0; run < 2; run++) {
        char *folder = test_scratch(), *path = new_log(folder);
        struct moth_log *log = open_log(path);
        struct moth_archive *archive = archive_with(4, log, 30);
        for (uint64_t i = 0; i < 100; i++) {
            uint32_t cell;
            chosen[run][i] = moth_archive_choose(archive);
            see(archive, i * 7 % 60, 0, (uint32_t)(i % 50), &cell);
            moth_archive_rolled(archive, NULL);
        }
        moth_archive_destroy(archive);
        moth_log_close(log);
        free(path);
        test_scratch_remove(folder);
    }
    assert_memory_equal(chosen[0], chosen[1], sizeof chosen[0]);
}

/* Without the disk's blessing, which costs more than the test. */
static void put_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

struct seen_records {
    uint32_t n;
};

static void count(void *context, enum moth_log_type type, struct moth_cursor *body, uint64_t place)
{
    (void)type, (void)body, (void)place;
    ((struct seen_records *)context)->n++;
}

static uint32_t records_of(const char *path)
{
    struct moth_err err;
    struct seen_records seen = {0};
    struct moth_log *log = moth_log_open(path, &err);
    if (!log)
        return UINT32_MAX;
    moth_log_read(log, count, &seen);
    moth_log_close(log);
    return seen.n;
}

/* A writer may be killed in the middle of any byte. The next one takes the rest of it off and goes on. */
static void a_file_cut_at_any_byte_is_gone_on_with(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = new_log(folder), *cut = moth_fs_path("%s/cut.bin", folder);
    struct moth_log *log = open_log(path);
    struct moth_archive *archive = archive_with(1, log, 0);
    for (uint64_t i = 0; i < 6; i++)
        roll(archive, i, i + 3);
    moth_archive_destroy(archive);
    moth_log_close(log);
    size_t size;
    struct moth_err err;
    char *bytes = moth_fs_read(path, 1 << 20, &size, &err);
    assert_non_null(bytes);
    uint32_t all = records_of(path), last = 0;
    for (size_t at = 0; at <= size; at++) {
        put_file(cut, bytes, at);
        uint32_t n = records_of(cut);
        if (n == UINT32_MAX) { /* not even the header is there */
            assert_int_equal(last, 0);
            continue;
        }
        assert_in_range(n, last, all);
        last = n;
        log = open_log(cut);
        archive = archive_with(2, log, 0);
        roll(archive, 100, 102);
        moth_archive_destroy(archive);
        moth_log_close(log);
        assert_in_range(records_of(cut), n + 3, n + 6); /* cells, a picture, counts, reference: whole again */
    }
    assert_int_equal(last, all);
    free(bytes);
    free(cut);
    free(path);
    test_scratch_remove(folder);
}

/* Any byte may be another one: nothing but what was written is ever read, and nothing breaks. */
static void a_wrong_byte_anywhere_is_noticed(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = new_log(folder), *bad = moth_fs_path("%s/bad.bin", folder);
    struct moth_log *log = open_log(path);
    struct moth_archive *archive = archive_with(1, log, 0);
    for (uint64_t i = 0; i < 4; i++)
        roll(archive, i, i + 3);
    moth_archive_destroy(archive);
    moth_log_close(log);
    size_t size;
    struct moth_err err;
    char *bytes = moth_fs_read(path, 1 << 20, &size, &err);
    uint32_t all = records_of(path);
    for (size_t at = 0; at < size; at++) {
        bytes[at] ^= (char)(1 << at % 8);
        put_file(bad, bytes, size);
        uint32_t n = records_of(bad);
        assert_true(n == UINT32_MAX || n < all);
        bytes[at] ^= (char)(1 << at % 8);
    }
    free(bytes);
    free(bad);
    free(path);
    test_scratch_remove(folder);
}

/* Two processes append at the same time, and one of them is killed. */
static void writers_do_not_disturb_each_other(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = new_log(folder);
    pid_t children[2];
    for (uint64_t who = 0; who < COUNT(children); who++) {
        children[who] = fork();
        assert_true(children[who] >= 0);
        if (children[who] != 0)
            continue;
        struct moth_log *log = open_log(path);
        struct moth_archive *archive = archive_with(who, log, 0);
        for (uint64_t i = 0; i < 60; i++) {
            roll(archive, who * 100 + i, who * 100 + i + 1);
            if (who == 1 && i == 40)
                raise(SIGKILL);
        }
        _exit(0);
    }
    for (size_t who = 0; who < COUNT(children); who++)
        assert_int_equal(waitpid(children[who], NULL, 0), children[who]);
    struct moth_log *log = open_log(path);
    struct moth_archive *archive = archive_with(9, log, 0);
    for (uint64_t i = 0; i < 41; i++) {
        uint32_t cell;
        assert_int_equal(see(archive, i, 0, (uint32_t)i, &cell), MOTH_ARCHIVE_KNOWN);
        assert_int_equal(see(archive, 100 + i, 0, (uint32_t)(100 + i), &cell), MOTH_ARCHIVE_KNOWN);
    }
    moth_archive_destroy(archive);
    moth_log_close(log);
    free(path);
    test_scratch_remove(folder);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = moth_fs_path("%s/archive.bin", folder);
    struct moth_err err = {0};
    assert_null(moth_log_open(path, &err));
    assert_int_equal(err.code, MOTH_ERR_CONFIG);
    moth_fs_write_atomic(path, "\x89MOTHARX", 8, &err);
    assert_null(moth_log_open(path, &err));
    assert_non_null(strstr(err.message, "is not an archive of a run"));
    moth_fs_write_atomic(path, "\x89MOTHARC\x02\0\0\0 and more", 21, &err);
    assert_null(moth_log_open(path, &err));
    assert_non_null(strstr(err.message, "was written by another version of moth"));
    free(path);
    test_scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_better_way_is_kept),
        cmocka_unit_test(ways_share_what_they_have_in_common),
        cmocka_unit_test(cells_are_chosen_by_their_weight),
        cmocka_unit_test(some_cells_are_never_chosen),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(the_ladder_finds_its_step),
        cmocka_unit_test(coarser_steps_join_what_finer_ones_part),
        cmocka_unit_test(what_opened_cells_is_learned),
        cmocka_unit_test(workers_share_what_they_find),
        cmocka_unit_test(how_often_cells_were_met_is_shared),
        cmocka_unit_test(the_same_seed_and_log_choose_the_same),
        cmocka_unit_test(a_file_cut_at_any_byte_is_gone_on_with),
        cmocka_unit_test(a_wrong_byte_anywhere_is_noticed),
        cmocka_unit_test(writers_do_not_disturb_each_other),
        cmocka_unit_test(other_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
