/* SPDX-License-Identifier: MIT
 *
 * Draws with OpenGL what was made before and after a copy of the process: a texture that changes a little
 * every frame, a display list, a buffer, and a picture drawn into a texture and read back, which decides what
 * the next one looks like.
 */
#define GL_GLEXT_PROTOTYPES 1
#include "game.h"

#include <SDL_opengl.h>

#define SIDE 64

#define FUNCTIONS(X)                                                                                      \
    X(GenTextures)                                                                                        \
    X(BindTexture) X(TexImage2D) X(TexSubImage2D) X(TexParameteri) X(ReadPixels) X(GenFramebuffers)       \
        X(BindFramebuffer) X(FramebufferTexture2D) X(GenBuffers) X(BindBuffer) X(BufferData)              \
            X(BufferSubData) X(EnableClientState) X(DisableClientState) X(VertexPointer) X(DrawArrays)    \
                X(Viewport) X(Enable) X(Disable) X(ClearColor) X(Clear) X(GenLists) X(NewList) X(EndList) \
                    X(CallList) X(Begin) X(End) X(Color3f) X(TexCoord2f) X(Vertex2f)

static struct {
#define MEMBER(name) __typeof__(gl##name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} gl;

static GLuint skin, mirror, mirror_frame, shape, list;
static uint32_t texels[SIDE * SIDE];

static void *load(const char *name)
{
    void *function = SDL_GL_GetProcAddress(name);
    if (!function)
        game_die(name);
    return function;
}

static void load_all(void)
{
#define LOAD(name) *(void **)&gl.name = load("gl" #name);
    FUNCTIONS(LOAD)
#undef LOAD
}

static GLuint make_texture(const void *pixels)
{
    GLuint texture;
    gl.GenTextures(1, &texture);
    gl.BindTexture(GL_TEXTURE_2D, texture);
    gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    gl.TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    gl.TexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, SIDE, SIDE, 0, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    return texture;
}

static void square(float x, float y, float side)
{
    gl.Begin(GL_QUADS);
    gl.TexCoord2f(0, 0), gl.Vertex2f(x, y);
    gl.TexCoord2f(1, 0), gl.Vertex2f(x + side, y);
    gl.TexCoord2f(1, 1), gl.Vertex2f(x + side, y + side);
    gl.TexCoord2f(0, 1), gl.Vertex2f(x, y + side);
    gl.End();
}

static void make_all(void)
{
    static const float triangle[] = {-0.9f, -0.9f, -0.3f, -0.9f, -0.6f, -0.3f};
    for (uint64_t i = 0; i < SIDE * SIDE; i++)
        texels[i] = (uint32_t)game_mix(3, i) | 0xff000000;
    skin = make_texture(texels);
    mirror = make_texture(NULL);
    gl.GenFramebuffers(1, &mirror_frame);
    gl.BindFramebuffer(GL_FRAMEBUFFER, mirror_frame);
    gl.FramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, mirror, 0);
    gl.BindFramebuffer(GL_FRAMEBUFFER, 0);
    gl.GenBuffers(1, &shape);
    gl.BindBuffer(GL_ARRAY_BUFFER, shape);
    gl.BufferData(GL_ARRAY_BUFFER, sizeof triangle, triangle, GL_DYNAMIC_DRAW);
    gl.BindBuffer(GL_ARRAY_BUFFER, 0);
    list = gl.GenLists(1);
    gl.NewList(list, GL_COMPILE);
    square(0.2f, 0.2f, 0.7f);
    gl.EndList();
}

/* Into the texture, and back: what stands there is the sum of all frames so far. */
static uint32_t draw_mirror(uint64_t keys)
{
    uint32_t back[16];
    gl.BindFramebuffer(GL_FRAMEBUFFER, mirror_frame);
    gl.Viewport(0, 0, SIDE, SIDE);
    gl.Disable(GL_TEXTURE_2D);
    gl.Color3f((float)(keys % 7) / 7, (float)(texels[5] & 255) / 255, 0.4f);
    square((float)(texels[9] & 255) / 160 - 1, (float)(texels[11] & 255) / 160 - 1, 0.3f);
    gl.ReadPixels((GLint)(keys % 48), (GLint)(texels[2] % 48), 4, 4, GL_RGBA, GL_UNSIGNED_BYTE, back);
    gl.BindFramebuffer(GL_FRAMEBUFFER, 0);
    gl.Viewport(0, 0, GAME_WIDTH, GAME_HEIGHT);
    uint64_t sum = 0;
    for (int i = 0; i < 16; i++)
        sum = game_mix(sum, back[i]);
    return (uint32_t)sum;
}

static void draw(long frame, uint64_t keys)
{
    uint32_t seen = draw_mirror(keys);
    texels[(size_t)frame % 16] = seen | 0xff000000;
    gl.ClearColor((float)(seen & 255) / 255, (float)(frame % 64) / 64, 0.2f, 1);
    gl.Clear(GL_COLOR_BUFFER_BIT);
    gl.Enable(GL_TEXTURE_2D);
    gl.BindTexture(GL_TEXTURE_2D, skin);
    gl.TexSubImage2D(GL_TEXTURE_2D, 0, (GLint)(frame % 48), (GLint)(keys % 60), 16, 1, GL_RGBA,
                     GL_UNSIGNED_BYTE, texels);
    gl.Color3f(1, 1, 1);
    gl.CallList(list);
    gl.BindTexture(GL_TEXTURE_2D, mirror);
    square(-0.9f, 0.1f, 0.8f);
    gl.Disable(GL_TEXTURE_2D);
    float corner = (float)(seen % 100) / 100 - 0.9f;
    gl.BindBuffer(GL_ARRAY_BUFFER, shape);
    gl.BufferSubData(GL_ARRAY_BUFFER, 0, sizeof corner, &corner);
    gl.EnableClientState(GL_VERTEX_ARRAY);
    gl.VertexPointer(2, GL_FLOAT, 0, NULL);
    gl.DrawArrays(GL_TRIANGLES, 0, 3);
    gl.DisableClientState(GL_VERTEX_ARRAY);
    gl.BindBuffer(GL_ARRAY_BUFFER, 0);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game = {.quit = false};
    uint64_t keys = 0;
    game_limits(&game);
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        game_die("SDL_Init");
    game.window = SDL_CreateWindow("branch_gl", 0, 0, GAME_WIDTH, GAME_HEIGHT, SDL_WINDOW_OPENGL);
    SDL_GLContext context = game.window ? SDL_GL_CreateContext(game.window) : NULL;
    if (!context)
        game_die("SDL_GL_CreateContext");
    load_all();
    make_all();
    while (!game.quit && (!game.frames_max || game.frame < game.frames_max)) {
        SDL_Event event;
        while (game_event(&game, &event))
            if (game_pressed(&event))
                keys = game_mix(keys, (uint64_t)game_pressed(&event));
        draw(game.frame, keys);
        SDL_GL_SwapWindow(game.window);
        SDL_Delay(16);
        game.frame++;
    }
    SDL_GL_DeleteContext(context);
    SDL_DestroyWindow(game.window);
    SDL_Quit();
    return 0;
}
