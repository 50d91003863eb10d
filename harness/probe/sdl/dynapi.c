/* SPDX-License-Identifier: MIT
 *
 * SDL asks the library named in SDL_DYNAMIC_API to fill its jump table: that is us. The functions come
 * from the very SDL that asks, be it shared, opened at run time, or linked into the game; where that
 * one's own entry cannot be found, SDL is told to fill the table itself, and our hooks go in at the
 * next hook that runs.
 */
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#include "core/real.h"
#include "sdl/sdl.h"

typedef Sint32 (*entry_function)(Uint32 version, void *table, Uint32 size);

void *moth_sdl_originals[MOTH_SDL_ENTRIES_MAX];
bool moth_sdl_pending;

static void **pending_table;
static size_t pending_size;

Sint32 SDL_DYNAPI_entry(Uint32 version, void *table, Uint32 size);

static void patch(void **table, size_t size)
{
    static const struct moth_sdl_hook *const lists[] = {moth_sdl_init_hooks,  moth_sdl_video_hooks,
                                                        moth_sdl_draw_hooks,  moth_sdl_gl_hooks,    moth_sdl_input_hooks,
                                                        moth_sdl_event_hooks, moth_sdl_audio_hooks};
    size_t n = size / sizeof *table;
    memcpy(moth_sdl_originals, table,
           (n < MOTH_SDL_ENTRIES_MAX ? n : MOTH_SDL_ENTRIES_MAX) * sizeof *table);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct moth_sdl_hook *hook = lists[i]; hook->function != NULL; hook++)
            if ((size_t)hook->index < n)
                table[hook->index] = hook->function;
    if (SDL_ORIGINAL(GetVersion) != NULL) {
        SDL_version version;
        SDL_ORIGINAL(GetVersion)(&version);
        char *out = moth_channel->sdl_version;
        unsigned parts[] = {version.major, version.minor, version.patch};
        for (int i = 0; i < 3; i++) {
            if (parts[i] >= 10)
                *out++ = (char)('0' + parts[i] / 10 % 10);
            *out++ = (char)('0' + parts[i] % 10);
            *out++ = i < 2 ? '.' : '\0';
        }
    }
}

void moth_sdl_patch_pending(void)
{
    if (pending_table == NULL || pending_table[MOTH_SDL_Init] == NULL)
        return;
    void **table = pending_table;
    pending_table = NULL;
    moth_sdl_pending = false;
    patch(table, pending_size);
}

/* Look a symbol up in the full symbol table of the running program: an SDL linked into it is not in
 * the dynamic one. */
static void *program_symbol(const char *wanted, uint64_t base)
{
    int fd = (int)arch_syscall(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (fd < 0)
        return NULL;
    struct stat st;
    void *found = NULL;
    arch_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0);
    long at = arch_syscall(SYS_mmap, 0, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    if (at < 0 && at > -4096)
        return NULL;
    const uint8_t *file = (const uint8_t *)at;
    uint64_t size = (uint64_t)st.st_size;
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)file;
    bool sane = size > sizeof *header && header->e_shoff < size &&
                header->e_shnum <= (size - header->e_shoff) / sizeof(ElfW(Shdr));
    const ElfW(Shdr) *sections = sane ? (const ElfW(Shdr) *)(file + header->e_shoff) : NULL;
    for (unsigned i = 0; sane && i < header->e_shnum && found == NULL; i++) {
        const ElfW(Shdr) *table = &sections[i];
        if (table->sh_type != SHT_SYMTAB || table->sh_link >= header->e_shnum ||
            table->sh_offset + table->sh_size > size)
            continue;
        const ElfW(Shdr) *names = &sections[table->sh_link];
        const ElfW(Sym) *symbols = (const ElfW(Sym) *)(file + table->sh_offset);
        for (uint64_t s = 0; s < table->sh_size / sizeof *symbols; s++)
            if (symbols[s].st_value != 0 && symbols[s].st_name < names->sh_size &&
                strcmp((const char *)file + names->sh_offset + symbols[s].st_name, wanted) == 0) {
                found = (void *)((header->e_type == ET_DYN ? base : 0) + symbols[s].st_value);
                break;
            }
    }
    arch_syscall(SYS_munmap, at, st.st_size, 0, 0, 0, 0);
    return found;
}

/* Whether the program was linked against the probe. */
static bool linked_in(void)
{
    const struct link_map *program = _r_debug.r_map;
    const char *strings = NULL;
    for (const ElfW(Dyn) *d = program->l_ld; d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_STRTAB)
            strings = (const char *)d->d_un.d_ptr;
    for (const ElfW(Dyn) *d = program->l_ld; strings != NULL && d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_NEEDED && strncmp(strings + d->d_un.d_val, "libmoth_probe", 13) == 0)
            return true;
    return false;
}

/* The entry of the SDL that owns `table`. */
static entry_function owner_entry(const void *table)
{
    Dl_info info;
    struct link_map *map = NULL;
    if (dladdr1(table, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || map == NULL)
        return NULL;
    bool program = map->l_name == NULL || map->l_name[0] == '\0';
    moth_channel->attach = linked_in() ? MOTH_ATTACH_LINK : program ? MOTH_ATTACH_DYNAPI : MOTH_ATTACH_PRELOAD;
    if (program)
        return (entry_function)program_symbol("SDL_DYNAPI_entry", map->l_addr);
    void *handle = dlopen(map->l_name, RTLD_NOLOAD | RTLD_LAZY);
    return handle != NULL ? (entry_function)dlsym(handle, "SDL_DYNAPI_entry") : NULL;
}

MOTH_HOOK Sint32 SDL_DYNAPI_entry(Uint32 version, void *table, Uint32 size)
{
    entry_function entry = owner_entry(table);
    if (entry == SDL_DYNAPI_entry)
        entry = NULL;
    if (entry != NULL && entry(version, table, size) < 0)
        return -1;
    if (moth_mode == MOTH_DORMANT && entry != NULL)
        return 0;
    if (entry != NULL) {
        patch(table, size);
        return 0;
    }
    pending_table = table;
    pending_size = size;
    moth_sdl_pending = moth_mode != MOTH_DORMANT;
    return -1;
}
