/* SPDX-License-Identifier: MIT */
#include "fleet/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGHUP_AT = 2 };
static struct sigaction before[sizeof caught / sizeof *caught];
static int ends[2] = {-1, -1};

static void on_signal(int number)
{
    (void)number;
    int kept = errno;
    ssize_t n = write(ends[1], "!", 1);
    (void)n;
    errno = kept;
}

int moth_signals_catch(struct moth_err *err)
{
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot make a pipe");
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaction(caught[i], &action, &before[i]);
    if (before[SIGHUP_AT].sa_handler == SIG_IGN) /* nohup */
        sigaction(SIGHUP, &before[SIGHUP_AT], NULL);
    return 0;
}

void moth_signals_forget(void)
{
    close(ends[0]);
    close(ends[1]);
}

void moth_signals_release(void)
{
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaction(caught[i], &before[i], NULL);
    moth_signals_forget();
}

int moth_signals_fd(void)
{
    return ends[0];
}

unsigned moth_signals_take(void)
{
    char bytes[16];
    ssize_t n = read(ends[0], bytes, sizeof bytes);
    return n > 0 ? (unsigned)n : 0;
}
