/* SPDX-License-Identifier: MIT
 *
 * Bugs that are easily taken for one, or one for several: key N has bug N happen. Built several times over, with
 * another layout and other optimisation, which changes none of them.
 */
#include "game.h"

#ifdef LAYOUT
/* Everything behind this lies elsewhere. */
char unrelated[LAYOUT] = {1};
int unrelated_sum(int n);
int unrelated_sum(int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += unrelated[i] * n;
    return sum;
}
#endif

struct item {
    const char *name;
    int worth;
};

static volatile int hp = 10, gold = 5, sink;
static struct item *volatile carried, *volatile worn;

/* ---- two asserts through one handler, two functions deep ---- */

static void stop_game(void)
{
    fflush(NULL);
    abort();
}

static void requirement_failed(const char *what, int line)
{
    fprintf(stderr, "requirement failed: %s (line %d)\n", what, line);
    stop_game();
}

#define REQUIRE(what)                              \
    do {                                           \
        if (!(what))                               \
            requirement_failed(#what, __LINE__);   \
    } while (0)

static void check_player(void)
{
    REQUIRE(hp >= 0);
    sink++;
    REQUIRE(hp <= 100);
    sink++;
}

static void check_purse(void)
{
    REQUIRE(gold >= 0);
    sink++;
}

/* ---- one inlined helper, two callers ---- */

static inline int worth_of(const struct item *item)
{
    int worth = 0;
    for (int i = 0; i < 3 + sink; i++)
        worth += item[i].worth * i;
    return worth;
}

static void open_chest(void)
{
    sink = worth_of(carried);
}

static void open_door(void)
{
    sink = worth_of(worn) + 1;
}

/* ---- a name like a handler's, that is none ---- */

static void fatal_blow(struct item *weapon)
{
    weapon->worth = 0;
    sink++;
}

static void attack(int which)
{
    struct item sword = {"sword", 7};
    fatal_blow(which == 6 ? carried : &sword);
    if (which == 7)
        worn->worth = 1;
    sink++;
}

/* ---- a function that compilers make copies of ---- */

static __attribute__((noinline)) int damage(const struct item *item, int kind, int times)
{
    int sum = 0;
    for (int i = 0; i < times; i++)
        sum += kind == 3 ? item->worth * i : i;
    return sum;
}

/* ---- one status, one way out, two who take it ---- */

static __attribute__((noinline)) void fatal_error(const char *sentence)
{
    printf("%s\n", sentence);
    exit(3);
}

static __attribute__((noinline)) void load_level(int number)
{
    if (sink >= 0)
        fatal_error("this level cannot be loaded");
    sink = number;
}

static __attribute__((noinline)) void load_sounds(int number)
{
    if (sink >= 0)
        fatal_error("there is no such sound");
    sink = 2 * number;
}

static void update(int which)
{
    switch (which) {
    case 1:
        hp = -1;
        check_player();
        break;
    case 2:
        hp = 300;
        check_player();
        break;
    case 3:
        gold = -1;
        check_purse();
        break;
    case 4:
        open_chest();
        break;
    case 5:
        open_door();
        break;
    case 6:
    case 7:
        attack(which);
        break;
    case 8:
        sink = damage(carried, 3, 4 + hp);
        break;
    case 9:
        load_level(9);
        break;
    case 10:
        load_sounds(10);
        break;
    default:
        break;
    }
    sink++;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    game_open(&game, "fingerprints");
    do {
        SDL_Event event;
        while (game_event(&game, &event)) {
            int key = game_pressed(&event);
            if (key >= SDL_SCANCODE_1 && key <= SDL_SCANCODE_0)
                update(key - SDL_SCANCODE_1 + 1);
        }
        game_clear(&game, 0x203040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
