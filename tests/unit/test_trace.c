/* SPDX-License-Identifier: MIT
 *
 * Traces that are well: what is written is what is read. `test_trace --write-fixture FILE` makes the fixture
 * that keeps old files readable; run it only when the format's version changes, and keep the old one.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sample_trace.h"

struct files {
    char *folder, *path;
};

static int make_folder(void **state)
{
    static struct files files;
    files.folder = test_scratch();
    files.path = moth_fs_path("%s/a.moth", files.folder);
    *state = &files;
    return 0;
}

static int remove_folder(void **state)
{
    struct files *files = *state;
    test_scratch_remove(files->folder);
    free(files->path);
    return 0;
}

static struct moth_trace *read_well(const char *path)
{
    struct moth_err err;
    struct moth_trace *trace = moth_trace_read(path, &err);
    if (!trace)
        fail_msg("%s", err.message);
    return trace;
}

static void written_in_one_go(void **state)
{
    struct files *files = *state;
    struct moth_err err;
    assert_int_equal(moth_trace_write(files->path, sample_trace(), &err), 0);
    struct moth_trace *trace = read_well(files->path);
    assert_traces_equal(sample_trace(), trace);
    assert_false(trace->cut);
    moth_trace_free(trace);
}

static void written_bit_by_bit(void **state)
{
    struct files *files = *state;
    const struct moth_trace *sample = sample_trace();
    struct moth_err err;
    struct moth_trace_writer *writer = moth_trace_create(files->path, &sample->header, &err);
    assert_non_null(writer);
    for (size_t i = 0; i < sample->n_events; i++) {
        assert_int_equal(moth_trace_event(writer, &sample->events[i], &err), 0);
        if (i < sample->n_checkpoints)
            assert_int_equal(moth_trace_checkpoint(writer, &sample->checkpoints[i], &err), 0);
        if (i < sample->n_marks)
            assert_int_equal(moth_trace_mark(writer, sample->marks[i].frame, sample->marks[i].text, &err), 0);
        assert_int_equal(moth_trace_flush(writer, &err), 0);
        assert_int_equal(moth_trace_flush(writer, &err), 0); /* nothing to write is fine */

        /* Whatever was flushed is there for a reader at once, though the writer lives on. */
        struct moth_trace *now = read_well(files->path);
        assert_false(now->cut || now->has_end);
        assert_int_equal(now->n_events, i + 1);
        uint32_t last_frame = i == 0 ? 60 : i < 3 ? 301 : UINT32_MAX;
        assert_int_equal(now->frames, last_frame);
        moth_trace_free(now);
    }
    assert_int_equal(moth_trace_finish(writer, &sample->end, &err), 0);
    struct moth_trace *trace = read_well(files->path);
    assert_traces_equal(sample, trace);
    moth_trace_free(trace);
}

static void the_header_is_there_at_once(void **state)
{
    struct files *files = *state;
    struct moth_err err;
    struct moth_trace_writer *writer = moth_trace_create(files->path, &sample_trace()->header, &err);
    assert_non_null(writer);
    struct moth_trace *trace = read_well(files->path);
    assert_string_equal(trace->header.argv[0], sample_trace()->header.argv[0]);
    assert_int_equal(trace->n_events, 0);
    assert_false(trace->cut || trace->has_end);
    moth_trace_free(trace);
    assert_int_equal(moth_trace_finish(writer, NULL, &err), 0);
    trace = read_well(files->path);
    assert_false(trace->has_end);
    moth_trace_free(trace);
}

