/* SPDX-License-Identifier: MIT
 *
 * What a play keeps for looking at pictures: the one on screen in grey, until the game goes on, and the files that
 * were looked for.
 */
#ifndef MOTH_BINDINGS_LUA_EYES_H
#define MOTH_BINDINGS_LUA_EYES_H

#include "eyes/see.h"

#define MOTH_LUA_TEMPLATES_MAX 1024u /* different pictures that one play may look for */

struct moth_lua_template {
    char *name; /* file and mask */
    struct moth_template template;
};

/* One call of game:expect_picture; what it owns is freed by the next, so that it may raise at any time. */
struct moth_lua_expected {
    struct moth_pixmap golden;
    uint8_t *mask, *difference;
};

struct moth_lua_eyes {
    struct moth_grey grey; /* what is on screen; `at` NULL: not looked at yet */
    struct moth_see_room room;
    struct moth_lua_template *templates;
    size_t n_templates;
    struct moth_lua_expected expected;
};

#endif
