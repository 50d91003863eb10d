/* SPDX-License-Identifier: MIT
 *
 * Traces that are not well: cut, flipped, foreign, newer, made to hurt; and memory that runs out.
 */
#include "test.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "alloc.h"
#include "sample_trace.h"
#include "wire/trace_format.h"

static struct moth_buf sample_bytes; /* several blocks of each kind */

static int make_sample(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/a.moth", folder);
    const struct moth_trace *sample = sample_trace();
    struct moth_trace_writer *writer = moth_trace_create(path, &sample->header, NULL);
    assert_non_null(writer);
    for (size_t i = 0; i < sample->n_events; i++) {
        moth_trace_event(writer, &sample->events[i], NULL);
        if (i < sample->n_checkpoints)
            moth_trace_checkpoint(writer, &sample->checkpoints[i], NULL);
        if (i < sample->n_marks)
            moth_trace_mark(writer, sample->marks[i].frame, sample->marks[i].text, NULL);
        if (i % 5 == 4)
            moth_trace_flush(writer, NULL);
    }
    assert_int_equal(moth_trace_finish(writer, &sample->end, NULL), 0);
    size_t size;
    char *bytes = moth_fs_read(path, 1 << 20, &size, NULL);
    assert_non_null(bytes);
    moth_buf_put(&sample_bytes, bytes, size);
    free(bytes);
    free(path);
    test_scratch_remove(folder);
    return 0;
}

static int drop_sample(void **state)
{
    (void)state;
    moth_buf_fini(&sample_bytes);
    return 0;
}

/* Decodes from a copy of exactly that size, so that a sanitizer sees a read beyond it. */
static struct moth_trace *decode(const uint8_t *bytes, size_t size, struct moth_err *err)
{
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    if (size)
        memcpy(exact, bytes, size);
    memset(err, 0, sizeof *err);
    struct moth_trace *trace = moth_trace_decode(exact, size, "it.moth", err);
    free(exact);
    return trace;
}

static void assert_refused(const struct moth_buf *file, const char *words)
{
    struct moth_err err;
    struct moth_trace *trace = decode(file->bytes, file->size_bytes, &err);
    assert_null(trace);
    assert_int_equal(err.code, MOTH_ERR_TRACE);
    if (!strstr(err.message, words) || !strstr(err.message, "it.moth"))
        fail_msg("\"%s\" does not say \"%s\"", err.message, words);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    struct moth_err err;
    size_t n_cut = 0, n_between = 0, n_refused = 0;
    size_t events_before = 0;
    for (size_t size = 0; size < sample_bytes.size_bytes; size++) {
        struct moth_trace *trace = decode(sample_bytes.bytes, size, &err);
        if (!trace) {
            assert_int_equal(err.code, MOTH_ERR_TRACE);
            assert_non_null(strstr(err.message, size ? "cut" : "not a moth trace"));
            assert_int_equal(n_cut + n_between, 0); /* once the header is whole, nothing is refused */
            n_refused++;
            continue;
        }
        assert_trace_begins(sample_trace(), trace);
        assert_false(trace->has_end);
        assert_true(trace->n_events >= events_before); /* more bytes never tell less */
        events_before = trace->n_events;
        n_cut += trace->cut;
        n_between += !trace->cut;
        moth_trace_free(trace);
    }
    assert_int_equal(events_before, sample_trace()->n_events);
    assert_true(n_refused > MOTH_TRACE_FILE_HEAD_BYTES + MOTH_TRACE_BLOCK_HEAD_BYTES);
    assert_true(n_cut > 100);
    assert_true(n_between >= 6); /* one for each block but the end */
}

static void flipped_at_every_bit(void **state)
{
    (void)state;
    struct moth_err err;
    for (size_t bit = 0; bit < sample_bytes.size_bytes * 8; bit++) {
        uint8_t mask = (uint8_t)(1u << (bit % 8));
        sample_bytes.bytes[bit / 8] ^= mask;
        struct moth_trace *trace = decode(sample_bytes.bytes, sample_bytes.size_bytes, &err);
        sample_bytes.bytes[bit / 8] ^= mask;
        if (trace)
            fail_msg("byte %zu, bit %zu: the flip was not noticed", bit / 8, bit % 8);
        assert_int_equal(err.code, MOTH_ERR_TRACE);
        const char *words = bit / 8 < MOTH_TRACE_MAGIC_BYTES ? "not a moth trace" : "damaged at byte";
        if (!strstr(err.message, words))
            fail_msg("byte %zu, bit %zu: \"%s\" does not say \"%s\"", bit / 8, bit % 8, err.message, words);
    }
}

