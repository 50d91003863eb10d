/* SPDX-License-Identifier: MIT
 *
 * Holds the branches of a game against straight runs of it, boundary by boundary: virtual time, random
 * numbers, order of threads, sound, and the picture every few frames.
 *
 *     branch_check [options] -- GAME [ARG…]
 *
 * The straight run has no snapshot and no look back. Against it: a run that takes snapshots and goes on;
 * branches with the same inputs, nested, in any order, after releases, after the game was killed; branches
 * by small budgets; and a branch's own trace in a fresh process. Branches with other inputs must differ.
 * Prints one row of a table, and on standard error the first difference with its frame and chain. Exit
 * status: 0 exact, 1 a difference or a game that does not run to the end, 2 usage.
 */
#include <popt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "branch_play.h"
#include "runner/cookie.h"

#define OTHER_SEED 0x9e3779b9u
#define PLENTY (4ull << 30)
#define MEBIBYTE (1ull << 20)

struct check {
    struct moth_instance_config launch;
    const char *name;
    uint32_t before, end, look_frames;
    int still, live, brief;
    const char *logs; /* where the games' output is kept, or NULL */
    struct inputs same, other;
    struct record straight, straight_other, seen;
    double snapshot_ms, restore_ms;
    unsigned compared;
    char failure[1600];
};

static bool fail(struct check *check, const char *what, const char *why)
{
    snprintf(check->failure, sizeof check->failure, "%s: %s", what, why);
    return false;
}

/* ---- one game, in steps that can fail ---- */

static bool go_on(struct check *check, struct play *play, const char *what, uint32_t to)
{
    return play_to(play, to) || fail(check, what, play->said);
}

static void keep_log(const struct check *check, const struct play *play, const char *name)
{
    char path[4096];
    struct moth_err err;
    snprintf(path, sizeof path, "%s/%s.log", check->logs ? check->logs : "", name);
    if (check->logs && moth_instance_log_save(moth_tree_instance(play->tree), path, &err) != 0)
        fprintf(stderr, "branch_check: %s\n", err.message);
}

static bool same_as(struct check *check, const struct play *play, const struct record *straight,
                    const char *what, uint32_t from, uint32_t to)
{
    struct difference found = record_compare(straight, &check->seen, from, to);
    char why[160];
    check->compared++;
    if (!found.any)
        return true;
    if (play)
        keep_log(check, play, "different");
    snprintf(why, sizeof why, "frame %u, %u after the fork: %s differs", found.frame,
             found.frame > check->before ? found.frame - check->before : 0, found.chain);
    return fail(check, what, why);
}

static bool restore(struct check *check, struct play *play, const char *what, struct moth_node *node)
{
    struct moth_err err;
    bool live = moth_node_live(node);
    uint64_t began = moth_clock_monotonic_ns();
    if (moth_tree_restore(play->tree, node, &err) != 0)
        return fail(check, what, err.message);
    if (live)
        check->restore_ms = (double)(moth_clock_monotonic_ns() - began) / 1e6;
    if (moth_tree_frame(play->tree) != moth_node_frame(node))
        return fail(check, what, "restored to another frame than the snapshot's");
    return true;
}

/* Return to a node, play the inputs that a straight run is known of, and compare from there on. */
static bool branch(struct check *check, struct play *play, const char *what, struct moth_node *node,
                   const struct inputs *inputs, const struct record *straight)
{
    play->inputs = inputs;
    return restore(check, play, what, node) && go_on(check, play, what, check->end) &&
           same_as(check, play, straight, what, moth_node_frame(node), check->end);
}

static struct moth_node *snapshot(struct check *check, struct play *play, const char *what)
{
    struct moth_err err;
    uint64_t began = moth_clock_monotonic_ns();
    struct moth_node *node = moth_tree_snapshot(play->tree, &err);
    if (node && moth_node_live(node))
        check->snapshot_ms = (double)(moth_clock_monotonic_ns() - began) / 1e6;
    if (!node)
        fail(check, what, err.message);
    else if (check->live && !moth_node_live(node)) {
        fail(check, what, "no live snapshot stands behind the node");
        node = NULL;
    }
    return node;
}

