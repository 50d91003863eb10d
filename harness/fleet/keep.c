/* SPDX-License-Identifier: MIT */
#include "fleet/keep.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "findings/store.h"
#include "fleet/disk.h"

static void drop(struct moth_keep_item *item)
{
    moth_finding_free(item->finding);
    moth_trace_free(item->trace);
    *item = (struct moth_keep_item){0};
}

void moth_keep_note(struct moth_keep *keep, struct moth_finding *finding, struct moth_trace *trace)
{
    size_t stored = 0;
    while (keep->n == MOTH_PLAY_FINDINGS_MAX && stored < keep->n && !keep->items[stored].stored)
        stored++;
    if (keep->n == MOTH_PLAY_FINDINGS_MAX) {
        /* One that is on disk already makes room; else the last of the script's own, which may be endless. */
        size_t out = stored < keep->n ? stored : keep->n - 1;
        drop(&keep->items[out]);
        memmove(&keep->items[out], &keep->items[out + 1], (keep->n - out - 1) * sizeof *keep->items);
        keep->n--;
    }
    keep->items[keep->n++] = (struct moth_keep_item){.finding = finding, .trace = trace};
}

/* The finding's own trace: its way up to it, and its name at the end. */
static int write_trace(const struct moth_keep_item *item, const char *path, struct moth_err *err)
{
    struct moth_finding *finding = item->finding;
    struct moth_trace *trace = item->trace;
    if (!trace)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the finding's trace");
    finding->inputs = (uint32_t)moth_inputs_count(trace->events, trace->n_events);
    struct moth_trace_end kept = trace->end;
    trace->end = (struct moth_trace_end){
        .frames = finding->frame,
        .kind = (char *)(uintptr_t)moth_finding_kind_name(finding->kind),
        .fingerprint = finding->fingerprint,
        .title = finding->title,
        .finding_frame = finding->frame,
    };
    trace->has_end = true;
    int result = moth_trace_write(path, trace, err);
    trace->end = kept; /* the finding's strings stay its own */
    trace->has_end = false;
    return result;
}

/* One try to have it on disk: the trace first, which the store then copies. */
static enum moth_store_result put(struct moth_keep_item *item, const struct moth_play_place *place,
                                  const char *work, const char *log, struct moth_err *err)
{
    char *own = moth_fs_path("%s/own.moth", work);
    struct moth_err why = {0};
    bool traced = write_trace(item, own, &why) == 0;
    struct moth_store_files files = {.trace = traced ? own : NULL, .log = log, .pictures = work};
    enum moth_store_result result = moth_store_put(place->config->out, item->finding, &files, err);
    if (!traced)
        *err = why;
    unlink(own);
    free(own);
    return result;
}

static void store(struct moth_keep_item *item, const struct moth_play_place *place, uint32_t index,
                  const char *work, const char *log)
{
    struct moth_finding *finding = item->finding;
    finding->agent = strdup(item->trace ? item->trace->header.agent : "");
    finding->seed = item->trace ? item->trace->header.seed : 0;
    finding->run = strdup(place->run);
    struct moth_err err = {0};
    enum moth_store_result result = put(item, place, work, log, &err);
    if (moth_disk_is_full(&err) && moth_disk_make_room(place->config->out)) {
        err = (struct moth_err){0};
        result = put(item, place, work, log, &err);
    }
    struct moth_message_found found = {
        .index = index,
        .kind = finding->kind,
        .frame = finding->frame,
        .better = result == MOTH_STORE_NEW || result == MOTH_STORE_SHORTER,
        .stored = result != MOTH_STORE_FAILED,
        .fingerprint = finding->fingerprint,
        .title = finding->title,
        .why = err.message,
    };
    place->found(place->context, &found);
    item->stored = true;
}

void moth_keep_store(struct moth_keep *keep, const struct moth_play_place *place, uint32_t index,
                     const char *work, struct moth_instance *instance)
{
    char *log = NULL;
    for (size_t i = 0; i < keep->n; i++) {
        if (keep->items[i].stored)
            continue;
        if (!log)
            log = moth_fs_path("%s/game.log", work);
        bool logged = instance && moth_instance_log_save(instance, log, NULL) == 0;
        store(&keep->items[i], place, index, work, logged ? log : NULL);
    }
    free(log);
}

void moth_keep_fini(struct moth_keep *keep)
{
    while (keep->n > 0)
        drop(&keep->items[--keep->n]);
}
