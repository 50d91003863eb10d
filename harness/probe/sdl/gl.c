/* SPDX-License-Identifier: MIT
 *
 * Pictures out of an OpenGL context. The buffer of SDL's offscreen driver survives a swap, so a picture
 * can be read at any boundary at which its context is current.
 */
#include <SDL2/SDL_opengl.h>
#include <dlfcn.h>
#include <string.h>

#include "sdl/sdl.h"

typedef void(APIENTRY *read_pixels_fn)(GLint, GLint, GLsizei, GLsizei, GLenum, GLenum, void *);
typedef void(APIENTRY *get_integer_fn)(GLenum, GLint *);
typedef void(APIENTRY *bind_fn)(GLenum, GLuint);
typedef void(APIENTRY *pixel_store_fn)(GLenum, GLint);

#ifndef GL_READ_FRAMEBUFFER
#define GL_READ_FRAMEBUFFER 0x8CA8
#define GL_READ_FRAMEBUFFER_BINDING 0x8CAA
#endif
#ifndef GL_PIXEL_PACK_BUFFER
#define GL_PIXEL_PACK_BUFFER 0x88EB
#define GL_PIXEL_PACK_BUFFER_BINDING 0x88ED
#endif

typedef const GLubyte *(APIENTRY *get_string_fn)(GLenum);
typedef void(APIENTRY *switch_fn)(GLenum);

#ifndef GL_RASTERIZER_DISCARD
#define GL_RASTERIZER_DISCARD 0x8C89
#endif

static void *blind_context; /* in which drawing is off */
static bool must_draw;      /* the game makes or reads pictures of its own: each may matter later */

static void *function(const char *name)
{
    return SDL_ORIGINAL(GL_GetProcAddress)(name);
}

/* ---- drawing only what is looked at (--render auto) ---- */

static void draw_from_now_on(void)
{
    switch_fn disable = blind_context != NULL ? (switch_fn)function("glDisable") : NULL;
    must_draw = true;
    if (disable != NULL && SDL_ORIGINAL(GL_GetCurrentContext)() == blind_context) {
        disable(GL_RASTERIZER_DISCARD);
        blind_context = NULL;
    }
}

