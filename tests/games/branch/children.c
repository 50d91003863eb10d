/* SPDX-License-Identifier: MIT
 *
 * Processes that the game starts: their numbers go on counting in a copy, and so do those that still run.
 */
#include "branch/area.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* --- started and waited for within a frame --- */

static uint64_t frame_children(long frame, uint64_t keys)
{
    int status = 0;
    if (frame % 20 != 10)
        return 0;
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0)
        _exit((int)(mixed(keys, (uint64_t)frame) & 63));
    NEED(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return mixed((uint64_t)child, (uint64_t)status);
}

static uint64_t frame_spawned(long frame, uint64_t keys)
{
    char code[8], *argv[] = {"sh", "-c", "exit $0", code, NULL};
    pid_t child;
    int status = 0;
    if (frame % 30 != 15)
        return 0;
    snprintf(code, sizeof code, "%d", (int)(keys % 50));
    NEED(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) == 0);
    NEED(waitpid(child, &status, 0) == child);
    return mixed((uint64_t)child, (uint64_t)status);
}

/* --- one that runs for several frames, and answers in the end --- */

#define HELPER_FRAMES 40

static int help(int questions)
{
    uint64_t question = 0;
    ssize_t n = read(questions, &question, sizeof question);
    return n == (ssize_t)sizeof question ? (int)(mixed(question, 1) & 63) : 99;
}

static uint64_t frame_helper(long frame, uint64_t keys)
{
    static pid_t helper;
    static int questions[2];
    int status = 0;
    if (frame % HELPER_FRAMES == 5) {
        NEED(pipe(questions) == 0 && (helper = fork()) >= 0);
        if (helper == 0)
            _exit(help(questions[0]));
    } else if (frame % HELPER_FRAMES == HELPER_FRAMES - 1) {
        NEED(waitpid(helper, &status, WNOHANG) == 0);
        NEED(write(questions[1], &keys, sizeof keys) == sizeof keys);
        NEED(waitpid(helper, &status, 0) == helper && WEXITSTATUS(status) == (int)(mixed(keys, 1) & 63));
        NEED(close(questions[0]) == 0 && close(questions[1]) == 0);
    }
    return mixed((uint64_t)helper, (uint64_t)status);
}

const struct area child_areas[] = {
    {"children", NULL, frame_children, 0},
    {"spawned", NULL, frame_spawned, 0},
    {"helper", NULL, frame_helper, 1},
    {NULL, NULL, NULL, 0},
};
