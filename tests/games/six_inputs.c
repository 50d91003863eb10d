/* SPDX-License-Identifier: MIT
 *
 * A vault that opens after six inputs in this order, however long it takes and whatever else is entered in
 * between: o, p, a click on the dial, h held for half a dozen frames, e, n. Escape locks it again. What lies
 * in it is not there: the sixth input is a crash.
 */
#include "secret.h"

#define HELD_FRAMES 6
#define DIAL_X 240
#define DIAL_Y 150
#define DIAL_RADIUS 12

enum part { PART_O, PART_P, PART_DIAL, PART_H, PART_E, PART_N, PARTS };

struct vault {
    int part;        /* which one is next */
    long held_since; /* frame, or -1 */
};

static bool on_dial(const SDL_Event *event)
{
    int x = event->button.x - DIAL_X, y = event->button.y - DIAL_Y;
    return event->type == SDL_MOUSEBUTTONDOWN && x * x + y * y <= DIAL_RADIUS * DIAL_RADIUS;
}

static bool is_next(const struct vault *vault, const SDL_Event *event)
{
    static const int keys[PARTS] = {SDL_SCANCODE_O, SDL_SCANCODE_P, 0, 0, SDL_SCANCODE_E, SDL_SCANCODE_N};
    if (vault->part == PART_DIAL)
        return on_dial(event);
    int key = game_pressed(event);
    return key && key == keys[vault->part];
}

static void turn(struct vault *vault, const SDL_Event *event)
{
    if (game_pressed(event) == SDL_SCANCODE_ESCAPE)
        vault->part = PART_O;
    else if (is_next(vault, event))
        vault->part++;
}

/* Held keys are seen once a frame. */
static void hold(struct vault *vault, long frame)
{
    if (vault->part != PART_H || !SDL_GetKeyboardState(NULL)[SDL_SCANCODE_H])
        vault->held_since = -1;
    else if (vault->held_since < 0)
        vault->held_since = frame;
    else if (frame - vault->held_since >= HELD_FRAMES)
        vault->part++;
}

static void open_vault(struct vault *vault)
{
    take_treasure();
    vault->part = PART_O;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct vault vault = {PART_O, -1};
    game_open(&game, "six_inputs");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            turn(&vault, &event);
        hold(&vault, game.frame);
        if (vault.part == PARTS)
            open_vault(&vault);
        game_clear(&game, 0x102030);
        game_rect(&game, DIAL_X - 8, DIAL_Y - 8, 16, 16, 0xc0a040);
        game_rect(&game, (int)(game.frame * 3 % GAME_WIDTH), 40, 10, 10, 0x40a0c0);
        for (int i = 0; i < vault.part; i++)
            game_rect(&game, 8 + i * 12, 224, 8, 8, 0xc04040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
