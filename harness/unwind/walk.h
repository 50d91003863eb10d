/* SPDX-License-Identifier: MIT
 *
 * The inside of unwinding, run in the child process: memory of the stopped game, walking one fiber's
 * stack with libdwfl, and turning addresses into functions and lines. Nothing here may loop without
 * a bound: all input is the game's.
 */
#ifndef MOTH_UNWIND_WALK_H
#define MOTH_UNWIND_WALK_H

#include <elfutils/libdwfl.h>
#include <stdio.h>

#include "base/buf.h"
#include "unwind/unwind.h"

#define MOTH_UNWIND_FIBERS_MAX 64u
#define MOTH_UNWIND_FRAMES_MAX 128u  /* frames shown of one stack, inlined ones come on top */
#define MOTH_UNWIND_FRAMES_INNER 32u /* … when it is deeper: so many innermost, */
#define MOTH_UNWIND_FRAMES_OUTER 16u /* … and so many outermost */
#define MOTH_UNWIND_WALK_MAX 540000u /* frames walked of one stack: 8 MiB of the smallest, 16 bytes each */
#define MOTH_UNWIND_INLINE_MAX 16u   /* inlined calls expanded at one address */

/* Where one fiber's unwinding starts. */
struct moth_unwind_start {
    struct moth_fiber_stack about; /* no frames yet */
    struct moth_unwind_regs regs;
    uint64_t saved_sp; /* regs are to be read from the stack at this address; 0: `regs` holds them */
    bool no_registers; /* nothing is known: the fiber is only named */
};

/* Memory of the game through an open /proc/<pid>/mem, in cached pages. */
#define MOTH_MEMORY_PAGES 64u
#define MOTH_MEMORY_PAGE 4096u
struct moth_memory {
    int fd;
    struct {
        uint64_t address; /* of the page; 1: empty */
        bool readable;
        uint8_t bytes[MOTH_MEMORY_PAGE];
    } pages[MOTH_MEMORY_PAGES];
};

void moth_memory_init(struct moth_memory *memory, int fd);
bool moth_memory_read(struct moth_memory *memory, uint64_t address, void *bytes, size_t size);

/* Executable mappings, to tell code from garbage. */
struct moth_code_range {
    uint64_t start, end;
};
struct moth_code_map {
    struct moth_code_range *ranges;
    size_t n;
};

int moth_code_map_read(struct moth_code_map *map, pid_t pid);
bool moth_code_map_has(const struct moth_code_map *map, uint64_t address);

/* One step of a walk. `exact` is false for a return address: the call lies before it. */
struct moth_pc {
    uint64_t pc;
    bool exact, guessed;
};

struct moth_walk {
    Dwfl *dwfl;
    struct moth_memory *memory;
    struct moth_code_map code;
    struct moth_unwind_start *starts;
    size_t n_starts;
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    bool cut;
};

/* Read saved registers of a switched-out fiber. */
bool moth_walk_saved_regs(struct moth_memory *memory, uint64_t sp, struct moth_unwind_regs *regs);
/* Open a session on a stopped process, whose memory is `mem_fd`. */
int moth_walk_open(struct moth_walk *walk, pid_t pid, int mem_fd, struct moth_unwind_start *starts,
                   size_t n_starts);
/* Walk and symbolise starts[index]; its `about.frames` is filled. */
void moth_walk_fiber(struct moth_walk *walk, size_t index);
bool moth_walk_late(struct moth_walk *walk);

/* Append what is known of one address: inlined calls first, then the function. */
void moth_symbolise(Dwfl *dwfl, const struct moth_pc *pc, bool with_lines, struct moth_fiber_stack *stack);

/* moth_unwind for the fiber that runs or crashed alone. In the parent. */
struct moth_stacks *moth_unwind_culprit(pid_t pid, const struct moth_channel *channel,
                                        const struct moth_unwind_regs *running, struct moth_err *err);

/* In a process that reads stacks: what it inherits and must not have. */
void moth_unwind_child_limits(void);
int moth_unwind_open_memory(pid_t pid, struct moth_err *err);

/* Read some of a child's answer: bytes, 0 at its end or the deadline, -1 on an error. */
ssize_t moth_transfer_read(int fd, struct moth_buf *answer, uint64_t deadline_ns);
/* Stacks through a pipe, a line a frame. */
void moth_transfer_write(FILE *out, const struct moth_fiber_stack *stack);
struct moth_stacks *moth_transfer_parse(char *text, struct moth_stacks *stacks);
/* Releases the frames, not the struct. */
void moth_fiber_stack_fini(struct moth_fiber_stack *stack);

#endif
