/* SPDX-License-Identifier: MIT */
#include "detect/frames.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/names.h"

static void copy_part(char *to, size_t size, const char *from, size_t length)
{
    if (length >= size)
        length = size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

/* " (module)" or " (build 0123…)" at the end. Returns the length before it. */
static size_t parse_tail(const char *text, size_t length, struct moth_frame_parts *parts)
{
    if (length == 0 || text[length - 1] != ')')
        return length;
    size_t open = length - 1; /* just after the '(' that belongs to the last ')' */
    for (int depth = 1; open > 0; open--) {
        depth += (text[open - 1] == ')') - (text[open - 1] == '(');
        if (depth == 0)
            break;
    }
    if (open < 3 || text[open - 2] != ' ')
        return length;
    const char *inside = text + open;
    size_t size = length - 1 - open;
    if (strncmp(inside, "build ", 6) == 0 && size > 6)
        copy_part(parts->build, sizeof parts->build, inside + 6, size - 6);
    else
        copy_part(parts->module, sizeof parts->module, inside, size);
    return open - 2;
}

/* "file.c:42" as the last word. Returns the length before it. */
static size_t parse_source(const char *text, size_t length, struct moth_frame_parts *parts)
{
    size_t digits = length;
    while (digits > 0 && isdigit((unsigned char)text[digits - 1]))
        digits--;
    if (digits == length || digits < 2 || text[digits - 1] != ':')
        return length;
    size_t word = digits - 1;
    while (word > 0 && text[word - 1] != ' ')
        word--;
    if (word == 0 || word == digits - 1)
        return length;
    parts->line = atoi(text + digits);
    copy_part(parts->file, sizeof parts->file, text + word, digits - 1 - word);
    return word - 1;
}

static const char *find_offset(const char *text, size_t length)
{
    for (size_t i = length; i-- > 0;) {
        if (strncmp(text + i, "+0x", 3) == 0 && i + 3 < length)
            return text + i;
    }
    return NULL;
}

void moth_frame_parse(const char *text, struct moth_frame_parts *parts)
{
    *parts = (struct moth_frame_parts){0};
    size_t length = parse_tail(text, strlen(text), parts);
    length = parse_source(text, length, parts);
    if (parts->line == 0) {
        const char *offset = find_offset(text, length);
        if (offset && parts->module[0] == '\0') { /* module+0x… */
            copy_part(parts->offset, sizeof parts->offset, offset + 1, (size_t)(text + length - offset - 1));
            copy_part(parts->module, sizeof parts->module, text, (size_t)(offset - text));
            return;
        }
        if (offset)
            length = (size_t)(offset - text);
        else if (strncmp(text, "0x", 2) == 0) /* a bare address */
            return;
    }
    copy_part(parts->function, sizeof parts->function, text, length);
}

static bool starts_with_any(const char *text, const char *const *starts)
{
    for (; *starts; starts++) {
        if (strncmp(text, *starts, strlen(*starts)) == 0)
            return true;
    }
    return false;
}

static bool is_any(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

/* Machinery, by how its module's file name begins, how its functions' names begin, and by whole name. */
static const char *const machinery_modules[] = {
    "libc.so",  "libc-2",      "libpthread",    "ld-linux",   "ld-2",      "ld.so",
    "libm.so",  "libm-2",      "librt",         "libdl",      "libstdc++", "libc++",
    "libgcc_s", "libSDL",      "libmoth_probe", "libasan",    "libubsan",  "libtsan",
    "liblsan",  "libclang_rt", "[vdso]",        "linux-vdso", "libGL",     "libEGL",  "libglapi",  "libgallium",
    "swrast_dri", "libLLVM",   "libX11",        "libxcb",     "libasound", "libpulse", "libvulkan", "libvulkan_lvp",
    NULL};
static const char *const machinery_starts[] = {
    "__GI_",         "__libc_",         "__pthread_", "pthread_", "__assert",    "__asan",
    "__ubsan",       "__tsan",          "__lsan",     "__msan",   "__sanitizer", "__interceptor_",
    "__interceptor", "___interceptor_", "__cxa_",     "__cxxabi", "__gnu_cxx::", "std::",
    "operator new",  "operator delete", "moth_probe", "SDL_",     NULL};
/* None that a game might well call a function of its own (kill, poll, exit). */
/* clang-format off */
static const char *const machinery_names[] = {
    "abort", "raise", "gsignal", "__restore_rt", "tgkill", "_start", "start_thread", "clone3", "__clone3",
    "__clone", "_exit", "_Exit", "quick_exit", "malloc_printerr", "_int_free", "_int_malloc",
    "_int_realloc", "malloc_consolidate", "unlink_chunk", "sysmalloc", "malloc", "calloc", "realloc",
    "free", "cfree", "posix_memalign", "aligned_alloc", "__stack_chk_fail", "__fortify_fail", "__chk_fail",
    "__memcpy_chk", "__strcpy_chk", "__sprintf_chk", "memcpy", "memmove", "memset", "memcmp", "strlen",
    "strcpy", "strncpy", "strcat", "strcmp", "strncmp", "strdup", "printf", "sprintf", "snprintf",
    "vsnprintf", "fprintf", "vfprintf", "syscall", "asan_thread_start", "nanosleep", "usleep", NULL};
/* clang-format on */

bool moth_frame_is_machinery(const struct moth_frame_parts *parts)
{
    if (parts->module[0] && starts_with_any(parts->module, machinery_modules))
        return true;
    if (strcmp(parts->function, "SDL_main") == 0) /* the game's own main under another name */
        return false;
    const char *name = moth_name_without_type(parts->function);
    return starts_with_any(name, machinery_starts) || is_any(name, machinery_names);
}

bool moth_frame_is_handler(const struct moth_frame_parts *parts)
{
    return moth_name_is_handler(parts->function);
}

bool moth_frame_is_abort(const struct moth_frame_parts *parts)
{
    static const char *const names[] = {"abort", "raise", "gsignal", "std::terminate()", NULL};
    static const char *const starts[] = {"__assert", "__pthread_kill", "__cxxabiv1::", "__GI_raise", "__GI_abort", NULL};
    return is_any(parts->function, names) || starts_with_any(parts->function, starts);
}

bool moth_frame_key(const struct moth_frame_parts *parts, char *key, size_t size)
{
    if (parts->function[0]) {
        moth_name_plain(parts->function, key, size);
        return key[0] != '\0';
    }
    if (!parts->module[0] || !parts->offset[0])
        return false;
    snprintf(key, size, "%s[%s]+%s", parts->module, parts->build, parts->offset);
    return true;
}

/* Handlers are passed over only behind abort(): a function that is called fatal_blow may well crash itself. */
size_t moth_frames_first_own(char *const *stack, size_t n)
{
    size_t handler = n;
    bool aborted = false;
    for (size_t i = 0; i < n; i++) {
        struct moth_frame_parts parts;
        char key[600];
        moth_frame_parse(stack[i], &parts);
        aborted = aborted || moth_frame_is_abort(&parts);
        if (moth_frame_is_machinery(&parts) || !moth_frame_key(&parts, key, sizeof key))
            continue;
        if (!aborted || !moth_frame_is_handler(&parts))
            return i;
        if (handler == n)
            handler = i;
    }
    return handler;
}
