/* SPDX-License-Identifier: MIT
 *
 * Walking stacks with libdwfl. Where call frame information is missing libdwfl follows frame pointers;
 * where these lead nowhere either, the stack is scanned for words that look like return addresses.
 */
#include "unwind/walk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define SCAN_BYTES 16384u /* of stack looked through for return addresses */
#define SCAN_FRAMES 16u
#define ROOTLESS_FRAMES 4u /* a walk that broke off with fewer frames than this is helped by a scan */
#define FIBER_BUDGET_NS (4ull * 1000 * 1000 * 1000)

enum { REG_RBP = 6, REG_RSP = 7, REG_RIP = 16 };

bool moth_walk_saved_regs(struct moth_memory *memory, uint64_t sp, struct moth_unwind_regs *regs)
{
    /* mxcsr and x87 control word, r15, r14, r13, r12, rbx, rbp, return address (probe/arch). */
    uint64_t saved[8];
    if (sp == 0 || !moth_memory_read(memory, sp, saved, sizeof saved))
        return false;
    *regs = (struct moth_unwind_regs){0};
    for (size_t i = 0; i < 4; i++)
        regs->r[15 - i] = saved[1 + i];
    regs->r[3] = saved[5];
    regs->r[REG_RBP] = saved[6];
    regs->r[REG_RIP] = saved[7];
    regs->r[REG_RSP] = sp + sizeof saved;
    return true;
}

/* ---- libdwfl's view of the process: its threads are our fibers, numbered from 1 ---- */

static pid_t next_thread(Dwfl *dwfl, void *context, void **thread)
{
    (void)dwfl;
    struct moth_walk *walk = context;
    struct moth_unwind_start *before = *thread;
    size_t next = before ? (size_t)(before - walk->starts) + 1 : 0;
    if (next >= walk->n_starts)
        return 0;
    *thread = &walk->starts[next];
    return (pid_t)(next + 1);
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *context, void **thread)
{
    (void)dwfl;
    struct moth_walk *walk = context;
    if (tid < 1 || (size_t)tid > walk->n_starts)
        return false;
    *thread = &walk->starts[tid - 1];
    return true;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word, void *context)
{
    (void)dwfl;
    struct moth_walk *walk = context;
    return moth_memory_read(walk->memory, address, word, sizeof(uint64_t));
}

static bool set_registers(Dwfl_Thread *thread, void *start)
{
    const struct moth_unwind_regs *regs = &((struct moth_unwind_start *)start)->regs;
    Dwarf_Word words[MOTH_UNWIND_REGS];
    for (size_t i = 0; i < MOTH_UNWIND_REGS; i++)
        words[i] = regs->r[i];
    dwfl_thread_state_register_pc(thread, words[REG_RIP]);
    return dwfl_thread_state_registers(thread, 0, MOTH_UNWIND_REGS, words);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_word,
    .set_initial_registers = set_registers,
};

/*
 * The C library's own debug information is not looked for: which line of it called main is of no use, reading
 * it takes longer than all the rest, and a stack should look the same where it is installed and where not.
 */
static int find_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
                          const char *file, const char *link, GElf_Word crc, char **found)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    const char *own = slash != NULL ? slash + 1 : "";
    if (strncmp(own, "libc.so.", 8) == 0 || strncmp(own, "ld-linux", 8) == 0)
        return -1;
    return dwfl_standard_find_debuginfo(module, data, name, base, file, link, crc, found);
}

static char *no_search_path;
static const Dwfl_Callbacks session_callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = find_debuginfo,
    .debuginfo_path = &no_search_path, /* NULL: libdwfl's own, .debug and /usr/lib/debug */
};

int moth_walk_open(struct moth_walk *walk, pid_t pid, int mem_fd, struct moth_unwind_start *starts,
                   size_t n_starts)
{
    walk->starts = starts;
    walk->n_starts = n_starts;
    walk->memory = malloc(sizeof *walk->memory);
    if (!walk->memory || moth_code_map_read(&walk->code, pid) != 0)
        return -1;
    moth_memory_init(walk->memory, mem_fd);
    walk->dwfl = dwfl_begin(&session_callbacks);
    if (!walk->dwfl || dwfl_linux_proc_report(walk->dwfl, pid) != 0 ||
        dwfl_report_end(walk->dwfl, NULL, NULL) != 0)
        return -1;
    return dwfl_attach_state(walk->dwfl, NULL, pid, &thread_callbacks, walk) ? 0 : -1;
}

bool moth_walk_late(struct moth_walk *walk)
{
    if (moth_clock_monotonic_ns() >= walk->deadline_ns)
        walk->cut = true;
    return walk->cut;
}

/* ---- one fiber ---- */

/* The addresses of one walk: all of a short stack, both ends of a deep one. */
struct trail {
    struct moth_pc first[MOTH_UNWIND_FRAMES_MAX];
    struct moth_pc last[MOTH_UNWIND_FRAMES_OUTER]; /* ring */
    uint64_t n;
    uint64_t last_sp;
    uint64_t deadline_ns;
    bool after_signal;
};

static void trail_add(struct trail *trail, struct moth_pc pc)
{
    if (trail->n < MOTH_UNWIND_FRAMES_MAX)
        trail->first[trail->n] = pc;
    trail->last[trail->n % MOTH_UNWIND_FRAMES_OUTER] = pc;
    trail->n++;
}

