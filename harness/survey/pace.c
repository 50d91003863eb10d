/* SPDX-License-Identifier: MIT */
#include "survey/pace.h"

#include <math.h>
#include <string.h>

#define OCTAVE 8u /* classes */
#define WIDTH_MAX (1u << 28)

/* ---- adding ---- */

static unsigned class_of(uint64_t ns)
{
    if (ns <= MOTH_PACE_LEAST_NS)
        return 0;
    unsigned class = (unsigned)(log2((double)ns / MOTH_PACE_LEAST_NS) * OCTAVE);
    return class < MOTH_PACE_CLASSES ? class : MOTH_PACE_CLASSES - 1;
}

static void add_band(struct moth_pace_band *band, const struct moth_pace_band *other)
{
    if (other->n == 0)
        return;
    band->least_ns = band->n == 0 || other->least_ns < band->least_ns ? other->least_ns : band->least_ns;
    band->most_ns = other->most_ns > band->most_ns ? other->most_ns : band->most_ns;
    band->n += other->n;
    for (unsigned i = 0; i < MOTH_PACE_CLASSES; i++)
        band->counts[i] += other->counts[i];
}

static void widen(struct moth_pace *pace)
{
    for (unsigned i = 0; i < MOTH_PACE_BANDS / 2; i++) {
        struct moth_pace_band both = pace->bands[2 * i];
        add_band(&both, &pace->bands[2 * i + 1]);
        pace->bands[i] = both;
    }
    memset(&pace->bands[MOTH_PACE_BANDS / 2], 0, MOTH_PACE_BANDS / 2 * sizeof *pace->bands);
    pace->width *= 2;
}

static void widen_course(struct moth_pace_course *course)
{
    for (unsigned i = 0; i < MOTH_PACE_POINTS / 2; i++)
        course->points[i] = course->points[2 * i] > course->points[2 * i + 1] ? course->points[2 * i] : course->points[2 * i + 1];
    memset(&course->points[MOTH_PACE_POINTS / 2], 0, MOTH_PACE_POINTS / 2 * sizeof *course->points);
    course->width *= 2;
}

void moth_pace_add(struct moth_pace *pace, uint32_t instance, uint32_t frame, uint64_t work_ns)
{
    struct moth_pace_course *course = &pace->course;
    pace->width = pace->width ? pace->width : MOTH_PACE_WIDTH;
    course->width = course->width ? course->width : 1;
    while (frame / pace->width >= MOTH_PACE_BANDS)
        widen(pace);
    while (frame / course->width >= MOTH_PACE_POINTS)
        widen_course(course);
    struct moth_pace_band *band = &pace->bands[frame / pace->width];
    band->least_ns = band->n == 0 || work_ns < band->least_ns ? work_ns : band->least_ns;
    band->most_ns = work_ns > band->most_ns ? work_ns : band->most_ns;
    band->counts[class_of(work_ns)]++;
    band->n++;
    uint64_t *point = &course->points[frame / course->width];
    *point = work_ns > *point ? work_ns : *point;
    course->most_ns = work_ns > course->most_ns ? work_ns : course->most_ns;
    course->instance = instance;
}

void moth_pace_merge(struct moth_pace *pace, const struct moth_pace *other)
{
    if (other->width == 0)
        return;
    if (pace->width == 0) {
        *pace = *other;
        return;
    }
    struct moth_pace theirs = *other;
    while (pace->width < theirs.width)
        widen(pace);
    while (theirs.width < pace->width)
        widen(&theirs);
    for (unsigned i = 0; i < MOTH_PACE_BANDS; i++)
        add_band(&pace->bands[i], &theirs.bands[i]);
    const struct moth_pace_course *a = &pace->course, *b = &other->course;
    if (b->most_ns > a->most_ns || (b->most_ns == a->most_ns && b->instance < a->instance))
        pace->course = *b;
}

uint64_t moth_pace_percentile(const struct moth_pace_band *band, unsigned percent)
{
    uint64_t place = ((uint64_t)band->n * percent + 99) / 100, seen = 0;
    for (unsigned i = 0; i < MOTH_PACE_CLASSES; i++) {
        seen += band->counts[i];
        if (seen < place || seen == 0)
            continue;
        uint64_t ns = (uint64_t)(MOTH_PACE_LEAST_NS * exp2((i + 1.0) / OCTAVE));
        return ns > band->most_ns ? band->most_ns : ns < band->least_ns ? band->least_ns : ns;
    }
    return band->most_ns;
}

