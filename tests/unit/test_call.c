/* SPDX-License-Identifier: MIT
 *
 * Signatures of calls, good and bad, and calls as text and as input.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "wire/call.h"

static void spells(const char *text, const char *expected)
{
    struct moth_call_signature signature;
    char problem[200] = "", spelled[MOTH_CALL_TEXT_BYTES];
    if (moth_call_parse(text, &signature, problem, sizeof problem) != 0)
        fail_msg("%s: %s", text, problem);
    assert_int_equal(moth_call_spell(&signature, spelled, sizeof spelled), 0);
    assert_string_equal(spelled, expected);
    struct moth_call_signature again; /* its one spelling says the same */
    assert_int_equal(moth_call_parse(spelled, &again, problem, sizeof problem), 0);
    assert_memory_equal(&again, &signature, sizeof signature);
}

static void good_signatures(void **state)
{
    (void)state;
    spells("give_item(int,float)int", "give_item(int,float)int");
    spells("give_item(int)", "give_item(int)");
    spells("f()", "f()");
    spells(" f ( void ) ", "f()");
    spells("f(void)void", "f()");
    spells("f()->int", "f()int");
    spells("f(int id, float weight) -> double", "f(int id,float weight)double");
    spells("f(const char*)const char *", "f(char*)char*");
    spells("f(char const * restrict text)char*", "f(char* text)char*");
    spells("f(char**, unsigned char*)", "f(void*,void*)");
    spells("f(struct item*, item *, const void*)item*", "f(void*,void*,void*)void*");
    spells("f(int&)char&", "f(void*)void*");
    spells("f(unsigned, unsigned int, long unsigned int, short int)", "f(u32,u32,u64,i16)");
    spells("f(long long, unsigned long long, signed, signed char, unsigned char)", "f(i64,u64,int,i8,u8)");
    spells("f(int8_t,uint8_t,int16_t,uint16_t,int32_t,uint32_t,int64_t,uint64_t,size_t)",
           "f(i8,u8,i16,u16,int,u32,i64,u64,u64)");
    spells("f(i8,u8,i16,u16,i32,u32,i64,u64,f32,f64,bool)", "f(i8,u8,i16,u16,int,u32,i64,u64,float,double,bool)");
    spells("f(Uint8,Sint16,Uint32,SDL_bool)_Bool", "f(u8,i16,u32,int)bool");
    spells("f(enum colour)enum colour", "f(int)int");
    spells("f({float,float}){float x; float y;}", "f({float,float}){float x,float y}");
    spells("f({int a,{double b,char* c} d} e)", "f({int a,{double b,char* c} d} e)");
    spells("f({int v[3],float s})", "f({{int,int,int} v,float s})");
    spells("f({{i8 a,i8 b} p[2]})", "f({{{i8 a,i8 b},{i8 a,i8 b}} p})");
    spells("f({int}*)", "f(void*)");
    spells("game::shop::buy(int)int", "game::shop::buy(int)int");
    spells("_ZN4shop3buyEi(int)int", "_ZN4shop3buyEi(int)int");
    spells("box<int>::put(void*,int)", "box<int>::put(void*,int)");
}

