/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "survey/map.h"

#define ROWS_MAX 20000u

/* ---- into JSON: in an order of what is there, not of how it came ---- */

struct order {
    const struct moth_map *map;
    uint32_t rank[MOTH_MAP_PLANES_MAX]; /* of each plane, by name */
    uint32_t by_rank[MOTH_MAP_PLANES_MAX];
};

static int by_name(const void *a, const void *b, void *context)
{
    const struct moth_map *map = context;
    return strcmp(map->planes[*(const uint32_t *)a], map->planes[*(const uint32_t *)b]);
}

static void put_in_order(struct order *order, const struct moth_map *map)
{
    order->map = map;
    for (uint32_t i = 0; i < map->n_planes; i++)
        order->by_rank[i] = i;
    qsort_r(order->by_rank, map->n_planes, sizeof *order->by_rank, by_name, (void *)(uintptr_t)map);
    for (uint32_t i = 0; i < map->n_planes; i++)
        order->rank[order->by_rank[i]] = i;
}

static int by_place(const void *a, const void *b, void *context)
{
    const struct moth_map_cell *left = *(const struct moth_map_cell *const *)a, *right = *(const struct moth_map_cell *const *)b;
    const struct order *order = context;
    if (left->plane != right->plane)
        return order->rank[left->plane] < order->rank[right->plane] ? -1 : 1;
    if (left->y != right->y)
        return left->y < right->y ? -1 : 1;
    return (left->x > right->x) - (left->x < right->x);
}

static json_t *cells_json(const struct moth_map *map, struct order *order)
{
    json_t *json = json_array();
    const struct moth_map_cell **cells = calloc(map->n_cells + 1, sizeof *cells);
    size_t n = 0;
    for (size_t i = 0; cells && i < map->room; i++)
        if (map->cells[i].visits > 0)
            cells[n++] = &map->cells[i];
    if (n > 0)
        qsort_r(cells, n, sizeof *cells, by_place, order);
    for (size_t i = 0; i < n; i++) {
        const json_int_t row[] = {order->rank[cells[i]->plane], cells[i]->x, cells[i]->y, cells[i]->visits};
        json_t *cell = json_array();
        for (size_t k = 0; k < 4; k++)
            json_array_append_new(cell, json_integer(row[k]));
        json_array_append_new(json, cell);
    }
    free(cells);
    return json;
}

static json_t *way_json(const struct moth_map_way *way, const struct order *order)
{
    char digits[17];
    json_t *json = json_object(), *points = json_array();
    for (uint32_t i = 0; i < way->n; i++) {
        const struct moth_map_point *point = &way->points[i];
        json_t *row = json_array();
        json_array_append_new(row, json_integer(point->frame));
        json_array_append_new(row, json_integer(order->rank[point->plane]));
        json_array_append_new(row, json_real(point->x));
        json_array_append_new(row, json_real(point->y));
        if (point->lift)
            json_array_append_new(row, json_true());
        json_array_append_new(points, row);
    }
    snprintf(digits, sizeof digits, "%016" PRIx64, way->order);
    json_object_set_new(json, "instance", json_integer(way->instance));
    json_object_set_new(json, "order", json_string(digits));
    json_object_set_new(json, "points", points);
    return json;
}

static void append_end(json_t *json, const struct moth_map_end *end, const struct order *order)
{
    json_t *row = json_array();
    json_array_append_new(row, json_integer(order->rank[end->plane]));
    json_array_append_new(row, json_real(end->x));
    json_array_append_new(row, json_real(end->y));
    json_array_append_new(row, json_integer(end->frame));
    json_array_append_new(row, json_integer(end->instance));
    json_array_append_new(row, end->fingerprint[0] ? json_string(end->fingerprint) : json_null());
    json_array_append_new(json, row);
}

static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    return json ? json : json_string("?"); /* no UTF-8 */
}

json_t *moth_map_json(const struct moth_map *map)
{
    struct order order;
    json_t *json = json_object(), *planes = json_array(), *ways = json_array(), *ends = json_array();
    put_in_order(&order, map);
    for (uint32_t i = 0; i < map->n_planes; i++)
        json_array_append_new(planes, text_json(map->planes[order.by_rank[i]]));
    for (size_t i = 0; i < map->n_ways; i++)
        json_array_append_new(ways, way_json(&map->ways[i], &order));
    for (size_t i = 0; i < map->n_findings; i++)
        append_end(ends, &map->findings[i], &order);
    for (size_t i = 0; i < map->n_deaths; i++)
        append_end(ends, &map->deaths[i], &order);
    json_object_set_new(json, "x", text_json(map->names.x));
    json_object_set_new(json, "y", text_json(map->names.y));
    json_object_set_new(json, "plane", map->names.plane[0] ? text_json(map->names.plane) : json_null());
    json_object_set_new(json, "log2_cell", json_integer(map->size_log2));
    json_object_set_new(json, "planes", planes);
    json_object_set_new(json, "cells", cells_json(map, &order));
    json_object_set_new(json, "paths", ways);
    json_object_set_new(json, "ends", ends);
    return json;
}

