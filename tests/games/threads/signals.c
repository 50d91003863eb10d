/* SPDX-License-Identifier: MIT
 *
 * Conformance: signals, interval timers, POSIX timers, children, and jumping between contexts.
 */
#include "threads/check.h"

#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

extern char **environ;

static volatile sig_atomic_t caught, caught_signal;
static volatile pthread_t caught_by;

static void catch_signal(int signal)
{
    caught++;
    caught_signal = signal;
    caught_by = pthread_self();
}

static void handle(int signal, int flags)
{
    struct sigaction action = {.sa_handler = catch_signal, .sa_flags = flags};
    CHECK(sigaction(signal, &action, NULL) == 0);
    caught = caught_signal = 0;
}

static void unhandle(int signal)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    CHECK(sigaction(signal, &action, NULL) == 0);
}

static sigset_t only(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

/* --- interval timers --- */

static void area_setitimer(void)
{
    sigset_t set = only(SIGALRM), old;
    handle(SIGALRM, 0);
    uint64_t begin = mono_ms();
    struct itimerval timer = {.it_value = {0, 20000}}, left;
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &old) == 0);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK(sigsuspend(&old) == -1 && errno == EINTR);
    CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
    CHECK(caught == 1 && caught_signal == SIGALRM);
    CHECK_TOOK(begin, 20);
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);

    begin = mono_ms();
    timer.it_value.tv_usec = timer.it_interval.tv_usec = 10000;
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    while (caught < 5)
        pause();
    CHECK_TOOK(begin, 40);
    timer = (struct itimerval){{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    int before = caught;
    sleep_ms(30);
    CHECK(caught <= before + 1);
    unhandle(SIGALRM);
}

static void area_alarm(void)
{
    handle(SIGALRM, 0);
    uint64_t begin = mono_ms();
    CHECK(alarm(30) == 0);
    CHECK(alarm(1) >= 29);
    CHECK(sleep(20) >= 18); /* woken early, the rest is told */
    CHECK(caught == 1);
    CHECK_TOOK(begin, 1000);
    CHECK(alarm(0) == 0);
    unhandle(SIGALRM);
}

static atomic_int timer_calls;

static void count_timer(union sigval value)
{
    CHECK(value.sival_int == 99);
    timer_calls++;
}

static void area_timer_create(void)
{
    timer_t timer;
    handle(SIGUSR2, 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct itimerspec spec = {.it_value = span_ms(15)}, left;
    uint64_t begin = mono_ms();
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &spec, NULL) == 0);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec > 0);
    while (!caught)
        sleep_ms(1);
    CHECK_TOOK(begin, 15);
    CHECK(timer_delete(timer) == 0);
    unhandle(SIGUSR2);

    timer_calls = 0;
    event = (struct sigevent){
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = count_timer, .sigev_value.sival_int = 99};
    spec.it_interval = span_ms(10);
    begin = mono_ms();
    CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == 0 && timer_settime(timer, 0, &spec, NULL) == 0);
    for (int i = 0; timer_calls < 3; i++, sleep_ms(1))
        CHECK(i < 20000);
    CHECK_TOOK(begin, 35);
    CHECK(timer_delete(timer) == 0);
}

/* --- signals and threads --- */

static void *wait_signalled(void *arg)
{
    *(volatile int *)arg = 1;
    struct timespec t = {.tv_sec = 600};
    CHECK(nanosleep(&t, &t) == -1 && errno == EINTR && t.tv_sec > 500);
    CHECK(caught == 1 && pthread_equal(caught_by, pthread_self()));
    return NULL;
}

static void *await_usr1(void *arg)
{
    sigset_t set = only(SIGUSR1);
    int signal = 0;
    (void)arg;
    CHECK(sigwait(&set, &signal) == 0 && signal == SIGUSR1);
    return NULL;
}

static void area_pthread_kill(void)
{
    volatile int running = 0;
    handle(SIGUSR1, 0);
    pthread_t thread = start(wait_signalled, (void *)&running);
    while (!running)
        sleep_ms(1);
    sleep_ms(5);
    CHECK(pthread_kill(thread, 0) == 0 && pthread_kill(thread, SIGUSR1) == 0);
    join(thread);
    CHECK(raise(SIGUSR1) == 0 && caught == 2 && pthread_equal(caught_by, pthread_self()));
    unhandle(SIGUSR1);
}

static void area_sigwait(void)
{
    sigset_t set = only(SIGUSR1), old;
    siginfo_t info;
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &old) == 0);
    pthread_t thread = start(await_usr1, NULL);
    sleep_ms(5);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    join(thread);

    struct timespec limit = span_ms(15);
    uint64_t begin = mono_ms();
    CHECK(sigtimedwait(&set, &info, &limit) == -1 && errno == EAGAIN);
    CHECK_TOOK(begin, 15);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(sigtimedwait(&set, &info, &limit) == SIGUSR1 && info.si_signo == SIGUSR1);

    struct signalfd_siginfo read_info;
    int fd = signalfd(-1, &set, SFD_CLOEXEC);
    CHECK(fd >= 0 && raise(SIGUSR1) == 0);
    CHECK(read(fd, &read_info, sizeof read_info) == sizeof read_info && read_info.ssi_signo == SIGUSR1);
    close(fd);
    CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
}