/* Who plays with the game, and whose input an input is. */
static void groups_come_back(void **state)
{
    struct files *files = *state;
    struct moth_err err;
    char *serve[] = {"/games/server", "--port", "8303", NULL}, *join[] = {"/games/game", NULL};
    struct moth_trace_member members[] = {{"server", serve}, {"bob", join}};
    struct moth_trace sample = *sample_trace();
    struct moth_input_event *events = calloc(sample.n_events, sizeof *events);
    assert_non_null(events);
    memcpy(events, sample.events, sample.n_events * sizeof *events);
    for (size_t i = 0; i < sample.n_events; i++)
        events[i].member = (uint8_t)(i % 3);
    sample.events = events;
    sample.header.members = members;
    sample.header.n_members = 2;
    sample.header.link = (struct moth_link){30000, 5000, 12345};
    assert_int_equal(moth_trace_write(files->path, &sample, &err), 0);
    struct moth_trace *trace = read_well(files->path);
    assert_traces_equal(&sample, trace);
    assert_int_equal(trace->header.n_members, 2);
    assert_string_equal(trace->header.members[0].name, "server");
    assert_string_equal(trace->header.members[0].argv[2], "8303");
    assert_null(trace->header.members[1].argv[1]);
    assert_memory_equal(&trace->header.link, &sample.header.link, sizeof sample.header.link);
    for (size_t i = 0; i < sample.n_events; i++)
        assert_int_equal(trace->events[i].member, i % 3);
    moth_trace_free(trace);

    sample.header.n_members = 1; /* an input for somebody who does not play */
    assert_int_equal(moth_trace_write(files->path, &sample, &err), 0);
    assert_null(moth_trace_read(files->path, &err));
    assert_non_null(strstr(err.message, "an input event"));
    free(events);
}

static void long_traces_are_small(void **state)
{
    struct files *files = *state;
    struct moth_err err;
    struct moth_trace *sample = sample_trace_long(200000);
    assert_int_equal(moth_trace_write(files->path, sample, &err), 0);
    struct moth_trace *trace = read_well(files->path);
    assert_traces_equal(sample, trace);
    struct stat st;
    assert_int_equal(stat(files->path, &st), 0);
    /* Random keys cannot shrink below their entropy; the checkpoints' hashes are 24 bytes each. */
    size_t bound = sample->n_events * 3 / 2 + sample->n_checkpoints * 32;
    if ((size_t)st.st_size > bound)
        fail_msg("%zu events and %zu checkpoints take %ld bytes", sample->n_events, sample->n_checkpoints,
                 (long)st.st_size);
    moth_trace_free(trace);
    moth_trace_free(sample);
}

static void very_regular_traces_keep_to_the_ratio(void **state)
{
    struct files *files = *state;
    struct moth_err err;
    struct moth_trace_writer *writer = moth_trace_create(files->path, &sample_trace()->header, &err);
    assert_non_null(writer);
    struct moth_input_event event = {.type = MOTH_INPUT_KEY_DOWN, .code = 4};
    for (uint32_t i = 0; i < 300000; i++) {
        event.frame = i;
        assert_int_equal(moth_trace_event(writer, &event, &err), 0);
    }
    assert_int_equal(moth_trace_finish(writer, NULL, &err), 0);
    struct moth_trace *trace = read_well(files->path);
    assert_int_equal(trace->n_events, 300000);
    assert_int_equal(trace->frames, 299999);
    moth_trace_free(trace);
    struct stat st;
    assert_int_equal(stat(files->path, &st), 0);
    assert_true(st.st_size < 20000);
}

static void frames_never_go_back(void **state)
{
    struct files *files = *state;
    struct moth_err err;
    struct moth_trace_writer *writer = moth_trace_create(files->path, &sample_trace()->header, &err);
    assert_non_null(writer);
    struct moth_input_event event = {.frame = 10, .type = MOTH_INPUT_QUIT};
    assert_int_equal(moth_trace_event(writer, &event, &err), 0);
    event.frame = 9;
    assert_int_equal(moth_trace_event(writer, &event, &err), -1);
    assert_int_equal(err.code, MOTH_ERR_INTERNAL);
    assert_int_equal(moth_trace_mark(writer, 9, "kinds are apart", &err), 0);
    event.frame = 10;
    assert_int_equal(moth_trace_event(writer, &event, &err), 0); /* a refusal spoils nothing */
    event.type = MOTH_INPUT_KEY_DOWN;                            /* of no key */
    assert_int_equal(moth_trace_event(writer, &event, &err), -1);
    assert_int_equal(moth_trace_finish(writer, NULL, &err), 0);
    struct moth_trace *trace = read_well(files->path);
    assert_int_equal(trace->n_events, 2);
    moth_trace_free(trace);
}

