/* SPDX-License-Identifier: MIT */
#include "reports/html/timeline.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reports/html/write.h"

#define LANES_MAX 24u
#define BARS_MAX 600u /* that are drawn: the last ones */
#define ROWS_MAX 120u /* of the table, likewise */
#define LABELS 128    /* units; the drawing is as wide as WIDTH, lanes begin here */
#define WIDTH 960
#define LANE 20
#define TOP 18
#define MARKS_MAX 40u

/* Something pressed until it is let go, or a moment. */
struct bar {
    const struct moth_input_event *event;
    uint32_t lane, from, to;
    bool held; /* false: a moment */
};

struct lane {
    uint8_t type, device, member; /* type: of what begins a bar */
    uint16_t code;
    struct bar *open;
};

struct timeline {
    const struct moth_trace *trace;
    struct lane lanes[LANES_MAX];
    uint32_t n_lanes, other; /* inputs in lanes beyond LANES_MAX */
    struct bar *bars;
    size_t n_bars;
    uint32_t first, last, finding; /* frames that are shown */
};

/* ---- bars ---- */

static uint8_t begins(const struct moth_input_event *event)
{
    switch (event->type) {
    case MOTH_INPUT_KEY_UP:
        return MOTH_INPUT_KEY_DOWN;
    case MOTH_INPUT_MOUSE_UP:
        return MOTH_INPUT_MOUSE_DOWN;
    case MOTH_INPUT_PAD_UP:
        return MOTH_INPUT_PAD_DOWN;
    default:
        return event->type;
    }
}

static struct lane *lane_of(struct timeline *line, const struct moth_input_event *event)
{
    uint8_t type = begins(event);
    for (uint32_t i = 0; i < line->n_lanes; i++) {
        struct lane *lane = &line->lanes[i];
        if (lane->type == type && lane->code == event->code && lane->device == event->device &&
            lane->member == event->member)
            return lane;
    }
    if (line->n_lanes == LANES_MAX) {
        line->other++;
        return NULL;
    }
    line->lanes[line->n_lanes] =
        (struct lane){.type = type, .device = event->device, .member = event->member, .code = event->code};
    return &line->lanes[line->n_lanes++];
}

static void let_go(struct lane *lane, uint32_t frame)
{
    if (lane->open)
        lane->open->to = frame;
    lane->open = NULL;
}

static void take(struct timeline *line, const struct moth_input_event *event)
{
    struct lane *lane = event->type == MOTH_INPUT_PAD_ATTACH ? NULL : lane_of(line, event);
    if (!lane)
        return;
    bool up = event->type != lane->type, axis = event->type == MOTH_INPUT_PAD_AXIS;
    bool down = event->type == MOTH_INPUT_KEY_DOWN || event->type == MOTH_INPUT_MOUSE_DOWN ||
                event->type == MOTH_INPUT_PAD_DOWN || (axis && event->x != 0);
    if (up || axis)
        let_go(lane, event->frame);
    if (up || (axis && event->x == 0) || (down && lane->open))
        return;
    struct bar *bar = &line->bars[line->n_bars++];
    *bar = (struct bar){.event = event,
                        .lane = (uint32_t)(lane - line->lanes),
                        .from = event->frame,
                        .to = down ? line->last : event->frame,
                        .held = down};
    lane->open = down ? bar : NULL;
}

/* ---- names ---- */

static void put_lane(FILE *out, const struct timeline *line, const struct lane *lane)
{
    const char *name = NULL;
    if (lane->member > 0 && lane->member <= line->trace->header.n_members)
        moth_html_print(out, "%s: ", line->trace->header.members[lane->member - 1].name);
    if (lane->type == MOTH_INPUT_PAD_DOWN || lane->type == MOTH_INPUT_PAD_AXIS)
        moth_html_print(out, "pad %u ", lane->device + 1u);
    switch (lane->type) {
    case MOTH_INPUT_KEY_DOWN:
        name = moth_key_name(lane->code);
        break;
    case MOTH_INPUT_PAD_DOWN:
        name = moth_pad_button_name(lane->code);
        break;
    case MOTH_INPUT_PAD_AXIS:
        name = moth_pad_axis_name(lane->code);
        break;
    case MOTH_INPUT_MOUSE_DOWN:
        name = lane->code == 1 ? "left button" : lane->code == 3 ? "right button" : lane->code == 2 ? "middle button" : NULL;
        break;
    case MOTH_INPUT_MOUSE_MOVE:
        name = "mouse";
        break;
    case MOTH_INPUT_WHEEL:
        name = "wheel";
        break;
    case MOTH_INPUT_TEXT:
        name = "text";
        break;
    case MOTH_INPUT_QUIT:
        name = "close window";
        break;
    default:
        break;
    }
    if (name)
        moth_html_text(out, name);
    else
        moth_html_print(out, "%s %u", lane->type == MOTH_INPUT_MOUSE_DOWN ? "button" : "key", lane->code);
}

