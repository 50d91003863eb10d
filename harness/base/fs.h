/* SPDX-License-Identifier: MIT
 *
 * Files and folders the way moth needs them: whole or not at all. No global state.
 */
#ifndef MOTH_BASE_FS_H
#define MOTH_BASE_FS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Write bytes to `path` so that a reader sees the old file or the new one, never half: a temporary
 * beside it, fsync, rename. */
int moth_fs_write_atomic(const char *path, const void *bytes, size_t size_bytes, struct moth_err *err);
/* Read a whole file, at most limit_bytes; NUL-terminated beyond its size; caller frees. */
char *moth_fs_read(const char *path, size_t limit_bytes, size_t *size_bytes, struct moth_err *err);
/* mkdir -p, mode 0777 less the umask. */
int moth_fs_make_dirs(const char *path, struct moth_err *err);
/* rm -r, following no symbolic link. A path that is not there is no error. */
int moth_fs_remove_tree(const char *path, struct moth_err *err);
/* The same by name in an open folder; 0, or -1 with errno. */
int moth_fs_remove_tree_at(int folder, const char *name);
int moth_fs_copy(const char *from, const char *to, unsigned mode, struct moth_err *err);
/* asprintf for paths: never NULL (aborts when memory is out). Caller frees. */
char *moth_fs_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Absolute path of the running program's folder; static storage. */
const char *moth_fs_own_folder(void);
/* A file moth ships ("agents/monkey.lua", "libmoth_probe.so"), found by moth's own place: the build
 * tree or an installed one. Caller frees; NULL when it is not there. */
char *moth_fs_shipped(const char *name);

#endif
