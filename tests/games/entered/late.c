/* SPDX-License-Identifier: MIT */
#include "engine.h"

late_function late_bloom;

int late_bloom(int number)
{
    return level_load(number) + engine_work(number);
}
