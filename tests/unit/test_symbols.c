/* SPDX-License-Identifier: MIT
 *
 * Watch expressions: how they are written, what they are compiled to, and what they come to on this very program. A
 * failure means that a watch shows another value than the game has, or takes moth down.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner/watches.h"
#include "scan/scan.h"
#include "symbols/compile.h"
#include "symbols/expression.h"
#include "symbols/value.h"

/* ---- what is watched ---- */

struct seen_inner {
    double ratio;
    char word[8];
};

struct seen {
    int number;
    unsigned low : 3;
    signed high : 6;
    struct seen_inner inner[2];
    struct seen *self;
    enum { SEEN_NONE, SEEN_ALL = 40 } how;
};

extern struct seen test_seen;
struct seen test_seen = {.number = -7, .low = 5, .high = -9, .inner = {{0.5, "one"}, {2.5, "two"}}, .how = SEEN_ALL};
extern const char *volatile test_text;
const char *volatile test_text = "some text";
extern unsigned long long test_big;
unsigned long long test_big = 0x8000000000000001ULL;
extern int *test_wild;
int *test_wild = (int *)8;
__attribute__((used)) static volatile int test_static = 3;

static bool is_module(void *context, const char *name, size_t length)
{
    static const char *const modules[] = {"game", "my-game", "libstdc++.so.6", "score"};
    (void)context;
    for (size_t i = 0; i < COUNT(modules); i++)
        if (strlen(modules[i]) == length && strncmp(modules[i], name, length) == 0)
            return true;
    return false;
}

static const struct moth_expression_names names = {.is_module = is_module};

/* The tree as text, every operand in parentheses. */
static void spell(const struct moth_expression *e, uint8_t at, char *to, size_t size)
{
    static const char *const words[] = {"name", "module", "number", "member", "index",
                                        "deref", "address", "cast", "offset", "pointer"};
    const struct moth_expression_node *node = &e->nodes[at];
    char a[512] = "", b[512] = "";
    bool leaf = node->kind <= MOTH_NODE_NUMBER;
    if (!leaf)
        spell(e, node->a, a, sizeof a);
    if (node->kind == MOTH_NODE_INDEX)
        spell(e, node->b, b, sizeof b);
    snprintf(to, size, "%s(%.200s%.200s%s%.60s%s%.60s", words[node->kind], a, b, node->text ? " " : "",
             node->text ? node->text : "", node->module ? "@" : "", node->module ? node->module : "");
    size_t used = strlen(to);
    if (node->kind == MOTH_NODE_NUMBER || node->kind == MOTH_NODE_OFFSET)
        snprintf(to + used, size - used, " %lld)", (long long)node->number);
    else
        snprintf(to + used, size - used, ")");
}

