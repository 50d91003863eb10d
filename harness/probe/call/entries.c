/* SPDX-License-Identifier: MIT
 *
 * Have the game's calls of a function lead through an entrance of ours (arch/).
 *
 * A call of what another module may define goes through a word in the caller's offset table. Words that only calls
 * read are pointed at the entrance. The game must not see that: a word that it takes a function's address from is
 * left alone, because it may compare that address with one it took before. So a table's JUMP_SLOTs are taken, and
 * its GLOB_DATs where each instruction that reads them is a call or a jump; pointers in data are not.
 *
 * Modules are walked by the linker's own list, without its locks: another fiber may hold them. Nothing is
 * allocated. The words lie in the game's memory, so branches have them as they are.
 */
#include "call/entries.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "arch/arch.h"
#include "core/probe.h"

#define PAGE_BYTES 4096u
#define MODULES_MAX 4096 /* more is a list that leads in a circle */

#if defined(__x86_64__)
#define RELOC_JUMP R_X86_64_JUMP_SLOT
#define RELOC_WORD R_X86_64_GLOB_DAT
#else
#define RELOC_JUMP R_AARCH64_JUMP_SLOT
#define RELOC_WORD R_AARCH64_GLOB_DAT
#endif

struct relocations {
    const Elf64_Rela *at;
    size_t n;
};

struct module {
    uint64_t base, low, high;
    uint64_t relro_low, relro_high; /* whole pages, which are read-only */
    const Elf64_Phdr *headers;
    size_t n_headers;
    const Elf64_Sym *symbols;
    const char *strings;
    const uint32_t *gnu_hash, *hash;
    struct relocations plt, rest;
};

/* ---- modules ---- */

static bool find_headers(struct module *m, const struct link_map *map)
{
    if (map == _r_debug.r_map) { /* the program, which may be anywhere */
        m->headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
        m->n_headers = getauxval(AT_PHNUM);
        return m->headers != NULL;
    }
    Elf64_Ehdr header;
    if (map->l_addr == 0 || moth_arch_peek(&header, (const void *)map->l_addr, sizeof header) != 0 ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    m->headers = (const Elf64_Phdr *)(map->l_addr + header.e_phoff);
    m->n_headers = header.e_phnum;
    return true;
}

static void find_segments(struct module *m)
{
    m->low = UINT64_MAX;
    for (size_t i = 0; i < m->n_headers; i++) {
        const Elf64_Phdr *h = &m->headers[i];
        uint64_t low = m->base + h->p_vaddr, high = low + h->p_memsz;
        if (h->p_type == PT_LOAD) {
            m->low = low < m->low ? low : m->low;
            m->high = high > m->high ? high : m->high;
        } else if (h->p_type == PT_GNU_RELRO) {
            m->relro_low = low & ~(uint64_t)(PAGE_BYTES - 1);
            m->relro_high = high & ~(uint64_t)(PAGE_BYTES - 1);
        }
    }
}

/* Addresses in a dynamic section are put right by the linker, but for sections that cannot be written. */
static const void *at(const struct module *m, uint64_t value)
{
    return (const void *)(value < m->low ? m->base + value : value);
}

static bool read_module(struct module *m, const struct link_map *map)
{
    size_t plt_bytes = 0, rest_bytes = 0;
    memset(m, 0, sizeof *m);
    m->base = map->l_addr;
    if (!find_headers(m, map) || map->l_ld == NULL)
        return false;
    find_segments(m);
    for (const Elf64_Dyn *d = map->l_ld; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            m->symbols = at(m, d->d_un.d_ptr);
        else if (d->d_tag == DT_STRTAB)
            m->strings = at(m, d->d_un.d_ptr);
        else if (d->d_tag == DT_GNU_HASH)
            m->gnu_hash = at(m, d->d_un.d_ptr);
        else if (d->d_tag == DT_HASH)
            m->hash = at(m, d->d_un.d_ptr);
        else if (d->d_tag == DT_JMPREL)
            m->plt.at = at(m, d->d_un.d_ptr);
        else if (d->d_tag == DT_RELA)
            m->rest.at = at(m, d->d_un.d_ptr);
        else if (d->d_tag == DT_PLTRELSZ)
            plt_bytes = d->d_un.d_val;
        else if (d->d_tag == DT_RELASZ)
            rest_bytes = d->d_un.d_val;
    }
    m->plt.n = m->plt.at ? plt_bytes / sizeof(Elf64_Rela) : 0;
    m->rest.n = m->rest.at ? rest_bytes / sizeof(Elf64_Rela) : 0;
    return m->symbols && m->strings;
}

static bool contains(const struct module *m, uint64_t address)
{
    return address >= m->low && address < m->high;
}

/* Whose calls are not the game's: ours and the linker's. */
static bool is_left_alone(const struct module *m)
{
    return contains(m, (uint64_t)(uintptr_t)moth_arch_entries) || contains(m, (uint64_t)(uintptr_t)&_r_debug);
}

/* ---- what modules define ---- */

static bool defines(const struct module *m, const Elf64_Sym *symbol, const char *name)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0 &&
           (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) &&
           (name == NULL || strcmp(m->strings + symbol->st_name, name) == 0);
}

