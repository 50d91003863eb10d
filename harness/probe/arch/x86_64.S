/* SPDX-License-Identifier: MIT */
#if defined(__x86_64__)
    .text
    .globl moth_arch_own_gate
    .hidden moth_arch_own_gate
    .type moth_arch_own_gate, @function
moth_arch_own_gate:
    .cfi_startproc
    syscall
    ret
    .cfi_endproc
    .size moth_arch_own_gate, .-moth_arch_own_gate

    .section .data, "aw"
    .globl moth_arch_gate
    .hidden moth_arch_gate
    .balign 8
moth_arch_gate:
    .quad moth_arch_own_gate

    .text
    .globl moth_arch_switch
    .hidden moth_arch_switch
    .type moth_arch_switch, @function
/* void moth_arch_switch(uint64_t *save, uint64_t load) */
moth_arch_switch:
    .cfi_startproc
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .cfi_endproc
    .size moth_arch_switch, .-moth_arch_switch

    .globl moth_arch_entry
    .hidden moth_arch_entry
    .type moth_arch_entry, @function
moth_arch_entry:
    .cfi_startproc
    .cfi_undefined rip
    xorl %ebp, %ebp
    subq $8, %rsp /* as the ABI wants it at a call */
    call moth_fiber_main
    ud2
    .cfi_endproc
    .size moth_arch_entry, .-moth_arch_entry
#endif
    .section .note.GNU-stack, "", @progbits
