/* SPDX-License-Identifier: MIT
 *
 * Names of functions as symbols and debug information have them, demangled: what is the same function in two
 * builds, whatever the compiler made of it. Pure functions.
 */
#ifndef MOTH_DETECT_NAMES_H
#define MOTH_DETECT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* The function without return type, arguments, template arguments, ABI tags, versions, the numbers of lambdas,
 * and what compilers append when they copy or split it (.constprop.0, .isra, .part, .cold, …). */
void moth_name_plain(const char *name, char *plain, size_t size);
/* Where the name begins behind the return type that instances of templates have: "void std::sort<…>(…)". */
const char *moth_name_without_type(const char *name);
/* Does it look like a game's own assertion or error handler? */
bool moth_name_is_handler(const char *name);
/* Is this line what a failed assertion says: not a message that may be another one each time? */
bool moth_line_is_assertion(const char *line, size_t size);

#endif
