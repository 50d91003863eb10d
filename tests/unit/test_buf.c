/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "alloc.h"
#include "base/buf.h"

static void numbers_are_little_endian(void **state)
{
    (void)state;
    struct moth_buf buf;
    moth_buf_init(&buf);
    moth_buf_put_u8(&buf, 0x01);
    moth_buf_put_u16(&buf, 0x0302);
    moth_buf_put_u32(&buf, 0x07060504);
    moth_buf_put_u64(&buf, UINT64_C(0x0f0e0d0c0b0a0908));
    assert_false(buf.failed);
    assert_int_equal(buf.size_bytes, 15);
    for (uint8_t i = 0; i < 15; i++)
        assert_int_equal(buf.bytes[i], i + 1);

    struct moth_cursor in = moth_cursor_on(buf.bytes, buf.size_bytes);
    assert_int_equal(moth_cursor_u8(&in), 0x01);
    assert_int_equal(moth_cursor_u16(&in), 0x0302);
    assert_int_equal(moth_cursor_u32(&in), 0x07060504);
    assert_true(moth_cursor_u64(&in) == UINT64_C(0x0f0e0d0c0b0a0908));
    assert_false(in.failed);
    assert_int_equal(moth_cursor_u8(&in), 0);
    assert_true(in.failed);
    moth_buf_fini(&buf);
}

static void varints_round_trip(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
    static const size_t sizes[] = {1, 1, 1, 2, 2, 3, 5, 10, 10};
    for (size_t i = 0; i < COUNT(values); i++) {
        struct moth_buf buf;
        moth_buf_init(&buf);
        moth_buf_put_varint(&buf, values[i]);
        assert_int_equal(buf.size_bytes, sizes[i]);
        struct moth_cursor in = moth_cursor_on(buf.bytes, buf.size_bytes);
        assert_true(moth_cursor_varint(&in) == values[i] && !in.failed);
        struct moth_cursor cut = moth_cursor_on(buf.bytes, buf.size_bytes - 1);
        assert_true(moth_cursor_varint(&cut) == 0 && cut.failed);
        moth_buf_fini(&buf);
    }
}

static void signed_varints_round_trip(void **state)
{
    (void)state;
    static const int64_t values[] = {0, -1, 1, -64, 64, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
    static const size_t sizes[] = {1, 1, 1, 1, 2, 5, 5, 10, 10};
    for (size_t i = 0; i < COUNT(values); i++) {
        struct moth_buf buf;
        moth_buf_init(&buf);
        moth_buf_put_svarint(&buf, values[i]);
        assert_int_equal(buf.size_bytes, sizes[i]);
        struct moth_cursor in = moth_cursor_on(buf.bytes, buf.size_bytes);
        assert_true(moth_cursor_svarint(&in) == values[i] && !in.failed);
        moth_buf_fini(&buf);
    }
}

static void assert_varint_refused(const char *bytes, size_t size_bytes)
{
    struct moth_cursor in = moth_cursor_on((const uint8_t *)bytes, size_bytes);
    assert_true(moth_cursor_varint(&in) == 0);
    assert_true(in.failed);
}

static void varints_have_one_form(void **state)
{
    (void)state;
    assert_varint_refused("\x80\x00", 2); /* zero, padded */
    assert_varint_refused("\xff\x80\x00", 3);
    assert_varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10); /* over 64 bits */
    assert_varint_refused("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11);
}

static void limits_hold(void **state)
{
    (void)state;
    struct moth_cursor in = moth_cursor_on((const uint8_t *)"\x05", 1);
    assert_int_equal(moth_cursor_varint_to(&in, 5), 5);
    in = moth_cursor_on((const uint8_t *)"\x05", 1);
    assert_int_equal(moth_cursor_varint_to(&in, 4), 0);
    assert_true(in.failed);
    assert_null(moth_cursor_take(&in, 0)); /* a failed cursor gives nothing more */
}

static void strings_round_trip_and_are_bounded(void **state)
{
    (void)state;
    struct moth_buf buf;
    moth_buf_init(&buf);
    moth_buf_put_string(&buf, "naïve");
    moth_buf_put_string(&buf, "");
    moth_buf_put_string(&buf, NULL);
    struct moth_cursor in = moth_cursor_on(buf.bytes, buf.size_bytes);
    char *text = moth_cursor_string(&in, 100, NULL);
    assert_string_equal(text, "naïve");
    free(text);
    for (int i = 0; i < 2; i++) {
        text = moth_cursor_string(&in, 0, NULL);
        assert_string_equal(text, "");
        free(text);
    }
    assert_false(in.failed);
    assert_int_equal(moth_cursor_left(&in), 0);

    in = moth_cursor_on(buf.bytes, buf.size_bytes);
    assert_null(moth_cursor_string(&in, 5, NULL)); /* six bytes */
    in = moth_cursor_on((const uint8_t *)"\x03"
                                         "a\0b",
                        4);
    assert_null(moth_cursor_string(&in, 100, NULL));
    in = moth_cursor_on((const uint8_t *)"\x7f"
                                         "abc",
                        4);
    assert_null(moth_cursor_string(&in, 1000, NULL));
    moth_buf_fini(&buf);
}

static void running_out_of_memory_sticks(void **state)
{
    (void)state;
    struct moth_buf buf;
    moth_buf_init(&buf);
    test_alloc_fail_at(1);
    moth_buf_put_u8(&buf, 1);
    assert_true(buf.failed);
    test_alloc_fail_at(0);
    moth_buf_put_u8(&buf, 1);
    assert_true(buf.failed);
    assert_int_equal(buf.size_bytes, 0);
    moth_buf_clear(&buf);
    moth_buf_put_u8(&buf, 1);
    assert_false(buf.failed);

    assert_null(moth_buf_reserve(&buf, SIZE_MAX - 10));
    assert_true(buf.failed);
    moth_buf_fini(&buf);

    bool out_of_memory = false;
    struct moth_cursor in = moth_cursor_on((const uint8_t *)"\x01x", 2);
    test_alloc_fail_at(1);
    assert_null(moth_cursor_string(&in, 9, &out_of_memory));
    test_alloc_fail_at(0);
    assert_true(out_of_memory && in.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(varints_round_trip),
        cmocka_unit_test(signed_varints_round_trip),
        cmocka_unit_test(varints_have_one_form),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(strings_round_trip_and_are_bounded),
        cmocka_unit_test(running_out_of_memory_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
