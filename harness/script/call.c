/* SPDX-License-Identifier: MIT
 *
 * A recorded call as a line of Lua.
 */
#include "script/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_string(FILE *out, const char *text)
{
    if (!text) {
        fputs("nil", out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\%03u", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

/* The shortest number that is this one again; what is none is said by an expression. */
static void put_real(FILE *out, double value)
{
    char text[40] = "0/0";
    if (value - value != 0)
        snprintf(text, sizeof text, "%s", value > 0 ? "1/0" : value < 0 ? "-1/0" : "0/0");
    for (int digits = 1; digits <= 17 && value - value == 0; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, out);
}

static void put_value(FILE *out, const struct moth_call *call, unsigned at)
{
    const struct moth_call_node *nodes = call->signature.nodes;
    const struct moth_call_value *value = &call->values[at];
    switch (nodes[at].type) {
    case MOTH_CALL_BOOL:
        fputs(value->u ? "true" : "false", out);
        break;
    case MOTH_CALL_F32:
    case MOTH_CALL_F64:
        put_real(out, value->d);
        break;
    case MOTH_CALL_STRING:
        put_string(out, value->text);
        break;
    case MOTH_CALL_POINTER:
        if (value->slot != MOTH_CALL_NO_SLOT)
            fprintf(out, "made[%" PRIu32 "]", value->slot);
        else if (value->u == 0)
            fputs("nil", out);
        else
            fprintf(out, "0x%" PRIx64, value->u);
        break;
    case MOTH_CALL_STRUCT:
        fputc('{', out);
        for (unsigned i = at + 1; i < nodes[at].end; i = nodes[i].end) {
            fputs(i > at + 1 ? ", " : "", out);
            put_value(out, call, i);
        }
        fputc('}', out);
        break;
    default:
        fprintf(out, "%" PRId64, value->i);
        break;
    }
}

char *moth_script_call(const char *text)
{
    struct moth_call *call = malloc(sizeof *call);
    char strings[MOTH_CALL_TEXT_BYTES], spelled[MOTH_CALL_TEXT_BYTES], problem[160];
    char *line = NULL;
    size_t size = 0;
    if (!call)
        abort();
    if (moth_call_decode(text, call, strings, sizeof strings, problem, sizeof problem) == 0 &&
        moth_call_spell(&call->signature, spelled, sizeof spelled) == 0) {
        FILE *out = open_memstream(&line, &size);
        if (!out)
            abort();
        if (call->slot != MOTH_CALL_NO_SLOT)
            fprintf(out, "made[%" PRIu32 "] = ", call->slot);
        fputs("game:call(", out);
        put_string(out, spelled);
        for (unsigned i = call->signature.nodes[0].end; i < call->signature.n_nodes; i = call->signature.nodes[i].end) {
            fputs(", ", out);
            put_value(out, call, i);
        }
        fputc(')', out);
        fclose(out);
    }
    free(call);
    return line;
}

bool moth_script_keeps_pointers(const struct moth_input_event *events, size_t n_events)
{
    char text[MOTH_CALL_TEXT_BYTES];
    for (size_t i = 0; i < n_events;) {
        if (events[i].type != MOTH_INPUT_CALL)
            i++;
        else if (moth_call_join(events, n_events, &i, text, sizeof text) == NULL && strstr(text, " -> @"))
            return true;
    }
    return false;
}
