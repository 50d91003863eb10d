/* SPDX-License-Identifier: MIT
 *
 * Which functions made a build slower, from sampled plays of both (findings/profile.h). Pure.
 */
#ifndef MOTH_COMPARE_FUNCTIONS_H
#define MOTH_COMPARE_FUNCTIONS_H

#include "compare/compare.h"
#include "findings/profile.h"

/* From out->whole and m plays of each build, fills out->functions. */
void moth_compare_functions(const struct moth_profile *const of[2], uint32_t m, struct moth_comparison *out);
/* How much more b is than a, as a part of a: 0.05 is 5 %. */
double moth_compare_part(double a, double b);

#endif
