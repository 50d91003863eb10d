/* SPDX-License-Identifier: MIT */
#include "headed/window.h"

#include <stdlib.h>
#include <string.h>

#include "runner/png.h"

#define EMPTY_W 640
#define EMPTY_H 480
#define LEAST_W 480
#define PART_OF_SCREEN 0.85

struct moth_window {
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture;
    uint8_t *pixels; /* the picture, kept */
    uint32_t width, height;
    SDL_Rect picture, strip; /* where they were drawn */
    bool sized, grabbed;
};

/* ---- opening ---- */

static int make(struct moth_window *window, const char *title, struct moth_err *err)
{
    window->window = moth_sdl.CreateWindow(title, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, EMPTY_W,
                                           EMPTY_H + MOTH_STRIP_HEIGHT, SDL_WINDOW_RESIZABLE);
    /* Drawing on the processor: no driver's threads and memory in moth, and the game does not wait for a screen. */
    if (window->window)
        window->renderer = moth_sdl.CreateRenderer(window->window, -1, SDL_RENDERER_SOFTWARE);
    if (!window->renderer)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the window could not be opened: %s", moth_sdl.GetError());
    moth_sdl.SetWindowMinimumSize(window->window, LEAST_W, 160 + MOTH_STRIP_HEIGHT);
    moth_sdl.RaiseWindow(window->window);
    moth_sdl.StartTextInput();
    return 0;
}

struct moth_window *moth_window_open(const char *title, struct moth_err *err)
{
    if (moth_sdl_open(err) != 0)
        return NULL;
    struct moth_window *window = calloc(1, sizeof *window);
    if (!window)
        abort();
    if (make(window, title, err) == 0)
        return window;
    moth_window_close(window);
    return NULL;
}

void moth_window_close(struct moth_window *window)
{
    if (!window)
        return;
    if (window->texture)
        moth_sdl.DestroyTexture(window->texture);
    if (window->renderer)
        moth_sdl.DestroyRenderer(window->renderer);
    if (window->window)
        moth_sdl.DestroyWindow(window->window);
    moth_sdl_close();
    free(window->pixels);
    free(window);
}

unsigned long moth_window_id(const struct moth_window *window)
{
    SDL_SysWMinfo info;
    SDL_VERSION(&info.version);
    if (!moth_sdl.GetWindowWMInfo(window->window, &info))
        return 0;
#ifdef SDL_VIDEO_DRIVER_X11
    if (info.subsystem == SDL_SYSWM_X11)
        return info.info.x11.window;
#endif
    return 0;
}

/* ---- the picture ---- */

/* As many times as large as the screen has room for. */
static void fit_window(struct moth_window *window)
{
    SDL_Rect screen = {0, 0, 1280, 800};
    window->sized = true;
    moth_sdl.GetDisplayUsableBounds(0, &screen);
    int most_w = (int)(screen.w * PART_OF_SCREEN), most_h = (int)(screen.h * PART_OF_SCREEN) - MOTH_STRIP_HEIGHT;
    int width = (int)window->width, height = (int)window->height, times = 1;
    while (width * (times + 1) <= most_w && height * (times + 1) <= most_h)
        times++;
    int shown_w = width * times < most_w ? width * times : most_w;
    int shown_h = height * times < most_h ? height * times : most_h;
    moth_sdl.SetWindowSize(window->window, shown_w > LEAST_W ? shown_w : LEAST_W, shown_h + MOTH_STRIP_HEIGHT);
    moth_sdl.SetWindowPosition(window->window, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED);
}

static int resize(struct moth_window *window, uint32_t width, uint32_t height)
{
    uint8_t *pixels = realloc(window->pixels, (size_t)width * height * 4);
    SDL_Texture *texture = moth_sdl.CreateTexture(window->renderer, SDL_PIXELFORMAT_RGBA32, SDL_TEXTUREACCESS_STREAMING,
                                                  (int)width, (int)height);
    if (pixels)
        window->pixels = pixels;
    if (!pixels || !texture)
        return -1;
    moth_sdl.SetTextureBlendMode(texture, SDL_BLENDMODE_NONE);
    if (window->texture)
        moth_sdl.DestroyTexture(window->texture);
    window->texture = texture;
    window->width = width;
    window->height = height;
    if (!window->sized)
        fit_window(window);
    return 0;
}

