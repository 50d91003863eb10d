/* SPDX-License-Identifier: MIT
 *
 * The outbox of a game that has written over it: the first byte says how bad the link is and who sends, the rest
 * are letters.
 */
#include "fuzz.h"

#include <string.h>

#include "runner/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static struct moth_mail box;
    if (size_bytes < 5 || size_bytes - 5 > sizeof box.bytes)
        return 0;
    struct moth_link link = {.latency_us = (bytes[0] & 3u) * 1000u,
                             .jitter_us = (bytes[0] >> 2 & 3u) * 1000u,
                             .loss_ppm = (bytes[0] >> 4 & 3u) * 200000u};
    struct moth_network network, copy;
    moth_network_init(&network, &link, 3, 1);
    memcpy(&box.used, bytes + 1, sizeof box.used);
    memcpy(box.bytes, bytes + 5, size_bytes - 5);
    memset(box.bytes + (size_bytes - 5), 0, sizeof box.bytes - (size_bytes - 5));
    moth_network_take(&network, bytes[0] >> 6 & 1u, &box, 1000);
    moth_network_copy(&network, &copy);
    for (uint16_t member = 0; member < 3; member++) {
        moth_network_give(&network, member, &box, UINT64_MAX);
        moth_network_leave(&network, member, 0);
    }
    moth_network_fini(&network);
    moth_network_fini(&copy);
    return 0;
}
