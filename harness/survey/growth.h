/* SPDX-License-Identifier: MIT
 *
 * How many different places a run had seen after how much play: at most MOTH_GROWTH_POINTS, evenly spread however
 * long it lasts. Zeroed, it is empty.
 */
#ifndef MOTH_SURVEY_GROWTH_H
#define MOTH_SURVEY_GROWTH_H

#include <jansson.h>
#include <stdint.h>

#define MOTH_GROWTH_POINTS 128u

struct moth_growth_point {
    uint64_t frames, places;
    double wall_s;
};

struct moth_growth {
    struct moth_growth_point points[MOTH_GROWTH_POINTS];
    uint32_t n;
    double every_s; /* between two points */
};

/* The run stands so. Points come in order; one that comes too soon takes the place of the last. */
void moth_growth_add(struct moth_growth *growth, const struct moth_growth_point *point);
/* Runs of their own do not add up: that which played most is kept. */
void moth_growth_merge(struct moth_growth *growth, const struct moth_growth *other);
json_t *moth_growth_json(const struct moth_growth *growth);
void moth_growth_from_json(const json_t *json, struct moth_growth *growth);

#endif
