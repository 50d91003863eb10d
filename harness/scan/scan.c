/* SPDX-License-Identifier: MIT */
#include "scan/scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "scan/chain.h"
#include "scan/regions.h"
#include "symbols/symbols.h"

#define NEAR_FLOAT 1e-4 /* of the number that is wanted: a game's 0.1f is not the 0.1 that was written */

/* What is left of one region: its bytes at the last step, and a bit for each place that is left. */
struct part {
    uint64_t low;
    size_t size;
    uint8_t *bytes;
    uint64_t *left;
    uint64_t n_left;
};

struct moth_scan {
    char type[32];
    enum moth_type_kind kind;
    size_t size;
    bool begun;
    struct part *parts;
    size_t n_parts;
    uint64_t count;
};

/* ---- numbers ---- */

struct number {
    int64_t integer;
    double number;
};

static struct number read_number(const struct moth_scan *scan, const uint8_t *bytes)
{
    struct number n = {0};
    if (scan->kind == MOTH_TYPE_FLOAT) {
        float f;
        memcpy(&f, bytes, sizeof f);
        n.number = (double)f;
        if (scan->size == 8)
            memcpy(&n.number, bytes, sizeof n.number);
        return n;
    }
    uint64_t bits = 0;
    memcpy(&bits, bytes, scan->size);
    unsigned spare = 64u - 8u * (unsigned)scan->size;
    n.integer = scan->kind == MOTH_TYPE_SIGNED ? (int64_t)(bits << spare) >> spare : (int64_t)bits;
    return n;
}

static int compare(const struct moth_scan *scan, struct number a, struct number b)
{
    if (scan->kind == MOTH_TYPE_FLOAT)
        return (a.number > b.number) - (a.number < b.number);
    if (scan->kind == MOTH_TYPE_UNSIGNED)
        return ((uint64_t)a.integer > (uint64_t)b.integer) - ((uint64_t)a.integer < (uint64_t)b.integer);
    return (a.integer > b.integer) - (a.integer < b.integer);
}

static bool is_near(double is, double wanted)
{
    return fabs(is - wanted) <= NEAR_FLOAT * (fabs(wanted) > 1 ? fabs(wanted) : 1);
}

static bool by_so_much(const struct moth_scan *scan, struct number from, struct number to,
                       const struct moth_scan_step *step)
{
    if (step->n_numbers == 0)
        return true;
    if (scan->kind == MOTH_TYPE_FLOAT)
        return is_near(to.number - from.number, step->numbers[0]);
    return (int64_t)((uint64_t)to.integer - (uint64_t)from.integer) == step->integers[0];
}

static bool holds(const struct moth_scan *scan, const struct moth_scan_step *step, struct number was, struct number is)
{
    struct number low = {step->integers[0], step->numbers[0]}, high = {step->integers[1], step->numbers[1]};
    bool floating = scan->kind == MOTH_TYPE_FLOAT;
    if (floating && !isfinite(is.number))
        return false;
    switch (step->relation) {
    case MOTH_SCAN_ANY:
        return true;
    case MOTH_SCAN_EQUAL:
        return floating ? is_near(is.number, low.number) : is.integer == low.integer;
    case MOTH_SCAN_BETWEEN:
        return compare(scan, is, low) >= 0 && compare(scan, is, high) <= 0;
    case MOTH_SCAN_CHANGED:
        return compare(scan, is, was) != 0;
    case MOTH_SCAN_UNCHANGED:
        return compare(scan, is, was) == 0;
    case MOTH_SCAN_INCREASED:
        return compare(scan, is, was) > 0 && by_so_much(scan, was, is, step);
    default:
        return compare(scan, is, was) < 0 && by_so_much(scan, is, was, step);
    }
}

bool moth_scan_holds(const struct moth_scan *scan, const struct moth_scan_step *step, const uint8_t *was,
                     const uint8_t *is)
{
    return holds(scan, step, read_number(scan, was), read_number(scan, is));
}

size_t moth_scan_size(const struct moth_scan *scan)
{
    return scan->size;
}

/* ---- steps as text ---- */

static const struct {
    const char *text;
    size_t numbers;
    bool first;
} relations[] = {
#define X(name, word, count, begins) {word, count, begins},
    MOTH_SCAN_RELATIONS(X)
#undef X
};

static bool take_number(const char **at, struct moth_scan_step *step)
{
    char *end_integer, *end;
    *at += strspn(*at, " \t");
    if (**at == '\0' || step->n_numbers == 2)
        return false;
    step->integers[step->n_numbers] = strtoll(*at, &end_integer, 0);
    step->numbers[step->n_numbers] = strtod(*at, &end);
    if (end == *at || (*end && *end != ' ' && *end != '\t') || !isfinite(step->numbers[step->n_numbers]))
        return false;
    if (end_integer != end)
        step->integers[step->n_numbers] = (int64_t)step->numbers[step->n_numbers];
    step->n_numbers++;
    *at = end;
    return true;
}

