/* SPDX-License-Identifier: MIT */
#include "headed/hands.h"

#include <math.h>
#include <string.h>

#define MODS_THAT_TYPE_NOTHING (KMOD_CTRL | KMOD_ALT | KMOD_GUI)

void moth_hands_init(struct moth_hands *hands, uint16_t host_key, bool key_repeat)
{
    memset(hands, 0, sizeof *hands);
    hands->host_key = host_key;
    hands->key_repeat = key_repeat;
}

void moth_hands_see(struct moth_hands *hands, const struct moth_hands_view *view)
{
    hands->view = *view;
    if (!hands->aiming && hands->down.moved) { /* the game may have put the pointer elsewhere */
        hands->down.x = view->mouse_x;
        hands->down.y = view->mouse_y;
    }
}

static void push(struct moth_hands *hands, const struct moth_input_event *event)
{
    if (hands->n == MOTH_HANDS_QUEUE)
        return;
    hands->queue[hands->n++] = *event;
    moth_pressed_note(&hands->down, event);
}

/* ---- keys and text ---- */

static void flush_key(struct moth_hands *hands)
{
    if (hands->key.type == 0)
        return;
    struct moth_input_event event = hands->key;
    hands->key.type = 0;
    push(hands, &event);
}

static enum moth_command command_of(SDL_Scancode code)
{
    switch (code) {
    case SDL_SCANCODE_Q:
        return MOTH_COMMAND_QUIT;
    case SDL_SCANCODE_M:
        return MOTH_COMMAND_MARK;
    case SDL_SCANCODE_P:
        return MOTH_COMMAND_PAUSE;
    case SDL_SCANCODE_S:
        return MOTH_COMMAND_KEEP;
    case SDL_SCANCODE_L:
        return MOTH_COMMAND_RETURN;
    case SDL_SCANCODE_R:
        return MOTH_COMMAND_REWIND;
    case SDL_SCANCODE_EQUALS:
    case SDL_SCANCODE_KP_PLUS:
        return MOTH_COMMAND_FASTER;
    case SDL_SCANCODE_MINUS:
    case SDL_SCANCODE_KP_MINUS:
        return MOTH_COMMAND_SLOWER;
    case SDL_SCANCODE_G:
        return MOTH_COMMAND_FREE_MOUSE;
    default:
        return MOTH_COMMAND_NONE;
    }
}

static enum moth_command key_down(struct moth_hands *hands, const SDL_KeyboardEvent *key, uint16_t code)
{
    /* What is down in the game repeats there, and types again by itself. */
    hands->swallow_text = key->repeat && code < MOTH_PRESSED_KEYS && hands->down.keys[code];
    if (key->repeat || code == 0 || code >= MOTH_PRESSED_KEYS)
        return MOTH_COMMAND_NONE;
    if (code == hands->host_key) {
        hands->host_down = true;
        return MOTH_COMMAND_NONE;
    }
    if (hands->host_down) {
        hands->swallowed[code] = hands->swallow_text = true;
        return command_of(key->keysym.scancode);
    }
    flush_key(hands);
    if (hands->down.keys[code])
        return MOTH_COMMAND_NONE;
    struct moth_input_event event = {.type = MOTH_INPUT_KEY_DOWN, .code = code};
    bool types = !(key->keysym.mod & MODS_THAT_TYPE_NOTHING) && moth_keyboard_types(code, false, false);
    if (hands->view.text_input && types)
        hands->key = event;
    else
        push(hands, &event);
    return MOTH_COMMAND_NONE;
}

static void key_up(struct moth_hands *hands, uint16_t code)
{
    flush_key(hands);
    hands->swallow_text = false;
    if (code == hands->host_key)
        hands->host_down = false;
    if (code >= MOTH_PRESSED_KEYS || code == hands->host_key)
        return;
    if (hands->down.keys[code])
        push(hands, &(struct moth_input_event){.type = MOTH_INPUT_KEY_UP, .code = code});
    hands->swallowed[code] = false;
}

