/* SPDX-License-Identifier: MIT */
#include "reports/html/map.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reports/html/write.h"

#define PLANES_MAX 12u
#define CELLS_MAX 20000u
#define PATHS_MAX 100u
#define ENDS_MAX 1000u
#define LEVELS 5
#define WIDTH 640.0
#define HEIGHT_MAX 480.0
#define HEIGHT_MIN 60.0
#define EDGE 8.0

struct cell {
    double x, y, visits; /* x, y: of its corner, in the game's units */
    int plane;
};

struct view {
    const json_t *map;
    const struct moth_run_summary *summary;
    struct cell *cells;
    size_t n_cells;
    double size, most;              /* of a cell; visits */
    double step;                    /* between neighbours, where the game's places lie on a grid */
    double left, top, right, bottom; /* of the plane that is drawn */
    double scale, height;
    int plane;
};

static double number(const json_t *row, size_t i)
{
    double value = json_number_value(json_array_get(row, i));
    return isfinite(value) && fabs(value) < 1e12 ? value : 0;
}

static void read_cells(struct view *view)
{
    const json_t *rows = json_object_get(view->map, "cells"), *row;
    size_t i, n = json_array_size(rows);
    double exponent = json_number_value(json_object_get(view->map, "log2_cell"));
    view->size = ldexp(1, exponent > 60 ? 60 : exponent < -60 ? -60 : (int)exponent);
    view->cells = calloc((n < CELLS_MAX ? n : CELLS_MAX) + 1, sizeof *view->cells);
    json_array_foreach(rows, i, row)
    {
        if (!view->cells || view->n_cells == CELLS_MAX)
            break;
        struct cell *cell = &view->cells[view->n_cells++];
        *cell = (struct cell){.plane = (int)number(row, 0), .x = number(row, 1) * view->size, .y = number(row, 2) * view->size, .visits = number(row, 3)};
        view->most = fmax(view->most, cell->visits);
    }
}

/* ---- fitting a plane ---- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The least distance of two columns, or of two rows. */
static double least_gap(const struct view *view, bool rows, double *values)
{
    size_t n = 0;
    double least = INFINITY;
    for (size_t i = 0; i < view->n_cells; i++)
        if (view->cells[i].plane == view->plane)
            values[n++] = rows ? view->cells[i].y : view->cells[i].x;
    qsort(values, n, sizeof *values, by_value);
    for (size_t i = 1; i < n; i++)
        if (values[i] > values[i - 1])
            least = fmin(least, values[i] - values[i - 1]);
    return least;
}

/* How wide a place is drawn: many games move by whole tiles or pixels, which says more than the cells do. */
static void find_step(struct view *view)
{
    double *values = calloc(view->n_cells + 1, sizeof *values);
    double gap = values ? fmin(least_gap(view, false, values), least_gap(view, true, values)) : INFINITY;
    double wide = fmax(view->right - view->left, view->bottom - view->top);
    view->step = fmax(view->size, fmin(gap, wide / 12));
    free(values);
}

static bool fit(struct view *view)
{
    bool any = false;
    for (size_t i = 0; i < view->n_cells; i++) {
        const struct cell *cell = &view->cells[i];
        if (cell->plane != view->plane)
            continue;
        view->left = any ? fmin(view->left, cell->x) : cell->x;
        view->top = any ? fmin(view->top, cell->y) : cell->y;
        view->right = any ? fmax(view->right, cell->x + view->size) : cell->x + view->size;
        view->bottom = any ? fmax(view->bottom, cell->y + view->size) : cell->y + view->size;
        any = true;
    }
    if (!any)
        return false;
    find_step(view);
    view->right += view->step - view->size;
    view->bottom += view->step - view->size;
    double wide = view->right - view->left, high = view->bottom - view->top;
    view->scale = fmin((WIDTH - 2 * EDGE) / wide, (HEIGHT_MAX - 2 * EDGE) / high);
    view->height = fmax(high * view->scale + 2 * EDGE, HEIGHT_MIN);
    return isfinite(view->scale);
}

static double across(const struct view *view, double x)
{
    return EDGE + (x - view->left) * view->scale;
}

static double down(const struct view *view, double y)
{
    return EDGE + (y - view->top) * view->scale;
}

static bool inside(const struct view *view, double x, double y)
{
    return x >= view->left && x <= view->right && y >= view->top && y <= view->bottom;
}

/* ---- drawing ---- */

static int level_of(const struct view *view, double visits)
{
    int level = view->most > 1 ? (int)(log(fmax(visits, 1)) / log(view->most) * LEVELS) : LEVELS - 1;
    return level < 0 ? 0 : level >= LEVELS ? LEVELS - 1 : level;
}

/* One path a level: thousands of cells stay small. */
static void draw_cells(FILE *out, const struct view *view)
{
    double side = fmax(view->step * view->scale, 2.5);
    for (int level = 0; level < LEVELS; level++) {
        bool begun = false;
        for (size_t i = 0; i < view->n_cells; i++) {
            const struct cell *cell = &view->cells[i];
            if (cell->plane != view->plane || level_of(view, cell->visits) != level)
                continue;
            if (!begun)
                fprintf(out, "<path class=\"visits level%d\" d=\"", level);
            begun = true;
            fprintf(out, "M%.4g %.4gh%.3gv%.3gh-%.3gz", across(view, cell->x), down(view, cell->y), side, side, side);
        }
        if (begun)
            fputs("\"/>", out);
    }
}

