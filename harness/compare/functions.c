/* SPDX-License-Identifier: MIT */
#include "compare/functions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION_SIGMAS 5.0   /* a function that is worse by itself: so sure, */
#define FUNCTION_CHANGE 0.025 /* … by so much of its time */
#define FUNCTION_PART 0.003   /* … and by so much of the whole */
#define MOVED_PART 0.5        /* … and the whole by this part of it, if A does not have it */
#define MOVED_LEAST 0.1       /* so much more or less of a function is inlined: it is no chance */
#define BLAME_SIGMAS 3.0      /* one that is named where B is worse: so sure, */
#define BLAME_WHOLE 0.9       /* … until so much is explained of what all took longer */
#define BLAME_PART 0.2        /* … and by so much of the difference */

double moth_compare_part(double a, double b)
{
    return a > 0 ? b / a - 1 : 0;
}

struct profiles {
    const struct moth_profile *of[2];
    uint32_t m;
    double whole_ms[2];   /* as they were measured, */
    double careful_ms[2]; /* … and as alike as they may be: what is said of one must not come of the scale of
                             all */
    double moved_ms;      /* of what is inlined in one build and not in the other */
};

/* What a function takes in both builds, means over plays. */
struct measured {
    double ms[2], sigmas;
    uint64_t samples;
};

enum which { WITH_INLINED, OWN, OWN_INLINED };

static double ns_of(const struct moth_profile_function *function, enum which which)
{
    if (!function)
        return 0;
    return (double)(which == OWN           ? function->own_ns
                    : which == OWN_INLINED ? function->inlined_ns
                                           : function->ns);
}

/* Each play's functions are measured as parts of it: what being looked at adds to all of them is taken out by
 * scaling to what the frames cost by themselves. */
static struct measured measure(const struct profiles *profiles, const char *name, enum which which,
                               const double whole_ms[2])
{
    struct measured is = {0};
    double error = 0, m = profiles->m;
    for (int x = 0; x < 2; x++) {
        double sum = 0, squares = 0;
        for (uint32_t i = 0; i < profiles->m; i++) {
            const struct moth_profile *profile = &profiles->of[x][i];
            const struct moth_profile_function *function = moth_profile_find(profile, name);
            double ms = profile->ns > 0 ? ns_of(function, which) / (double)profile->ns * whole_ms[x] : 0;
            sum += ms;
            squares += ms * ms;
            is.samples += function ? function->samples : 0;
        }
        is.ms[x] = sum / m;
        double variance = m > 1 ? (squares - sum * is.ms[x]) / (m - 1) : 0;
        error += variance > 0 ? variance / m : 0;
    }
    /* Of as many samples as there were one can know no more than this, however alike the plays were. */
    double counted = is.samples > 0 ? (is.ms[0] + is.ms[1]) / sqrt((double)is.samples) : 0;
    error = sqrt(error) > counted / 4 ? sqrt(error) : counted / 4;
    is.sigmas = error > 0 ? (is.ms[1] - is.ms[0]) / error : 0;
    return is;
}

/* Slower by more than `moved_ms`, which may have come from elsewhere? */
static bool is_slower(const struct measured *is, double moved_ms, double whole_ms)
{
    double more = is->ms[1] - is->ms[0] - moved_ms;
    return is->sigmas > FUNCTION_SIGMAS && more > FUNCTION_CHANGE * is->ms[0] &&
           more > FUNCTION_PART * whole_ms;
}

/* A function that only B has may be an old one under another name: it is slower only if the whole is, by a
 * good part of it. */
static struct moth_compare_function judge_function(const struct profiles *profiles, const char *name)
{
    struct measured is = measure(profiles, name, WITH_INLINED, profiles->whole_ms);
    struct measured own = measure(profiles, name, OWN, profiles->whole_ms);
    struct measured careful = measure(profiles, name, WITH_INLINED, profiles->careful_ms);
    struct measured careful_own = measure(profiles, name, OWN, profiles->careful_ms);
    double whole_ms = profiles->whole_ms[0], whole_more = profiles->whole_ms[1] - whole_ms;
    bool known = is.ms[0] > 0 || whole_more > MOVED_PART * (is.ms[1] - is.ms[0]);
    bool worse = known && is_slower(&careful, profiles->moved_ms, whole_ms);
    bool own_worse = known && own.ms[0] > 0 && is_slower(&careful_own, 0, whole_ms);
    const struct measured *shown = own_worse && !worse ? &own : &is;
    return (struct moth_compare_function){.a_ms = shown->ms[0],
                                          .b_ms = shown->ms[1],
                                          .change = moth_compare_part(shown->ms[0], shown->ms[1]),
                                          .sigmas = shown->sigmas,
                                          .samples = shown->samples,
                                          .own_more_ms =
                                              own.sigmas > BLAME_SIGMAS ? own.ms[1] - own.ms[0] : 0,
                                          .worse = own_worse || worse};
}

