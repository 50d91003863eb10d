/* SPDX-License-Identifier: MIT
 *
 * From an address to functions, files and lines. C++ names are demangled by the C++ run-time library
 * if the machine has it; it is only looked for when a mangled name turns up.
 */
#include "unwind/walk.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

#define NAME_MAX_BYTES 1024u
#define SCOPES_MAX 32u /* around a function */

typedef char *demangle_function(const char *, char *, size_t *, int *);

static demangle_function *find_demangler(void)
{
    static demangle_function *demangle;
    static bool looked;
    if (!looked) {
        looked = true;
        void *library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
        if (library)
            *(void **)&demangle = dlsym(library, "__cxa_demangle");
    }
    return demangle;
}

static char *readable_name(const char *name)
{
    if (!name || !*name)
        return NULL;
    char *readable = NULL;
    if (name[0] == '_' && name[1] == 'Z') {
        demangle_function *demangle = find_demangler();
        int status = 0;
        readable = demangle ? demangle(name, NULL, NULL, &status) : NULL;
    }
    if (!readable)
        readable = strdup(name);
    if (readable && strlen(readable) > NAME_MAX_BYTES)
        readable[NAME_MAX_BYTES] = '\0';
    return readable;
}

static char *base_name(const char *path)
{
    if (!path || !*path)
        return NULL;
    const char *slash = strrchr(path, '/');
    return strdup(slash && slash[1] ? slash + 1 : path);
}

static struct moth_frame *add_frame(struct moth_fiber_stack *stack)
{
    struct moth_frame *grown = realloc(stack->frames, (stack->n_frames + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    stack->frames = grown;
    grown[stack->n_frames] = (struct moth_frame){0};
    return &grown[stack->n_frames++];
}

static void describe_module(Dwfl_Module *module, struct moth_frame *frame)
{
    Dwarf_Addr start = 0;
    const char *main_file = NULL;
    const char *name = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, &main_file, NULL);
    frame->module = base_name(main_file && *main_file ? main_file : name);
    frame->module_offset = frame->pc - start;
    const unsigned char *bits;
    GElf_Addr where;
    int n = dwfl_module_build_id(module, &bits, &where);
    for (int i = 0; i < n && i < 20; i++)
        snprintf(frame->build_id + 2 * i, 3, "%02x", bits[i]);
}

/* The table of functions in .eh_frame_hdr, as linkers make it: pairs of 32 bits, relative to the section's
 * address, by where the functions begin. How many; 0 where there is none, or another kind of table. */
static size_t function_table(Elf *elf, const int32_t **table, GElf_Addr *base)
{
    size_t n_headers = 0;
    GElf_Phdr header;
    if (!elf || elf_getphdrnum(elf, &n_headers) != 0)
        return 0;
    for (size_t i = 0; i < n_headers; i++) {
        if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_GNU_EH_FRAME)
            continue;
        Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)header.p_offset, header.p_filesz, ELF_T_WORD);
        static const unsigned char usual[] = {1, DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_EH_PE_udata4,
                                              DW_EH_PE_datarel | DW_EH_PE_sdata4};
        if (!data || data->d_size < 12 || memcmp(data->d_buf, usual, sizeof usual) != 0)
            return 0;
        size_t n = ((const uint32_t *)data->d_buf)[2], room = (data->d_size - 12) / 8;
        *table = (const int32_t *)data->d_buf + 3;
        *base = header.p_vaddr;
        return n < room ? n : room;
    }
    return 0;
}