static const Elf64_Sym *find_by_gnu_hash(const struct module *m, const char *name)
{
    uint32_t hash = 5381, n_buckets = m->gnu_hash[0], first = m->gnu_hash[1], bloom_words = m->gnu_hash[2];
    const uint32_t *buckets = m->gnu_hash + 4 + (size_t)bloom_words * 2, *chain = buckets + n_buckets;
    for (const char *c = name; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    uint32_t i = n_buckets > 0 ? buckets[hash % n_buckets] : 0;
    if (i < first)
        return NULL;
    for (;; i++) {
        if ((chain[i - first] | 1) == (hash | 1) && defines(m, &m->symbols[i], name))
            return &m->symbols[i];
        if (chain[i - first] & 1)
            return NULL;
    }
}

static uint32_t count_symbols(const struct module *m)
{
    if (!m->gnu_hash)
        return m->hash ? m->hash[1] : 0;
    uint32_t n_buckets = m->gnu_hash[0], first = m->gnu_hash[1], last = 0;
    const uint32_t *buckets = m->gnu_hash + 4 + (size_t)m->gnu_hash[2] * 2, *chain = buckets + n_buckets;
    for (uint32_t i = 0; i < n_buckets; i++)
        last = buckets[i] > last ? buckets[i] : last;
    if (last < first)
        return 0;
    while (!(chain[last - first] & 1))
        last++;
    return last + 1;
}

static const Elf64_Sym *find_definition(const struct module *m, const char *name)
{
    if (m->gnu_hash)
        return find_by_gnu_hash(m, name);
    for (uint32_t i = 0, n = count_symbols(m); i < n; i++)
        if (defines(m, &m->symbols[i], name))
            return &m->symbols[i];
    return NULL;
}

/* Where a definition lies; 0: there is none, or the linker has yet to ask it. */
static uint64_t definition(const struct module *m, const char *name)
{
    const Elf64_Sym *symbol = find_definition(m, name);
    return symbol && ELF64_ST_TYPE(symbol->st_info) != STT_GNU_IFUNC ? m->base + symbol->st_value : 0;
}

/* As the linker does it for the program and what it was started with: the first one counts. */
static uint64_t resolve(const char *name, const struct module *asking)
{
    int left = MODULES_MAX;
    for (const struct link_map *map = _r_debug.r_map; map && left-- > 0; map = map->l_next) {
        struct module m;
        if (read_module(&m, map) && find_definition(&m, name))
            return definition(&m, name);
    }
    return definition(asking, name);
}

static bool is_defined(const char *name)
{
    int left = MODULES_MAX;
    for (const struct link_map *map = _r_debug.r_map; map && left-- > 0; map = map->l_next) {
        struct module m;
        if (read_module(&m, map) && find_definition(&m, name))
            return true;
    }
    return false;
}

/* What modules call the function that lies at an address. */
static void name_address(struct moth_entry_point *entry)
{
    int left = MODULES_MAX;
    for (const struct link_map *map = _r_debug.r_map; map && left-- > 0; map = map->l_next) {
        struct module m;
        if (!read_module(&m, map) || !contains(&m, entry->address))
            continue;
        for (uint32_t i = 0, n = count_symbols(&m); i < n; i++) {
            const char *name = m.strings + m.symbols[i].st_name;
            if (!defines(&m, &m.symbols[i], NULL) || m.base + m.symbols[i].st_value != entry->address ||
                strlen(name) >= sizeof entry->symbol)
                continue;
            strcpy(entry->symbol, name);
            return;
        }
    }
}

/* ---- the words that lead to it ---- */

/* Whether the instruction whose displacement lies at `at` only calls or jumps through it. */
static bool is_call(const uint8_t *at, const uint8_t *low)
{
    return at >= low + 2 && at[-2] == 0xff && (at[-1] == 0x15 || at[-1] == 0x25);
}

/* Whether all the code that reads this word calls through it. What only looks like such code, in a constant,
 * is taken for a reader: then the word is left alone. */
static bool only_called(const struct module *m, uint64_t word)
{
#if defined(__x86_64__)
    for (size_t i = 0; i < m->n_headers; i++) {
        const Elf64_Phdr *h = &m->headers[i];
        if (h->p_type != PT_LOAD || !(h->p_flags & PF_X) || !(h->p_flags & PF_R))
            continue;
        const uint8_t *low = (const uint8_t *)(m->base + h->p_vaddr);
        for (const uint8_t *code = low; code + 4 <= low + h->p_filesz; code++) {
            int32_t displacement;
            memcpy(&displacement, code, sizeof displacement);
            uint64_t behind = word - ((uint64_t)(uintptr_t)code + 4 + (uint64_t)(int64_t)displacement);
            bool reads = behind <= 4 && behind != 3; /* an immediate operand may follow */
            if (reads && !(behind == 0 && is_call(code, low)))
                return false;
        }
    }
    return true;
#else
    (void)m;
    (void)word;
    (void)is_call;
    return false; /* an address is made of two instructions there, which need not be neighbours */
#endif
}

static bool set_word(const struct module *m, uint64_t word, uint64_t value)
{
    uint64_t page = word & ~(uint64_t)(PAGE_BYTES - 1);
    bool locked = page >= m->relro_low && page < m->relro_high;
    if (locked && arch_syscall(SYS_mprotect, (long)page, PAGE_BYTES, PROT_READ | PROT_WRITE, 0, 0, 0) != 0)
        return false;
    *(uint64_t *)word = value;
    if (locked)
        arch_syscall(SYS_mprotect, (long)page, PAGE_BYTES, PROT_READ, 0, 0, 0);
    return true;
}

static bool is_entrance(uint64_t address)
{
    return address - (uint64_t)(uintptr_t)moth_arch_entries < MOTH_ARCH_ENTRIES * MOTH_ARCH_ENTRY_BYTES;
}

/* One function may be asked for under several names: then one entrance leads to the next. */
static bool leads_here(uint64_t address, uint32_t entry)
{
    for (unsigned left = MOTH_ARCH_ENTRIES; is_entrance(address) && left > 0; left--) {
        uint64_t offset = address - (uint64_t)(uintptr_t)moth_arch_entries;
        const struct moth_entrance *e = &moth_entrances[offset / MOTH_ARCH_ENTRY_BYTES];
        if (e->entry == entry)
            return true;
        address = e->original;
    }
    return false;
}

/* The entrance in front of `original`; 0: there are no more. */
static uint64_t entrance_of(uint32_t entry, uint64_t original)
{
    for (unsigned i = 0; i < MOTH_ARCH_ENTRIES; i++) {
        struct moth_entrance *e = &moth_entrances[i];
        if (e->original != 0 && (e->original != original || e->entry != entry))
            continue;
        *e = (struct moth_entrance){original, entry};
        return (uint64_t)(uintptr_t)moth_arch_entries + i * MOTH_ARCH_ENTRY_BYTES;
    }
    return 0;
}

static void lead(const struct module *m, uint64_t word, bool jump, uint32_t index)
{
    struct moth_entry_point *entry = &moth_channel->entries.items[index];
    uint64_t target = *(const uint64_t *)word;
    if (leads_here(target, index)) {
        entry->places++;
        return;
    }
    if (!jump && !only_called(m, word)) {
        entry->untold++;
        return;
    }
    /* A word that leads back into its own module, and not to a definition there, was never used: it would have the
     * linker look for the function. */
    if (jump && contains(m, target) && target != definition(m, entry->symbol))
        target = resolve(entry->symbol, m);
    uint64_t entrance = target != 0 ? entrance_of(index, target) : 0;
    if (entrance != 0 && set_word(m, word, entrance))
        entry->places++;
}

static void lead_all(const struct module *m, const struct relocations *list, uint32_t index)
{
    const char *name = moth_channel->entries.items[index].symbol;
    for (size_t i = 0; i < list->n; i++) {
        const Elf64_Rela *r = &list->at[i];
        uint64_t type = ELF64_R_TYPE(r->r_info);
        if ((type == RELOC_JUMP || type == RELOC_WORD) &&
            strcmp(m->strings + m->symbols[ELF64_R_SYM(r->r_info)].st_name, name) == 0)
            lead(m, m->base + r->r_offset, type == RELOC_JUMP, index);
    }
}

static void arm(uint32_t index)
{
    struct moth_entry_point *entry = &moth_channel->entries.items[index];
    entry->name[sizeof entry->name - 1] = entry->symbol[sizeof entry->symbol - 1] = '\0';
    entry->places = entry->untold = entry->met = 0;
    entry->met = is_defined(entry->symbol);
    if (!entry->met && entry->address != 0) {
        name_address(entry); /* it is another one than in the source */
        entry->met = is_defined(entry->symbol);
    }
    int left = MODULES_MAX;
    for (const struct link_map *map = _r_debug.r_map; map && left-- > 0; map = map->l_next) {
        struct module m;
        if (!read_module(&m, map) || is_left_alone(&m))
            continue;
        lead_all(&m, &m.plt, index);
        lead_all(&m, &m.rest, index);
    }
}

void moth_entries_arm(void)
{
    struct moth_entry_table *entries = &moth_channel->entries;
    entries->wanted = 0;
    if (_r_debug.r_state != RT_CONSISTENT)
        return; /* in the middle of dlopen: at the next boundary */
    entries->objects_opened = moth_channel->objects_opened;
    for (uint32_t i = 0; i < entries->n && i < MOTH_ENTRIES_MAX; i++)
        arm(i);
}
