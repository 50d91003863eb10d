/* SPDX-License-Identifier: MIT
 *
 * A game that does next to nothing in a frame, so that what a step costs shows.
 */
#include <SDL.h>
#include <stdbool.h>

/* Something to watch, behind pointers. */
struct place {
    int value;
    struct place *next;
};
struct place places[50], *first[50];

int main(int argc, char **argv)
{
    for (int i = 0; i < 50; i++)
        first[i] = &places[i];
    (void)argc;
    (void)argv;
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        return 1;
    SDL_Window *window = SDL_CreateWindow("blank", 0, 0, 16, 16, 0);
    if (!window || !SDL_GetWindowSurface(window))
        return 1;
    for (bool running = true; running;) {
        SDL_Event event;
        while (SDL_PollEvent(&event))
            running = running && event.type != SDL_QUIT;
        SDL_UpdateWindowSurface(window);
    }
    SDL_Quit();
    return 0;
}
