/* SPDX-License-Identifier: MIT
 *
 * The overlay: what a game writes outside its private folder lands in that folder, under "overlay/"
 * and the file's own absolute path, and is found there when the game reads it. So a run never changes
 * the files the next one begins with, and instances do not see each other. What is deleted leaves a
 * marker under "gone/".
 *
 * All functions use raw system calls. Paths that are relative to a folder's descriptor, and what is
 * neither file nor folder, are left alone.
 */
#ifndef MOTH_PROBE_CORE_OVERLAY_H
#define MOTH_PROBE_CORE_OVERLAY_H

#include <stdbool.h>

#define MOTH_OVERLAY_PATH_MAX 4096

struct moth_overlaid {
    char path[MOTH_OVERLAY_PATH_MAX];
};

/* The path under which `path` is to be read: itself, or where the overlay has it. NULL: it was
 * deleted (errno ENOENT). */
const char *moth_overlay_read(int at, const char *path, struct moth_overlaid *out);
/* The path under which it is to be written. `fresh`: its contents are not needed. `exclusive`: it must
 * not exist (NULL, errno EEXIST, if it does). */
const char *moth_overlay_write(int at, const char *path, bool fresh, bool exclusive, struct moth_overlaid *out);
/* Delete it, file or folder. 0 or -1 and errno; 1: not ours to do, delete `path` itself. */
int moth_overlay_delete(int at, const char *path, bool folder);
/* Where the overlay would keep the folder `path`, if it keeps anything there; else NULL. */
const char *moth_overlay_folder(const char *path, struct moth_overlaid *out);
/* Whether an entry of the folder `path` was deleted. */
bool moth_overlay_is_gone(const char *folder, const char *name);

#endif
