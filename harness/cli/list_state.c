/* SPDX-License-Identifier: MIT
 *
 * moth list state: what can be watched in a game, by name, with the value it has at a frame.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/launch.h"
#include "fleet/reaper.h"
#include "runner/watches.h"
#include "symbols/layout.h"

#define ROWS_MAX 10000u
#define VISITED_MAX 2000000u
#define ELEMENTS_SHOWN 16u
#define EXPRESSION_MAX 400u
#define EXACT_BYTES 24u

struct lister {
    const struct moth_options *options;
    const char *glob; /* NULL: all */
    struct moth_symbols *symbols;
    struct moth_instance *instance;
    json_t *rows;
    size_t visited;
    bool cut;
};

/* '*' and '?'; a pattern without either is looked for anywhere. Brackets mean themselves. */
static bool matches(const char *pattern, const char *text)
{
    if (!strpbrk(pattern, "*?"))
        return strstr(text, pattern) != NULL;
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

static bool is_type(const struct lister *l, const struct moth_type *type, const char *name)
{
    const char *wanted = l->options->value_type;
    static const char *const tags[] = {"struct ", "class ", "union ", "enum "};
    if (!wanted || strcmp(name, wanted) == 0)
        return true;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (strncmp(name, tags[i], strlen(tags[i])) == 0 && strcmp(name + strlen(tags[i]), wanted) == 0)
            return true;
    return strpbrk(wanted, "*?") && type && moth_type_kind(type) != MOTH_TYPE_POINTER && matches(wanted, name);
}

static json_t *text_json(const char *text, size_t length)
{
    json_t *value = json_stringn(text, length);
    if (value)
        return value;
    char *plain = malloc(length + 1); /* not UTF-8: what is not ASCII as '?' */
    for (size_t i = 0; plain && i < length; i++)
        plain[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    value = plain ? json_stringn(plain, length) : NULL;
    free(plain);
    return value ? value : json_null();
}

/* Into `exact`, of EXACT_BYTES, what JSON has no number for: beyond 2^63, and what is none. */
static json_t *value_json(const struct moth_compiled *compiled, pid_t pid, char *exact)
{
    uint8_t bytes[MOTH_PEEK_VALUE_MAX];
    struct moth_watch_value value = {0};
    long n = moth_compiled_read(compiled, pid, bytes);
    exact[0] = '\0';
    if (n < 0)
        return json_null();
    moth_value_decode(compiled->type, bytes, (size_t)n, &value);
    if (!value.ok || value.type == MOTH_VALUE_TABLE)
        return json_null();
    if (value.type == MOTH_VALUE_BOOL)
        return json_boolean(value.number != 0);
    if (value.type == MOTH_VALUE_STR)
        return text_json((const char *)bytes, strnlen((const char *)bytes, (size_t)n));
    if (value.type == MOTH_VALUE_ENUM && value.text[0])
        return json_string(value.text);
    bool large = value.integer < 0 && value.number > 0; /* without a sign, and beyond what JSON's readers take */
    if (large)
        snprintf(exact, EXACT_BYTES, "%" PRIu64, (uint64_t)value.integer);
    else if (value.type == MOTH_VALUE_F64 && !isfinite(value.number))
        snprintf(exact, EXACT_BYTES, "%s", isnan(value.number) ? "nan" : value.number < 0 ? "-inf" : "inf");
    json_t *number =
        value.type == MOTH_VALUE_F64 || large ? json_real(value.number) : json_integer(value.integer);
    return number ? number : json_null(); /* not a number */
}

static void add_row(struct lister *l, const char *expression, const struct moth_type *type, const char *module)
{
    struct moth_compiled compiled;
    struct moth_err err;
    char exact[EXACT_BYTES];
    if (json_array_size(l->rows) >= ROWS_MAX) {
        l->cut = true;
        return;
    }
    if (moth_compile(l->symbols, expression, &compiled, &err) != MOTH_LOOKUP_FOUND)
        return;
    if (!moth_type_is_reference(type) && moth_type_kind(compiled.said) != moth_type_kind(type))
        return; /* of several members of one name another one is meant */
    json_t *value = value_json(&compiled, moth_instance_player(l->instance), exact);
    json_t *row = json_pack("{s:s, s:s, s:o, s:s}", "expression", expression, "type", moth_type_name(type), "value", value,
                            "module", module);
    if (row && exact[0])
        json_object_set_new(row, "exact", json_string(exact));
    json_array_append_new(l->rows, row);
}

static void open_value(struct lister *l, const char *expression, const struct moth_type *type, const char *module,
                       unsigned depth);

static void open_member(struct lister *l, const char *expression, const char *between, const struct moth_type *type,
                        const char *module, unsigned depth)
{
    size_t n;
    const struct moth_field *members = moth_type_members(type, &n);
    for (size_t i = 0; i < n && !l->cut; i++) {
        char longer[EXPRESSION_MAX];
        if (!members[i].name) {
            open_member(l, expression, between, members[i].type, module, depth);
            continue;
        }
        if (strncmp(members[i].name, "_vptr", 5) == 0)
            continue;
        if ((size_t)snprintf(longer, sizeof longer, "%s%s%s", expression, between, members[i].name) < sizeof longer)
            open_value(l, longer, members[i].type, module, depth);
    }
}

static void open_elements(struct lister *l, const char *expression, const struct moth_type *element, uint64_t count,
                          const char *module, unsigned depth)
{
    for (uint64_t i = 0; i < count && i < ELEMENTS_SHOWN && element && !l->cut; i++) {
        char longer[EXPRESSION_MAX];
        if ((size_t)snprintf(longer, sizeof longer, "%s[%llu]", expression, (unsigned long long)i) < sizeof longer)
            open_value(l, longer, element, module, depth);
    }
}

static bool is_struct(const struct moth_type *type)
{
    return type && (moth_type_kind(type) == MOTH_TYPE_STRUCT || moth_type_kind(type) == MOTH_TYPE_UNION);
}

/* What stands for the one thing that it holds. */
static const struct moth_type *held_by(const struct moth_type *type)
{
    struct moth_field inside;
    uint64_t engaged;
    for (unsigned n = 0; n < 8 && moth_type_kind(type) == MOTH_TYPE_STRUCT; n++) {
        if (!moth_layout_optional(type, &engaged, &inside) && !moth_layout_atomic(type, &inside) &&
            !moth_layout_array(type, &inside))
            break;
        type = inside.type;
    }
    return type;
}

/* What of the library has elements, or points to something. */
static bool open_library(struct lister *l, const char *expression, const struct moth_type *type, const char *module,
                         unsigned depth)
{
    struct moth_layout_span span;
    struct moth_layout_bits bits;
    struct moth_field pointer;
    if (moth_type_kind(type) != MOTH_TYPE_STRUCT)
        return false;
    if (moth_layout_bits(type, &bits))
        open_elements(l, expression, moth_symbols_type(l->symbols, "bool", NULL), 4, module, depth);
    else if (moth_layout_span(type, &span))
        open_elements(l, expression, span.element, 4, module, depth);
    else if (moth_layout_pointer(type, &pointer) && is_struct(moth_type_target(pointer.type)))
        open_member(l, expression, "->", moth_type_target(pointer.type), module, depth);
    else
        return false;
    return true;
}

/* What is one value is a row, what has parts is opened. */
static void open_value(struct lister *l, const char *expression, const struct moth_type *as_it_is, const char *module,
                       unsigned depth)
{
    const struct moth_type *type = held_by(as_it_is);
    const struct moth_type *target = moth_type_target(type);
    enum moth_type_kind kind = moth_type_kind(type);
    struct moth_layout_span span;
    uint64_t count = 0;
    if (++l->visited > VISITED_MAX)
        l->cut = true;
    bool parts = kind == MOTH_TYPE_STRUCT || kind == MOTH_TYPE_UNION || kind == MOTH_TYPE_ARRAY;
    bool text = kind == MOTH_TYPE_ARRAY && target && moth_type_kind(target) == MOTH_TYPE_CHAR;
    bool library = kind == MOTH_TYPE_STRUCT && moth_layout_span(type, &span);
    text = text || (library && moth_type_kind(span.element) == MOTH_TYPE_CHAR);
    if ((!parts || text) && (!l->glob || matches(l->glob, expression)) && is_type(l, type, moth_type_name(type)))
        add_row(l, expression, type, module);
    if (l->cut || text || depth == 0)
        return;
    if (open_library(l, expression, type, module, depth - 1))
        return;
    if (kind == MOTH_TYPE_STRUCT || kind == MOTH_TYPE_UNION)
        open_member(l, expression, ".", type, module, depth - 1);
    else if (kind == MOTH_TYPE_ARRAY && moth_type_count(type, &count))
        open_elements(l, expression, target, count, module, depth - 1);
    else if (kind == MOTH_TYPE_POINTER && is_struct(target))
        open_member(l, expression, moth_type_is_reference(type) ? "." : "->", target, module, depth - 1);
}

static bool take_variable(void *context, const struct moth_variable *variable)
{
    struct lister *l = context;
    if (variable->type)
        open_value(l, variable->name, variable->type, variable->module, (unsigned)l->options->depth);
    return !l->cut;
}

/* Without debug information only its size is known: a whole number, until somebody says otherwise. */
static bool take_symbol(void *context, const struct moth_variable *symbol)
{
    struct lister *l = context;
    char expression[EXPRESSION_MAX];
    const char *type = l->options->value_type ? l->options->value_type
                       : symbol->size == 1    ? "u8"
                       : symbol->size == 2    ? "i16"
                       : symbol->size == 8    ? "i64"
                                              : "i32";
    struct moth_err err;
    const struct moth_type *known = moth_symbols_type(l->symbols, type, &err);
    if ((size_t)snprintf(expression, sizeof expression, "%s:%s", symbol->name, type) >= sizeof expression)
        return true;
    if (known && (!l->glob || matches(l->glob, expression) || matches(l->glob, symbol->name)))
        add_row(l, expression, known, symbol->module);
    return !l->cut;
}

static void list_published(struct lister *l)
{
    uint32_t n;
    const struct moth_watch_value *all = moth_watches_values(NULL, l->instance, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct moth_watch_value value = all[i];
        value.name[sizeof value.name - 1] = value.text[sizeof value.text - 1] = '\0';
        static const char *const types[] = {"i32", "f32", "f64", "bool", "str"};
        if (value.type >= sizeof types / sizeof *types || (l->glob && !matches(l->glob, value.name)) ||
            !is_type(l, NULL, types[value.type]))
            continue;
        json_t *now = !value.ok                         ? json_null()
                      : value.type == MOTH_VALUE_STR    ? text_json(value.text, strlen(value.text))
                      : value.type == MOTH_VALUE_BOOL   ? json_boolean(value.number != 0)
                      : value.type == MOTH_VALUE_I32    ? json_integer((json_int_t)value.number)
                                                        : json_real(value.number);
        json_array_append_new(l->rows, json_pack("{s:s, s:s, s:o, s:s}", "expression", value.name, "type",
                                                 types[value.type], "value", now ? now : json_null(), "module",
                                                 "moth.h"));
    }
}

static int list(struct lister *l, struct moth_err *err)
{
    struct moth_watches *watches = moth_watches_create((const char *const *)l->options->debug_dirs.items);
    if (l->options->frames > 1) {
        enum moth_step step =
            moth_instance_step(l->instance, (uint32_t)l->options->frames - 1, NULL, 0, 0, 0, NULL, NULL, err);
        if (step != MOTH_STEP_OK && step != MOTH_STEP_FAULT)
            moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before that frame: %s", moth_step_name(step));
        if (step != MOTH_STEP_OK)
            return moth_watches_destroy(watches), -1;
    }
    l->symbols = watches ? moth_watches_symbols(watches, l->instance, err) : NULL;
    if (l->symbols) {
        list_published(l);
        if (moth_symbols_debug(l->symbols))
            moth_symbols_each_variable(l->symbols, NULL, take_variable, l);
        else
            moth_symbols_each_exported(l->symbols, take_symbol, l);
        if (!moth_symbols_debug(l->symbols))
            moth_log_warning("the game has no debug information: these are its exported symbols, and their types are "
                             "guesses by their size (-g, or --debug-dir for separate files)");
        if (l->cut)
            moth_log_warning("there is more: a narrower GLOB or a smaller --depth shows it");
    }
    int result = l->symbols ? 0 : -1;
    moth_watches_destroy(watches);
    return result;
}

int moth_cli_list_state(const struct moth_options *options, struct json_t *rows)
{
    struct moth_err err = {0};
    struct moth_reaper reaper;
    struct lister l = {.options = options, .rows = rows, .glob = options->args.n > 1 ? options->args.items[1] : NULL};
    if (moth_reaper_start(&reaper, &err) == 0) {
        l.instance = moth_cli_launch(options, &err);
        int result = l.instance ? list(&l, &err) : -1;
        if (l.instance)
            moth_instance_close(l.instance);
        moth_reaper_stop(&reaper);
        if (result == 0)
            return 0;
    }
    moth_log_error("%s", err.message);
    return moth_err_exit_code(err.code);
}
