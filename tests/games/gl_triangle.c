/* SPDX-License-Identifier: MIT
 *
 * Draws with OpenGL, whose functions it gets from SDL_GL_GetProcAddress: a triangle that turns, on a
 * background that changes. The secret reads through a null pointer.
 */
#include "secret.h"

#include <SDL_opengl.h>
#include <math.h>

static struct {
    void(APIENTRY *ClearColor)(GLfloat, GLfloat, GLfloat, GLfloat);
    void(APIENTRY *Clear)(GLbitfield);
    void(APIENTRY *Begin)(GLenum);
    void(APIENTRY *End)(void);
    void(APIENTRY *Color3f)(GLfloat, GLfloat, GLfloat);
    void(APIENTRY *Vertex2f)(GLfloat, GLfloat);
} gl;

static void *load(const char *name)
{
    void *function = SDL_GL_GetProcAddress(name);
    if (!function)
        game_die(name);
    return function;
}

static void load_all(void)
{
    *(void **)&gl.ClearColor = load("glClearColor");
    *(void **)&gl.Clear = load("glClear");
    *(void **)&gl.Begin = load("glBegin");
    *(void **)&gl.End = load("glEnd");
    *(void **)&gl.Color3f = load("glColor3f");
    *(void **)&gl.Vertex2f = load("glVertex2f");
}

static void draw(long frame, int step)
{
    gl.ClearColor((float)(frame % 64) / 64, (float)step / 4, 0.2f, 1);
    gl.Clear(GL_COLOR_BUFFER_BIT);
    gl.Begin(GL_TRIANGLES);
    for (int i = 0; i < 3; i++) {
        float angle = (float)frame * 0.05f + (float)i * 2.0943951f;
        gl.Color3f(i == 0, i == 1, i == 2);
        gl.Vertex2f(0.7f * cosf(angle), 0.7f * sinf(angle));
    }
    gl.End();
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game = {.quit = false};
    struct secret secret = {0, 0};
    game_limits(&game);
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        game_die("SDL_Init");
    game.window = SDL_CreateWindow("gl_triangle", 0, 0, GAME_WIDTH, GAME_HEIGHT, SDL_WINDOW_OPENGL);
    SDL_GLContext context = game.window ? SDL_GL_CreateContext(game.window) : NULL;
    if (!context)
        game_die("SDL_GL_CreateContext");
    load_all();
    while (!game.quit && (!game.frames_max || game.frame < game.frames_max)) {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        draw(game.frame, secret.step);
        SDL_GL_SwapWindow(game.window);
        SDL_Delay(16);
        game.frame++;
    }
    SDL_GL_DeleteContext(context);
    SDL_DestroyWindow(game.window);
    SDL_Quit();
    return 0;
}
