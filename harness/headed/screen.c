/* SPDX-License-Identifier: MIT */
#include "headed/screen.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#define DRAW_NS (MOTH_NS_PER_S / 60)
#define SLOW_NS (2 * MOTH_NS_PER_S) /* lost, before it is worth saying */

int moth_screen_open(struct moth_screen *screen, const char *what, const struct moth_trace_header *header,
                     struct moth_err *err)
{
    const char *slash = strrchr(header->argv[0], '/');
    char *title = moth_fs_path("moth %s: %s", what, slash ? slash + 1 : header->argv[0]);
    *screen = (struct moth_screen){.window = moth_window_open(title, err)};
    free(title);
    screen->strip.hz = header->hz;
    return screen->window ? 0 : -1;
}

void moth_screen_close(struct moth_screen *screen)
{
    moth_window_close(screen->window);
    screen->window = NULL;
}

void moth_screen_begin(struct moth_screen *screen, uint32_t hz, double speed)
{
    moth_pace_init(&screen->pace, hz, speed, moth_clock_monotonic_ns());
}

void moth_screen_set_speed(struct moth_screen *screen, double speed)
{
    moth_pace_set_speed(&screen->pace, speed, moth_clock_monotonic_ns());
}

void moth_screen_show(struct moth_screen *screen, struct moth_tree *tree, bool always)
{
    uint64_t now = moth_clock_monotonic_ns();
    if (!always && now - screen->drawn_ns < DRAW_NS * 9 / 10)
        return;
    screen->drawn_ns = now;
    struct moth_instance *instance = moth_tree_instance(tree);
    const struct moth_channel *channel = moth_instance_channel(instance);
    struct moth_picture picture;
    screen->strip.frame = moth_tree_frame(tree);
    screen->strip.speed = screen->pace.speed;
    screen->strip.achieved = screen->pace.achieved;
    screen->game_w = channel->window_w;
    screen->game_h = channel->window_h;
    if (moth_instance_death(instance)->how == MOTH_STEP_OK && moth_instance_pixels(instance, &picture, NULL) == 0)
        moth_window_picture(screen->window, picture.pixels, picture.width, picture.height);
    moth_window_draw(screen->window, &screen->strip, screen->pointer, screen->game_w, screen->game_h);
}

void moth_screen_played(struct moth_screen *screen, uint32_t frames)
{
    moth_pace_played(&screen->pace, frames, moth_clock_monotonic_ns());
    if (screen->said_slow || screen->pace.lost_ns < SLOW_NS || !(screen->pace.achieved > 0))
        return;
    screen->said_slow = true;
    moth_log_warning("this machine plays the game at %.2g times its speed, not at %g: it is shown slower than it is. Its own "
                     "time stays exact",
                     screen->pace.achieved, screen->pace.speed);
}

static json_t *value_of(const struct moth_watch_value *value)
{
    if (!value->ok)
        return json_null();
    switch (value->type) {
    case MOTH_VALUE_I32:
    case MOTH_VALUE_INTEGER:
        return json_integer(value->type == MOTH_VALUE_I32 ? (json_int_t)value->number : (json_int_t)value->integer);
    case MOTH_VALUE_BOOL:
        return json_boolean(value->number < 0 || value->number > 0);
    case MOTH_VALUE_STR:
    case MOTH_VALUE_TABLE:
        return json_string(value->text);
    case MOTH_VALUE_ENUM:
        return value->text[0] ? json_string(value->text) : json_integer((json_int_t)value->integer);
    default:
        return json_real(value->number);
    }
}

static json_t *state_of(struct moth_watches *watches, struct moth_instance *instance)
{
    uint32_t n = 0;
    json_t *state = json_object();
    const struct moth_watch_value *values = moth_watches_values(watches, instance, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct moth_watch_value value = values[i];
        value.name[sizeof value.name - 1] = value.text[sizeof value.text - 1] = '\0';
        json_t *json = value_of(&value); /* NULL: no UTF-8, no number */
        json_object_set_new(state, value.name, json ? json : json_null());
    }
    return state;
}

void moth_screen_tell_end(struct moth_told *told, struct moth_tree *tree, struct moth_watches *watches, const char *how,
                          const struct moth_finding *finding)
{
    struct moth_instance *instance = moth_tree_instance(tree);
    uint64_t picture = 0;
    if (!told)
        return;
    bool lives = moth_instance_death(instance)->how == MOTH_STEP_OK;
    bool seen = lives && moth_instance_picture(instance, &picture, NULL) == 0;
    json_t *more = json_pack("{s:s, s:s?}", "how", how, "finding", finding ? finding->fingerprint : NULL);
    json_object_set_new(more, "picture", seen ? json_sprintf("%016llx", (unsigned long long)picture) : json_null());
    json_object_set_new(more, "state", lives ? state_of(watches, instance) : json_null());
    moth_told(told, "end", moth_tree_frame(tree), more);
}

void moth_screen_wait(struct moth_screen *screen, int pause_ms, bool (*on_event)(void *context, const SDL_Event *event),
                      void *context)
{
    SDL_Event event;
    uint64_t due = pause_ms > 0 ? moth_clock_monotonic_ns() + (uint64_t)pause_ms * MOTH_NS_PER_MS
                                : moth_pace_due_ns(&screen->pace);
    for (;;) {
        uint64_t now = moth_clock_monotonic_ns();
        int wait_ms = now < due ? (int)((due - now) / MOTH_NS_PER_MS) : 0;
        if (moth_window_event(screen->window, &event, wait_ms)) {
            if (on_event(context, &event))
                return;
            continue;
        }
        now = moth_clock_monotonic_ns();
        if (now >= due)
            return;
        if (due - now < MOTH_NS_PER_MS) { /* what is left is too short for the window system */
            struct timespec rest = {0, (long)(due - now)};
            nanosleep(&rest, NULL);
        }
    }
}