static void bad_signatures(void **state)
{
    static const char *const bad[][2] = {
        {"", "there is no '('"},
        {"f", "there is no '('"},
        {"(int)", "name is missing"},
        {"int f(int)", "stands first"},
        {"f(", "type is missing"},
        {"f(int", "')' behind the parameters is missing"},
        {"f(int,", "type is missing"},
        {"f(int,)", "')' is no type"},
        {"f(,int)", "',' is no type"},
        {"f(int float)int)", "stands where"},
        {"f(int) int x", "'x' behind"},
        {"f(int))", "')' is no type"},
        {"f(item)", "the type 'item' is not known"},
        {"f(std::string)", "the type 'std::string' is not known"},
        {"f(struct item)", "the type 'item' is not known"},
        {"f(void)item", "the type 'item' is not known"},
        {"f(void,int)", "of type void"},
        {"f(int void)", "stands where"},
        {"f(...)", "..."},
        {"f(int,...)", "..."},
        {"f(long double)", "long double"},
        {"f(double double)", "long double"},
        {"f(short long)", "no number type"},
        {"f(unsigned signed)", "no number type"},
        {"f(long long long)", "no number type"},
        {"f(char int)", "no number type"},
        {"f({})", "'}' is no type"},
        {"f({int)", "divided by commas and end with '}'"},
        {"f({int,float)", "divided by commas and end with '}'"},
        {"f({void a})", "of type void"},
        {"f({int v[0]})", "from 1 to 64"},
        {"f({int v[65]})", "from 1 to 64"},
        {"f({int v[99999999999999999999]})", "from 1 to 64"},
        {"f({int v[]})", "from 1 to 64"},
        {"f({int v[-1]})", "from 1 to 64"},
        {"f(int v[3])", "passed as a pointer"},
        {"f({{{{{int}}}}})", "deep"},
        {"f({int v[64]},{int w[64]})", "values in one call"},
        {"f({{{int a[64]} b[64]} c[64]})", "values in one call"},
        {"f(int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,int,"
         "int,int,int,int,int,int)",
         "more than 32 parameters"},
        {"1f(int)", "no function's name"},
        {"f\x01(int)", "a byte in it"},
        {"f\xc3\xb6(int)", "a byte in it"},
        {"f(*)", "'*' is no type"},
        {"f(const)", "')' is no type"},
        {"f(int)->", NULL}, /* nothing comes back */
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct moth_call_signature signature;
        char problem[200] = "";
        int result = moth_call_parse(bad[i][0], &signature, problem, sizeof problem);
        if ((result == 0) != (bad[i][1] == NULL))
            fail_msg("'%s' gives %d", bad[i][0], result);
        if (bad[i][1] && !strstr(problem, bad[i][1]))
            fail_msg("'%s' says '%s', not '%s'", bad[i][0], problem, bad[i][1]);
    }
}

static void long_names(void **state)
{
    char text[400], problem[200];
    struct moth_call_signature signature;
    (void)state;
    memset(text, 'a', sizeof text);
    strcpy(text + 300, "(int)");
    assert_int_equal(moth_call_parse(text, &signature, problem, sizeof problem), -1);
    assert_non_null(strstr(problem, "longer than 255"));
    assert_int_equal(moth_call_parse(text + 300 - 255, &signature, problem, sizeof problem), 0);
}

static struct moth_call *decoded(const char *text, char *strings)
{
    static struct moth_call call;
    char problem[200] = "";
    if (moth_call_decode(text, &call, strings, MOTH_CALL_TEXT_BYTES, problem, sizeof problem) != 0)
        return NULL;
    return &call;
}

static void calls_as_text(void **state)
{
    static const char *const good[] = {
        "f() <- ",
        "f(int,float)int <- -3 #3fe0000000000000",
        "f(i8,u8) <- -128 255",
        "f(i64,u64) <- -9223372036854775808 18446744073709551615",
        "f(bool)bool <- 1",
        "f(char*,char*)char* <- \"a%20b%22%25%ff\" nil",
        "f(char*) <- \"\"",
        "f(void*,void*)void* <- 0x0000000000000000 @63 -> @5",
        "f({float x,{int,int} n}){int} <- #0000000000000000 1 2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char strings[MOTH_CALL_TEXT_BYTES], text[MOTH_CALL_TEXT_BYTES];
        struct moth_call *call = decoded(good[i], strings);
        if (!call)
            fail_msg("'%s' is refused", good[i]);
        assert_int_equal(moth_call_encode(call, text, sizeof text), 0);
        assert_string_equal(text, good[i]);
        assert_int_equal(moth_call_encode(call, text, strlen(good[i])), -1);
    }
}