/* Where the function begins that a stripped program has no name for. */
static void describe_range(Dwfl_Module *module, Dwarf_Addr address, struct moth_frame *frame)
{
    Dwarf_Addr bias = 0, cfi_bias = 0;
    GElf_Addr base = 0;
    const int32_t *table = NULL;
    size_t low = 0, high = function_table(dwfl_module_getelf(module, &bias), &table, &base);
    Dwarf_CFI *cfi = dwfl_module_eh_cfi(module, &cfi_bias);
    Dwarf_Frame *known = NULL;
    if (!cfi || dwarf_cfi_addrframe(cfi, address - cfi_bias, &known) != 0)
        return; /* it lies behind a function, or between two */
    free(known);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (base + (GElf_Addr)(int64_t)table[2 * middle] + bias <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        frame->symbol_offset = frame->pc - (base + (GElf_Addr)(int64_t)table[2 * (low - 1)] + bias);
}

/* The symbol an address lies in. One that merely comes before it is a guess that makes two bugs one. */
static void describe_symbol(Dwfl_Module *module, Dwarf_Addr address, struct moth_frame *frame)
{
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char *name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    if (!name || (symbol.st_size != 0 && offset >= symbol.st_size) ||
        (symbol.st_size == 0 && offset > 0x10000)) {
        describe_range(module, address, frame);
        return;
    }
    frame->symbol = readable_name(name);
    frame->symbol_offset = offset + (frame->pc - address);
}

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
        return dwarf_formstring(&attribute);
    return NULL;
}

static bool is_cxx(Dwarf_Die *die)
{
    Dwarf_Die unit;
    if (!dwarf_diecu(die, &unit, NULL, NULL))
        return false;
    switch (dwarf_srclang(&unit)) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
        return true;
    default:
        return false;
    }
}

/* Where a function was declared: what it is inlined from, what it is the definition of. */
static Dwarf_Die declaration_of(Dwarf_Die *die)
{
    static const unsigned ways[] = {DW_AT_abstract_origin, DW_AT_specification};
    Dwarf_Die at = *die, next;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        Dwarf_Attribute attribute;
        if (dwarf_attr(&at, ways[i], &attribute) && dwarf_formref_die(&attribute, &next))
            at = next;
    }
    return at;
}

/* A scope's part of a name; NULL: it has none. */
static const char *scope_name(Dwarf_Die *scope)
{
    const char *name = dwarf_diename(scope);
    switch (dwarf_tag(scope)) {
    case DW_TAG_namespace:
        return name ? name : "(anonymous namespace)";
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
        return name && strncmp(name, "<lambda", 7) != 0 ? name : "{lambda()#1}";
    case DW_TAG_union_type:
    case DW_TAG_subprogram:
        return name;
    default:
        return NULL;
    }
}

static bool scope_around(Dwarf_Die *die, Dwarf_Die *outer)
{
    Dwarf_Die *scopes = NULL;
    int n = dwarf_getscopes_die(die, &scopes);
    if (n > 1)
        *outer = scopes[1];
    free(scopes);
    return n > 1;
}

/* "world::Pool<int>::get", as the demangler has it, but for the arguments: functions that nothing outside
 * their unit can call have no name for the linker. */
static char *qualified_name(Dwarf_Die *die)
{
    Dwarf_Die at = declaration_of(die), outer;
    const char *name = dwarf_diename(die);
    char *whole = name ? strdup(name) : NULL;
    for (unsigned depth = 0; whole && depth < SCOPES_MAX && scope_around(&at, &outer); depth++) {
        at = declaration_of(&outer);
        name = scope_name(&at);
        if (!name || strlen(name) + strlen(whole) > NAME_MAX_BYTES)
            continue;
        char *longer = moth_fs_path("%s::%s", name, whole);
        free(whole);
        whole = longer;
    }
    return whole;
}

static char *die_name(Dwarf_Die *die)
{
    const char *name = linkage_name(die);
    if (!name && is_cxx(die))
        return qualified_name(die);
    return readable_name(name ? name : dwarf_diename(die));
}

/* The symbol table knows better what a function is called whose debug information does not say all of it. */
static char *function_name(Dwarf_Die *function, char **symbol)
{
    bool inlined = dwarf_tag(function) == DW_TAG_inlined_subroutine;
    bool unsaid = !inlined && is_cxx(function) && !linkage_name(function);
    char *name = *symbol && unsaid ? NULL : die_name(function);
    if (!name && !inlined) {
        name = *symbol;
        *symbol = NULL;
    }
    return name;
}

