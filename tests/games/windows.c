/* SPDX-License-Identifier: MIT
 *
 * Two windows, each with a renderer of its own; the second is opened by space and closed by backspace. The
 * secret draws into the second, whether it is open or not.
 */
#include "secret.h"

struct inset {
    SDL_Window *window;
    SDL_Renderer *renderer;
    int marks;
};

static void open_inset(struct inset **inset)
{
    if (*inset)
        return;
    *inset = calloc(1, sizeof **inset);
    (*inset)->window = SDL_CreateWindow("map", 10, 10, 100, 80, 0);
    (*inset)->renderer = SDL_CreateRenderer((*inset)->window, -1, SDL_RENDERER_SOFTWARE);
    if (!(*inset)->renderer)
        game_die("SDL_CreateRenderer");
}

static void close_inset(struct inset **inset)
{
    if (!*inset)
        return;
    SDL_DestroyRenderer((*inset)->renderer);
    SDL_DestroyWindow((*inset)->window);
    free(*inset);
    *inset = NULL;
}

static void mark_inset(struct inset *inset)
{
    if (CLEAN && !inset)
        return;
    inset->marks++;
}

static void draw_inset(struct inset *inset, long frame)
{
    if (!inset)
        return;
    SDL_SetRenderDrawColor(inset->renderer, (Uint8)(frame * 3), (Uint8)(inset->marks * 40), 90, 255);
    SDL_RenderClear(inset->renderer);
    SDL_RenderPresent(inset->renderer);
}

static void on_event(struct inset **inset, struct secret *secret, const SDL_Event *event, long frame)
{
    int key = game_pressed(event);
    if (key == SDL_SCANCODE_SPACE)
        open_inset(inset);
    else if (key == SDL_SCANCODE_BACKSPACE)
        close_inset(inset);
    if (secret_event(secret, event, frame))
        mark_inset(*inset);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    struct inset *inset = NULL;
    game_open(&game, "windows");
    open_inset(&inset);
    close_inset(&inset);
    open_inset(&inset);
    close_inset(&inset);
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            on_event(&inset, &secret, &event, game.frame);
        draw_inset(inset, game.frame);
        secret_draw(&game, &secret, 0x501050);
    } while (game_present(&game));
    close_inset(&inset);
    game_close(&game);
    return 0;
}
