/* SPDX-License-Identifier: MIT
 *
 * A finding.json that somebody edited. What loads must save and load again as the same.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "findings/finding.h"

static const char *folder;

static void check_same(const struct moth_finding *a, const struct moth_finding *b)
{
    if (a->kind != b->kind || strcmp(a->fingerprint, b->fingerprint) != 0 || a->n_stack != b->n_stack ||
        a->seed != b->seed || a->frame != b->frame || a->inputs != b->inputs ||
        a->reproduced != b->reproduced || a->attempts != b->attempts || a->scripted != b->scripted)
        abort();
    for (size_t i = 0; i < a->n_stack; i++)
        if (strcmp(a->stack[i], b->stack[i]) != 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    folder = fuzz_folder();
    char *path = moth_fs_path("%s/finding.json", folder);
    struct moth_err err;
    if (moth_fs_write_atomic(path, bytes, size_bytes, &err) != 0)
        abort();
    struct moth_finding *finding = moth_finding_load(folder, &err);
    if (finding) {
        if (moth_finding_save(finding, folder, &err) != 0)
            abort();
        struct moth_finding *again = moth_finding_load(folder, &err);
        if (!again)
            abort();
        check_same(finding, again);
        moth_finding_free(again);
    }
    moth_finding_free(finding);
    free(path);
    return 0;
}