static void expressions_are_read(void **state)
{
    static const struct {
        const char *text, *tree, *type;
    } rows[] = {
        {"hp", "name( hp)", NULL},
        {" player . health ", "member(name( player) health)", NULL},
        {"world->objects[3].pos.x", "member(member(index(member(name( world) objects)number( 3)) pos) x)", NULL},
        {"*p->q", "deref(member(name( p) q))", NULL},
        {"(*p).q", "member(deref(name( p)) q)", NULL},
        {"&a[i]", "address(index(name( a)name( i)))", NULL},
        {"ns::Class::member", "name( ns::Class::member)", NULL},
        {"ns::Box<std::pair<int, 4> >::x.y", "member(name( ns::Box<std::pair<int, 4> >::x) y)", NULL},
        {"(anonymous namespace)::x", "name( (anonymous namespace)::x)", NULL},
        {"a::(anonymous namespace)::x", "name( a::(anonymous namespace)::x)", NULL},
        {"src/file-1.c::count", "name( src/file-1.c::count)", NULL},
        {"score:int", "name( score)", "int"},
        {"hp@score:int", "name( hp@score)", "int"},
        {"hp@game.x", "member(name( hp@game) x)", NULL},
        {"hp@libfoo-2.so.1.x", "member(name( hp@libfoo-2.so.1) x)", NULL},
        {"hp@\"a b\".x", "member(name( hp@a b) x)", NULL},
        {"s::f::n: unsigned  int ", "name( s::f::n)", "unsigned  int"},
        {"game+0x10:i32", "offset(module(@game) 16)", "i32"},
        {"my-game+16:i32", "offset(module(@my-game) 16)", "i32"},
        {"libstdc++.so.6+0x8:u8", "offset(module(@libstdc++.so.6) 8)", "u8"},
        {"[[game+0x10]+8]:i32", "pointer(offset(pointer(offset(module(@game) 16)) 8))", "i32"},
        {"\"any game\"+1:i8", "offset(module(@any game) 1)", "i8"},
        {"player+8:f32", "offset(name( player) 8)", "f32"},
        {"p-8:f32", "offset(name( p) -8)", "f32"},
        {"0x7fff0000:i32", "number( 2147418112)", "i32"},
        {"(struct player *)p", "cast(name( p) struct player *)", NULL},
        {"((int)x)", "cast(name( x) int)", NULL},
        {"(p)", "name( p)", NULL},
        {"a[b[1]]", "index(name( a)index(name( b)number( 1)))", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct moth_expression expression;
        struct moth_err err;
        char tree[1024];
        if (moth_expression_parse(&expression, rows[i].text, &names, &err) != 0)
            fail_msg("%s: %s", rows[i].text, err.message);
        spell(&expression, expression.root, tree, sizeof tree);
        if (strcmp(tree, rows[i].tree) != 0)
            fail_msg("%s is %s, not %s", rows[i].text, tree, rows[i].tree);
        if ((expression.type == NULL) != (rows[i].type == NULL) ||
            (expression.type && strcmp(expression.type, rows[i].type) != 0))
            fail_msg("%s: type %s", rows[i].text, expression.type ? expression.type : "(none)");
    }
}

static void wrong_ones_are_told(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "a name is missing"},          {"a.", "a member's name is missing"}, {"a[", "a name is missing"},
        {"a[1", "']' is missing"},          {"[a", "']' is missing"},             {"(a", "')' is missing"},
        {"a b", "not understood at 'b'"},   {"a:", "a type is missing"},          {"a@", "needs a module's name"},
        {"a+b:i32", "need a number"},       {"1x", "this is no number"},          {"a\nb", "control character"},
        {"a@\"b", "without its second"},    {"*", "a name is missing"},           {"a..b", "a member's name is missing at '.b'"},
        {"99999999999999999999:i8", "this is no number"}, {"((((((((((((((((((((((((((((((((((a", "too deep"},
        {"a[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]", "too long"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct moth_expression expression;
        struct moth_err err = {0};
        if (moth_expression_parse(&expression, rows[i].text, &names, &err) == 0)
            fail_msg("%s is taken", rows[i].text);
        if (!strstr(err.message, rows[i].words))
            fail_msg("%s: %s", rows[i].text, err.message);
    }
}

static void pairs_are_split(void **state)
{
    char name[MOTH_EXPRESSION_LABEL_MAX + 1];
    struct moth_err err;
    (void)state;
    assert_string_equal(moth_expression_split("hp=a.b", name, &err), "a.b");
    assert_string_equal(name, "hp");
    assert_string_equal(moth_expression_split("hp@score:int", name, &err), "hp@score:int");
    assert_string_equal(name, "hp");
    assert_null(moth_expression_split("hp", name, &err));
    assert_null(moth_expression_split("=x", name, &err));
    assert_null(moth_expression_split("h p=x", name, &err));
    assert_null(moth_expression_split("hp=  ", name, &err));
    assert_null(moth_expression_split("a234567890123456789012345678901234567890123456789012345=x", name, &err));
}

/* ---- peeks ---- */

static uint8_t memory[64];

static bool read_memory(void *context, void *to, uint64_t address, size_t size)
{
    (void)context;
    if (address > sizeof memory || size > sizeof memory - address)
        return false;
    memcpy(to, memory + address, size);
    return true;
}