int moth_window_picture(struct moth_window *window, const uint8_t *pixels, uint32_t width, uint32_t height)
{
    if (width == 0 || height == 0)
        return -1;
    if ((width != window->width || height != window->height || !window->texture) && resize(window, width, height) != 0)
        return -1;
    memcpy(window->pixels, pixels, (size_t)width * height * 4);
    return moth_sdl.UpdateTexture(window->texture, NULL, window->pixels, (int)width * 4);
}

int moth_window_save(const struct moth_window *window, const char *path, struct moth_err *err)
{
    if (!window->texture)
        return moth_err_set(err, MOTH_ERR_IO, "there was no picture yet");
    return moth_png_write(path, window->pixels, window->width, window->height, err);
}

/* In the middle; by whole steps where it is enlarged, so that each of its pixels is as large as the next. */
static void lay_out(struct moth_window *window)
{
    int w = 0, h = 0;
    moth_sdl.GetRendererOutputSize(window->renderer, &w, &h);
    int room_h = h > MOTH_STRIP_HEIGHT ? h - MOTH_STRIP_HEIGHT : 0;
    window->strip = (SDL_Rect){0, room_h, w, h - room_h};
    if (window->width == 0 || room_h == 0)
        return;
    double fit_w = (double)w / window->width, fit_h = (double)room_h / window->height;
    double scale = fit_w < fit_h ? fit_w : fit_h;
    if (scale >= 1)
        scale = (int)scale;
    int shown_w = (int)(window->width * scale), shown_h = (int)(window->height * scale);
    window->picture = (SDL_Rect){(w - shown_w) / 2, (room_h - shown_h) / 2, shown_w, shown_h};
}

static void draw_pointer(struct moth_window *window, const struct moth_pressed *held, uint32_t game_w, uint32_t game_h)
{
    const SDL_Rect *at = &window->picture;
    if (!held->moved || game_w == 0 || game_h == 0)
        return;
    int x = at->x + (int)((int64_t)held->x * at->w / game_w), y = at->y + (int)((int64_t)held->y * at->h / game_h);
    for (int pass = 0; pass < 2; pass++) { /* dark around light: seen on any ground */
        int wide = pass == 0 ? 2 : 1;
        SDL_Rect across = {x - 8, y - wide, 17, 2 * wide - 1}, down = {x - wide, y - 8, 2 * wide - 1, 17};
        Uint8 light = pass == 0 ? 0 : 255;
        moth_sdl.SetRenderDrawColor(window->renderer, light, held->buttons && pass ? 64 : light,
                                    held->buttons && pass ? 64 : light, 255);
        moth_sdl.RenderFillRect(window->renderer, &across);
        moth_sdl.RenderFillRect(window->renderer, &down);
    }
}

void moth_window_draw(struct moth_window *window, const struct moth_strip *strip, bool pointer, uint32_t game_w,
                      uint32_t game_h)
{
    lay_out(window);
    moth_sdl.SetRenderDrawColor(window->renderer, 0, 0, 0, 255);
    moth_sdl.RenderClear(window->renderer);
    if (window->texture)
        moth_sdl.RenderCopy(window->renderer, window->texture, NULL, &window->picture);
    else
        moth_strip_text(window->renderer, 16, 16, 2, window->strip.w, 0x9a9aa8, "no picture yet");
    if (pointer)
        draw_pointer(window, &strip->held, game_w, game_h);
    moth_strip_draw(window->renderer, &window->strip, strip);
    moth_sdl.RenderPresent(window->renderer);
}

/* ---- events ---- */

bool moth_window_event(struct moth_window *window, SDL_Event *event, int wait_ms)
{
    (void)window;
    return wait_ms > 0 ? moth_sdl.WaitEventTimeout(event, wait_ms) != 0 : moth_sdl.PollEvent(event) != 0;
}

void moth_window_place(const struct moth_window *window, struct moth_hands_view *view)
{
    view->x = window->picture.x;
    view->y = window->picture.y;
    view->w = window->picture.w;
    view->h = window->picture.h;
}

uint32_t moth_window_frame_at(const struct moth_window *window, const struct moth_strip *strip, int x, int y)
{
    return moth_strip_frame_at(&window->strip, strip, x, y);
}

void moth_window_grab(struct moth_window *window, bool grab)
{
    if (window->grabbed == grab)
        return;
    window->grabbed = grab;
    moth_sdl.SetRelativeMouseMode(grab ? SDL_TRUE : SDL_FALSE);
}
