/* SPDX-License-Identifier: MIT
 *
 * Doing without the time-stamp counter. A failure means that a worker dies of reading a clock, or that its own
 * faults go unseen. All of it happens in children: cmocka has a handler of its own for faults.
 */
#include "test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/counter.h"

enum { FINE = 0, WRONG = 1, TOLD = 42, CANNOT = 77 };

static void need(bool condition)
{
    if (!condition)
        _exit(WRONG);
}

static void forgo(void)
{
    moth_counter_forgo();
    if (!moth_counter_is_forgone())
        _exit(CANNOT); /* a processor or a kernel whose counter cannot be given up */
}

static int status_of_child(void (*act)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        act();
        _exit(FINE);
    }
    int status = 0;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int in_child(void (*act)(void))
{
    signal(SIGSEGV, SIG_DFL);
    int status = status_of_child(act);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
        skip();
    return status;
}

static void read_clocks(void)
{
    for (int i = 0; i < 3; i++) {
        forgo();
        struct timespec now = {0};
        need(clock_gettime(CLOCK_MONOTONIC, &now) == 0 && now.tv_sec > 0);
        need(!moth_counter_is_forgone());
    }
}

static void whoever_needs_it_gets_it_back(void **state)
{
    (void)state;
    assert_int_equal(in_child(read_clocks), 0);
}

static void read_own_clocks(void)
{
    forgo();
    need(moth_clock_monotonic_ns() > 0 && moth_clock_process_cpu_ns() > 0);
    need(moth_clock_coarse_ns() > 0);
    need(moth_counter_is_forgone());
}

static void own_clocks_do_not_need_it(void **state)
{
    (void)state;
    assert_int_equal(in_child(read_own_clocks), 0);
}

static void tell_whether_forgone(void)
{
    need(!moth_counter_is_forgone());
}

static void have_a_child(void)
{
    forgo();
    need(status_of_child(tell_whether_forgone) == 0);
    need(moth_counter_is_forgone());
}

static void a_child_begins_with_it(void **state)
{
    (void)state;
    assert_int_equal(in_child(have_a_child), 0);
}

static void fault(void)
{
    volatile int *locked = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    forgo();
    *locked = 1;
}

static void told_of_a_fault(int signal_number)
{
    (void)signal_number;
    _exit(TOLD);
}

static void fault_with_a_handler(void)
{
    signal(SIGSEGV, told_of_a_fault);
    fault();
}

static void other_faults_are_told_to_who_was_there_before(void **state)
{
    (void)state;
    int status = in_child(fault_with_a_handler);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), TOLD);
    status = in_child(fault);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_needs_it_gets_it_back),
        cmocka_unit_test(own_clocks_do_not_need_it),
        cmocka_unit_test(a_child_begins_with_it),
        cmocka_unit_test(other_faults_are_told_to_who_was_there_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
