/* SPDX-License-Identifier: MIT */
#include "survey/survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "moth/moth.h"

#define VITALS 6u
#define UNSEEN_FRAMES 40u /* between two looks: how it went from one to the other is not known */

struct moth_survey *moth_survey_create(void)
{
    return calloc(1, sizeof(struct moth_survey));
}

void moth_survey_free(struct moth_survey *survey)
{
    for (size_t i = 0; survey && i < survey->n_maps; i++)
        moth_map_fini(&survey->maps[i]);
    free(survey);
}

bool moth_survey_is_empty(const struct moth_survey *survey)
{
    return survey->pace.width == 0 && survey->growth.n == 0 && survey->n_maps == 0;
}

static bool same_names(const struct moth_map_names *a, const struct moth_map_names *b)
{
    return strcmp(a->x, b->x) == 0 && strcmp(a->y, b->y) == 0 && strcmp(a->plane, b->plane) == 0;
}

static struct moth_map *map_of(struct moth_survey *survey, const struct moth_map_names *names)
{
    for (size_t i = 0; i < survey->n_maps; i++)
        if (same_names(&survey->maps[i].names, names))
            return &survey->maps[i];
    if (survey->n_maps == MOTH_SURVEY_MAPS_MAX)
        return NULL;
    moth_map_init(&survey->maps[survey->n_maps], names);
    return &survey->maps[survey->n_maps++];
}

void moth_survey_merge(struct moth_survey *survey, const struct moth_survey *other)
{
    moth_pace_merge(&survey->pace, &other->pace);
    moth_growth_merge(&survey->growth, &other->growth);
    for (size_t i = 0; i < other->n_maps; i++) {
        struct moth_map *map = map_of(survey, &other->maps[i].names);
        if (map)
            moth_map_merge(map, &other->maps[i]);
    }
}

/* ---- as JSON ---- */

json_t *moth_survey_json(const struct moth_survey *survey)
{
    json_t *json = json_object(), *maps = json_array();
    for (size_t i = 0; i < survey->n_maps; i++)
        if (survey->maps[i].n_cells > 0)
            json_array_append_new(maps, moth_map_json(&survey->maps[i]));
    json_object_set_new(json, "schema", json_string(MOTH_SURVEY_SCHEMA));
    json_object_set_new(json, "growth", moth_growth_json(&survey->growth));
    json_object_set_new(json, "frame_times", moth_pace_json(&survey->pace));
    json_object_set_new(json, "maps", maps);
    return json;
}

struct moth_survey *moth_survey_from_json(const json_t *json)
{
    struct moth_survey *survey = moth_survey_create();
    const json_t *row;
    size_t i;
    if (!survey)
        return NULL;
    moth_growth_from_json(json_object_get(json, "growth"), &survey->growth);
    moth_pace_from_json(json_object_get(json, "frame_times"), &survey->pace);
    json_array_foreach(json_object_get(json, "maps"), i, row)
    {
        struct moth_map map;
        if (survey->n_maps == MOTH_SURVEY_MAPS_MAX || !moth_map_from_json(row, &map))
            continue;
        struct moth_map *own = map_of(survey, &map.names);
        if (own)
            moth_map_merge(own, &map);
        moth_map_fini(&map);
    }
    return survey;
}

int moth_survey_names(const char *text, struct moth_map_names *names, struct moth_err *err)
{
    char *const parts[] = {names->x, names->y, names->plane};
    size_t n = 0;
    *names = (struct moth_map_names){0};
    for (const char *at = text; n < 3; at++) {
        size_t length = strcspn(at, ",");
        if (length == 0 || length >= MOTH_MAP_NAME_BYTES)
            break;
        memcpy(parts[n++], at, length);
        at += length;
        if (*at == '\0')
            return n >= 2 ? 0 : moth_err_set(err, MOTH_ERR_USAGE, "must be X,Y or X,Y,PLANE: names of watches, as x,y,room");
    }
    return moth_err_set(err, MOTH_ERR_USAGE, "must be X,Y or X,Y,PLANE: names of watches, as x,y,room");
}

