/* SPDX-License-Identifier: MIT
 *
 * Calls of the game's functions: making one, live or recorded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/function.h"
#include "runner/state.h"

static struct moth_call_request *request_of(const struct moth_instance *in)
{
    return &moth_instance_process(in)->channel->call;
}

struct moth_symbols *moth_instance_symbols(struct moth_instance *in, struct moth_err *err)
{
    return moth_function_symbols(&in->symbols, moth_process_player(moth_instance_process(in)), err);
}

int moth_instance_call_signature(struct moth_instance *in, const char *name, char *text, size_t size,
                                 struct moth_err *err)
{
    if (in->over)
        return moth_err_set(err, MOTH_ERR_USAGE, "the game is gone");
    struct moth_symbols *symbols = moth_instance_symbols(in, err);
    return symbols ? moth_function_signature(symbols, name, text, size, err) : -1;
}

enum moth_step moth_instance_call(struct moth_instance *in, const char *text, char *result, size_t size,
                                  struct moth_err *err)
{
    struct moth_call_request *request = request_of(in);
    struct moth_program *program = &moth_instance_process(in)->channel->program;
    struct moth_call *call = calloc(1, sizeof *call);
    struct moth_symbols *symbols;
    char strings[MOTH_CALL_TEXT_BYTES], problem[160];
    enum moth_step step = MOTH_STEP_FAULT;
    if (in->over)
        moth_err_set(err, MOTH_ERR_USAGE, "the game is gone");
    else if (!call || strlen(text) >= sizeof request->text)
        moth_err_set(err, MOTH_ERR_MEMORY, "no room for the call");
    else if (moth_call_decode(text, call, strings, sizeof strings, problem, sizeof problem) != 0)
        moth_err_set(err, MOTH_ERR_USAGE, "%s", problem);
    else if ((symbols = moth_instance_symbols(in, err)) != NULL &&
             moth_function_find(symbols, &call->signature, &request->address, err) == 0)
        step = MOTH_STEP_OK;
    free(call);
    if (step != MOTH_STEP_OK)
        return step;
    strcpy(request->text, text);
    program->frames = program->n_events = program->want = program->stop = 0;
    request->wanted = 1;
    moth_process_give_turn(moth_instance_process(in));
    step = moth_member_await(in, in->members, false, err);
    if (step != MOTH_STEP_OK)
        return step;
    if (request->status != MOTH_CALL_DONE) {
        moth_err_set(err, MOTH_ERR_USAGE, "%.*s", (int)sizeof request->problem - 1, request->problem);
        return MOTH_STEP_FAULT;
    }
    if (result)
        snprintf(result, size, "%.*s", (int)sizeof request->result - 1, request->result);
    return MOTH_STEP_OK;
}

/* Pieces that make no call are none: who shortens a trace may take one out. */
enum moth_step moth_instance_make_calls(struct moth_instance *in, const struct moth_input_event *events,
                                        size_t n_events, uint32_t frame, struct moth_err *err)
{
    char text[MOTH_CALL_TEXT_BYTES];
    enum moth_step step = MOTH_STEP_OK;
    for (size_t i = 0; i < n_events && events[i].frame <= frame && step == MOTH_STEP_OK;) {
        if (events[i].type != MOTH_INPUT_CALL || events[i].frame < frame) {
            i++;
            continue;
        }
        struct moth_err why;
        if (moth_call_join(events, n_events, &i, text, sizeof text) != NULL)
            continue;
        step = moth_instance_call(in, text, NULL, 0, &why);
        if (step == MOTH_STEP_FAULT)
            moth_err_set(err, MOTH_ERR_LAUNCH, "the recorded call of %.*s cannot be made: %s", (int)strcspn(text, "("), text,
                         why.message);
    }
    return step;
}

void moth_instance_point(struct moth_instance *in, struct moth_call *call)
{
    const struct moth_call_request *request = request_of(in);
    const struct moth_call_signature *signature = &call->signature;
    call->slot = signature->nodes[0].type == MOTH_CALL_POINTER ? request->slots_used % MOTH_CALL_SLOTS : MOTH_CALL_NO_SLOT;
    for (unsigned i = signature->nodes[0].end; i < signature->n_nodes; i++) {
        if (signature->nodes[i].type != MOTH_CALL_POINTER)
            continue;
        call->values[i].slot = MOTH_CALL_NO_SLOT;
        for (uint32_t slot = 0; slot < MOTH_CALL_SLOTS && call->values[i].u != 0; slot++)
            if (request->slots[slot] == call->values[i].u)
                call->values[i].slot = slot;
    }
}