static void foreign_files_are_not_traces(void **state)
{
    (void)state;
    static const char *const files[] = {
        "\177ELF and so on and on", "local moth = require", "\x89PNG\r\n\x1a\n plus some more", "x", "",
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        struct moth_buf file = {0};
        moth_buf_put(&file, files[i], strlen(files[i]));
        struct moth_err err;
        assert_null(decode(file.bytes, file.size_bytes, &err));
        assert_int_equal(err.code, MOTH_ERR_TRACE);
        assert_non_null(strstr(err.message, "not a moth trace"));
        moth_buf_fini(&file);
    }
}

/* The file's head in another version, with its checksum right. */
static void put_head_of(struct moth_buf *file, uint8_t major, uint8_t minor)
{
    moth_buf_put(file, MOTH_TRACE_MAGIC, MOTH_TRACE_MAGIC_BYTES);
    moth_buf_put_u16(file, major);
    moth_buf_put_u16(file, minor);
    moth_buf_put_u32(file, (uint32_t)XXH3_64bits(file->bytes, file->size_bytes));
}

static void put_sample_header(struct moth_buf *file, uint32_t index)
{
    struct moth_buf raw = {0};
    moth_record_put_header(&raw, &sample_trace()->header);
    moth_block_put(file, MOTH_BLOCK_HEADER, index, raw.bytes, raw.size_bytes);
    moth_buf_fini(&raw);
}

static void newer_files_are_named(void **state)
{
    (void)state;
    struct moth_buf file = {0};
    put_head_of(&file, 2, 0);
    assert_refused(&file, "made by a newer moth (format 2, this one reads up to 1)");
    moth_buf_clear(&file);
    put_head_of(&file, 0, 0);
    assert_refused(&file, "damaged");
    moth_buf_clear(&file);
    put_head_of(&file, 1, 9); /* a minor step only adds */
    put_sample_header(&file, 0);
    struct moth_err err;
    struct moth_trace *trace = decode(file.bytes, file.size_bytes, &err);
    assert_non_null(trace);
    moth_trace_free(trace);
    moth_buf_fini(&file);
}

static void unknown_blocks_are_skipped_only_if_they_may_be(void **state)
{
    (void)state;
    struct moth_buf file = {0};
    struct moth_err err;
    static const uint8_t event[] = {5, MOTH_INPUT_QUIT};
    moth_block_put_file_head(&file);
    put_sample_header(&file, 0);
    moth_block_put(&file, 0x42 | MOTH_BLOCK_IGNORABLE, 1, (const uint8_t *)"anything", 8);
    moth_block_put(&file, MOTH_BLOCK_EVENTS, 2, event, sizeof event);
    struct moth_trace *trace = decode(file.bytes, file.size_bytes, &err);
    assert_non_null(trace);
    assert_int_equal(trace->n_events, 1);
    assert_int_equal(trace->events[0].frame, 5);
    moth_trace_free(trace);
    moth_block_put(&file, 0x42, 3, (const uint8_t *)"anything", 8);
    assert_refused(&file, "made by a newer moth (block type 66");
    moth_buf_fini(&file);
}

static void blocks_in_the_wrong_place_are_damage(void **state)
{
    (void)state;
    static const uint8_t event[] = {5, MOTH_INPUT_QUIT};
    static const uint8_t end[] = {0, 0, 0, 0, 0};
    struct moth_buf file = {0};
    moth_block_put_file_head(&file);
    size_t head_bytes = file.size_bytes;
    moth_block_put(&file, MOTH_BLOCK_EVENTS, 0, event, sizeof event);
    assert_refused(&file, "header block must come first");

    file.size_bytes = head_bytes;
    moth_block_put(&file, 0x42 | MOTH_BLOCK_IGNORABLE, 0, event, sizeof event);
    assert_refused(&file, "header block must come first");

    file.size_bytes = head_bytes;
    put_sample_header(&file, 0);
    size_t header_bytes = file.size_bytes;
    put_sample_header(&file, 1);
    assert_refused(&file, "header block must come first, and once");

    file.size_bytes = header_bytes;
    moth_block_put(&file, MOTH_BLOCK_EVENTS, 2, event, sizeof event); /* number 1 is missing */
    assert_refused(&file, "damaged");

    file.size_bytes = header_bytes;
    moth_block_put(&file, MOTH_BLOCK_END, 1, end, sizeof end);
    moth_block_put(&file, MOTH_BLOCK_EVENTS, 2, event, sizeof event);
    assert_refused(&file, "after the end");

    file.size_bytes = header_bytes;
    moth_block_put(&file, MOTH_BLOCK_EVENTS, 1, event, sizeof event);
    moth_block_put(&file, MOTH_BLOCK_EVENTS, 2, (const uint8_t *)"\x04\x0c", 2); /* frame 4 after 5 */
    assert_refused(&file, "an input event");
    moth_buf_fini(&file);
}

