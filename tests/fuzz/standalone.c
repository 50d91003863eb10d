/* SPDX-License-Identifier: MIT
 *
 * main() of a fuzz target without libFuzzer: runs each file, or each file of each folder, that it is given.
 * No file at all is a failure: a corpus that went missing must not pass.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "fuzz.h"

static size_t run_file(const char *path)
{
    struct moth_err err;
    size_t size_bytes;
    char *bytes = moth_fs_read(path, (size_t)64 << 20, &size_bytes, &err);
    if (!bytes) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)bytes, size_bytes);
    free(bytes);
    return 1;
}

static size_t run_path(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return run_file(path);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        char *file = moth_fs_path("%s/%s", path, entry->d_name);
        n += run_file(file);
        free(file);
    }
    closedir(folder);
    return n;
}

int main(int argc, char **argv)
{
    size_t n = 0;
    for (int i = 1; i < argc; i++)
        n += run_path(argv[i]);
    printf("%zu inputs\n", n);
    return n > 0 ? 0 : 1;
}
