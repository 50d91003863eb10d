/* SPDX-License-Identifier: MIT */
#include "scan/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTERS_MAX ((size_t)16 << 20)
#define STEPS_MAX 4096u /* places looked at on the way back from one address */
#define STEPS_EACH 64u  /* … of those that lead to one place, the nearest */

struct pointer {
    uint64_t value, at;
};

struct moth_chains {
    const struct moth_regions *regions;
    struct pointer *pointers; /* by value */
    size_t n, room;
};

/* One place on the way back: what lies at `address` leads, `offset` further on, to the one `next`. */
struct step {
    uint64_t address, offset;
    uint32_t next, depth;
};

static int by_value(const void *a, const void *b)
{
    const struct pointer *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static bool add(struct moth_chains *chains, uint64_t value, uint64_t at)
{
    if (chains->n == chains->room) {
        size_t room = chains->room * 2 + 65536;
        struct pointer *grown = room <= POINTERS_MAX * 2 ? realloc(chains->pointers, room * sizeof *grown) : NULL;
        if (!grown)
            return false;
        chains->pointers = grown;
        chains->room = room;
    }
    chains->pointers[chains->n++] = (struct pointer){value, at};
    return true;
}

/* Regions lie in order of their addresses. */
static bool leads_somewhere(const struct moth_regions *regions, uint64_t value)
{
    size_t low = 0, high = regions->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (regions->items[middle].high <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < regions->n && value >= regions->items[low].low;
}

static bool gather(struct moth_chains *chains, const struct moth_region *region, pid_t pid)
{
    size_t size = (size_t)(region->high - region->low);
    uint8_t *bytes = malloc(size);
    bool fits = bytes != NULL;
    if (fits && moth_region_copy(pid, region->low, bytes, size)) {
        for (size_t at = 0; at + 8 <= size && fits; at += 8) {
            uint64_t value;
            memcpy(&value, bytes + at, sizeof value);
            if (value >= 65536 && leads_somewhere(chains->regions, value))
                fits = add(chains, value, region->low + at);
        }
    }
    free(bytes);
    return fits;
}

struct moth_chains *moth_chains_create(const struct moth_regions *regions, pid_t pid)
{
    struct moth_chains *chains = calloc(1, sizeof *chains);
    if (!chains)
        return NULL;
    chains->regions = regions;
    for (size_t i = 0; i < regions->n; i++)
        if (!gather(chains, &regions->items[i], pid))
            break; /* those that were read are better than none */
    if (chains->n > 0)
        qsort(chains->pointers, chains->n, sizeof *chains->pointers, by_value);
    return chains;
}

void moth_chains_destroy(struct moth_chains *chains)
{
    if (!chains)
        return;
    free(chains->pointers);
    free(chains);
}

/* How many pointers lead to `address` or before it. */
static size_t up_to(const struct moth_chains *chains, uint64_t address)
{
    size_t low = 0, high = chains->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chains->pointers[middle].value <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A module's name as an expression has it. */
static void write_base(char *to, size_t size, const struct moth_region *region, uint64_t address)
{
    bool plain = region->module[0] != '\0';
    for (const char *c = region->module; *c; c++)
        plain = plain && ((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                          *c == '_' || *c == '.' || *c == '-' || *c == '+');
    snprintf(to, size, plain ? "%s+0x%llx" : "\"%s\"+0x%llx", region->module,
             (unsigned long long)(address - region->base));
}

/* From a static place on: each step is "[…]+offset". */
static void write_way(const struct step *steps, uint32_t first, const struct moth_region *region, const char *type,
                      struct moth_scan_hit *hit)
{
    char text[MOTH_SCAN_EXPRESSION_BYTES], longer[MOTH_SCAN_EXPRESSION_BYTES];
    write_base(text, sizeof text, region, steps[first].address);
    for (uint32_t at = first; steps[at].depth > 0; at = steps[at].next) {
        int n = steps[at].offset ? snprintf(longer, sizeof longer, "[%s]+0x%llx", text, (unsigned long long)steps[at].offset)
                                 : snprintf(longer, sizeof longer, "[%s]", text);
        if (n < 0 || (size_t)n >= sizeof longer)
            return;
        memcpy(text, longer, sizeof text);
    }
    struct moth_scan_way *way = &hit->ways[hit->n_ways];
    if (strlen(text) + strlen(type) + 2 > sizeof way->expression)
        return;
    snprintf(way->expression, sizeof way->expression, "%s", text);
    strcat(way->expression, ":");
    strcat(way->expression, type);
    way->pointers = steps[first].depth;
    way->system = region->is_system;
    hit->n_ways++;
}

static bool was_there(const struct step *steps, uint32_t n, uint64_t address)
{
    for (uint32_t i = 0; i < n; i++)
        if (steps[i].address == address)
            return true;
    return false;
}

static void find(const struct moth_chains *chains, struct step *steps, bool system, const char *type,
                 struct moth_scan_hit *hit)
{
    uint32_t n = 1;
    steps[0] = (struct step){.address = hit->address};
    for (uint32_t at = 0; at < n && hit->n_ways < MOTH_SCAN_WAYS_MAX; at++) {
        const struct moth_region *region = moth_regions_at(chains->regions, steps[at].address);
        if (region && region->is_static && (system || !region->is_system)) {
            write_way(steps, at, region, type, hit);
            if (at == 0)
                return; /* it lies there itself */
            continue;
        }
        if (steps[at].depth == MOTH_CHAIN_POINTERS_MAX)
            continue;
        uint64_t address = steps[at].address;
        unsigned taken = 0;
        for (size_t i = up_to(chains, address); i-- > 0 && taken < STEPS_EACH && n < STEPS_MAX;) {
            const struct pointer *pointer = &chains->pointers[i];
            if (address - pointer->value > MOTH_CHAIN_OFFSET_MAX)
                break;
            if (was_there(steps, n, pointer->at))
                continue;
            steps[n++] = (struct step){pointer->at, address - pointer->value, at, steps[at].depth + 1};
            taken++;
        }
    }
}

/* From the game's own data if there is a way, else from that of a library (an interpreter's, say). */
void moth_chains_find(const struct moth_chains *chains, const char *type, struct moth_scan_hit *hit)
{
    struct step *steps = calloc(STEPS_MAX, sizeof *steps);
    hit->n_ways = 0;
    if (steps)
        find(chains, steps, false, type, hit);
    if (steps && hit->n_ways == 0)
        find(chains, steps, true, type, hit);
    free(steps);
}
