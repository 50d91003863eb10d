/* SPDX-License-Identifier: MIT
 *
 * A ring whose worker's memory is broken: 2 bytes of head, 2 of tail, then what lies in the ring. Reading
 * ends, and stays within it.
 */
#include "fuzz.h"

#include <string.h>

#include "bus/port.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static struct moth_bus_ring ring;
    struct moth_bus_state state;
    if (size_bytes < 4)
        return 0;
    uint16_t head, tail;
    memcpy(&head, bytes, 2);
    memcpy(&tail, bytes + 2, 2);
    memset(ring.bytes, 0, sizeof ring.bytes);
    size_t size = size_bytes - 4 < sizeof ring.bytes ? size_bytes - 4 : sizeof ring.bytes;
    memcpy(ring.bytes, bytes + 4, size);
    atomic_store(&ring.head, head);
    atomic_store(&ring.tail, tail);
    struct moth_buf text;
    moth_buf_init(&text);
    while (moth_bus_ring_take(&ring, &state)) {
        moth_buf_clear(&text);
        moth_bus_state_write(&text, &state);
    }
    moth_buf_fini(&text);
    return 0;
}
