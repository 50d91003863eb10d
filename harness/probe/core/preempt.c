/* SPDX-License-Identifier: MIT
 *
 * Fibers that spin without ever reaching a scheduling point. A timer on the kernel thread's CPU time
 * looks in; when nothing was scheduled for the whole budget, the handler switches away from the
 * interrupted fiber, on that fiber's own stack. Where it is interrupted depends on the machine, so a
 * run with a preemption says so: it is exact only if the fiber really did nothing but spin.
 *
 * Never inside libc, the dynamic linker or a sanitizer's runtime: their own locks are no fiber locks.
 */
#include "core/probe.h"

#include <errno.h>
#include <link.h>
#include <string.h>

#include "core/real.h"

#define TICK_MS 50
#define RANGES_MAX 16

static struct {
    uint64_t low, high;
} ranges[RANGES_MAX];
static unsigned n_ranges;

static int timer_id = -1;
static uint64_t points_seen;
static uint32_t ticks_alike;
uint64_t moth_points;

int moth_preempt_signal(void)
{
    return SIGRTMAX - 1;
}

static bool is_runtime(const char *path)
{
    static const char *const names[] = {"libc.so", "ld-linux", "libmoth_probe", "libpthread", "libasan",
                                        "libubsan", "liblsan", "libtsan", "linux-vdso"};
    const char *file = strrchr(path, '/');
    file = file != NULL ? file + 1 : path;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(file, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static int collect(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    if (info->dlpi_name == NULL || !is_runtime(info->dlpi_name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum && n_ranges < RANGES_MAX; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        ranges[n_ranges].low = info->dlpi_addr + p->p_vaddr;
        ranges[n_ranges++].high = info->dlpi_addr + p->p_vaddr + p->p_memsz;
    }
    return 0;
}

static bool may_interrupt(uint64_t pc)
{
    for (unsigned i = 0; i < n_ranges; i++)
        if (pc >= ranges[i].low && pc < ranges[i].high)
            return false;
    return true;
}

static void on_tick(int number, siginfo_t *info, void *opaque)
{
    (void)number;
    if (info->si_code == SI_TIMER && info->si_value.sival_int == MOTH_WORK_SAMPLE) {
        moth_work_sample(opaque);
        return;
    }
    if (!moth_active() || moth_in_boundary)
        return;
    if (moth_points != points_seen) {
        points_seen = moth_points;
        ticks_alike = 0;
        return;
    }
    uint32_t budget_ms = moth_channel->config.spin_budget_ms;
    if (++ticks_alike * TICK_MS < (budget_ms != 0 ? budget_ms : 1000))
        return;
    if (!may_interrupt(arch_context_pc(opaque)))
        return;
    int saved = errno;
    if (moth_channel->preempted++ == 0)
        moth_warn("a thread spun without a scheduling point and was preempted; such runs may differ", NULL);
    moth_preempt_pass(); /* no scheduling point: who spins next is interrupted after one tick */
    errno = saved;
}

static void set_timer(long tick_ns)
{
    struct itimerspec tick = {{0, tick_ns}, {0, tick_ns}};
    if (timer_id >= 0)
        arch_syscall(SYS_timer_settime, timer_id, 0, (long)&tick, 0, 0, 0);
}

void moth_preempt_stop(void)
{
    set_timer(0);
}

/* Not inherited by a fork. */
void moth_preempt_again(void)
{
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = moth_preempt_signal();
    event._sigev_un._tid = (int)arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    if (arch_syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, (long)&event, (long)&timer_id, 0, 0, 0) != 0) {
        timer_id = -1;
        moth_warn("no timer to preempt spinning threads with", NULL);
        return;
    }
    ticks_alike = 0;
    set_timer(TICK_MS * 1000000L);
}

void moth_preempt_init(void)
{
    dl_iterate_phdr(collect, NULL);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_tick;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER;
    moth_real.sigaction(moth_preempt_signal(), &action, NULL);
    moth_preempt_again();
}
