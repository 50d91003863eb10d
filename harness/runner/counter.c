/* SPDX-License-Identifier: MIT */
#include "runner/counter.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static bool is_of_use;
static struct sigaction before; /* who is told of other faults */
static _Thread_local volatile sig_atomic_t forgone;

static void take_back(void)
{
    if (forgone)
        prctl(PR_SET_TSC, PR_TSC_ENABLE);
    forgone = false;
}

/* The instruction is tried again. If the counter was not what it wanted, it comes here once more, and then it is
 * a fault like any other. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    int saved = errno;
    if (forgone)
        take_back();
    else
        sigaction(signal, &before, NULL);
    errno = saved;
}

static void prepare(void)
{
    int state = 0;
    if (prctl(PR_GET_TSC, &state) != 0 || state != PR_TSC_ENABLE)
        return;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    if (pthread_atfork(NULL, NULL, take_back) == 0 && sigaction(SIGSEGV, &action, &before) == 0)
        is_of_use = true;
}

void moth_counter_forgo(void)
{
    if (forgone)
        return;
    pthread_once(&prepared, prepare);
    if (!is_of_use)
        return;
    forgone = true;
    if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV) != 0)
        forgone = false;
}

bool moth_counter_is_forgone(void)
{
    return forgone;
}
