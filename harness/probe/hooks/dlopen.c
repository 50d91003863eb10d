/* SPDX-License-Identifier: MIT
 *
 * RTLD_DEEPBIND makes a loaded object prefer its own libraries to what was preloaded, so its clock, its random
 * bytes and its threads would be the real ones. The flag is taken off.
 */
#include <dlfcn.h>

#include "core/probe.h"
#include "core/real.h"

/* The call has to stay a jump: dlopen looks at its return address to know whose run path and namespace to search.
 * At the probe's -O2 it is one. */
MOTH_HOOK void *dlopen(const char *file, int mode)
{
    moth_real_init();
    moth_channel->objects_opened++; /* who looks for a variable in vain may find it now */
    return moth_real.dlopen(file, mode & ~RTLD_DEEPBIND);
}