static void compare_function(const struct profiles *profiles, const char *name, const char *place,
                             struct moth_comparison *out)
{
    for (size_t i = 0; i < out->n_functions; i++)
        if (strcmp(out->functions[i].name, name) == 0)
            return;
    struct moth_compare_function function = judge_function(profiles, name);
    struct moth_compare_function *grown = realloc(out->functions, (out->n_functions + 1) * sizeof *grown);
    function.name = strdup(name);
    function.place = strdup(place);
    if (!grown || !function.name || !function.place)
        abort();
    out->functions = grown;
    grown[out->n_functions++] = function;
}

/* How much longer, the more the more it is of the function itself: who only has the culprit in it comes
 * after. */
static double fault_of(const struct moth_compare_function *function)
{
    double more = function->b_ms - function->a_ms;
    return more > 0 && function->b_ms > 0 ? more * more / function->b_ms : more;
}

static int by_fault(const void *a, const void *b)
{
    const struct moth_compare_function *left = a, *right = b;
    double more = fault_of(right) - fault_of(left);
    return more > 0 ? 1 : more < 0 ? -1 : strcmp(left->name, right->name);
}

/* Compilers inline in one build what they call in another; whom it is inlined into has its time then. */
static double find_moved(const struct profiles *profiles)
{
    double moved_ms = 0;
    for (size_t i = 0; profiles->m > 0 && i < profiles->of[0][0].n; i++) {
        const char *name = profiles->of[0][0].functions[i].name;
        struct measured own = measure(profiles, name, OWN, profiles->whole_ms);
        struct measured inlined = measure(profiles, name, OWN_INLINED, profiles->whole_ms);
        if (own.ms[0] <= 0 || own.ms[1] <= 0)
            continue;
        double parts[2] = {inlined.ms[0] / own.ms[0], inlined.ms[1] / own.ms[1]};
        moved_ms += fabs(parts[1] - parts[0]) > MOVED_LEAST ? fabs(parts[1] - parts[0]) * own.ms[1] : 0;
    }
    return moved_ms;
}

void moth_compare_functions(const struct moth_profile *const of[2], uint32_t m, struct moth_comparison *out)
{
    struct profiles profiles = {.of = {of[0], of[1]}, .m = m, .whole_ms = {out->whole.a_ms, out->whole.b_ms}};
    const struct moth_compare_change *whole = &out->whole;
    double alike = whole->low > 0 ? whole->low : whole->high < 0 ? whole->high : 0;
    profiles.careful_ms[0] = whole->a_ms;
    profiles.careful_ms[1] = whole->a_ms * (1 + alike);
    profiles.moved_ms = find_moved(&profiles);
    for (int x = 0; x < 2; x++)
        for (uint32_t k = 0; k < m; k++)
            for (size_t i = 0; i < of[x][k].n; i++)
                compare_function(&profiles, of[x][k].functions[i].name, of[x][k].functions[i].place, out);
    if (out->n_functions > 0)
        qsort(out->functions, out->n_functions, sizeof *out->functions, by_fault);
}

static bool has_part(const struct moth_comparison *comparison, const struct moth_compare_function *function)
{
    double more = function->b_ms - function->a_ms, whole = comparison->whole.b_ms - comparison->whole.a_ms;
    return function->worse ||
           (comparison->slower && whole > 0 && function->sigmas > BLAME_SIGMAS && more > BLAME_PART * whole);
}

/* Whom the same time was inlined into, or what was inlined, has it as well; those who come first have it the
 * more. */
bool moth_comparison_blames(const struct moth_comparison *comparison, size_t i)
{
    double more_ms = 0, explained_ms = 0;
    for (size_t k = 0; k < comparison->n_functions; k++)
        more_ms += comparison->functions[k].own_more_ms;
    for (size_t k = 0; k < i; k++)
        if (has_part(comparison, &comparison->functions[k]) && explained_ms < BLAME_WHOLE * more_ms)
            explained_ms += comparison->functions[k].b_ms - comparison->functions[k].a_ms;
    return has_part(comparison, &comparison->functions[i]) && explained_ms < BLAME_WHOLE * more_ms;
}
