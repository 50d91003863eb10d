/* SPDX-License-Identifier: MIT */
#if defined(__aarch64__)
    .text
    .globl moth_arch_switch
    .hidden moth_arch_switch
    .type moth_arch_switch, %function
moth_arch_switch:
    sub sp, sp, #176
    stp d8, d9, [sp, #0]
    stp d10, d11, [sp, #16]
    stp d12, d13, [sp, #32]
    stp d14, d15, [sp, #48]
    stp x19, x20, [sp, #64]
    stp x21, x22, [sp, #80]
    stp x23, x24, [sp, #96]
    stp x25, x26, [sp, #112]
    stp x27, x28, [sp, #128]
    str x29, [sp, #144]
    str x30, [sp, #152]
    mrs x9, fpcr
    str x9, [sp, #160]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldr x9, [sp, #160]
    msr fpcr, x9
    ldp d8, d9, [sp, #0]
    ldp d10, d11, [sp, #16]
    ldp d12, d13, [sp, #32]
    ldp d14, d15, [sp, #48]
    ldp x19, x20, [sp, #64]
    ldp x21, x22, [sp, #80]
    ldp x23, x24, [sp, #96]
    ldp x25, x26, [sp, #112]
    ldp x27, x28, [sp, #128]
    ldr x29, [sp, #144]
    ldr x30, [sp, #152]
    add sp, sp, #176
    ret
    .size moth_arch_switch, .-moth_arch_switch

    .globl moth_arch_entry
    .hidden moth_arch_entry
    .type moth_arch_entry, %function
moth_arch_entry:
    mov x29, xzr
    bl moth_fiber_main
    brk #1
    .size moth_arch_entry, .-moth_arch_entry

    .globl moth_arch_save
    .hidden moth_arch_save
    .type moth_arch_save, %function
moth_arch_save:
    stp x19, x20, [x0, #0]
    stp x21, x22, [x0, #16]
    stp x23, x24, [x0, #32]
    stp x25, x26, [x0, #48]
    stp x27, x28, [x0, #64]
    stp x29, x30, [x0, #80]
    mov x9, sp
    str x9, [x0, #96]
    mov x0, xzr
    ret
    .size moth_arch_save, .-moth_arch_save

    .globl moth_arch_clone_into
    .hidden moth_arch_clone_into
    .type moth_arch_clone_into, %function
/* clone(flags x0, stack x1, parent_tid x2, tls x3, child_tid x4) */
moth_arch_clone_into:
    mov x9, x1
    mov x4, x2
    ldr x1, [x9, #96]
    sub x1, x1, #128
    mov x2, xzr
    mov x8, #220
    svc #0
    cbz x0, 1f
    ret
1:  ldp x19, x20, [x9, #0]
    ldp x21, x22, [x9, #16]
    ldp x23, x24, [x9, #32]
    ldp x25, x26, [x9, #48]
    ldp x27, x28, [x9, #64]
    ldp x29, x30, [x9, #80]
    ldr x10, [x9, #96]
    mov sp, x10
    mov x0, #1
    ret
    .size moth_arch_clone_into, .-moth_arch_clone_into

    .globl moth_arch_peek
    .hidden moth_arch_peek
    .type moth_arch_peek, %function
    .globl moth_arch_peek_failed
    .hidden moth_arch_peek_failed
/* int moth_arch_peek(void *to x0, const void *from x1, size_t size x2) */
moth_arch_peek:
    cmp x2, #8
    b.lo 2f
1:  ldr x9, [x1], #8
    str x9, [x0], #8
    sub x2, x2, #8
    cmp x2, #8
    b.hs 1b
2:  cbz x2, 4f
3:  ldrb w9, [x1], #1
    strb w9, [x0], #1
    subs x2, x2, #1
    b.ne 3b
4:  mov w0, #0
    ret
moth_arch_peek_failed:
    mov w0, #-1
    ret
    .size moth_arch_peek, .-moth_arch_peek

/* x16 and x17 are free at the entrance of a function: linkers' stubs use them as well. */
    .balign 16
    .globl moth_arch_entries
    .hidden moth_arch_entries
    .type moth_arch_entries, %function
moth_arch_entries:
    .set entrance, 0
    .rept 64
    .balign 16
    hint #34 /* bti c */
    mov w17, #entrance
    b enter
    .set entrance, entrance + 1
    .endr
    .size moth_arch_entries, .-moth_arch_entries

    .balign 16
    .type enter, %function
enter:
    .cfi_startproc
    stp x29, x30, [sp, #-96]!
    .cfi_def_cfa_offset 96
    .cfi_offset x29, -96
    .cfi_offset x30, -88
    mov x29, sp
    stp x0, x1, [sp, #16]
    stp x2, x3, [sp, #32]
    stp x4, x5, [sp, #48]
    stp x6, x7, [sp, #64]
    str x8, [sp, #80]
    mov w0, w17
    add x1, sp, #16
    bl moth_entered
    mov x17, x0
    ldp x0, x1, [sp, #16]
    ldp x2, x3, [sp, #32]
    ldp x4, x5, [sp, #48]
    ldp x6, x7, [sp, #64]
    ldr x8, [sp, #80]
    ldp x29, x30, [sp], #96
    .cfi_restore x29
    .cfi_restore x30
    .cfi_def_cfa_offset 0
    br x17
    .cfi_endproc
    .size enter, .-enter
#endif
    .section .note.GNU-stack, "", %progbits
