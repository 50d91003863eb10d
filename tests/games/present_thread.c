/* SPDX-License-Identifier: MIT
 *
 * A render thread owns the renderer and presents; the main thread takes events and holds the logic, which
 * has the bug: the secret reads through an empty list.
 */
#include "secret.h"

struct node {
    struct node *next;
    int value;
};

static struct game game;
static struct secret secret;
static SDL_mutex *mutex;
static SDL_atomic_t stop;
static struct node *list;

static int first_value(void)
{
    if (CLEAN && !list)
        return 0;
    return list->value;
}

static int render(void *arg)
{
    (void)arg;
    game.renderer = SDL_CreateRenderer(game.window, -1, SDL_RENDERER_SOFTWARE);
    if (!game.renderer)
        game_die("SDL_CreateRenderer");
    while (!SDL_AtomicGet(&stop)) {
        SDL_LockMutex(mutex);
        secret_draw(&game, &secret, 0x304050);
        SDL_UnlockMutex(mutex);
        SDL_RenderPresent(game.renderer);
        SDL_Delay(16);
    }
    SDL_DestroyRenderer(game.renderer);
    return 0;
}

static void tick(void)
{
    SDL_Event event;
    SDL_LockMutex(mutex);
    while (game_event(&game, &event))
        if (secret_event(&secret, &event, game.frame))
            game.frame += first_value();
    game.frame++;
    SDL_UnlockMutex(mutex);
    SDL_Delay(10);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    game_limits(&game);
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        game_die("SDL_Init");
    game.window = SDL_CreateWindow("present_thread", 0, 0, GAME_WIDTH, GAME_HEIGHT, 0);
    mutex = SDL_CreateMutex();
    SDL_Thread *thread = SDL_CreateThread(render, "render", NULL);
    if (!game.window || !mutex || !thread)
        game_die("start");
    while (!game.quit && (!game.frames_max || game.frame < game.frames_max))
        tick();
    SDL_AtomicSet(&stop, 1);
    SDL_WaitThread(thread, NULL);
    SDL_DestroyWindow(game.window);
    SDL_Quit();
    return 0;
}
