/* SPDX-License-Identifier: MIT
 *
 * The tree of branches on a pretended game: who holds what, what is evicted and rebuilt, what is told when a
 * rebuilt game is another one, and traces that are whole whatever was returned to.
 */
#include "branch/tree.h"

#include "fake_instance.h"
#include "test.h"

#define PLENTY (1ull << 40)
#define SNAPSHOT_BYTES 1000

struct state {
    unsigned observed;
    bool interrupt;
};

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct state *state = context;
    (void)observation;
    state->observed++;
}

static bool on_interrupt(void *context)
{
    const struct state *state = context;
    return state->interrupt;
}

static int set_up(void **context)
{
    static struct state state;
    state = (struct state){0, false};
    fake_forks = (struct fake_forks){.can = true, .pss_bytes = SNAPSHOT_BYTES};
    *context = &state;
    return 0;
}

static struct moth_tree *launch(struct state *state, const char *what, uint64_t memory_bytes)
{
    static const char *argv[3] = {"game", NULL, NULL};
    struct moth_tree_config config = {.launch.argv = argv,
                                      .memory_bytes = memory_bytes,
                                      .observed = on_observed,
                                      .interrupted = on_interrupt,
                                      .context = state};
    struct moth_err err;
    argv[1] = what;
    struct moth_tree *tree = moth_tree_launch(&config, &err);
    assert_non_null(tree);
    assert_int_equal(moth_tree_frame(tree), 1);
    return tree;
}

/* Play on, with one key at the first frame; what is heard tells ways apart. */
static void play(struct moth_tree *tree, uint32_t frames, uint16_t key)
{
    struct moth_input_event event = {.type = MOTH_INPUT_KEY_DOWN, .code = key};
    struct moth_err err;
    assert_int_equal(moth_tree_step(tree, frames, &event, key != 0, &err), MOTH_STEP_OK);
}

static struct moth_node *keep(struct moth_tree *tree)
{
    struct moth_err err;
    struct moth_node *node = moth_tree_snapshot(tree, &err);
    assert_non_null(node);
    assert_int_equal(moth_node_frame(node), moth_tree_frame(tree));
    return node;
}

