/* SPDX-License-Identifier: MIT
 *
 * What is known of an instance: pictures on request, its last observation, its death, its log.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "runner/png.h"
#include "runner/state.h"

static struct moth_channel *channel_of(const struct moth_instance *in)
{
    return moth_instance_process(in)->channel;
}

/* Whose log and crash are of interest. */
static const struct moth_process *culprit(const struct moth_instance *in)
{
    return &in->members[in->culprit].process;
}

static int look(struct moth_instance *in, uint32_t want, struct moth_err *err)
{
    if (in->over)
        return moth_err_set(err, MOTH_ERR_USAGE, "the game is gone");
    channel_of(in)->program.frames = 0;
    channel_of(in)->program.n_events = 0;
    channel_of(in)->program.want = want;
    moth_process_give_turn(moth_instance_process(in));
    if (moth_member_await(in, in->members, false, err) != MOTH_STEP_OK)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the game ended while it was looked at");
    return 0;
}

int moth_instance_sample(struct moth_instance *in, struct moth_err *err)
{
    return look(in, MOTH_WANT_WATCHES, err);
}

int moth_instance_arm(struct moth_instance *in, struct moth_err *err)
{
    return look(in, 0, err);
}

int moth_instance_picture(struct moth_instance *in, uint64_t *hash, struct moth_err *err)
{
    *hash = 0;
    if (look(in, MOTH_WANT_PICTURE_LAST, err) != 0)
        return -1;
    if (!channel_of(in)->observations[0].picture_ok)
        return moth_err_set(err, MOTH_ERR_SYSTEM,
                            "the picture cannot be read (nothing shown yet, or not drawn)");
    *hash = channel_of(in)->observations[0].picture;
    return 0;
}

int moth_instance_cell(struct moth_instance *in, uint8_t *grid, struct moth_err *err)
{
    if (look(in, MOTH_WANT_CELL, err) != 0)
        return -1;
    if (!channel_of(in)->cell_ok)
        return moth_err_set(err, MOTH_ERR_SYSTEM,
                            "the picture cannot be read (nothing shown yet, or not drawn)");
    memcpy(grid, channel_of(in)->cell, sizeof channel_of(in)->cell);
    return 0;
}

int moth_instance_pixels(struct moth_instance *in, struct moth_picture *picture, struct moth_err *err)
{
    if (look(in, MOTH_WANT_PIXELS, err) != 0)
        return -1;
    struct moth_picture_header header = channel_of(in)->picture; /* the game may write on it */
    if (!header.ok || header.width == 0 || header.height == 0 ||
        (uint64_t)header.width * header.height * 4 > MOTH_PICTURE_BYTES_MAX)
        return moth_err_set(err, MOTH_ERR_SYSTEM,
                            "the picture cannot be read (nothing shown yet, or not drawn)");
    *picture = (struct moth_picture){.pixels = channel_of(in)->pixels,
                                     .width = header.width,
                                     .height = header.height,
                                     .sequence = header.sequence};
    return 0;
}

int moth_instance_screenshot(struct moth_instance *in, const char *path, struct moth_err *err)
{
    struct moth_picture picture;
    if (moth_instance_pixels(in, &picture, err) != 0)
        return -1;
    return moth_png_write(path, picture.pixels, picture.width, picture.height, err);
}

enum moth_step moth_instance_step_sampled(struct moth_instance *in, const struct moth_input_event *events,
                                          size_t n_events, uint32_t want, uint64_t period_ns,
                                          void (*sampled)(void *context), void *context, struct moth_err *err)
{
    in->sampled = sampled;
    in->sampled_context = context;
    channel_of(in)->sample.period_ns = period_ns;
    enum moth_step step = moth_instance_step(in, 1, events, n_events, want | MOTH_WANT_SAMPLES | MOTH_WANT_WORK,
                                             0, NULL, NULL, err);
    in->sampled = NULL;
    return step;
}

/* ---- what is known of it ---- */

const struct moth_observation *moth_instance_last(const struct moth_instance *in)
{
    return &in->members[0].last;
}

const struct moth_death *moth_instance_death(const struct moth_instance *in)
{
    return &in->death;
}

const struct moth_channel *moth_instance_channel(const struct moth_instance *in)
{
    return channel_of(in);
}

const struct moth_channel *moth_instance_culprit_channel(const struct moth_instance *in)
{
    return culprit(in)->channel;
}

const char *moth_instance_culprit(const struct moth_instance *in)
{
    return in->culprit > 0 ? in->members[in->culprit].name : NULL;
}

unsigned moth_instance_members(const struct moth_instance *in)
{
    return in->n_members;
}

bool moth_instance_member(const struct moth_instance *in, unsigned index, struct moth_member_info *info)
{
    const struct moth_member *member = index < in->n_members ? &in->members[index] : NULL;
    if (member == NULL)
        return false;
    const struct moth_channel *channel = member->process.channel;
    *info = (struct moth_member_info){.name = member->name,
                                      .gone = member->gone,
                                      .window_w = member->gone ? 0 : channel->window_w,
                                      .window_h = member->gone ? 0 : channel->window_h,
                                      .frame = member->last.frame,
                                      .time_ns = member->last.time_ns};
    return true;
}

const struct moth_game_info *moth_instance_game(const struct moth_instance *in)
{
    return &in->members[0].game;
}

pid_t moth_instance_pid(const struct moth_instance *in)
{
    return moth_instance_process(in)->pid;
}

size_t moth_instance_log_tail(struct moth_instance *in, char *buffer, size_t size)
{
    struct stat st;
    buffer[0] = '\0';
    if (size == 0 || fstat(culprit(in)->folder.log_fd, &st) != 0)
        return 0;
    off_t from = st.st_size > (off_t)size - 1 ? st.st_size - ((off_t)size - 1) : 0;
    ssize_t n = pread(culprit(in)->folder.log_fd, buffer, size - 1, from);
    buffer[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

int moth_instance_log_save(struct moth_instance *in, const char *path, struct moth_err *err)
{
    char *log = moth_fs_path("%s/log", culprit(in)->folder.path);
    int result = moth_fs_copy(log, path, 0644, err);
    free(log);
    return result;
}

void moth_instance_warnings(const struct moth_instance *in, void (*fn)(const char *, void *), void *context)
{
    const char *text = channel_of(in)->warnings;
    size_t used = channel_of(in)->warnings_used;
    if (used > sizeof channel_of(in)->warnings)
        used = sizeof channel_of(in)->warnings;
    for (size_t at = 0; at < used;) {
        size_t n = strnlen(text + at, used - at);
        if (at + n == used)
            break; /* not terminated: not ours */
        fn(text + at, context);
        at += n + 1;
    }
}

uint32_t moth_instance_announcements(struct moth_instance *in,
                                     void (*fn)(const struct moth_announcement *, void *), void *context)
{
    uint32_t n = channel_of(in)->n_announcements, lost = channel_of(in)->announcements_lost;
    for (uint32_t i = 0; i < n && i < MOTH_ANNOUNCEMENTS_MAX; i++) {
        struct moth_announcement said = channel_of(in)->announcements[i];
        said.name[sizeof said.name - 1] = said.text[sizeof said.text - 1] = '\0';
        fn(&said, context);
    }
    channel_of(in)->n_announcements = channel_of(in)->announcements_lost = 0;
    return lost;
}