/* ---- one play ---- */

void moth_scout_begin(struct moth_scout *scout, struct moth_survey *survey, const struct moth_map_names *names,
                      size_t n_names, uint32_t instance, uint64_t seed)
{
    *scout = (struct moth_scout){.survey = survey, .names = names, .n_names = n_names, .instance = instance, .seed = seed};
    for (size_t i = 0; i < VITALS; i++)
        scout->vital[i] = NAN;
}

/* The game may write on it meanwhile: names are compared within their bytes. */
static bool is_named(const struct moth_watch_value *watch, const char *name)
{
    return strncmp(watch->name, name, sizeof watch->name) == 0;
}

/* *place: where it was last, and where it is. */
static const struct moth_watch_value *find(const struct moth_watch_value *watches, uint32_t n, const char *name,
                                           uint32_t *place)
{
    if (!*name)
        return NULL;
    if (*place < n && is_named(&watches[*place], name))
        return watches[*place].ok ? &watches[*place] : NULL;
    for (uint32_t i = 0; i < n; i++)
        if (is_named(&watches[i], name)) {
            *place = i;
            return watches[i].ok ? &watches[i] : NULL;
        }
    return NULL;
}

static bool is_there(const struct moth_watch_value *watches, uint32_t n, const char *name)
{
    uint32_t place = 0;
    return find(watches, n, name, &place) != NULL;
}

static void choose_usual(struct moth_scout *scout, const struct moth_watch_value *watches, uint32_t n)
{
    static const char *const pairs[][2] = {{"x", "y"}, {"pos_x", "pos_y"}, {"player_x", "player_y"}};
    static const char *const planes[] = {"room", "level", "map", "stage", "area", "scene"};
    struct moth_map_names names = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && !names.x[0]; i++)
        if (is_there(watches, n, pairs[i][0]) && is_there(watches, n, pairs[i][1])) {
            snprintf(names.x, sizeof names.x, "%s", pairs[i][0]);
            snprintf(names.y, sizeof names.y, "%s", pairs[i][1]);
        }
    for (size_t i = 0; i < sizeof planes / sizeof *planes && !names.plane[0]; i++)
        if (is_there(watches, n, planes[i]))
            snprintf(names.plane, sizeof names.plane, "%s", planes[i]);
    if (names.x[0])
        map_of(scout->survey, &names);
}

static void choose(struct moth_scout *scout, const struct moth_watch_value *watches, uint32_t n)
{
    scout->named = true;
    for (size_t i = 0; i < scout->n_names; i++)
        map_of(scout->survey, &scout->names[i]);
    if (scout->n_names == 0)
        choose_usual(scout, watches, n);
}

static void plane_text(const struct moth_watch_value *watch, char text[MOTH_MAP_PLANE_BYTES])
{
    text[0] = '\0';
    if (watch && watch->type == MOTH_WATCH_STR)
        snprintf(text, MOTH_MAP_PLANE_BYTES, "%.*s", (int)MOTH_MAP_PLANE_BYTES - 1, watch->text);
    else if (watch)
        snprintf(text, MOTH_MAP_PLANE_BYTES, "%.15g", watch->number);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f)
            *at = '?';
}

/* Where it is on map i. */
static bool where(struct moth_scout *scout, size_t i, const struct moth_watch_value *watches, uint32_t n,
                  struct moth_map_point *point)
{
    struct moth_map *map = &scout->survey->maps[i];
    uint32_t *places = scout->maps[i].places;
    const struct moth_watch_value *x = find(watches, n, map->names.x, &places[0]), *y = find(watches, n, map->names.y, &places[1]);
    if (!x || !y)
        return false;
    char plane[MOTH_MAP_PLANE_BYTES];
    plane_text(find(watches, n, map->names.plane, &places[2]), plane);
    point->x = x->number;
    point->y = y->number;
    point->plane = moth_map_plane(map, plane);
    return true;
}