/* ---- out of JSON, which may come from anywhere ---- */

static void get_text(const json_t *json, const char *key, char *text, size_t size)
{
    const char *value = json_string_value(json_object_get(json, key));
    size_t n = value ? strnlen(value, size - 1) : 0;
    while (n > 0 && value[n] != '\0' && ((unsigned char)value[n] & 0xc0) == 0x80)
        n--;
    memcpy(text, value ? value : "", n);
    text[n] = '\0';
}

static uint32_t get_u32(const json_t *row, size_t i)
{
    json_int_t value = json_integer_value(json_array_get(row, i));
    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static uint32_t get_plane(const json_t *row, size_t i, const uint32_t *planes, size_t n)
{
    uint32_t plane = get_u32(row, i);
    return plane < n ? planes[plane] : 0;
}

static double get_real(const json_t *row, size_t i)
{
    return json_number_value(json_array_get(row, i));
}

static void get_way(struct moth_map *map, const json_t *json, const uint32_t *planes, size_t n_planes)
{
    const json_t *row;
    const char *order = json_string_value(json_object_get(json, "order"));
    size_t i;
    struct moth_map_way way = {.order = order ? strtoull(order, NULL, 16) : 0};
    way.instance = (uint32_t)json_integer_value(json_object_get(json, "instance"));
    json_array_foreach(json_object_get(json, "points"), i, row)
    {
        struct moth_map_point point = {.frame = get_u32(row, 0),
                                       .plane = get_plane(row, 1, planes, n_planes),
                                       .x = get_real(row, 2),
                                       .y = get_real(row, 3),
                                       .lift = json_is_true(json_array_get(row, 4))};
        if (i < MOTH_MAP_WAY_POINTS)
            moth_map_way_add(&way, &point);
    }
    moth_map_add_way(map, &way);
}

static void get_end(struct moth_map *map, const json_t *row, const uint32_t *planes, size_t n_planes)
{
    struct moth_map_end end = {.plane = get_plane(row, 0, planes, n_planes),
                               .x = get_real(row, 1),
                               .y = get_real(row, 2),
                               .frame = get_u32(row, 3),
                               .instance = get_u32(row, 4)};
    const char *fingerprint = json_string_value(json_array_get(row, 5));
    if (fingerprint)
        memcpy(end.fingerprint, fingerprint, strnlen(fingerprint, sizeof end.fingerprint - 1));
    moth_map_add_end(map, &end);
}

static void get_cell(struct moth_map *map, const json_t *row, const uint32_t *planes, size_t n_planes, int size_log2)
{
    struct moth_map_cell cell = {.x = json_integer_value(json_array_get(row, 1)),
                                 .y = json_integer_value(json_array_get(row, 2)),
                                 .plane = get_plane(row, 0, planes, n_planes),
                                 .visits = get_u32(row, 3)};
    moth_map_add_cell(map, &cell, size_log2);
}

bool moth_map_from_json(const json_t *json, struct moth_map *map)
{
    struct moth_map_names names = {0};
    uint32_t planes[MOTH_MAP_PLANES_MAX] = {0};
    const json_t *row;
    size_t i, n_planes = 0;
    get_text(json, "x", names.x, sizeof names.x);
    get_text(json, "y", names.y, sizeof names.y);
    get_text(json, "plane", names.plane, sizeof names.plane);
    json_int_t size_log2 = json_integer_value(json_object_get(json, "log2_cell"));
    if (!names.x[0] || !names.y[0] || size_log2 < MOTH_MAP_FINEST || size_log2 > MOTH_MAP_COARSEST ||
        json_array_size(json_object_get(json, "cells")) > ROWS_MAX)
        return false;
    moth_map_init(map, &names);
    map->size_log2 = (int)size_log2;
    json_array_foreach(json_object_get(json, "planes"), i, row)
    {
        const char *name = json_string_value(row);
        if (i < MOTH_MAP_PLANES_MAX)
            planes[n_planes++] = moth_map_plane(map, name ? name : "");
    }
    if (map->n_planes == 0)
        planes[n_planes++] = moth_map_plane(map, "");
    json_array_foreach(json_object_get(json, "cells"), i, row) get_cell(map, row, planes, n_planes, (int)size_log2);
    json_array_foreach(json_object_get(json, "paths"), i, row) get_way(map, row, planes, n_planes);
    json_array_foreach(json_object_get(json, "ends"), i, row) get_end(map, row, planes, n_planes);
    return true;
}
