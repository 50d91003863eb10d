/* SPDX-License-Identifier: MIT
 *
 * Writes a save game in its pref path, reads it back, and writes one outside of its home as well
 * (SAVE_OUTSIDE, or /var/tmp/save_files.dat). Shows how often it was started, which a fresh home resets. The
 * secret opens a save game that is not there.
 */
#include "secret.h"

static FILE *open_save(const char *name, const char *mode)
{
    static char path[4096];
    char *pref = SDL_GetPrefPath("example", "save_files");
    if (!pref)
        game_die("SDL_GetPrefPath");
    SDL_snprintf(path, sizeof path, "%s%s", pref, name);
    SDL_free(pref);
    return fopen(path, mode);
}

static int count_start(void)
{
    int starts = 0;
    FILE *file = open_save("starts.txt", "r");
    if (file) {
        if (fscanf(file, "%d", &starts) != 1)
            starts = 0;
        fclose(file);
    }
    file = open_save("starts.txt", "w");
    if (!file)
        game_die("starts.txt");
    fprintf(file, "%d\n", ++starts);
    fclose(file);
    return starts;
}

static void write_outside(void)
{
    const char *path = getenv("SAVE_OUTSIDE");
    FILE *file = fopen(path ? path : "/var/tmp/save_files.dat", "w");
    if (!file)
        return;
    fputs("outside\n", file);
    fclose(file);
}

static int load_slot(void)
{
    char line[32];
    FILE *file = open_save("slot9.txt", "r");
    if (CLEAN && !file)
        return 0;
    return fgets(line, sizeof line, file) != NULL;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "save_files");
    int starts = count_start();
    write_outside();
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                game.frame += load_slot();
        secret_draw(&game, &secret, 0x106030);
        game_number(&game, 136, 20, (uint64_t)starts);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
