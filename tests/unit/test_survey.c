/* SPDX-License-Identifier: MIT
 *
 * What a run saw on its way: bounded whatever it was, and the same sum in whatever order its parts come. A failure
 * means that shards give another map or another chart than the whole run would.
 */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "survey/survey.h"

static void put(struct moth_watch_value *watch, const char *name, double value)
{
    *watch = (struct moth_watch_value){.ok = 1, .number = value};
    snprintf(watch->name, sizeof watch->name, "%s", name);
}

/* A play that wanders through three rooms, deterministic by its number. */
static struct moth_survey *play(uint32_t instance, uint32_t frames, double scale)
{
    struct moth_survey *survey = moth_survey_create();
    struct moth_scout *scout = calloc(1, sizeof *scout);
    struct moth_watch_value watches[4];
    moth_scout_begin(scout, survey, NULL, 0, instance, instance * 7);
    for (uint32_t frame = 1; frame <= frames; frame++) {
        double t = frame + 1000.0 * instance;
        put(&watches[0], "x", scale * sin(t / 31) * (1 + instance));
        put(&watches[1], "y", scale * cos(t / 17) - instance);
        put(&watches[2], "room", (frame / 200 + instance) % 3);
        put(&watches[3], "lives", frame < frames / 2 ? 3 : 2);
        moth_pace_add(&survey->pace, instance, frame, 1000000 + (frame * 7919 + instance) % 3000000);
        moth_scout_look(scout, frame, watches, 4);
        if (frame == frames / 3)
            moth_scout_found(scout, frame, "2-crash-00000000000000aa", watches, 4);
    }
    moth_growth_add(&survey->growth, &(struct moth_growth_point){frames, frames / 10, instance});
    moth_scout_end(scout);
    free(scout);
    return survey;
}

static char *text_of(const struct moth_survey *survey)
{
    json_t *json = moth_survey_json(survey);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    return text;
}

static char *sum(const unsigned *order, size_t n, double scale)
{
    struct moth_survey *all = moth_survey_create();
    for (size_t i = 0; i < n; i++) {
        struct moth_survey *one = play(order[i], 900 + 300 * order[i], scale);
        char *text = text_of(one);
        json_t *json = json_loads(text, 0, NULL);
        struct moth_survey *read = moth_survey_from_json(json); /* as shards travel */
        moth_survey_merge(all, read);
        moth_survey_free(read);
        moth_survey_free(one);
        json_decref(json);
        free(text);
    }
    char *text = text_of(all);
    moth_survey_free(all);
    return text;
}

static void order_does_not_matter(void **state)
{
    static const unsigned up[] = {0, 1, 2, 3}, down[] = {3, 1, 0, 2};
    (void)state;
    const double scales[] = {0.001, 10, 5e6};
    for (size_t i = 0; i < 3; i++) {
        char *a = sum(up, 4, scales[i]), *b = sum(down, 4, scales[i]);
        assert_string_equal(a, b);
        free(a);
        free(b);
    }
}

static void a_map_has_places_ways_deaths_and_findings(void **state)
{
    (void)state;
    struct moth_survey *survey = play(1, 1200, 100);
    assert_int_equal(survey->n_maps, 1);
    const struct moth_map *map = &survey->maps[0];
    assert_string_equal(map->names.x, "x");
    assert_string_equal(map->names.plane, "room");
    assert_int_equal(map->n_planes, 3);
    assert_in_range(map->n_cells, 100, MOTH_MAP_CELLS_MAX);
    assert_int_equal(map->n_ways, 1);
    assert_int_equal(map->n_deaths, 1);
    assert_int_equal(map->n_findings, 1);
    moth_survey_free(survey);
}

static void a_night_is_bounded(void **state)
{
    (void)state;
    struct moth_survey *all = moth_survey_create();
    for (unsigned i = 0; i < 60; i++) {
        struct moth_survey *one = play(i, 4000, 1e5);
        moth_survey_merge(all, one);
        moth_survey_free(one);
        moth_growth_add(&all->growth, &(struct moth_growth_point){5000u * (i + 1), 100 * i, 60.0 * i});
    }
    assert_in_range(all->maps[0].n_cells, 1, MOTH_MAP_CELLS_MAX);
    assert_in_range(all->maps[0].n_ways, 1, MOTH_MAP_WAYS_MAX);
    assert_in_range(all->growth.n, 10, MOTH_GROWTH_POINTS);
    char *text = text_of(all);
    assert_in_range(strlen(text), 1000, 400000);
    free(text);
    moth_survey_free(all);
}

static void percentiles_are_near(void **state)
{
    (void)state;
    struct moth_pace *pace = calloc(1, sizeof *pace);
    for (uint32_t i = 1; i <= 1000; i++)
        moth_pace_add(pace, 0, 1, i * 10000);
    uint64_t p50 = moth_pace_percentile(&pace->bands[0], 50), p99 = moth_pace_percentile(&pace->bands[0], 99);
    assert_in_range(p50, 5000000, 5000000 / 10 * 11);
    assert_in_range(p99, 9900000, 10000000);
    assert_int_equal(pace->bands[0].most_ns, 10000000);
    free(pace);
}

static void what_is_no_survey_is_empty(void **state)
{
    static const char *const bad[] = {
        "{}", "[]", "null", "{\"maps\":7,\"growth\":\"x\",\"frame_times\":[]}",
        "{\"maps\":[{}],\"frame_times\":{\"width\":3,\"bands\":[],\"counts\":[]}}",
        "{\"maps\":[{\"x\":\"a\",\"y\":\"b\",\"log2_cell\":900,\"cells\":[]}]}",
        "{\"frame_times\":{\"width\":16,\"bands\":[[1]],\"counts\":[[999999,-4,null]],\"worst\":{\"most\":[1e300]}}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *json = json_loads(bad[i], JSON_DECODE_ANY, NULL);
        struct moth_survey *survey = moth_survey_from_json(json);
        assert_non_null(survey);
        assert_int_equal(survey->n_maps, 0);
        json_t *again = moth_survey_json(survey);
        json_decref(again);
        moth_survey_free(survey);
        json_decref(json);
    }
}

static void names_are_checked(void **state)
{
    static const char *const bad[] = {"", "x", "x,", ",y", "x,y,", "x,y,z,w", "x,,z"};
    struct moth_map_names names;
    struct moth_err err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(moth_survey_names(bad[i], &names, &err), -1);
    assert_int_equal(moth_survey_names("a.x,a.y,level", &names, &err), 0);
    assert_string_equal(names.plane, "level");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(a_map_has_places_ways_deaths_and_findings),
        cmocka_unit_test(a_night_is_bounded),
        cmocka_unit_test(percentiles_are_near),
        cmocka_unit_test(what_is_no_survey_is_empty),
        cmocka_unit_test(names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
