/* SPDX-License-Identifier: MIT
 *
 * Starting SDL: where a process shows that it is the game.
 */
#include "sdl/sdl.h"

static void started(Uint32 flags)
{
    moth_claim();
    if (flags & SDL_INIT_VIDEO)
        moth_boundary_enable();
}

void moth_sdl_note_driver(void)
{
    const char *driver = SDL_ORIGINAL(GetCurrentVideoDriver) != NULL ? SDL_ORIGINAL(GetCurrentVideoDriver)() : NULL;
    for (size_t i = 0; driver != NULL && i + 1 < sizeof moth_channel->video_driver; i++) {
        moth_channel->video_driver[i] = driver[i];
        if (driver[i] == '\0')
            break;
    }
}

static int hook_Init(Uint32 flags)
{
    moth_claim();
    int result = SDL_ORIGINAL(Init)(flags);
    if (result == 0) {
        started(flags);
        moth_sdl_note_driver();
    }
    return result;
}

static int hook_InitSubSystem(Uint32 flags)
{
    moth_claim();
    int result = SDL_ORIGINAL(InitSubSystem)(flags);
    if (result == 0) {
        started(flags);
        moth_sdl_note_driver();
    }
    return result;
}

static int hook_VideoInit(const char *driver)
{
    moth_claim();
    (void)driver; /* the environment names the one that works here */
    int result = SDL_ORIGINAL(VideoInit)(NULL);
    if (result == 0) {
        started(SDL_INIT_VIDEO);
        moth_sdl_note_driver();
    }
    return result;
}

static int hook_GetCPUCount(void)
{
    return moth_active() ? 2 : SDL_ORIGINAL(GetCPUCount)();
}

static int hook_GetSystemRAM(void)
{
    return moth_active() ? 4096 : SDL_ORIGINAL(GetSystemRAM)();
}

const struct moth_sdl_hook moth_sdl_init_hooks[] = {{MOTH_SDL_Init, hook_Init},
                                                    {MOTH_SDL_InitSubSystem, hook_InitSubSystem},
                                                    {MOTH_SDL_VideoInit, hook_VideoInit},
                                                    {MOTH_SDL_GetCPUCount, hook_GetCPUCount},
                                                    {MOTH_SDL_GetSystemRAM, hook_GetSystemRAM},
                                                    {0, NULL}};
