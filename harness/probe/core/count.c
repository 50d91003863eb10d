/* SPDX-License-Identifier: MIT
 *
 * Allocations of one frame, counted. Taking the allocator over for good would cost every allocation of every
 * frame, and stand in the way of sanitizers and of games with an allocator of their own; so the calls are
 * turned aside for the one frame that is looked into, by exchanging the addresses through which the program
 * and its libraries call, and turned back after it.
 */
#include "core/probe.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)
#define RELOCATION_SLOT R_X86_64_JUMP_SLOT
#define RELOCATION_DATA R_X86_64_GLOB_DAT
#else
#define RELOCATION_SLOT R_AARCH64_JUMP_SLOT
#define RELOCATION_DATA R_AARCH64_GLOB_DAT
#endif

#define PAGE 4096u
#define PATCHES_MAX 1024u

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);
static int (*real_posix_memalign)(void **, size_t, size_t);

static void count(size_t bytes)
{
    moth_channel->sample.allocations++;
    moth_channel->sample.allocated_bytes += bytes;
}

static void *count_malloc(size_t size)
{
    count(size);
    return real_malloc(size);
}

static void *count_calloc(size_t n, size_t size)
{
    count(n * size);
    return real_calloc(n, size);
}

static void *count_realloc(void *old, size_t size)
{
    count(size);
    return real_realloc(old, size);
}

static void *count_aligned_alloc(size_t alignment, size_t size)
{
    count(size);
    return real_aligned_alloc(alignment, size);
}

static int count_posix_memalign(void **out, size_t alignment, size_t size)
{
    count(size);
    return real_posix_memalign(out, alignment, size);
}

static const struct {
    const char *name;
    void *counting;
    void **real;
} counted[] = {
    {"malloc", (void *)count_malloc, (void **)&real_malloc},
    {"calloc", (void *)count_calloc, (void **)&real_calloc},
    {"realloc", (void *)count_realloc, (void **)&real_realloc},
    {"aligned_alloc", (void *)count_aligned_alloc, (void **)&real_aligned_alloc},
    {"posix_memalign", (void *)count_posix_memalign, (void **)&real_posix_memalign},
};

static struct {
    void **at, *was;
} patches[PATCHES_MAX];
static unsigned n_patches;

/* The part of a library that its loader made read-only once it was linked. */
struct library {
    ElfW(Addr) base;
    const ElfW(Sym) * symbols;
    const char *names;
    ElfW(Addr) sealed_low, sealed_high;
};

static void write_slot(void **at, void *value, bool sealed)
{
    void *page = (void *)((uintptr_t)at & ~(uintptr_t)(PAGE - 1));
    if (sealed && arch_syscall(SYS_mprotect, (long)page, PAGE, PROT_READ | PROT_WRITE, 0, 0, 0) != 0)
        return;
    *at = value;
    if (sealed)
        arch_syscall(SYS_mprotect, (long)page, PAGE, PROT_READ, 0, 0, 0);
}

static bool is_sealed(const struct library *library, const void *at)
{
    return (ElfW(Addr))at >= library->sealed_low && (ElfW(Addr))at < library->sealed_high;
}

static void turn_aside(const struct library *library, const ElfW(Rela) * slots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t type = (uint32_t)ELF64_R_TYPE(slots[i].r_info);
        if (type != RELOCATION_SLOT && type != RELOCATION_DATA)
            continue;
        const char *name = library->names + library->symbols[ELF64_R_SYM(slots[i].r_info)].st_name;
        for (size_t k = 0; k < sizeof counted / sizeof *counted; k++) {
            void **at = (void **)(library->base + slots[i].r_offset);
            if (strcmp(name, counted[k].name) != 0 || *counted[k].real == NULL || n_patches == PATCHES_MAX)
                continue;
            patches[n_patches].at = at;
            patches[n_patches++].was = *at;
            write_slot(at, counted[k].counting, is_sealed(library, at));
        }
    }
}

/* The dynamic section's addresses are absolute in all but the vdso. */
static int in_library(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    struct library library = {.base = info->dlpi_addr};
    const ElfW(Dyn) *dynamic = NULL;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + p->p_vaddr);
        if (p->p_type == PT_GNU_RELRO) {
            library.sealed_low = (info->dlpi_addr + p->p_vaddr) & ~(ElfW(Addr))(PAGE - 1);
            library.sealed_high = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & ~(ElfW(Addr))(PAGE - 1);
        }
    }
    const char *file = strrchr(info->dlpi_name, '/');
    file = file != NULL ? file + 1 : info->dlpi_name;
    if (dynamic == NULL || strncmp(file, "libmoth_probe", 13) == 0 || strncmp(file, "linux-vdso", 10) == 0 ||
        strncmp(file, "ld-linux", 8) == 0)
        return 0;
    const ElfW(Rela) *slots = NULL, *others = NULL;
    size_t slots_bytes = 0, others_bytes = 0;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag == DT_SYMTAB)
            library.symbols = (const ElfW(Sym) *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_STRTAB)
            library.names = (const char *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_JMPREL)
            slots = (const ElfW(Rela) *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_PLTRELSZ)
            slots_bytes = dynamic->d_un.d_val;
        else if (dynamic->d_tag == DT_RELA)
            others = (const ElfW(Rela) *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_RELASZ)
            others_bytes = dynamic->d_un.d_val;
    }
    if (library.symbols == NULL || library.names == NULL)
        return 0;
    turn_aside(&library, slots, slots_bytes / sizeof *slots);
    turn_aside(&library, others, others_bytes / sizeof *others);
    return 0;
}

void moth_count_start(void)
{
    for (size_t k = 0; k < sizeof counted / sizeof *counted; k++)
        *counted[k].real = dlsym(RTLD_DEFAULT, counted[k].name);
    n_patches = 0;
    dl_iterate_phdr(in_library, NULL);
}

/* A library that was closed within the frame took its slots along: only what still stands there is put back.
 */
static int put_back(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    struct library library = {.base = info->dlpi_addr};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_GNU_RELRO)
            continue;
        library.sealed_low = (info->dlpi_addr + p->p_vaddr) & ~(ElfW(Addr))(PAGE - 1);
        library.sealed_high = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & ~(ElfW(Addr))(PAGE - 1);
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        ElfW(Addr) low = info->dlpi_addr + p->p_vaddr, high = low + p->p_memsz;
        for (unsigned k = 0; p->p_type == PT_LOAD && k < n_patches; k++)
            if ((ElfW(Addr))patches[k].at >= low && (ElfW(Addr))patches[k].at < high)
                write_slot(patches[k].at, patches[k].was, is_sealed(&library, patches[k].at));
    }
    return 0;
}

void moth_count_stop(void)
{
    dl_iterate_phdr(put_back, NULL);
    n_patches = 0;
}
