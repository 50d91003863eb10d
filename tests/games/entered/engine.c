/* SPDX-License-Identifier: MIT
 *
 * Functions in a library: what they return depends on each of their arguments, in registers and on the stack.
 */
#include "engine.h"

#include <stdarg.h>

double engine_ten(int a, double b, int64_t c, float d, uint8_t e, double f, int g, int h, int i, double j)
{
    return a + b * 2 + (double)c * 3 + (double)d * 4 + e * 5 + f * 6 + g * 7 + h * 8 + i * 9 + j * 10;
}

double engine_sum(int n, ...)
{
    double sum = 0;
    va_list args;
    va_start(args, n);
    for (int i = 0; i < n; i++)
        sum += va_arg(args, double) * (i + 1);
    va_end(args);
    return sum;
}

struct engine_pair engine_pair(struct engine_pair pair, int by)
{
    return (struct engine_pair){pair.a + by, pair.b * by};
}

int engine_inner(int frame, const char *name)
{
    return frame * 3 + name[0];
}

int engine_idle(int number)
{
    return number;
}

int engine_handler(int number)
{
    return number + 1;
}

int engine_work(int number)
{
    return number * 2;
}

int engine_frame(int frame)
{
    int level = frame % 10 == 0 ? level_load(-frame) : 0;
    return engine_inner(frame, "inner") + level;
}
