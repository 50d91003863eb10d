/* SPDX-License-Identifier: MIT */
#include "branch/attempt.h"

#include <stdbool.h>
#include <string.h>

#include "wire/keys.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define GRID_COLUMNS 16u
#define GRID_ROWS 12u
#define AGAIN_FRAMES 900u /* how much of what was played before is done again */
#define HELD_BUTTON 0x10000u
#define HELD_PAD 0x20000u

enum key {
    KEY_RETURN = 40,
    KEY_ESCAPE = 41,
    KEY_BACKSPACE = 42,
    KEY_TAB = 43,
    KEY_SPACE = 44,
    KEY_Q = 20,
    KEY_F10 = 67,
    KEY_RIGHT = 79,
    KEY_LEFT = 80,
    KEY_DOWN = 81,
    KEY_UP = 82,
    KEY_CTRL = 224,
    KEY_SHIFT = 225,
    KEY_ALT = 226,
    KEY_GUI = 227
};

/* The monkey's keys, usual first. Pairs that exclude each other stand together in the first eight. */
static const uint16_t usual[] = {KEY_LEFT,  KEY_RIGHT,  KEY_UP,     KEY_DOWN,   4 /* a */,
                                 7 /* d */, 26 /* w */, 22 /* s */, KEY_RETURN, KEY_SPACE,
                                 KEY_CTRL,  KEY_SHIFT,  29 /* z */, 27 /* x */, 6 /* c */,
                                 8 /* e */, 28 /* y */, 30 /* 1 */, KEY_TAB};
static const uint16_t menu[] = {KEY_UP,     KEY_DOWN,   KEY_LEFT,  KEY_RIGHT,    KEY_RETURN,
                                KEY_RETURN, KEY_RETURN, KEY_SPACE, KEY_BACKSPACE};
static const uint16_t back[] = {KEY_ESCAPE, KEY_ESCAPE, KEY_BACKSPACE, KEY_Q, KEY_F10,
                                KEY_TAB,    19 /* p */, 16 /* m */,    72 /* pause */};

static const char *const texts[] = {
#define X(name, text) [MOTH_ATTEMPT_##name] = text,
    MOTH_ATTEMPTS(X)
#undef X
};

const char *moth_attempt_text(enum moth_attempt_kind kind)
{
    return texts[kind];
}

bool moth_attempt_may_quit(enum moth_attempt_kind kind)
{
    return kind == MOTH_ATTEMPT_BACK || kind == MOTH_ATTEMPT_LEAVE;
}

/* ---- beginning ---- */

static void hold(struct moth_attempt *attempt, uint32_t what, bool down)
{
    uint32_t i = 0;
    while (i < attempt->n_held && attempt->held[i] != what)
        i++;
    if (down && i == attempt->n_held && i < COUNT(attempt->held))
        attempt->held[attempt->n_held++] = what;
    else if (!down && i < attempt->n_held)
        attempt->held[i] = attempt->held[--attempt->n_held];
}

static void find_held(struct moth_attempt *attempt, const struct moth_trace *before)
{
    for (size_t i = 0; before && i < before->n_events; i++) {
        const struct moth_input_event *event = &before->events[i];
        uint32_t pad = HELD_PAD | (uint32_t)event->device << 8;
        if (event->type == MOTH_INPUT_KEY_DOWN || event->type == MOTH_INPUT_KEY_UP)
            hold(attempt, event->code, event->type == MOTH_INPUT_KEY_DOWN);
        else if (event->type == MOTH_INPUT_MOUSE_DOWN || event->type == MOTH_INPUT_MOUSE_UP)
            hold(attempt, HELD_BUTTON | event->code, event->type == MOTH_INPUT_MOUSE_DOWN);
        else if (event->type == MOTH_INPUT_PAD_DOWN || event->type == MOTH_INPUT_PAD_UP)
            hold(attempt, pad | event->code, event->type == MOTH_INPUT_PAD_DOWN);
    }
}

static bool is_swept(uint16_t key)
{
    bool named = key < 232 && moth_key_names[key];
    return named && key != KEY_ESCAPE && key != KEY_Q && key != KEY_F10 && key != KEY_GUI && key != 231 &&
           (key < 104 || key >= 224);
}

static void shuffle(struct moth_attempt *attempt)
{
    for (uint32_t i = attempt->n_order; i > 1; i--) {
        uint32_t j = (uint32_t)moth_rng_below(&attempt->rng, i);
        uint16_t kept = attempt->order[i - 1];
        attempt->order[i - 1] = attempt->order[j];
        attempt->order[j] = kept;
    }
}

