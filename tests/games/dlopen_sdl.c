/* SPDX-License-Identifier: MIT
 *
 * Links nothing of SDL: opens it with dlopen and looks its functions up, as language runtimes do. The secret
 * reads through a null pointer.
 */
#include "secret.h"

#include <dlfcn.h>

/* X(result, name, parameters): what this game needs of SDL. */
#define FUNCTIONS(X)                                                              \
    X(int, SDL_Init, (Uint32))                                                    \
    X(void, SDL_Quit, (void))                                                     \
    X(SDL_Window *, SDL_CreateWindow, (const char *, int, int, int, int, Uint32)) \
    X(SDL_Surface *, SDL_GetWindowSurface, (SDL_Window *))                        \
    X(int, SDL_UpdateWindowSurface, (SDL_Window *))                               \
    X(int, SDL_FillRect, (SDL_Surface *, const SDL_Rect *, Uint32))               \
    X(int, SDL_PollEvent, (SDL_Event *))                                          \
    X(void, SDL_Delay, (Uint32))

#define X(result, name, parameters) static result(*dl_##name) parameters;
FUNCTIONS(X)
#undef X

static void load_sdl(void)
{
    void *sdl = dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!sdl) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
#define X(result, name, parameters) *(void **)&dl_##name = dlsym(sdl, #name);
    FUNCTIONS(X)
#undef X
}

static void draw(SDL_Window *window, long frame, int step)
{
    SDL_Surface *surface = dl_SDL_GetWindowSurface(window);
    SDL_Rect box = {(int)(frame * 3 % GAME_WIDTH), 100, 10 + step * 10, 10};
    dl_SDL_FillRect(surface, NULL, 0x204020);
    dl_SDL_FillRect(surface, &box, 0xe0c040);
    dl_SDL_UpdateWindowSurface(window);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game = {.quit = false};
    struct secret secret = {0, 0};
    game_limits(&game);
    load_sdl();
    if (dl_SDL_Init(SDL_INIT_VIDEO) != 0)
        return 1;
    game.window = dl_SDL_CreateWindow("dlopen_sdl", 0, 0, GAME_WIDTH, GAME_HEIGHT, 0);
    while (!game.quit && (!game.frames_max || game.frame < game.frames_max)) {
        SDL_Event event;
        while (dl_SDL_PollEvent(&event)) {
            game.quit |= event.type == SDL_QUIT;
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        }
        draw(game.window, game.frame, secret.step);
        dl_SDL_Delay(16);
        game.frame++;
    }
    dl_SDL_Quit();
    return 0;
}
