/* SPDX-License-Identifier: MIT
 *
 * Says what input it gets, frame by frame, on standard output: each event as one line, then what the polled
 * state says once it has changed. It checks the two against each other: a key, button, modifier or axis that
 * went down by event is down by state in the same frame, and the other way round. A contradiction is a line
 * on standard error and, in the end, exit status 3. The picture shows all of it.
 *
 * F1 turns relative mouse mode on and off, F2 text input, F3 shows whether the window has focus.
 */
#include "game.h"

#include <string.h>

struct seen {
    Uint8 keys[SDL_NUM_SCANCODES];
    Uint32 buttons;
    int x, y, relative_x, relative_y, wheel_x, wheel_y;
    bool moved, button_event;
    SDL_GameController *pads[8];
    Uint8 pad_buttons[8][SDL_CONTROLLER_BUTTON_MAX];
    Sint16 pad_axes[8][SDL_CONTROLLER_AXIS_MAX];
    char text[256];
    uint64_t hash;
    int wrong;
    long frame;
};

static void say(struct seen *seen, const char *format, ...) SDL_PRINTF_VARARG_FUNC(2);

static void say(struct seen *seen, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    SDL_vsnprintf(line, sizeof line, format, args);
    va_end(args);
    printf("%ld %s\n", seen->frame, line);
    for (const char *c = line; *c; c++)
        seen->hash = game_mix(seen->hash, (uint64_t)*c);
}

static void wrong(struct seen *seen, const char *what, int code)
{
    fprintf(stderr, "inputs: frame %ld: event and state disagree: %s %d\n", seen->frame, what, code);
    seen->wrong++;
}

/* --- events --- */

static void on_key(struct seen *seen, const SDL_KeyboardEvent *key)
{
    bool down = key->type == SDL_KEYDOWN;
    say(seen, "key %s %s code=%d mod=%d repeat=%d window=%u", down ? "down" : "up",
        SDL_GetScancodeName(key->keysym.scancode), (int)key->keysym.sym, key->keysym.mod & ~KMOD_NUM,
        key->repeat, key->windowID);
    if (SDL_GetKeyFromScancode(key->keysym.scancode) != key->keysym.sym)
        wrong(seen, "keycode of scancode", key->keysym.scancode);
    if (down != (key->state == SDL_PRESSED))
        wrong(seen, "state of a key event", key->keysym.scancode);
    if (!key->repeat && seen->keys[key->keysym.scancode] == down)
        wrong(seen, "key twice in a row", key->keysym.scancode);
    seen->keys[key->keysym.scancode] = down;
    if (!down || key->repeat)
        return;
    if (key->keysym.scancode == SDL_SCANCODE_F1)
        SDL_SetRelativeMouseMode(!SDL_GetRelativeMouseMode());
    if (key->keysym.scancode == SDL_SCANCODE_F2 && SDL_IsTextInputActive())
        SDL_StopTextInput();
    else if (key->keysym.scancode == SDL_SCANCODE_F2)
        SDL_StartTextInput();
    if (key->keysym.scancode == SDL_SCANCODE_F3)
        say(seen, "focus keyboard=%d mouse=%d", SDL_GetKeyboardFocus() != NULL, SDL_GetMouseFocus() != NULL);
}

static void on_motion(struct seen *seen, const SDL_MouseMotionEvent *motion)
{
    say(seen, "motion %d %d rel %d %d state=%u relative=%d", motion->x, motion->y, motion->xrel, motion->yrel,
        motion->state, SDL_GetRelativeMouseMode());
    if (!SDL_GetRelativeMouseMode() && seen->moved &&
        (motion->xrel != motion->x - seen->x || motion->yrel != motion->y - seen->y))
        wrong(seen, "relative motion", motion->xrel);
    if (motion->state != seen->buttons)
        wrong(seen, "buttons of a motion event", (int)motion->state);
    seen->moved = true;
    seen->x = motion->x;
    seen->y = motion->y;
    seen->relative_x += motion->xrel;
    seen->relative_y += motion->yrel;
}