static int on_frame(Dwfl_Frame *frame, void *context)
{
    struct trail *trail = context;
    Dwarf_Addr pc;
    bool exact;
    if (!dwfl_frame_pc(frame, &pc, &exact))
        return DWARF_CB_ABORT;
    Dwarf_Word sp = 0;
    bool has_sp = dwfl_frame_reg(frame, REG_RSP, &sp) == 0;
    /* A caller's frame lies above its callee's, except across a signal's alternate stack. */
    if (trail->n > 0 && has_sp && !exact && !trail->after_signal && sp <= trail->last_sp)
        return DWARF_CB_ABORT;
    trail->after_signal = exact;
    if (has_sp)
        trail->last_sp = sp;
    if (pc == 0 && trail->n > 0)
        return DWARF_CB_ABORT;
    trail_add(trail, (struct moth_pc){.pc = pc, .exact = exact});
    if (trail->n >= MOTH_UNWIND_WALK_MAX)
        return DWARF_CB_ABORT;
    if (trail->n % 1024 == 0 && moth_clock_monotonic_ns() > trail->deadline_ns)
        return DWARF_CB_ABORT;
    return DWARF_CB_OK;
}

static bool follows_call(struct moth_memory *memory, uint64_t address)
{
    uint8_t before[7];
    if (address < sizeof before || !moth_memory_read(memory, address - sizeof before, before, sizeof before))
        return false;
    if (before[2] == 0xe8) /* call rel32 */
        return true;
    /* call r/m64 (ff /2) with its 2, 3, 6 and 7 byte forms */
    static const uint8_t starts[] = {5, 4, 1, 0};
    for (size_t i = 0; i < sizeof starts; i++) {
        if (before[starts[i]] == 0xff && (before[starts[i] + 1] & 0x38) == 0x10)
            return true;
    }
    return false;
}

static void scan_stack(struct moth_walk *walk, struct trail *trail)
{
    unsigned found = 0;
    uint64_t sp = trail->last_sp & ~(uint64_t)7;
    for (uint64_t at = sp; at < sp + SCAN_BYTES && found < SCAN_FRAMES; at += 8) {
        uint64_t word;
        if (!moth_memory_read(walk->memory, at, &word, sizeof word))
            break;
        if (!moth_code_map_has(&walk->code, word) || !follows_call(walk->memory, word))
            continue;
        trail_add(trail, (struct moth_pc){.pc = word, .guessed = true});
        found++;
    }
}

/* A call through a bad pointer leaves a pc that is no code, and the caller's address on the stack. */
static void step_out_of_nowhere(struct moth_walk *walk, struct moth_unwind_regs *regs, struct trail *trail)
{
    uint64_t back;
    if (moth_code_map_has(&walk->code, regs->r[REG_RIP]))
        return;
    if (!moth_memory_read(walk->memory, regs->r[REG_RSP], &back, sizeof back) ||
        !moth_code_map_has(&walk->code, back))
        return;
    trail_add(trail, (struct moth_pc){.pc = regs->r[REG_RIP], .exact = true});
    regs->r[REG_RIP] = back;
    regs->r[REG_RSP] += sizeof back;
}

static void symbolise_trail(struct moth_walk *walk, const struct trail *trail, struct moth_fiber_stack *stack)
{
    uint64_t shown = trail->n;
    if (shown > MOTH_UNWIND_FRAMES_MAX)
        shown = MOTH_UNWIND_FRAMES_INNER;
    for (uint64_t i = 0; i < shown; i++)
        moth_symbolise(walk->dwfl, &trail->first[i], !moth_walk_late(walk), stack);
    if (shown == trail->n)
        return;
    stack->omitted_at = stack->n_frames;
    stack->omitted = trail->n - shown - MOTH_UNWIND_FRAMES_OUTER;
    for (uint64_t i = trail->n - MOTH_UNWIND_FRAMES_OUTER; i < trail->n; i++)
        moth_symbolise(walk->dwfl, &trail->last[i % MOTH_UNWIND_FRAMES_OUTER], !moth_walk_late(walk), stack);
}

void moth_walk_fiber(struct moth_walk *walk, size_t index)
{
    struct moth_unwind_start *start = &walk->starts[index];
    if (start->saved_sp && !moth_walk_saved_regs(walk->memory, start->saved_sp, &start->regs))
        return;
    if (start->no_registers)
        return;
    struct trail trail = {.last_sp = start->regs.r[REG_RSP]};
    trail.deadline_ns = moth_clock_monotonic_ns() + FIBER_BUDGET_NS;
    if (trail.deadline_ns > walk->deadline_ns)
        trail.deadline_ns = walk->deadline_ns;
    uint64_t pc = start->regs.r[REG_RIP];
    step_out_of_nowhere(walk, &start->regs, &trail);
    int result = dwfl_getthread_frames(walk->dwfl, (pid_t)(index + 1), on_frame, &trail);
    if (trail.n == 0)
        trail_add(&trail, (struct moth_pc){.pc = pc, .exact = true});
    if (result != 0 && trail.n < ROOTLESS_FRAMES)
        scan_stack(walk, &trail);
    symbolise_trail(walk, &trail, &start->about);
}