/* ---- as JSON ---- */

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static json_t *band_json(const struct moth_pace_band *band)
{
    static const unsigned percents[] = {50, 95, 99};
    json_t *json = json_array();
    json_array_append_new(json, json_integer(band->n));
    json_array_append_new(json, json_real(ms(band->least_ns)));
    for (unsigned i = 0; i < 3; i++)
        json_array_append_new(json, json_real(ms(moth_pace_percentile(band, percents[i]))));
    json_array_append_new(json, json_real(ms(band->most_ns)));
    return json;
}

/* Class and count, in turn. */
static json_t *counts_json(const struct moth_pace_band *band)
{
    json_t *json = json_array();
    for (unsigned i = 0; i < MOTH_PACE_CLASSES; i++)
        if (band->counts[i] > 0) {
            json_array_append_new(json, json_integer(i));
            json_array_append_new(json, json_integer(band->counts[i]));
        }
    return json;
}

static json_t *course_json(const struct moth_pace_course *course)
{
    json_t *json = json_object(), *points = json_array();
    unsigned n = MOTH_PACE_POINTS;
    while (n > 0 && course->points[n - 1] == 0)
        n--;
    for (unsigned i = 0; i < n; i++)
        json_array_append_new(points, json_real(ms(course->points[i])));
    json_object_set_new(json, "instance", json_integer(course->instance));
    json_object_set_new(json, "width", json_integer(course->width));
    json_object_set_new(json, "most", points);
    return json;
}

json_t *moth_pace_json(const struct moth_pace *pace)
{
    if (pace->width == 0)
        return json_null();
    json_t *json = json_object(), *bands = json_array(), *counts = json_array();
    unsigned n = MOTH_PACE_BANDS;
    while (n > 0 && pace->bands[n - 1].n == 0)
        n--;
    for (unsigned i = 0; i < n; i++) {
        json_array_append_new(bands, band_json(&pace->bands[i]));
        json_array_append_new(counts, counts_json(&pace->bands[i]));
    }
    json_object_set_new(json, "width", json_integer(pace->width));
    json_object_set_new(json, "bands", bands);
    json_object_set_new(json, "counts", counts);
    json_object_set_new(json, "worst", course_json(&pace->course));
    return json;
}

/* ---- from JSON, which may come from anywhere ---- */

static uint64_t ns_of(const json_t *json)
{
    double value = json_number_value(json) * 1e6;
    return value > 0 && value < 1e15 ? (uint64_t)(value + 0.5) : 0;
}

static uint32_t count_of(const json_t *json, uint32_t most)
{
    json_int_t value = json_integer_value(json);
    return value < 0 ? 0 : value > most ? most : (uint32_t)value;
}

static bool is_width(uint32_t width)
{
    return width > 0 && width <= WIDTH_MAX && (width & (width - 1)) == 0;
}

static void get_band(const json_t *json, const json_t *counts, struct moth_pace_band *band)
{
    band->least_ns = ns_of(json_array_get(json, 1));
    band->most_ns = ns_of(json_array_get(json, 5));
    for (size_t i = 0; i + 1 < json_array_size(counts) && i < 2 * MOTH_PACE_CLASSES; i += 2) {
        uint32_t class = count_of(json_array_get(counts, i), MOTH_PACE_CLASSES - 1);
        uint32_t n = count_of(json_array_get(counts, i + 1), UINT32_MAX / 2 / MOTH_PACE_CLASSES);
        band->counts[class] += n;
        band->n += n;
    }
}

void moth_pace_from_json(const json_t *json, struct moth_pace *pace)
{
    const json_t *bands = json_object_get(json, "bands"), *counts = json_object_get(json, "counts");
    const json_t *worst = json_object_get(json, "worst"), *points = json_object_get(worst, "most");
    uint32_t width = count_of(json_object_get(json, "width"), WIDTH_MAX);
    *pace = (struct moth_pace){0};
    if (!is_width(width) || json_array_size(bands) != json_array_size(counts) || json_array_size(bands) > MOTH_PACE_BANDS)
        return;
    pace->width = width;
    for (size_t i = 0; i < json_array_size(bands); i++)
        get_band(json_array_get(bands, i), json_array_get(counts, i), &pace->bands[i]);
    struct moth_pace_course *course = &pace->course;
    course->width = count_of(json_object_get(worst, "width"), WIDTH_MAX);
    course->width = is_width(course->width) ? course->width : 1;
    course->instance = count_of(json_object_get(worst, "instance"), UINT32_MAX);
    for (size_t i = 0; i < json_array_size(points) && i < MOTH_PACE_POINTS; i++) {
        course->points[i] = ns_of(json_array_get(points, i));
        course->most_ns = course->points[i] > course->most_ns ? course->points[i] : course->most_ns;
    }
}
