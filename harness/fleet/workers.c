/* SPDX-License-Identifier: MIT */
#include "fleet/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/pulse.h"
#include "fleet/signals.h"
#include "fleet/worker.h"
#include "runner/cookie.h"
#include "runner/cpu.h"

#define HOLD_FIRST_MS 100u
#define HOLD_MOST_MS 30000u
#define REAP_MS 5000
#define DYING_MS 1000

int moth_workers_init(struct moth_workers *workers, const struct moth_fleet_config *config, const char *run)
{
    *workers = (struct moth_workers){.n = config->workers, .config = config, .run = run, .next_mark = 1};
    workers->at = calloc(workers->n, sizeof *workers->at);
    void *pulses = mmap(NULL, workers->n * sizeof *workers->pulses, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    workers->pulses = pulses == MAP_FAILED ? NULL : pulses;
    return workers->at && workers->pulses ? 0 : -1;
}

void moth_workers_fini(struct moth_workers *workers)
{
    /* Those that idle end by themselves when their socket closes; the others have nothing to lose. */
    for (uint32_t i = 0; workers->at && i < workers->n; i++)
        moth_worker_end(&workers->at[i]);
    free(workers->at);
    workers->at = NULL;
    if (workers->pulses)
        munmap(workers->pulses, workers->n * sizeof *workers->pulses);
    workers->pulses = NULL;
}

static void run_child(struct moth_workers *workers, unsigned slot, int fd, unsigned mark, pid_t parent)
{
    /* The parent may have died before the prctl: then nobody would tell us. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (uint32_t i = 0; i < workers->n; i++) {
        if (workers->at[i].pid > 0)
            close(workers->at[i].fd);
    }
    moth_pulse_set(&workers->pulses[slot]);
    moth_cpu_pin(slot + (unsigned)parent); /* other runs on this machine begin elsewhere */
    moth_signals_forget();
    moth_worker_main(workers->config, workers->run, fd, mark, moth_bus_take_seat(workers->bus, slot));
}

int moth_worker_start(struct moth_workers *workers, struct moth_worker *worker, struct moth_err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot make a socket pair");
    unsigned mark = workers->next_mark++;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_child(workers, (unsigned)(worker - workers->at), ends[1], mark, parent);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot start a worker process");
    }
    *worker = (struct moth_worker){.pid = pid,
                                   .fd = ends[0],
                                   .mark = mark,
                                   .failures = worker->failures,
                                   .not_before_ns = worker->not_before_ns};
    return 0;
}

void moth_worker_hold_back(struct moth_worker *worker, uint64_t now_awake_ns)
{
    if (worker->failures++ == 0) /* an accident */
        return;
    unsigned times = worker->failures - 2;
    uint64_t wait_ms = times < 16 ? (uint64_t)HOLD_FIRST_MS << times : HOLD_MOST_MS;
    worker->not_before_ns = now_awake_ns + (wait_ms < HOLD_MOST_MS ? wait_ms : HOLD_MOST_MS) * MOTH_NS_PER_MS;
}

bool moth_worker_is_stuck(const struct moth_workers *workers, struct moth_worker *worker, uint64_t now_awake_ns,
                          uint64_t patience_ns)
{
    uint64_t beats = atomic_load(&workers->pulses[worker - workers->at]);
    if (worker->pid <= 0 || worker->does == MOTH_WORKER_IDLE || worker->beat_ns == 0 || beats != worker->beats) {
        worker->beats = beats;
        worker->beat_ns = worker->does == MOTH_WORKER_IDLE ? 0 : now_awake_ns;
        return false;
    }
    return patience_ns > 0 && now_awake_ns - worker->beat_ns > patience_ns;
}

/* Wait for its end for a while. Whether it came; `status` as waitpid's. A process that the kernel does not let
 * go of (a dead network folder) must not hold the run: it is left. */
static bool reap(pid_t pid, int wait_ms, int *status)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    bool there = fd < 0 || poll(&polled, 1, wait_ms) != 0;
    if (fd >= 0)
        close(fd);
    pid_t got = -1;
    while (there && (got = waitpid(pid, status, 0)) < 0 && errno == EINTR)
        continue;
    return got == pid;
}

bool moth_worker_end(struct moth_worker *worker)
{
    if (worker->pid <= 0)
        return false;
    int status = 0;
    struct pollfd polled = {.fd = worker->fd, .events = POLLIN};
    bool dying = poll(&polled, 1, 0) > 0 && (polled.revents & POLLHUP); /* its end of the socket is closed */
    bool by_itself = dying && reap(worker->pid, DYING_MS, &status);
    close(worker->fd);
    if (!by_itself) {
        kill(worker->pid, SIGKILL);
        reap(worker->pid, REAP_MS, &status);
    }
    bool killed = by_itself && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    char *cookie = moth_fs_path("%s-%u", moth_cookie(), worker->mark);
    if (worker->does != MOTH_WORKER_IDLE)
        moth_cookie_sweep(cookie);
    free(cookie);
    moth_inbox_fini(&worker->inbox);
    worker->pid = 0;
    return killed;
}

int moth_worker_play(struct moth_worker *worker, const struct moth_task *task)
{
    struct moth_buf body;
    moth_buf_init(&body);
    moth_message_put_job(&body, &task->job);
    worker->does = MOTH_WORKER_PLAYS;
    worker->task = *task;
    worker->frames = worker->places = 0;
    int result = moth_message_send(worker->fd, MOTH_MESSAGE_PLAY, &body);
    moth_buf_fini(&body);
    return result;
}

static int give_finding(struct moth_worker *worker, const struct moth_task *task, enum moth_worker_task does,
                        enum moth_message_type type)
{
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_string(&body, task->fingerprint);
    worker->does = does;
    worker->task = *task;
    int result = moth_message_send(worker->fd, type, &body);
    moth_buf_fini(&body);
    return result;
}

int moth_worker_verify(struct moth_worker *worker, const struct moth_task *task)
{
    return give_finding(worker, task, MOTH_WORKER_VERIFIES, MOTH_MESSAGE_VERIFY);
}

int moth_worker_minimize(struct moth_worker *worker, const struct moth_task *task)
{
    return give_finding(worker, task, MOTH_WORKER_MINIMIZES, MOTH_MESSAGE_MINIMIZE);
}

void moth_workers_signal(const struct moth_workers *workers, int number)
{
    for (uint32_t i = 0; i < workers->n; i++) {
        if (workers->at[i].pid > 0)
            kill(workers->at[i].pid, number);
    }
}

uint32_t moth_workers_busy(const struct moth_workers *workers)
{
    uint32_t busy = 0;
    for (uint32_t i = 0; i < workers->n; i++)
        busy += workers->at[i].pid > 0 && workers->at[i].does != MOTH_WORKER_IDLE;
    return busy;
}