static bool open_play(struct check *check, struct play *play, const char *what, uint64_t memory_bytes)
{
    *play = (struct play){.inputs = &check->same, .record = &check->seen, .look_frames = check->look_frames};
    return play_launch(play, &check->launch, memory_bytes) || fail(check, what, play->said);
}

static bool run_straight(struct check *check, const struct inputs *inputs, struct record *record,
                         const char *what)
{
    struct play play;
    bool ok = open_play(check, &play, what, 0);
    play.inputs = inputs;
    play.record = record;
    ok = ok && go_on(check, &play, what, check->end);
    if (play.tree)
        keep_log(check, &play,
                 record == &check->straight ? "straight"
                 : record == &check->seen   ? "different"
                                            : "other");
    moth_tree_close(play.tree);
    return ok;
}

/* ---- what is checked ---- */

static bool reacts(struct check *check)
{
    struct difference found =
        record_compare(&check->straight, &check->straight_other, check->before, check->end);
    if (found.any || check->still)
        return true;
    return fail(check, "other inputs", "made no difference to a straight run: nothing was compared by them");
}

/* Snapshots within snapshots, returned to in any order, released in another. */
static bool nested(struct check *check, struct play *play, struct moth_node *fork)
{
    uint32_t third = (check->end - check->before) / 3;
    struct moth_node *inner = NULL, *innermost = NULL;
    play->inputs = &check->same;
    bool ok = restore(check, play, "before nesting", fork) &&
              go_on(check, play, "to the nested snapshot", check->before + third) &&
              (inner = snapshot(check, play, "a nested snapshot")) &&
              go_on(check, play, "to the innermost snapshot", check->before + 2 * third) &&
              (innermost = snapshot(check, play, "the innermost snapshot")) &&
              go_on(check, play, "after the innermost snapshot", check->end) &&
              same_as(check, play, &check->straight, "going on after nested snapshots", check->before,
                      check->end) &&
              branch(check, play, "the nested branch", inner, &check->same, &check->straight) &&
              branch(check, play, "the outer branch after it", fork, &check->other, &check->straight_other) &&
              branch(check, play, "the innermost branch", innermost, &check->same, &check->straight);
    if (!ok)
        return false;
    moth_tree_release(play->tree, inner);
    return branch(check, play, "a branch whose parent was released", innermost, &check->same,
                  &check->straight) &&
           branch(check, play, "a branch whose child was released", fork, &check->same, &check->straight);
}

/* A snapshot taken in a branch that went another way. */
static bool sideways(struct check *check, struct play *play, struct moth_node *fork)
{
    play->inputs = &check->other;
    struct moth_node *side = NULL;
    bool ok = restore(check, play, "before a side branch", fork) &&
              go_on(check, play, "the side branch", check->before + (check->end - check->before) / 2) &&
              (side = snapshot(check, play, "a side branch's snapshot")) &&
              branch(check, play, "back on the main branch", fork, &check->same, &check->straight) &&
              branch(check, play, "the side branch's branch", side, &check->other, &check->straight_other);
    if (side)
        moth_tree_release(play->tree, side);
    return ok;
}

static bool after_death(struct check *check, struct play *play, struct moth_node *fork)
{
    struct moth_instance *instance = moth_tree_instance(play->tree);
    pid_t owner = (pid_t)moth_instance_channel(instance)->owner_pid;
    struct moth_err err;
    if (owner <= 1 || kill(owner, SIGKILL) != 0)
        return fail(check, "killing the game", "it could not be killed");
    enum moth_step step = moth_tree_step(play->tree, 1, NULL, 0, &err);
    if (step == MOTH_STEP_OK || step == MOTH_STEP_FAULT)
        return fail(check, "killing the game", "nobody noticed");
    if (moth_tree_snapshot(play->tree, &err))
        return fail(check, "killing the game", "a snapshot was taken of a dead game");
    return branch(check, play, "a branch after the game died", fork, &check->same, &check->straight);
}