static void area_sigmask(void)
{
    sigset_t set = only(SIGUSR1), old, pending;
    handle(SIGUSR1, 0);
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    CHECK(raise(SIGUSR1) == 0 && caught == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    sched_yield();
    CHECK(caught == 0);
    CHECK(sigsuspend(&old) == -1 && errno == EINTR && caught == 1);
    CHECK(sigismember(&old, SIGUSR1) == 0);
    CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
    unhandle(SIGUSR1);
}

static void *own_sigmask(void *arg)
{
    sigset_t set, now;
    sigfillset(&set);
    (void)arg;
    CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    sleep_ms(5);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0 && sigismember(&now, SIGUSR2));
    return NULL;
}

static void area_sigmask_own(void)
{
    sigset_t now;
    pthread_t thread = start(own_sigmask, NULL);
    sleep_ms(2);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0 && !sigismember(&now, SIGUSR2));
    join(thread);
}

/* --- faults that the program handles itself --- */

static sigjmp_buf fault_jump;

static void jump_from_fault(int signal)
{
    siglongjmp(fault_jump, signal);
}

static void *touch_guarded(void *arg)
{
    (void)arg;
    char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sigsetjmp(fault_jump, 1) == 0) {
        *(volatile char *)page = 1;
        CHECK(!"written to a page without access");
    }
    munmap(page, 4096);
    return NULL;
}

static void area_own_fault(void)
{
    struct sigaction action = {.sa_handler = jump_from_fault}, old;
    CHECK(sigaction(SIGSEGV, &action, &old) == 0);
    touch_guarded(NULL);
    join(start(touch_guarded, NULL));
    CHECK(sigaction(SIGSEGV, &old, &action) == 0 && action.sa_handler == jump_from_fault);
}

/* --- children --- */

static atomic_int fork_prepared, fork_parent, fork_child;

static void note_prepare(void)
{
    fork_prepared++;
}

static void note_parent(void)
{
    fork_parent++;
}

static void note_child(void)
{
    fork_child++;
}

static void *fork_once(void *arg)
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(fork_child ? (int)(intptr_t)arg : 1);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (int)(intptr_t)arg);
    return NULL;
}

static void area_fork(void)
{
    static int registered;
    if (!registered++)
        CHECK(pthread_atfork(note_prepare, note_parent, note_child) == 0);
    fork_prepared = fork_parent = fork_child = 0;
    fork_once((void *)17);
    pthread_t a = start(fork_once, (void *)18), b = start(fork_once, (void *)19);
    join(a);
    join(b);
    CHECK(fork_prepared == 3 && fork_parent == 3 && fork_child == 0);
    pid_t child = vfork();
    if (child == 0)
        _exit(21);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 21);
}

static void area_spawn(void)
{
    char *argv[] = {"sh", "-c", "exit 23", NULL};
    int status = 0;
    pid_t child = 0;
    char line[32] = "";
    CHECK(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 23);
    status = system("exit 24");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 24);
    FILE *pipe = popen("echo hello; exit 25", "r");
    CHECK(pipe && fgets(line, sizeof line, pipe) && strcmp(line, "hello\n") == 0);
    status = pclose(pipe);
    CHECK(WEXITSTATUS(status) == 25);
}

/* --- contexts --- */

static ucontext_t main_context, other_context;
static int context_steps;

static void run_context(void)
{
    context_steps++;
    sleep_ms(1);
    swapcontext(&other_context, &main_context);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    sched_yield();
    pthread_mutex_unlock(&mutex);
    context_steps++;
}

/* Coroutines of the program's own, inside a thread. */
static void *use_contexts(void *arg)
{
    static char stack[128 << 10];
    (void)arg;
    context_steps = 0;
    CHECK(getcontext(&other_context) == 0);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof stack;
    other_context.uc_link = &main_context;
    makecontext(&other_context, run_context, 0);
    CHECK(swapcontext(&main_context, &other_context) == 0 && context_steps == 1);
    sleep_ms(1);
    CHECK(swapcontext(&main_context, &other_context) == 0 && context_steps == 2);
    return NULL;
}

static void area_ucontext(void)
{
    use_contexts(NULL);
    join(start(use_contexts, NULL));
}

static jmp_buf far;

static void jump_far(int depth)
{
    sched_yield();
    if (depth == 0)
        longjmp(far, 5);
    if (depth > 0)
        jump_far(depth - 1);
}

static void *use_longjmp(void *arg)
{
    int value = setjmp(far);
    if (value == 0)
        jump_far(10);
    CHECK(value == 5);
    return arg;
}

static void area_longjmp(void)
{
    use_longjmp(NULL);
    CHECK(join(start(use_longjmp, (void *)6)) == (void *)6);
}

const struct area signal_areas[] = {
    {"setitimer", area_setitimer},
    {"alarm", area_alarm},
    {"timer_create", area_timer_create},
    {"pthread_kill", area_pthread_kill},
    {"sigwait", area_sigwait},
    {"sigmask", area_sigmask},
    {"sigmask_own", area_sigmask_own},
    {"own_fault", area_own_fault},
    {"fork", area_fork},
    {"spawn", area_spawn},
    {"ucontext", area_ucontext},
    {"longjmp", area_longjmp},
    {NULL, NULL},
};
