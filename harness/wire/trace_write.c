/* SPDX-License-Identifier: MIT */
#include "wire/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/fs.h"
#include "wire/trace_format.h"

#define FLUSH_AT_BYTES 65536u

/* Records of one kind on their way into a block. */
struct queue {
    enum moth_block_type type;
    struct moth_buf records;
    struct moth_record_state state;
    uint32_t last_frame; /* also across blocks: frames never go back */
    bool calls;          /* there are calls among them, which not every reader knows */
};

struct moth_trace_writer {
    char *path;
    int fd;               /* -1: into `file` only */
    struct moth_buf file; /* fd: the block being written; else the whole file */
    off_t whole_bytes;    /* of the file, up to the last whole block */
    uint32_t n_blocks;
    struct queue events, checkpoints, marks;
    bool failed;
};

static void queue_init(struct queue *queue, enum moth_block_type type)
{
    memset(queue, 0, sizeof *queue);
    queue->type = type;
}

static void writer_init(struct moth_trace_writer *writer, int fd)
{
    memset(writer, 0, sizeof *writer);
    writer->fd = fd;
    queue_init(&writer->events, MOTH_BLOCK_EVENTS);
    queue_init(&writer->checkpoints, MOTH_BLOCK_CHECKPOINTS);
    queue_init(&writer->marks, MOTH_BLOCK_MARKS);
}

static void writer_fini(struct moth_trace_writer *writer)
{
    moth_buf_fini(&writer->events.records);
    moth_buf_fini(&writer->checkpoints.records);
    moth_buf_fini(&writer->marks.records);
    moth_buf_fini(&writer->file);
    free(writer->path);
}

static const char *shown_path(const struct moth_trace_writer *writer)
{
    return writer->path ? writer->path : "trace";
}

static int fail_memory(struct moth_trace_writer *writer, struct moth_err *err)
{
    writer->failed = true;
    return moth_err_set(err, MOTH_ERR_MEMORY, "%s: out of memory while writing", shown_path(writer));
}

/* What was made so far goes to the file. A write that fails half-way is taken back, so that a full disk
 * leaves whole blocks only. */
static int emit(struct moth_trace_writer *writer, struct moth_err *err)
{
    if (writer->file.failed)
        return fail_memory(writer, err);
    if (writer->fd < 0)
        return 0;
    size_t done = 0;
    while (done < writer->file.size_bytes) {
        ssize_t n = write(writer->fd, writer->file.bytes + done, writer->file.size_bytes - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            moth_err_sys(err, MOTH_ERR_IO, "cannot write the trace %s", writer->path);
            writer->failed = true;
            if (ftruncate(writer->fd, writer->whole_bytes) == 0)
                (void)lseek(writer->fd, writer->whole_bytes, SEEK_SET);
            return -1;
        }
        done += (size_t)n;
    }
    writer->whole_bytes += (off_t)done;
    moth_buf_clear(&writer->file);
    return 0;
}

static int put_block(struct moth_trace_writer *writer, enum moth_block_type type, const struct moth_buf *raw,
                     struct moth_err *err)
{
    if (raw->failed)
        return fail_memory(writer, err);
    if (raw->size_bytes > MOTH_TRACE_RAW_MAX) {
        writer->failed = true;
        return moth_err_set(err, MOTH_ERR_TRACE, "%s: the %s block is over %u bytes", shown_path(writer),
                            moth_block_name((uint8_t)type), MOTH_TRACE_RAW_MAX);
    }
    moth_block_put(&writer->file, (uint8_t)type, writer->n_blocks, raw->bytes, raw->size_bytes);
    if (emit(writer, err) != 0)
        return -1;
    writer->n_blocks++;
    return 0;
}

static int flush_queue(struct moth_trace_writer *writer, struct queue *queue, struct moth_err *err)
{
    if (queue->records.size_bytes == 0 && !queue->records.failed)
        return 0;
    int result = put_block(writer, queue->calls ? MOTH_BLOCK_CALL_EVENTS : queue->type, &queue->records, err);
    queue->calls = false;
    moth_buf_clear(&queue->records);
    memset(&queue->state, 0, sizeof queue->state);
    return result;
}

static int refuse(const struct moth_trace_writer *writer, struct moth_err *err)
{
    return moth_err_set(err, MOTH_ERR_IO, "%s: an earlier write failed", shown_path(writer));
}

/* Guards one record: nothing after a failure, no frame that goes back. */
static int begin_record(struct moth_trace_writer *writer, struct queue *queue, uint32_t frame,
                        struct moth_err *err)
{
    if (writer->failed)
        return refuse(writer, err);
    if (frame < queue->last_frame)
        return moth_err_set(err, MOTH_ERR_INTERNAL, "%s: frame %u comes after frame %u", shown_path(writer),
                            frame, queue->last_frame);
    queue->last_frame = frame;
    return 0;
}

static int end_record(struct moth_trace_writer *writer, struct queue *queue, struct moth_err *err)
{
    if (queue->records.failed)
        return fail_memory(writer, err);
    return queue->records.size_bytes >= FLUSH_AT_BYTES ? flush_queue(writer, queue, err) : 0;
}

int moth_trace_event(struct moth_trace_writer *writer, const struct moth_input_event *event,
                     struct moth_err *err)
{
    if (!moth_input_valid(event))
        return moth_err_set(err, MOTH_ERR_INTERNAL, "%s: invalid input event of type %u", shown_path(writer),
                            event->type);
    if (begin_record(writer, &writer->events, event->frame, err) != 0)
        return -1;
    moth_record_put_event(&writer->events.records, &writer->events.state, event);
    writer->events.calls = writer->events.calls || event->type == MOTH_INPUT_CALL;
    if (event->type == MOTH_INPUT_CALL && event->code != 0)
        return 0; /* the pieces of a call stand in one block */
    return end_record(writer, &writer->events, err);
}

