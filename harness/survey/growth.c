/* SPDX-License-Identifier: MIT */
#include "survey/growth.h"

#include <math.h>
#include <string.h>

#define EVERY_S 0.25 /* to begin with */

void moth_growth_add(struct moth_growth *growth, const struct moth_growth_point *point)
{
    growth->every_s = growth->every_s > 0 ? growth->every_s : EVERY_S;
    struct moth_growth_point *last = growth->n > 0 ? &growth->points[growth->n - 1] : NULL;
    if (!last)
        growth->points[growth->n++] = (struct moth_growth_point){0}; /* where each run begins */
    if (last && (point->frames < last->frames || point->places < last->places))
        return; /* an instance that was begun again: it comes back to there */
    if (growth->n > 1 && point->wall_s - growth->points[growth->n - 2].wall_s < growth->every_s) {
        *last = *point;
        return;
    }
    if (growth->n == MOTH_GROWTH_POINTS) {
        for (uint32_t i = 0; i < MOTH_GROWTH_POINTS / 2; i++)
            growth->points[i] = growth->points[2 * i + 1];
        growth->n = MOTH_GROWTH_POINTS / 2;
        growth->every_s *= 2;
    }
    growth->points[growth->n++] = *point;
}

static int compare(const struct moth_growth *a, const struct moth_growth *b)
{
    const struct moth_growth_point *left = &a->points[a->n - 1], *right = &b->points[b->n - 1];
    if (left->frames != right->frames)
        return left->frames < right->frames ? -1 : 1;
    if (left->places != right->places)
        return left->places < right->places ? -1 : 1;
    return memcmp(a->points, b->points, sizeof a->points);
}

void moth_growth_merge(struct moth_growth *growth, const struct moth_growth *other)
{
    if (other->n > 0 && (growth->n == 0 || compare(growth, other) < 0))
        *growth = *other;
}

json_t *moth_growth_json(const struct moth_growth *growth)
{
    json_t *json = json_array();
    for (uint32_t i = 0; i < growth->n; i++) {
        json_t *point = json_array();
        json_array_append_new(point, json_integer((json_int_t)growth->points[i].frames));
        json_array_append_new(point, json_real(round(growth->points[i].wall_s * 1000) / 1000));
        json_array_append_new(point, json_integer((json_int_t)growth->points[i].places));
        json_array_append_new(json, point);
    }
    return json;
}

static uint64_t count_of(const json_t *json)
{
    json_int_t value = json_integer_value(json);
    return value < 0 ? 0 : (uint64_t)value;
}

void moth_growth_from_json(const json_t *json, struct moth_growth *growth)
{
    size_t n = json_array_size(json);
    *growth = (struct moth_growth){0};
    for (size_t i = 0; i < n && i < MOTH_GROWTH_POINTS; i++) {
        const json_t *row = json_array_get(json, i);
        double wall_s = json_number_value(json_array_get(row, 1));
        growth->points[growth->n++] = (struct moth_growth_point){.frames = count_of(json_array_get(row, 0)),
                                                                 .places = count_of(json_array_get(row, 2)),
                                                                 .wall_s = wall_s >= 0 && wall_s < 1e12 ? wall_s : 0};
    }
    if (growth->n > 1) {
        double span_s = growth->points[growth->n - 1].wall_s - growth->points[0].wall_s;
        growth->every_s = span_s > 0 ? span_s / (growth->n - 1) : 0;
    }
}
