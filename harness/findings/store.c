/* SPDX-License-Identifier: MIT */
#include "findings/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

#define HALF_MADE ".half-"
#define FILE_BYTES_MAX (64u << 20)

static const char *const minimized_files[] = {"minimized.moth", "repro.lua"};

char *moth_store_folder(const char *out, const char *fingerprint)
{
    return moth_fs_path("%s/findings/%s", out, fingerprint);
}

/* One writer at a time; the lock goes with its holder, however that dies. */
static int lock_store(const char *out, struct moth_err *err)
{
    char *folder = moth_fs_path("%s/findings", out);
    int fd = -1;
    if (moth_fs_make_dirs(folder, err) == 0) {
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            moth_err_sys(err, MOTH_ERR_IO, "cannot open %s", folder);
    }
    while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
    free(folder);
    return fd;
}

bool moth_store_is_better(const struct moth_finding *a, const struct moth_finding *b)
{
    if (a->frame != b->frame)
        return a->frame < b->frame;
    if (a->inputs != b->inputs)
        return a->inputs < b->inputs;
    return a->seed < b->seed;
}

static bool is_picture(const char *name)
{
    size_t length = strlen(name);
    return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".png") == 0;
}

static int copy_pictures(const char *from, const char *folder, struct moth_err *err)
{
    DIR *entries = opendir(from);
    struct dirent *entry;
    int result = 0;
    while (entries && result == 0 && (entry = readdir(entries))) {
        if (!is_picture(entry->d_name))
            continue;
        char *source = moth_fs_path("%s/%s", from, entry->d_name);
        char *target = moth_fs_path("%s/%s", folder, entry->d_name);
        result = moth_fs_copy(source, target, 0666, err);
        free(source);
        free(target);
    }
    if (entries)
        closedir(entries);
    return result;
}

static int copy_as(const char *from, const char *folder, const char *name, struct moth_err *err)
{
    if (!from)
        return 0;
    char *target = moth_fs_path("%s/%s", folder, name);
    int result = moth_fs_copy(from, target, 0666, err);
    free(target);
    return result;
}

static int fill_folder(const char *folder, const struct moth_finding *finding,
                       const struct moth_store_files *files, struct moth_err *err)
{
    if (moth_fs_remove_tree(folder, err) != 0 || moth_fs_make_dirs(folder, err) != 0)
        return -1;
    if (copy_as(files->trace, folder, "trace.moth", err) != 0 ||
        copy_as(files->log, folder, "game.log", err) != 0)
        return -1;
    if (files->pictures && copy_pictures(files->pictures, folder, err) != 0)
        return -1;
    return moth_finding_save(finding, folder, err);
}

/* The better sighting takes over what the inputs of the one before were shrunk to: it is good for both. */
static int keep_minimized(const char *from, const char *folder, struct moth_err *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof minimized_files / sizeof *minimized_files; i++) {
        char *source = moth_fs_path("%s/%s", from, minimized_files[i]);
        if (access(source, F_OK) == 0)
            result = copy_as(source, folder, minimized_files[i], err);
        free(source);
    }
    return result;
}

/* Put a filled folder in the place of its name, over an older one if there is one. */
static int move_in(const char *filled, const char *folder, bool exists, struct moth_err *err)
{
    int result =
        exists ? renameat2(AT_FDCWD, filled, AT_FDCWD, folder, RENAME_EXCHANGE) : rename(filled, folder);
    if (result != 0)
        return moth_err_sys(err, MOTH_ERR_IO, "cannot rename %s to %s", filled, folder);
    return exists ? moth_fs_remove_tree(filled, err) : 0;
}

static bool same_run(const struct moth_finding *a, const struct moth_finding *b)
{
    return strcmp(a->run ? a->run : "", b->run ? b->run : "") == 0;
}

static int put_folder(const char *out, struct moth_finding *finding, bool exists,
                      const struct moth_store_files *files, struct moth_err *err)
{
    char *folder = moth_store_folder(out, finding->fingerprint);
    char *filled = moth_fs_path("%s/findings/" HALF_MADE "%s", out, finding->fingerprint);
    free(finding->trace);
    finding->trace = files->trace ? moth_fs_path("findings/%s/trace.moth", finding->fingerprint) : NULL;
    int result = fill_folder(filled, finding, files, err);
    if (result == 0 && finding->trace_minimized)
        result = keep_minimized(folder, filled, err);
    if (result == 0)
        result = move_in(filled, folder, exists, err);
    if (result != 0)
        moth_fs_remove_tree(filled, NULL);
    free(filled);
    free(folder);
    return result;
}

