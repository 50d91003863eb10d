/* SPDX-License-Identifier: MIT
 *
 * What lies behind the checksums, which a fuzzer does not guess: the input is cut into payloads (a byte
 * with the block's type, a byte with its length), wrapped into a well-formed file and decoded. What decodes
 * must hold what the format promises.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "wire/trace_format.h"

static void put_header(struct moth_buf *file)
{
    char *argv[] = {"game", NULL};
    struct moth_trace_header header = {.argv = argv};
    struct moth_buf raw = {0};
    moth_record_put_header(&raw, &header);
    moth_block_put(file, MOTH_BLOCK_HEADER, 0, raw.bytes, raw.size_bytes);
    moth_buf_fini(&raw);
}

static void put_blocks(struct moth_buf *file, const uint8_t *bytes, size_t size_bytes)
{
    struct moth_cursor in = moth_cursor_on(bytes, size_bytes);
    uint32_t index = 0;
    moth_block_put_file_head(file);
    if (size_bytes > 0 && bytes[0] != MOTH_BLOCK_HEADER) {
        put_header(file);
        index++;
    }
    while (moth_cursor_left(&in) >= 2) {
        uint8_t type = moth_cursor_u8(&in);
        size_t length = moth_cursor_u8(&in);
        if (length > moth_cursor_left(&in))
            length = moth_cursor_left(&in);
        moth_block_put(file, type, index++, moth_cursor_take(&in, length), length);
    }
}

static void check(const struct moth_trace *trace)
{
    for (size_t i = 0; i < trace->n_events; i++)
        if (!moth_input_valid(&trace->events[i]) ||
            (i > 0 && trace->events[i].frame < trace->events[i - 1].frame))
            abort();
    for (size_t i = 1; i < trace->n_checkpoints; i++)
        if (trace->checkpoints[i].frame < trace->checkpoints[i - 1].frame)
            abort();
    for (size_t i = 0; i < trace->n_marks; i++)
        if (strlen(trace->marks[i].text) > MOTH_TRACE_MARK_MAX)
            abort();
    if (trace->cut) /* the file was whole */
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    struct moth_buf file = {0};
    struct moth_err err;
    put_blocks(&file, bytes, size_bytes);
    struct moth_trace *trace = moth_trace_decode(file.bytes, file.size_bytes, "fuzz", &err);
    if (trace)
        check(trace);
    moth_trace_free(trace);
    moth_buf_fini(&file);
    return 0;
}
