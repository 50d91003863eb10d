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

static const char *const status_names[] = {
#define X(name, text) [MOTH_FINDING_STATUS_##name] = text,
    MOTH_FINDING_STATUSES(X)
#undef X
};

const char *moth_finding_status_name(enum moth_finding_status status)
{
    return (unsigned)status < MOTH_FINDING_STATUS_END ? status_names[status] : "new";
}

int moth_finding_status_from_name(const char *name)
{
    for (int i = 0; i < MOTH_FINDING_STATUS_END; i++) {
        if (strcmp(status_names[i], name) == 0)
            return i;
    }
    return -1;
}

const char *moth_finding_outcome_name(enum moth_finding_outcome outcome)
{
    static const char *const names[] = {
#define X(name, text) [MOTH_OUTCOME_##name] = text,
        MOTH_FINDING_ATTEMPT_OUTCOMES(X)
#undef X
    };
    return (unsigned)outcome < MOTH_OUTCOME_END ? names[outcome] : "clean";
}

bool moth_finding_is_fingerprint(const char *text)
{
    size_t n = text ? strspn(text, "0123456789") : 0;
    if (n == 0 || n > 3 || text[n] != '-')
        return false;
    const char *kind = text + n + 1, *end = strchr(kind, '-');
    char name[24];
    if (!end || (size_t)(end - kind) >= sizeof name)
        return false;
    memcpy(name, kind, (size_t)(end - kind));
    name[end - kind] = '\0';
    return moth_finding_kind_from_name(name) >= 0 && strlen(end + 1) == 16 &&
           strspn(end + 1, "0123456789abcdef") == 16;
}

bool moth_finding_counts(const struct moth_finding *finding)
{
    return finding->status == MOTH_FINDING_STATUS_NEW || finding->status == MOTH_FINDING_STATUS_REOPENED ||
           (finding->status == MOTH_FINDING_STATUS_QUARANTINED && finding->expired);
}

static void take_text(char **to, const char *from)
{
    free(*to);
    *to = from ? strdup(from) : NULL;
}

void moth_finding_take_status(struct moth_finding *finding, const struct moth_finding *from)
{
    finding->status = from->status;
    finding->expired = from->expired;
    memcpy(finding->expires, from->expires, sizeof finding->expires);
    memcpy(finding->accepted, from->accepted, sizeof finding->accepted);
    take_text(&finding->owner, from->owner);
    take_text(&finding->reason, from->reason);
    take_text(&finding->first_seen.build, from->first_seen.build);
    memcpy(finding->first_seen.date, from->first_seen.date, sizeof finding->first_seen.date);
}

int moth_finding_set_attempts(struct moth_finding *finding, const struct moth_finding_attempt *tries, uint32_t n)
{
    struct moth_finding_attempt *copy = n > 0 ? malloc(n * sizeof *copy) : NULL;
    if (n > 0 && !copy)
        return -1;
    if (n > 0)
        memcpy(copy, tries, n * sizeof *copy);
    free(finding->tries);
    finding->tries = copy;
    finding->n_tries = finding->attempts = n;
    finding->reproduced = 0;
    for (uint32_t i = 0; i < n; i++)
        finding->reproduced += copy[i].outcome == MOTH_OUTCOME_MET;
    return 0;
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
    free(finding->tries);
    free(finding->owner);
    free(finding->reason);
    free(finding->first_seen.build);
    free(finding->last_seen.build);
    free(finding->trace);
    free(finding->trace_minimized);
    free(finding->run);
    free(finding->spike);
    free(finding->folded);
    free(finding);
}
