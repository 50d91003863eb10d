/* SPDX-License-Identifier: MIT */
#include "runner/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "runner/cookie.h"

#define PRIVATE "/proc/self/fd/901"
#define COOKIE_COLUMNS (MOTH_COOKIE_MAX - 1)

struct list {
    char **items;
    size_t n, room;
};

/* Takes over `item`; a later one of the same name replaces an earlier. */
static void add(struct list *list, char *item)
{
    size_t name = strcspn(item, "=") + 1;
    for (size_t i = 0; i < list->n; i++)
        if (strncmp(list->items[i], item, name) == 0) {
            free(list->items[i]);
            list->items[i] = item;
            return;
        }
    if (list->n + 1 >= list->room) {
        list->room = list->room ? list->room * 2 : 64;
        list->items = realloc(list->items, list->room * sizeof *list->items);
        if (list->items == NULL)
            abort();
    }
    list->items[list->n++] = item;
    list->items[list->n] = NULL;
}

static void add_fixed(struct list *list)
{
    static const char *const fixed[] = {
        "HOME=" PRIVATE "/home", "XDG_CONFIG_HOME=" PRIVATE "/home/.config",
        "XDG_DATA_HOME=" PRIVATE "/home/.local/share", "XDG_STATE_HOME=" PRIVATE "/home/.local/state",
        "XDG_CACHE_HOME=" PRIVATE "/home/.cache", "XDG_RUNTIME_DIR=" PRIVATE "/run", "TMPDIR=" PRIVATE "/tmp",
        "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "USER=player", "LOGNAME=player", "SHELL=/bin/sh", "TERM=dumb",
        /* One arena, whatever the number of processors. */
        "MALLOC_ARENA_MAX=1",
        /* No real device, no service: neither is the same twice. */
        "SDL_AUDIODRIVER=dummy", "SDL_JOYSTICK_DISABLE_UDEV=1", "SDL_HIDAPI_JOYSTICK=0",
        /* No window has the keyboard on these drivers, and SDL keeps pads' buttons from a program in the background. */
        "SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS=1", "SDL_RENDER_DRIVER=software",
        "ALSOFT_DRIVERS=null", "PULSE_SERVER=none", "DBUS_SESSION_BUS_ADDRESS=disabled:", "NO_AT_BRIDGE=1",
        /* A window that is drawn into by the processor needs no GL under it: SDL would send each frame through Mesa. */
        "SDL_FRAMEBUFFER_ACCELERATION=0",
        /* Mesa: in this thread, in software, without a cache of earlier runs. */
        "LIBGL_ALWAYS_SOFTWARE=1", "GALLIUM_DRIVER=llvmpipe", "LP_NUM_THREADS=0", "MESA_SHADER_CACHE_DISABLE=true",
        "MESA_GLTHREAD=false", "OMP_NUM_THREADS=1", "OMP_WAIT_POLICY=passive", "PYTHONHASHSEED=0",
        "PYTHONDONTWRITEBYTECODE=1",
        /* RDRAND cannot be trapped; those that can be told leave it alone. */
        "OPENSSL_ia32cap=~0x4000000000000000:~0x40000",
        /* A sanitizer's report goes where the runner looks, and ends in an abort that it catches. */
        "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0:abort_on_error=1:handle_segv=0:handle_sigbus=0:"
        "handle_sigfpe=0:handle_sigill=0:handle_abort=0:use_sigaltstack=0:log_path=" PRIVATE "/sanitizer",
        "UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1:log_path=" PRIVATE "/sanitizer",
        "LSAN_OPTIONS=detect_leaks=0"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add(list, moth_fs_path("%s", fixed[i]));
}

static const char *video_driver(const struct moth_instance_config *config)
{
    switch (config->channel.video) {
    case MOTH_VIDEO_NONE:
    case MOTH_VIDEO_SOFTWARE:
        return "dummy";
    case MOTH_VIDEO_GL:
        return "offscreen";
    default:
        return "offscreen,dummy"; /* serves windows with GL and without; old SDLs have only the second */
    }
}

static void add_probe(struct list *list, const struct moth_instance_config *config, const char *probe_path)
{
    char cookie[COOKIE_COLUMNS + 1];
    size_t n = strlen(moth_cookie());
    memset(cookie, '-', sizeof cookie - 1);
    memcpy(cookie, moth_cookie(), n < COOKIE_COLUMNS ? n : COOKIE_COLUMNS);
    cookie[COOKIE_COLUMNS] = '\0';
    add(list, moth_fs_path(MOTH_COOKIE_VARIABLE "=%s", cookie));
    if (config->bare)
        return;
    add(list, moth_fs_path("LD_PRELOAD=%s", probe_path));
    add(list, moth_fs_path("SDL_DYNAMIC_API=%s", probe_path));
    add(list, moth_fs_path("MOTH_CHANNEL=%d", MOTH_CHANNEL_FD));
}

char **moth_environment_make(const struct moth_instance_config *config, const char *probe_path)
{
    static const char *const passed[] = {"PATH", "LD_LIBRARY_PATH"};
    struct list list = {NULL, 0, 0};
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        if (getenv(passed[i]) != NULL)
            add(&list, moth_fs_path("%s=%s", passed[i], getenv(passed[i])));
    add_fixed(&list);
    add(&list, moth_fs_path("SDL_VIDEODRIVER=%s", video_driver(config)));
    if (config->channel.render == MOTH_RENDER_OFF)
        add(&list, moth_fs_path("GALLIUM_NOOP=1"));
    add_probe(&list, config, probe_path);
    for (size_t i = 0; config->env != NULL && config->env[i] != NULL; i++)
        add(&list, moth_fs_path("%s", config->env[i]));
    return list.items;
}

void moth_environment_free(char **environment)
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++)
        free(environment[i]);
    free(environment);
}