/* What a game that keeps pictures of its own must ask for, one way or the other. */
static bool keeps_pictures(const char *name)
{
    static const char *const names[] = {"glBindFramebuffer", "glReadPixels", "glCopyTex", "glBlitFramebuffer",
                                        "glNamedFramebuffer", "glBeginTransformFeedback"};
    for (size_t i = 0; name != NULL && i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void *hook_GL_GetProcAddress(const char *name)
{
    void *found = SDL_ORIGINAL(GL_GetProcAddress)(name);
    if (found != NULL && keeps_pictures(name))
        draw_from_now_on();
    return found;
}

static bool can_discard(void)
{
    get_string_fn get_string = (get_string_fn)function("glGetString");
    const char *version = get_string != NULL ? (const char *)get_string(GL_VERSION) : NULL;
    if (version == NULL)
        return false;
    while (*version != '\0' && (*version < '0' || *version > '9'))
        version++;
    return *version >= '3';
}

static bool pacing; /* frames that nobody looks at are not drawn */

bool moth_gl_paced(void)
{
    return pacing && blind_context == NULL;
}

void moth_gl_pace(bool looked_at)
{
    if (moth_channel->config.render != MOTH_RENDER_AUTO || must_draw || !moth_channel->gl_used)
        return;
    void *context = SDL_ORIGINAL(GL_GetCurrentContext)();
    if (context == NULL || looked_at == (blind_context != context))
        return;
    static void *asked_context;
    static bool able;
    if (asked_context != context) {
        asked_context = context;
        able = can_discard();
    }
    if (!able)
        return;
    switch_fn change = (switch_fn)function(looked_at ? "glDisable" : "glEnable");
    if (change == NULL)
        return;
    change(GL_RASTERIZER_DISCARD);
    pacing = true;
    blind_context = looked_at ? NULL : context;
}

const struct moth_sdl_hook moth_sdl_gl_hooks[] = {{MOTH_SDL_GL_GetProcAddress, hook_GL_GetProcAddress}, {0, NULL}};

/* Games linked with libGL come this way. */
#define LINKED_HOOK(name, arguments, pass)                                                         \
    void name arguments;                                                                           \
    MOTH_HOOK void name arguments                                                                  \
    {                                                                                              \
        static void(*real) arguments;                                                              \
        if (real == NULL) {                                                                        \
            void *found = dlsym(RTLD_NEXT, #name);                                                 \
            memcpy(&real, &found, sizeof real);                                                    \
            if (moth_mode != MOTH_DORMANT)                                                         \
                draw_from_now_on();                                                                \
        }                                                                                          \
        if (real != NULL)                                                                          \
            real pass;                                                                             \
    }

LINKED_HOOK(glBindFramebuffer, (GLenum target, GLuint id), (target, id))
LINKED_HOOK(glBindFramebufferEXT, (GLenum target, GLuint id), (target, id))
LINKED_HOOK(glReadPixels, (GLint x, GLint y, GLsizei w, GLsizei h, GLenum format, GLenum type, void *out),
            (x, y, w, h, format, type, out))
LINKED_HOOK(glCopyTexImage2D,
            (GLenum target, GLint level, GLenum format, GLint x, GLint y, GLsizei w, GLsizei h, GLint border),
            (target, level, format, x, y, w, h, border))
LINKED_HOOK(glCopyTexSubImage2D,
            (GLenum target, GLint level, GLint to_x, GLint to_y, GLint x, GLint y, GLsizei w, GLsizei h),
            (target, level, to_x, to_y, x, y, w, h))

/* ---- reading ---- */

/* The game's own pack state is put back. */
static bool read_rgba(uint32_t width, uint32_t height, uint8_t *out)
{
    static read_pixels_fn read_pixels;
    static get_integer_fn get_integer;
    static bind_fn bind_framebuffer, bind_buffer;
    static pixel_store_fn pixel_store;
    if (read_pixels == NULL) {
        read_pixels = (read_pixels_fn)function("glReadPixels");
        get_integer = (get_integer_fn)function("glGetIntegerv");
        bind_framebuffer = (bind_fn)function("glBindFramebuffer");
        bind_buffer = (bind_fn)function("glBindBuffer");
        pixel_store = (pixel_store_fn)function("glPixelStorei");
    }
    if (read_pixels == NULL || get_integer == NULL || pixel_store == NULL)
        return false;
    static const GLenum stores[] = {GL_PACK_ALIGNMENT, GL_PACK_ROW_LENGTH, GL_PACK_SKIP_ROWS, GL_PACK_SKIP_PIXELS};
    static const GLint plain[] = {4, 0, 0, 0};
    GLint framebuffer = 0, buffer = 0, saved[4];
    get_integer(GL_READ_FRAMEBUFFER_BINDING, &framebuffer);
    get_integer(GL_PIXEL_PACK_BUFFER_BINDING, &buffer);
    for (int i = 0; i < 4; i++) {
        get_integer(stores[i], &saved[i]);
        pixel_store(stores[i], plain[i]);
    }
    if (framebuffer != 0 && bind_framebuffer != NULL)
        bind_framebuffer(GL_READ_FRAMEBUFFER, 0);
    if (buffer != 0 && bind_buffer != NULL)
        bind_buffer(GL_PIXEL_PACK_BUFFER, 0);
    read_pixels(0, 0, (GLsizei)width, (GLsizei)height, GL_RGBA, GL_UNSIGNED_BYTE, out);
    if (framebuffer != 0 && bind_framebuffer != NULL)
        bind_framebuffer(GL_READ_FRAMEBUFFER, (GLuint)framebuffer);
    if (buffer != 0 && bind_buffer != NULL)
        bind_buffer(GL_PIXEL_PACK_BUFFER, (GLuint)buffer);
    for (int i = 0; i < 4; i++)
        pixel_store(stores[i], saved[i]);
    return true;
}

static void flip(uint8_t *rows, uint32_t pitch, uint32_t height)
{
    static uint8_t line[4096 * 4];
    for (uint32_t y = 0; y < height / 2; y++) {
        uint8_t *a = rows + (size_t)y * pitch, *b = rows + (size_t)(height - 1 - y) * pitch;
        memcpy(line, a, pitch);
        memcpy(a, b, pitch);
        memcpy(b, line, pitch);
    }
}

bool moth_gl_read(SDL_Window *window, struct moth_pixels *pixels)
{
    int width = 0, height = 0;
    struct moth_channel *c = moth_channel;
    c->picture.ok = 0;
    if (window == NULL || SDL_ORIGINAL(GL_GetCurrentContext)() == NULL ||
        SDL_ORIGINAL(GL_GetCurrentContext)() == blind_context)
        return false; /* nothing was drawn that could be read */
    SDL_ORIGINAL(GetWindowSize)(window, &width, &height);
    if (width <= 0 || height <= 0 || width > 4096 || (uint64_t)width * (uint64_t)height * 4 > MOTH_PICTURE_BYTES_MAX)
        return false;
    if (!read_rgba((uint32_t)width, (uint32_t)height, c->pixels))
        return false;
    flip(c->pixels, (uint32_t)width * 4, (uint32_t)height);
    for (size_t i = 3; i < (size_t)width * (size_t)height * 4; i += 4)
        c->pixels[i] = 255; /* alpha is not on the screen */
    moth_pixels_in_channel((uint32_t)width, (uint32_t)height, pixels);
    return true;
}
