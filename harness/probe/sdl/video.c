/* SPDX-License-Identifier: MIT
 *
 * Windows and what they show. A present is a boundary; its picture is read only when the runner asked
 * for it, from where it lies: the window's surface, the GL context, else through the renderer.
 */
#include <string.h>

#include "sdl/sdl.h"

#define WINDOWS_MAX 32

struct shown {
    SDL_Window *window;
    SDL_Renderer *renderer;
    bool gl, software, surface;
};

static struct shown windows[WINDOWS_MAX];
static struct shown *last_shown;
static SDL_Window *focus;
static bool focus_fresh;

/* The picture as it was read at one boundary. At the next one it is read again though nothing was presented:
 * a game may have drawn since, and what is seen must not depend on who looked before. */
static struct {
    uint64_t hash;
    uint32_t sequence, frame;
    bool read, ok;
} seen;

static struct shown *entry_of(SDL_Window *window)
{
    for (int i = 0; i < WINDOWS_MAX; i++)
        if (window != NULL && windows[i].window == window)
            return &windows[i];
    return NULL;
}

static struct shown *entry_of_renderer(const SDL_Renderer *renderer)
{
    for (int i = 0; i < WINDOWS_MAX; i++)
        if (renderer != NULL && windows[i].renderer == renderer)
            return &windows[i];
    return NULL;
}

static void set_focus(SDL_Window *window)
{
    focus = window;
    focus_fresh = window != NULL;
}

SDL_Window *moth_video_focus(void)
{
    return focus;
}

bool moth_video_focus_changed(void)
{
    bool fresh = focus_fresh;
    focus_fresh = false;
    return fresh;
}

static struct shown *add_window(SDL_Window *window, Uint32 flags)
{
    if (window == NULL)
        return NULL;
    moth_claim();
    moth_boundary_enable();
    struct shown *entry = entry_of(window);
    for (int i = 0; i < WINDOWS_MAX && entry == NULL; i++)
        if (windows[i].window == NULL)
            entry = &windows[i];
    if (entry == NULL)
        return NULL;
    moth_sdl_note_driver();
    *entry = (struct shown){.window = window, .gl = (flags & SDL_WINDOW_OPENGL) != 0};
    moth_channel->gl_used |= entry->gl;
    if (!(flags & SDL_WINDOW_HIDDEN) || focus == NULL)
        set_focus(window);
    return entry;
}

static void add_renderer(SDL_Window *window, SDL_Renderer *renderer)
{
    if (renderer == NULL || window == NULL)
        return;
    struct shown *entry = entry_of(window);
    if (entry == NULL)
        entry = add_window(window, 0);
    if (entry == NULL)
        return;
    SDL_RendererInfo info;
    entry->renderer = renderer;
    entry->software = SDL_ORIGINAL(GetRendererInfo)(renderer, &info) == 0 && strcmp(info.name, "software") == 0;
}

static SDL_Window *hook_CreateWindow(const char *title, int x, int y, int w, int h, Uint32 flags)
{
    SDL_Window *window = SDL_ORIGINAL(CreateWindow)(title, x, y, w, h, flags);
    add_window(window, flags);
    return window;
}

static int hook_CreateWindowAndRenderer(int w, int h, Uint32 flags, SDL_Window **window, SDL_Renderer **renderer)
{
    int result = SDL_ORIGINAL(CreateWindowAndRenderer)(w, h, flags, window, renderer);
    if (result == 0) {
        add_window(*window, flags);
        add_renderer(*window, *renderer);
    }
    return result;
}

static void hook_DestroyWindow(SDL_Window *window)
{
    struct shown *entry = entry_of(window);
    if (entry != NULL) {
        if (last_shown == entry)
            last_shown = NULL;
        moth_boundary_presenter_gone(entry);
        *entry = (struct shown){.window = NULL};
    }
    SDL_ORIGINAL(DestroyWindow)(window);
    if (focus != window)
        return;
    set_focus(NULL);
    for (int i = 0; i < WINDOWS_MAX; i++)
        if (windows[i].window != NULL)
            set_focus(windows[i].window);
}

