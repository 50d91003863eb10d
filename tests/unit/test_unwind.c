/* SPDX-License-Identifier: MIT
 *
 * Stacks from outside: a stopped process with a fiber that runs, one that is switched out and one that
 * crashed; endless recursion; a call through a null pointer; garbage in every register. A failure
 * means that findings would name the wrong function, or that a broken game could stop the harness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "unwind/unwind.h"

#ifdef __clang__
#define NO_INLINE __attribute__((noinline))
#else
#define NO_INLINE __attribute__((noinline, noclone))
#endif
/* The crash is to be a crash under UBSan too. */
#define CRASHES __attribute__((no_sanitize("undefined", "address")))

static struct moth_channel *channel;

/* ---- the games: each function runs in a child process and stops itself ---- */

static void stop_here(void)
{
    raise(SIGSTOP);
    _exit(0);
}

/* What the probe's switch leaves on the stack of a fiber it switches away from. */
void test_park(uint64_t *sp);
__asm__(".text\n.globl test_park\n.type test_park,@function\n"
        "test_park:\n.cfi_startproc\n"
        "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n subq $8, %rsp\n"
        "movq %rsp, (%rdi)\n"
        "call test_stop\n.cfi_endproc\n.size test_park, .-test_park\n");
void test_stop(void);
void test_stop(void)
{
    stop_here();
}

NO_INLINE static void running_inner(volatile int *depth)
{
    (*depth)++;
    stop_here();
    (*depth)++;
}

NO_INLINE static void running_outer(volatile int *depth)
{
    running_inner(depth);
    (*depth)--;
}

static void play_running(void)
{
    volatile int depth = 0;
    running_outer(&depth);
}

NO_INLINE static void parked_inner(volatile int *depth)
{
    test_park(&channel->fibers[1].sp);
    (*depth)++;
}

NO_INLINE static void parked_outer(volatile int *depth)
{
    parked_inner(depth);
    (*depth)--;
}

static void play_parked(void)
{
    volatile int depth = 0;
    channel->fibers[1].state = MOTH_FIBER_ALIVE;
    channel->fibers[1].wait = MOTH_WAIT_MUTEX;
    channel->fibers[1].wait_key = 0xabc0;
    channel->fibers[1].owner = 0;
    strcpy(channel->fibers[1].name, "worker");
    parked_outer(&depth);
}

static void on_crash(int signal_number, siginfo_t *info, void *context)
{
    (void)info;
    const ucontext_t *at = context;
    for (size_t i = 0; i < 23; i++)
        channel->crash.regs[i] = (uint64_t)at->uc_mcontext.gregs[i];
    channel->crash.signal = signal_number;
    channel->state = MOTH_STATE_CRASH;
    stop_here();
}

static void catch_crashes(void)
{
    static char alternate[65536];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
}

CRASHES static inline __attribute__((always_inline)) void crash_inlined(int *volatile at)
{
    *at = 1;
}

CRASHES NO_INLINE static void crash_inner(int *volatile at, volatile int *depth)
{
    crash_inlined(at);
    (*depth)++;
}

static void play_crash(void)
{
    volatile int depth = 0;
    catch_crashes();
    crash_inner(NULL, &depth);
    depth++;
}

static void play_abort(void)
{
    catch_crashes();
    abort();
}

static int recurse(volatile int *deep);
static int (*volatile recurse_again)(volatile int *) = recurse;

NO_INLINE static int recurse(volatile int *deep)
{
    volatile int mine = *deep + 1;
    return recurse_again(&mine) + mine;
}

static void play_overflow(void)
{
    volatile int deep = 0;
    catch_crashes();
    recurse(&deep);
}

static void (*volatile null_function)(void);

NO_INLINE static void calls_null(volatile int *depth)
{
    null_function();
    (*depth)++;
}

static void play_null_call(void)
{
    volatile int depth = 0;
    catch_crashes();
    calls_null(&depth);
    depth++;
}

