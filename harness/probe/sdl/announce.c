/* SPDX-License-Identifier: MIT
 *
 * What a game says of itself through moth.h. Kept in the channel until the runner takes it at the next
 * turn; said too much between two turns, the rest is counted as lost, never waited for.
 *
 * Published variables are read when the turn goes to the runner. The game may have unmapped them since:
 * the kernel reads them for us, so that a pointer that leads nowhere is a value that is not known.
 */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "sdl/sdl.h"

static uint32_t announced_before;

void moth_announce(uint8_t kind, const char *name, const char *text)
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
void moth_probe_watch(const char *name, int type, const void *pointer);

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
    moth_announce(MOTH_ANNOUNCE_EVENT, name, text);
}

/* ---- watches ---- */

enum { WATCH_I32, WATCH_F32, WATCH_F64, WATCH_BOOL, WATCH_STR, WATCH_TYPES }; /* as in moth.h */

#define PAGE_BYTES 4096u /* a text is never read over the end of one in a single piece */

static const void *watched[MOTH_WATCHES_MAX];

MOTH_HOOK void moth_probe_watch(const char *name, int type, const void *pointer)
{
    struct moth_channel *c = moth_channel;
    if (moth_mode == MOTH_DORMANT || !moth_claim() || name == NULL || type < 0 || type >= WATCH_TYPES)
        return;
    char cut[sizeof c->watches[0].name];
    snprintf(cut, sizeof cut, "%s", name);
    uint32_t at = 0;
    while (at < c->n_watches && at < MOTH_WATCHES_MAX && strcmp(c->watches[at].name, cut) != 0)
        at++;
    if (at >= MOTH_WATCHES_MAX) {
        c->watches_lost++;
        return;
    }
    struct moth_watch_value *value = &c->watches[at];
    memset(value, 0, sizeof *value);
    memcpy(value->name, cut, sizeof cut);
    value->type = (uint8_t)type;
    watched[at] = pointer;
    if (at == c->n_watches)
        c->n_watches++;
}

/* Bytes of `pieces` that could be read into `to`, up to the first that could not. */
static long read_own(void *to, size_t size, const struct iovec *pieces, int n_pieces)
{
    struct iovec local = {to, size};
    long self = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    return arch_syscall(SYS_process_vm_readv, self, (long)&local, 1, (long)pieces, n_pieces, 0);
}

static void sample_text(struct moth_watch_value *value, const void *pointer)
{
    char text[MOTH_WATCH_TEXT_BYTES] = {0};
    size_t first = PAGE_BYTES - (uintptr_t)pointer % PAGE_BYTES;
    size_t most = sizeof text - 1;
    first = first < most ? first : most;
    struct iovec pieces[2] = {{(void *)(uintptr_t)pointer, first}, {(char *)(uintptr_t)pointer + first, most - first}};
    long got = read_own(text, most, pieces, first < most ? 2 : 1);
    value->ok = got > 0;
    for (size_t i = 0; i < sizeof text; i++) /* what lies behind the end is not the game's word */
        if (text[i] == '\0')
            memset(text + i, 0, sizeof text - i);
    memcpy(value->text, text, sizeof text);
}

static void sample_number(struct moth_watch_value *value, const void *pointer)
{
    union {
        int32_t i32;
        float f32;
        double f64;
        uint8_t bits;
    } now = {0};
    static const size_t sizes[] = {[WATCH_I32] = 4, [WATCH_F32] = 4, [WATCH_F64] = 8, [WATCH_BOOL] = 1};
    struct iovec piece = {(void *)(uintptr_t)pointer, sizes[value->type]};
    value->ok = read_own(&now, piece.iov_len, &piece, 1) == (long)piece.iov_len;
    if (!value->ok)
        value->number = 0;
    else if (value->type == WATCH_I32)
        value->number = now.i32;
    else if (value->type == WATCH_F32)
        value->number = (double)now.f32;
    else
        value->number = value->type == WATCH_F64 ? now.f64 : now.bits != 0;
}

void moth_watches_sample(void)
{
    struct moth_channel *c = moth_channel;
    uint32_t n = c->n_watches < MOTH_WATCHES_MAX ? c->n_watches : MOTH_WATCHES_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct moth_watch_value *value = &c->watches[i];
        if (watched[i] == NULL)
            value->ok = 0;
        else if (value->type == WATCH_STR)
            sample_text(value, watched[i]);
        else if (value->type < WATCH_STR)
            sample_number(value, watched[i]);
    }
}