static void hook_RaiseWindow(SDL_Window *window)
{
    SDL_ORIGINAL(RaiseWindow)(window);
    if (window != focus)
        set_focus(window);
}

static void hook_ShowWindow(SDL_Window *window)
{
    SDL_ORIGINAL(ShowWindow)(window);
    if (window != focus)
        set_focus(window);
}

/* Index -1, so that the renderer named in the environment is taken: on a window without GL the others
 * would fail, and with it they would rasterize what nobody looks at. */
static SDL_Renderer *hook_CreateRenderer(SDL_Window *window, int index, Uint32 flags)
{
    (void)index;
    SDL_Renderer *renderer = SDL_ORIGINAL(CreateRenderer)(window, -1, flags);
    add_renderer(window, renderer);
    return renderer;
}

static void hook_DestroyRenderer(SDL_Renderer *renderer)
{
    struct shown *entry = entry_of_renderer(renderer);
    if (entry != NULL) {
        moth_boundary_presenter_gone(entry);
        entry->renderer = NULL;
        entry->software = false;
    }
    SDL_ORIGINAL(DestroyRenderer)(renderer);
}

/* ---- reading ---- */

static bool through_renderer(SDL_Renderer *renderer, struct moth_pixels *pixels)
{
    int width = 0, height = 0;
    struct moth_channel *c = moth_channel;
    c->picture.ok = 0;
    if (SDL_ORIGINAL(GetRendererOutputSize)(renderer, &width, &height) != 0 || width <= 0 || height <= 0 ||
        (uint64_t)width * (uint64_t)height * 4 > MOTH_PICTURE_BYTES_MAX)
        return false;
    if (SDL_ORIGINAL(RenderReadPixels)(renderer, NULL, SDL_PIXELFORMAT_ABGR8888, c->pixels, width * 4) != 0)
        return false;
    moth_pixels_in_channel((uint32_t)width, (uint32_t)height, pixels);
    return true;
}

static bool locate(struct shown *shown, struct moth_pixels *pixels)
{
    if (shown == NULL || moth_channel->config.render == MOTH_RENDER_OFF)
        return false;
    if (shown->software || shown->surface)
        return moth_pixels_of_surface(SDL_ORIGINAL(GetWindowSurface)(shown->window), pixels);
    if (shown->renderer != NULL)
        return through_renderer(shown->renderer, pixels);
    return shown->gl && moth_gl_read(shown->window, pixels);
}

static void look(struct shown *shown, uint32_t want)
{
    struct moth_pixels pixels;
    struct moth_channel *c = moth_channel;
    seen.read = true;
    seen.ok = locate(shown, &pixels);
    c->cell_ok = seen.ok;
    if (!seen.ok) {
        seen.hash = 0;
        c->picture.ok = 0;
        return;
    }
    if (want & (MOTH_WANT_PICTURE | MOTH_WANT_PICTURE_LAST | MOTH_WANT_PIXELS))
        seen.hash = moth_pixels_hash(&pixels);
    if (want & MOTH_WANT_CELL)
        moth_pixels_cell(&pixels, c->cell);
    if ((want & MOTH_WANT_PIXELS) && pixels.rows != c->pixels)
        moth_pixels_copy(&pixels, c);
}

static uint32_t of_interest(uint32_t want, bool last)
{
    return last ? want : want & MOTH_WANT_PICTURE;
}

static void note_window(void)
{
    int w = 0, h = 0;
    if (focus == NULL)
        return;
    SDL_ORIGINAL(GetWindowSize)(focus, &w, &h);
    moth_channel->window_w = (uint32_t)w;
    moth_channel->window_h = (uint32_t)h;
}

