/* SPDX-License-Identifier: MIT
 *
 * Calls of the game's functions for a program outside.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/arguments.h"
#include "bus/text.h"
#include "fleet/outside_session.h"

/* Scratch of one call. */
struct making {
    struct moth_call call;
    char text[MOTH_CALL_TEXT_BYTES], result[MOTH_CALL_TEXT_BYTES], strings[MOTH_CALL_TEXT_BYTES];
};

/* The signature that is given, or that the game's debug information has, and the arguments it asks for. False: it
 * was refused. */
static bool prepare(struct moth_outside *o, const struct moth_bus_request *request, struct making *m)
{
    const char *given = request->call.function;
    struct moth_err err = {0};
    char problem[256], message[512];
    if (!strchr(given, '(')) {
        if (o->backend->signature(o->backend->context, given, m->text, sizeof m->text, &err) != 0) {
            moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, err.message);
            return false;
        }
        given = m->text;
    }
    if (moth_call_parse(given, &m->call.signature, problem, sizeof problem) != 0) {
        snprintf(message, sizeof message, "'function': '%.128s': %s", given, problem);
        moth_outside_refuse(o, MOTH_BUS_ERROR_BAD_REQUEST, message);
        return false;
    }
    if (moth_bus_arguments_decode(request->call.arguments, &m->call, m->strings, sizeof m->strings, problem,
                                  sizeof problem) != 0) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_BAD_REQUEST, problem);
        return false;
    }
    return true;
}

/* The function ended the game: the program's fault, as it is a script's, whatever snapshots it holds. */
static void end_in_it(struct moth_outside *o, const struct moth_err *why)
{
    o->alive = false;
    o->over = true;
    o->result = MOTH_AGENT_ERROR;
    moth_err_set(&o->err, MOTH_ERR_SCRIPT, "call: %s", why->message);
    moth_outside_refuse(o, MOTH_BUS_ERROR_ENDED, why->message);
}

static void reply(struct moth_outside *o, struct making *m, enum moth_lua_call went, size_t n_before)
{
    if (went == MOTH_LUA_CALL_ENDED) {
        moth_text_null(&o->text, "result");
    } else if (moth_call_decode_result(m->result, &m->call, m->strings, sizeof m->strings) != 0) {
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, "what came back cannot be read");
        return;
    } else {
        moth_bus_result_write(&o->text, &m->call);
    }
    moth_outside_write_place(o, &o->text);
    moth_outside_write_state(o, &o->text);
    moth_outside_write_end(o, went == MOTH_LUA_CALL_ENDED ? MOTH_LUA_STEP_ENDED : MOTH_LUA_STEP_OK, n_before);
    moth_outside_answer(o);
}

static void make(struct moth_outside *o, const struct moth_bus_request *request, struct making *m)
{
    struct moth_err err = {0};
    size_t n_before = o->stage->keep.n;
    if (!prepare(o, request, m))
        return;
    enum moth_lua_call went =
        o->backend->call(o->backend->context, &m->call, m->result, sizeof m->result, &o->now, &err);
    o->awaited = NULL;
    moth_outside_take_events(o); /* for the next step's reply */
    if (went == MOTH_LUA_CALL_REFUSED)
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, err.message);
    else if (went == MOTH_LUA_CALL_FATAL)
        end_in_it(o, &err);
    else if (went == MOTH_LUA_CALL_INTERRUPTED)
        moth_outside_refuse_run_over(o);
    else
        reply(o, m, went, n_before);
}

void moth_outside_call(struct moth_outside *o, const struct moth_bus_request *request)
{
    struct making *m = o->alive && o->backend->call && o->backend->signature ? calloc(1, sizeof *m) : NULL;
    if (!o->alive)
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED,
                            "the game has ended: restore a snapshot, or release the instance");
    else if (!o->backend->call || !o->backend->signature)
        moth_outside_refuse(o, MOTH_BUS_ERROR_NOT_AVAILABLE, "calls are not available here");
    else if (!m)
        moth_outside_refuse(o, MOTH_BUS_ERROR_FAILED, "no memory for a call");
    else
        make(o, request, m);
    free(m);
}
