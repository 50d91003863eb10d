/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GAMES_ENTERED_ENGINE_H
#define TESTS_GAMES_ENTERED_ENGINE_H

#include <stdint.h>

struct engine_pair {
    double a;
    int64_t b;
};

/* In the library. */
double engine_ten(int a, double b, int64_t c, float d, uint8_t e, double f, int g, int h, int i, double j);
double engine_sum(int n, ...);
struct engine_pair engine_pair(struct engine_pair pair, int by);
int engine_frame(int frame);
int engine_inner(int frame, const char *name);
int engine_idle(int number);
int engine_handler(int number);
int engine_work(int number);

/* In the program, called by the library and by a plugin. */
int level_load(int number);

/* In the plugin. */
typedef int late_function(int number);

#endif