static void restore(struct moth_tree *tree, struct moth_node *node)
{
    struct moth_err err = {.message = ""};
    if (moth_tree_restore(tree, node, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(moth_tree_frame(tree), moth_node_frame(node));
}

static uint64_t heard(struct moth_tree *tree)
{
    return moth_instance_last(moth_tree_instance(tree))->audio_chain;
}

static struct moth_tree_counts counts(struct moth_tree *tree)
{
    struct moth_tree_counts now;
    moth_tree_counts(tree, &now);
    return now;
}

static void close_tree(struct moth_tree *tree)
{
    moth_tree_close(tree);
    assert_int_equal(fake_forks.live, 0);
}

/* ---- returning ---- */

static void returns_to_where_it_was(void **context)
{
    for (uint64_t memory = 0; memory <= PLENTY; memory += PLENTY) {
        set_up(context);
        struct moth_tree *tree = launch(*context, "clean", memory);
        play(tree, 30, 1);
        struct moth_node *one = keep(tree);
        uint64_t at_one = heard(tree);
        play(tree, 100, 2);
        struct moth_node *two = keep(tree);
        uint64_t at_two = heard(tree);
        restore(tree, one);
        assert_true(heard(tree) == at_one);
        play(tree, 100, 3);
        assert_false(heard(tree) == at_two);
        restore(tree, two);
        assert_true(heard(tree) == at_two);
        restore(tree, one);
        play(tree, 100, 2);
        assert_true(heard(tree) == at_two);
        assert_int_equal(moth_node_live(one), memory > 0);
        assert_int_equal(fake_forks.launched > 1, memory == 0);
        close_tree(tree);
    }
}

static void rebuilt_frames_are_not_told(void **context)
{
    struct state *state = *context;
    struct moth_tree *tree = launch(state, "clean", 0);
    play(tree, 70, 1);
    struct moth_node *node = keep(tree);
    play(tree, 10, 2);
    assert_int_equal(state->observed, 80);
    restore(tree, node);
    assert_int_equal(state->observed, 80);
    assert_int_equal(counts(tree).frames_rebuilt, 70);
    assert_int_equal(counts(tree).rebuilds, 1);
    assert_int_equal(counts(tree).restores, 1);
    close_tree(tree);
}

static void a_dead_game_comes_back(void **context)
{
    for (uint64_t memory = 0; memory <= PLENTY; memory += PLENTY) {
        set_up(context);
        struct moth_tree *tree = launch(*context, "crash@50", memory);
        struct moth_err err;
        play(tree, 30, 1);
        struct moth_node *node = keep(tree);
        assert_int_equal(moth_tree_step(tree, 60, NULL, 0, &err), MOTH_STEP_CRASH);
        assert_null(moth_tree_snapshot(tree, &err));
        assert_int_equal(err.code, MOTH_ERR_USAGE);
        restore(tree, node);
        play(tree, 10, 4);
        assert_int_equal(moth_tree_frame(tree), 41);
        close_tree(tree);
    }
}

/* ---- holding and letting go ---- */

static void released_in_any_order(void **context)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct moth_tree *tree = launch(*context, "clean", PLENTY);
        struct moth_node *nodes[3];
        uint64_t sounds[3];
        for (uint16_t n = 0; n < 3; n++) {
            play(tree, 20, (uint16_t)(n + 1));
            nodes[n] = keep(tree);
            sounds[n] = heard(tree);
        }
        for (int n = 0; n < 3; n++) {
            moth_tree_release(tree, nodes[orders[i][n]]);
            for (int left = n + 1; left < 3; left++) {
                restore(tree, nodes[orders[i][left]]);
                assert_true(heard(tree) == sounds[orders[i][left]]);
            }
        }
        play(tree, 20, 9);
        restore(tree, keep(tree));
        close_tree(tree);
    }
}

static void released_nodes_go(void **context)
{
    struct moth_tree *tree = launch(*context, "clean", PLENTY);
    play(tree, 10, 1);
    struct moth_node *base = keep(tree);
    uint32_t nodes = counts(tree).nodes;
    for (uint16_t i = 0; i < 100; i++) {
        play(tree, 10, i);
        struct moth_node *node = keep(tree);
        restore(tree, base);
        moth_tree_release(tree, node);
        assert_int_equal(counts(tree).nodes, nodes);
        assert_int_equal(fake_forks.live, 1);
    }
    moth_tree_release(tree, NULL);
    close_tree(tree);
}

/* A way is held by what lies at its end, as long as that is. */
static void a_child_holds_its_parents(void **context)
{
    struct moth_tree *tree = launch(*context, "clean", 0);
    struct moth_node *node = NULL;
    for (uint16_t i = 1; i <= 20; i++) {
        play(tree, 7, i);
        struct moth_node *next = keep(tree);
        moth_tree_release(tree, node);
        node = next;
    }
    uint64_t sound = heard(tree);
    assert_int_equal(counts(tree).nodes, 21); /* and the root */
    restore(tree, node);
    assert_true(heard(tree) == sound);
    moth_tree_release(tree, node);
    play(tree, 1, 1);
    close_tree(tree);
}

/* ---- the budget ---- */

static void kept_within_memory(void **context)
{
    struct moth_tree *tree = launch(*context, "clean", 10 * SNAPSHOT_BYTES);
    struct moth_node *nodes[60];
    uint64_t sounds[60];
    for (uint16_t i = 0; i < 60; i++) {
        play(tree, 5, (uint16_t)(i + 1));
        nodes[i] = keep(tree);
        sounds[i] = heard(tree);
    }
    struct moth_tree_counts now = counts(tree);
    assert_int_equal(now.nodes, 61);
    assert_in_range(now.live, 1, 10);
    assert_true(now.pss_bytes <= 10 * SNAPSHOT_BYTES);
    assert_int_equal(now.evictions, 60 - now.live);
    assert_in_range(fake_forks.most_live, 1, 11);
    assert_true(moth_node_live(nodes[59]));
    assert_false(moth_node_live(nodes[0]));
    /* The evicted are rebuilt, whichever comes first, and have a snapshot again. */
    for (unsigned i = 0, at = 17; i < 60; i++, at = (at * 7 + 13) % 60) {
        restore(tree, nodes[at]);
        assert_true(heard(tree) == sounds[at]);
        assert_true(moth_node_live(nodes[at]));
        assert_in_range(fake_forks.live, 1, 11);
    }
    assert_true(counts(tree).rebuilds > 0);
    close_tree(tree);
}

