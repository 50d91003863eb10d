/* SPDX-License-Identifier: MIT
 *
 * The arguments and the result of one call as the machine has them. Large, so it is static storage; one call is
 * made at a time.
 */
#ifndef MOTH_PROBE_CALL_MARSHAL_H
#define MOTH_PROBE_CALL_MARSHAL_H

#include <ffi.h>

#include "wire/call.h"

struct moth_marshal {
    ffi_cif cif;
    ffi_type types[MOTH_CALL_NODES_MAX];          /* of structs, beside the nodes */
    ffi_type *elements[MOTH_CALL_NODES_MAX * 2];  /* of structs, each list ends with NULL */
    unsigned n_elements, n_params;
    ffi_type *result_type, *param_types[MOTH_CALL_PARAMS_MAX];
    void *arguments[MOTH_CALL_PARAMS_MAX];
    _Alignas(16) char memory[4096];
    _Alignas(16) char result[1024];
    char text[1200]; /* of strings that came back */
    size_t text_used;
};

/* NULL, or why the call cannot be made. */
const char *moth_marshal_begin(struct moth_marshal *m, const struct moth_call *call);
/* Fill the values of the result's nodes. Their strings are good until the next call. */
void moth_marshal_end(struct moth_marshal *m, struct moth_call *call);

#endif
