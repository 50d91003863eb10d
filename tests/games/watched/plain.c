/* SPDX-License-Identifier: MIT
 *
 * State of all kinds in C, for watches: its values are known at each frame. `--crash` follows a wild pointer of its
 * own, which is a crash whoever watches it. Escape hurts, space opens the library.
 */
#include "game.h"

#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "watched/other.h"

enum mood { MOOD_CALM, MOOD_ANGRY = 7, MOOD_AFRAID = -2 };

struct vec {
    float x, y;
};

struct object {
    int id;
    struct vec pos;
    struct object *next;
    const char *label;
};

struct player {
    int health;
    unsigned char armor;
    char name[16];
    enum mood mood;
    struct {
        short lives, coins;
    };
    union {
        int raw;
        unsigned char bytes[4];
    };
    unsigned flag_a : 3;
    signed flag_b : 5;
    unsigned flag_c : 24;
    const struct vec *aim;
};

struct world {
    int n_objects;
    struct object objects[4];
    struct object **by_id;
    int tail[];
};

struct hidden;

typedef unsigned long long score_t;

struct player player = {
    .health = 100, .armor = 200, .name = "Ada", .mood = MOOD_ANGRY, .lives = 3, .coins = -5, .raw = 0x01020304,
    .flag_a = 5, .flag_b = -3, .flag_c = 0xabcdef};
struct world *world;
static struct vec aim_at = {1.5f, -2.25f};
int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
score_t score = 18446744073709551615ULL;
long long debt = -9007199254740993LL;
volatile const double ratio = 0.1;
long double wide = 1.5L;
_Bool running = 1;
const char *title = "watched";
const char *no_title;
int *wild = (int *)0x10;
struct object *wild_object = (struct object *)0xdeadbeefdead0000; /* not even an address */
int index_of = 2;
int out_of_bounds = 9;
struct hidden *secret;
static int count = 1; /* other.c has one, too */
int hp = 42;
int frame_now;
_Thread_local int per_thread = 11;
char letter = 'A';
void (*handler)(int);
unsigned long long mask;

static int step_of(void)
{
    static int calls;
    return calls += 2;
}

static void make_world(void)
{
    world = calloc(1, sizeof *world + 8);
    world->n_objects = 4;
    world->by_id = calloc(4, sizeof *world->by_id);
    for (int i = 0; i < 4; i++) {
        struct object *object = &world->objects[i];
        *object = (struct object){.id = 10 + i, .pos = {(float)i, (float)i * 0.5f}, .label = i == 3 ? "last" : NULL};
        object->next = i < 3 ? &world->objects[i + 1] : NULL;
        world->by_id[i] = object;
    }
    world->tail[0] = 77;
    player.aim = &aim_at;
}

static void open_module(void)
{
    void *module = dlopen(WATCHED_MODULE, RTLD_NOW);
    int (*run)(void) = module ? (int (*)(void))dlsym(module, "module_run") : NULL;
    if (run)
        run();
}

int main(int argc, char **argv)
{
    struct game game;
    game_open(&game, "watched");
    make_world();
    if (argc > 1 && strcmp(argv[1], "--masked") == 0) { /* a fault would be the end, if it came to one */
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
    }
    while (!game.quit) {
        SDL_Event event;
        while (game_event(&game, &event)) {
            if (event.type != SDL_KEYDOWN)
                continue;
            if (event.key.keysym.sym == SDLK_ESCAPE)
                player.health -= 15;
            if (event.key.keysym.sym == SDLK_SPACE)
                open_module();
            if (event.key.keysym.sym == SDLK_RETURN && argc > 1 && strcmp(argv[1], "--crash") == 0)
                player.health = *wild;
        }
        frame_now++;
        count = step_of() + other_step();
        game_clear(&game, 0x202020);
        game_number(&game, 8, 8, game_mix((uint64_t)(frame_now + count + per_thread + hp), (uint64_t)player.health));
        game_present(&game);
    }
    game_close(&game);
    return 0;
}
