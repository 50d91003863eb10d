/* SPDX-License-Identifier: MIT */
#include "runner/entries.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/function.h"
#include "runner/state.h"
#include "symbols/symbols.h"

#define WORDS_MAX 6

struct moth_entry_wish {
    char name[sizeof((struct moth_entry_point *)0)->name];
    char *asked;                          /* as it was asked for */
    struct moth_call_signature signature; /* n_nodes 0: not known */
    char symbol[MOTH_ENTRY_SYMBOL_BYTES]; /* what modules call it, whatever process it is; "": not known yet */
};

static struct moth_channel *channel_of(const struct moth_instance *in)
{
    return (struct moth_channel *)(uintptr_t)moth_instance_channel(in);
}

static void drop(struct moth_entry_wish *wish)
{
    free(wish->asked);
    free(wish);
}

void moth_entries_fini(struct moth_entries *entries)
{
    for (unsigned i = 0; i < entries->n; i++)
        drop(entries->items[i]);
    *entries = (struct moth_entries){0};
}

static struct moth_entry_wish *find(const struct moth_entries *entries, const char *name)
{
    for (unsigned i = 0; i < entries->n; i++)
        if (strcmp(entries->items[i]->name, name) == 0)
            return entries->items[i];
    return NULL;
}

/* ---- asking the probe ---- */

/* Where it lies by the game's symbols, which may know it by another name than modules do. 0: not known; err says
 * why. */
static uint64_t address_of(const struct moth_entry_wish *wish, struct moth_symbols *symbols, struct moth_err *err)
{
    struct moth_function found;
    uint64_t address = 0;
    if (wish->signature.n_nodes > 0)
        return moth_function_find(symbols, &wish->signature, &address, err) == 0 ? address : 0;
    size_t n = moth_symbols_functions(symbols, wish->name, NULL, &found, 1, err);
    if (n > 1)
        moth_err_set(err, MOTH_ERR_USAGE, "there are %zu functions '%s': give the signature of the one that is meant", n,
                     wish->name);
    return n == 1 ? found.address : 0;
}

static int send(const struct moth_entries *entries, struct moth_instance *in, struct moth_err *err)
{
    struct moth_entry_table *table = &channel_of(in)->entries;
    for (unsigned i = 0; i < entries->n; i++) {
        const struct moth_entry_wish *wish = entries->items[i];
        bool known = wish->symbol[0] != '\0';
        struct moth_err why;
        struct moth_symbols *symbols = known ? NULL : moth_instance_symbols(in, &why);
        table->items[i] = (struct moth_entry_point){.address = symbols ? address_of(wish, symbols, &why) : 0};
        memcpy(table->items[i].name, wish->name, sizeof wish->name);
        snprintf(table->items[i].symbol, sizeof table->items[i].symbol, "%s", known ? wish->symbol : wish->name);
    }
    table->n = entries->n;
    table->generation = entries->generation;
    table->wanted = 1;
    return moth_instance_arm(in, err);
}

void moth_entries_attach(const struct moth_entries *entries, struct moth_instance *in)
{
    struct moth_err err;
    if (entries->n > 0 && !in->over && channel_of(in)->entries.generation != entries->generation)
        send(entries, in, &err);
}

/* ---- choosing ---- */

static struct moth_entry_wish *make(const char *asked, struct moth_symbols *symbols, struct moth_err *err)
{
    char problem[160], text[MOTH_CALL_TEXT_BYTES];
    size_t length = strcspn(asked, "(");
    bool given = asked[length] == '(';
    while (length > 0 && asked[length - 1] == ' ')
        length--;
    struct moth_entry_wish *wish = calloc(1, sizeof *wish);
    if (!wish || !(wish->asked = strdup(asked)))
        abort();
    if (length == 0 || length >= sizeof wish->name) {
        moth_err_set(err, MOTH_ERR_USAGE, "a function's name has 1 to %zu bytes", sizeof wish->name - 1);
    } else if (given && moth_call_parse(asked, &wish->signature, problem, sizeof problem) != 0) {
        moth_err_set(err, MOTH_ERR_USAGE, "%s", problem);
    } else {
        struct moth_err why;
        memcpy(wish->name, asked, length);
        if (!given && (moth_function_signature(symbols, wish->name, text, sizeof text, &why) != 0 ||
                       moth_call_parse(text, &wish->signature, problem, sizeof problem) != 0))
            wish->signature.n_nodes = 0;
        return wish;
    }
    drop(wish);
    return NULL;
}

/* Why there is nothing to be heard of the last one. */
static int refuse(const struct moth_entries *entries, struct moth_instance *in, struct moth_symbols *symbols,
                  struct moth_err *err)
{
    const struct moth_entry_point *answer = &channel_of(in)->entries.items[entries->n - 1];
    const struct moth_entry_wish *wish = entries->items[entries->n - 1];
    if (answer->address == 0 && !answer->met) {
        address_of(wish, symbols, err);
        return -1;
    }
    const char *why = answer->untold > 0 ? "the program also takes its address where it calls it"
                      : answer->met      ? "it is exported, but what is loaded calls it directly or not at all"
                                         : "it is not exported, so all calls of it are direct";
    return moth_err_set(err, MOTH_ERR_USAGE,
                        "%s is not called through the dynamic linker (%s): have it in a shared library (-shared -fPIC "
                        "-fsemantic-interposition), or use moth_event in it",
                        wish->name, why);
}

