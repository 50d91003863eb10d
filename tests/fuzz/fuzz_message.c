/* SPDX-License-Identifier: MIT
 *
 * Messages of a worker whose memory is broken: the first byte says which, the rest is its body.
 */
#include "fuzz.h"

#include "fleet/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    if (size_bytes == 0)
        return 0;
    struct moth_cursor body = moth_cursor_on(bytes + 1, size_bytes - 1);
    struct moth_message_found found = {0};
    struct moth_message_done done = {0};
    struct moth_message_verified verified = {0};
    struct moth_plan_job job = {0};
    struct moth_message_minimized minimized = {0};
    switch (bytes[0] < 128 ? bytes[0] % 4 : 4) {
    case 0:
        (void)moth_message_get_found(&body, &found);
        moth_message_found_fini(&found);
        break;
    case 1:
        (void)moth_message_get_done(&body, &done);
        moth_message_done_fini(&done);
        break;
    case 2:
        (void)moth_message_get_verified(&body, &verified);
        moth_message_verified_fini(&verified);
        break;
    case 4:
        (void)moth_message_get_minimized(&body, &minimized);
        moth_message_minimized_fini(&minimized);
        break;
    default:
        (void)moth_message_get_job(&body, &job);
        break;
    }
    return 0;
}