static void packed_before_given_up(void **context)
{
    fake_forks.can_pack = true;
    struct moth_tree *tree = launch(*context, "clean", 10 * SNAPSHOT_BYTES);
    struct moth_node *nodes[20];
    uint64_t sounds[20];
    for (uint16_t i = 0; i < 20; i++) {
        play(tree, 5, (uint16_t)(i + 1));
        nodes[i] = keep(tree);
        sounds[i] = heard(tree);
    }
    struct moth_tree_counts now = counts(tree);
    assert_int_equal(now.live, 20); /* 20 whole ones would not fit */
    assert_int_equal(now.evictions, 0);
    assert_int_equal(now.packed, fake_forks.packed);
    assert_true(now.packed >= 14 && now.pss_bytes <= 10 * SNAPSHOT_BYTES);
    for (unsigned i = 0; i < 20; i++) {
        restore(tree, nodes[i]);
        assert_true(heard(tree) == sounds[i]);
    }
    assert_int_equal(counts(tree).rebuilds, 0);
    for (uint16_t i = 0; i < 60; i++) {
        play(tree, 5, (uint16_t)(i + 1));
        keep(tree);
    }
    now = counts(tree);
    assert_true(now.evictions > 0 && now.pss_bytes <= 10 * SNAPSHOT_BYTES);
    close_tree(tree);
}

static void least_used_goes_first(void **context)
{
    struct moth_tree *tree = launch(*context, "clean", 20 * SNAPSHOT_BYTES);
    play(tree, 5, 1);
    struct moth_node *dear = keep(tree);
    for (uint16_t i = 0; i < 100; i++) {
        play(tree, 5, (uint16_t)(i + 1));
        keep(tree);
        restore(tree, dear);
        assert_true(moth_node_live(dear));
    }
    assert_int_equal(counts(tree).rebuilds, 0);
    close_tree(tree);
}

/* One that is gone is rebuilt from the nearest that is left, not from the beginning. */
static void rebuilt_from_the_nearest(void **context)
{
    struct moth_tree *tree = launch(*context, "clean", PLENTY);
    play(tree, 1000, 1);
    keep(tree);
    play(tree, 10, 2);
    struct moth_node *node = keep(tree);
    uint64_t sound = heard(tree);
    play(tree, 5, 3);
    fake_forks.kill_restores = 1;
    restore(tree, node);
    assert_true(heard(tree) == sound);
    assert_int_equal(counts(tree).frames_rebuilt, 10);
    assert_int_equal(fake_forks.launched, 1);
    assert_true(moth_node_live(node));
    close_tree(tree);
}

static void killed_snapshots_are_made_up_for(void **context)
{
    struct moth_tree *tree = launch(*context, "clean", PLENTY);
    struct moth_node *nodes[4];
    for (uint16_t i = 0; i < 4; i++) {
        play(tree, 10, (uint16_t)(i + 1));
        nodes[i] = keep(tree);
    }
    uint64_t sound = heard(tree);
    play(tree, 10, 9);
    fake_forks.kill_restores = 4;
    restore(tree, nodes[3]);
    assert_true(heard(tree) == sound);
    assert_int_equal(counts(tree).frames_rebuilt, 40);
    assert_int_equal(fake_forks.launched, 2);
    close_tree(tree);
}

