/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GAMES_WATCHED_OTHER_H
#define TESTS_GAMES_WATCHED_OTHER_H

int other_step(void);

#endif