static void peeks_are_bounded(void **state)
{
    uint64_t result[2];
    (void)state;
    memory[8] = 0xfe;
    struct moth_peek_op load[] = {{.code = MOTH_PEEK_PUSH, .number = 8}, {.code = MOTH_PEEK_LOAD, .size = 1, .is_signed = 1}};
    assert_true(moth_peek_run(load, 2, read_memory, NULL, result));
    assert_int_equal((int64_t)result[0], -2);
    load[0].number = 64;
    assert_false(moth_peek_run(load, 2, read_memory, NULL, result));
    load[0].number = 8;
    load[1].size = 9;
    assert_false(moth_peek_run(load, 2, read_memory, NULL, result));
    struct moth_peek_op bare = {.code = MOTH_PEEK_ADD};
    assert_false(moth_peek_run(&bare, 1, read_memory, NULL, result));
    bare.code = 200;
    assert_false(moth_peek_run(&bare, 1, read_memory, NULL, result));
    assert_false(moth_peek_run(NULL, 0, read_memory, NULL, result));
    struct moth_peek_op many[MOTH_PEEK_STACK + 4];
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct moth_peek_op){.code = MOTH_PEEK_PUSH, .number = i};
    assert_false(moth_peek_run(many, COUNT(many), read_memory, NULL, result));
    /* a text at the end of what is there is cut there */
    memset(memory + 60, 'x', 4);
    struct moth_peek_op push = {.code = MOTH_PEEK_PUSH, .number = 60};
    struct moth_peek peek = {.n_ops = 1, .size = 32, .fetch = MOTH_FETCH_TEXT};
    uint8_t text[32];
    moth_peek_fetch(&peek, &push, read_memory, NULL, text);
    assert_false(peek.ok); /* 32 bytes in one piece are not there, and no page ends */
    memory[62] = 0;
    push.number = 32;
    peek.size = 31;
    moth_peek_fetch(&peek, &push, read_memory, NULL, text);
    assert_true(peek.ok);
}

/* ---- on this program ---- */

static struct moth_symbols *symbols;

static int open_symbols(void **state)
{
    struct moth_err err;
    (void)state;
    test_seen.self = &test_seen;
    symbols = moth_symbols_open(getpid(), NULL, &err);
    return symbols ? 0 : -1;
}

static int close_symbols(void **state)
{
    (void)state;
    moth_symbols_close(symbols);
    return 0;
}

static void is(const char *text, const char *wanted)
{
    static uint8_t bytes[MOTH_PEEK_VALUE_MAX];
    struct moth_compiled compiled;
    struct moth_err err = {0};
    struct moth_watch_value value = {0};
    char shown[160] = "nil";
    if (moth_compile(symbols, text, &compiled, &err) != MOTH_LOOKUP_FOUND)
        fail_msg("%s: %s", text, err.message);
    long n = moth_compiled_read(&compiled, getpid(), bytes);
    if (n >= 0)
        moth_value_decode(compiled.type, bytes, (size_t)n, &value);
    if (n >= 0 && (value.type == MOTH_VALUE_STR || (value.type == MOTH_VALUE_ENUM && value.text[0])))
        snprintf(shown, sizeof shown, "\"%s\"", value.text);
    else if (n >= 0 && value.type == MOTH_VALUE_F64)
        snprintf(shown, sizeof shown, "%g", value.number);
    else if (n >= 0)
        snprintf(shown, sizeof shown, "%lld", (long long)value.integer);
    if (strcmp(shown, wanted) != 0)
        fail_msg("%s is %s, not %s", text, shown, wanted);
}