/* Did one of the watches that tell of it say so just now? */
static bool died(struct moth_scout *scout, const struct moth_watch_value *watches, uint32_t n)
{
    static const struct {
        const char *name;
        enum { RISES, FALLS, ENDS } how;
    } vitals[VITALS] = {{"deaths", RISES}, {"dead", RISES}, {"lives", FALLS}, {"hp", ENDS}, {"health", ENDS}, {"alive", ENDS}};
    bool any = false;
    for (size_t i = 0; i < VITALS; i++) {
        uint32_t place = 0;
        const struct moth_watch_value *watch = find(watches, n, vitals[i].name, &place);
        double was = scout->vital[i], is = watch && watch->type != MOTH_WATCH_STR ? watch->number : NAN;
        scout->vital[i] = is;
        any = any || (vitals[i].how == RISES && is > was) || (vitals[i].how == FALLS && is < was) ||
              (vitals[i].how == ENDS && was > 0 && is <= 0);
    }
    return any;
}

void moth_scout_look(struct moth_scout *scout, uint32_t frame, const struct moth_watch_value *watches, uint32_t n)
{
    if (!scout->survey || n == 0)
        return;
    if (!scout->named || scout->survey->n_maps == 0) /* a game may publish them late */
        choose(scout, watches, n);
    bool death = scout->survey->n_maps > 0 && died(scout, watches, n);
    for (size_t i = 0; i < scout->survey->n_maps; i++) {
        struct moth_map *map = &scout->survey->maps[i];
        struct moth_map_point point = {.frame = frame, .lift = scout->maps[i].lift};
        point.lift = point.lift || frame > scout->maps[i].frame + UNSEEN_FRAMES;
        scout->maps[i].frame = frame;
        if (!where(scout, i, watches, n, &point))
            continue;
        scout->maps[i].lift = death;
        moth_map_visit(map, point.x, point.y, point.plane, &scout->maps[i].last);
        moth_map_way_add(&scout->maps[i].now, &point);
        if (death) {
            struct moth_map_end end = {.x = point.x, .y = point.y, .plane = point.plane, .frame = frame, .instance = scout->instance};
            moth_map_add_end(map, &end);
        }
    }
}

void moth_scout_found(struct moth_scout *scout, uint32_t frame, const char *fingerprint,
                      const struct moth_watch_value *watches, uint32_t n)
{
    for (size_t i = 0; scout->survey && i < scout->survey->n_maps; i++) {
        struct moth_map_point point = {0};
        if (!where(scout, i, watches, n, &point))
            continue;
        struct moth_map_end end = {.x = point.x, .y = point.y, .plane = point.plane, .frame = frame, .instance = scout->instance};
        snprintf(end.fingerprint, sizeof end.fingerprint, "%s", fingerprint);
        moth_map_add_end(&scout->survey->maps[i], &end);
    }
}

static uint32_t span(const struct moth_map_way *way)
{
    return way->n > 0 ? way->points[way->n - 1].frame - way->points[0].frame : 0;
}

void moth_scout_return(struct moth_scout *scout)
{
    for (size_t i = 0; scout->survey && i < scout->survey->n_maps; i++) {
        if (span(&scout->maps[i].now) > span(&scout->maps[i].best))
            scout->maps[i].best = scout->maps[i].now;
        scout->maps[i].now = (struct moth_map_way){0};
        scout->maps[i].last.visits = 0;
        scout->maps[i].lift = false;
    }
    for (size_t i = 0; i < VITALS; i++)
        scout->vital[i] = NAN;
}

void moth_scout_end(struct moth_scout *scout)
{
    const uint64_t key[] = {scout->instance, scout->seed};
    moth_scout_return(scout);
    for (size_t i = 0; scout->survey && i < scout->survey->n_maps; i++) {
        struct moth_map_way *way = &scout->maps[i].best;
        way->instance = scout->instance;
        way->order = XXH3_64bits(key, sizeof key);
        moth_map_add_way(&scout->survey->maps[i], way);
    }
}