/* Going back to the beginning costs those snapshots nothing that are still there. */
static void a_launch_again_keeps_the_others(void **context)
{
    struct moth_tree *tree = launch(*context, "clean", PLENTY);
    play(tree, 10, 1);
    struct moth_node *lost = keep(tree);
    play(tree, 10, 2);
    struct moth_node *other = keep(tree);
    uint64_t sound = heard(tree);
    fake_forks.kill_restores = 1;
    restore(tree, lost);
    assert_int_equal(fake_forks.launched, 2);
    assert_true(moth_node_live(other));
    restore(tree, other);
    assert_true(heard(tree) == sound);
    assert_int_equal(counts(tree).frames_rebuilt, 10);
    close_tree(tree);
}

static void without_forks_it_plays_again(void **context)
{
    fake_forks.can = false;
    struct moth_tree *tree = launch(*context, "clean", PLENTY);
    play(tree, 40, 1);
    struct moth_node *node = keep(tree);
    uint64_t sound = heard(tree);
    assert_false(moth_node_live(node));
    play(tree, 40, 2);
    restore(tree, node);
    assert_true(heard(tree) == sound);
    assert_int_equal(counts(tree).live, 0);
    close_tree(tree);
}

/* ---- what goes wrong ---- */

static void another_game_is_told(void **context)
{
    struct moth_tree *tree = launch(*context, "diverge@20", 0);
    struct moth_err err;
    play(tree, 10, 1);
    struct moth_node *before = keep(tree);
    play(tree, 50, 2);
    struct moth_node *after = keep(tree);
    assert_int_equal(moth_tree_restore(tree, before, &err), 0);
    assert_int_equal(moth_tree_restore(tree, after, &err), -1);
    assert_int_equal(err.code, MOTH_ERR_NONDETERMINISTIC);
    assert_int_equal(moth_tree_frame(tree), moth_node_frame(after)); /* it stands there all the same */
    play(tree, 5, 3);
    close_tree(tree);
}

static void a_way_that_ends_is_told(void **context)
{
    char *folder = test_scratch(), *mark = moth_fs_path("%s/mark", folder),
         *held = moth_fs_path("%s/held", folder);
    static const char *argv[4] = {"game", "once@20", NULL, NULL};
    struct moth_err err;
    argv[2] = mark;
    assert_int_equal(moth_fs_write_atomic(mark, "", 0, &err), 0); /* the file is there: it survives */
    struct moth_tree_config config = {.launch.argv = argv, .context = *context};
    struct moth_tree *tree = moth_tree_launch(&config, &err);
    assert_non_null(tree);
    play(tree, 10, 1);
    struct moth_node *before = keep(tree);
    play(tree, 40, 1);
    struct moth_node *after = keep(tree);
    assert_int_equal(rename(mark, held), 0); /* now it does not */
    assert_int_equal(moth_tree_restore(tree, after, &err), -1);
    assert_int_equal(err.code, MOTH_ERR_NONDETERMINISTIC);
    assert_int_equal(moth_instance_death(moth_tree_instance(tree))->how, MOTH_STEP_CRASH);
    restore(tree, before); /* another node may be tried */
    play(tree, 5, 1);
    close_tree(tree);
    free(mark);
    free(held);
    test_scratch_remove(folder);
}

static void a_rebuild_can_be_interrupted(void **context)
{
    struct state *state = *context;
    struct moth_tree *tree = launch(state, "clean", 0);
    struct moth_err err;
    play(tree, 10, 1);
    struct moth_node *node = keep(tree);
    state->interrupt = true;
    assert_int_equal(moth_tree_restore(tree, node, &err), -1);
    assert_int_equal(err.code, MOTH_ERR_INTERRUPTED);
    state->interrupt = false;
    restore(tree, node);
    close_tree(tree);
}

static void no_launch_no_tree(void **context)
{
    static const char *const argv[] = {"game", "missing", NULL};
    struct moth_tree_config config = {.launch.argv = argv, .context = *context};
    struct moth_err err;
    assert_null(moth_tree_launch(&config, &err));
    assert_int_equal(err.code, MOTH_ERR_LAUNCH);
    moth_tree_close(NULL);
}

