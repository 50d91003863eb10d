/* SPDX-License-Identifier: MIT
 *
 * Records of an archive's file whose checksums hold and whose contents do not: an even first byte puts the rest of the
 * input, cut into records (type, size, payload), behind a header; an odd one takes it as it is.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"

#include "explore/archive.h"
#include "explore/share.h"

static char path[] = "/tmp/moth-fuzz-archive-XXXXXX";

static void remove_file(void)
{
    unlink(path);
}

static void skip(void *context, enum moth_log_type type, struct moth_cursor *body, uint64_t place)
{
    (void)context, (void)type, (void)body, (void)place;
}

static void append_records(struct moth_log *log, struct moth_cursor *in)
{
    if (!moth_log_begin(log, skip, NULL))
        return;
    while (moth_cursor_left(in) > 3) {
        uint8_t type = moth_cursor_u8(in);
        size_t size = moth_cursor_u16(in) % (moth_cursor_left(in) + 1);
        struct moth_buf body;
        moth_buf_init(&body);
        moth_buf_put(&body, moth_cursor_take(in, size), size);
        moth_log_append(log, (enum moth_log_type)(2 + type % 6), &body);
        moth_buf_fini(&body);
    }
    moth_log_end(log, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static bool made;
    struct moth_log_header header = {.program = "g", .build_id = "b", .seed = 1};
    if (!made) {
        int fd = mkstemp(path);
        if (fd < 0)
            abort();
        close(fd);
        atexit(remove_file);
        made = true;
    }
    if (size_bytes == 0 || moth_log_create(path, &header, NULL) != 0)
        return 0;
    struct moth_cursor in = moth_cursor_on(bytes + 1, size_bytes - 1);
    struct moth_log *log = moth_log_open(path, NULL);
    if (bytes[0] % 2 == 0) {
        append_records(log, &in);
    } else if (moth_fs_write_atomic(path, bytes + 1, size_bytes - 1, NULL) != 0) {
        abort();
    }
    moth_log_close(log);
    struct moth_archive_config config = {.seed = 1, .name = "", .cells_max = 100};
    config.log = moth_log_open(path, NULL);
    if (config.log) {
        struct moth_archive *archive = moth_archive_create(&config);
        struct moth_archive_counts counts;
        moth_archive_counts(archive, &counts);
        if (counts.cells > 100)
            abort();
        uint32_t cell = moth_archive_choose(archive);
        size_t n;
        if (cell != MOTH_ARCHIVE_NONE)
            free(moth_route_events(moth_archive_route(archive, cell), &n));
        moth_archive_rolled(archive, NULL);
        moth_archive_destroy(archive);
    }
    moth_log_close(config.log);
    struct moth_explore_summary summary;
    moth_explore_summarise(path, &summary, NULL);
    return 0;
}
