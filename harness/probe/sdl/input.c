/* SPDX-License-Identifier: MIT
 *
 * Input. Events go through SDL_PushEvent, so that filters and watchers see them; the state that games
 * read beside the events — keys, modifiers, mouse, focus — is ours, because SDL's own only changes
 * with events of a real window system. It changes at boundaries only.
 */
#include <string.h>

#include "sdl/sdl.h"
#include "wire/keyboard.h"

static struct {
    Uint8 keys[SDL_NUM_SCANCODES];
    SDL_Keymod mods;
    int x, y, relative_x, relative_y;
    Uint32 buttons;
    bool relative_mode, inside;
    int last_click_button;
    uint64_t last_click_ns;
    Uint8 clicks;
} input;

static struct {
    SDL_Joystick *joystick;
    bool wanted;
} pads[MOTH_PADS_MAX];

static Uint32 focus_id(void)
{
    SDL_Window *window = moth_video_focus();
    return window != NULL ? SDL_ORIGINAL(GetWindowID)(window) : 0;
}

static bool ready(void)
{
    return SDL_ORIGINAL(PushEvent) != NULL && SDL_ORIGINAL(WasInit)(SDL_INIT_VIDEO) != 0;
}

static void push_window(Uint8 what)
{
    SDL_Event event;
    memset(&event, 0, sizeof event);
    event.type = SDL_WINDOWEVENT;
    event.window.windowID = focus_id();
    event.window.event = what;
    SDL_ORIGINAL(PushEvent)(&event);
}

/* ---- keys ---- */

static SDL_Keymod mod_of(SDL_Scancode code)
{
    switch (code) {
    case SDL_SCANCODE_LCTRL:
        return KMOD_LCTRL;
    case SDL_SCANCODE_RCTRL:
        return KMOD_RCTRL;
    case SDL_SCANCODE_LSHIFT:
        return KMOD_LSHIFT;
    case SDL_SCANCODE_RSHIFT:
        return KMOD_RSHIFT;
    case SDL_SCANCODE_LALT:
        return KMOD_LALT;
    case SDL_SCANCODE_RALT:
        return KMOD_RALT;
    case SDL_SCANCODE_LGUI:
        return KMOD_LGUI;
    case SDL_SCANCODE_RGUI:
        return KMOD_RGUI;
    default:
        return KMOD_NONE;
    }
}

static SDL_Keymod lock_of(SDL_Scancode code)
{
    if (code == SDL_SCANCODE_CAPSLOCK)
        return KMOD_CAPS;
    return code == SDL_SCANCODE_NUMLOCKCLEAR ? KMOD_NUM : KMOD_NONE;
}

/* The character a key types on a US keyboard, or 0. */
static char typed(SDL_Scancode code, SDL_Keymod mods)
{
    if (mods & (KMOD_CTRL | KMOD_ALT | KMOD_GUI))
        return 0;
    return moth_keyboard_types((uint16_t)code, (mods & KMOD_SHIFT) != 0, (mods & KMOD_CAPS) != 0);
}

static void push_text(const char *text)
{
    SDL_Event event;
    memset(&event, 0, sizeof event);
    event.type = SDL_TEXTINPUT;
    event.text.windowID = focus_id();
    memcpy(event.text.text, text, sizeof event.text.text - 1);
    SDL_ORIGINAL(PushEvent)(&event);
}

static void key(SDL_Scancode code, bool down)
{
    if (code <= SDL_SCANCODE_UNKNOWN || code >= SDL_NUM_SCANCODES)
        return;
    if (!down && !input.keys[code])
        return;
    SDL_Event event;
    memset(&event, 0, sizeof event);
    event.type = down ? SDL_KEYDOWN : SDL_KEYUP;
    event.key.windowID = focus_id();
    event.key.state = down ? SDL_PRESSED : SDL_RELEASED;
    event.key.repeat = down && input.keys[code];
    event.key.keysym.scancode = code;
    event.key.keysym.sym = SDL_ORIGINAL(GetKeyFromScancode)(code);
    input.keys[code] = down;
    unsigned mods = input.mods;
    if (down) {
        mods |= mod_of(code);
        mods ^= lock_of(code);
    } else {
        mods &= ~(unsigned)mod_of(code);
    }
    input.mods = (SDL_Keymod)mods;
    event.key.keysym.mod = (Uint16)input.mods;
    SDL_ORIGINAL(PushEvent)(&event);
    char text[32] = {down ? typed(code, input.mods) : '\0'};
    if (text[0] != '\0' && SDL_ORIGINAL(IsTextInputActive)())
        push_text(text);
}

/* ---- mouse ---- */

/* Where the pointer is, for whoever moves it by hand. */
static void tell_mouse(void)
{
    moth_channel->mouse_x = input.x;
    moth_channel->mouse_y = input.y;
    moth_channel->mouse_relative = input.relative_mode;
}

