/* SPDX-License-Identifier: MIT */
#ifndef MOTH_RUNNER_CPU_H
#define MOTH_RUNNER_CPU_H

/* Keep this process, and the games it will start, on one of the processors it may use: the n-th of
 * them, counted round. A game and its runner take turns, so they are best on the same one: a turn then
 * costs a switch instead of waking another processor. Does nothing where it may not. */
void moth_cpu_pin(unsigned n);

#endif
