/* SPDX-License-Identifier: MIT
 *
 * Stacks as the unwinding child sends them: it works on a broken game's memory and may die in any line.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "unwind/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    char *text = malloc(size_bytes + 1);
    struct moth_stacks *stacks = calloc(1, sizeof *stacks);
    if (text && stacks) {
        memcpy(text, bytes, size_bytes);
        text[size_bytes] = '\0';
        stacks = moth_transfer_parse(text, stacks);
    }
    if (stacks) {
        for (size_t i = 0; i < stacks->n_fibers; i++)
            if (stacks->fibers[i].n_frames > 0 && !stacks->fibers[i].frames)
                abort();
        free(moth_stacks_text(stacks));
    }
    moth_stacks_free(stacks);
    free(text);
    return 0;
}
