/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus/text.h"
#include "fleet/outside_session.h"
#include "runner/png.h"

/* ---- what is seen ---- */

static struct moth_watch_value copy_watch(const struct moth_watch_value *untrusted)
{
    struct moth_watch_value value = *untrusted;
    value.name[sizeof value.name - 1] = value.text[sizeof value.text - 1] = '\0';
    return value;
}

bool moth_outside_watch(const struct moth_outside *o, const char *name, struct moth_watch_value *value)
{
    uint32_t n = 0;
    const struct moth_watch_value *all = o->backend->watches(o->backend->context, &n);
    for (uint32_t i = 0; all && i < n; i++) {
        *value = copy_watch(&all[i]);
        if (strcmp(value->name, name) == 0)
            return true;
    }
    return false;
}

const char *moth_outside_published(const struct moth_outside *o, const char *name)
{
    for (uint32_t i = 0; i < o->n_watches; i++)
        if (strcmp(o->watches[i].alias, name) == 0)
            return o->watches[i].name;
    return name;
}

void moth_outside_write_state(const struct moth_outside *o, struct moth_buf *text)
{
    uint32_t n = 0;
    struct moth_watch_value value;
    const struct moth_watch_value *all = o->backend->watches(o->backend->context, &n);
    moth_text_key(text, "state");
    moth_text_raw(text, "{");
    for (uint32_t i = 0; all && o->n_watches == 0 && i < n; i++) {
        value = copy_watch(&all[i]);
        moth_bus_watch_write(text, value.name, &value);
    }
    for (uint32_t i = 0; i < o->n_watches; i++) {
        if (moth_outside_watch(o, o->watches[i].name, &value))
            moth_bus_watch_write(text, o->watches[i].alias, &value);
        else
            moth_text_null(text, o->watches[i].alias);
    }
    moth_text_raw(text, "}");
}

void moth_outside_write_place(const struct moth_outside *o, struct moth_buf *text)
{
    moth_text_integer(text, "frame", o->now.frame);
    moth_text_seconds(text, "time", o->now.time_ns);
}

static const char *announced_kind(uint8_t kind)
{
    return kind == MOTH_ANNOUNCE_EVENT                                             ? "event"
           : kind == MOTH_ANNOUNCE_VIOLATION || kind == MOTH_ANNOUNCE_UNREACHABLE ? "violation"
           : kind == MOTH_ANNOUNCE_LOST                                            ? "lost"
                                                                                   : "call";
}

static void note_announcement(struct moth_outside *o, const struct moth_announcement *said)
{
    o->announced |= o->awaited && (o->awaited[0] == '\0' || strcmp(o->awaited, said->name) == 0);
    if (o->events.size_bytes > MOTH_BUS_REPLY_BYTES / 4)
        return;
    moth_text_key(&o->events, NULL);
    moth_text_raw(&o->events, "{");
    moth_text_integer(&o->events, "frame", said->frame);
    moth_text_string(&o->events, "kind", announced_kind(said->kind));
    moth_text_string(&o->events, "name", said->name);
    moth_text_string(&o->events, "text", said->text);
    moth_text_raw(&o->events, "}");
}

void moth_outside_take_events(struct moth_outside *o)
{
    struct moth_announcement said;
    while (o->backend->announced && o->backend->announced(o->backend->context, &said))
        note_announcement(o, &said);
}

/* ---- pictures ---- */

/* Into the memory file, which the program or the bus reads before it asks for the next one. */
static int put_picture(struct moth_outside *o, const void *bytes, size_t size)
{
    if (o->picture_fd < 0)
        o->picture_fd = memfd_create("moth-picture", MFD_CLOEXEC);
    o->picture.fd = o->picture_fd;
    o->picture.size_bytes = size;
    if (o->picture_fd < 0 || ftruncate(o->picture_fd, (off_t)size) != 0)
        return -1;
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(o->picture_fd, (const char *)bytes + done, size - done, (off_t)done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int take_pixels(struct moth_outside *o, uint32_t kind, struct moth_err *err)
{
    struct moth_picture picture;
    if (moth_instance_pixels(moth_tree_instance(o->stage->tree), &picture, err) != 0)
        return -1;
    o->picture = (struct moth_bus_frame){.kind = kind,
                                         .sequence = picture.sequence,
                                         .width = picture.width,
                                         .height = picture.height,
                                         .pitch_bytes = picture.width * 4};
    if (kind == MOTH_BUS_PICTURE_SHM)
        return put_picture(o, picture.pixels, (size_t)picture.width * picture.height * 4) == 0
                   ? 0
                   : moth_err_sys(err, MOTH_ERR_MEMORY, "no memory for the picture");
    struct moth_buf png;
    moth_buf_init(&png);
    int result = moth_png_encode(&png, picture.pixels, picture.width, picture.height, err);
    if (result == 0 && put_picture(o, png.bytes, png.size_bytes) != 0)
        result = moth_err_sys(err, MOTH_ERR_MEMORY, "no memory for the picture");
    moth_buf_fini(&png);
    return result;
}

void moth_outside_look(struct moth_outside *o, uint32_t kind)
{
    struct moth_err err = {.message = "the game is over"};
    uint64_t hash = 0;
    if (kind == MOTH_BUS_PICTURE_NONE)
        return;
    int result = !o->alive                       ? -1
                 : kind == MOTH_BUS_PICTURE_HASH ? o->backend->picture(o->backend->context, &hash, &err)
                                                 : take_pixels(o, kind, &err);
    if (result == 0 && kind != MOTH_BUS_PICTURE_HASH)
        return; /* the bus writes it */
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    o->picture = (struct moth_bus_frame){0};
    moth_text_key(&o->text, "picture");
    moth_text_raw(&o->text, "{");
    moth_text_string(&o->text, result == 0 ? "hash" : "error", result == 0 ? text : err.message);
    moth_text_raw(&o->text, "}");
}
