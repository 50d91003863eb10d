/* SPDX-License-Identifier: MIT */
#include "fleet/fatal.h"

#include <stdio.h>
#include <string.h>

void moth_fatal_call(const struct moth_death *death, struct moth_err *err)
{
    const char *how = death->how == MOTH_STEP_CRASH      ? "crashed the game"
                      : death->how == MOTH_STEP_HANG     ? "does not return"
                      : death->how == MOTH_STEP_DEADLOCK ? "waits for what never comes"
                      : death->how == MOTH_STEP_EXIT     ? "ended the game"
                                                         : "made the game use too much memory";
    char signal[32] = "";
    const char *name = death->how == MOTH_STEP_CRASH ? sigabbrev_np(death->signal) : NULL;
    if (name)
        snprintf(signal, sizeof signal, " (SIG%s)", name);
    const char *stacks = death->stacks ? death->stacks : "", *end = strstr(stacks, "\n\n");
    size_t length = end ? (size_t)(end - stacks) : strlen(stacks); /* the culprit's comes first */
    const char *below = strstr(stacks, "ffi_call");                /* from there on it is not the call's */
    while (below && below < stacks + length && below > stacks && below[-1] != '\n')
        below--;
    if (below && below > stacks && below < stacks + length)
        length = (size_t)(below - stacks) - 1;
    moth_err_set(err, MOTH_ERR_SCRIPT, "%s %s%s%s%s%s%.*s", death->call, how, signal, death->detail[0] ? ": " : "",
                 death->detail, length > 0 ? "\n" : "", (int)length, stacks);
}