/* ---- traces ---- */

static void check_trace(struct moth_trace *trace, uint32_t frames, const uint16_t *codes, const uint32_t *at,
                        size_t n)
{
    assert_non_null(trace);
    assert_int_equal(trace->frames, frames);
    assert_int_equal(trace->n_events, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(trace->events[i].code, codes[i]);
        assert_int_equal(trace->events[i].frame, at[i]);
    }
    assert_int_equal(trace->n_checkpoints, frames / MOTH_CHECKPOINT_FRAMES);
    for (size_t i = 0; i < trace->n_checkpoints; i++)
        assert_int_equal(trace->checkpoints[i].frame, (i + 1) * MOTH_CHECKPOINT_FRAMES);
    moth_trace_free(trace);
}

static void traces_are_whole(void **context)
{
    struct moth_trace_header header = {.hz = 60, .seed = 5, .agent = (char *)"test"};
    for (uint64_t memory = 0; memory <= PLENTY; memory += PLENTY) {
        set_up(context);
        struct moth_tree *tree = launch(*context, "clean", memory);
        play(tree, 100, 1);
        struct moth_node *fork = keep(tree);
        play(tree, 50, 2);
        moth_tree_mark(tree, "the first branch");
        struct moth_node *first = keep(tree);
        play(tree, 50, 3);
        restore(tree, fork);
        play(tree, 30, 4);
        restore(tree, fork); /* what was played in between is no part of any way */
        play(tree, 70, 5);
        moth_tree_mark(tree, "the second branch");
        check_trace(moth_tree_trace(tree, &header), 171, (uint16_t[]){1, 5}, (uint32_t[]){1, 101}, 2);
        check_trace(moth_node_trace(first, &header), 151, (uint16_t[]){1, 2}, (uint32_t[]){1, 101}, 2);
        check_trace(moth_node_trace(fork, &header), 101, (uint16_t[]){1}, (uint32_t[]){1}, 1);
        struct moth_trace *trace = moth_tree_trace(tree, &header);
        assert_int_equal(trace->n_marks, 1);
        assert_string_equal(trace->marks[0].text, "the second branch");
        assert_int_equal(trace->marks[0].frame, 171);
        assert_string_equal(trace->header.agent, "test");
        moth_trace_free(trace);
        restore(tree, first);
        moth_tree_release(tree, fork);
        moth_tree_release(tree, first);
        play(tree, 10, 6);
        check_trace(moth_tree_trace(tree, &header), 161, (uint16_t[]){1, 2, 6}, (uint32_t[]){1, 101, 151}, 3);
        close_tree(tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(returns_to_where_it_was, set_up),
        cmocka_unit_test_setup(rebuilt_frames_are_not_told, set_up),
        cmocka_unit_test_setup(a_dead_game_comes_back, set_up),
        cmocka_unit_test_setup(released_in_any_order, set_up),
        cmocka_unit_test_setup(released_nodes_go, set_up),
        cmocka_unit_test_setup(a_child_holds_its_parents, set_up),
        cmocka_unit_test_setup(kept_within_memory, set_up),
        cmocka_unit_test_setup(packed_before_given_up, set_up),
        cmocka_unit_test_setup(least_used_goes_first, set_up),
        cmocka_unit_test_setup(rebuilt_from_the_nearest, set_up),
        cmocka_unit_test_setup(killed_snapshots_are_made_up_for, set_up),
        cmocka_unit_test_setup(a_launch_again_keeps_the_others, set_up),
        cmocka_unit_test_setup(without_forks_it_plays_again, set_up),
        cmocka_unit_test_setup(another_game_is_told, set_up),
        cmocka_unit_test_setup(a_way_that_ends_is_told, set_up),
        cmocka_unit_test_setup(a_rebuild_can_be_interrupted, set_up),
        cmocka_unit_test_setup(no_launch_no_tree, set_up),
        cmocka_unit_test_setup(traces_are_whole, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