static void push_text(struct moth_hands *hands, const char *text)
{
    struct moth_input_event event = {.type = MOTH_INPUT_TEXT};
    memcpy(event.text, text, strnlen(text, sizeof event.text - 1));
    push(hands, &event);
}

/* The game's keyboard is a US one and types by itself. Where the person's gives another character, the text counts
 * and the key does not: the game would get both. */
static void text(struct moth_hands *hands, const char *given)
{
    if (hands->host_down || hands->swallow_text || !hands->view.text_input || given[0] == '\0')
        return;
    bool shift = hands->down.keys[SDL_SCANCODE_LSHIFT] || hands->down.keys[SDL_SCANCODE_RSHIFT];
    if (hands->key.type == 0) {
        push_text(hands, given);
        return;
    }
    char own = moth_keyboard_types(hands->key.code, shift, hands->caps);
    if (given[0] == own && given[1] == '\0') {
        flush_key(hands);
    } else {
        hands->swallowed[hands->key.code] = true;
        hands->key.type = 0;
        push_text(hands, given);
    }
}

/* ---- the mouse ---- */

static void aim(struct moth_hands *hands, int32_t x, int32_t y)
{
    hands->aim_x = x;
    hands->aim_y = y;
    hands->aiming = true;
    struct moth_input_event event = {.type = MOTH_INPUT_MOUSE_MOVE, .x = x, .y = y};
    struct moth_input_event *last = hands->n > 0 ? &hands->queue[hands->n - 1] : NULL;
    if (last && last->type == MOTH_INPUT_MOUSE_MOVE) {
        *last = event;
        moth_pressed_note(&hands->down, &event);
    } else {
        push(hands, &event);
    }
}

static bool in_picture(const struct moth_hands *hands, int x, int y)
{
    const struct moth_hands_view *view = &hands->view;
    return x >= view->x && y >= view->y && x < view->x + view->w && y < view->y + view->h;
}

static int32_t scaled(int at, int from, int size, uint32_t game)
{
    int64_t value = size > 0 ? ((int64_t)at - from) * (int64_t)game / size : 0;
    int64_t most = game > 0 ? (int64_t)game - 1 : 0;
    return (int32_t)(value < 0 ? 0 : value > most ? most : value);
}

/* Beside the picture is not in the game, unless something is being dragged out of it. */
static void point(struct moth_hands *hands, int x, int y)
{
    const struct moth_hands_view *view = &hands->view;
    if (!in_picture(hands, x, y) && hands->down.buttons == 0)
        return;
    int32_t game_x = scaled(x, view->x, view->w, view->game_w), game_y = scaled(y, view->y, view->h, view->game_h);
    if (hands->down.moved && game_x == hands->down.x && game_y == hands->down.y)
        return;
    aim(hands, game_x, game_y);
}

/* Motion without a place: what is left over of a pixel is kept. */
static void shove(struct moth_hands *hands, int dx, int dy)
{
    const struct moth_hands_view *view = &hands->view;
    hands->rest_x += view->w > 0 ? (double)dx * view->game_w / view->w : dx;
    hands->rest_y += view->h > 0 ? (double)dy * view->game_h / view->h : dy;
    double whole_x = trunc(hands->rest_x), whole_y = trunc(hands->rest_y);
    if (whole_x == 0 && whole_y == 0)
        return;
    hands->rest_x -= whole_x;
    hands->rest_y -= whole_y;
    int32_t from_x = hands->aiming ? hands->aim_x : view->mouse_x, from_y = hands->aiming ? hands->aim_y : view->mouse_y;
    aim(hands, from_x + (int32_t)whole_x, from_y + (int32_t)whole_y);
}