int moth_scan_parse(const char *text, struct moth_scan_step *step, struct moth_err *err)
{
    const char *words[MOTH_SCAN_RELATIONS_END];
    char word[16] = "";
    const char *at = text + strspn(text, " \t");
    size_t n = strcspn(at, " \t");
    *step = (struct moth_scan_step){.relation = MOTH_SCAN_RELATIONS_END};
    snprintf(word, sizeof word, "%.*s", (int)n, at);
    for (int i = 0; i < MOTH_SCAN_RELATIONS_END; i++) {
        words[i] = relations[i].text;
        if (n < sizeof word && strcmp(word, relations[i].text) == 0)
            step->relation = (enum moth_scan_relation)i;
    }
    if (step->relation == MOTH_SCAN_RELATIONS_END) {
        const char *near = moth_str_nearest(word, words, MOTH_SCAN_RELATIONS_END);
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "'%.*s' is no step of a scan (any, equal N, between N M, changed, unchanged, increased, "
                            "decreased)%s%s%s",
                            (int)(n < 32 ? n : 32), at, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    at += n;
    while (take_number(&at, step))
        continue;
    at += strspn(at, " \t");
    bool by = step->relation == MOTH_SCAN_INCREASED || step->relation == MOTH_SCAN_DECREASED;
    size_t wanted = relations[step->relation].numbers;
    if (*at || (step->n_numbers != wanted && !(by && step->n_numbers == 1)))
        return moth_err_set(err, MOTH_ERR_USAGE, "'%s': %s takes %zu number%s", text, word, by ? 1 : wanted,
                            wanted == 1 || by ? by ? " at most" : "" : "s");
    return 0;
}

/* ---- the search ---- */

struct moth_scan *moth_scan_create(const char *name, struct moth_err *err)
{
    const struct moth_type *type = moth_symbols_type(NULL, name, err);
    if (!type)
        return NULL;
    enum moth_type_kind kind = moth_type_kind(type);
    size_t size = (size_t)moth_type_size(type);
    if (kind == MOTH_TYPE_CHAR)
        kind = MOTH_TYPE_SIGNED;
    if (kind == MOTH_TYPE_BOOL || kind == MOTH_TYPE_POINTER)
        kind = MOTH_TYPE_UNSIGNED;
    if ((kind != MOTH_TYPE_SIGNED && kind != MOTH_TYPE_UNSIGNED && kind != MOTH_TYPE_FLOAT) || size == 0 || size > 8) {
        moth_err_set(err, MOTH_ERR_USAGE, "a scan is for numbers of at most 8 bytes (i32, u8, f32, f64), not %s", name);
        return NULL;
    }
    struct moth_scan *scan = calloc(1, sizeof *scan);
    if (!scan) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a scan");
        return NULL;
    }
    snprintf(scan->type, sizeof scan->type, "%s", name);
    scan->kind = kind;
    scan->size = size;
    return scan;
}

static void drop_part(struct part *part)
{
    free(part->bytes);
    free(part->left);
    *part = (struct part){0};
}

void moth_scan_destroy(struct moth_scan *scan)
{
    if (!scan)
        return;
    for (size_t i = 0; i < scan->n_parts; i++)
        drop_part(&scan->parts[i]);
    free(scan->parts);
    free(scan);
}

static size_t places(const struct moth_scan *scan, const struct part *part)
{
    return part->size / scan->size;
}

static void hold_part(const struct moth_scan *scan, struct part *part, const struct moth_scan_step *step,
                      const uint8_t *now)
{
    size_t n = places(scan, part);
    part->n_left = 0;
    for (size_t word = 0; word <= (n ? (n - 1) / 64 : 0); word++) {
        for (uint64_t left = part->left[word]; left; left &= left - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(left);
            size_t at = (word * 64 + bit) * scan->size;
            if (holds(scan, step, read_number(scan, part->bytes + at), read_number(scan, now + at)))
                part->n_left++;
            else
                part->left[word] &= ~(UINT64_C(1) << bit);
        }
    }
}

static int begin_part(struct moth_scan *scan, struct part *part, const struct moth_region *region)
{
    *part = (struct part){.low = region->low, .size = (size_t)(region->high - region->low)};
    size_t n = places(scan, part), words = (n + 63) / 64;
    part->bytes = malloc(part->size);
    part->left = malloc((words + 1) * sizeof *part->left);
    if (!part->bytes || !part->left)
        return -1;
    memset(part->left, 0xff, words * sizeof *part->left);
    if (n % 64)
        part->left[words - 1] = (UINT64_C(1) << n % 64) - 1;
    return 0;
}