static void bad_calls(void **state)
{
    static const char *const bad[] = {
        "",
        "f()",
        "f(int) <-",
        "f(int) <- ",
        "f(int) <- 1 2",
        "f(int,int) <- 1",
        "f(int,int) <- 1  2",
        "f(int) <- 2147483648",
        "f(int) <- -2147483649",
        "f(i8) <- 128",
        "f(u8) <- -1",
        "f(u8) <- 256",
        "f(bool) <- 2",
        "f(u64) <- 18446744073709551616",
        "f(int) <- x",
        "f(int) <- 1x",
        "f(float) <- 0.5",
        "f(float) <- #",
        "f(float) <- #3fe00000000000000",
        "f(float) <- #3FE0000000000000",
        "f(char*) <- \"a",
        "f(char*) <- \"a b\"",
        "f(char*) <- \"%0\"",
        "f(char*) <- \"%00\"",
        "f(char*) <- \"%zz\"",
        "f(char*) <- nul",
        "f(void*) <- @64",
        "f(void*) <- @",
        "f(void*) <- 1",
        "f(void*) <- 0x",
        "f(void*)void* <- @1 -> @64",
        "f(void*)void* <- @1 -> @",
        "f(void*)void* <- @1 -> @1 ",
        "f(item) <- 1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char strings[MOTH_CALL_TEXT_BYTES];
        if (decoded(bad[i], strings))
            fail_msg("'%s' is taken", bad[i]);
    }
}

static void strings_have_room(void **state)
{
    struct moth_call call;
    char strings[4], problem[100];
    (void)state;
    assert_int_equal(moth_call_decode("f(char*) <- \"abc\"", &call, strings, sizeof strings, problem, sizeof problem), 0);
    assert_string_equal(call.values[1].text, "abc");
    assert_int_equal(moth_call_decode("f(char*) <- \"abcd\"", &call, strings, sizeof strings, problem, sizeof problem), -1);
    assert_int_equal(moth_call_decode("f(char*,char*) <- \"abc\" \"\"", &call, strings, sizeof strings, problem, sizeof problem),
                     -1);
}

static void results(void **state)
{
    static struct moth_call call;
    char strings[100], text[100], problem[100];
    (void)state;
    assert_int_equal(moth_call_decode("f(){int a,char* b} <- ", &call, strings, sizeof strings, problem, sizeof problem), 0);
    call.values[1].i = -7;
    call.values[2].text = "x y";
    assert_int_equal(moth_call_encode_result(&call, text, sizeof text), 0);
    assert_string_equal(text, "-7 \"x%20y\"");
    assert_int_equal(moth_call_decode_result(text, &call, strings, sizeof strings), 0);
    assert_string_equal(call.values[2].text, "x y");
    assert_int_equal(moth_call_decode_result("-7", &call, strings, sizeof strings), -1);
    assert_int_equal(moth_call_decode_result("-7 nil nil", &call, strings, sizeof strings), -1);
}

static void calls_as_input(void **state)
{
    struct moth_input_event events[MOTH_CALL_EVENTS_MAX];
    char text[MOTH_CALL_TEXT_BYTES], again[MOTH_CALL_TEXT_BYTES];
    (void)state;
    for (size_t length = 1; length < sizeof text; length = length * 3 + 1) {
        memset(text, 'x', length);
        text[length] = '\0';
        size_t n = moth_call_split(text, 7, events), next = 0;
        assert_int_equal(n, (length + 30) / 31);
        for (size_t i = 0; i < n; i++) {
            assert_true(moth_input_valid(&events[i]));
            assert_int_equal(events[i].frame, 7);
        }
        assert_null(moth_call_join(events, n, &next, again, sizeof again));
        assert_int_equal(next, n);
        assert_string_equal(again, text);
        next = 0;
        assert_non_null(moth_call_join(events, n - 1, &next, again, sizeof again));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_signatures), cmocka_unit_test(bad_signatures),    cmocka_unit_test(long_names),
        cmocka_unit_test(calls_as_text),   cmocka_unit_test(bad_calls),         cmocka_unit_test(strings_have_room),
        cmocka_unit_test(results),         cmocka_unit_test(calls_as_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
