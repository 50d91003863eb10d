/* SPDX-License-Identifier: MIT
 *
 * The SDL side of the probe. SDL hands us its jump table (SDL_DYNAPI_entry); we keep a copy as the
 * originals and put our functions in their places. The types are SDL's, the library is the game's.
 */
#ifndef MOTH_PROBE_SDL_SDL_H
#define MOTH_PROBE_SDL_SDL_H

#include <SDL2/SDL.h>

#include "core/probe.h"
#include "sdl/table.h"

#define MOTH_SDL_ENTRIES_MAX 2048

extern void *moth_sdl_originals[MOTH_SDL_ENTRIES_MAX];

/* The original behind a hook; NULL in an SDL too old to have it. */
#define SDL_ORIGINAL(name) ((__typeof__(SDL_##name) *)moth_sdl_originals[MOTH_SDL_##name])

struct moth_sdl_hook {
    enum moth_sdl_index index;
    void *function;
};

/* Each file of hooks ends in a list, closed by a NULL function. */
extern const struct moth_sdl_hook moth_sdl_video_hooks[], moth_sdl_gl_hooks[], moth_sdl_draw_hooks[], moth_sdl_input_hooks[],
    moth_sdl_event_hooks[], moth_sdl_audio_hooks[], moth_sdl_init_hooks[];

/* Put the hooks into a table that its owner filled only now (see dynapi.c). */
void moth_sdl_patch_pending(void);
extern bool moth_sdl_pending;

/* ---- init.c ---- */
void moth_sdl_note_driver(void);

/* ---- video.c ---- */
void moth_video_presented(void *presenter, bool sets_pace);
void moth_video_observe(struct moth_observation *observation, uint32_t want, bool last);
SDL_Window *moth_video_focus(void);
bool moth_video_focus_changed(void); /* once after each change */

/* ---- pixels.c ---- */
struct moth_pixels {
    const uint8_t *rows;
    uint32_t width, height, pitch_bytes, bytes_per_pixel;
    uint32_t r_shift, g_shift, b_shift, r_bits, g_bits, b_bits;
    const SDL_Color *palette;
    bool bottom_up;
};
/* Pixels R G B X that were read straight into the channel's picture area. */
void moth_pixels_in_channel(uint32_t width, uint32_t height, struct moth_pixels *pixels);
uint64_t moth_pixels_hash(const struct moth_pixels *pixels);
void moth_pixels_copy(const struct moth_pixels *pixels, struct moth_channel *channel);
void moth_pixels_cell(const struct moth_pixels *pixels, uint8_t *cell);
bool moth_pixels_of_surface(const SDL_Surface *surface, struct moth_pixels *pixels);

/* ---- gl.c ---- */
/* Read the drawing buffer of the current context into the channel's picture area. */
bool moth_gl_read(SDL_Window *window, struct moth_pixels *pixels);
/* Before a frame begins: is its picture going to be looked at? With --render auto, others are not drawn. */
void moth_gl_pace(bool looked_at);
/* Is this frame drawn because it may be looked at, and are others not? */
bool moth_gl_paced(void);

/* ---- input.c ---- */
void moth_input_begin_frame(void);
void moth_input_apply(const struct moth_input_event *event);

/* ---- announce.c ---- */
bool moth_events_announced(void);
/* Put the values of all published variables into the channel. */
void moth_watches_sample(void);
/* Put what the game stated so far into the channel. */
void moth_properties_tell(void);
void moth_announce(uint8_t kind, const char *name, const char *text); /* enum moth_announce_kind */

/* ---- boundary.c ---- */
void moth_boundary_presenter_gone(void *presenter);

#endif
