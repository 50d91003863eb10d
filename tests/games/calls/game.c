/* SPDX-License-Identifier: MIT
 *
 * A game with functions of all shapes, to be called from outside. What they do goes into `state`, which is shown, so
 * that a call that is made differently shows another picture. With RENDER_THREAD=1 another thread shows the pictures,
 * and the main thread waits on a lock most of the time.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "game.h"
#include "moth/moth.h"

struct point {
    float x, y;
};

struct item {
    int32_t id;
    int8_t kind;
    double weight;
};

struct large {
    int64_t values[4];
    float scale;
    const char *name;
};

struct pair {
    double a;
    int64_t b;
};

static struct game game;
static SDL_mutex *mutex;
static uint64_t state = 1;
static int level, is_main, called;
static pthread_t main_thread;
static const char *kept;
static int *cursed = &level;

static void note(uint64_t value)
{
    state = game_mix(state, value);
    called++;
}

/* ---- what is called ---- */

int give_item(int id, float weight)
{
    note((uint64_t)id * 1000 + (uint64_t)(weight * 16));
    return id * 10 + (int)(weight * 2);
}

int8_t add_i8(int8_t a, int8_t b)
{
    return (int8_t)(a + b);
}

uint8_t add_u8(uint8_t a, uint8_t b)
{
    return (uint8_t)(a + b);
}

int16_t add_i16(int16_t a, int16_t b)
{
    return (int16_t)(a - b);
}

uint16_t add_u16(uint16_t a, uint16_t b)
{
    return (uint16_t)(a + b);
}

uint32_t add_u32(uint32_t a, uint32_t b)
{
    return a + b;
}

int64_t add_i64(int64_t a, int64_t b)
{
    return a - b;
}

uint64_t add_u64(uint64_t a, uint64_t b)
{
    return a + b;
}

bool is_even(int number)
{
    return number % 2 == 0;
}

float half(float number)
{
    return number / 2;
}

double product(double a, double b)
{
    return a * b;
}

void nothing(void)
{
    note(7);
}

double ten(int a, double b, int64_t c, float d, uint8_t e, double f, int g, int h, int i, double j)
{
    return a + b * 2 + (double)c * 3 + (double)d * 4 + e * 5 + f * 6 + g * 7 + h * 8 + i * 9 + j * 10;
}

double twelve_doubles(double a, double b, double c, double d, double e, double f, double g, double h, double i, double j,
                      double k, double l)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l;
}

struct point move_point(struct point at, struct point by)
{
    return (struct point){at.x + by.x, at.y + by.y};
}

char *nowhere(void)
{
    return (char *)16;
}

struct tag {
    int id;
    char name[8];
};

int tag_sum(struct tag tag)
{
    int sum = tag.id;
    for (size_t i = 0; i < sizeof tag.name; i++)
        sum += (unsigned char)tag.name[i];
    return sum;
}

struct item heavier(struct item item, double by)
{
    item.weight += by;
    item.id++;
    return item;
}

struct large enlarge(struct large large, int by)
{
    for (int i = 0; i < 4; i++)
        large.values[i] *= by;
    large.scale *= 2;
    large.name = large.name && strcmp(large.name, "big") == 0 ? "bigger" : "other";
    return large;
}

struct pair swap_pair(struct pair pair)
{
    return (struct pair){(double)pair.b, (int64_t)pair.a};
}

size_t length_of(const char *text)
{
    return text ? strlen(text) : 999;
}

const char *greeting(int number)
{
    static char text[64];
    if (number < 0)
        return NULL;
    snprintf(text, sizeof text, "hello %d", number);
    return text;
}

void keep_name(const char *name)
{
    kept = name;
}

const char *kept_name(void)
{
    return kept;
}

const char *latin_name(void)
{
    return "Zo\xeb \xff";
}

struct item *no_item(void)
{
    return NULL;
}

struct item *make_item(int id)
{
    struct item *item = calloc(1, sizeof *item);
    item->id = id;
    note((uint64_t)id);
    return item;
}

int item_id(const struct item *item)
{
    return item ? item->id : -1;
}

int sum_of(int n, const int *numbers)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += numbers[i];
    return sum;
}

