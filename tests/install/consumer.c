/* SPDX-License-Identifier: MIT
 *
 * A program that uses all of moth.h and nothing else of moth; it is compiled as C and as C++, in every way
 * a game may be. Alone it must say "attached 0"; beside a stand-in for the probe, each call must arrive.
 */
#include <moth/moth.h>

static int32_t lives = 3;
static float speed = 1.5f;
static double clock_s = 2.5;
static bool open_door = true;
static char room[16] = "cellar";

int main(void)
{
    int evaluated = 0;
    moth_watch_i32("lives", &lives);
    moth_watch_f32("speed", &speed);
    moth_watch_f64("clock", &clock_s);
    moth_watch_bool("door", &open_door);
    moth_watch_str("room", room);
    moth_event("started", "with %d lives", (int)lives);
    moth_always(++evaluated == 1, "evaluated once");
    moth_sometimes(++evaluated == 2, "evaluated twice");
    moth_reachable("the middle");
    if (evaluated != 2)
        moth_unreachable("conditions are always evaluated");
    moth_waiting(true);
    moth_frame();
    moth_waiting(false);
    printf("attached %d evaluated %d\n", moth_attached() ? 1 : 0, evaluated);
    return 0;
}