enum moth_store_result moth_store_put(const char *out, struct moth_finding *finding,
                                      const struct moth_store_files *files, struct moth_err *err)
{
    int lock = lock_store(out, err);
    if (lock < 0)
        return MOTH_STORE_FAILED;
    char *folder = moth_store_folder(out, finding->fingerprint);
    struct moth_finding *known = moth_finding_load(folder, NULL);
    struct stat about;
    bool exists = lstat(folder, &about) == 0;
    bool again = known && same_run(known, finding);
    enum moth_store_result result = again ? MOTH_STORE_SHORTER : MOTH_STORE_NEW;
    finding->times_seen = known ? known->times_seen + 1 : 1;
    if (again && known->trace_minimized)
        moth_finding_set_minimized(finding, known->inputs_minimized);
    if (again && !moth_store_is_better(finding, known)) {
        known->times_seen++;
        result = moth_finding_save(known, folder, err) == 0 ? MOTH_STORE_SEEN : MOTH_STORE_FAILED;
        free(finding->trace);
        finding->trace = known->trace ? strdup(known->trace) : NULL;
    } else if (put_folder(out, finding, exists, files, err) != 0) {
        result = MOTH_STORE_FAILED;
    }
    moth_finding_free(known);
    free(folder);
    close(lock);
    return result;
}

int moth_store_reproduced(const char *out, const char *fingerprint, uint64_t seed, uint32_t frame,
                          const struct moth_finding_attempt *tries, uint32_t n, struct moth_err *err)
{
    int lock = lock_store(out, err);
    if (lock < 0)
        return -1;
    char *folder = moth_store_folder(out, fingerprint);
    struct moth_finding *known = moth_finding_load(folder, err);
    int result = known ? 0 : -1;
    if (known && known->seed == seed && known->frame == frame) {
        result = moth_finding_set_attempts(known, tries, n) == 0
                     ? moth_finding_save(known, folder, err)
                     : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u replays", n);
    }
    moth_finding_free(known);
    free(folder);
    close(lock);
    return result;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_status(const struct moth_finding *a, const struct moth_finding *b)
{
    return a->status == b->status && a->expired == b->expired && strcmp(a->expires, b->expires) == 0 &&
           strcmp(a->accepted, b->accepted) == 0 && same_text(a->owner, b->owner) &&
           same_text(a->reason, b->reason) && same_text(a->first_seen.build, b->first_seen.build);
}

int moth_store_status(const char *out, const struct moth_finding *finding, struct moth_err *err)
{
    int lock = lock_store(out, err);
    if (lock < 0)
        return -1;
    char *folder = moth_store_folder(out, finding->fingerprint);
    struct moth_finding *known = moth_finding_load(folder, err);
    int result = known ? 0 : -1;
    if (known && !same_status(known, finding)) {
        moth_finding_take_status(known, finding);
        result = moth_finding_save(known, folder, err);
    }
    moth_finding_free(known);
    free(folder);
    close(lock);
    return result;
}

/* Whole or not at all, under a name that others may be reading. */
static int replace_file(const char *from, const char *folder, const char *name, struct moth_err *err)
{
    char *source = moth_fs_path("%s/%s", from, name), *target = moth_fs_path("%s/%s", folder, name);
    size_t size;
    char *bytes = moth_fs_read(source, FILE_BYTES_MAX, &size, err);
    int result = bytes ? moth_fs_write_atomic(target, bytes, size, err) : -1;
    free(bytes);
    free(target);
    free(source);
    return result;
}

int moth_store_minimized(const char *out, const char *fingerprint, uint32_t inputs, const char *from,
                         struct moth_err *err)
{
    int lock = lock_store(out, err);
    if (lock < 0)
        return -1;
    char *folder = moth_store_folder(out, fingerprint);
    struct moth_finding *known = moth_finding_load(folder, err);
    int result = known ? 0 : -1;
    for (size_t i = 0; result == 0 && i < sizeof minimized_files / sizeof *minimized_files; i++)
        result = replace_file(from, folder, minimized_files[i], err);
    if (result == 0) {
        moth_finding_set_minimized(known, inputs);
        result = moth_finding_save(known, folder, err);
    }
    moth_finding_free(known);
    free(folder);
    close(lock);
    return result;
}

static void drop_strip(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries && (entry = readdir(entries)))
        if (strncmp(entry->d_name, MOTH_STRIP_NAME, sizeof MOTH_STRIP_NAME - 1) == 0)
            unlinkat(dirfd(entries), entry->d_name, 0);
    if (entries)
        closedir(entries);
}

int moth_store_strip(const char *out, const char *fingerprint, uint64_t seed, uint32_t frame, const char *from,
                     struct moth_err *err)
{
    int lock = lock_store(out, err);
    if (lock < 0)
        return -1;
    char *folder = moth_store_folder(out, fingerprint);
    struct moth_finding *known = moth_finding_load(folder, err);
    int result = known ? 0 : -1;
    if (known && known->seed == seed && known->frame == frame) {
        drop_strip(folder);
        result = copy_pictures(from, folder, err);
    }
    moth_finding_free(known);
    free(folder);
    close(lock);
    return result;
}

void moth_store_clean(const char *out)
{
    char *folder = moth_fs_path("%s/findings", out);
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        if (strncmp(entry->d_name, HALF_MADE, sizeof HALF_MADE - 1) != 0)
            continue;
        char *path = moth_fs_path("%s/%s", folder, entry->d_name);
        moth_fs_remove_tree(path, NULL);
        free(path);
    }
    if (entries)
        closedir(entries);
    free(folder);
}