bool on_main_thread(void)
{
    is_main = pthread_equal(pthread_self(), main_thread);
    return is_main;
}

int nap(int ms)
{
    Uint32 before = SDL_GetTicks();
    SDL_Delay((Uint32)ms);
    note(SDL_GetTicks() - before);
    return (int)(SDL_GetTicks() - before);
}

/* Shows pictures of its own, as a loading screen does. */
int load_level(int number)
{
    for (int i = 0; i < 5; i++) {
        if (game.renderer && !RENDER_THREAD) {
            game_clear(&game, 0x800000u + (uint32_t)i);
            SDL_RenderPresent(game.renderer);
        }
        SDL_Event event;
        while (!RENDER_THREAD && SDL_PollEvent(&event))
            note(event.type); /* input of this frame must not end up here */
    }
    level = number;
    note((uint64_t)number);
    return level;
}

/* With this one in the bag the game dies of the next key K. */
void curse(struct item *item)
{
    cursed = item->id == 13 ? NULL : &level;
}

static int worker(void *arg)
{
    SDL_Delay(30);
    SDL_LockMutex(mutex);
    note((uint64_t)(uintptr_t)arg);
    SDL_UnlockMutex(mutex);
    return (int)(uintptr_t)arg * 2;
}

int with_thread(int number)
{
    int result = 0;
    SDL_Thread *thread = SDL_CreateThread(worker, "worker", (void *)(uintptr_t)number);
    SDL_WaitThread(thread, &result);
    return result;
}

int with_lock(int number)
{
    SDL_LockMutex(mutex);
    note((uint64_t)number);
    SDL_UnlockMutex(mutex);
    return number + 1;
}

/* ---- what goes wrong ---- */

int crash_here(int depth)
{
    return depth > 0 ? crash_here(depth - 1) + 1 : *(volatile int *)8;
}

void leave_here(int status)
{
    exit(status);
}

void spin_here(void)
{
    for (volatile int i = 0;; i++)
        continue;
}

void wait_forever(void)
{
    SDL_sem *never = SDL_CreateSemaphore(0);
    SDL_SemWait(never);
}

void abort_here(void)
{
    abort();
}

/* ---- the game ---- */

static void on_key(int key)
{
    if (key == SDL_SCANCODE_C) {
        moth_event("fanfare", "level %d", level);
        moth_event("fanfare", "again");
    }
    if (key == SDL_SCANCODE_K)
        note((uint64_t)*cursed);
    if (key == SDL_SCANCODE_L)
        load_level(level + 1);
    if (key)
        note((uint64_t)key);
}

static void draw(void)
{
    game_clear(&game, 0x102030);
    game_number(&game, 10, 10, state);
    game_number(&game, 90, 10, (uint64_t)level);
}

static void take_events(void)
{
    SDL_Event event;
    while (game_event(&game, &event))
        on_key(game_pressed(&event));
}

#if RENDER_THREAD
static int render(void *arg)
{
    (void)arg;
    game.renderer = SDL_CreateRenderer(game.window, -1, SDL_RENDERER_SOFTWARE);
    while (!game.quit) {
        SDL_LockMutex(mutex);
        draw();
        SDL_UnlockMutex(mutex);
        SDL_RenderPresent(game.renderer);
        SDL_Delay(10);
    }
    return 0;
}

int main(void)
{
    game_limits(&game);
    main_thread = pthread_self();
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        game_die("SDL_Init");
    game.window = SDL_CreateWindow("calls", 0, 0, GAME_WIDTH, GAME_HEIGHT, 0);
    mutex = SDL_CreateMutex();
    moth_watch_i32("level", &level);
    moth_watch_i32("called", &called);
    SDL_Thread *thread = SDL_CreateThread(render, "render", NULL);
    while (!game.quit) {
        SDL_LockMutex(mutex);
        take_events();
        SDL_UnlockMutex(mutex);
        SDL_Delay(7);
    }
    SDL_WaitThread(thread, NULL);
    return 0;
}
#else
int main(void)
{
    game_open(&game, "calls");
    main_thread = pthread_self();
    mutex = SDL_CreateMutex();
    moth_watch_i32("level", &level);
    moth_watch_i32("called", &called);
    do {
        take_events();
        draw();
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
#endif
