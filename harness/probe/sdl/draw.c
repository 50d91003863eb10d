/* SPDX-License-Identifier: MIT
 *
 * Drawing nobody looks at. With --render off, calls that draw to the screen succeed and do nothing;
 * those that draw into a texture go on, because the game may read it.
 */
#include "sdl/sdl.h"

static bool to_texture;

static bool blind(void)
{
    return moth_channel->config.render == MOTH_RENDER_OFF && !to_texture;
}

static int hook_SetRenderTarget(SDL_Renderer *renderer, SDL_Texture *texture)
{
    int result = SDL_ORIGINAL(SetRenderTarget)(renderer, texture);
    if (result == 0)
        to_texture = texture != NULL;
    return result;
}

#define DRAW_HOOK(name, arguments, pass)                                                           \
    static int hook_##name arguments                                                               \
    {                                                                                              \
        return blind() ? 0 : SDL_ORIGINAL(name) pass;                                              \
    }

DRAW_HOOK(RenderClear, (SDL_Renderer * r), (r))
DRAW_HOOK(RenderCopy, (SDL_Renderer * r, SDL_Texture *t, const SDL_Rect *s, const SDL_Rect *d), (r, t, s, d))
DRAW_HOOK(RenderCopyEx,
          (SDL_Renderer * r, SDL_Texture *t, const SDL_Rect *s, const SDL_Rect *d, const double angle,
           const SDL_Point *center, const SDL_RendererFlip flip),
          (r, t, s, d, angle, center, flip))
DRAW_HOOK(RenderFillRect, (SDL_Renderer * r, const SDL_Rect *rect), (r, rect))
DRAW_HOOK(RenderFillRects, (SDL_Renderer * r, const SDL_Rect *rects, int n), (r, rects, n))
DRAW_HOOK(RenderDrawRect, (SDL_Renderer * r, const SDL_Rect *rect), (r, rect))
DRAW_HOOK(RenderDrawRects, (SDL_Renderer * r, const SDL_Rect *rects, int n), (r, rects, n))
DRAW_HOOK(RenderDrawLine, (SDL_Renderer * r, int x1, int y1, int x2, int y2), (r, x1, y1, x2, y2))
DRAW_HOOK(RenderDrawLines, (SDL_Renderer * r, const SDL_Point *points, int n), (r, points, n))
DRAW_HOOK(RenderDrawPoint, (SDL_Renderer * r, int x, int y), (r, x, y))
DRAW_HOOK(RenderDrawPoints, (SDL_Renderer * r, const SDL_Point *points, int n), (r, points, n))
DRAW_HOOK(RenderCopyF, (SDL_Renderer * r, SDL_Texture *t, const SDL_Rect *s, const SDL_FRect *d), (r, t, s, d))
DRAW_HOOK(RenderCopyExF,
          (SDL_Renderer * r, SDL_Texture *t, const SDL_Rect *s, const SDL_FRect *d, const double angle,
           const SDL_FPoint *center, const SDL_RendererFlip flip),
          (r, t, s, d, angle, center, flip))
DRAW_HOOK(RenderFillRectF, (SDL_Renderer * r, const SDL_FRect *rect), (r, rect))
DRAW_HOOK(RenderFillRectsF, (SDL_Renderer * r, const SDL_FRect *rects, int n), (r, rects, n))
DRAW_HOOK(RenderDrawRectF, (SDL_Renderer * r, const SDL_FRect *rect), (r, rect))
DRAW_HOOK(RenderDrawRectsF, (SDL_Renderer * r, const SDL_FRect *rects, int n), (r, rects, n))
DRAW_HOOK(RenderDrawLineF, (SDL_Renderer * r, float x1, float y1, float x2, float y2), (r, x1, y1, x2, y2))
DRAW_HOOK(RenderDrawLinesF, (SDL_Renderer * r, const SDL_FPoint *points, int n), (r, points, n))
DRAW_HOOK(RenderDrawPointF, (SDL_Renderer * r, float x, float y), (r, x, y))
DRAW_HOOK(RenderDrawPointsF, (SDL_Renderer * r, const SDL_FPoint *points, int n), (r, points, n))
DRAW_HOOK(RenderGeometry,
          (SDL_Renderer * r, SDL_Texture *t, const SDL_Vertex *vertices, int n, const int *indices, int n_indices),
          (r, t, vertices, n, indices, n_indices))
DRAW_HOOK(RenderGeometryRaw,
          (SDL_Renderer * r, SDL_Texture *t, const float *xy, int xy_stride, const SDL_Color *color, int color_stride,
           const float *uv, int uv_stride, int n, const void *indices, int n_indices, int size),
          (r, t, xy, xy_stride, color, color_stride, uv, uv_stride, n, indices, n_indices, size))

#define ENTRY(name) {MOTH_SDL_##name, hook_##name}

const struct moth_sdl_hook moth_sdl_draw_hooks[] = {
    ENTRY(SetRenderTarget), ENTRY(RenderClear), ENTRY(RenderCopy), ENTRY(RenderCopyEx), ENTRY(RenderFillRect),
    ENTRY(RenderFillRects), ENTRY(RenderDrawRect), ENTRY(RenderDrawRects), ENTRY(RenderDrawLine),
    ENTRY(RenderDrawLines), ENTRY(RenderDrawPoint), ENTRY(RenderDrawPoints), ENTRY(RenderCopyF),
    ENTRY(RenderCopyExF), ENTRY(RenderFillRectF), ENTRY(RenderFillRectsF), ENTRY(RenderDrawRectF),
    ENTRY(RenderDrawRectsF), ENTRY(RenderDrawLineF), ENTRY(RenderDrawLinesF), ENTRY(RenderDrawPointF),
    ENTRY(RenderDrawPointsF), ENTRY(RenderGeometry), ENTRY(RenderGeometryRaw), {0, NULL}};
