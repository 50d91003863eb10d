/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/trial.h"

static _Noreturn void burn(pid_t parent)
{
    volatile unsigned counter = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    for (;;)
        counter++;
}

void moth_load_start(struct moth_load *load)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = cpus > 0 ? (unsigned)cpus * 2 : 2;
    pid_t parent = getpid();
    load->n = 0;
    while (load->n < wanted && load->n < sizeof load->pids / sizeof *load->pids) {
        pid_t pid = fork();
        if (pid == 0)
            burn(parent);
        if (pid < 0)
            break;
        load->pids[load->n++] = pid;
    }
}

void moth_load_stop(struct moth_load *load)
{
    for (unsigned i = 0; i < load->n; i++)
        kill(load->pids[i], SIGKILL);
    for (unsigned i = 0; i < load->n; i++)
        waitpid(load->pids[i], NULL, 0);
    load->n = 0;
}
