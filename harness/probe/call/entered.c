/* SPDX-License-Identifier: MIT
 *
 * The game calls a function that a script wants to hear of. We are between the call and the function: nothing is
 * locked, allocated, waited for or called, and no register is used that may hold an argument and is not kept
 * (arch/: the integer ones are; the build keeps this file off the others).
 */
#include "arch/arch.h"
#include "call/entries.h"
#include "core/probe.h"

#define ARGUMENTS 6

struct moth_entrance moth_entrances[MOTH_ARCH_ENTRIES];

static char *put_hexadecimal(char *to, uint64_t value)
{
    int shift = 60;
    while (shift > 0 && value >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[value >> shift & 15];
    return to;
}

uint64_t moth_entered(uint32_t entrance, const uint64_t *arguments)
{
    struct moth_channel *c = moth_channel;
    const struct moth_entrance *e = &moth_entrances[entrance];
    if (moth_mode == MOTH_DORMANT || !moth_have_runner || moth_in_boundary || e->entry >= MOTH_ENTRIES_MAX)
        return e->original;
    uint32_t at = c->n_announcements;
    if (at >= MOTH_ANNOUNCEMENTS_MAX) {
        c->announcements_lost++;
        return e->original;
    }
    c->n_announcements = at + 1;
    struct moth_announcement *said = &c->announcements[at];
    const char *name = c->entries.items[e->entry].name;
    said->frame = c->frame;
    said->kind = MOTH_ANNOUNCE_ENTERED;
    size_t n = 0;
    for (; n + 1 < sizeof said->name && name[n] != '\0'; n++)
        said->name[n] = name[n];
    said->name[n] = '\0';
    char *to = said->text;
    for (unsigned i = 0; i < ARGUMENTS; i++) {
        if (i > 0)
            *to++ = ' ';
        to = put_hexadecimal(to, arguments[i]);
    }
    *to = '\0';
    return e->original;
}