static void move(int x, int y)
{
    SDL_Event event;
    memset(&event, 0, sizeof event);
    event.type = SDL_MOUSEMOTION;
    event.motion.windowID = focus_id();
    event.motion.state = input.buttons;
    event.motion.x = x;
    event.motion.y = y;
    event.motion.xrel = x - input.x;
    event.motion.yrel = y - input.y;
    if (x == input.x && y == input.y)
        return;
    input.relative_x += x - input.x;
    input.relative_y += y - input.y;
    input.x = x;
    input.y = y;
    tell_mouse();
    SDL_ORIGINAL(PushEvent)(&event);
}

static void button(int number, bool down)
{
    if (number < 1 || number > 5)
        return;
    Uint32 mask = SDL_BUTTON(number);
    if (down == ((input.buttons & mask) != 0))
        return;
    if (down) {
        bool again = number == input.last_click_button && moth_now_ns - input.last_click_ns < 500 * MOTH_NS_PER_MS;
        input.clicks = again ? (Uint8)(input.clicks + 1) : 1;
        input.last_click_button = number;
        input.last_click_ns = moth_now_ns;
        input.buttons |= mask;
    } else {
        input.buttons &= ~mask;
    }
    SDL_Event event;
    memset(&event, 0, sizeof event);
    event.type = down ? SDL_MOUSEBUTTONDOWN : SDL_MOUSEBUTTONUP;
    event.button.windowID = focus_id();
    event.button.button = (Uint8)number;
    event.button.state = down ? SDL_PRESSED : SDL_RELEASED;
    event.button.clicks = input.clicks;
    event.button.x = input.x;
    event.button.y = input.y;
    SDL_ORIGINAL(PushEvent)(&event);
}

static void wheel(int x, int y)
{
    SDL_Event event;
    memset(&event, 0, sizeof event);
    event.type = SDL_MOUSEWHEEL;
    event.wheel.windowID = focus_id();
    event.wheel.x = x;
    event.wheel.y = y;
    event.wheel.preciseX = (float)x;
    event.wheel.preciseY = (float)y;
    SDL_ORIGINAL(PushEvent)(&event);
}

/* ---- pads: SDL's virtual joysticks, mapped as game controllers by their type ---- */

/* A controller's trigger goes from 0 to 32767, which SDL maps from the whole range of the joystick's axis. */
static void set_axis(SDL_Joystick *joystick, int axis, int value)
{
    if (axis == SDL_CONTROLLER_AXIS_TRIGGERLEFT || axis == SDL_CONTROLLER_AXIS_TRIGGERRIGHT)
        value = value <= 0 ? SDL_JOYSTICK_AXIS_MIN : value * 2 - SDL_JOYSTICK_AXIS_MAX;
    SDL_ORIGINAL(JoystickSetVirtualAxis)(joystick, axis, (Sint16)value);
}

static void attach_pads(void)
{
    for (int i = 0; i < MOTH_PADS_MAX; i++) {
        if (!pads[i].wanted || pads[i].joystick != NULL)
            continue;
        if (SDL_ORIGINAL(JoystickAttachVirtual) == NULL) {
            moth_warn("this game's SDL is too old for virtual pads (2.0.14 has them)", NULL);
            pads[i].wanted = false;
            continue;
        }
        if (SDL_ORIGINAL(WasInit)(SDL_INIT_JOYSTICK) == 0)
            continue; /* the game has not turned to joysticks yet */
        int index = SDL_ORIGINAL(JoystickAttachVirtual)(SDL_JOYSTICK_TYPE_GAMECONTROLLER, SDL_CONTROLLER_AXIS_MAX,
                                                        SDL_CONTROLLER_BUTTON_MAX, 0);
        if (index >= 0)
            pads[i].joystick = SDL_ORIGINAL(JoystickOpen)(index);
        if (pads[i].joystick != NULL) {
            set_axis(pads[i].joystick, SDL_CONTROLLER_AXIS_TRIGGERLEFT, 0);
            set_axis(pads[i].joystick, SDL_CONTROLLER_AXIS_TRIGGERRIGHT, 0);
        }
    }
}

static void pad(const struct moth_input_event *event)
{
    if (event->device >= MOTH_PADS_MAX)
        return;
    pads[event->device].wanted = true;
    attach_pads();
    SDL_Joystick *joystick = pads[event->device].joystick;
    if (joystick == NULL || event->type == MOTH_INPUT_PAD_ATTACH)
        return;
    if (event->type == MOTH_INPUT_PAD_AXIS)
        set_axis(joystick, event->code, event->x);
    else
        SDL_ORIGINAL(JoystickSetVirtualButton)
    (joystick, event->code, event->type == MOTH_INPUT_PAD_DOWN ? 1 : 0);
}

