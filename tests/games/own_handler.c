/* SPDX-License-Identifier: MIT
 *
 * Installs crash handlers of its own, which print a line and leave with status 1; and gets one SIGSEGV of
 * its own making that it recovers from. The secret reads through a null pointer: still a crash.
 */
#include "secret.h"

#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

static sigjmp_buf recover;
static volatile sig_atomic_t probing;

static void on_crash(int signal)
{
    static const char text[] = "own_handler: sorry, the game crashed\n";
    if (probing)
        siglongjmp(recover, signal);
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(2);
    _exit(1);
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    signal(SIGABRT, on_crash);
}

/* Is this page there? Found out by touching it, as some engines do. */
static bool readable(const volatile char *page)
{
    bool ok = false;
    probing = 1;
    if (sigsetjmp(recover, 1) == 0) {
        (void)*page;
        ok = true;
    }
    probing = 0;
    return ok;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "own_handler");
    install_handlers();
    if (readable((const char *)16) || !readable((const char *)&game)) {
        fprintf(stderr, "own_handler: wrong answer\n");
        return 3;
    }
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        secret_draw(&game, &secret, 0x606020);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