/* What a name does not say. */
static void put_value(FILE *out, const struct moth_input_event *event)
{
    char text[MOTH_TEXT_MAX];
    switch (event->type) {
    case MOTH_INPUT_MOUSE_MOVE:
        moth_html_print(out, " to %d, %d", event->x, event->y);
        break;
    case MOTH_INPUT_WHEEL:
        moth_html_print(out, " by %d, %d", event->x, event->y);
        break;
    case MOTH_INPUT_PAD_AXIS:
        moth_html_print(out, " at %.2f", event->x / 32768.0);
        break;
    case MOTH_INPUT_TEXT:
        memcpy(text, event->text, sizeof text);
        text[sizeof text - 1] = '\0';
        moth_html_print(out, " “%s”", text);
        break;
    default:
        break;
    }
}

static double seconds(const struct timeline *line, uint32_t frames)
{
    uint32_t hz = line->trace->header.hz;
    return frames / (double)(hz ? hz : 60);
}

/* ---- the drawing ---- */

static double place(const struct timeline *line, uint32_t frame)
{
    double span = line->last > line->first ? line->last - line->first : 1;
    return LABELS + 6 + (frame - (double)line->first) * (WIDTH - LABELS - 16) / span;
}

static void draw_tick(FILE *out, double x, int bottom, double at, const char *unit)
{
    fprintf(out, "<path class=\"tick\" d=\"M%.1f %dV%d\"/><text class=\"scale\" x=\"%.1f\" y=\"%d\">%g%s</text>", x, TOP,
            bottom, x, bottom + 14, at, unit);
}

/* In seconds; in frames where there are only a few. */
static void draw_scale(FILE *out, const struct timeline *line, int bottom)
{
    static const double steps[] = {0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600};
    uint32_t frames = line->last - line->first;
    double hz = line->trace->header.hz ? line->trace->header.hz : 60, step = steps[0];
    if (frames < hz) {
        uint32_t each = frames > 30 ? 10 : frames > 10 ? 5 : 1;
        for (uint32_t at = (line->first + each - 1) / each * each; at <= line->last; at += each)
            draw_tick(out, place(line, at), bottom, at, "");
        return;
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps && frames / hz / step > 10; i++)
        step = steps[i];
    for (double at = ceil(line->first / hz / step) * step; at * hz <= line->last; at += step)
        draw_tick(out, place(line, (uint32_t)lround(at * hz)), bottom, at, " s");
}

static void draw_lanes(FILE *out, const struct timeline *line)
{
    for (uint32_t i = 0; i < line->n_lanes; i++) {
        int y = TOP + (int)i * LANE;
        fprintf(out, "<rect class=\"lane%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/><text class=\"key\" x=\"%d\" y=\"%d\">",
                i % 2 ? " odd" : "", LABELS, y, WIDTH - LABELS, LANE, LABELS - 8, y + 14);
        put_lane(out, line, &line->lanes[i]);
        fputs("</text>", out);
    }
}

static void draw_bars(FILE *out, const struct timeline *line)
{
    for (size_t i = line->n_bars > BARS_MAX ? line->n_bars - BARS_MAX : 0; i < line->n_bars; i++) {
        const struct bar *bar = &line->bars[i];
        if (bar->to < line->first || bar->from > line->last)
            continue;
        uint32_t from = bar->from < line->first ? line->first : bar->from;
        uint32_t to = bar->to > line->last ? line->last : bar->to;
        double x = place(line, from), width = place(line, to) - x;
        fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"><title>",
                bar->held ? "bar" : "moment", x, TOP + (int)bar->lane * LANE + 4, width < 3 ? 3 : width, LANE - 8);
        put_lane(out, line, &line->lanes[bar->lane]);
        put_value(out, bar->event);
        fprintf(out, ", frame %u", bar->from);
        if (bar->held)
            fprintf(out, " to %u", bar->to);
        fputs("</title></rect>", out);
    }
}

