/* SPDX-License-Identifier: MIT
 *
 * A finding as JSON: finding.json and the entries of run.json have the same members.
 */
#ifndef MOTH_FINDINGS_FINDING_JSON_H
#define MOTH_FINDINGS_FINDING_JSON_H

#include <jansson.h>

#include "findings/finding.h"

/* A string with invalid UTF-8 replaced; null for NULL. New reference. */
json_t *moth_json_text(const char *text);
/* A finding from such members. NULL and err (MOTH_ERR_IO, naming `path`) when they are none. */
struct moth_finding *moth_finding_from_json(const json_t *json, const char *path, struct moth_err *err);
/* The members of run.json's `findings` entries. New reference, NULL when memory is out. */
json_t *moth_finding_json(const struct moth_finding *finding);

#endif
