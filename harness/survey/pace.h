/* SPDX-License-Identifier: MIT
 *
 * Work times by how far the game has come: a band of frames each, in which they are counted by size, and the
 * course of the play that had the slowest frame. Bounded, however long the play: when there are more frames than
 * bands, neighbours become one. Adding up two of them is the same in either order. Zeroed, it is empty.
 */
#ifndef MOTH_SURVEY_PACE_H
#define MOTH_SURVEY_PACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define MOTH_PACE_BANDS 96u
#define MOTH_PACE_WIDTH 16u    /* frames of a band, to begin with */
#define MOTH_PACE_CLASSES 160u /* of sizes, eight an octave from MOTH_PACE_LEAST_NS on */
#define MOTH_PACE_LEAST_NS 4096u
#define MOTH_PACE_POINTS 256u

struct moth_pace_band {
    uint32_t n;
    uint64_t least_ns, most_ns;
    uint32_t counts[MOTH_PACE_CLASSES];
};

/* The slowest frame of each stretch of one play. */
struct moth_pace_course {
    uint32_t width; /* frames of a point; 0: there is none */
    uint32_t instance;
    uint64_t most_ns;
    uint64_t points[MOTH_PACE_POINTS];
};

struct moth_pace {
    uint32_t width; /* frames of a band; 0: nothing was added */
    struct moth_pace_band bands[MOTH_PACE_BANDS];
    struct moth_pace_course course;
};

/* A frame of the game took so long in this instance. */
void moth_pace_add(struct moth_pace *pace, uint32_t instance, uint32_t frame, uint64_t work_ns);
void moth_pace_merge(struct moth_pace *pace, const struct moth_pace *other);
/* A percentile of a band, at most a tenth too much. */
uint64_t moth_pace_percentile(const struct moth_pace_band *band, unsigned percent);

/* "frame_times" of coverage.json. New reference; null where nothing was added. */
json_t *moth_pace_json(const struct moth_pace *pace);
/* What is no such thing leaves *pace empty. */
void moth_pace_from_json(const json_t *json, struct moth_pace *pace);

#endif
