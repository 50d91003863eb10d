/* SPDX-License-Identifier: MIT
 *
 * A game that lets everything into its logic that differs from run to run: `chaos SOURCE…`, or `chaos all`,
 * or `chaos list`. Each frame every chosen source gives a number, the numbers are folded into one, and the
 * picture shows it; so a source that leaks changes every picture from there on. With CHAOS_LOG set each
 * number is printed, which names the leak.
 *
 * Built with LUCK it crashes on an unlucky number (one frame in 32, by any of the sources): a bug that
 * comes and goes by itself, and which only a run that repeats everything can repeat.
 *
 * `all` leaves out the sources marked as beyond reach: those no hook in user space can answer.
 */
#include "chaos/chaos.h"

#include <cstring>
#include <unistd.h>

#ifndef LUCK
#define LUCK 0
#endif

static void tempt_fate(uint64_t hash)
{
    static volatile int *volatile nowhere;
    if (LUCK && !CLEAN && hash % 32 == 7)
        *nowhere = 1;
}

static std::vector<source> all_sources()
{
    std::vector<source> all;
    for (const auto *area : {&clocks_sources, &identity_sources, &randomness_sources, &memory_sources, &files_sources, &threads_sources})
        all.insert(all.end(), area->begin(), area->end());
    return all;
}

static std::vector<source> choose(int argc, char **argv)
{
    std::vector<source> chosen;
    for (const source &candidate : all_sources())
        for (int i = 1; i < argc; i++)
            if (strcmp(argv[i], candidate.name) == 0 || (strcmp(argv[i], "all") == 0 && !candidate.beyond))
                chosen.push_back(candidate);
    return chosen;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (const source &each : all_sources())
            printf("%s%s\n", each.name, each.beyond ? " beyond" : "");
        return 0;
    }
    std::vector<source> chosen = choose(argc, argv);
    if (chosen.empty()) {
        fprintf(stderr, "usage: chaos SOURCE…|all|list\n");
        return 2;
    }
    struct game game;
    game_open(&game, "chaos");
    uint64_t hash = 0;
    bool log = getenv("CHAOS_LOG") != nullptr;
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            hash = game_mix(hash, event.type == SDL_KEYDOWN ? 1u : 0u);
        for (const source &each : chosen) {
            uint64_t value = each.draw();
            hash = game_mix(hash, value);
            if (log)
                printf("%ld %s %016llx\n", game.frame, each.name, static_cast<unsigned long long>(value));
        }
        fflush(stdout);
        if (game.frame > 0) // what comes before the first picture is no play
            tempt_fate(hash);
        game_clear(&game, 0x101010);
        game_number(&game, 136, 96, hash);
    } while (game_present(&game));
    _exit(0); /* the background threads have no end */
}
