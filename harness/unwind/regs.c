/* SPDX-License-Identifier: MIT */
#include "unwind/unwind.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/ucontext.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <elf.h>

/* DWARF number of each of glibc's gregs, in their order. */
static const uint8_t dwarf_of_greg[MOTH_UNWIND_REGS] = {
    8, 9, 10, 11, 12, 13, 14, 15, 5 /* rdi */, 4 /* rsi */, 6 /* rbp */, 3 /* rbx */,
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

int moth_unwind_thread_regs(pid_t tid, struct moth_unwind_regs *regs, struct moth_err *err)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot look at thread %d", (int)tid);
    int result = -1;
    int status = 0;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0) {
        moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot interrupt thread %d", (int)tid);
        goto detach;
    }
    while (waitpid(tid, &status, __WALL) < 0 && errno == EINTR)
        continue;
    if (!WIFSTOPPED(status)) {
        moth_err_set(err, MOTH_ERR_SYSTEM, "thread %d is gone", (int)tid);
        return -1;
    }
    struct user_regs_struct user;
    struct iovec into = {&user, sizeof user};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &into) != 0) {
        moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot read the registers of thread %d", (int)tid);
        goto detach;
    }
    regs_from_user(regs, &user);
    result = 0;
detach:
    /* A signal that was on its way when we stopped the thread goes on its way. */
    ptrace(PTRACE_DETACH, tid, NULL,
           (void *)(long)(WIFSTOPPED(status) && status >> 16 == 0 ? WSTOPSIG(status) : 0));
    return result;
}