void moth_attempt_init(struct moth_attempt *attempt, enum moth_attempt_kind kind, uint64_t seed,
                       const struct moth_trace *before, uint32_t window_w, uint32_t window_h)
{
    *attempt = (struct moth_attempt){.kind = kind,
                                     .before = before,
                                     .window_w = window_w ? window_w : 640,
                                     .window_h = window_h ? window_h : 480};
    moth_rng_seed(&attempt->rng, seed);
    find_held(attempt, before);
    if (kind == MOTH_ATTEMPT_SWEEP) {
        for (uint16_t key = 4; key < 232; key++)
            if (is_swept(key))
                attempt->order[attempt->n_order++] = key;
    } else if (kind == MOTH_ATTEMPT_CLICKS) {
        for (uint16_t at = 0; at < GRID_COLUMNS * GRID_ROWS; at++)
            attempt->order[attempt->n_order++] = at;
    }
    shuffle(attempt);
    for (size_t i = 0; i < COUNT(attempt->due); i++)
        attempt->due[i] = 1 + (uint32_t)moth_rng_below(&attempt->rng, 40);
}

/* ---- going on ---- */

struct out {
    struct moth_attempt *attempt;
    struct moth_input_event *events;
    size_t n;
    uint32_t frame; /* of this call */
};

static void put(struct out *out, struct moth_input_event event)
{
    if (out->n == MOTH_ATTEMPT_EVENTS_MAX)
        return;
    event.frame = out->frame;
    out->events[out->n++] = event;
}

static void key(struct out *out, uint16_t code, bool down)
{
    put(out, (struct moth_input_event){.type = down ? MOTH_INPUT_KEY_DOWN : MOTH_INPUT_KEY_UP, .code = code});
}

static void button(struct out *out, uint16_t code, bool down)
{
    put(out,
        (struct moth_input_event){.type = down ? MOTH_INPUT_MOUSE_DOWN : MOTH_INPUT_MOUSE_UP, .code = code});
}

static void mouse(struct out *out, uint32_t x, uint32_t y)
{
    put(out, (struct moth_input_event){.type = MOTH_INPUT_MOUSE_MOVE, .x = (int32_t)x, .y = (int32_t)y});
}

static uint32_t below(struct out *out, uint32_t n)
{
    return (uint32_t)moth_rng_below(&out->attempt->rng, n);
}

static void let_go(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    for (uint32_t i = 0; i < attempt->n_held; i++) {
        uint32_t what = attempt->held[i];
        if (what & HELD_PAD)
            put(out, (struct moth_input_event){.type = MOTH_INPUT_PAD_UP,
                                               .device = (uint8_t)(what >> 8),
                                               .code = (uint16_t)(what & 0xff)});
        else if (what & HELD_BUTTON)
            button(out, (uint16_t)what, false);
        else
            key(out, (uint16_t)what, false);
    }
}

/* Frames until the next change: as the monkey's, around 2, 8, 32 and 80. */
static uint32_t dwell(struct out *out)
{
    static const uint32_t means[] = {2, 8, 32, 80};
    uint32_t mean = means[below(out, 4)], n = 1;
    while (n < mean * 4 && below(out, mean) != 0)
        n++;
    return n;
}

static void sticky(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    for (uint32_t i = 0; i < COUNT(usual); i++) {
        if (attempt->due[i] > attempt->at)
            continue;
        bool down = !attempt->down[i];
        if (down && i < 8 && attempt->down[i ^ 1]) {
            attempt->down[i ^ 1] = false;
            attempt->due[i ^ 1] = attempt->at + dwell(out);
            key(out, usual[i ^ 1], false);
        }
        attempt->down[i] = down;
        attempt->due[i] = attempt->at + dwell(out) * (down || i < 4 ? 1 : 2);
        key(out, usual[i], down);
    }
}

/* Sticky keys, and something beside them that is pressed and let go. Is it time to do so? */
static bool sticky_beside(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    sticky(out);
    if (attempt->due[29] > attempt->at)
        return false;
    attempt->down[29] = !attempt->down[29];
    return true;
}

/* Whoever stands in front of what shuts behind its only exit comes further by leaving it again and again, and
 * walking on in between. */
static void leave(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    if (!sticky_beside(out))
        return;
    if (attempt->down[29])
        attempt->due[28] = below(out, COUNT(back));
    key(out, back[attempt->due[28]], attempt->down[29]);
    attempt->due[29] = attempt->at + (attempt->down[29] ? 3 : 20 + 2 * dwell(out));
}

/* Press one after the other, `gap` frames apart and for a third of it. */
static void tap(struct out *out, const uint16_t *keys, uint32_t n, bool random, uint32_t gap)
{
    struct moth_attempt *attempt = out->attempt;
    uint32_t phase = attempt->at % gap;
    if (phase == 0)
        attempt->due[31] = random ? below(out, n) : attempt->at / gap % n;
    if (phase == 0 || phase == (gap + 2) / 3)
        key(out, keys[attempt->due[31]], phase == 0);
}

