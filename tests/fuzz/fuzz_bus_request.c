/* SPDX-License-Identifier: MIT
 *
 * Requests from a stranger: what the decoder lets through keeps to its bounds, what it refuses is said.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "bus/arguments.h"
#include "bus/request.h"

static void need(int good)
{
    if (!good)
        abort();
}

static void check_events(const struct moth_bus_request *request)
{
    need(request->n_events <= MOTH_PROGRAM_EVENTS_MAX);
    for (uint32_t i = 0; i < request->n_events; i++) {
        need(moth_input_valid(&request->events[i]) && request->events[i].frame < request->frames);
        need(i == 0 || request->events[i - 1].frame <= request->events[i].frame);
    }
}

/* What a worker does with it. */
static void check_call(const struct moth_bus_request *request)
{
    static struct moth_call call;
    char strings[256], problem[256] = "";
    struct moth_buf buf;
    if (moth_call_parse(request->call.function, &call.signature, problem, sizeof problem) != 0)
        return;
    if (moth_bus_arguments_decode(request->call.arguments, &call, strings, sizeof strings, problem, sizeof problem) != 0) {
        need(problem[0] != '\0');
        return;
    }
    unsigned n = call.signature.nodes[0].end;
    for (unsigned i = 0; i < n; i++)
        call.values[i] = (struct moth_call_value){.slot = MOTH_CALL_NO_SLOT};
    moth_buf_init(&buf);
    moth_bus_result_write(&buf, &call);
    moth_buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static struct moth_bus_request request;
    char message[512];
    enum moth_bus_error error =
        moth_bus_request_decode((const char *)bytes, size_bytes, &request, message, sizeof message);
    need(memchr(request.id, '\0', sizeof request.id) != NULL);
    if (error != MOTH_BUS_ERROR_NONE) {
        need(message[0] != '\0');
        return 0;
    }
    need(request.op < MOTH_BUS_OP_END && request.n_watches <= MOTH_WATCHES_MAX);
    need(request.frames >= 1 && request.frames <= MOTH_PROGRAM_FRAMES_MAX);
    need(moth_bus_request_size(&request) <= sizeof request);
    need(strchr(request.name, '/') == NULL && request.name[0] != '.');
    if (request.op == MOTH_BUS_OP_CALL)
        check_call(&request);
    else
        check_events(&request);
    return 0;
}
