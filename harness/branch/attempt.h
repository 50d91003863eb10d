/* SPDX-License-Identifier: MIT
 *
 * Attempts: ways to try to get on in a game that seems stuck, as a stream of input events.
 *
 * An attempt is made of its kind and a seed, and knows nothing of the game. Between them they press every
 * key there is, the usual ones in many rhythms, click all over the window, type, use a controller, do again
 * what led in, and do nothing. None closes the window. The caller's storage; one thread.
 */
#ifndef MOTH_BRANCH_ATTEMPT_H
#define MOTH_BRANCH_ATTEMPT_H

#include "base/rng.h"
#include "wire/trace.h"

/* X(name, text) */
#define MOTH_ATTEMPTS(X)                                  \
    X(NOTHING, "nothing is pressed")                      \
    X(STICKY, "usual keys are held at random")            \
    X(SWEEP, "every key is tapped")                       \
    X(MENU, "arrows and confirming keys are tapped")      \
    X(CLICKS, "the window is clicked all over")           \
    X(BACK, "keys that open menus or leave, then others") \
    X(LEAVE, "usual keys are held, a leaving one tapped") \
    X(TYPING, "letters are typed and confirmed")          \
    X(MIXED, "keys are held, the mouse moves and clicks") \
    X(PAD, "a controller is plugged in and used")         \
    X(AGAIN, "what was pressed before is pressed again")

enum moth_attempt_kind {
#define X(name, text) MOTH_ATTEMPT_##name,
    MOTH_ATTEMPTS(X)
#undef X
        MOTH_ATTEMPT_KINDS
};

#define MOTH_ATTEMPT_EVENTS_MAX 64u /* of one call */
#define MOTH_ATTEMPT_FRAMES 10u     /* one call gives the events of so many frames at most */

struct moth_attempt {
    enum moth_attempt_kind kind;
    struct moth_rng rng;
    uint32_t window_w, window_h;
    const struct moth_trace *before; /* borrowed: what was played up to here */
    uint32_t at;                     /* frames of the attempt so far */
    uint32_t due[32];                /* per key or actor: when it changes next */
    bool down[32];
    uint16_t order[256]; /* SWEEP, CLICKS: shuffled */
    uint32_t n_order;
    uint32_t held[32]; /* what the player held when the attempt began: to be let go */
    uint32_t n_held;
};

void moth_attempt_init(struct moth_attempt *attempt, enum moth_attempt_kind kind, uint64_t seed,
                       const struct moth_trace *before, uint32_t window_w, uint32_t window_h);
/* Events of the next `frames` (at most MOTH_ATTEMPT_FRAMES) frames, counting from 0, in order. */
size_t moth_attempt_next(struct moth_attempt *attempt, uint32_t frames, struct moth_input_event *events);
/* Is this a key that one would expect to end a game? */
bool moth_attempt_may_quit(enum moth_attempt_kind kind);
const char *moth_attempt_text(enum moth_attempt_kind kind);

#endif
