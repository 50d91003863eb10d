/* SPDX-License-Identifier: MIT
 *
 * Three scenes of 120 frames each, round and round: a menu that holds nothing, a forest that holds 8 MB and a cave
 * that holds 24. Publishes `scene` by name and `part` by number; as `scenes silent` it publishes nothing.
 */
#include <moth/moth.h>
#include <stdlib.h>
#include <string.h>

#include "game.h"

#define FRAMES 120

static const struct {
    const char *name;
    size_t bytes;
} scenes[] = {{"menu", 0}, {"forest", 8u << 20}, {"cave", 24u << 20}};

static char name[16] = "menu";
static int32_t part;

int main(int argc, char **argv)
{
    struct game game;
    SDL_Event event;
    char *held = NULL;
    int frame = 0;
    game_open(&game, "scenes");
    if (argc < 2 || strcmp(argv[1], "silent") != 0) {
        moth_watch_str("scene", name);
        moth_watch_i32("part", &part);
    }
    do {
        while (game_event(&game, &event)) {
        }
        if (frame++ % FRAMES == 0) {
            part = frame / FRAMES % 3;
            strcpy(name, scenes[part].name);
            free(held);
            held = scenes[part].bytes ? malloc(scenes[part].bytes) : NULL;
            if (held)
                memset(held, 1, scenes[part].bytes);
        }
        game_clear(&game, 0x102030u + (unsigned)part * 0x404040u);
    } while (game_present(&game));
    free(held);
    game_close(&game);
    return 0;
}