/* What was played since launch, in a process that knows of no branch. */
static bool own_trace(struct check *check, struct play *play, const struct record *straight)
{
    struct moth_trace_header header = {.hz = check->launch.channel.hz};
    struct moth_trace *trace = moth_tree_trace(play->tree, &header);
    if (!trace || trace->frames != check->end)
        return fail(check, "the branch's trace", "it does not end where the branch ends");
    for (size_t i = 0; i < trace->n_checkpoints; i++) {
        const struct moth_trace_checkpoint *point = &trace->checkpoints[i];
        const struct moth_observation *there = &straight->at[point->frame];
        if (point->time_ns != there->time_ns || point->call_chain != there->call_chain)
            return fail(check, "the branch's trace", "a checkpoint is not the straight run's");
    }
    if (trace->n_checkpoints != check->end / MOTH_CHECKPOINT_FRAMES)
        return fail(check, "the branch's trace", "checkpoints are missing");
    struct inputs inputs = {.events = trace->events, .n = trace->n_events};
    bool ok = run_straight(check, &inputs, &check->seen, "the branch's trace in a fresh process") &&
              same_as(check, NULL, straight, "the branch's trace in a fresh process", 0, check->end);
    moth_trace_free(trace);
    return ok;
}

static bool branches(struct check *check)
{
    struct play play;
    struct moth_node *fork = NULL;
    bool ok =
        open_play(check, &play, "the branching run", PLENTY) &&
        go_on(check, &play, "before the fork", check->before) &&
        same_as(check, &play, &check->straight, "before the fork", 0, check->before) &&
        (fork = snapshot(check, &play, "the snapshot")) &&
        go_on(check, &play, "after the snapshot", check->end) &&
        same_as(check, &play, &check->straight, "going on after a snapshot", check->before, check->end) &&
        branch(check, &play, "the branch", fork, &check->same, &check->straight) &&
        branch(check, &play, "the branch with other inputs", fork, &check->other, &check->straight_other);
    if (!check->brief)
        ok = ok && own_trace(check, &play, &check->straight_other);
    ok = ok && branch(check, &play, "the branch after another one", fork, &check->same, &check->straight) &&
         sideways(check, &play, fork) && nested(check, &play, fork) && after_death(check, &play, fork);
    moth_tree_close(play.tree);
    return ok;
}

/* The same with snapshots that do not live long. */
static bool small_budget(struct check *check, uint64_t memory_bytes, const char *what)
{
    struct play play;
    struct moth_node *fork = NULL, *later = NULL;
    uint32_t half = (check->end - check->before) / 2;
    int live = check->live;
    check->live = 0;
    bool ok = open_play(check, &play, what, memory_bytes) && go_on(check, &play, what, check->before) &&
              (fork = snapshot(check, &play, what)) && go_on(check, &play, what, check->before + half) &&
              (later = snapshot(check, &play, what)) && go_on(check, &play, what, check->end) &&
              same_as(check, &play, &check->straight, what, 0, check->end) &&
              branch(check, &play, what, fork, &check->other, &check->straight_other) &&
              branch(check, &play, what, later, &check->same, &check->straight);
    if (ok) {
        moth_tree_release(play.tree, fork);
        ok = branch(check, &play, what, later, &check->same, &check->straight);
    }
    check->live = live;
    moth_tree_close(play.tree);
    return ok;
}

static bool run_check(struct check *check)
{
    if (!run_straight(check, &check->same, &check->straight, "the straight run") ||
        !run_straight(check, &check->other, &check->straight_other, "the straight run with other inputs") ||
        !reacts(check) || !branches(check))
        return false;
    return check->brief || (small_budget(check, MEBIBYTE, "a budget of 1 MiB") &&
                            small_budget(check, 0, "without live snapshots"));
}

/* ---- the command line ---- */

static void print_row(const struct check *check, bool exact)
{
    unsigned looks = 0, readable = 0;
    for (uint32_t frame = 0; frame < check->straight.room; frame++) {
        looks += check->straight.looks[frame].looked;
        readable += check->straight.looks[frame].readable;
    }
    printf("| %s | %s | %u | %u | %u of %u | %u | %.2f | %.2f |\n", check->name, exact ? "yes" : "**no**",
           check->before, check->end - check->before, readable, looks, check->compared, check->snapshot_ms,
           check->restore_ms);
}

