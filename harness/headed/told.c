/* SPDX-License-Identifier: MIT */
#include "headed/told.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct moth_told {
    int fd;
};

struct moth_told *moth_told_open(const char *path, struct moth_err *err)
{
    signal(SIGPIPE, SIG_IGN); /* who follows may turn away */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        moth_err_sys(err, MOTH_ERR_IO, "cannot write events to %s", path);
        return NULL;
    }
    struct moth_told *told = malloc(sizeof *told);
    if (!told)
        abort();
    told->fd = fd;
    return told;
}

/* Whole lines: a reader sees an event or not. Nobody who reads is no reason to end. */
static void put(int fd, const char *line, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, line, size);
        if (n <= 0)
            return;
        line += n;
        size -= (size_t)n;
    }
}

void moth_told(struct moth_told *told, const char *event, uint32_t frame, json_t *more)
{
    if (!told) {
        json_decref(more);
        return;
    }
    json_t *line = json_pack("{s:s, s:I}", "event", event, "frame", (json_int_t)frame);
    if (line && more)
        json_object_update(line, more);
    json_decref(more);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    size_t size = text ? strlen(text) : 0;
    char *whole = text ? realloc(text, size + 2) : NULL;
    if (!whole) {
        free(text);
        return;
    }
    memcpy(whole + size, "\n", 2);
    put(told->fd, whole, size + 1);
    free(whole);
}

void moth_told_close(struct moth_told *told)
{
    if (!told)
        return;
    close(told->fd);
    free(told);
}
