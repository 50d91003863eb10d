/* SPDX-License-Identifier: MIT
 *
 * Pictures out of an OpenGL context. The buffer of SDL's offscreen driver survives a swap, so a picture
 * can be read at any boundary at which its context is current.
 */
#include <SDL2/SDL_opengl.h>
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

static void *function(const char *name)
{
    return SDL_ORIGINAL(GL_GetProcAddress)(name);
}

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
    if (window == NULL || SDL_ORIGINAL(GL_GetCurrentContext)() == NULL)
        return false;
    SDL_ORIGINAL(GetWindowSize)(window, &width, &height);
    if (width <= 0 || height <= 0 || width > 4096 || (uint64_t)width * (uint64_t)height * 4 > MOTH_PICTURE_BYTES_MAX)
        return false;
    if (!read_rgba((uint32_t)width, (uint32_t)height, c->pixels))
        return false;
    flip(c->pixels, (uint32_t)width * 4, (uint32_t)height);
    *pixels = (struct moth_pixels){.rows = c->pixels,
                                   .width = (uint32_t)width,
                                   .height = (uint32_t)height,
                                   .pitch_bytes = (uint32_t)width * 4,
                                   .bytes_per_pixel = 4,
                                   .r_bits = 8,
                                   .g_shift = 8,
                                   .g_bits = 8,
                                   .b_shift = 16,
                                   .b_bits = 8};
    for (size_t i = 3; i < (size_t)width * (size_t)height * 4; i += 4)
        c->pixels[i] = 255; /* alpha is not on the screen */
    c->picture.width = pixels->width;
    c->picture.height = pixels->height;
    c->picture.pitch_bytes = pixels->pitch_bytes;
    c->picture.ok = 1;
    return true;
}
