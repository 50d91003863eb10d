/* SPDX-License-Identifier: MIT
 *
 * moth_trace_decode on any bytes: no crash, and either a trace or an error with a text.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "wire/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    struct moth_err err = {.code = MOTH_ERR_OK};
    struct moth_trace *trace = moth_trace_decode(bytes, size_bytes, "fuzz", &err);
    if (!trace && (err.code == MOTH_ERR_OK || !err.message[0]))
        abort();
    if (trace && (!trace->header.argv || !trace->header.argv[0]))
        abort();
    moth_trace_free(trace);
    return 0;
}
