/* SPDX-License-Identifier: MIT
 *
 * Asking for events. In vain, it costs a little virtual time, so that loops on it come to an end.
 */
#include "sdl/sdl.h"

static void asked_in_vain(void)
{
    if (moth_active())
        moth_clock_query();
    else if (moth_mode == MOTH_NATIVE)
        moth_native_poll();
}

static int hook_PollEvent(SDL_Event *event)
{
    int got = SDL_ORIGINAL(PollEvent)(event);
    if (!got)
        asked_in_vain();
    return got;
}

static void hook_PumpEvents(void)
{
    SDL_ORIGINAL(PumpEvents)();
    asked_in_vain();
}

/* SDL's own waits in the window system, or sleeps in steps of its own; ours sleeps from boundary to
 * boundary, where events come. */
static int hook_WaitEventTimeout(SDL_Event *event, int timeout_ms)
{
    if (!moth_active())
        return SDL_ORIGINAL(WaitEventTimeout)(event, timeout_ms);
    uint64_t deadline = timeout_ms < 0 ? MOTH_FOREVER : moth_now_ns + (uint64_t)(unsigned)timeout_ms * MOTH_NS_PER_MS;
    for (;;) {
        if (SDL_ORIGINAL(PollEvent)(event))
            return 1;
        if (moth_now_ns >= deadline)
            return 0;
        uint64_t next = moth_now_ns + MOTH_NS_PER_MS;
        moth_sleep_until(next < deadline ? next : deadline);
    }
}

static int hook_WaitEvent(SDL_Event *event)
{
    return hook_WaitEventTimeout(event, -1);
}

const struct moth_sdl_hook moth_sdl_event_hooks[] = {{MOTH_SDL_PollEvent, hook_PollEvent},
                                                     {MOTH_SDL_PumpEvents, hook_PumpEvents},
                                                     {MOTH_SDL_WaitEvent, hook_WaitEvent},
                                                     {MOTH_SDL_WaitEventTimeout, hook_WaitEventTimeout},
                                                     {0, NULL}};