void moth_video_observe(struct moth_observation *o, uint32_t want, bool last)
{
    want = of_interest(want, last);
    if (last)
        note_window();
    if (want == 0)
        return;
    if (seen.frame != moth_channel->frame) {
        seen.frame = moth_channel->frame;
        seen.read = false;
        seen.hash = 0;
    }
    bool enough = seen.read && !(want & (MOTH_WANT_PIXELS | MOTH_WANT_CELL)) && seen.hash != 0;
    if (!enough)
        look(last_shown, want);
    o->picture = seen.hash;
    o->picture_ok = seen.ok && seen.hash != 0;
}

void moth_video_presented(void *presenter, bool sets_pace)
{
    if (!sets_pace && last_shown != NULL)
        return;
    last_shown = presenter;
    seen.read = false;
    seen.hash = 0;
    seen.sequence++;
    moth_channel->picture.sequence = seen.sequence;
}

/* ---- presents ---- */

static void hook_RenderPresent(SDL_Renderer *renderer)
{
    SDL_ORIGINAL(RenderPresent)(renderer);
    struct shown *entry = entry_of_renderer(renderer);
    if (entry != NULL)
        moth_boundary_present(entry);
}

static void surface_shown(SDL_Window *window)
{
    struct shown *entry = entry_of(window);
    if (entry == NULL)
        return;
    entry->surface = true;
    moth_boundary_present(entry);
}

static int hook_UpdateWindowSurface(SDL_Window *window)
{
    int result = SDL_ORIGINAL(UpdateWindowSurface)(window);
    if (result == 0)
        surface_shown(window);
    return result;
}

static int hook_UpdateWindowSurfaceRects(SDL_Window *window, const SDL_Rect *rects, int n)
{
    int result = SDL_ORIGINAL(UpdateWindowSurfaceRects)(window, rects, n);
    if (result == 0)
        surface_shown(window);
    return result;
}

static void hook_GL_SwapWindow(SDL_Window *window)
{
    SDL_ORIGINAL(GL_SwapWindow)(window);
    struct shown *entry = entry_of(window);
    if (entry != NULL)
        moth_boundary_present(entry);
}

/* ---- a window that is in front ---- */

static Uint32 hook_GetWindowFlags(SDL_Window *window)
{
    Uint32 flags = SDL_ORIGINAL(GetWindowFlags)(window);
    if (window != NULL && window == focus)
        flags |= SDL_WINDOW_INPUT_FOCUS | SDL_WINDOW_MOUSE_FOCUS;
    return flags;
}

static SDL_Window *hook_GetKeyboardFocus(void)
{
    return focus;
}

const struct moth_sdl_hook moth_sdl_video_hooks[] = {
    {MOTH_SDL_CreateWindow, hook_CreateWindow},
    {MOTH_SDL_CreateWindowAndRenderer, hook_CreateWindowAndRenderer},
    {MOTH_SDL_DestroyWindow, hook_DestroyWindow},
    {MOTH_SDL_RaiseWindow, hook_RaiseWindow},
    {MOTH_SDL_ShowWindow, hook_ShowWindow},
    {MOTH_SDL_CreateRenderer, hook_CreateRenderer},
    {MOTH_SDL_DestroyRenderer, hook_DestroyRenderer},
    {MOTH_SDL_RenderPresent, hook_RenderPresent},
    {MOTH_SDL_UpdateWindowSurface, hook_UpdateWindowSurface},
    {MOTH_SDL_UpdateWindowSurfaceRects, hook_UpdateWindowSurfaceRects},
    {MOTH_SDL_GL_SwapWindow, hook_GL_SwapWindow},
    {MOTH_SDL_GetWindowFlags, hook_GetWindowFlags},
    {MOTH_SDL_GetKeyboardFocus, hook_GetKeyboardFocus},
    {MOTH_SDL_GetMouseFocus, hook_GetKeyboardFocus},
    {0, NULL}};
