/* SPDX-License-Identifier: MIT
 *
 * Which files are mapped into the game, and where their debug information is.
 */
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "symbols/inside.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* ---- debug files ---- */

/* Is this file the debug information of the module with that build id? */
static bool has_build_id(int fd, const unsigned char *bits, int n)
{
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    const void *found = NULL;
    ssize_t got = elf ? dwelf_elf_gnu_build_id(elf, &found) : -1;
    bool same = got == n && memcmp(found, bits, (size_t)n) == 0;
    elf_end(elf);
    return same;
}

/* DIR/name.debug and DIR/<debuglink> for files that were put into a folder without further order. */
static int find_in_folder(const char *folder, Dwfl_Module *module, const char *file, const char *link, char **found)
{
    const unsigned char *bits;
    GElf_Addr at;
    int n = dwfl_module_build_id(module, &bits, &at);
    char *tries[3] = {link ? moth_fs_path("%s/%s", folder, link) : NULL,
                      moth_fs_path("%s/%s.debug", folder, base_name(file)),
                      moth_fs_path("%s/%s", folder, base_name(file))};
    int fd = -1;
    for (size_t i = 0; i < 3 && fd < 0 && n > 0; i++) {
        fd = tries[i] ? open(tries[i], O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0 && !has_build_id(fd, bits, n)) {
            close(fd);
            fd = -1;
        } else if (fd >= 0) {
            *found = strdup(tries[i]);
        }
    }
    for (size_t i = 0; i < 3; i++)
        free(tries[i]);
    return fd;
}

static int find_debug_file(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, const char *file,
                           const char *link, GElf_Word crc, char **found)
{
    const struct moth_symbols_module *ours = *userdata;
    int fd = dwfl_standard_find_debuginfo(module, userdata, name, base, file, link, crc, found);
    for (size_t i = 0; fd < 0 && ours && i < ours->symbols->n_debug_dirs; i++)
        fd = find_in_folder(ours->symbols->debug_dirs[i], module, file ? file : name, link, found);
    return fd;
}

/* ---- the list ---- */

static struct moth_symbols_module *add_module(struct moth_symbols *symbols, Dwfl_Module *dwfl, const char *path)
{
    if (symbols->n_modules == symbols->room) {
        symbols->room = symbols->room * 2 + 32;
        symbols->modules = realloc(symbols->modules, symbols->room * sizeof(struct moth_symbols_module *));
        if (!symbols->modules)
            abort();
    }
    struct moth_symbols_module *module = calloc(1, sizeof *module);
    if (!module)
        abort();
    module->symbols = symbols;
    module->dwfl = dwfl;
    module->path = moth_arena_text(&symbols->arena, "%s", path);
    module->name = base_name(module->path);
    symbols->modules[symbols->n_modules++] = module;
    return module;
}

static void free_module(struct moth_symbols_module *module)
{
    for (size_t i = 0; i < module->n_elf; i++)
        free((char *)(uintptr_t)module->elf[i].demangled);
    free(module->elf);
    free(module->entries);
    free(module->by_die);
    free(module->inlines);
    free(module);
}

static int take_module(Dwfl_Module *dwfl, void **userdata, const char *name, Dwarf_Addr start, void *context)
{
    struct moth_symbols *symbols = context;
    Dwarf_Addr end = 0;
    if (!name || name[0] != '/' || strncmp(base_name(name), "libmoth_probe.so", 16) == 0)
        return DWARF_CB_OK; /* what is no file; and ourselves */
    dwfl_module_info(dwfl, NULL, NULL, &end, NULL, NULL, NULL, NULL);
    struct moth_symbols_module *module = *userdata;
    if (!module) {
        module = add_module(symbols, dwfl, name);
        *userdata = module;
    }
    module->gone = false;
    module->start = start;
    module->end = end;
    return DWARF_CB_OK;
}

static void read_build_ids(struct moth_symbols *symbols)
{
    for (size_t i = 0; i < symbols->n_modules; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        const unsigned char *bits;
        GElf_Addr at, bias;
        if (module->build_id[0])
            continue;
        dwfl_module_getelf(module->dwfl, &bias);
        int n = dwfl_module_build_id(module->dwfl, &bits, &at);
        for (int j = 0; j < n && j < 20; j++)
            snprintf(module->build_id + 2 * j, 3, "%02x", bits[j]);
    }
}

/* libdwfl drops what is no longer mapped; so do we, and with it what was read of any type. */
static void drop_gone(struct moth_symbols *symbols)
{
    size_t kept = 0;
    for (size_t i = 0; i < symbols->n_modules; i++)
        if (!symbols->modules[i]->gone) {
            symbols->modules[kept++] = symbols->modules[i];
        } else {
            if (symbols->modules[i]->indexed)
                memset(symbols->types, 0, sizeof symbols->types);
            free_module(symbols->modules[i]);
        }
    symbols->n_modules = kept;
}

/* The program first; the others stand as they are mapped. */
static void put_program_first(struct moth_symbols *symbols)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)symbols->pid);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    for (size_t i = 0; i < symbols->n_modules; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        module->program = strcmp(module->path, path) == 0;
        if (!module->program)
            continue;
        memmove(symbols->modules + 1, symbols->modules, i * sizeof(struct moth_symbols_module *));
        symbols->modules[0] = module;
    }
}