static volatile uint64_t counter;

NO_INLINE static void spin_left(void)
{
    for (int i = 0; i < 100000; i++)
        counter++;
}

NO_INLINE static void spin_right(void)
{
    for (int i = 0; i < 100000; i++)
        counter += 3;
}

NO_INLINE static void spins(void)
{
    channel->vtime_ns = 1; /* tells the test that it begins */
    for (;;) {
        spin_left();
        spin_right();
    }
}

NO_INLINE static void play_spin(void)
{
    spins();
    counter++;
}

/* ---- the tests ---- */

static pid_t play(void (*game)(void))
{
    memset(&channel->crash, 0, sizeof channel->crash);
    memset(channel->fibers, 0, sizeof channel->fibers);
    channel->state = MOTH_STATE_BOUNDARY;
    channel->fiber_current = 0;
    channel->config.threads = MOTH_THREADS_DETERMINISTIC;
    channel->fibers[0].state = MOTH_FIBER_ALIVE;
    channel->fibers[0].owner = -1;
    strcpy(channel->fibers[0].name, "main");
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        game();
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static struct moth_stacks *unwind(pid_t pid)
{
    struct moth_err err;
    struct moth_stacks *stacks = moth_unwind(pid, channel, NULL, &err);
    if (!stacks)
        fail_msg("%s", err.message);
    return stacks;
}

static int find_symbol(const struct moth_fiber_stack *fiber, const char *symbol)
{
    for (size_t i = 0; i < fiber->n_frames; i++) {
        if (fiber->frames[i].symbol && strcmp(fiber->frames[i].symbol, symbol) == 0)
            return (int)i;
    }
    char *text = moth_stacks_text(&(struct moth_stacks){.fibers = (void *)fiber, .n_fibers = 1});
    print_error("%s is not in:\n%s", symbol, text);
    free(text);
    return -1;
}

/* Calls come one right after the other, named with their source file. */
static void assert_chain(const struct moth_fiber_stack *fiber, const char *const *symbols, size_t n)
{
    int at = find_symbol(fiber, symbols[0]);
    assert_true(at >= 0);
    for (size_t i = 0; i < n; i++) {
        assert_true((size_t)at + i < fiber->n_frames);
        const struct moth_frame *frame = &fiber->frames[(size_t)at + i];
        assert_string_equal(frame->symbol, symbols[i]);
        assert_non_null(frame->file);
        assert_non_null(strstr(frame->file, "test_unwind.c"));
        assert_true(frame->line > 0);
    }
}

static void running_fiber_is_unwound(void **state)
{
    (void)state;
    pid_t pid = play(play_running);
    struct moth_stacks *stacks = unwind(pid);
    assert_int_equal(stacks->n_fibers, 1);
    assert_string_equal(stacks->fibers[0].name, "main");
    assert_chain(&stacks->fibers[0],
                 (const char *const[]){"stop_here", "running_inner", "running_outer", "play_running"}, 4);
    assert_false(stacks->cut);
    moth_stacks_free(stacks);
    end(pid);
}

static void given_registers_are_used(void **state)
{
    (void)state;
    pid_t pid = play(play_running);
    struct moth_unwind_regs regs;
    assert_int_equal(moth_unwind_thread_regs(pid, &regs, NULL), 0);
    char *text = moth_unwind_all(pid, channel, &regs);
    assert_non_null(text);
    assert_non_null(strstr(text, "running_outer test_unwind.c:"));
    free(text);
    end(pid);
}

static void switched_out_fiber_is_unwound(void **state)
{
    (void)state;
    pid_t pid = play(play_parked);
    struct moth_stacks *stacks = unwind(pid);
    assert_int_equal(stacks->n_fibers, 2);
    assert_int_equal(stacks->fibers[1].fiber, 1);
    assert_int_equal(stacks->fibers[1].owner, 0);
    assert_chain(&stacks->fibers[1], (const char *const[]){"parked_inner", "parked_outer", "play_parked"}, 3);
    assert_int_equal(find_symbol(&stacks->fibers[1], "parked_inner"), 0);
    char *text = moth_stacks_text(stacks);
    assert_non_null(strstr(text, "thread 1 worker, waits for mutex 0xabc0 held by thread 0:"));
    free(text);
    moth_stacks_free(stacks);
    end(pid);
}

static void crash_names_inlined_calls(void **state)
{
    (void)state;
    pid_t pid = play(play_crash);
    struct moth_stacks *stacks = unwind(pid);
    const struct moth_fiber_stack *culprit = &stacks->fibers[0];
    assert_string_equal(culprit->frames[0].symbol, "crash_inlined");
    assert_true(culprit->frames[0].inlined);
    assert_string_equal(culprit->frames[1].symbol, "crash_inner");
    assert_false(culprit->frames[1].inlined);
    assert_chain(culprit, (const char *const[]){"crash_inlined", "crash_inner", "play_crash"}, 3);
    moth_stacks_free(stacks);
    end(pid);
}

static void abort_leads_back_to_its_caller(void **state)
{
    (void)state;
    pid_t pid = play(play_abort);
    struct moth_stacks *stacks = unwind(pid);
    const struct moth_fiber_stack *culprit = &stacks->fibers[0];
    int at = find_symbol(culprit, "play_abort");
    assert_true(at > 0);
    assert_string_equal(culprit->frames[at - 1].module, "libc.so.6");
    moth_stacks_free(stacks);
    end(pid);
}

static void endless_recursion_is_shown_by_both_ends(void **state)
{
    (void)state;
    pid_t pid = play(play_overflow);
    struct moth_stacks *stacks = unwind(pid);
    const struct moth_fiber_stack *culprit = &stacks->fibers[0];
    assert_string_equal(culprit->frames[0].symbol, "recurse");
    assert_int_equal(culprit->omitted_at, 32);
    assert_int_equal(culprit->n_frames, 48);
    assert_true(culprit->omitted > 10000);
    assert_true(find_symbol(culprit, "play_overflow") > 32);
    moth_stacks_free(stacks);
    end(pid);
}

static void call_through_null_names_the_caller(void **state)
{
    (void)state;
    pid_t pid = play(play_null_call);
    struct moth_stacks *stacks = unwind(pid);
    const struct moth_fiber_stack *culprit = &stacks->fibers[0];
    assert_int_equal(culprit->frames[0].pc, 0);
    assert_null(culprit->frames[0].symbol);
    assert_string_equal(culprit->frames[1].symbol, "calls_null");
    moth_stacks_free(stacks);
    end(pid);
}

static void native_threads_are_kernel_threads(void **state)
{
    (void)state;
    pid_t pid = play(play_running);
    channel->config.threads = MOTH_THREADS_NATIVE;
    struct moth_stacks *stacks = unwind(pid);
    assert_int_equal(stacks->n_fibers, 1);
    assert_int_equal(stacks->fibers[0].fiber, pid);
    assert_true(find_symbol(&stacks->fibers[0], "running_outer") > 0);
    moth_stacks_free(stacks);
    end(pid);
}

/* A loop that is in another function each time one looks is named by itself. */
static void running_loop_is_named_by_its_function(void **state)
{
    (void)state;
    channel->state = MOTH_STATE_BOUNDARY;
    channel->config.threads = MOTH_THREADS_DETERMINISTIC;
    channel->vtime_ns = 0;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        play_spin();
        _exit(1);
    }
    while (*(volatile uint64_t *)&channel->vtime_ns == 0)
        sched_yield();
    struct moth_err err;
    struct moth_stacks *stacks = moth_unwind_running(pid, channel, &err);
    if (!stacks)
        fail_msg("%s", err.message);
    assert_int_equal(find_symbol(&stacks->fibers[0], "spins"), 0);
    assert_chain(&stacks->fibers[0], (const char *const[]){"spins", "play_spin"}, 2);
    moth_stacks_free(stacks);
    assert_int_equal(kill(pid, 0), 0);
    end(pid);
}

