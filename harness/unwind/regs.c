/* SPDX-License-Identifier: MIT */
#include "unwind/unwind.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <elf.h>

/* DWARF number of each of glibc's gregs, in their order. */
static const uint8_t dwarf_of_greg[MOTH_UNWIND_REGS] = {
    8,           9,           10,          11,          12,           13,
    14,          15,          5 /* rdi */, 4 /* rsi */, 6 /* rbp */,  3 /* rbx */,
    1 /* rdx */, 0 /* rax */, 2 /* rcx */, 7 /* rsp */, 16 /* rip */,
};

void moth_unwind_regs_from_gregs(struct moth_unwind_regs *regs, const uint64_t *gregs)
{
    for (size_t i = 0; i < MOTH_UNWIND_REGS; i++)
        regs->r[dwarf_of_greg[i]] = gregs[i];
}

static void regs_from_user(struct moth_unwind_regs *regs, const struct user_regs_struct *user)
{
    *regs = (struct moth_unwind_regs){{user->rax, user->rdx, user->rcx, user->rbx, user->rsi, user->rdi,
                                       user->rbp, user->rsp, user->r8, user->r9, user->r10, user->r11,
                                       user->r12, user->r13, user->r14, user->r15, user->rip}};
}

/* Stop a seized thread. The signal to hand on when it is let go, or -1 when it is gone. A signal that
 * was on its way comes before our stop and is put back, so that it is not lost. */
static int stop_thread(pid_t tid)
{
    int status = 0;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0)
        return -1;
    while (waitpid(tid, &status, __WALL) < 0) {
        if (errno != EINTR)
            return -1;
    }
    if (!WIFSTOPPED(status))
        return -1;
    if (status >> 16 == 0)
        syscall(SYS_tgkill, tid, tid, WSTOPSIG(status));
    return 0;
}

int moth_unwind_hold(pid_t tid, struct moth_unwind_regs *regs, struct moth_err *err)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot look at thread %d", (int)tid);
    if (stop_thread(tid) != 0) {
        ptrace(PTRACE_DETACH, tid, NULL, NULL);
        return moth_err_set(err, MOTH_ERR_SYSTEM, "thread %d cannot be stopped", (int)tid);
    }
    struct user_regs_struct user;
    struct iovec into = {&user, sizeof user};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &into) != 0) {
        moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot read the registers of thread %d", (int)tid);
        moth_unwind_let_go(tid);
        return -1;
    }
    regs_from_user(regs, &user);
    return 0;
}

void moth_unwind_let_go(pid_t tid)
{
    ptrace(PTRACE_DETACH, tid, NULL, NULL);
}

int moth_unwind_thread_regs(pid_t tid, struct moth_unwind_regs *regs, struct moth_err *err)
{
    if (moth_unwind_hold(tid, regs, err) != 0)
        return -1;
    moth_unwind_let_go(tid);
    return 0;
}
