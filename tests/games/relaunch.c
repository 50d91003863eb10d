/* SPDX-License-Identifier: MIT
 *
 * Started by a person it starts itself again through the shell, as launchers do, twice: once by exec and
 * once as a child that it waits for. Only the last one is the game. The secret reads through a null pointer.
 */
#include "secret.h"

#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start_again(char *self, const char *stage)
{
    char *args[] = {"sh", "-c", "\"$0\" \"$1\"; exit $?", self, (char *)stage, NULL};
    int status = 0;
    pid_t child = 0;
    if (strcmp(stage, "child") == 0) {
        execv("/bin/sh", args);
        return 127;
    }
    if (posix_spawn(&child, "/bin/sh", NULL, NULL, args, environ) != 0 || waitpid(child, &status, 0) != child)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int play(void)
{
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "relaunch");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        secret_draw(&game, &secret, 0x505010);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}

int main(int argc, char **argv)
{
    static char self[4096];
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return 127;
    if (argc < 2)
        return start_again(self, "child");
    if (strcmp(argv[1], "child") == 0)
        return start_again(self, "game");
    return play();
}