static void button(struct moth_hands *hands, const SDL_MouseButtonEvent *event)
{
    bool down = event->type == SDL_MOUSEBUTTONDOWN;
    if (event->button < 1 || event->button > 5 || ((hands->down.buttons >> event->button & 1u) != 0) == down)
        return;
    if (!hands->view.relative) {
        if (down && !in_picture(hands, event->x, event->y))
            return;
        point(hands, event->x, event->y);
    }
    push(hands, &(struct moth_input_event){.type = down ? MOTH_INPUT_MOUSE_DOWN : MOTH_INPUT_MOUSE_UP,
                                           .code = event->button});
}

static void wheel(struct moth_hands *hands, const SDL_MouseWheelEvent *event)
{
    int sign = event->direction == SDL_MOUSEWHEEL_FLIPPED ? -1 : 1;
    if (event->x != 0 || event->y != 0)
        push(hands,
             &(struct moth_input_event){.type = MOTH_INPUT_WHEEL, .x = event->x * sign, .y = event->y * sign});
}

/* ---- pads ---- */

static int pad_of(const struct moth_hands *hands, SDL_JoystickID id)
{
    for (int i = 0; i < MOTH_PADS_MAX; i++)
        if (hands->has_pad[i] && hands->pads[i] == id)
            return i;
    return -1;
}

int moth_hands_plug(struct moth_hands *hands, SDL_JoystickID id)
{
    int pad = pad_of(hands, id);
    for (int i = 0; i < MOTH_PADS_MAX && pad < 0; i++)
        if (!hands->has_pad[i])
            pad = i;
    if (pad < 0)
        return -1;
    hands->has_pad[pad] = true;
    hands->pads[pad] = id;
    if (!hands->down.pads[pad].attached)
        push(hands, &(struct moth_input_event){.type = MOTH_INPUT_PAD_ATTACH, .device = (uint8_t)pad});
    return pad;
}

/* The game keeps its pad; what is held on it is let go. */
void moth_hands_unplug(struct moth_hands *hands, SDL_JoystickID id)
{
    int pad = pad_of(hands, id);
    if (pad < 0)
        return;
    hands->has_pad[pad] = false;
    struct moth_pressed kept = hands->down;
    memset(kept.pads[pad].axes, 0, sizeof kept.pads[pad].axes);
    kept.pads[pad].buttons = 0;
    struct moth_input_event events[64];
    size_t n = moth_pressed_let_go(&hands->down, &kept, events, 64);
    for (size_t i = 0; i < n; i++)
        push(hands, &events[i]);
}

static void pad_button(struct moth_hands *hands, const SDL_ControllerButtonEvent *event)
{
    int pad = pad_of(hands, event->which);
    struct moth_input_event input = {.type = event->state == SDL_PRESSED ? MOTH_INPUT_PAD_DOWN : MOTH_INPUT_PAD_UP,
                                     .device = (uint8_t)(pad < 0 ? 0 : pad),
                                     .code = event->button};
    if (pad >= 0 && moth_input_valid(&input))
        push(hands, &input);
}

static void pad_axis(struct moth_hands *hands, const SDL_ControllerAxisEvent *event)
{
    int pad = pad_of(hands, event->which);
    struct moth_input_event input = {.type = MOTH_INPUT_PAD_AXIS,
                                     .device = (uint8_t)(pad < 0 ? 0 : pad),
                                     .code = event->axis,
                                     .x = event->value};
    if (pad < 0 || !moth_input_valid(&input))
        return;
    for (size_t i = hands->n; i > 0 && hands->queue[i - 1].type == MOTH_INPUT_PAD_AXIS; i--)
        if (hands->queue[i - 1].code == input.code && hands->queue[i - 1].device == input.device) {
            hands->queue[i - 1] = input; /* one a tick will do */
            moth_pressed_note(&hands->down, &input);
            return;
        }
    push(hands, &input);
}

/* ---- all of them ---- */

void moth_hands_let_go(struct moth_hands *hands)
{
    static const struct moth_pressed nothing;
    struct moth_input_event events[MOTH_HANDS_QUEUE];
    flush_key(hands);
    size_t n = moth_pressed_let_go(&hands->down, &nothing, events, MOTH_HANDS_QUEUE);
    for (size_t i = 0; i < n; i++)
        push(hands, &events[i]);
    hands->host_down = false;
}

