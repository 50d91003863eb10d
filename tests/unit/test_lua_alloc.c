/* SPDX-License-Identifier: MIT
 *
 * Allocation-failure sweep over the Lua host: the first, second, third … allocation fails and all after
 * it, until one run goes through. Whatever fails is said, nothing crashes, nothing leaks (asan preset).
 */
#include "lua_play.h"

#include "alloc.h"

#define SWEEP_MAX 20000

static const char busy[] =
    "local m = require('monkey')\n"
    "return {name = 'busy', play = function(game, rng)\n"
    "  local t = {}\n"
    "  for i = 1, 30 do t['k' .. i] = {i, tostring(i)} end\n"
    "  game:tap('a') game:text('text') game:pad(1):press('a')\n"
    "  print(game:picture(), game:screenshot('x'), string.format('%s %p', t, t))\n"
    "  game:expect(false, 'an invariant') game:report('crash', 'a title') game:mark('here')\n"
    "  print(pcall(error, {})) print(pcall(function() game:tap('nokey') end))\n"
    "  assert(load('return 1'))() coroutine.wrap(function() coroutine.yield(1) end)()\n"
    "  game:wait_until(function() return game.frame > 5 end, {timeout = 9})\n"
    "end}\n";

/* Failures inside the Lua state, while the agent is checked and while it plays. */
static void every_allocation_of_the_state_may_fail(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/bot.lua", folder);
    assert_int_equal(moth_fs_write_atomic(path, busy, strlen(busy), NULL), 0);
    bool went_through = false;
    size_t load_failures = 0, play_failures = 0;

    for (uint64_t n = 1; n < SWEEP_MAX && !went_through; n++) {
        struct lua_play *play = calloc(1, sizeof *play);
        assert_non_null(play);
        play->options.fail_allocation = n;
        lua_play_named(play, path);
        if (!play->loaded) {
            assert_true(play->load_err.code == MOTH_ERR_SCRIPT || play->load_err.code == MOTH_ERR_MEMORY);
            assert_true(play->load_err.message[0]);
            load_failures++;
        } else if (play->outcome.result == MOTH_AGENT_ERROR) {
            assert_true(play->outcome.err.code == MOTH_ERR_SCRIPT || play->outcome.err.code == MOTH_ERR_MEMORY);
            if (!strstr(play->outcome.err.message, "memory"))
                fail_msg("allocation %u: %s", (unsigned)n, play->outcome.err.message);
            play_failures++;
        } else {
            assert_int_equal(play->outcome.result, MOTH_AGENT_FINISHED);
            went_through = strstr(play->log, "finding") != NULL;
        }
        free(play);
    }
    assert_true(went_through);
    assert_in_range(load_failures, 100, SWEEP_MAX);
    assert_in_range(play_failures, 50, SWEEP_MAX);
    free(path);
    test_scratch_remove(folder);
}

/* Failures of malloc outside the state. Paths abort by design when memory is out (base/fs.h), so only
 * what comes after the agent was loaded can be swept: a play. */
static void every_malloc_of_a_play_may_fail(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/bot.lua", folder);
    struct moth_err err;
    assert_int_equal(moth_fs_write_atomic(path, "return function() end", 21, &err), 0);
    struct moth_agent *agent = moth_agent_load(path, NULL, &err);
    assert_non_null(agent);
    struct moth_lua_backend backend = {0}; /* never stepped */
    struct moth_agent_play play = {0};
    struct moth_agent_outcome outcome;
    size_t n = 1;
    for (bool failed = true; failed; n++) {
        test_alloc_fail_at(n);
        moth_agent_play(agent, &backend, &play, &outcome);
        failed = test_alloc_failed();
        test_alloc_fail_at(0);
        assert_int_equal(outcome.result, failed ? MOTH_AGENT_ERROR : MOTH_AGENT_FINISHED);
        if (failed)
            assert_int_equal(outcome.err.code, MOTH_ERR_MEMORY);
    }
    assert_in_range(n, 3, 100);
    moth_agent_free(agent);
    free(path);
    test_scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_of_the_state_may_fail),
        cmocka_unit_test(every_malloc_of_a_play_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
