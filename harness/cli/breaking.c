/* SPDX-License-Identifier: MIT */
#include "cli/breaking.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "branch/tree.h"

#define LOOK_MS 50

static volatile sig_atomic_t go_on;

static void on_continue(int number)
{
    (void)number;
    go_on = 1;
}

/* ---- the debugger ---- */

/* The value behind "NAME:" in /proc/PID/status. */
static long status_value(pid_t pid, const char *name)
{
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name), NULL, 10);
    if (file)
        fclose(file);
    return value;
}

/* 't': it stands because a debugger wants it to. 0: it is gone. */
static char state_of(pid_t pid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[n] = '\0';
    const char *behind = strrchr(text, ')');
    return behind && behind[1] == ' ' ? behind[2] : '\0';
}

/* Attached, and holding the game: from here on the game moves when the debugger lets it. */
static bool is_held(pid_t pid)
{
    return status_value(pid, "TracerPid:") != 0 && state_of(pid) == 't';
}

static bool is_gone(pid_t pid)
{
    char state = state_of(pid);
    return state == '\0' || state == 'Z' || state == 'X';
}

/* A line on standard input, whose end is no answer. */
static bool enter_pressed(int *fd)
{
    struct pollfd in = {.fd = *fd, .events = POLLIN};
    char text[256];
    if (poll(&in, *fd >= 0, LOOK_MS) <= 0)
        return false;
    ssize_t n = read(*fd, text, sizeof text);
    if (n <= 0)
        *fd = -1;
    return n > 0;
}

static void wait_for_debugger(struct moth_instance *instance, uint32_t frame, const struct moth_trace *trace,
                              const struct moth_replay_config *config)
{
    uint32_t owner = moth_instance_channel(instance)->owner_pid;
    pid_t pid = owner ? (pid_t)owner : moth_instance_pid(instance);
    int in = STDIN_FILENO;
    if (trace->has_end && trace->end.kind && trace->end.finding_frame >= frame)
        moth_log_info("the game stands at frame %u; what was found happens at frame %u. In another terminal:\n\n"
                      "    gdb -p %d -ex 'handle SIGSYS SIG%d nostop noprint pass'\n\n"
                      "Set breakpoints there and continue. Enter here, or SIGCONT, goes on without a debugger",
                      frame, trace->end.finding_frame, (int)pid, SIGRTMAX - 1);
    else
        moth_log_info("the game stands at frame %u. In another terminal:\n\n"
                      "    gdb -p %d -ex 'handle SIGSYS SIG%d nostop noprint pass'\n\n"
                      "Set breakpoints there and continue. Enter here, or SIGCONT, goes on without a debugger",
                      frame, (int)pid, SIGRTMAX - 1);
    struct sigaction action = {.sa_handler = on_continue}, before;
    sigaction(SIGCONT, &action, &before);
    while (!go_on && !is_gone(pid) && !(config->interrupted && config->interrupted(config->context))) {
        if (is_held(pid)) {
            moth_log_info("a debugger has attached; the game goes on when it says so");
            break;
        }
        if (enter_pressed(&in))
            break;
    }
    sigaction(SIGCONT, &before, NULL);
}

/* ---- playing ---- */

static int play_to(struct moth_tree *tree, const struct moth_trace *trace, uint32_t to, size_t *next,
                   const struct moth_replay_config *config, struct moth_replay_outcome *outcome, struct moth_err *err)
{
    struct moth_input_event *events = malloc(MOTH_PROGRAM_EVENTS_MAX * sizeof *events);
    enum moth_step step = moth_instance_death(moth_tree_instance(tree))->how;
    uint32_t frame;
    if (!events)
        abort();
    while (step == MOTH_STEP_OK && !outcome->interrupted && (frame = moth_tree_frame(tree)) < to) {
        uint32_t frames = MOTH_CHECKPOINT_FRAMES - frame % MOTH_CHECKPOINT_FRAMES;
        frames = frames < to - frame ? frames : to - frame;
        size_t n = moth_replay_take_events(trace, next, frame, frames, events, MOTH_PROGRAM_EVENTS_MAX);
        step = moth_tree_step(tree, frames, events, n, err);
        outcome->interrupted = config->interrupted && config->interrupted(config->context);
    }
    free(events);
    outcome->killed = step == MOTH_STEP_KILLED;
    return step == MOTH_STEP_FAULT ? -1 : 0;
}

static int play(struct moth_tree *tree, const struct moth_trace *trace, uint32_t frame,
                const struct moth_replay_config *config, struct moth_replay_outcome *outcome, struct moth_err *err)
{
    struct moth_instance *instance = moth_tree_instance(tree);
    size_t next = 0;
    if (play_to(tree, trace, frame, &next, config, outcome, err) != 0)
        return -1;
    if (!outcome->interrupted && moth_instance_death(instance)->how == MOTH_STEP_OK)
        wait_for_debugger(instance, moth_tree_frame(tree), trace, config);
    int result = play_to(tree, trace, moth_replay_last_frame(trace), &next, config, outcome, err);
    outcome->frames = moth_tree_frame(tree);
    if (result == 0 && !outcome->interrupted)
        outcome->finding = moth_judge(instance);
    return result;
}

int moth_cli_break(const struct moth_trace *trace, uint32_t frame, const struct moth_replay_config *config,
                   struct moth_replay_outcome *outcome, struct moth_err *err)
{
    *outcome = (struct moth_replay_outcome){0};
    struct moth_tree_config how = {.launch = moth_replay_launch_config(&trace->header, config)};
    how.launch.debuggable = true;
    how.launch.limits.boundary_cpu_ms = how.launch.limits.boundary_wall_ms = UINT32_MAX;
    struct moth_tree *tree = moth_tree_launch(&how, err);
    if (!tree)
        return -1;
    outcome->started = moth_tree_frame(tree) > 0;
    const char *build_id = moth_instance_game(moth_tree_instance(tree))->build_id;
    outcome->other_build = trace->header.build_id && strcmp(trace->header.build_id, build_id) != 0;
    int result = outcome->started ? play(tree, trace, frame, config, outcome, err) : 0;
    moth_tree_close(tree);
    return result;
}
