/* SPDX-License-Identifier: MIT
 *
 * What a game file is, before it is started: refusing early gives a better sentence than failing late.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/fs.h"
#include "runner/instance.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define MACHINE_NAME "x86-64"
#else
#define MACHINE EM_AARCH64
#define MACHINE_NAME "arm64"
#endif

/* Debian keeps games outside the usual PATH of root and of services. */
static const char more_folders[] = "/usr/local/games:/usr/games";

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool search(const char *folders, const char *program, char *out, size_t size)
{
    for (const char *at = folders; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, ":");
        snprintf(out, size, "%.*s/%s", (int)n, at, program);
        if (is_file(out) && access(out, X_OK) == 0)
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

static int resolve(const char *program, struct moth_game_info *info, struct moth_err *err)
{
    char found[sizeof info->path];
    if (strchr(program, '/') != NULL)
        snprintf(found, sizeof found, "%s", program);
    else if (!search(getenv("PATH"), program, found, sizeof found) &&
             !search(more_folders, program, found, sizeof found))
        return moth_err_set(err, MOTH_ERR_LAUNCH,
                            "no game '%s' in PATH; give its path, or ./%s if it is in this folder", program, program);
    if (realpath(found, info->path) == NULL)
        return moth_err_sys(err, MOTH_ERR_LAUNCH, "cannot find the game '%s'", program);
    return 0;
}

static int check_file(const char *path, struct stat *st, struct moth_err *err)
{
    if (stat(path, st) != 0)
        return moth_err_sys(err, MOTH_ERR_LAUNCH, "cannot look at '%s'", path);
    if (S_ISDIR(st->st_mode))
        return moth_err_set(err, MOTH_ERR_LAUNCH, "'%s' is a folder; name the program in it", path);
    if (!S_ISREG(st->st_mode))
        return moth_err_set(err, MOTH_ERR_LAUNCH, "'%s' is not a file that can be run", path);
    if (access(path, X_OK) != 0 || !(st->st_mode & 0111))
        return moth_err_set(err, MOTH_ERR_LAUNCH, "'%s' is not executable; try: chmod +x '%s'", path, path);
    if (access(path, R_OK) != 0)
        return moth_err_sys(err, MOTH_ERR_LAUNCH, "cannot read '%s'", path);
    return 0;
}

static void hex(const uint8_t *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* The GNU build id among the notes of a 64-bit ELF file. */
static bool find_build_id(const uint8_t *file, size_t size, char out[41])
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
    if (header->e_phoff > size || header->e_phnum > (size - header->e_phoff) / sizeof(Elf64_Phdr))
        return false;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(file + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type != PT_NOTE || segments[i].p_offset > size ||
            segments[i].p_filesz > size - segments[i].p_offset)
            continue;
        const uint8_t *at = file + segments[i].p_offset, *end = at + segments[i].p_filesz;
        while ((size_t)(end - at) >= sizeof(Elf64_Nhdr)) {
            const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;
            size_t name = (note->n_namesz + 3u) & ~(size_t)3, body = (note->n_descsz + 3u) & ~(size_t)3;
            if (sizeof *note + name + body > (size_t)(end - at))
                break;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(at + sizeof *note, "GNU", 4) == 0 &&
                note->n_descsz > 0 && note->n_descsz <= 20) {
                hex(at + sizeof *note + name, note->n_descsz, out);
                return true;
            }
            at += sizeof *note + name + body;
        }
    }
    return false;
}

static int check_contents(const uint8_t *file, size_t size, struct moth_game_info *info, struct moth_err *err)
{
    if (size >= 2 && file[0] == '#' && file[1] == '!') {
        info->script = true;
    } else if (size < sizeof(Elf64_Ehdr) || memcmp(file, ELFMAG, SELFMAG) != 0) {
        return moth_err_set(err, MOTH_ERR_LAUNCH, "'%s' is neither a program (ELF) nor a script (#!)", info->path);
    } else if (file[EI_CLASS] != ELFCLASS64) {
        return moth_err_set(err, MOTH_ERR_LAUNCH, "'%s' is a 32-bit program; moth plays 64-bit " MACHINE_NAME " builds",
                            info->path);
    } else if (((const Elf64_Ehdr *)file)->e_machine != MACHINE) {
        return moth_err_set(err, MOTH_ERR_LAUNCH,
                            "'%s' was built for another processor; this moth plays " MACHINE_NAME " builds",
                            info->path);
    } else if (find_build_id(file, size, info->build_id)) {
        return 0;
    }
    snprintf(info->build_id, sizeof info->build_id, "%016llx", (unsigned long long)XXH3_64bits(file, size));
    return 0;
}

/* A set-id program drops LD_PRELOAD: a copy without the bit is run, always the same path for the same
 * file, because the game can see its own path. */
static int copy_without_setid(struct moth_game_info *info, struct moth_err *err)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *folder = cache != NULL && cache[0] == '/' ? moth_fs_path("%s/moth/programs/%s", cache, info->build_id)
                   : home != NULL && home[0] == '/' ? moth_fs_path("%s/.cache/moth/programs/%s", home, info->build_id)
                                                    : moth_fs_path("/tmp/moth-programs-%u/%s", getuid(), info->build_id);
    const char *name = strrchr(info->path, '/');
    char *path = moth_fs_path("%s%s", folder, name);
    int result = moth_fs_make_dirs(folder, err);
    struct stat st;
    if (result == 0 && stat(path, &st) != 0) {
        char *fresh = moth_fs_path("%s.%d", path, (int)getpid());
        result = moth_fs_copy(info->path, fresh, 0755, err);
        if (result == 0 && rename(fresh, path) != 0)
            result = moth_err_sys(err, MOTH_ERR_LAUNCH, "cannot make '%s'", path);
        free(fresh);
    }
    snprintf(info->run_path, sizeof info->run_path, "%s", path);
    info->setid_copy = true;
    free(path);
    free(folder);
    return result;
}

int moth_game_inspect(const char *program, struct moth_game_info *info, struct moth_err *err)
{
    struct stat st;
    memset(info, 0, sizeof *info);
    if (program == NULL || program[0] == '\0')
        return moth_err_set(err, MOTH_ERR_USAGE, "no game is named; put it after --");
    if (resolve(program, info, err) != 0 || check_file(info->path, &st, err) != 0)
        return -1;
    int fd = open(info->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return moth_err_sys(err, MOTH_ERR_LAUNCH, "cannot read '%s'", info->path);
    size_t size = (size_t)st.st_size;
    void *file = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (file == MAP_FAILED)
        return moth_err_set(err, MOTH_ERR_LAUNCH, "'%s' is empty or cannot be read", info->path);
    int result = check_contents(file, size, info, err);
    munmap(file, size);
    if (result != 0)
        return -1;
    snprintf(info->run_path, sizeof info->run_path, "%s", info->path);
    if (st.st_mode & (S_ISUID | S_ISGID))
        return copy_without_setid(info, err);
    return 0;
}
