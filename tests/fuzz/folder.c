/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"

static char *folder;

static void remove_folder(void)
{
    moth_fs_remove_tree(folder, NULL);
    free(folder);
}

const char *fuzz_folder(void)
{
    if (folder)
        return folder;
    folder = moth_fs_path("%s/moth-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder) || atexit(remove_folder) != 0)
        abort();
    return folder;
}