static void clicks(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    uint32_t i = attempt->at / 4, phase = attempt->at % 4, at = attempt->order[i % attempt->n_order];
    uint16_t which = i / attempt->n_order % 3 == 2 ? 3 : 1;
    if (phase == 0)
        mouse(out, attempt->window_w * (2 * (at % GRID_COLUMNS) + 1) / (2 * GRID_COLUMNS),
              attempt->window_h * (2 * (at / GRID_COLUMNS) + 1) / (2 * GRID_ROWS));
    if (phase == 0 || phase == 2)
        button(out, which, phase == 0);
}

static void typing(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    uint32_t phase = attempt->at % 6, n = attempt->at / 6;
    uint16_t letter = (uint16_t)(n % 9 == 8 ? KEY_RETURN : 4 + (n * 7 + attempt->due[30]) % 26);
    if (phase == 0 || phase == 2)
        key(out, letter, phase == 0);
    if (phase == 0 && letter != KEY_RETURN) {
        struct moth_input_event event = {.type = MOTH_INPUT_TEXT};
        event.text[0] = (char)('a' + letter - 4);
        put(out, event);
    }
}

static void mixed(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    if (!sticky_beside(out))
        return;
    if (attempt->down[29])
        mouse(out, below(out, attempt->window_w), below(out, attempt->window_h));
    button(out, 1, attempt->down[29]);
    attempt->due[29] = attempt->at + (attempt->down[29] ? 3 : dwell(out));
}

static void pad(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    if (attempt->at == 0)
        put(out, (struct moth_input_event){.type = MOTH_INPUT_PAD_ATTACH});
    for (uint32_t i = 0; i < 15; i++) {
        if (i == 5 || attempt->due[i] > attempt->at) /* 5: the guide button belongs to the system */
            continue;
        attempt->down[i] = !attempt->down[i];
        attempt->due[i] = attempt->at + dwell(out);
        put(out, (struct moth_input_event){.type = attempt->down[i] ? MOTH_INPUT_PAD_DOWN : MOTH_INPUT_PAD_UP,
                                           .code = (uint16_t)i});
    }
    for (uint32_t axis = 0; axis < 2; axis++) {
        static const int32_t where[] = {-32768, 0, 32767};
        if (attempt->due[16 + axis] > attempt->at)
            continue;
        attempt->due[16 + axis] = attempt->at + dwell(out);
        put(out, (struct moth_input_event){
                     .type = MOTH_INPUT_PAD_AXIS, .code = (uint16_t)axis, .x = where[below(out, 3)]});
    }
}

/* What was pressed last, in its own rhythm, over and over. */
static void again(struct out *out)
{
    const struct moth_trace *before = out->attempt->before;
    if (!before)
        return;
    uint32_t length = before->frames < AGAIN_FRAMES ? before->frames : AGAIN_FRAMES;
    uint32_t frame = length ? before->frames - length + out->attempt->at % length : 0;
    size_t i = before->n_events;
    while (i > 0 && before->events[i - 1].frame >= frame)
        i--;
    for (; i < before->n_events && before->events[i].frame == frame; i++)
        if (before->events[i].type != MOTH_INPUT_QUIT)
            put(out, before->events[i]);
}

static void go_on(struct out *out)
{
    struct moth_attempt *attempt = out->attempt;
    switch (attempt->kind) {
    case MOTH_ATTEMPT_STICKY:
        sticky(out);
        break;
    case MOTH_ATTEMPT_SWEEP:
        tap(out, attempt->order, attempt->n_order, false, 6);
        break;
    case MOTH_ATTEMPT_MENU:
        tap(out, menu, COUNT(menu), true, 9);
        break;
    case MOTH_ATTEMPT_CLICKS:
        clicks(out);
        break;
    case MOTH_ATTEMPT_BACK:
        if (attempt->at < 90)
            tap(out, back, COUNT(back), true, 15);
        else
            tap(out, menu, COUNT(menu), true, 12);
        break;
    case MOTH_ATTEMPT_LEAVE:
        leave(out);
        break;
    case MOTH_ATTEMPT_TYPING:
        typing(out);
        break;
    case MOTH_ATTEMPT_MIXED:
        mixed(out);
        break;
    case MOTH_ATTEMPT_PAD:
        pad(out);
        break;
    case MOTH_ATTEMPT_AGAIN:
        again(out);
        break;
    case MOTH_ATTEMPT_NOTHING:
    case MOTH_ATTEMPT_KINDS:
        break;
    }
}

size_t moth_attempt_next(struct moth_attempt *attempt, uint32_t frames, struct moth_input_event *events)
{
    struct out out = {.attempt = attempt, .events = events};
    for (out.frame = 0; out.frame < frames; out.frame++, attempt->at++) {
        if (attempt->at == 0)
            let_go(&out);
        go_on(&out);
    }
    return out.n;
}
