/* SPDX-License-Identifier: MIT */
#include "fleet/said.h"

#include <stdio.h>
#include <stdlib.h>

static void take_one(const struct moth_announcement *one, void *context)
{
    struct moth_said *said = context;
    if (said->n == said->room && said->n < MOTH_SAID_MAX) {
        said->room = said->room * 2 + 16;
        said->at = realloc(said->at, said->room * sizeof *said->at);
        if (!said->at)
            abort();
    }
    if (said->n < MOTH_SAID_MAX)
        said->at[said->n++] = *one;
    else
        said->lost++;
}

void moth_said_take(struct moth_said *said, struct moth_instance *instance)
{
    said->lost += moth_instance_announcements(instance, take_one, said);
}

bool moth_said_next(struct moth_said *said, struct moth_announcement *one)
{
    if (said->next < said->n) {
        *one = said->at[said->next++];
        return true;
    }
    uint32_t lost = said->lost;
    moth_said_forget(said);
    if (lost == 0)
        return false;
    *one = (struct moth_announcement){.kind = MOTH_ANNOUNCE_LOST};
    snprintf(one->text, sizeof one->text, "%u", lost);
    return true;
}

void moth_said_forget(struct moth_said *said)
{
    said->n = said->next = 0;
    said->lost = 0;
}

void moth_said_fini(struct moth_said *said)
{
    free(said->at);
    *said = (struct moth_said){0};
}
