/* SPDX-License-Identifier: MIT */
#include "findings/finding.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

static const char *const kind_names[] = {
#define X(name, text) [MOTH_FINDING_##name] = text,
    MOTH_FINDING_KINDS(X)
#undef X
};

const char *moth_finding_kind_name(enum moth_finding_kind kind)
{
    return (unsigned)kind < MOTH_FINDING_KIND_END ? kind_names[kind] : "unknown";
}

int moth_finding_kind_from_name(const char *name)
{
    for (int i = 0; i < MOTH_FINDING_KIND_END; i++) {
        if (strcmp(kind_names[i], name) == 0)
            return i;
    }
    return -1;
}

void moth_finding_set_minimized(struct moth_finding *finding, uint32_t inputs)
{
    free(finding->trace_minimized);
    finding->trace_minimized = moth_fs_path("findings/%s/minimized.moth", finding->fingerprint);
    finding->inputs_minimized = inputs;
}

void moth_finding_free(struct moth_finding *finding)
{
    if (!finding)
        return;
    for (size_t i = 0; i < finding->n_stack; i++)
        free(finding->stack[i]);
    free(finding->stack);
    free(finding->title);
    free(finding->detail);
    free(finding->stacks);
    free(finding->agent);
    free(finding->status);
    free(finding->trace);
    free(finding->trace_minimized);
    free(finding->run);
    free(finding->spike);
    free(finding->folded);
    free(finding);
}