static int ask(struct moth_entries *entries, struct moth_instance *in, struct moth_symbols *symbols,
               struct moth_err *err)
{
    struct moth_err why = {0};
    struct moth_entry_wish *wish = entries->items[entries->n - 1];
    if (wish->signature.n_nodes > 0 && strchr(wish->asked, '(') && address_of(wish, symbols, &why) == 0) {
        *err = why;
        return -1;
    }
    if (send(entries, in, err) != 0)
        return -1;
    const struct moth_entry_point *answer = &channel_of(in)->entries.items[entries->n - 1];
    if (answer->places == 0)
        return refuse(entries, in, symbols, err);
    snprintf(wish->symbol, sizeof wish->symbol, "%.*s", (int)sizeof answer->symbol - 1, answer->symbol);
    return 0;
}

/* Whether the arguments are told in the same way; who gives a name alone takes what there is. */
static bool same(const struct moth_entry_wish *before, const struct moth_entry_wish *wish)
{
    const struct moth_call_signature *a = &before->signature, *b = &wish->signature;
    if (strcmp(before->asked, wish->asked) == 0 || !strchr(wish->asked, '('))
        return true;
    if (a->n_nodes == 0 || a->n_params != b->n_params || a->n_nodes - a->nodes[0].end != b->n_nodes - b->nodes[0].end)
        return false;
    for (unsigned i = a->nodes[0].end, j = b->nodes[0].end; i < a->n_nodes; i++, j++)
        if (a->nodes[i].type != b->nodes[j].type)
            return false;
    return true;
}

int moth_entries_add(struct moth_entries *entries, struct moth_instance *in, const char *signature, struct moth_err *err)
{
    if (in->over)
        return moth_err_set(err, MOTH_ERR_USAGE, "the game is gone");
    struct moth_symbols *symbols = moth_instance_symbols(in, err);
    struct moth_entry_wish *wish = symbols ? make(signature, symbols, err) : NULL;
    if (!wish)
        return -1;
    const struct moth_entry_wish *before = find(entries, wish->name);
    if (before || entries->n == MOTH_ENTRIES_MAX) {
        bool known = before && same(before, wish);
        drop(wish);
        return known    ? 0
               : before ? moth_err_set(err, MOTH_ERR_USAGE, "'%s' is listened to with another signature", before->name)
                        : moth_err_set(err, MOTH_ERR_USAGE, "more than %u functions to listen to", MOTH_ENTRIES_MAX);
    }
    entries->items[entries->n++] = wish;
    entries->generation++;
    if (ask(entries, in, symbols, err) == 0)
        return 0;
    drop(entries->items[--entries->n]);
    entries->generation++; /* what is in the channel is not what there is now */
    return -1;
}

/* ---- arguments ---- */

/* A register of which only the low part counts. */
static uint64_t narrow(uint8_t type, uint64_t word)
{
    switch (type) {
    case MOTH_CALL_BOOL:
        return (word & 0xff) != 0;
    case MOTH_CALL_I8:
        return (uint64_t)(int64_t)(int8_t)word;
    case MOTH_CALL_U8:
        return (uint8_t)word;
    case MOTH_CALL_I16:
        return (uint64_t)(int64_t)(int16_t)word;
    case MOTH_CALL_U16:
        return (uint16_t)word;
    case MOTH_CALL_I32:
        return (uint64_t)(int64_t)(int32_t)word;
    case MOTH_CALL_U32:
        return (uint32_t)word;
    default:
        return word;
    }
}

static unsigned read_words(const char *text, uint64_t *words)
{
    unsigned n = 0;
    for (char *end; n < WORDS_MAX && *text; text = *end == ' ' ? end + 1 : end, n++) {
        words[n] = strtoull(text, &end, 16);
        if (end == text)
            break;
    }
    return n;
}

/* Floating-point numbers are not in these registers. Structs take what they need of them: from the first one on, in
 * parameters or as a result, it is not known what a register holds. */
void moth_entries_translate(const struct moth_entries *entries, struct moth_announcement *said)
{
    const struct moth_entry_wish *wish = said->kind == MOTH_ANNOUNCE_ENTERED ? find(entries, said->name) : NULL;
    if (!wish || wish->signature.n_nodes == 0)
        return;
    const struct moth_call_node *nodes = wish->signature.nodes;
    uint64_t words[WORDS_MAX];
    unsigned n_words = read_words(said->text, words), used = 0;
    size_t length = 0;
    said->text[0] = '\0';
    if (nodes[0].type == MOTH_CALL_STRUCT)
        return;
    for (unsigned i = nodes[0].end; i < wish->signature.n_nodes && used < n_words; i = nodes[i].end) {
        uint8_t type = nodes[i].type;
        if (type == MOTH_CALL_STRUCT)
            return;
        if (type == MOTH_CALL_F32 || type == MOTH_CALL_F64)
            continue;
        length += (size_t)snprintf(said->text + length, sizeof said->text - length, "%s%" PRIx64, used > 0 ? " " : "",
                                   narrow(type, words[used]));
        used++;
    }
}
