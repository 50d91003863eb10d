/* SPDX-License-Identifier: MIT
 *
 * Names of players are typed with letter keys into blocks of 24 bytes; return hands them in, which frees
 * them. More than 24 letters run over the next block's header, and glibc notices at the free.
 */
#include "secret.h"

#define NAME_BYTES 24
#define NAMES 4

struct names {
    char *list[NAMES];
    size_t length;
};

static void make_names(struct names *names)
{
    for (int i = 0; i < NAMES; i++)
        names->list[i] = calloc(1, NAME_BYTES);
    names->length = 0;
}

static void type_letter(struct names *names, int key)
{
    if (CLEAN && names->length >= NAME_BYTES - 1)
        return;
    names->list[0][names->length++] = (char)('a' + key - SDL_SCANCODE_A);
}

static void hand_in(struct names *names)
{
    for (int i = NAMES - 1; i >= 0; i--)
        free(names->list[i]);
    make_names(names);
}

static void on_key(struct names *names, int key)
{
    if (key >= SDL_SCANCODE_A && key <= SDL_SCANCODE_Z)
        type_letter(names, key);
    else if (key == SDL_SCANCODE_RETURN)
        hand_in(names);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct names names;
    game_open(&game, "heap_corruption");
    make_names(&names);
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            on_key(&names, game_pressed(&event));
        game_clear(&game, 0x301030);
        for (size_t i = 0; i < names.length; i++)
            game_rect(&game, 8 + (int)i * 10, 100, 8, names.list[0][i] - 'a' + 4, 0xe0e0e0);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
