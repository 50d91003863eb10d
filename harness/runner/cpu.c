/* SPDX-License-Identifier: MIT */
#include "runner/cpu.h"

#include <sched.h>

void moth_cpu_pin(unsigned n)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2)
        return;
    unsigned left = n % (unsigned)CPU_COUNT(&allowed);
    CPU_ZERO(&one);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && left-- == 0)
            CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}
