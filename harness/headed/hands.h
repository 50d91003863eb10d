/* SPDX-License-Identifier: MIT
 *
 * What a person does in the window, as inputs of the game.
 *
 * Life cycle: moth_hands_init; then for each tick moth_hands_see (where the picture is, what the game wants),
 * moth_hands_event for each event of SDL's, and moth_hands_take for what the next frame gets. Events keep their order.
 * A key that goes down and up within one tick is let go in the next one, so that a game that asks for the state of its
 * keys sees it too; what comes behind waits with it. Motion is one event a tick. What is held when the window loses the
 * focus is let go. A key that the host repeats is not taken: repeating is the game's time (wire/keyboard.h).
 *
 * The host key belongs to moth: the game never gets it, nor what is pressed while it is held, which comes out
 * as a command. Knows SDL's events and calls nothing of SDL. One thread.
 */
#ifndef MOTH_HEADED_HANDS_H
#define MOTH_HEADED_HANDS_H

#include <SDL.h>
#include <stdbool.h>

#include "headed/pressed.h"
#include "wire/keyboard.h"

#define MOTH_HANDS_QUEUE 1024u

enum moth_command {
    MOTH_COMMAND_NONE,
    MOTH_COMMAND_QUIT,
    MOTH_COMMAND_MARK,
    MOTH_COMMAND_PAUSE,
    MOTH_COMMAND_KEEP,   /* this place */
    MOTH_COMMAND_RETURN, /* to the place that was kept */
    MOTH_COMMAND_REWIND,
    MOTH_COMMAND_FASTER,
    MOTH_COMMAND_SLOWER,
    MOTH_COMMAND_FREE_MOUSE
};

/* What there is to know of the window and the game before events are looked at. */
struct moth_hands_view {
    int x, y, w, h;              /* of the picture, in the window */
    uint32_t game_w, game_h;     /* of the game's window */
    int32_t mouse_x, mouse_y;    /* where the game has the pointer */
    bool relative;               /* the pointer is grabbed: motion is what counts */
    bool text_input;             /* the game takes text */
};

struct moth_hands {
    uint16_t host_key;
    bool host_down;
    bool swallowed[MOTH_PRESSED_KEYS]; /* keys whose release the game does not get either */
    bool swallow_text;
    struct moth_hands_view view;
    struct moth_input_event queue[MOTH_HANDS_QUEUE];
    size_t n;
    struct moth_pressed down;       /* by the person: what is queued included */
    struct moth_pressed given;      /* to the game */
    double rest_x, rest_y;       /* of motion: parts of the game's pixels */
    int32_t aim_x, aim_y;        /* where queued motion leads */
    bool aiming;
    struct moth_input_event key; /* one that waits for its text; type 0: none */
    bool key_repeat;
    struct moth_key_repeat repeat;
    SDL_JoystickID pads[MOTH_PADS_MAX];
    bool has_pad[MOTH_PADS_MAX];
    bool caps;
};

void moth_hands_init(struct moth_hands *hands, uint16_t host_key, bool key_repeat);
void moth_hands_see(struct moth_hands *hands, const struct moth_hands_view *view);
/* Take an event; what it asks of moth itself, if anything. */
enum moth_command moth_hands_event(struct moth_hands *hands, const SDL_Event *event);
/* All events of the tick were seen: what the next frame gets, at `now_ns` of the game's time. At most `most`, how many. */
size_t moth_hands_take(struct moth_hands *hands, uint64_t now_ns, struct moth_input_event *events, size_t most);
/* Let everything go with the next take. */
void moth_hands_let_go(struct moth_hands *hands);
/* The game was taken to another place, where `given` is held: what the person does not hold is let go there. */
void moth_hands_moved(struct moth_hands *hands, const struct moth_pressed *given);
/* A controller of the person's: which pad it is, or -1. */
int moth_hands_plug(struct moth_hands *hands, SDL_JoystickID id);
void moth_hands_unplug(struct moth_hands *hands, SDL_JoystickID id);

#endif
