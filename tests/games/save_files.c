/* SPDX-License-Identifier: MIT
 *
 * Writes a save game in its pref path, reads it back, and writes one outside of its home as well
 * (SAVE_OUTSIDE, or /var/tmp/save_files.dat). Shows how often it was started, which a fresh home resets. The
 * secret opens a save game that is not there.
 */
#include "secret.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "save_files: wrong: %s (errno %d)\n", what, errno);
    exit(3);
}

static void write_text(const char *path, const char *mode, const char *text)
{
    FILE *file = fopen(path, mode);
    expect(file != NULL, path);
    expect(fputs(text, file) >= 0 && fclose(file) == 0, "writing");
}

static long size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

/* What games do to a file: a new one beside the old, a rename over it, more at its end, a second look.
 * Wherever the bytes end up, the game has to see what it did. */
static void write_outside(void)
{
    char fresh[4096], line[64] = "";
    const char *path = getenv("SAVE_OUTSIDE");
    path = path ? path : "/var/tmp/save_files.dat";
    SDL_snprintf(fresh, sizeof fresh, "%s.new", path);
    write_text(path, "w", "old\n");
    write_text(fresh, "w", "outside\n");
    expect(rename(fresh, path) == 0, "rename");
    expect(access(fresh, F_OK) != 0 && access(path, R_OK) == 0, "access after the rename");
    write_text(path, "a", "more\n");
    expect(size_of(path) == 13, "size");
    FILE *file = fopen(path, "r+");
    expect(file && fgets(line, sizeof line, file) && SDL_strcmp(line, "outside\n") == 0, "reading back");
    fclose(file);
    write_text(fresh, "w", "x");
    expect(unlink(fresh) == 0 && size_of(fresh) == -1, "unlink");
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
