/* SPDX-License-Identifier: MIT */
#include "headed/strip.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The header is not written for our warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_easy_font.h>
#pragma GCC diagnostic pop

#define MARGIN 8
#define BAR_HEIGHT 12
#define LINE_HEIGHT 14 /* of a line of letters, at scale 1 */
#define TEXT_MAX 400
#define QUADS_PER_LETTER 300 /* bytes, as stb_easy_font says */

#define BACKGROUND 0x14141cu
#define BAR 0x2c2c3cu
#define PLAYED 0x3a5a86u
#define MARK 0xe8c04au
#define FINDING 0xe0504au
#define HERE 0xffffffu
#define BRIGHT 0xe6e6ecu
#define DIM 0x9a9aa8u
#define RECORDING 0xe0504au

static void colour(SDL_Renderer *renderer, uint32_t rgb)
{
    moth_sdl.SetRenderDrawColor(renderer, (Uint8)(rgb >> 16), (Uint8)(rgb >> 8), (Uint8)rgb, 255);
}

static void fill(SDL_Renderer *renderer, int x, int y, int w, int h, uint32_t rgb)
{
    SDL_Rect rect = {x, y, w, h};
    colour(renderer, rgb);
    moth_sdl.RenderFillRect(renderer, &rect);
}

/* The font has ASCII. */
static void plain(char *to, size_t size, const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++)
        if (((unsigned char)*text & 0xc0) != 0x80) /* one sign for a character of several bytes */
            to[n++] = (unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f ? '?' : *text;
    to[n] = '\0';
}

int moth_strip_text(SDL_Renderer *renderer, int x, int y, int scale, int right, uint32_t rgb, const char *text)
{
    static char quads[TEXT_MAX * QUADS_PER_LETTER];
    struct vertex {
        float x, y, z;
        unsigned char rgba[4];
    } corners[4];
    char line[TEXT_MAX];
    plain(line, sizeof line, text);
    size_t length = strlen(line);
    while (length > 0 && x + stb_easy_font_width(line) * scale > right)
        line[--length] = '\0';
    int n = stb_easy_font_print(0, 0, line, NULL, quads, sizeof quads);
    for (int i = 0; i < n; i++) {
        memcpy(corners, quads + (size_t)i * sizeof corners, sizeof corners);
        fill(renderer, x + (int)corners[0].x * scale, y + (int)corners[0].y * scale,
             (int)(corners[2].x - corners[0].x) * scale, (int)(corners[2].y - corners[0].y) * scale, rgb);
    }
    return stb_easy_font_width(line) * scale;
}

static SDL_Rect bar_of(const SDL_Rect *place)
{
    return (SDL_Rect){place->x + MARGIN, place->y + MARGIN, place->w - 2 * MARGIN, BAR_HEIGHT};
}

static int x_of(const SDL_Rect *bar, const struct moth_strip *strip, uint32_t frame)
{
    uint32_t frames = strip->frames > 0 ? strip->frames : 1;
    return bar->x + (int)((uint64_t)(frame < frames ? frame : frames) * (uint32_t)bar->w / frames);
}

uint32_t moth_strip_frame_at(const SDL_Rect *place, const struct moth_strip *strip, int x, int y)
{
    SDL_Rect bar = bar_of(place);
    if (x < bar.x || y < bar.y - 2 || x >= bar.x + bar.w || y >= bar.y + bar.h + 2)
        return 0;
    uint32_t frame = (uint32_t)((uint64_t)(uint32_t)(x - bar.x) * strip->frames / (uint32_t)bar.w);
    return frame > 0 ? frame : 1;
}

static void put_bar(SDL_Renderer *renderer, const SDL_Rect *place, const struct moth_strip *strip)
{
    SDL_Rect bar = bar_of(place);
    int here = x_of(&bar, strip, strip->frame);
    fill(renderer, bar.x, bar.y, bar.w, bar.h, BAR);
    fill(renderer, bar.x, bar.y, here - bar.x, bar.h, PLAYED);
    for (size_t i = 0; i < strip->n_marks; i++)
        fill(renderer, x_of(&bar, strip, strip->marks[i].frame) - 1, bar.y, 2, bar.h, MARK);
    if (strip->finding_frame > 0)
        fill(renderer, x_of(&bar, strip, strip->finding_frame) - 1, bar.y - 3, 3, bar.h + 6, FINDING);
    fill(renderer, here - 1, bar.y - 3, 2, bar.h + 6, HERE);
}

/* The mark that the game has last passed. */
static const char *mark_here(const struct moth_strip *strip)
{
    const char *text = NULL;
    for (size_t i = 0; i < strip->n_marks && strip->marks[i].frame <= strip->frame; i++)
        text = strip->marks[i].text;
    return text;
}

static void put_speed(const struct moth_strip *strip, char *text, size_t size)
{
    if (strip->speed > 0)
        snprintf(text, size, "%gx", strip->speed);
    else
        snprintf(text, size, "as fast as it goes");
    size_t used = strlen(text);
    if (strip->achieved > 0 && (!(strip->speed > 0) || strip->achieved < strip->speed * 0.95))
        snprintf(text + used, size - used, " (%.2gx%s)", strip->achieved, strip->speed > 0 ? ": too slow a machine" : "");
}

void moth_strip_draw(SDL_Renderer *renderer, const SDL_Rect *place, const struct moth_strip *strip)
{
    char text[TEXT_MAX], speed[64];
    int x = place->x + MARGIN, y = place->y + MARGIN + BAR_HEIGHT + 8, right = place->x + place->w - MARGIN;
    uint32_t hz = strip->hz ? strip->hz : 60;
    fill(renderer, place->x, place->y, place->w, place->h, BACKGROUND);
    put_bar(renderer, place, strip);
    put_speed(strip, speed, sizeof speed);
    if (strip->recording)
        fill(renderer, x, y, 7, 7, RECORDING);
    x += strip->recording ? 12 : 0;
    const char *mark = mark_here(strip);
    snprintf(text, sizeof text, "%s   frame %" PRIu32 "%s%.0u   %.2f s   %s%s%s", strip->state, strip->frame,
             strip->recording ? "" : " of ", strip->recording ? 0 : strip->frames, strip->frame / (double)hz, speed,
             mark ? "   mark: " : "", mark ? mark : "");
    moth_strip_text(renderer, x, y, 1, right, BRIGHT, text);
    char held[200];
    moth_pressed_text(&strip->held, held, sizeof held);
    snprintf(text, sizeof text, "held: %s%s", held[0] ? held : "-", "");
    if (strip->held.moved)
        snprintf(text + strlen(text), sizeof text - strlen(text), "   mouse at %" PRId32 ", %" PRId32, strip->held.x,
                 strip->held.y);
    moth_strip_text(renderer, place->x + MARGIN, y + LINE_HEIGHT, 1, right, held[0] ? MARK : DIM, text);
    bool found = strip->title && strip->finding_frame > 0 && strip->frame >= strip->finding_frame;
    moth_strip_text(renderer, place->x + MARGIN, y + 2 * LINE_HEIGHT, 1, right, found ? FINDING : DIM,
                    found ? strip->title : strip->help);
}