static void assert_block_refused(uint8_t type, const char *raw, size_t raw_bytes)
{
    struct moth_buf file = {0};
    moth_block_put_file_head(&file);
    put_sample_header(&file, 0);
    moth_block_put(&file, type, 1, (const uint8_t *)raw, raw_bytes);
    assert_refused(&file, "damaged at byte");
    moth_buf_fini(&file);
}

static void nonsense_behind_a_right_checksum_is_damage(void **state)
{
    (void)state;
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x00\x01", 3);             /* no such type */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x63", 2);                 /* no such type */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x01\x00", 3);             /* key 0 */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x01\x80\x04", 4);         /* key 512 */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x01", 2);                 /* ends inside */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x03\x20", 3);             /* text of 32 */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x03\x01\x00", 4);         /* NUL in a text */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x08\x04\x00", 4);         /* pad 4 */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\xff\xff\xff\xff\x1f\x0c", 6); /* frame over 32 bits */
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x01\x0c\xff\xff\xff\xff\x0f\x0c", 8);
    assert_block_refused(MOTH_BLOCK_EVENTS, "\x00\x04\x80\x80\x80\x80\x20\x00", 8); /* x over 31 bits */
    assert_block_refused(MOTH_BLOCK_CHECKPOINTS, "\x00\x1f\x00", 3);                /* unknown bits */
    assert_block_refused(MOTH_BLOCK_CHECKPOINTS, "\x00\x00\x00\x01", 4);
    assert_block_refused(MOTH_BLOCK_MARKS, "\x00\x81\x20", 3); /* 4097 bytes */
    assert_block_refused(MOTH_BLOCK_MARKS,
                         "\x00\x02"
                         "a\0",
                         4);
    assert_block_refused(MOTH_BLOCK_END, "", 0);
    assert_block_refused(MOTH_BLOCK_END, "\x00\x00\x02", 3);
}

static void headers_that_launch_nothing_are_damage(void **state)
{
    (void)state;
    static const char *const headers[] = {"\x00", "\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"};
    for (size_t i = 0; i < COUNT(headers); i++) {
        struct moth_buf file = {0};
        moth_block_put_file_head(&file);
        moth_block_put(&file, MOTH_BLOCK_HEADER, 0, (const uint8_t *)headers[i], strlen(headers[i]) + 1);
        assert_refused(&file, "what was launched");
        moth_buf_fini(&file);
    }
}

static void put_block_by_hand(struct moth_buf *file, uint32_t index, uint32_t stored_says, uint32_t raw_says,
                              const struct moth_buf *stored)
{
    size_t start = file->size_bytes;
    moth_buf_put_u8(file, MOTH_BLOCK_EVENTS);
    moth_buf_put_u8(file, MOTH_BLOCK_ZSTD);
    moth_buf_put_u16(file, 0);
    moth_buf_put_u32(file, stored_says);
    moth_buf_put_u32(file, raw_says);
    moth_buf_put_u64(file, XXH3_64bits_withSeed(stored->bytes, stored->size_bytes, index));
    moth_buf_put_u32(file, (uint32_t)XXH3_64bits_withSeed(file->bytes + start, 20, index));
    moth_buf_put(file, stored->bytes, stored->size_bytes);
}

