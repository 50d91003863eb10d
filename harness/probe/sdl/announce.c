/* SPDX-License-Identifier: MIT
 *
 * What a game says of itself through moth.h. Kept in the channel until the runner takes it at the next
 * turn; said too much between two turns, the rest is counted as lost, never waited for.
 */
#include <stdio.h>
#include <string.h>

#include "sdl/sdl.h"

static uint32_t announced_before;

static void announce(uint8_t kind, const char *name, const char *text)
{
    struct moth_channel *c = moth_channel;
    if (moth_mode == MOTH_DORMANT || !moth_claim())
        return;
    if (c->n_announcements >= MOTH_ANNOUNCEMENTS_MAX) {
        c->announcements_lost++;
        return;
    }
    struct moth_announcement *a = &c->announcements[c->n_announcements++];
    a->frame = c->frame;
    a->kind = kind;
    snprintf(a->name, sizeof a->name, "%s", name != NULL ? name : "");
    snprintf(a->text, sizeof a->text, "%s", text != NULL ? text : "");
}

bool moth_events_announced(void)
{
    bool any = moth_channel->n_announcements != announced_before;
    announced_before = moth_channel->n_announcements;
    return any;
}

int moth_probe_attached(void);
void moth_probe_frame(void);
void moth_probe_waiting(int waiting);
void moth_probe_event(const char *name, const char *text);
void moth_probe_property(int kind, int condition, const char *message, const char *file, int line);

MOTH_HOOK int moth_probe_attached(void)
{
    return moth_have_runner && moth_mode != MOTH_DORMANT;
}

MOTH_HOOK void moth_probe_frame(void)
{
    static int presenter;
    if (moth_mode != MOTH_DORMANT)
        moth_boundary_present(&presenter);
}

MOTH_HOOK void moth_probe_waiting(int waiting)
{
    moth_channel->waiting = waiting != 0;
}

MOTH_HOOK void moth_probe_event(const char *name, const char *text)
{
    announce(MOTH_ANNOUNCE_EVENT, name, text);
}

/* Kinds as in moth.h: always, sometimes, reachable, unreachable. */
MOTH_HOOK void moth_probe_property(int kind, int condition, const char *message, const char *file, int line)
{
    char place[160];
    bool violated = (kind == 0 && !condition) || kind == 3;
    snprintf(place, sizeof place, "%s:%d", file != NULL ? file : "?", line);
    if (violated)
        announce(MOTH_ANNOUNCE_VIOLATION, message, place);
}
