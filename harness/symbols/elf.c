/* SPDX-License-Identifier: MIT
 *
 * The names of a module's ELF symbol table: what is left where there is no debug information.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/inside.h"

typedef char *demangle_function(const char *, char *, size_t *, int *);

/* By the C++ run-time library, if the machine has it. */
static char *demangled(const char *name)
{
    static demangle_function *demangle;
    static bool looked;
    int status = 0;
    if (name[0] != '_' || name[1] != 'Z')
        return NULL;
    if (!looked) {
        looked = true;
        void *library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
        if (library)
            *(void **)&demangle = dlsym(library, "__cxa_demangle");
    }
    return demangle ? demangle(name, NULL, NULL, &status) : NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct moth_elf_symbol *)a)->name, ((const struct moth_elf_symbol *)b)->name);
}

static bool is_wanted(const char *name, const GElf_Sym *symbol, GElf_Word section)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    return name && *name && section != SHN_UNDEF && symbol->st_shndx != SHN_UNDEF &&
           (type == STT_OBJECT || type == STT_FUNC || type == STT_TLS || type == STT_NOTYPE || type == STT_COMMON ||
            type == STT_GNU_IFUNC);
}

void moth_module_read_elf(struct moth_symbols_module *module)
{
    if (module->symbols_read)
        return;
    module->symbols_read = true;
    int n = dwfl_module_getsymtab(module->dwfl);
    if (n <= 0)
        return;
    module->elf = calloc((size_t)n, sizeof *module->elf);
    for (int i = 1; i < n && module->elf; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section = 0;
        const char *name = dwfl_module_getsym_info(module->dwfl, i, &symbol, &address, &section, NULL, NULL);
        if (!is_wanted(name, &symbol, section))
            continue;
        int type = GELF_ST_TYPE(symbol.st_info);
        module->elf[module->n_elf++] = (struct moth_elf_symbol){
            .name = name,
            .demangled = demangled(name),
            .address = type == STT_TLS ? symbol.st_value : address,
            .size = symbol.st_size,
            .function = type == STT_FUNC,
            .tls = type == STT_TLS,
            .exported = GELF_ST_BIND(symbol.st_info) != STB_LOCAL && GELF_ST_VISIBILITY(symbol.st_other) == STV_DEFAULT};
    }
    if (module->n_elf > 0)
        qsort(module->elf, module->n_elf, sizeof *module->elf, by_name);
}

/* What compilers name a copy of a function after that has not the parameters that were written, or only a part of it. */
static bool has_mark(const char *name)
{
    static const char *const marks[] = {".isra.", ".constprop.", ".part.", ".cold", ".specialized."};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strstr(name, marks[i]))
            return true;
    return false;
}

/* Where symbols of this name begin, or would. */
static size_t lower_bound(const struct moth_symbols_module *module, const char *name)
{
    size_t low = 0, high = module->n_elf;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(module->elf[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct moth_elf_symbol *moth_module_elf(struct moth_symbols_module *module, const char *name)
{
    moth_module_read_elf(module);
    for (size_t i = lower_bound(module, name); i < module->n_elf && strcmp(module->elf[i].name, name) == 0; i++)
        if (!module->elf[i].function)
            return &module->elf[i];
    for (size_t i = 0; i < module->n_elf; i++)
        if (module->elf[i].demangled && !module->elf[i].function && strcmp(module->elf[i].demangled, name) == 0)
            return &module->elf[i];
    return NULL;
}

const struct moth_elf_symbol *moth_module_elf_function(struct moth_symbols_module *module, const char *name, size_t *at)
{
    moth_module_read_elf(module);
    size_t length = strlen(name), i = *at;
    if (length == 0)
        return NULL;
    if (i == 0)
        for (i = lower_bound(module, name); i < module->n_elf && strcmp(module->elf[i].name, name) == 0; i++)
            if (module->elf[i].function)
                return *at = module->n_elf, &module->elf[i]; /* a name of C is one function */
    for (i = *at; i < module->n_elf; i++) {
        const struct moth_elf_symbol *symbol = &module->elf[i];
        const char *begin = symbol->demangled && symbol->function && !has_mark(symbol->name) ? symbol->demangled : "";
        const char *behind = name[length - 1] == '>' ? strstr(begin, name) : NULL; /* a template's result stands first */
        begin = behind && behind > begin && behind[-1] == ' ' ? behind : begin;
        if (strncmp(begin, name, length) == 0 && (!begin[length] || begin[length] == '(' || begin[length] == '['))
            return *at = i + 1, symbol;
    }
    return NULL;
}

bool moth_module_is_clone(struct moth_symbols_module *module, uint64_t address)
{
    bool cloned = false;
    moth_module_read_elf(module);
    for (size_t i = 0; i < module->n_elf; i++) {
        const struct moth_elf_symbol *symbol = &module->elf[i];
        if (!symbol->function || symbol->address != address)
            continue;
        if (!has_mark(symbol->name))
            return false;
        cloned = true;
    }
    return cloned;
}
