/* SPDX-License-Identifier: MIT
 *
 * Waking up: before main, before any other constructor (the library is linked with -z initfirst).
 *
 * A process that finds a channel nobody has claimed is active at once, because a game may look at the
 * clock before main; it claims the channel when it first turns to SDL. Whoever comes after that — a
 * helper the game starts, a forked child — stays dormant, and every hook passes through.
 */
#include "core/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "core/real.h"

enum moth_mode moth_mode = MOTH_DORMANT;
struct moth_channel *moth_channel; /* set before anything asks for it: see start() */
bool moth_have_runner;
bool moth_arch_fsgsbase;

static struct moth_channel nobody; /* so that moth_channel is never NULL; its pages are never touched */

static bool claimed;

static pid_t real_pid(void)
{
    return (pid_t)arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

bool moth_claim(void)
{
    if (claimed)
        return true;
    if (!moth_have_runner || moth_mode == MOTH_DORMANT)
        return false;
    uint32_t expected = 0, self = (uint32_t)real_pid();
    if (!atomic_compare_exchange_strong(&moth_channel->owner_pid, &expected, self) && expected != self) {
        moth_mode = MOTH_DORMANT; /* a sibling was first: this one is a helper */
        return false;
    }
    claimed = true;
    return true;
}

/* A child of vfork() has our memory, and is not us. */
bool moth_claimed(void)
{
    return claimed && atomic_load(&moth_channel->owner_pid) == (uint32_t)real_pid();
}

/* The channel at its agreed descriptor, if a runner made it. */
static struct moth_channel *map_channel(char **environment)
{
    bool wanted = false;
    for (char **at = environment; at != NULL && *at != NULL; at++)
        wanted |= strncmp(*at, "MOTH_CHANNEL=", 13) == 0;
    if (!wanted)
        return NULL;
    struct stat st;
    if (arch_syscall(SYS_fstat, MOTH_CHANNEL_FD, (long)&st, 0, 0, 0, 0) != 0 ||
        (size_t)st.st_size != sizeof(struct moth_channel))
        return NULL;
    long at = arch_syscall(SYS_mmap, 0, sizeof(struct moth_channel), PROT_READ | PROT_WRITE, MAP_SHARED,
                           MOTH_CHANNEL_FD, 0);
    if (at < 0 && at > -4096)
        return NULL;
    struct moth_channel *channel = (struct moth_channel *)at;
    if (channel->magic != MOTH_CHANNEL_MAGIC || channel->version != MOTH_CHANNEL_VERSION) {
        arch_syscall(SYS_munmap, at, sizeof(struct moth_channel), 0, 0, 0, 0);
        return NULL;
    }
    return channel;
}

static void resume_clock(void)
{
    /* The game may have replaced itself with exec: time and frames go on. */
    if (moth_channel->owner_pid == (uint32_t)real_pid()) {
        moth_now_ns = moth_channel->vtime_ns;
        claimed = true;
    }
}

/* libc has not initialized itself yet, getenv does not work: glibc hands constructors main's arguments. */
__attribute__((constructor)) static void start(int argc, char **argv, char **environment)
{
    (void)argc;
    (void)argv;
    static bool done;
    if (done)
        return;
    done = true;
    moth_real_init();
#if defined(__x86_64__)
    moth_arch_fsgsbase = (getauxval(AT_HWCAP2) & 2) != 0;
#endif
    moth_channel = map_channel(environment);
    moth_have_runner = moth_channel != NULL;
    if (!moth_have_runner) {
        moth_channel = &nobody;
        return;
    }
    uint32_t owner = moth_channel->owner_pid;
    if (owner != 0 && owner != (uint32_t)real_pid())
        return;
    resume_clock();
    setvbuf(stdout, NULL, _IOLBF, 0); /* what was printed before a crash should be in the log */
    moth_mode = moth_channel->config.threads == MOTH_THREADS_NATIVE ? MOTH_NATIVE : MOTH_ACTIVE;
    moth_fibers_init();
    if (moth_mode == MOTH_NATIVE)
        moth_warn("real threads and real time (--threads native): this run is not deterministic", NULL);
    moth_crash_init();
    moth_entropy_init();
    if (!moth_active())
        return;
    moth_allocator_init();
    moth_fd_init();
    moth_trap_init();
    moth_preempt_init();
}

_Noreturn void moth_deadlock(const char *text)
{
    snprintf(moth_channel->deadlock_text, sizeof moth_channel->deadlock_text, "%s", text);
    moth_channel->crash.fiber = moth_current->index;
    moth_preempt_stop();
    if (moth_claim())
        moth_give_turn_for_good(MOTH_STATE_DEADLOCK);
    for (;;) /* a launcher that nobody watches: wait to be reaped */
        arch_syscall(SYS_pause, 0, 0, 0, 0, 0, 0);
}

_Noreturn void moth_abandon(const char *why)
{
    moth_warn(why, NULL);
    moth_give_turn_for_good(MOTH_STATE_ABANDONED);
}

/* After fork() the child is somebody else. A game's child goes on in virtual time, alone, and talks to
 * nobody; a launcher's child may yet become the game. */
void moth_forked_child(void)
{
    moth_trap_pause();
    if (moth_mode == MOTH_NATIVE)
        moth_mode = MOTH_DORMANT;
    if (!claimed || moth_mode == MOTH_DORMANT)
        return;
    long at = arch_syscall(SYS_mmap, 0, sizeof(struct moth_channel), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at < 0 && at > -4096) {
        moth_mode = MOTH_DORMANT;
        return;
    }
    struct moth_channel *own = (struct moth_channel *)at;
    own->config = moth_channel->config;
    own->n_fibers = moth_channel->n_fibers;
    moth_channel = own;
    moth_have_runner = claimed = false;
    moth_boundary_disable();
    moth_fibers_forked();
    moth_timers_forked();
}