static void values_are_those_of_the_program(void **state)
{
    (void)state;
    is("test_seen.number", "-7");
    is("test_seen.low", "5");
    is("test_seen.high", "-9");
    is("test_seen.inner[1].ratio", "2.5");
    is("test_seen.inner[0].word", "\"one\"");
    is("test_seen.self->self.number", "-7");
    is("test_seen.how", "\"SEEN_ALL\"");
    is("test_seen.how:int", "40");
    is("*test_seen.self->inner[1].word:u8", "116");
    is("test_text", "\"some text\"");
    is("test_big", "-9223372036854775807");
    is("test_big:i8", "1");
    is("test_static", "3");
    is("test_symbols.c::test_static", "3");
    is("test_seen.inner[test_static].ratio", "nil"); /* beyond the end */
    is("*test_wild", "nil");
    is("(short)test_seen.number", "-7");
}

static void types_have_names(void **state)
{
    static const struct {
        const char *name;
        size_t size;
    } rows[] = {{"int", 4},     {"unsigned", 4},           {"long unsigned int", 8}, {"short int", 2},   {"u8[3]", 3},
                {"i32*", 8},    {"struct seen", 64},       {"struct seen *", 8},     {"const int", 4},   {"char*", 8},
                {"int[2][3]", 24}, {"long long", 8}};
    struct moth_err err;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct moth_type *type = moth_symbols_type(symbols, rows[i].name, &err);
        if (!type)
            fail_msg("%s: %s", rows[i].name, err.message);
        if (strcmp(rows[i].name, "struct seen") != 0)
            assert_int_equal(moth_type_size(type), rows[i].size);
        else
            assert_int_equal(moth_type_size(type), sizeof(struct seen));
    }
    assert_null(moth_symbols_type(symbols, "itn", &err));
    assert_non_null(strstr(err.message, "did you mean 'int'?"));
    assert_null(moth_symbols_type(symbols, "int[", &err));
    assert_null(moth_symbols_type(symbols, "struct", &err));
    assert_null(moth_symbols_type(symbols, "", &err));
}

static void functions_have_parameters(void **state)
{
    struct moth_function function;
    struct moth_err err;
    (void)state;
    assert_int_equal(moth_symbols_functions(symbols, "moth_expression_split", NULL, &function, 1, &err), 1);
    assert_true(function.typed && !function.variadic);
    assert_int_equal(function.n_params, 3);
    assert_int_equal(function.address, (uint64_t)(uintptr_t)moth_expression_split);
    assert_string_equal(moth_type_name(function.params[1]), "char *");
    assert_int_equal(moth_symbols_functions(symbols, "moth_expression_splat", NULL, &function, 1, &err), 0);
    assert_non_null(strstr(err.message, "did you mean 'moth_expression_split'?"));
}

/* ---- scans ---- */

static void steps_of_a_scan_are_read(void **state)
{
    struct moth_scan_step step;
    struct moth_err err;
    (void)state;
    assert_int_equal(moth_scan_parse("equal 100", &step, &err), 0);
    assert_int_equal(step.integers[0], 100);
    assert_int_equal(moth_scan_parse(" between -1.5 0x10 ", &step, &err), 0);
    assert_true(step.numbers[0] < -1.4 && step.integers[1] == 16);
    assert_int_equal(moth_scan_parse("decreased 5", &step, &err), 0);
    assert_int_equal(moth_scan_parse("decreased", &step, &err), 0);
    static const char *const wrong[] = {"", "equal", "equal x", "equal 1 2", "between 1", "changed 1", "eqal 1", "equal 1x", "equal nan"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (moth_scan_parse(wrong[i], &step, &err) == 0)
            fail_msg("'%s' is taken", wrong[i]);
    assert_null(moth_scan_create("str", &err));
    assert_null(moth_scan_create("long double", &err));
    assert_null(moth_scan_create("player", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_are_read),
        cmocka_unit_test(wrong_ones_are_told),
        cmocka_unit_test(pairs_are_split),
        cmocka_unit_test(peeks_are_bounded),
        cmocka_unit_test(values_are_those_of_the_program),
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(functions_have_parameters),
        cmocka_unit_test(steps_of_a_scan_are_read),
    };
    return cmocka_run_group_tests(tests, open_symbols, close_symbols);
}
