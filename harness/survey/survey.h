/* SPDX-License-Identifier: MIT
 *
 * What a run saw of the game on its way, beyond findings and sums: frame times by how far the game had come
 * (pace.h), maps of the places that watches name (map.h), how coverage grew (growth.h). It is what report.html
 * draws; OUT/coverage.json, "moth.coverage/1", keeps it.
 *
 * A scout looks at one play and fills a survey; surveys add up to that of a run, those of runs to a merged one's,
 * the same in whatever order. All of it is bounded. Owns its memory: init or from_json → fini. One thread.
 */
#ifndef MOTH_SURVEY_SURVEY_H
#define MOTH_SURVEY_SURVEY_H

#include <stddef.h>

#include "base/err.h"
#include "survey/growth.h"
#include "survey/map.h"
#include "survey/pace.h"
#include "wire/channel.h"

#define MOTH_SURVEY_SCHEMA "moth.coverage/1"
#define MOTH_SURVEY_FILE "coverage.json"
#define MOTH_SURVEY_MAPS_MAX 4u
#define MOTH_SURVEY_BYTES_MAX (16u << 20)

struct moth_survey {
    struct moth_pace pace;
    struct moth_growth growth;
    struct moth_map maps[MOTH_SURVEY_MAPS_MAX];
    size_t n_maps;
};

/* NULL when memory is out. */
struct moth_survey *moth_survey_create(void);
void moth_survey_free(struct moth_survey *survey); /* NULL is ignored */
/* No frame, no place, no growth. */
bool moth_survey_is_empty(const struct moth_survey *survey);
void moth_survey_merge(struct moth_survey *survey, const struct moth_survey *other);
/* coverage.json. New reference. */
json_t *moth_survey_json(const struct moth_survey *survey);
/* From such JSON, wherever it comes from; what it does not say is empty. NULL when memory is out. */
struct moth_survey *moth_survey_from_json(const json_t *json);

/* "X,Y" or "X,Y,PLANE". 0, or -1 with err (MOTH_ERR_USAGE). */
int moth_survey_names(const char *text, struct moth_map_names *names, struct moth_err *err);

/* ---- looking at one play ---- */

/* What is remembered of a play besides what is in the survey. */
struct moth_scout {
    struct moth_survey *survey; /* NULL: nobody looks */
    const struct moth_map_names *names; /* asked for; NULL: the usual ones (moth_survey_look) */
    size_t n_names;
    uint32_t instance;
    uint64_t seed;
    bool named; /* the maps were chosen */
    struct {
        struct moth_map_cell last;
        struct moth_map_way now, best; /* since the game last returned somewhere; the longest so far */
        uint32_t places[3];            /* of x, y and plane among the watches, as last found */
        uint32_t frame; /* of the last look */
        bool lift;
    } maps[MOTH_SURVEY_MAPS_MAX];
    double vital[6]; /* of each watch that tells of a death, as last seen; NaN: not there */
};

void moth_scout_begin(struct moth_scout *scout, struct moth_survey *survey, const struct moth_map_names *names,
                      size_t n_names, uint32_t instance, uint64_t seed);
/* The game stands at `frame` and publishes this. Without names that were asked for, the watches x and y are
 * coordinates, else pos_x and pos_y, else player_x and player_y; the plane is the first there is of room, level,
 * map, stage, area and scene. Deaths are told by deaths (rises), lives (falls), hp and health (come to 0), alive
 * (ends) and dead (begins). */
void moth_scout_look(struct moth_scout *scout, uint32_t frame, const struct moth_watch_value *watches, uint32_t n);
/* … and something was found here. */
void moth_scout_found(struct moth_scout *scout, uint32_t frame, const char *fingerprint,
                      const struct moth_watch_value *watches, uint32_t n);
/* The game stands somewhere else now. */
void moth_scout_return(struct moth_scout *scout);
/* The play is over: its way is told. */
void moth_scout_end(struct moth_scout *scout);

#endif
