/* SPDX-License-Identifier: MIT */
#include "moth/moth.h"

int plugin_enter(int number)
{
    moth_reachable("in the plugin");
    moth_sometimes(number == 8, "the plugin is given eight");
    return number * 2;
}