static void draw_marks(FILE *out, const struct timeline *line, int bottom)
{
    const struct moth_trace *trace = line->trace;
    for (size_t i = 0, drawn = 0; i < trace->n_marks && drawn < MARKS_MAX; i++) {
        const struct moth_trace_mark *mark = &trace->marks[i];
        if (mark->frame < line->first || mark->frame > line->last)
            continue;
        drawn++;
        double x = place(line, mark->frame);
        fprintf(out, "<path class=\"mark\" d=\"M%.1f %dl-4 -7h8z\"><title>frame %u: ", x, TOP, mark->frame);
        moth_html_text(out, mark->text);
        fputs("</title></path>", out);
    }
    double x = place(line, line->finding);
    bool right = x > WIDTH - 150;
    fprintf(out, "<path class=\"found\" d=\"M%.1f %dV%d\"/><text class=\"found-at%s\" x=\"%.1f\" y=\"%d\">finding, frame %u</text>",
            x, TOP - 4, bottom, right ? " left" : "", right ? x - 5 : x + 5, TOP - 6, line->finding);
}

static void draw(FILE *out, const struct timeline *line, const char *id)
{
    int bottom = TOP + (int)line->n_lanes * LANE;
    fprintf(out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Inputs, drawn over time\"><svg class=\"timeline\" "
            "viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-title\"><title id=\"%s-title\">",
            WIDTH, bottom + 20, id, id);
    fprintf(out, "%zu inputs on %u keys, buttons or axes, from frame %u to the finding at frame %u</title>", line->n_bars,
            line->n_lanes, line->first, line->finding);
    draw_lanes(out, line);
    draw_scale(out, line, bottom);
    draw_bars(out, line);
    draw_marks(out, line, bottom);
    fputs("</svg></div>\n", out);
}

/* ---- the table ---- */

static void put_row(FILE *out, const struct timeline *line, const struct bar *bar)
{
    fprintf(out, "<tr><td class=\"n\">%u</td><td class=\"n\">%.2f s</td><td>", bar->from, seconds(line, bar->from));
    put_lane(out, line, &line->lanes[bar->lane]);
    put_value(out, bar->event);
    fputs("</td><td class=\"n\">", out);
    if (bar->held)
        fprintf(out, "%u frame%s", bar->to - bar->from, bar->to - bar->from == 1 ? "" : "s");
    fputs("</td></tr>\n", out);
}

static void put_table(FILE *out, const struct timeline *line)
{
    size_t from = line->n_bars > ROWS_MAX ? line->n_bars - ROWS_MAX : 0;
    fprintf(out, "<details><summary>Inputs as a table</summary>");
    if (from > 0)
        fprintf(out, "<p class=\"note\">The last %u of %zu.</p>", ROWS_MAX, line->n_bars);
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Inputs as a table\"><table><thead><tr><th "
          "scope=\"col\" class=\"n\">Frame</th><th scope=\"col\" class=\"n\">Time</th>"
          "<th scope=\"col\">Input</th><th scope=\"col\" class=\"n\">Held for</th></tr></thead><tbody>\n",
          out);
    for (size_t i = from; i < line->n_bars; i++)
        put_row(out, line, &line->bars[i]);
    fputs("</tbody></table></div></details>\n", out);
}

/* ---- all of it ---- */

/* A long way is shown from where the inputs that are drawn begin. */
static void choose_range(struct timeline *line)
{
    line->first = 0;
    if (line->n_bars == 0)
        return;
    const struct bar *begin = &line->bars[line->n_bars > BARS_MAX ? line->n_bars - BARS_MAX : 0];
    uint32_t span = line->last > begin->from ? line->last - begin->from : 0;
    if (begin->from > span / 2 && begin->from > 120)
        line->first = begin->from - (span / 10 < begin->from ? span / 10 : begin->from);
}

void moth_html_timeline(FILE *out, const struct moth_trace *trace, uint32_t frame, const char *id)
{
    struct timeline line = {.trace = trace, .finding = frame, .last = frame > 0 ? frame : trace->frames};
    line.bars = calloc(trace->n_events + 1, sizeof *line.bars);
    if (!line.bars)
        return;
    for (size_t i = 0; i < trace->n_events; i++)
        if (trace->events[i].frame <= line.last)
            take(&line, &trace->events[i]);
    if (line.n_bars == 0) {
        fputs("<p>It needs no inputs: started and left alone, the game comes to it by itself.</p>\n", out);
    } else {
        choose_range(&line);
        draw(out, &line, id);
        if (line.first > 0)
            fprintf(out, "<p class=\"note\">Shown from frame %u (%.1f s) on.</p>\n", line.first, seconds(&line, line.first));
        if (line.other > 0)
            fprintf(out, "<p class=\"note\">%u more inputs were on keys that have no lane.</p>\n", line.other);
        put_table(out, &line);
    }
    free(line.bars);
}
