/* SPDX-License-Identifier: MIT
 *
 * The watch over a running game from outside: CPU time, wall time and memory since it was given the
 * turn. One watch a turn, which may hold many boundaries; the caller's storage.
 */
#ifndef MOTH_RUNNER_WATCH_H
#define MOTH_RUNNER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/awake.h"
#include "runner/instance.h"

struct moth_watch {
    struct moth_awake awake; /* what the times below are of: a machine that sleeps does not make a game hang */
    uint64_t began_ns, cpu_began_ms, cpu_last_ms, idle_since_ns;
    pid_t pid;
    uint32_t frame; /* boundaries so far when the game last got further */
};

enum moth_watch_verdict { MOTH_WATCH_FINE, MOTH_WATCH_STUCK, MOTH_WATCH_MEMORY };

/* Limits that are 0 get their defaults. */
void moth_watch_fill_limits(struct moth_limits *limits);
/* Resident set size in bytes; 0 when it cannot be read. Source: /proc/PID/statm. */
uint64_t moth_watch_rss_bytes(pid_t pid);
/* Proportional set size in bytes; 0 when it cannot be read. Source: /proc/PID/smaps_rollup. */
uint64_t moth_watch_pss_bytes(pid_t pid);
void moth_watch_begin(struct moth_watch *watch, pid_t pid);
/* `pid` plays now (a launcher may have started another) and has come to boundary `frame`. `text` says what was
 * exceeded. */
enum moth_watch_verdict moth_watch_look(struct moth_watch *watch, pid_t pid, uint32_t frame,
                                        const struct moth_limits *limits, bool boot, char *text, size_t size);

#endif