int moth_trace_checkpoint(struct moth_trace_writer *writer, const struct moth_trace_checkpoint *checkpoint,
                          struct moth_err *err)
{
    if (begin_record(writer, &writer->checkpoints, checkpoint->frame, err) != 0)
        return -1;
    moth_record_put_checkpoint(&writer->checkpoints.records, &writer->checkpoints.state, checkpoint);
    return end_record(writer, &writer->checkpoints, err);
}

int moth_trace_mark(struct moth_trace_writer *writer, uint32_t frame, const char *text, struct moth_err *err)
{
    if (begin_record(writer, &writer->marks, frame, err) != 0)
        return -1;
    char shown[MOTH_TRACE_MARK_MAX + 1];
    size_t length = strnlen(text, MOTH_TRACE_MARK_MAX);
    memcpy(shown, text, length);
    shown[length] = '\0';
    moth_record_put_mark(&writer->marks.records, &writer->marks.state, frame, shown);
    return end_record(writer, &writer->marks, err);
}

int moth_trace_flush(struct moth_trace_writer *writer, struct moth_err *err)
{
    if (writer->failed)
        return refuse(writer, err);
    if (flush_queue(writer, &writer->events, err) != 0)
        return -1;
    if (flush_queue(writer, &writer->checkpoints, err) != 0)
        return -1;
    return flush_queue(writer, &writer->marks, err);
}

static int put_start(struct moth_trace_writer *writer, const struct moth_trace_header *header,
                     struct moth_err *err)
{
    if (!header->argv || !header->argv[0])
        return moth_err_set(err, MOTH_ERR_INTERNAL, "%s: a trace needs the game's command line",
                            shown_path(writer));
    struct moth_buf raw;
    moth_buf_init(&raw);
    moth_record_put_header(&raw, header);
    moth_block_put_file_head(&writer->file);
    int result = put_block(writer, MOTH_BLOCK_HEADER, &raw, err);
    if (result == 0 && header->n_members > 0) {
        moth_buf_clear(&raw);
        moth_record_put_group(&raw, header);
        result = put_block(writer, MOTH_BLOCK_GROUP, &raw, err);
        writer->events.type = MOTH_BLOCK_GROUP_EVENTS;
    }
    moth_buf_fini(&raw);
    return result;
}

static int put_end(struct moth_trace_writer *writer, const struct moth_trace_end *end, struct moth_err *err)
{
    struct moth_buf raw;
    moth_buf_init(&raw);
    moth_record_put_end(&raw, end);
    int result = put_block(writer, MOTH_BLOCK_END, &raw, err);
    moth_buf_fini(&raw);
    return result;
}

struct moth_trace_writer *moth_trace_create(const char *path, const struct moth_trace_header *header,
                                            struct moth_err *err)
{
    struct moth_trace_writer *writer = malloc(sizeof *writer);
    char *own_path = strdup(path);
    if (!writer || !own_path) {
        moth_err_set(err, MOTH_ERR_MEMORY, "%s: out of memory", path);
        free(writer);
        free(own_path);
        return NULL;
    }
    writer_init(writer, open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    writer->path = own_path;
    if (writer->fd < 0)
        moth_err_sys(err, MOTH_ERR_IO, "cannot write the trace %s", path);
    else if (put_start(writer, header, err) == 0)
        return writer;
    if (writer->fd >= 0) {
        struct stat st;
        bool regular = fstat(writer->fd, &st) == 0 && S_ISREG(st.st_mode);
        close(writer->fd);
        if (regular) /* and not /dev/stdout, say */
            (void)unlink(path);
    }
    writer_fini(writer);
    free(writer);
    return NULL;
}

int moth_trace_finish(struct moth_trace_writer *writer, const struct moth_trace_end *end,
                      struct moth_err *err)
{
    int result = moth_trace_flush(writer, err);
    if (result == 0 && end)
        result = put_end(writer, end, err);
    if (close(writer->fd) != 0 && result == 0)
        result = moth_err_sys(err, MOTH_ERR_IO, "cannot write the trace %s", writer->path);
    writer_fini(writer);
    free(writer);
    return result;
}

static int put_records(struct moth_trace_writer *writer, const struct moth_trace *trace, struct moth_err *err)
{
    for (size_t i = 0; i < trace->n_events; i++)
        if (moth_trace_event(writer, &trace->events[i], err) != 0)
            return -1;
    for (size_t i = 0; i < trace->n_checkpoints; i++)
        if (moth_trace_checkpoint(writer, &trace->checkpoints[i], err) != 0)
            return -1;
    for (size_t i = 0; i < trace->n_marks; i++)
        if (moth_trace_mark(writer, trace->marks[i].frame, trace->marks[i].text, err) != 0)
            return -1;
    return moth_trace_flush(writer, err);
}

int moth_trace_write(const char *path, const struct moth_trace *trace, struct moth_err *err)
{
    struct moth_trace_writer writer;
    writer_init(&writer, -1);
    int result = put_start(&writer, &trace->header, err);
    if (result == 0)
        result = put_records(&writer, trace, err);
    if (result == 0 && trace->has_end)
        result = put_end(&writer, &trace->end, err);
    if (result == 0)
        result = moth_fs_write_atomic(path, writer.file.bytes, writer.file.size_bytes, err);
    writer_fini(&writer);
    return result;
}