static bool parse_keys(struct inputs *inputs, const char *names)
{
    char *copy = strdup(names), *rest = copy;
    for (char *name = strsep(&rest, ","); name && inputs->n_keys < KEYS_MAX; name = strsep(&rest, ",")) {
        inputs->keys[inputs->n_keys] = moth_key_from_name(name);
        if (inputs->keys[inputs->n_keys++] == 0) {
            fprintf(stderr, "branch_check: no key %s\n", name);
            inputs->n_keys = 0;
            break;
        }
    }
    free(copy);
    return inputs->n_keys > 0;
}

int main(int argc, const char **argv)
{
    struct check check = {.launch.channel = {.seed = 1, .hz = 60}};
    int before = 120, after = 120, look = 30, seed = 1, schedule_seed = 0, spin = 0;
    char *video = "none", *keys = "left,right,up,down,space,return", *name = NULL;
    const struct poptOption table[] = {
        {"before", 'b', POPT_ARG_INT, &before, 0, "boundaries before the fork", "N"},
        {"after", 'a', POPT_ARG_INT, &after, 0, "boundaries after it", "N"},
        {"look", 'l', POPT_ARG_INT, &look, 0, "compare a picture every N boundaries", "N"},
        {"seed", 's', POPT_ARG_INT, &seed, 0, "of the inputs and the game's entropy", "N"},
        {"schedule-seed", 0, POPT_ARG_INT, &schedule_seed, 0, "of the order of threads", "N"},
        {"video", 'v', POPT_ARG_STRING, &video, 0, "none or gl", "MODE"},
        {"keys", 'k', POPT_ARG_STRING, &keys, 0, "what is played with", "NAME,…"},
        {"name", 'n', POPT_ARG_STRING, &name, 0, "the row's first column", "NAME"},
        {"spin-ms", 0, POPT_ARG_INT, &spin, 0, "CPU time without a scheduling point until preemption", "N"},
        {"logs", 0, POPT_ARG_STRING, &check.logs, 0,
         "keep the straight runs' output there, and the one's that differs", "DIR"},
        {"still", 0, POPT_ARG_NONE, &check.still, 0, "the game need not react to inputs", NULL},
        {"live", 0, POPT_ARG_NONE, &check.live, 0, "a snapshot must have a live process behind it", NULL},
        {"brief", 0, POPT_ARG_NONE, &check.brief, 0, "leave out small budgets and the trace", NULL},
        POPT_AUTOHELP POPT_TABLEEND};
    poptContext context = poptGetContext("branch_check", argc, argv, table, POPT_CONTEXT_POSIXMEHARDER);
    poptSetOtherOptionHelp(context, "[options] -- GAME [ARG…]");
    int wrong = poptGetNextOpt(context);
    check.launch.argv = (const char *const *)poptGetArgs(context);
    if (wrong < -1 || !check.launch.argv || before < 2 || after < 6 || look < 1 ||
        !parse_keys(&check.same, keys)) {
        fprintf(stderr, "branch_check: %s\n", wrong < -1 ? poptStrerror(wrong) : "see --help");
        poptFreeContext(context);
        return 2;
    }
    check.name = name ? name : check.launch.argv[0];
    check.before = (uint32_t)before;
    check.end = (uint32_t)(before + after);
    check.look_frames = (uint32_t)look;
    check.launch.channel.seed = (uint64_t)seed;
    check.launch.channel.schedule_seed = (uint64_t)schedule_seed;
    check.launch.channel.spin_budget_ms = (uint32_t)spin;
    check.launch.channel.video = strcmp(video, "gl") == 0 ? MOTH_VIDEO_GL : MOTH_VIDEO_NONE;
    inputs_grow(&check.same, (uint64_t)seed, 1, check.end);
    check.other = inputs_fork(&check.same, OTHER_SEED + (uint64_t)seed, check.before, check.end);
    check.straight = record_new(check.end);
    check.straight_other = record_new(check.end);
    check.seen = record_new(check.end);
    bool exact = run_check(&check);
    print_row(&check, exact);
    if (!exact)
        fprintf(stderr, "%s: %s\n", check.name, check.failure);
    moth_cookie_sweep(moth_cookie());
    record_clear(&check.straight);
    record_clear(&check.straight_other);
    record_clear(&check.seen);
    inputs_clear(&check.same);
    inputs_clear(&check.other);
    poptFreeContext(context);
    return exact ? 0 : 1;
}
