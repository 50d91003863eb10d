/* SPDX-License-Identifier: MIT
 *
 * A conformance test dressed as a game: everything a threaded program may expect of pthreads, C11 and C++
 * threads, SDL's threads, signals, timers and waiting on descriptors, checked by the program itself. Whoever
 * runs it on something else than kernel threads must not change any answer.
 *
 * `threads [--loop] [AREA…]` checks one area a frame, all of them by default, and exits 0; `threads list`
 * names them. A wrong answer is one line on standard error and exit status 3.
 */
#include "game.h"
#include "threads/check.h"

const char *area_name = "start";

static const struct area *const tables[] = {lock_areas, sync_areas,   life_areas,    cancel_areas, own_areas,
                                            wait_areas, signal_areas, library_areas, cxx_areas};

#define AREAS_MAX 128

struct areas {
    const struct area *list[AREAS_MAX];
    int n;
};

static void add_areas(struct areas *areas, const char *name)
{
    int before = areas->n;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct area *area = tables[i]; area->name; area++)
            if ((!name || strcmp(name, area->name) == 0) && areas->n < AREAS_MAX)
                areas->list[areas->n++] = area;
    if (areas->n == before) {
        fprintf(stderr, "threads: no area named %s; see `threads list`\n", name);
        exit(2);
    }
}

static int list_areas(void)
{
    struct areas areas = {.n = 0};
    add_areas(&areas, NULL);
    for (int i = 0; i < areas.n; i++)
        puts(areas.list[i]->name);
    return 0;
}

static void check_area(struct game *game, const struct areas *areas, int i)
{
    area_name = areas->list[i]->name;
    areas->list[i]->check();
    game_clear(game, 0x102030);
    for (int done = 0; done <= i; done++)
        game_rect(game, 20 + done % 14 * 20, 20 + done / 14 * 20, 14, 14, 0x40c060);
}

int main(int argc, char **argv)
{
    struct areas areas = {.n = 0};
    bool loop = argc > 1 && strcmp(argv[1], "--loop") == 0;
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return list_areas();
    for (int i = 1 + loop; i < argc; i++)
        add_areas(&areas, argv[i]);
    if (areas.n == 0)
        add_areas(&areas, NULL);

    struct game game;
    game_open(&game, "threads");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            ;
        check_area(&game, &areas, (int)(game.frame % areas.n));
    } while (game_present(&game) && (loop || game.frame < areas.n));
    printf("threads: %ld areas right\n", game.frame);
    fflush(stdout);
    game_close(&game);
    return 0;
}
