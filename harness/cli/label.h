/* SPDX-License-Identifier: MIT
 *
 * How people call a build, and when its sources were committed.
 */
#ifndef MOTH_CLI_LABEL_H
#define MOTH_CLI_LABEL_H

#include <stdint.h>

struct moth_build_label {
    char text[256];   /* "" where nobody says */
    int64_t built_ms; /* Unix time; 0: not known */
};

/* `said`, or NULL: as `git describe` has the folder of `program`. Starts processes and waits for them. */
void moth_cli_label_build(const char *program, const char *said, struct moth_build_label *label);

#endif
