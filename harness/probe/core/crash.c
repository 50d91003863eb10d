/* SPDX-License-Identifier: MIT
 *
 * Fatal signals. Our handler is the one the kernel knows, on an alternate stack that every fiber
 * shares. It answers trapped counters, lets a handler of the game's have its say (a JIT may mean it),
 * and otherwise writes down what is known and stands still, so that the runner can look at the stacks.
 */
#include "core/probe.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>

#include "core/real.h"

#define ALTERNATE_BYTES (256u << 10)
#define SAME_FAULT_LIMIT 3

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};

static struct sigaction games[NSIG]; /* what the game believes is installed */
static bool candidate;
static uint64_t same_fault_pc, same_fault_address;
static uint64_t alternate_low; /* of the handler's stack */
static int same_faults;

struct abort_message {
    unsigned size;
    char text[];
};

bool moth_crash_owns(int number)
{
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (fatal[i] == number)
            return true;
    return false;
}

uint64_t moth_crash_signals(void)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        mask |= 1ULL << (fatal[i] - 1);
    return mask;
}

/* glibc keeps the last words of assert() and of its heap checks. */
static void take_abort_message(char *out, size_t size)
{
    struct abort_message **at = dlsym(RTLD_DEFAULT, "__abort_msg");
    out[0] = '\0';
    if (at == NULL || *at == NULL)
        return;
    size_t n = strnlen((*at)->text, size - 1);
    memcpy(out, (*at)->text, n);
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r'))
        n--;
    out[n] = '\0';
}

static void record(int number, const siginfo_t *info, const ucontext_t *context)
{
    struct moth_crash_record *crash = &moth_channel->crash;
    memset(crash, 0, sizeof *crash);
    crash->signal = number;
    crash->code = info->si_code;
    if (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE)
        crash->address = (uint64_t)info->si_addr;
    crash->pc = arch_context_pc(context);
    crash->sp = arch_context_sp(context);
    crash->fp = arch_context_fp(context);
    arch_context_regs(context, crash->regs, MOTH_CRASH_REGS);
    crash->fiber = moth_current->index;
    if (number == SIGSEGV || number == SIGBUS) {
        int64_t distance = (int64_t)(crash->address - crash->sp);
        crash->stack_overflow = distance > -(64 << 10) && distance < (16 << 10) &&
                                info->si_code > 0 && crash->address > 4096;
    }
    if (number == SIGABRT)
        take_abort_message(crash->message, sizeof crash->message);
}

static _Noreturn void report(int number)
{
    moth_preempt_stop();
    if (moth_claim())
        moth_give_turn_for_good(MOTH_STATE_CRASH);
    /* Nobody watches this process: die as it would have. */
    struct sigaction plain;
    memset(&plain, 0, sizeof plain);
    moth_real.sigaction(number, &plain, NULL);
    moth_mode = MOTH_DORMANT;
    arch_syscall(SYS_tgkill, arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0),
                 arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0), number, 0, 0, 0);
    for (;;)
        arch_syscall(SYS_pause, 0, 0, 0, 0, 0, 0);
}

static bool on_alternate(uint64_t sp)
{
    return sp >= alternate_low && sp < alternate_low + ALTERNATE_BYTES;
}

static bool games_handler(int number)
{
    const struct sigaction *game = &games[number];
    return game->sa_handler != SIG_DFL && game->sa_handler != SIG_IGN;
}

static void call_games_handler(int number, siginfo_t *info, ucontext_t *context)
{
    struct sigaction game = games[number];
    if (game.sa_flags & (int)SA_RESETHAND)
        games[number].sa_handler = SIG_DFL;
    if (game.sa_flags & SA_SIGINFO)
        game.sa_sigaction(number, info, context);
    else
        game.sa_handler(number);
}

void moth_crash_on_fatal(int number, siginfo_t *info, void *opaque)
{
    ucontext_t *context = opaque;
    if ((number == SIGSEGV || number == SIGBUS) && moth_peek_fault(context))
        return;
    if (number == SIGSEGV && moth_trap_counter(context))
        return;
    if (moth_mode == MOTH_DORMANT)
        report(number);
    bool nested = candidate && on_alternate(arch_context_sp(context)); /* the handler itself crashed or aborted: the first fault is the cause */
    if (!nested)
        record(number, info, context);
    if (nested || !games_handler(number))
        report(number);
    uint64_t pc = arch_context_pc(context);
    uint64_t address = (uint64_t)info->si_addr;
    same_faults = pc == same_fault_pc && address == same_fault_address ? same_faults + 1 : 1;
    same_fault_pc = pc;
    same_fault_address = address;
    if (same_faults > SAME_FAULT_LIMIT)
        report(number);
    candidate = true;
    call_games_handler(number, info, context);
    if (number == SIGABRT) /* abort() ends the process after its handler returned */
        report(number);
    candidate = false;
}

/* Off the handler's stack, the game has left its handler by longjmp and lives on. */
bool moth_crash_candidate(void)
{
    return candidate && on_alternate((uint64_t)__builtin_frame_address(0));
}

_Noreturn void moth_crash_report_candidate(void)
{
    report(moth_channel->crash.signal);
}

/* The game lives on past its handler, by longjmp. */
void moth_crash_forget(void)
{
    candidate = false;
    same_faults = 0;
}

int moth_crash_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    if (old != NULL)
        *old = games[number];
    if (action != NULL)
        games[number] = *action;
    return 0;
}

void moth_crash_init(void)
{
    long at = arch_syscall(SYS_mmap, 0, ALTERNATE_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    alternate_low = (uint64_t)at;
    stack_t stack = {.ss_sp = (void *)at, .ss_size = ALTERNATE_BYTES};
    arch_syscall(SYS_sigaltstack, (long)&stack, 0, 0, 0, 0, 0);
    struct sigaction ours;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = moth_crash_on_fatal;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        moth_real.sigaction(fatal[i], &ours, &games[fatal[i]]);
}
