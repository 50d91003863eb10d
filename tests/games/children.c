/* SPDX-License-Identifier: MIT
 *
 * Starts other programs: a forked child that works on beside it, `sh -c`, a pipe from a program. One child
 * crashes, which is nobody's finding. The secret reads through a null pointer.
 */
#include "secret.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t fork_worker(void)
{
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 50; i++)
            usleep(1000);
        _exit(7);
    }
    return child;
}

static void start_programs(void)
{
    char line[64] = "";
    int status = 0;
    pid_t worker = fork_worker();
    if (system("exit 5") != 5 << 8)
        game_die("system");
    FILE *pipe = popen("echo hello", "r");
    if (!pipe || !fgets(line, sizeof line, pipe) || strcmp(line, "hello\n") != 0)
        game_die("popen");
    pclose(pipe);
    if (waitpid(worker, &status, 0) != worker || WEXITSTATUS(status) != 7)
        game_die("waitpid");
    if (fork() == 0)
        abort();
    wait(&status);
    if (!WIFSIGNALED(status))
        game_die("the crashing child");
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "children");
    start_programs();
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        if (game.frame == 10)
            start_programs();
        secret_draw(&game, &secret, 0x601010);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
