/* SPDX-License-Identifier: MIT
 *
 * A game that calls functions of its own in each way there is: in a library, from a library back into the program,
 * inside the library, in a plugin that is loaded when L is pressed, on another thread, and directly. What they return
 * is shown: an argument that arrives as another one shows another picture.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "engine.h"
#include "game.h"

int clerk_sell(int item);

static uint64_t state = 1;
static late_function *late;

static int secret_step(int frame)
{
    return frame * 7;
}

__attribute__((visibility("default"))) int level_load(int number)
{
    return number * 5;
}

static int worker(void *arg)
{
    int result = 0;
    for (int i = 0; i < 3; i++)
        result += engine_work((int)(uintptr_t)arg + i);
    return result;
}

static void note(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    state = game_mix(state, bits);
}

static void load(const char *program)
{
    char path[1024];
    snprintf(path, sizeof path, "%.*s/entered_late.so", (int)(strrchr(program, '/') - program), program);
    void *module = dlopen(path, RTLD_NOW);
    *(void **)&late = module ? dlsym(module, "late_bloom") : NULL;
    if (!late)
        game_die("the plugin");
}

static void play(int frame)
{
    int result = 0;
    note(engine_ten(frame, 2.5, -3000000000, 4.25f, 250, -6.5, 7, -8, frame * 9, 10.125));
    note(engine_sum(9, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5));
    struct engine_pair pair = engine_pair((struct engine_pair){frame + 0.5, frame * 11}, 3);
    note(pair.a + (double)pair.b);
    errno = 33;
    note(engine_frame(frame) + errno);
    note(secret_step(frame));
    note(clerk_sell(frame));
    note(late ? late(frame) : 0);
    SDL_Thread *thread = frame % 20 == 0 ? SDL_CreateThread(worker, "worker", (void *)(uintptr_t)frame) : NULL;
    if (thread)
        SDL_WaitThread(thread, &result);
    note(result);
}

int main(int argc, char **argv)
{
    struct game game;
    int (*volatile handler)(int) = engine_handler; /* taken before anybody listens */
    (void)argc;
    game_open(&game, "entered");
    int frame = 0;
    do {
        SDL_Event event;
        frame++;
        while (game_event(&game, &event))
            if (game_pressed(&event) == SDL_SCANCODE_L && !late)
                load(argv[0]);
        play(frame);
        note(handler == engine_handler ? engine_handler(frame) : -1);
        game_clear(&game, 0);
        game_number(&game, 20, 20, state);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