static int begin(struct moth_scan *scan, pid_t pid, const struct moth_scan_step *step, struct moth_err *err)
{
    struct moth_regions regions;
    uint64_t total = 0;
    if (moth_regions_read(&regions, pid) != 0)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the game's memory cannot be read");
    scan->parts = calloc(regions.n, sizeof *scan->parts);
    int result = scan->parts ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a scan");
    for (size_t i = 0; i < regions.n && result == 0; i++) {
        struct part *part = &scan->parts[scan->n_parts];
        total += regions.items[i].high - regions.items[i].low;
        if (total > MOTH_SCAN_MEMORY_MAX)
            result = moth_err_set(err, MOTH_ERR_MEMORY, "the game has more than %llu MB of writable memory",
                                  MOTH_SCAN_MEMORY_MAX >> 20);
        else if (begin_part(scan, part, &regions.items[i]) != 0)
            result = moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a scan");
        if (result == 0 && moth_region_copy(pid, part->low, part->bytes, part->size)) {
            hold_part(scan, part, step, part->bytes);
            scan->count += part->n_left;
        }
        if (part->n_left > 0)
            scan->n_parts++;
        else
            drop_part(part);
    }
    moth_regions_fini(&regions);
    return result;
}

static int go_on(struct moth_scan *scan, pid_t pid, const struct moth_scan_step *step, struct moth_err *err)
{
    size_t kept = 0;
    scan->count = 0;
    for (size_t i = 0; i < scan->n_parts; i++) {
        struct part *part = &scan->parts[i];
        uint8_t *now = malloc(part->size);
        if (!now)
            return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a scan");
        if (moth_region_copy(pid, part->low, now, part->size))
            hold_part(scan, part, step, now);
        else
            part->n_left = 0; /* it is no longer there */
        free(part->bytes);
        part->bytes = now;
        scan->count += part->n_left;
        if (part->n_left > 0)
            scan->parts[kept++] = *part;
        else
            drop_part(part);
    }
    scan->n_parts = kept;
    return 0;
}

int moth_scan_step(struct moth_scan *scan, pid_t pid, const struct moth_scan_step *step, struct moth_err *err)
{
    if (!scan->begun && !relations[step->relation].first)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "a scan begins with equal, between or any: '%s' needs something to be held against",
                            relations[step->relation].text);
    if (scan->begun)
        return go_on(scan, pid, step, err);
    scan->begun = true;
    return begin(scan, pid, step, err);
}

uint64_t moth_scan_count(const struct moth_scan *scan)
{
    return scan->count;
}

/* ---- what is left ---- */

static void fill_hit(const struct moth_scan *scan, const struct part *part, size_t at, struct moth_scan_hit *hit)
{
    struct number value = read_number(scan, part->bytes + at);
    *hit = (struct moth_scan_hit){.address = part->low + at,
                                  .integer = value.integer,
                                  .number = value.number,
                                  .floating = scan->kind == MOTH_TYPE_FLOAT};
}

static int by_pointers(const void *a, const void *b)
{
    const struct moth_scan_hit *x = a, *y = b;
    if ((x->n_ways == 0) != (y->n_ways == 0))
        return x->n_ways == 0 ? 1 : -1;
    if (x->n_ways > 0 && x->ways[0].system != y->ways[0].system)
        return x->ways[0].system ? 1 : -1;
    if (x->n_ways > 0 && x->ways[0].pointers != y->ways[0].pointers)
        return x->ways[0].pointers < y->ways[0].pointers ? -1 : 1;
    return (x->address > y->address) - (x->address < y->address);
}

size_t moth_scan_find(const struct moth_scan *scan, pid_t pid, struct moth_scan_hit *hits, size_t room)
{
    struct moth_regions regions;
    size_t n = 0;
    for (size_t i = 0; i < scan->n_parts; i++) {
        const struct part *part = &scan->parts[i];
        for (size_t place = 0; place < places(scan, part) && n < room; place++)
            if (part->left[place / 64] >> place % 64 & 1)
                fill_hit(scan, part, place * scan->size, &hits[n++]);
    }
    if (n == 0 || moth_regions_read(&regions, pid) != 0)
        return n;
    struct moth_chains *chains = moth_chains_create(&regions, pid);
    for (size_t i = 0; i < n && chains; i++)
        moth_chains_find(chains, scan->type, &hits[i]);
    moth_chains_destroy(chains);
    moth_regions_fini(&regions);
    qsort(hits, n, sizeof *hits, by_pointers);
    return n;
}
