/* SPDX-License-Identifier: MIT */
#include "headed/sdl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libSDL2-2.0.so.0"

struct moth_sdl moth_sdl;
static void *library;

static int load(struct moth_err *err)
{
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
#define X(name) {"SDL_" #name, offsetof(struct moth_sdl, name)},
        MOTH_SDL_USED(X)
#undef X
    };
    if (!library)
        library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return moth_err_set(err, MOTH_ERR_SYSTEM,
                            "a window needs SDL 2, which is not installed here (%s); install libsdl2-2.0-0", dlerror());
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function) {
            moth_sdl_close();
            return moth_err_set(err, MOTH_ERR_SYSTEM, "this SDL is too old for a window: it has no %s",
                                functions[i].name);
        }
        memcpy((char *)&moth_sdl + functions[i].offset, &function, sizeof function);
    }
    return 0;
}

/* Without a screen SDL draws into memory. Where somebody asks for that by name, they shall have it. */
static bool is_seen(void)
{
    const char *driver = moth_sdl.GetCurrentVideoDriver();
    bool memory = driver && (strcmp(driver, "offscreen") == 0 || strcmp(driver, "dummy") == 0);
    return driver && (!memory || getenv("SDL_VIDEODRIVER"));
}

int moth_sdl_open(struct moth_err *err)
{
    /* Games are told these; nothing of it is meant for moth. */
    unsetenv("SDL_DYNAMIC_API");
    if (load(err) != 0)
        return -1;
    moth_sdl.SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    moth_sdl.SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    /* Else a click is swallowed that comes within some milliseconds of the focus. */
    moth_sdl.SetHint(SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1");
    moth_sdl.SetHint(SDL_HINT_JOYSTICK_ALLOW_BACKGROUND_EVENTS, "0");
    bool opened = moth_sdl.Init(SDL_INIT_VIDEO | SDL_INIT_GAMECONTROLLER) == 0;
    if (opened && is_seen())
        return 0;
    moth_err_set(err, MOTH_ERR_USAGE,
                 "there is no screen to open a window on%s%s%s. Run it on a desktop, or under a virtual screen: "
                 "xvfb-run moth …",
                 opened ? "" : " (SDL says: ", opened ? "" : moth_sdl.GetError(), opened ? "" : ")");
    moth_sdl_close();
    return -1;
}

void moth_sdl_close(void)
{
    if (library && moth_sdl.Quit)
        moth_sdl.Quit();
    memset(&moth_sdl, 0, sizeof moth_sdl); /* the library stays: others have handlers and threads in it */
}
