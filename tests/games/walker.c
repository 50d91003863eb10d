/* SPDX-License-Identifier: MIT
 *
 * A menu and a field, with keys that nobody would guess. The menu's upper button, a pattern, begins (a click on it,
 * or return); the lower one does nothing. On the field a block walks to the corners one after the other, clockwise;
 * the one who comes to the last of them is read through a null pointer.
 *
 *     walker [arrows|wasd|ijkl|mouse|pad] [watch] [level N]
 *
 * mouse: a button that is held draws the block to it. watch: publishes x, y, corner and level. level: begins there,
 * without a menu; a level has so many corners more.
 */
#include <moth/moth.h>
#include <string.h>

#include "game.h"

#define SPEED 4
#define SIZE 16

static struct {
    struct game base;
    const char *keys;
    int32_t x, y, corner, level;
    bool started, watched;
    int mouse_x, mouse_y;
    bool mouse_down;
    SDL_GameController *pad;
} walker = {.keys = "arrows", .level = 1, .x = 152, .y = 112};

static const SDL_Scancode keys_of[3][4] = {
    {SDL_SCANCODE_LEFT, SDL_SCANCODE_RIGHT, SDL_SCANCODE_UP, SDL_SCANCODE_DOWN},
    {SDL_SCANCODE_A, SDL_SCANCODE_D, SDL_SCANCODE_W, SDL_SCANCODE_S},
    {SDL_SCANCODE_J, SDL_SCANCODE_L, SDL_SCANCODE_I, SDL_SCANCODE_K},
};

static void walk(int dx, int dy)
{
    walker.x += dx * SPEED;
    walker.y += dy * SPEED;
    walker.x = walker.x < 0 ? 0 : walker.x > GAME_WIDTH - SIZE ? GAME_WIDTH - SIZE : walker.x;
    walker.y = walker.y < 0 ? 0 : walker.y > GAME_HEIGHT - SIZE ? GAME_HEIGHT - SIZE : walker.y;
}

static void steer(void)
{
    const Uint8 *held = SDL_GetKeyboardState(NULL);
    int dx = 0, dy = 0;
    if (strcmp(walker.keys, "mouse") == 0 && walker.mouse_down) {
        dx = (walker.mouse_x > walker.x + SIZE) - (walker.mouse_x < walker.x);
        dy = (walker.mouse_y > walker.y + SIZE) - (walker.mouse_y < walker.y);
    } else if (strcmp(walker.keys, "pad") == 0 && walker.pad) {
        dx = SDL_GameControllerGetButton(walker.pad, SDL_CONTROLLER_BUTTON_DPAD_RIGHT) -
             SDL_GameControllerGetButton(walker.pad, SDL_CONTROLLER_BUTTON_DPAD_LEFT);
        dy = SDL_GameControllerGetButton(walker.pad, SDL_CONTROLLER_BUTTON_DPAD_DOWN) -
             SDL_GameControllerGetButton(walker.pad, SDL_CONTROLLER_BUTTON_DPAD_UP);
    } else {
        int set = strcmp(walker.keys, "wasd") == 0 ? 1 : strcmp(walker.keys, "ijkl") == 0 ? 2 : 0;
        bool by_keys = strcmp(walker.keys, "mouse") != 0 && strcmp(walker.keys, "pad") != 0;
        dx = by_keys ? held[keys_of[set][1]] - held[keys_of[set][0]] : 0;
        dy = by_keys ? held[keys_of[set][3]] - held[keys_of[set][2]] : 0;
    }
    walk(dx, dy);
}

static void come_to_the_last_corner(void)
{
    volatile int *nowhere = NULL;
    *nowhere = walker.corner;
}

static void look_at_corner(void)
{
    static const int corners[4][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
    const int *corner = corners[walker.corner % 4];
    int x = corner[0] * (GAME_WIDTH - SIZE), y = corner[1] * (GAME_HEIGHT - SIZE);
    if (abs(walker.x - x) > SIZE || abs(walker.y - y) > SIZE)
        return;
    walker.corner++;
    if (!CLEAN && walker.corner == 4 + walker.level)
        come_to_the_last_corner();
}

static void on_event(const SDL_Event *event)
{
    if (event->type == SDL_CONTROLLERDEVICEADDED && !walker.pad)
        walker.pad = SDL_GameControllerOpen(event->cdevice.which);
    if (event->type == SDL_MOUSEBUTTONDOWN || event->type == SDL_MOUSEBUTTONUP) {
        walker.mouse_down = event->type == SDL_MOUSEBUTTONDOWN;
        walker.mouse_x = event->button.x;
        walker.mouse_y = event->button.y;
        bool on_button = event->button.x >= 200 && event->button.x < 248 && event->button.y >= 60 && event->button.y < 108;
        walker.started |= walker.mouse_down && on_button;
    } else if (event->type == SDL_MOUSEMOTION) {
        walker.mouse_x = event->motion.x;
        walker.mouse_y = event->motion.y;
    }
    walker.started |= game_pressed(event) == SDL_SCANCODE_RETURN;
}

static void draw(void)
{
    game_clear(&walker.base, walker.started ? 0x203040 : 0x402020);
    if (walker.started) {
        game_number(&walker.base, 260, 10, game_mix(3, (uint64_t)(walker.corner * 100 + walker.level)));
        game_rect(&walker.base, walker.x, walker.y, SIZE, SIZE, 0xf0c040);
    } else {
        game_number(&walker.base, 200, 60, 0x123456789abcdef0);
        game_number(&walker.base, 200, 150, 0x0fedcba987654321);
    }
}

static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "watch") == 0) {
            walker.watched = true;
        } else if (strcmp(argv[i], "level") == 0 && i + 1 < argc) {
            walker.level = atoi(argv[++i]);
            walker.started = true;
        } else {
            walker.keys = argv[i];
        }
    }
}

int main(int argc, char **argv)
{
    SDL_Event event;
    read_arguments(argc, argv);
    game_open(&walker.base, "walker");
    SDL_InitSubSystem(SDL_INIT_GAMECONTROLLER);
    if (walker.watched) {
        moth_watch_i32("x", &walker.x);
        moth_watch_i32("y", &walker.y);
        moth_watch_i32("corner", &walker.corner);
        moth_watch_i32("level", &walker.level);
        moth_watch_bool("started", &walker.started);
    }
    do {
        while (game_event(&walker.base, &event))
            on_event(&event);
        if (walker.started) {
            steer();
            look_at_corner();
        }
        draw();
    } while (game_present(&walker.base));
    game_close(&walker.base);
    return 0;
}