static void draw_path(FILE *out, const struct view *view, const json_t *path)
{
    const json_t *points = json_object_get(path, "points"), *point;
    size_t i;
    bool open = false, pen = false;
    json_array_foreach(points, i, point)
    {
        double x = number(point, 2), y = number(point, 3);
        bool here = (int)number(point, 1) == view->plane && inside(view, x, y);
        if (here && !open)
            fputs("<path class=\"way\" d=\"", out);
        open = open || here;
        if (here)
            fprintf(out, "%c%.4g %.4g", pen && !json_is_true(json_array_get(point, 4)) ? 'L' : 'M', across(view, x), down(view, y));
        pen = here;
    }
    if (open)
        fputs("\"/>", out);
}

static void draw_paths(FILE *out, const struct view *view)
{
    const json_t *path;
    size_t i;
    json_array_foreach(json_object_get(view->map, "paths"), i, path)
    {
        if (i == PATHS_MAX)
            break;
        draw_path(out, view, path);
    }
}

static const struct moth_finding *find(const struct moth_run_summary *summary, const char *fingerprint)
{
    for (size_t i = 0; fingerprint && i < summary->n_findings; i++)
        if (strcmp(summary->findings[i]->fingerprint, fingerprint) == 0)
            return summary->findings[i];
    return NULL;
}

static void draw_end(FILE *out, const struct view *view, const json_t *end, bool findings)
{
    const struct moth_finding *finding = find(view->summary, json_string_value(json_array_get(end, 5)));
    double x = across(view, number(end, 1)), y = down(view, number(end, 2));
    if ((int)number(end, 0) != view->plane || !inside(view, number(end, 1), number(end, 2)) || (finding != NULL) != findings)
        return;
    if (finding) {
        fputs("<a href=\"#f-", out);
        moth_html_text(out, finding->fingerprint);
        fprintf(out, "\"><circle class=\"there\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>", x, y);
        moth_html_print(out, "%s: %s", moth_finding_kind_name(finding->kind), finding->title ? finding->title : "");
        fputs("</title></circle></a>", out);
    } else {
        fprintf(out, "<path class=\"died\" d=\"M%.1f %.1fl6 6m0 -6l-6 6\"><title>died at frame %.0f of instance %.0f</title></path>",
                x - 3, y - 3, number(end, 3), number(end, 4));
    }
}

static void draw_ends(FILE *out, const struct view *view)
{
    const json_t *end;
    size_t i;
    for (int findings = 0; findings < 2; findings++)
        json_array_foreach(json_object_get(view->map, "ends"), i, end)
        {
            if (i == ENDS_MAX)
                break;
            draw_end(out, view, end, findings);
        }
}

/* ---- all of it ---- */

static void put_plane(FILE *out, struct view *view, const char *name, const char *id)
{
    size_t cells = 0;
    for (size_t i = 0; i < view->n_cells; i++)
        cells += view->cells[i].plane == view->plane;
    fputs("<figure class=\"map\"><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Map\">", out);
    fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"group\" aria-labelledby=\"%s-p%d\"><title id=\"%s-p%d\">", WIDTH, view->height, id,
            view->plane, id, view->plane);
    fputs("Visited places", out);
    moth_html_print(out, "%s%s, from %g, %g to %g, %g", *name ? " of " : "", name, view->left, view->top, view->right, view->bottom);
    fputs("</title>", out);
    draw_cells(out, view);
    draw_paths(out, view);
    draw_ends(out, view);
    fputs("</svg></div><figcaption>", out);
    if (*name) {
        fputs("<bdi>", out);
        moth_html_text(out, name);
        fputs("</bdi>: ", out);
    }
    fprintf(out, "%zu place%s, %g to %g across, %g to %g down</figcaption></figure>\n", cells, cells == 1 ? "" : "s", view->left,
            view->right, view->top, view->bottom);
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

void moth_html_map(FILE *out, const json_t *map, const struct moth_run_summary *summary, const char *id)
{
    struct view view = {.map = map, .summary = summary};
    const json_t *planes = json_object_get(map, "planes");
    const char *plane = text_of(map, "plane");
    read_cells(&view);
    if (view.n_cells > 0) {
        size_t n = json_array_size(planes), shown = 0;
        fputs("<h3>Map of <code>", out);
        moth_html_text(out, text_of(map, "x"));
        fputs("</code> and <code>", out);
        moth_html_text(out, text_of(map, "y"));
        fputs("</code></h3>\n<p class=\"note\">The stronger its colour, the more often a place was visited. Lines are the ways of some instances, crosses are "
              "deaths, rings are findings.</p>\n<div class=\"maps\">\n",
              out);
        for (view.plane = 0; view.plane < (int)(n > 0 ? n : 1); view.plane++) {
            char *name = NULL;
            size_t size;
            if (shown == PLANES_MAX || !fit(&view))
                continue;
            FILE *text = open_memstream(&name, &size);
            const char *value = json_string_value(json_array_get(planes, (size_t)view.plane));
            if (text) {
                fprintf(text, "%s%s%s", plane, *plane ? " " : "", *plane && value ? value : "");
                fclose(text);
            }
            put_plane(out, &view, name ? name : "", id);
            free(name);
            shown++;
        }
        fputs("</div>\n", out);
    }
    free(view.cells);
}