int moth_symbols_refresh(struct moth_symbols *symbols, pid_t pid, struct moth_err *err)
{
    symbols->pid = pid;
    for (size_t i = 0; i < symbols->n_modules; i++)
        symbols->modules[i]->gone = true;
    dwfl_report_begin(symbols->dwfl);
    int error = dwfl_linux_proc_report(symbols->dwfl, pid);
    if (dwfl_report_end(symbols->dwfl, NULL, NULL) != 0 || error != 0)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "cannot read what is mapped into process %d", (int)pid);
    dwfl_getmodules(symbols->dwfl, take_module, symbols, 0);
    drop_gone(symbols);
    put_program_first(symbols);
    read_build_ids(symbols);
    return 0;
}

struct moth_symbols *moth_symbols_open(pid_t pid, const char *const *debug_dirs, struct moth_err *err)
{
    struct moth_symbols *symbols = calloc(1, sizeof *symbols);
    if (!symbols) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for symbols");
        return NULL;
    }
    size_t n = 0;
    while (debug_dirs && debug_dirs[n])
        n++;
    symbols->debug_dirs = calloc(n + 1, sizeof *symbols->debug_dirs);
    symbols->debug_path = strdup(":.debug:/usr/lib/debug");
    for (size_t i = 0; i < n && symbols->debug_dirs; i++) {
        char *absolute = realpath(debug_dirs[i], NULL);
        symbols->debug_dirs[symbols->n_debug_dirs++] = absolute ? absolute : strdup(debug_dirs[i]);
        char *longer = moth_fs_path("%s:%s", symbols->debug_path, symbols->debug_dirs[i]);
        free(symbols->debug_path);
        symbols->debug_path = longer;
    }
    static Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf, .find_debuginfo = find_debug_file};
    Dwfl_Callbacks *own = moth_arena_take(&symbols->arena, sizeof *own);
    *own = callbacks;
    own->debuginfo_path = &symbols->debug_path;
    symbols->dwfl = dwfl_begin(own);
    if (!symbols->dwfl || moth_symbols_refresh(symbols, pid, err) != 0) {
        if (!symbols->dwfl)
            moth_err_set(err, MOTH_ERR_SYSTEM, "libdwfl: %s", dwfl_errmsg(-1));
        moth_symbols_close(symbols);
        return NULL;
    }
    return symbols;
}

void moth_symbols_thread(struct moth_symbols *symbols, uint64_t thread_pointer)
{
    symbols->thread_pointer = thread_pointer;
}

void moth_symbols_close(struct moth_symbols *symbols)
{
    if (!symbols)
        return;
    for (size_t i = 0; i < symbols->n_modules; i++)
        free_module(symbols->modules[i]);
    free(symbols->modules);
    if (symbols->dwfl)
        dwfl_end(symbols->dwfl);
    for (size_t i = 0; i < symbols->n_debug_dirs; i++)
        free(symbols->debug_dirs[i]);
    free(symbols->debug_dirs);
    free(symbols->debug_path);
    moth_arena_fini(&symbols->arena);
    free(symbols);
}

/* ---- asking ---- */

bool moth_module_matches(const struct moth_symbols_module *module, const char *name)
{
    size_t n = strlen(name);
    if (strcmp(module->name, name) == 0)
        return true;
    /* libmotor.so.2 by "libmotor.so", "libmotor" or "motor" */
    const char *own = module->name;
    const char *so = strstr(own, ".so");
    if (!so || n == 0)
        return false;
    if (strncmp(own, name, n) == 0 && (own[n] == '.' || own + n == so) && own + n >= so)
        return true;
    return strncmp(own, "lib", 3) == 0 && strncmp(own + 3, name, n) == 0 && own + 3 + n == so;
}

bool moth_module_is_games(const struct moth_symbols_module *module)
{
    static const char *const system[] = {"/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"};
    if (module->program)
        return true;
    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        size_t n = strlen(system[i]);
        /* /usr/lib/<game>/engine.so is the game's, /usr/lib/<triplet>/libSDL2.so is not */
        if (strncmp(module->path, system[i], n) == 0 &&
            (!strchr(module->path + n, '/') || strstr(module->path + n, "-linux-gnu/")))
            return false;
    }
    return true;
}

static void describe(const struct moth_symbols_module *from, struct moth_module *to)
{
    *to = (struct moth_module){
        .name = from->name, .path = from->path, .start = from->start, .end = from->end, .program = from->program};
    memcpy(to->build_id, from->build_id, sizeof to->build_id);
}

bool moth_symbols_module(struct moth_symbols *symbols, size_t index, struct moth_module *module)
{
    if (index >= symbols->n_modules)
        return false;
    describe(symbols->modules[index], module);
    return true;
}

bool moth_symbols_find_module(struct moth_symbols *symbols, const char *name, struct moth_module *module)
{
    for (size_t i = 0; i < symbols->n_modules; i++) {
        if (!moth_module_matches(symbols->modules[i], name))
            continue;
        describe(symbols->modules[i], module);
        return true;
    }
    return false;
}

bool moth_symbols_debug(struct moth_symbols *symbols)
{
    for (size_t i = 0; i < symbols->n_modules; i++)
        if (moth_module_is_games(symbols->modules[i]) && moth_module_index(symbols->modules[i]))
            return true;
    return false;
}
