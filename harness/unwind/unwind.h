/* SPDX-License-Identifier: MIT
 *
 * Stacks of a stopped game, taken from outside.
 *
 * What is unwound are fibers, not kernel threads: each has its registers in the channel (the one that
 * crashed), on its own stack (switched out) or in the kernel thread that executes it (running). The
 * game must stand still meanwhile: waiting in its crash handler, or stopped.
 *
 * The work is done in a short-lived child process under a deadline, because debug information and the
 * memory of a broken game are both untrusted input: whatever they contain, the caller gets the stacks
 * that were read until then, and goes on. No global state; one thread.
 */
#ifndef MOTH_UNWIND_UNWIND_H
#define MOTH_UNWIND_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "wire/channel.h"

/* Registers of one thread of execution, x86-64, in DWARF's order: rax rdx rcx rbx rsi rdi rbp rsp
 * r8…r15, and the program counter. */
#define MOTH_UNWIND_REGS 17
struct moth_unwind_regs {
    uint64_t r[MOTH_UNWIND_REGS];
};

/* One frame, innermost first. An inlined call is a frame of its own with the pc it was inlined at.
 * Strings are malloc'd, any may be NULL; none contains control characters. */
struct moth_frame {
    uint64_t pc;
    uint64_t symbol_offset; /* pc - start of `symbol`; without one, of the function as the call frame
                             * information has it. 0: not known */
    uint64_t module_offset; /* pc - where the module is mapped: the same in every run of one build */
    char *symbol;           /* demangled */
    char *file;             /* as the debug information has it */
    int line;               /* 0: not known */
    char *module;           /* file name without its folder, "[vdso]", … */
    char build_id[41];      /* of the module; "" when it has none */
    bool inlined;
    bool guessed; /* found by scanning the stack for return addresses */
};

struct moth_fiber_stack {
    uint32_t fiber; /* index in channel->fibers; in native mode the kernel thread's id */
    char name[16];
    uint32_t wait; /* enum moth_wait_kind */
    uint64_t wait_key;
    int32_t owner; /* fiber that holds what is waited for, or -1 */
    struct moth_frame *frames;
    size_t n_frames;
    size_t omitted_at; /* frames[omitted_at] follows a gap of `omitted` frames (endless recursion) */
    uint64_t omitted;
};

struct moth_stacks {
    struct moth_fiber_stack *fibers; /* the culprit's first */
    size_t n_fibers;
    bool cut; /* the deadline or a limit ended it early */
};

/* Unwind every living fiber of the stopped process `pid`. The fiber that crashed
 * (channel->state == MOTH_STATE_CRASH) starts from channel->crash.regs; channel->fiber_current
 * starts from `running`; NULL lets this function ask the kernel with ptrace (and let go again). All
 * others start from the registers saved on their stacks. With channel->config.threads native, each
 * kernel thread is unwound. NULL and err only if nothing at all could be read.
 * Takes up to about ten seconds of wall time with large debug information, usually 0.1. */
struct moth_stacks *moth_unwind(pid_t pid, const struct moth_channel *channel,
                                const struct moth_unwind_regs *running, struct moth_err *err);
/* The same for a game that runs and does not come back: it is held and let go several times, a few
 * milliseconds apart, and what the culprit's stacks have in common is its stack. So a loop is named by the
 * function that loops, not by the one it happened to be in. The process may not be stopped. */
struct moth_stacks *moth_unwind_running(pid_t pid, const struct moth_channel *channel, struct moth_err *err);
/* Many looks at one game, each while it stands still: the fiber that runs, from `regs`. The game may run
 * between them; what it loads meanwhile is not known of. */
struct moth_unwind_session; /* opaque */
struct moth_unwind_session *moth_unwind_session_open(pid_t pid, struct moth_err *err);
/* NULL when nothing could be read. */
struct moth_stacks *moth_unwind_session_look(struct moth_unwind_session *session,
                                             const struct moth_channel *channel,
                                             const struct moth_unwind_regs *regs);
void moth_unwind_session_close(struct moth_unwind_session *session); /* NULL is ignored */
void moth_stacks_free(struct moth_stacks *stacks);

/* The same as text for people: every fiber with what it waits for, and its frames. Caller frees. */
char *moth_stacks_text(const struct moth_stacks *stacks);
/* One frame as findings and fingerprints know it: "function file:line (module)",
 * "function+0x12 (module)", "module+0x1234 (build 0123456789ab)" or "0x1234". Caller frees. */
char *moth_frame_text(const struct moth_frame *frame);

/* moth_unwind and moth_stacks_text in one: the text, or NULL. Caller frees. */
char *moth_unwind_all(pid_t pid, const struct moth_channel *channel, const struct moth_unwind_regs *running);

/* Registers of a kernel thread that may still run: stops it, reads them, lets it go on. 0 or -1. */
int moth_unwind_thread_regs(pid_t tid, struct moth_unwind_regs *regs, struct moth_err *err);
/* The same in two: after hold the thread stands still until it is let go. */
int moth_unwind_hold(pid_t tid, struct moth_unwind_regs *regs, struct moth_err *err);
void moth_unwind_let_go(pid_t tid);
/* From glibc's gregs order, as channel->crash.regs has them. */
void moth_unwind_regs_from_gregs(struct moth_unwind_regs *regs, const uint64_t *gregs);

#endif