/* A block of zeros that claims, and really has, far more than its stored bytes warrant. */
static void bombs_do_not_go_off(void **state)
{
    (void)state;
    static uint8_t zeros[1 << 20];
    struct moth_buf stored = {0}, file = {0};
    uint8_t *to = moth_buf_reserve(&stored, 4096);
    assert_non_null(to);
    stored.size_bytes = ZSTD_compress(to, 4096, zeros, sizeof zeros, 19);
    assert_true(stored.size_bytes < 200);

    const uint32_t small = (uint32_t)stored.size_bytes;
    const uint32_t claims[][2] = {
        {small, sizeof zeros}, /* the truth: beyond the ratio */
        {small, small * 64},   /* within the ratio: it does not fit */
        {small, UINT32_MAX},   {UINT32_MAX, UINT32_MAX}, {UINT32_MAX, 64}, {small, 0},
    };
    for (size_t i = 0; i < COUNT(claims); i++) {
        moth_buf_clear(&file);
        moth_block_put_file_head(&file);
        put_sample_header(&file, 0);
        put_block_by_hand(&file, 1, claims[i][0], claims[i][1], &stored);
        test_alloc_fail_at(0);
        assert_refused(&file, "damaged at byte");
        assert_true(test_alloc_largest() < 65536);
    }
    moth_buf_fini(&stored);
    moth_buf_fini(&file);
}

static void reading_survives_every_failing_allocation(void **state)
{
    (void)state;
    struct moth_err err;
    size_t n = 0;
    for (;;) {
        memset(&err, 0, sizeof err);
        test_alloc_fail_at(++n);
        struct moth_trace *trace =
            moth_trace_decode(sample_bytes.bytes, sample_bytes.size_bytes, "it.moth", &err);
        bool failed = test_alloc_failed();
        test_alloc_fail_at(0);
        if (!failed) {
            assert_non_null(trace);
            assert_traces_equal(sample_trace(), trace);
            moth_trace_free(trace);
            break;
        }
        assert_null(trace);
        assert_int_equal(err.code, MOTH_ERR_MEMORY);
    }
    assert_true(n > 15);
}

static int write_sample(const char *path, struct moth_err *err)
{
    const struct moth_trace *sample = sample_trace();
    struct moth_trace_writer *writer = moth_trace_create(path, &sample->header, err);
    if (!writer)
        return -1;
    int result = 0;
    for (size_t i = 0; i < sample->n_events && result == 0; i++)
        result = moth_trace_event(writer, &sample->events[i], err);
    for (size_t i = 0; i < sample->n_marks && result == 0; i++)
        result = moth_trace_mark(writer, sample->marks[i].frame, sample->marks[i].text, err);
    struct moth_err finish_err;
    if (moth_trace_finish(writer, &sample->end, result == 0 ? err : &finish_err) != 0)
        result = -1;
    return result;
}

static void writing_survives_every_failing_allocation(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/a.moth", folder);
    struct moth_err err;
    size_t n = 0;
    for (;;) {
        test_alloc_fail_at(++n);
        int result = write_sample(path, &err);
        bool failed = test_alloc_failed();
        test_alloc_fail_at(0);
        struct moth_trace *left = moth_trace_read(path, NULL);
        if (left)
            assert_trace_begins(sample_trace(), left); /* what is there is whole and true */
        if (!failed)
            assert_true(left && left->has_end);
        moth_trace_free(left);
        if (!failed) {
            assert_int_equal(result, 0);
            break;
        }
        assert_int_equal(result, -1);
        assert_int_equal(err.code, MOTH_ERR_MEMORY);
    }
    assert_true(n > 8);
    for (n = 1;; n++) {
        test_alloc_fail_at(n);
        int result = moth_trace_write(path, sample_trace(), &err);
        bool failed = test_alloc_failed();
        test_alloc_fail_at(0);
        assert_int_equal(result, failed ? -1 : 0);
        if (!failed)
            break;
        assert_int_equal(err.code, MOTH_ERR_MEMORY);
    }
    free(path);
    test_scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(flipped_at_every_bit),
        cmocka_unit_test(foreign_files_are_not_traces),
        cmocka_unit_test(newer_files_are_named),
        cmocka_unit_test(unknown_blocks_are_skipped_only_if_they_may_be),
        cmocka_unit_test(blocks_in_the_wrong_place_are_damage),
        cmocka_unit_test(nonsense_behind_a_right_checksum_is_damage),
        cmocka_unit_test(headers_that_launch_nothing_are_damage),
        cmocka_unit_test(bombs_do_not_go_off),
        cmocka_unit_test(reading_survives_every_failing_allocation),
        cmocka_unit_test(writing_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, make_sample, drop_sample);
}
