/* SPDX-License-Identifier: MIT
 *
 * The secret sends two workers for the same two locks in opposite order, with a pause between the two, so
 * they always meet. The main thread draws on and music goes on: not everything stands still.
 */
#include "secret.h"

#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t map = PTHREAD_MUTEX_INITIALIZER, units = PTHREAD_MUTEX_INITIALIZER;

static void take_both(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    usleep(5000);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

static void *move_units(void *arg)
{
    (void)arg;
    take_both(&map, &units);
    return NULL;
}

static void *draw_map(void *arg)
{
    (void)arg;
    if (CLEAN)
        take_both(&map, &units);
    else
        take_both(&units, &map);
    return NULL;
}

static void send_workers(void)
{
    pthread_t worker;
    if (pthread_create(&worker, NULL, move_units, NULL) != 0 || pthread_detach(worker) != 0)
        game_die("pthread_create");
    if (pthread_create(&worker, NULL, draw_map, NULL) != 0 || pthread_detach(worker) != 0)
        game_die("pthread_create");
}

static void play_music(void *arg, Uint8 *stream, int size)
{
    static unsigned phase;
    (void)arg;
    for (int i = 0; i < size; i++)
        stream[i] = (Uint8)(128 + (phase++ >> 6 & 1) * 20);
}

static void start_music(void)
{
    SDL_AudioSpec want = {
        .freq = 22050, .format = AUDIO_U8, .channels = 1, .samples = 512, .callback = play_music};
    if (SDL_InitSubSystem(SDL_INIT_AUDIO) != 0)
        game_die("SDL_InitSubSystem");
    SDL_AudioDeviceID device = SDL_OpenAudioDevice(NULL, 0, &want, NULL, 0);
    if (!device)
        game_die("SDL_OpenAudioDevice");
    SDL_PauseAudioDevice(device, 0);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "deadlock_workers");
    start_music();
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                send_workers();
        secret_draw(&game, &secret, 0x203040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