static void unwritable_places_are_named(void **state)
{
    struct files *files = *state;
    struct moth_err err;
    assert_null(moth_trace_create("/nowhere/a.moth", &sample_trace()->header, &err));
    assert_int_equal(err.code, MOTH_ERR_IO);
    assert_int_equal(err.sys_errno, ENOENT);

    /* Through a link, so that a mistake here costs the link and not the machine's device. */
    char *full = moth_fs_path("%s/full", files->folder);
    assert_int_equal(symlink("/dev/full", full), 0);
    assert_null(moth_trace_create(full, &sample_trace()->header, &err));
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_int_equal(access(full, F_OK), 0); /* only a file is taken away again */
    free(full);

    struct moth_trace_header no_game = {0};
    char *path = moth_fs_path("%s/no-game.moth", files->folder);
    assert_null(moth_trace_create(path, &no_game, &err));
    assert_int_equal(err.code, MOTH_ERR_INTERNAL);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
}

static void a_full_disk_leaves_whole_blocks(void **state)
{
    struct files *files = *state;
    struct moth_err err;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 3000;
    signal(SIGXFSZ, SIG_IGN);
    struct moth_trace *sample = sample_trace_long(60000);
    struct moth_trace_writer *writer = moth_trace_create(files->path, &sample->header, &err);
    assert_non_null(writer);
    setrlimit(RLIMIT_FSIZE, &small);
    size_t written = 0;
    bool failed = false;
    for (size_t i = 0; i < sample->n_events && !failed; i++) {
        failed = moth_trace_event(writer, &sample->events[i], &err) != 0;
        if (!failed && i % 200 == 199) {
            failed = moth_trace_flush(writer, &err) != 0;
            written = failed ? written : i + 1;
        }
    }
    assert_true(failed);
    assert_int_equal(err.sys_errno, EFBIG);
    assert_int_equal(moth_trace_event(writer, &sample->events[0], &err), -1);
    assert_int_equal(moth_trace_finish(writer, NULL, &err), -1);
    setrlimit(RLIMIT_FSIZE, &before);

    struct moth_trace *trace = read_well(files->path);
    assert_false(trace->cut);
    assert_true(written > 0);
    assert_int_equal(trace->n_events, written);
    moth_trace_free(trace);
    moth_trace_free(sample);
}

static void the_fixture_still_reads(void **state)
{
    (void)state;
    struct moth_trace *trace = read_well(MOTH_FIXTURES "/format-1.moth");
    assert_traces_equal(sample_trace(), trace);
    moth_trace_free(trace);
}

static void missing_files_are_io_errors(void **state)
{
    (void)state;
    struct moth_err err;
    assert_null(moth_trace_read("/nowhere/a.moth", &err));
    assert_int_equal(err.code, MOTH_ERR_IO);
    moth_trace_free(NULL);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write-fixture") == 0)
        return moth_trace_write(argv[2], sample_trace(), NULL) ? 1 : 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_in_one_go),
        cmocka_unit_test(written_bit_by_bit),
        cmocka_unit_test(the_header_is_there_at_once),
        cmocka_unit_test(groups_come_back),
        cmocka_unit_test(long_traces_are_small),
        cmocka_unit_test(very_regular_traces_keep_to_the_ratio),
        cmocka_unit_test(frames_never_go_back),
        cmocka_unit_test(unwritable_places_are_named),
        cmocka_unit_test(a_full_disk_leaves_whole_blocks),
        cmocka_unit_test(the_fixture_still_reads),
        cmocka_unit_test(missing_files_are_io_errors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
