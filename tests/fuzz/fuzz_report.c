/* SPDX-License-Identifier: MIT
 *
 * A run.json that came from elsewhere, and behind a byte 0 a merge.json beside it. What is taken must be
 * merged, and what was merged must merge again to the same.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "merge/merge.h"

static const char *folder;

static void put(const char *name, const uint8_t *bytes, size_t size_bytes)
{
    char *path = moth_fs_path("%s/run/%s", folder, name), *run = moth_fs_path("%s/run", folder);
    if (moth_fs_make_dirs(run, NULL) != 0 || moth_fs_write_atomic(path, bytes, size_bytes, NULL) != 0)
        abort();
    free(path);
    free(run);
}

static void be_quiet(const char *sentence)
{
    (void)sentence;
}

static struct moth_merge *merge(const char *name, const char *again)
{
    char *first = moth_fs_path("%s/%s", folder, name), *second = moth_fs_path("%s/%s", folder, again);
    const char *folders[] = {first, second};
    const struct moth_merge_config config = {.force = true};
    struct moth_err err = {0};
    struct moth_merge *result = moth_merge_folders(folders, 2, &config, be_quiet, &err);
    if (!result && err.message[0] == '\0')
        abort();
    free(first);
    free(second);
    return result;
}

static void check_again(struct moth_merge *first)
{
    char *out = moth_fs_path("%s/merged", folder), *text = moth_merge_json_text(first);
    if (!text || moth_merge_write(first, out, true, NULL) != 0)
        abort();
    struct moth_merge *second = merge("merged", "run");
    char *again = second ? moth_merge_json_text(second) : NULL;
    if (!again || strcmp(text, again) != 0)
        abort();
    free(again);
    moth_merge_free(second);
    free(text);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    folder = fuzz_folder();
    const uint8_t *zero = size_bytes > 0 ? memchr(bytes, 0, size_bytes) : NULL;
    size_t first = zero ? (size_t)(zero - bytes) : size_bytes;
    char *run = moth_fs_path("%s/run", folder), *merged = moth_fs_path("%s/merged", folder);
    moth_fs_remove_tree(run, NULL);
    moth_fs_remove_tree(merged, NULL);
    put("run.json", bytes, first);
    if (zero)
        put("merge.json", zero + 1, size_bytes - first - 1);
    struct moth_merge *result = merge("run", "run");
    if (result)
        check_again(result);
    moth_merge_free(result);
    free(run);
    free(merged);
    return 0;
}