static bool is_function(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_entry_point;
}

/* Where an inlined call was written. */
static void call_site(Dwarf_Die *inlined, char **file, int *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    *file = NULL;
    *line = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &value) == 0)
        *line = (int)value;
    Dwarf_Die unit;
    Dwarf_Files *files;
    size_t n_files;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &value) == 0 &&
        dwarf_diecu(inlined, &unit, NULL, NULL) && dwarf_getsrcfiles(&unit, &files, &n_files) == 0 &&
        value < n_files) {
        const char *name = dwarf_filesrc(files, value, NULL, NULL);
        *file = name ? strdup(name) : NULL;
    }
}

/* Turn `frame`, which has the innermost source position, into a chain of the calls that were inlined
 * there: each function keeps the position inside itself. */
static void expand_inlined(Dwarf_Die *scopes, int n_scopes, struct moth_fiber_stack *stack)
{
    struct moth_frame *frame = &stack->frames[stack->n_frames - 1];
    char *symbol = frame->symbol; /* of the function that the rest was inlined into */
    unsigned expanded = 0;
    frame->symbol = NULL;
    for (int i = 0; i < n_scopes; i++) {
        if (!is_function(&scopes[i]))
            continue;
        frame->symbol = function_name(&scopes[i], &symbol);
        if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine || ++expanded > MOTH_UNWIND_INLINE_MAX)
            break;
        struct moth_frame outer = *frame;
        frame->inlined = true;
        outer.symbol = NULL;
        outer.module = frame->module ? strdup(frame->module) : NULL;
        call_site(&scopes[i], &outer.file, &outer.line);
        frame = add_frame(stack);
        if (!frame) {
            free(outer.module);
            free(outer.file);
            break;
        }
        *frame = outer;
    }
    if (frame && !frame->symbol) {
        frame->symbol = symbol;
        symbol = NULL;
    }
    free(symbol);
}

/* The compilation unit that an address lies in, and the module's bias. libdwfl looks it up in .debug_aranges,
 * which clang leaves out, so what it does not find is looked for in the units themselves. */
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);
    if (unit)
        return unit;
    while ((unit = dwfl_module_nextcu(module, unit, bias)))
        if (dwarf_haspc(unit, address - *bias) == 1)
            return unit;
    return NULL;
}

static void describe_source(Dwfl_Module *module, Dwarf_Addr address, struct moth_fiber_stack *stack)
{
    struct moth_frame *frame = &stack->frames[stack->n_frames - 1];
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = find_unit(module, address, &bias);
    if (!unit)
        return;
    Dwarf_Line *line = dwarf_getsrc_die(unit, address - bias);
    const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
    frame->file = file ? strdup(file) : NULL;
    if (line)
        dwarf_lineno(line, &frame->line);
    Dwarf_Die *inner = NULL;
    int n = dwarf_getscopes(unit, address - bias, &inner);
    for (int i = 0; i < n; i++) {
        if (!is_function(&inner[i]))
            continue;
        /* dwarf_getscopes goes on with the scopes an inlined function was written in; what is wanted
         * are those it was inlined into. */
        Dwarf_Die *scopes = NULL;
        int n_scopes = dwarf_getscopes_die(&inner[i], &scopes);
        if (n_scopes > 0)
            expand_inlined(scopes, n_scopes, stack);
        free(scopes);
        break;
    }
    free(inner);
}

void moth_symbolise(Dwfl *dwfl, const struct moth_pc *pc, bool with_lines, struct moth_fiber_stack *stack)
{
    struct moth_frame *frame = add_frame(stack);
    if (!frame)
        return;
    frame->pc = pc->pc;
    frame->guessed = pc->guessed;
    Dwarf_Addr address = pc->exact || pc->pc == 0 ? pc->pc : pc->pc - 1;
    Dwfl_Module *module = dwfl_addrmodule(dwfl, address);
    if (!module)
        return;
    describe_module(module, frame);
    describe_symbol(module, address, frame);
    if (with_lines)
        describe_source(module, address, stack);
}