static uint64_t garbage_word(uint64_t *random)
{
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    switch (*random >> 61) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX - (*random >> 40 & 63);
    case 2: /* a place in this program, which is mapped at the same address in the child */
        return (uint64_t)(uintptr_t)play_overflow + (*random >> 40 & 4095);
    case 3:
        return (uint64_t)(uintptr_t)&random + (*random >> 40 & 4095);
    default:
        return *random;
    }
}

static void garbage_does_no_harm(void **state)
{
    (void)state;
    pid_t pid = play(play_running);
    uint64_t random = 7;
    for (int round = 0; round < 24; round++) {
        for (size_t i = 0; i < MOTH_CRASH_REGS; i++)
            channel->crash.regs[i] = garbage_word(&random);
        channel->crash.fiber = (uint32_t)garbage_word(&random);
        channel->state = round % 2 ? MOTH_STATE_CRASH : (uint32_t)garbage_word(&random);
        channel->fiber_current = (uint32_t)garbage_word(&random);
        for (size_t i = 0; i < 8; i++) {
            channel->fibers[i].state = (uint32_t)garbage_word(&random) % 4;
            channel->fibers[i].sp = garbage_word(&random);
            channel->fibers[i].wait = (uint32_t)garbage_word(&random);
            channel->fibers[i].owner = (int32_t)garbage_word(&random);
            memset(channel->fibers[i].name, (int)garbage_word(&random), sizeof channel->fibers[i].name);
        }
        struct moth_stacks *stacks = unwind(pid);
        char *text = moth_stacks_text(stacks);
        assert_non_null(text);
        free(text);
        moth_stacks_free(stacks);
    }
    end(pid);
}