/* ---- frames ---- */

void moth_input_begin_frame(void)
{
    if (!ready())
        return;
    attach_pads();
    if (moth_video_focus_changed()) {
        push_window(SDL_WINDOWEVENT_ENTER);
        push_window(SDL_WINDOWEVENT_FOCUS_GAINED);
    }
    moth_channel->text_input = SDL_ORIGINAL(IsTextInputActive)();
}

void moth_input_apply(const struct moth_input_event *event)
{
    if (!ready())
        return;
    char text[MOTH_TEXT_MAX];
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        key((SDL_Scancode)event->code, event->type == MOTH_INPUT_KEY_DOWN);
        break;
    case MOTH_INPUT_TEXT:
        memcpy(text, event->text, sizeof text);
        text[sizeof text - 1] = '\0';
        push_text(text);
        break;
    case MOTH_INPUT_MOUSE_MOVE:
        move(event->x, event->y);
        break;
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        button(event->code, event->type == MOTH_INPUT_MOUSE_DOWN);
        break;
    case MOTH_INPUT_WHEEL:
        wheel(event->x, event->y);
        break;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
    case MOTH_INPUT_PAD_AXIS:
    case MOTH_INPUT_PAD_ATTACH:
        pad(event);
        break;
    case MOTH_INPUT_QUIT: {
        SDL_Event quit;
        push_window(SDL_WINDOWEVENT_CLOSE);
        memset(&quit, 0, sizeof quit);
        quit.type = SDL_QUIT;
        SDL_ORIGINAL(PushEvent)(&quit);
        break;
    }
    default:
        break;
    }
}

/* ---- state as the game reads it ---- */

static const Uint8 *hook_GetKeyboardState(int *n)
{
    if (n != NULL)
        *n = SDL_NUM_SCANCODES;
    return input.keys;
}

static SDL_Keymod hook_GetModState(void)
{
    return input.mods;
}

static void hook_SetModState(SDL_Keymod mods)
{
    input.mods = mods;
}

static Uint32 hook_GetMouseState(int *x, int *y)
{
    if (x != NULL)
        *x = input.x;
    if (y != NULL)
        *y = input.y;
    return input.buttons;
}

static Uint32 hook_GetRelativeMouseState(int *x, int *y)
{
    if (x != NULL)
        *x = input.relative_x;
    if (y != NULL)
        *y = input.relative_y;
    input.relative_x = input.relative_y = 0;
    return input.buttons;
}

static Uint32 hook_GetGlobalMouseState(int *x, int *y)
{
    int window_x = 0, window_y = 0;
    if (moth_video_focus() != NULL)
        SDL_ORIGINAL(GetWindowPosition)(moth_video_focus(), &window_x, &window_y);
    if (x != NULL)
        *x = window_x + input.x;
    if (y != NULL)
        *y = window_y + input.y;
    return input.buttons;
}

/* As SDL does it: the pointer moves, and where it is not relative, an event tells. */
static void hook_WarpMouseInWindow(SDL_Window *window, int x, int y)
{
    (void)window;
    moth_channel->mouse_warps++;
    if (input.relative_mode) {
        input.x = x;
        input.y = y;
        tell_mouse();
    } else {
        move(x, y);
    }
}

static int hook_WarpMouseGlobal(int x, int y)
{
    int window_x = 0, window_y = 0;
    if (moth_video_focus() != NULL)
        SDL_ORIGINAL(GetWindowPosition)(moth_video_focus(), &window_x, &window_y);
    hook_WarpMouseInWindow(NULL, x - window_x, y - window_y);
    return 0;
}

static int hook_SetRelativeMouseMode(SDL_bool on)
{
    input.relative_mode = on;
    input.relative_x = input.relative_y = 0;
    tell_mouse();
    return 0;
}

static SDL_bool hook_GetRelativeMouseMode(void)
{
    return input.relative_mode ? SDL_TRUE : SDL_FALSE;
}

static int hook_CaptureMouse(SDL_bool on)
{
    (void)on;
    return 0;
}

#define ENTRY(name) {MOTH_SDL_##name, hook_##name}

const struct moth_sdl_hook moth_sdl_input_hooks[] = {
    ENTRY(GetKeyboardState),   ENTRY(GetModState),         ENTRY(SetModState),
    ENTRY(GetMouseState),      ENTRY(GetRelativeMouseState), ENTRY(GetGlobalMouseState),
    ENTRY(WarpMouseInWindow),  ENTRY(WarpMouseGlobal),     ENTRY(SetRelativeMouseMode),
    ENTRY(GetRelativeMouseMode), ENTRY(CaptureMouse),      {0, NULL}};
