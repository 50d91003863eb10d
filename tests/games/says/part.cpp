/* SPDX-License-Identifier: MIT
 *
 * Properties where C++ keeps its code apart: templates, inline functions, members, lambdas.
 */
#include "moth/moth.h"

namespace {

template <class T> T clamp(T value, T most)
{
    moth_sometimes(value > most, "something is clamped");
    return value < most ? value : most;
}

struct Bag {
    int items = 0;
    void put(int n)
    {
        items += n;
        moth_always(items >= 0, "no bag holds less than nothing");
    }
};

inline void never_called()
{
    moth_reachable("the secret ending");
}

} // namespace

extern "C" int part_step(int step)
{
    static int32_t steps;
    Bag bag;
    auto look = [&] { moth_reachable("looked into the bag"); };
    moth::watch("steps", &steps);
    moth::waiting waiting;
    steps = clamp(step, 100);
    bag.put(step);
    look();
    if (step > 1000000)
        never_called();
    return bag.items;
}