/* Frame pointers that lead in a circle. */
static void cyclic_stack_ends(void **state)
{
    (void)state;
    static uint64_t loop[64];
    for (size_t i = 0; i + 1 < 64; i += 2) {
        loop[i] = (uint64_t)(uintptr_t)&loop[i ^ 2];
        loop[i + 1] = (uint64_t)(uintptr_t)&loop[i]; /* no code, no call frame information */
    }
    pid_t pid = play(play_running);
    channel->state = MOTH_STATE_CRASH;
    channel->crash.regs[10] = (uint64_t)(uintptr_t)loop;
    channel->crash.regs[15] = (uint64_t)(uintptr_t)loop;
    channel->crash.regs[16] = (uint64_t)(uintptr_t)loop;
    struct moth_stacks *stacks = unwind(pid);
    assert_true(stacks->fibers[0].n_frames >= 1);
    moth_stacks_free(stacks);
    end(pid);
}

static void a_process_that_is_gone_is_an_error(void **state)
{
    (void)state;
    pid_t pid = play(play_running);
    end(pid);
    struct moth_err err;
    assert_null(moth_unwind(pid, channel, NULL, &err));
    assert_int_equal(err.code, MOTH_ERR_SYSTEM);
}

static int set_up(void **state)
{
    (void)state;
    channel = mmap(NULL, sizeof *channel, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return channel == MAP_FAILED ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_fiber_is_unwound),
        cmocka_unit_test(given_registers_are_used),
        cmocka_unit_test(switched_out_fiber_is_unwound),
        cmocka_unit_test(crash_names_inlined_calls),
        cmocka_unit_test(abort_leads_back_to_its_caller),
        cmocka_unit_test(endless_recursion_is_shown_by_both_ends),
        cmocka_unit_test(call_through_null_names_the_caller),
        cmocka_unit_test(native_threads_are_kernel_threads),
        cmocka_unit_test(running_loop_is_named_by_its_function),
        cmocka_unit_test(garbage_does_no_harm),
        cmocka_unit_test(cyclic_stack_ends),
        cmocka_unit_test(a_process_that_is_gone_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
