/* SPDX-License-Identifier: MIT */
#include "core/real.h"

#include <string.h>

struct moth_real moth_real;

static void look_up(void *slot, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(slot, &found, sizeof found); /* a function pointer, as dlsym hands it out */
}

void moth_real_init(void)
{
    if (moth_real.pthread_create != NULL)
        return;
#define X(name) look_up(&moth_real.name, #name);
    MOTH_REAL_LIST(X)
#undef X
    look_up(&moth_real.__cxa_thread_atexit_impl, "__cxa_thread_atexit_impl");
}
