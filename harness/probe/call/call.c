/* SPDX-License-Identifier: MIT
 *
 * Calls of the game's own functions, for a script: at a boundary, on the main fiber.
 *
 * Where the boundary is the main fiber's own, the function is called right there. Where another fiber shows the
 * pictures, the main fiber lies in a wait or was about to go on; it makes the call on top of that when it is
 * switched to, and then stays where it was until the boundary is over. So the function runs on the stack and with the
 * thread-local storage that it would have if the game called it, and the scheduler works as ever: what it waits for
 * can come.
 *
 * What goes wrong in it (a signal, an exit, a wait without end, an exception) finds `running` set, by which the
 * runner knows whose fault it is.
 */
#include "call/marshal.h"

#include <string.h>

#include "core/probe.h"

bool moth_in_call, moth_call_asked;

static struct moth_marshal marshal;
static struct moth_call call;
static char argument_text[MOTH_CALL_TEXT_BYTES];
static bool serving; /* the main fiber stands for calls, on top of whatever it did */
static char done_key, more_key;

static void refuse(const char *problem)
{
    struct moth_call_request *request = &moth_channel->call;
    request->status = MOTH_CALL_REFUSED;
    strncpy(request->problem, problem, sizeof request->problem - 1);
}

/* An exception, or the end of the thread, on its way through: there is nothing of ours behind it to go on with. */
static void left_otherwise(const bool *returned)
{
    if (*returned)
        return;
    struct moth_crash_record *crash = &moth_channel->crash;
    memset(crash, 0, sizeof *crash);
    crash->signal = SIGABRT;
    crash->fiber = moth_current->index;
    crash->sp = crash->fp = (uint64_t)__builtin_frame_address(0);
    crash->pc = moth_channel->call.address;
    strncpy(crash->message, "it was left by an exception", sizeof crash->message - 1);
    moth_give_turn_for_good(MOTH_STATE_CRASH);
}

static void make_it(void)
{
    bool returned __attribute__((cleanup(left_otherwise))) = false;
    ffi_call(&marshal.cif, FFI_FN(moth_channel->call.address), marshal.result, marshal.arguments);
    returned = true;
}

/* libffi widens small integers that come back to a register's size, which on little-endian machines is the
 * same bytes and more. */
static void perform(void)
{
    struct moth_call_request *request = &moth_channel->call;
    request->fiber = moth_current->index;
    request->running = 1;
    bool at_boundary = moth_in_boundary, in_call = moth_in_call;
    moth_in_boundary = false;
    moth_in_call = true;
    make_it();
    moth_in_call = in_call; /* the boundary's own fiber waits: what others show is none yet */
    moth_in_boundary = at_boundary;
    request->running = 0;
    moth_marshal_end(&marshal, &call);
    if (call.slot != MOTH_CALL_NO_SLOT) {
        request->slots[call.slot % MOTH_CALL_SLOTS] = call.values[0].u;
        request->slots_used = call.slot + 1;
    }
    if (moth_call_encode_result(&call, request->result, sizeof request->result) != 0)
        refuse("what came back is too long");
}

/* The main fiber, in the order of what it is asked; then it stays until the boundary is over. */
void moth_call_serve(void)
{
    if (serving)
        return;
    serving = true;
    while (moth_call_asked) {
        moth_call_asked = false;
        perform();
        moth_wake(&done_key, 1);
        moth_wait(MOTH_WAIT_OTHER, &more_key, MOTH_FOREVER);
    }
    serving = false;
}

void moth_call_over(void)
{
    if (serving)
        moth_wake(&more_key, 1);
}

static void have_main_do_it(void)
{
    moth_call_asked = true;
    if (serving)
        moth_wake(&more_key, 1);
    else
        moth_fiber_make_ready(&moth_fibers[0]);
    bool at_boundary = moth_in_boundary;
    moth_in_boundary = false; /* the others run */
    moth_in_call = true;      /* and make no boundary */
    moth_wait(MOTH_WAIT_OTHER, &done_key, MOTH_FOREVER);
    moth_in_call = false;
    moth_in_boundary = at_boundary;
}

void moth_call(void)
{
    struct moth_call_request *request = &moth_channel->call;
    request->wanted = 0;
    request->status = MOTH_CALL_DONE;
    request->result[0] = request->problem[0] = '\0';
    char problem[sizeof request->problem];
    request->text[sizeof request->text - 1] = '\0';
    if (moth_call_decode(request->text, &call, argument_text, sizeof argument_text, problem, sizeof problem) != 0) {
        refuse(problem);
        return;
    }
    const char *why = moth_marshal_begin(&marshal, &call);
    const struct moth_fiber *first = &moth_fibers[0];
    bool main_is_there = moth_active() && first->used && !first->finished && !first->preempted;
    if (why)
        refuse(why);
    else if (main_is_there && moth_current != first)
        have_main_do_it();
    else
        perform();
}
