/* SPDX-License-Identifier: MIT
 *
 * A game of everything that a copy of a running process must neither share with the original nor lose.
 *
 * `branch [--print] [AREA…]` plays the areas, by default all that do not disturb others, a step of each a
 * frame, and draws what they saw; `branch list` names them. A wrong answer is one line on standard error and
 * exit status 3. With --print each area's value goes to standard error, to see which of many differs.
 */
#include "branch/area.h"

#include <unistd.h>

#include "game.h"

static const struct area *const tables[] = {
    file_areas, folder_areas, pipe_areas, thread_areas, own_areas, child_areas,
#ifdef WITH_CXX
    cxx_areas,
#endif
};

#define AREAS_MAX 64

static const struct area *areas[AREAS_MAX];
static uint64_t values[AREAS_MAX];
static int n_areas;

const char *home_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    const char *home = getenv("HOME");
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", home ? home : "/tmp", name);
    return path;
}

uint64_t mixed(uint64_t hash, uint64_t value)
{
    return game_mix(hash, value);
}

uint64_t mixed_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < size; i++)
        hash = hash * 0x100000001b3ULL ^ byte[i];
    return mixed(hash, size);
}

void need_failed(const char *condition, const char *file, int line)
{
    int saved = errno;
    const char *slash = strrchr(file, '/');
    fprintf(stderr, "branch: %s:%d: wrong: %s (errno %d)\n", slash ? slash + 1 : file, line, condition,
            saved);
    fflush(stderr);
    _exit(3);
}

static void add_areas(const char *name, bool list)
{
    int before = n_areas;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct area *area = tables[i]; area->name; area++)
            if ((name ? strcmp(name, area->name) == 0 : list || !area->alone) && n_areas < AREAS_MAX)
                areas[n_areas++] = area;
    if (n_areas == before) {
        fprintf(stderr, "branch: no area named %s; see `branch list`\n", name);
        exit(2);
    }
}

static void play_frame(struct game *game, uint64_t keys, bool print)
{
    uint64_t all = keys;
    game_clear(game, 0x201830);
    for (int i = 0; i < n_areas; i++) {
        values[i] = mixed(values[i], areas[i]->frame(game->frame, keys));
        all = mixed(all, values[i]);
        if (print)
            fprintf(stderr, "%ld %s %016llx\n", game->frame, areas[i]->name, (unsigned long long)values[i]);
    }
    game_number(game, 20, 20, all);
    game_number(game, 120, 20, keys);
}

int main(int argc, char **argv)
{
    bool print = argc > 1 && strcmp(argv[1], "--print") == 0;
    bool list = argc > 1 && strcmp(argv[1], "list") == 0;
    for (int i = 1 + (print || list); i < argc; i++)
        add_areas(argv[i], false);
    if (n_areas == 0)
        add_areas(NULL, list);
    for (int i = 0; list && i < n_areas; i++)
        puts(areas[i]->name);
    if (list)
        return 0;

    struct game game;
    uint64_t keys = 0;
    game_open(&game, "branch");
    for (int i = 0; i < n_areas; i++)
        if (areas[i]->begin)
            areas[i]->begin();
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (game_pressed(&event))
                keys = mixed(keys, (uint64_t)game_pressed(&event) + ((uint64_t)game.frame << 16));
        play_frame(&game, keys, print);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
