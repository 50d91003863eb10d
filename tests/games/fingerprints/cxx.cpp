// SPDX-License-Identifier: MIT
//
// As plain.c, in C++: key N has bug N happen.
#include "game.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

/* Neither inlined nor cloned; clang has no one attribute for it. */
#ifdef __clang__
#define KEPT_APART [[gnu::noinline]]
#else
#define KEPT_APART [[gnu::noipa]]
#endif

#ifdef LAYOUT
char unrelated[LAYOUT] = {1};
std::vector<std::string> unrelated_words(int n)
{
    return std::vector<std::string>(static_cast<std::size_t>(n), unrelated);
}
#endif

namespace world {

struct Entry {
    int *score;
    std::string name;
};

static volatile int sink;

// One template, two instances, each with its own caller.
template <typename T> struct Pool {
    T *items = nullptr;
    int get(int index) const { return static_cast<int>(items[index].value); }
};

struct Bullet {
    int value;
};
struct Enemy {
    double value;
};

void shoot(int at)
{
    Pool<Bullet> pool;
    sink = pool.get(at);
}

void spawn(int at)
{
    Pool<Enemy> pool;
    sink = pool.get(at) + 1;
}

} // namespace world

namespace {

using world::Entry;

std::vector<Entry> some_entries(bool broken)
{
    static int points[40];
    std::vector<Entry> entries;
    for (int i = 0; i < 40; i++) {
        points[i] = (i * 7) % 40;
        entries.push_back({broken && i == 21 ? nullptr : &points[i], "player" + std::to_string(i)});
    }
    return entries;
}

KEPT_APART bool below(const int *a, const int *b)
{
    return *a < *b;
}

// The library's functions between the comparison and who sorts are not the game's.
void sort_by_score()
{
    auto entries = some_entries(true);
    std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) { return below(a.score, b.score); });
    world::sink = *entries[0].score;
}

KEPT_APART bool ahead(const Entry &a, const Entry &b)
{
    return *a.score > *b.score;
}

void show_table()
{
    auto entries = some_entries(true);
    std::sort(entries.begin(), entries.end(), ahead);
    world::sink = *entries[1].score;
}

void show_podium()
{
    auto entries = some_entries(true);
    std::sort(entries.begin(), entries.end(), ahead);
    world::sink = *entries[2].score;
}

void parse_level(int version)
{
    if (version > 3)
        throw std::runtime_error("no such level " + std::to_string(version));
    world::sink = version;
}

void parse_save(int version)
{
    if (version > 2)
        throw std::out_of_range("no such save " + std::to_string(version));
    world::sink = version;
}

struct Actor {
    virtual ~Actor() = default;
    virtual void move(int by) = 0;
};

struct Ghost : Actor {
    int *at = nullptr;
    void move(int by) override { *at += by; }
};

void update(int which)
{
    Ghost ghost;
    Actor *actor = &ghost;
    switch (which) {
    case 1: world::shoot(world::sink + 2); break;
    case 2: world::spawn(world::sink + 2); break;
    case 3: sort_by_score(); break;
    case 4: show_table(); break;
    case 5: show_podium(); break;
    case 6: parse_level(which); break;
    case 7: parse_save(which); break;
    case 8: actor->move(1); break;
    default: break;
    }
    world::sink = world::sink + 1;
}

} // namespace

int main(int, char **)
{
    struct game game;
    game_open(&game, "fingerprints");
    do {
        SDL_Event event;
        while (game_event(&game, &event)) {
            int key = game_pressed(&event);
            if (key >= SDL_SCANCODE_1 && key <= SDL_SCANCODE_9)
                update(key - SDL_SCANCODE_1 + 1);
        }
        game_clear(&game, 0x203040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
