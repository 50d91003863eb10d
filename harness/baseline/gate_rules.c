/* SPDX-License-Identifier: MIT
 *
 * What is asked of the gate, as people type it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "baseline/gate.h"

#define ITEM_BYTES 64u
#define LEAST_MAX 1000000ul
#define WORSE_MAX 100000.0

static const char *const metric_names[] = {
#define X(name, text, more) text,
    MOTH_METRICS(X)
#undef X
};

static const bool more_is_better[] = {
#define X(name, text, more) more,
    MOTH_METRICS(X)
#undef X
};

const char *moth_metric_name(enum moth_metric metric)
{
    return (unsigned)metric < MOTH_METRIC_END ? metric_names[metric] : "";
}

void moth_gate_rules_init(struct moth_gate_rules *rules)
{
    for (int i = 0; i < MOTH_FINDING_KIND_END; i++)
        rules->least[i] = 1;
    for (int i = 0; i < MOTH_METRIC_END; i++)
        rules->worse_pct[i] = -1;
    moth_date_today(rules->today);
}

/* The next item of a list with commas, without spaces around it. Returns what is behind it, NULL at the end; one that
 * does not fit is cut, and then is no item that anybody knows. */
static const char *next_item(const char *list, char item[ITEM_BYTES])
{
    if (!list)
        return NULL;
    size_t size = strcspn(list, ",");
    const char *behind = list[size] ? list + size + 1 : "";
    while (size > 0 && *list == ' ') {
        list++;
        size--;
    }
    while (size > 0 && list[size - 1] == ' ')
        size--;
    snprintf(item, ITEM_BYTES, "%.*s", (int)(size < ITEM_BYTES ? size : ITEM_BYTES - 1), list);
    return behind;
}

static bool get_count(const char *text, uint32_t *count)
{
    char *end;
    unsigned long value = strspn(text, "0123456789") > 0 ? strtoul(text, &end, 10) : ULONG_MAX;
    if (value > LEAST_MAX || *end)
        return false;
    *count = (uint32_t)value;
    return true;
}

static int unknown_kind(const char *name, struct moth_err *err)
{
    const char *words[MOTH_FINDING_KIND_END + 2] = {"any", "none"};
    for (int i = 0; i < MOTH_FINDING_KIND_END; i++)
        words[i + 2] = moth_finding_kind_name((enum moth_finding_kind)i);
    const char *near = moth_str_nearest(name, words, sizeof words / sizeof *words);
    return moth_err_set(err, MOTH_ERR_USAGE,
                        "there is no kind of finding '%s'%s%s%s (any, none, or a list of crash, hang, deadlock, softlock, "
                        "spike, invariant, exit, sanitizer, leak, nondeterminism, each as KIND or KIND:N)",
                        name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int moth_gate_parse_fail_on(const char *text, struct moth_gate_rules *rules, struct moth_err *err)
{
    bool named[MOTH_FINDING_KIND_END] = {false};
    uint32_t others = 0;
    char item[ITEM_BYTES];
    memset(rules->least, 0, sizeof rules->least);
    if (strcmp(text, "none") == 0)
        return 0;
    const char *rest = text;
    do {
        rest = next_item(rest, item);
        char *colon = strchr(item, ':');
        uint32_t count = 1;
        if (colon)
            *colon++ = '\0';
        if (colon && !get_count(colon, &count))
            return moth_err_set(err, MOTH_ERR_USAGE, "'%s:%s': behind the colon stands how many fail the gate, 0 for never",
                                item, colon);
        int kind = moth_finding_kind_from_name(item);
        if (strcmp(item, "any") == 0)
            others = count;
        else if (strcmp(item, "none") == 0)
            return moth_err_set(err, MOTH_ERR_USAGE, "'none' stands alone: either nothing fails the gate, or what is listed; "
                                                     "KIND:0 leaves one kind out");
        else if (kind < 0)
            return unknown_kind(item, err);
        else {
            rules->least[kind] = count;
            named[kind] = true;
        }
    } while (*rest);
    for (int i = 0; i < MOTH_FINDING_KIND_END; i++)
        rules->least[i] = named[i] ? rules->least[i] : others;
    return 0;
}

static int unknown_metric(const char *name, struct moth_err *err)
{
    const char *near = moth_str_nearest(name, metric_names, MOTH_METRIC_END);
    return moth_err_set(err, MOTH_ERR_USAGE,
                        "there is no metric '%s'%s%s%s (p50, p95, p99, max, memory, heap, frames_per_s)", name,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool get_percent(const char *text, double *percent)
{
    char *end;
    double value = strspn(text, "0123456789.") > 0 ? strtod(text, &end) : -1;
    if (value < 0 || value > WORSE_MAX)
        return false;
    while (*end == ' ')
        end++;
    if (*end == '%')
        end++;
    *percent = value;
    return *end == '\0';
}

int moth_gate_parse_budget(const char *text, struct moth_gate_rules *rules, struct moth_err *err)
{
    char item[ITEM_BYTES];
    const char *rest = text;
    do {
        rest = next_item(rest, item);
        char *equal = strchr(item, '=');
        if (equal)
            *equal++ = '\0';
        int metric = MOTH_METRIC_END;
        for (int i = 0; i < MOTH_METRIC_END; i++)
            metric = strcmp(item, metric_names[i]) == 0 ? i : metric;
        if (metric == MOTH_METRIC_END)
            return unknown_metric(item, err);
        if (!equal || !get_percent(equal, &rules->worse_pct[metric]))
            return moth_err_set(err, MOTH_ERR_USAGE, "'%s' needs the percent that it may get worse by, such as %s=10", item,
                                item);
        if (more_is_better[metric] && rules->worse_pct[metric] >= 100)
            return moth_err_set(err, MOTH_ERR_USAGE, "%s=%g can never fail: more of it is better, and nothing is 100 %% worse "
                                                     "than before. Give less than 100, such as %s=20",
                                item, rules->worse_pct[metric], item);
    } while (*rest);
    return 0;
}