void moth_hands_moved(struct moth_hands *hands, const struct moth_pressed *given)
{
    struct moth_pressed person = hands->down;
    struct moth_input_event events[MOTH_HANDS_QUEUE];
    hands->n = 0;
    hands->key.type = 0;
    hands->aiming = false;
    hands->repeat.code = 0;
    hands->given = hands->down = *given;
    size_t n = moth_pressed_let_go(given, &person, events, MOTH_HANDS_QUEUE);
    for (size_t i = 0; i < n; i++)
        push(hands, &events[i]);
}

enum moth_command moth_hands_event(struct moth_hands *hands, const SDL_Event *event)
{
    if (event->type == SDL_KEYDOWN || event->type == SDL_KEYUP)
        hands->caps = (event->key.keysym.mod & KMOD_CAPS) != 0;
    if (event->type != SDL_TEXTINPUT && event->type != SDL_KEYDOWN && event->type != SDL_KEYUP)
        flush_key(hands);
    switch (event->type) {
    case SDL_KEYDOWN:
        return key_down(hands, &event->key, (uint16_t)event->key.keysym.scancode);
    case SDL_KEYUP:
        key_up(hands, (uint16_t)event->key.keysym.scancode);
        break;
    case SDL_TEXTINPUT:
        text(hands, event->text.text);
        break;
    case SDL_MOUSEMOTION:
        if (hands->view.relative)
            shove(hands, event->motion.xrel, event->motion.yrel);
        else
            point(hands, event->motion.x, event->motion.y);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        button(hands, &event->button);
        break;
    case SDL_MOUSEWHEEL:
        wheel(hands, &event->wheel);
        break;
    case SDL_CONTROLLERBUTTONDOWN:
    case SDL_CONTROLLERBUTTONUP:
        pad_button(hands, &event->cbutton);
        break;
    case SDL_CONTROLLERAXISMOTION:
        pad_axis(hands, &event->caxis);
        break;
    case SDL_WINDOWEVENT:
        if (event->window.event == SDL_WINDOWEVENT_FOCUS_LOST)
            moth_hands_let_go(hands);
        break;
    case SDL_QUIT:
        return MOTH_COMMAND_QUIT;
    default:
        break;
    }
    return MOTH_COMMAND_NONE;
}

/* Does this event let go what went down in the same frame? */
static bool too_soon(const struct moth_input_event *event, const struct moth_input_event *taken, size_t n)
{
    uint8_t down = event->type == MOTH_INPUT_KEY_UP     ? MOTH_INPUT_KEY_DOWN
                   : event->type == MOTH_INPUT_MOUSE_UP ? MOTH_INPUT_MOUSE_DOWN
                   : event->type == MOTH_INPUT_PAD_UP   ? MOTH_INPUT_PAD_DOWN
                                                        : 0;
    for (size_t i = 0; down && i < n; i++)
        if (taken[i].type == down && taken[i].code == event->code && taken[i].device == event->device)
            return true;
    return false;
}

size_t moth_hands_take(struct moth_hands *hands, uint64_t now_ns, struct moth_input_event *events, size_t most)
{
    size_t n = 0;
    flush_key(hands);
    while (n < hands->n && n + 1 < most && !too_soon(&hands->queue[n], events, n)) {
        events[n] = hands->queue[n];
        moth_pressed_note(&hands->given, &events[n]);
        moth_key_repeat_note(&hands->repeat, &events[n], now_ns);
        n++;
    }
    memmove(hands->queue, hands->queue + n, (hands->n - n) * sizeof *hands->queue);
    hands->n -= n;
    if (hands->n == 0)
        hands->aiming = false;
    if (n < most && hands->key_repeat && moth_key_repeat_due(&hands->repeat, now_ns, &events[n]))
        n++;
    return n;
}
