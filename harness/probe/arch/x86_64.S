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

    .globl moth_arch_save
    .hidden moth_arch_save
    .type moth_arch_save, @function
/* int moth_arch_save(uint64_t context[MOTH_ARCH_CONTEXT_WORDS]) */
moth_arch_save:
    .cfi_startproc
    movq %rbx, (%rdi)
    movq %rbp, 8(%rdi)
    movq %r12, 16(%rdi)
    movq %r13, 24(%rdi)
    movq %r14, 32(%rdi)
    movq %r15, 40(%rdi)
    leaq 8(%rsp), %rdx
    movq %rdx, 48(%rdi)
    movq (%rsp), %rdx
    movq %rdx, 56(%rdi)
    xorl %eax, %eax
    ret
    .cfi_endproc
    .size moth_arch_save, .-moth_arch_save

    .globl moth_arch_clone_into
    .hidden moth_arch_clone_into
    .type moth_arch_clone_into, @function
/* long moth_arch_clone_into(long flags, const uint64_t *context, int *tid_word, uint64_t tp) */
moth_arch_clone_into:
    .cfi_startproc
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    movq %rsi, %r9              /* the context: the one thing the new thread knows */
    movq %rdx, %r10
    movq %rcx, %r8
    movq 48(%r9), %rsi
    subq $128, %rsi
    leaq 1f(%rip), %rax
    movq %rax, (%rsi)           /* where the gate's ret leads in the new thread */
    xorl %edx, %edx
    movl $56, %eax              /* clone */
    call *moth_arch_gate(%rip)
1:  testq %rax, %rax
    jz 2f
    addq $8, %rsp
    .cfi_adjust_cfa_offset -8
    ret
2:  movq (%r9), %rbx
    movq 8(%r9), %rbp
    movq 16(%r9), %r12
    movq 24(%r9), %r13
    movq 32(%r9), %r14
    movq 40(%r9), %r15
    movq 48(%r9), %rsp
    movl $1, %eax
    jmp *56(%r9)
    .cfi_endproc
    .size moth_arch_clone_into, .-moth_arch_clone_into

    .globl moth_arch_peek
    .hidden moth_arch_peek
    .type moth_arch_peek, @function
    .globl moth_arch_peek_failed
    .hidden moth_arch_peek_failed
/* int moth_arch_peek(void *to, const void *from, size_t size) */
moth_arch_peek:
    cmpq $8, %rdx
    jb 2f
1:  movq (%rsi), %rax
    movq %rax, (%rdi)
    addq $8, %rsi
    addq $8, %rdi
    subq $8, %rdx
    cmpq $8, %rdx
    jae 1b
2:  testq %rdx, %rdx
    jz 4f
3:  movb (%rsi), %al
    movb %al, (%rdi)
    incq %rsi
    incq %rdi
    decq %rdx
    jnz 3b
4:  xorl %eax, %eax
    ret
moth_arch_peek_failed:
    movl $-1, %eax
    ret
    .size moth_arch_peek, .-moth_arch_peek

/* r11 is free at the entrance of a function: linkers' stubs use it as well. */
    .balign 16
    .globl moth_arch_entries
    .hidden moth_arch_entries
    .type moth_arch_entries, @function
moth_arch_entries:
    .cfi_startproc
    .set entrance, 0
    .rept 64
    .balign 16
    endbr64
    movl $entrance, %r11d
    jmp enter
    .set entrance, entrance + 1
    .endr
    .cfi_endproc
    .size moth_arch_entries, .-moth_arch_entries

    .balign 16
    .type enter, @function
enter:
    .cfi_startproc
    pushq %r11
    pushq %r10
    pushq %rax
    pushq %r9
    pushq %r8
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    .cfi_adjust_cfa_offset 72
    movl %r11d, %edi
    movq %rsp, %rsi
    call moth_entered
    movq %rax, 64(%rsp)
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %r8
    popq %r9
    popq %rax
    popq %r10
    popq %r11
    .cfi_adjust_cfa_offset -72
    jmp *%r11
    .cfi_endproc
    .size enter, .-enter
#endif
    .section .note.GNU-stack, "", @progbits
