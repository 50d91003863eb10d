// SPDX-License-Identifier: MIT
//
// State of all kinds in C++, for watches.
#include "game.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace ns {

enum class Kind : std::uint8_t { Orc, Elf = 200 };

struct Vec {
    double x = 0, y = 0;
};

class Actor {
  public:
    virtual ~Actor() = default;
    virtual int strength() { return power_; }
    int health = 50;

  protected:
    int power_ = 7;
};

struct Named {
    int letters = 2;
};

class Player : public Actor, public Named {
  public:
    static int instances;
    static inline long total = 1234567890123;
    Kind kind = Kind::Elf;
    std::string name = "Bo";
    std::string title = "Keeper of the long and winding name";
    Vec &where;
    std::vector<Vec> trail{{1, 2}, {3, 4}};
    std::vector<int> bag{5, 6, 7};
    std::unique_ptr<Vec> owned = std::make_unique<Vec>(Vec{8, 9});
    std::shared_ptr<Vec> shared = std::make_shared<Vec>(Vec{10, 11});
    std::array<short, 3> dice{1, 3, 6};
    std::vector<bool> doors{true, false, false, true, false, false, false, false, true};
    std::vector<std::string> words{"short", "one that does not fit into the string itself"};
    std::map<std::string, int> purse{{"gold", 3}, {"wood", 4}};
    std::unordered_map<int, int> seen{{1, 2}};
    std::list<int> orders{4, 5, 6};
    std::optional<int> target = 5, nobody;
    std::optional<Vec> goal = Vec{12, 13};
    std::atomic<int> ticks{77};
    std::atomic<bool> armed{true};
    std::atomic<Vec *> spot{owned.get()};
    static constexpr int most = 64;
    bool alive : 1 = true;
    int level : 6 = -9;

    explicit Player(Vec &at) : where(at) { instances++; }
    int strength() override { return 2 * power_; }
};

int Player::instances = 0;

struct Thing {
    virtual ~Thing() = default;
    int serial = 70;
};
struct Left : virtual Thing {
    int left = 71;
};
struct Right : virtual Thing {
    int right = 72;
};
struct Both : Left, Right {
    int both = 73;
};
Both both;
Right *as_right = &both;

Vec origin{0.5, -0.5};
Player *player;
Actor *as_actor;
Named *as_named;

namespace {
int hidden = 4;
}

template <typename T> struct Box {
    static T content;
};
template <> int Box<int>::content = 66;

template <typename T, int N> struct Ring {
    static int total;
};
template <> int Ring<int, 4>::total = 99;

inline namespace v2 {
int inlined = 21;

int tock()
{
    static int tocks = 31;
    return tocks;
}
} // namespace v2

const int limit = 61;
constexpr float slope = 3.5f;

int tick()
{
    static int calls;
    return ++calls;
}

} // namespace ns

std::vector<int> nothing;
thread_local int own = 12;

int main(int, char **)
{
    struct game game;
    game_open(&game, "watched");
    ns::player = new ns::Player(ns::origin);
    ns::as_actor = ns::player;
    ns::as_named = ns::player;
    while (!game.quit) {
        SDL_Event event;
        while (game_event(&game, &event))
            if (event.type == SDL_KEYDOWN)
                ns::player->health -= ns::player->strength();
        ns::hidden += ns::tick() > 1000000;
        game_clear(&game, 0x202020);
        game_number(&game, 8, 8, game_mix((uint64_t)game.frame + (uint64_t)ns::hidden, (uint64_t)ns::player->health));
        game_number(&game, 80, 8, game_mix((uint64_t)ns::Player::total, (uint64_t)(ns::Box<int>::content + own)));
        game_number(&game, 8, 40, (uint64_t)(ns::Ring<int, 4>::total + ns::inlined + ns::tock() + ns::limit + ns::Player::most));
        game_number(&game, 80, 40, (uint64_t)(ns::slope * 2));
        game_present(&game);
    }
    game_close(&game);
    return 0;
}