static void on_button(struct seen *seen, const SDL_MouseButtonEvent *button)
{
    bool down = button->type == SDL_MOUSEBUTTONDOWN;
    say(seen, "button %s %d at %d %d clicks=%d", down ? "down" : "up", button->button, button->x, button->y,
        button->clicks);
    if (seen->moved && (button->x != seen->x || button->y != seen->y))
        wrong(seen, "place of a button event", button->button);
    if (down)
        seen->buttons |= SDL_BUTTON(button->button);
    else
        seen->buttons &= ~(Uint32)SDL_BUTTON(button->button);
}

static int pad_index(const struct seen *seen, SDL_JoystickID id)
{
    for (int i = 0; i < 8; i++)
        if (seen->pads[i] && SDL_JoystickInstanceID(SDL_GameControllerGetJoystick(seen->pads[i])) == id)
            return i;
    return -1;
}

static void on_pad_added(struct seen *seen, int device)
{
    for (int i = 0; i < 8; i++) {
        if (seen->pads[i])
            continue;
        seen->pads[i] = SDL_GameControllerOpen(device);
        say(seen, "pad %d added %s", i, seen->pads[i] ? SDL_GameControllerName(seen->pads[i]) : "unreadable");
        return;
    }
}

static void on_pad_removed(struct seen *seen, SDL_JoystickID id)
{
    int pad = pad_index(seen, id);
    if (pad < 0)
        return;
    say(seen, "pad %d removed", pad);
    SDL_GameControllerClose(seen->pads[pad]);
    seen->pads[pad] = NULL;
    memset(seen->pad_buttons[pad], 0, sizeof seen->pad_buttons[pad]);
    memset(seen->pad_axes[pad], 0, sizeof seen->pad_axes[pad]);
}

static void on_pad_button(struct seen *seen, const SDL_ControllerButtonEvent *event)
{
    int pad = pad_index(seen, event->which);
    say(seen, "pad %d %s %s", pad, event->state ? "down" : "up",
        SDL_GameControllerGetStringForButton((SDL_GameControllerButton)event->button));
    if (pad >= 0 && event->button < SDL_CONTROLLER_BUTTON_MAX)
        seen->pad_buttons[pad][event->button] = event->state;
}

static void on_pad_axis(struct seen *seen, const SDL_ControllerAxisEvent *event)
{
    int pad = pad_index(seen, event->which);
    say(seen, "pad %d axis %s %d", pad,
        SDL_GameControllerGetStringForAxis((SDL_GameControllerAxis)event->axis), event->value);
    if (pad >= 0 && event->axis < SDL_CONTROLLER_AXIS_MAX)
        seen->pad_axes[pad][event->axis] = event->value;
}

static void on_text(struct seen *seen, const char *text)
{
    say(seen, "text %s", text);
    if (!SDL_IsTextInputActive())
        wrong(seen, "text while text input is off", 0);
    if (strlen(seen->text) + strlen(text) < sizeof seen->text)
        strcat(seen->text, text);
}

static void on_event(struct game *game, struct seen *seen, const SDL_Event *event)
{
    switch (event->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        on_key(seen, &event->key);
        break;
    case SDL_TEXTINPUT:
        on_text(seen, event->text.text);
        break;
    case SDL_MOUSEMOTION:
        on_motion(seen, &event->motion);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        on_button(seen, &event->button);
        break;
    case SDL_MOUSEWHEEL:
        say(seen, "wheel %d %d", event->wheel.x, event->wheel.y);
        seen->wheel_x += event->wheel.x;
        seen->wheel_y += event->wheel.y;
        break;
    case SDL_CONTROLLERDEVICEADDED:
        on_pad_added(seen, event->cdevice.which);
        break;
    case SDL_CONTROLLERDEVICEREMOVED:
        on_pad_removed(seen, event->cdevice.which);
        break;
    case SDL_CONTROLLERBUTTONDOWN:
    case SDL_CONTROLLERBUTTONUP:
        on_pad_button(seen, &event->cbutton);
        break;
    case SDL_CONTROLLERAXISMOTION:
        on_pad_axis(seen, &event->caxis);
        break;
    case SDL_QUIT:
        say(seen, "quit");
        game->quit = true;
        break;
    }
}

