/* SPDX-License-Identifier: MIT
 *
 * Loads its rules from a shared object with RTLD_DEEPBIND, which makes the object prefer its own libraries to
 * whatever was preloaded. The object asks for the time and for random bytes, sleeps, and locks; the picture
 * shows what it says. The secret reads through a null pointer.
 */
#include "secret.h"

#include <dlfcn.h>

static uint64_t (*load_rules(void))(void)
{
    uint64_t (*rules)(void) = NULL;
    void *module = dlopen(DEEPBIND_MODULE, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (module)
        *(void **)&rules = dlsym(module, "deepbind_rules");
    if (!rules) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return rules;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    uint64_t hash = 0;
    game_open(&game, "deepbind");
    uint64_t (*rules)(void) = load_rules();
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        hash = game_mix(hash, rules());
        secret_draw(&game, &secret, 0x303050);
        game_number(&game, 136, 20, hash);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
