/* SPDX-License-Identifier: MIT
 *
 * The environment a game is started with: made from nothing, so that what a shell happens to export
 * does not become part of the game. Constant in length for one game and one set of options, because
 * it lies on the game's stack and moves everything below.
 */
#ifndef MOTH_RUNNER_ENVIRONMENT_H
#define MOTH_RUNNER_ENVIRONMENT_H

#include "runner/instance.h"

/* NULL-terminated, caller frees with moth_environment_free. */
char **moth_environment_make(const struct moth_instance_config *config, const char *probe_path);
void moth_environment_free(char **environment);

#endif