/* --- state --- */

static void check_keys(struct seen *seen)
{
    int n = 0;
    const Uint8 *keys = SDL_GetKeyboardState(&n);
    for (int i = 0; i < n && i < SDL_NUM_SCANCODES; i++)
        if (keys[i] != seen->keys[i])
            wrong(seen, "key", i);
    bool shift = seen->keys[SDL_SCANCODE_LSHIFT] || seen->keys[SDL_SCANCODE_RSHIFT];
    bool ctrl = seen->keys[SDL_SCANCODE_LCTRL] || seen->keys[SDL_SCANCODE_RCTRL];
    bool alt = seen->keys[SDL_SCANCODE_LALT] || seen->keys[SDL_SCANCODE_RALT];
    SDL_Keymod mod = SDL_GetModState();
    if (shift != !!(mod & KMOD_SHIFT) || ctrl != !!(mod & KMOD_CTRL) || alt != !!(mod & KMOD_ALT))
        wrong(seen, "modifiers", mod);
}

static void check_mouse(struct seen *seen)
{
    int x, y;
    Uint32 buttons = SDL_GetMouseState(&x, &y);
    if (buttons != seen->buttons)
        wrong(seen, "mouse buttons", (int)buttons);
    if (seen->moved && (x != seen->x || y != seen->y))
        wrong(seen, "mouse place", x);
    SDL_GetRelativeMouseState(&x, &y);
    if (seen->moved && (x != seen->relative_x || y != seen->relative_y))
        wrong(seen, "relative mouse state", x);
    seen->relative_x = seen->relative_y = 0;
}

static void check_pads(struct seen *seen)
{
    for (int i = 0; i < 8; i++) {
        if (!seen->pads[i])
            continue;
        for (int b = 0; b < SDL_CONTROLLER_BUTTON_MAX; b++)
            if (SDL_GameControllerGetButton(seen->pads[i], (SDL_GameControllerButton)b) !=
                seen->pad_buttons[i][b])
                wrong(seen, "pad button", b);
        for (int a = 0; a < SDL_CONTROLLER_AXIS_MAX; a++)
            if (SDL_GameControllerGetAxis(seen->pads[i], (SDL_GameControllerAxis)a) != seen->pad_axes[i][a])
                wrong(seen, "pad axis", a);
    }
}

/* --- picture --- */

static void draw(struct game *game, struct seen *seen)
{
    game_clear(game, 0x181820);
    for (int i = 0; i < SDL_NUM_SCANCODES; i++)
        if (seen->keys[i])
            game_rect(game, i % 32 * 10, i / 32 * 8, 8, 6, 0xf0d060);
    game_rect(game, seen->x - 3, seen->y - 3, 6, 6, seen->buttons ? 0xff4040 : 0x40ff40);
    game_rect(game, 160 + seen->wheel_x * 4, 140 + seen->wheel_y * 4, 4, 4, 0xff40ff);
    for (int i = 0; i < 8; i++)
        for (int a = 0; a < SDL_CONTROLLER_AXIS_MAX; a++)
            if (seen->pads[i])
                game_rect(game, 10 + i * 36 + a * 5, 200 - seen->pad_axes[i][a] / 1000, 4, 4, 0x40a0ff);
    for (int i = 0; seen->text[i]; i++)
        game_rect(game, i % 40 * 8, 150 + i / 40 * 10, 6, seen->text[i] & 7, 0xffffff);
    game_number(game, 264, 184, seen->hash);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    static struct seen seen;
    game_open(&game, "inputs");
    if (SDL_InitSubSystem(SDL_INIT_GAMECONTROLLER) != 0)
        game_die("SDL_InitSubSystem");
    do {
        SDL_Event event;
        seen.frame = game.frame;
        while (SDL_PollEvent(&event))
            on_event(&game, &seen, &event);
        check_keys(&seen);
        check_mouse(&seen);
        check_pads(&seen);
        fflush(stdout);
        draw(&game, &seen);
    } while (game_present(&game));
    game_close(&game);
    return seen.wrong ? 3 : 0;
}
