/* SPDX-License-Identifier: MIT
 *
 * Messages between supervisor and worker: u32 length of what follows, u8 type, body. Both ends are one
 * program, forked, so there is no version; but a worker may die in the middle of one, and memory may be
 * broken, so the reader bounds everything and gives up on a peer that talks nonsense.
 */
#ifndef MOTH_FLEET_MESSAGE_H
#define MOTH_FLEET_MESSAGE_H

#include "base/buf.h"
#include "findings/properties.h"
#include "fleet/frame_times.h"
#include "fleet/plan.h"
#include "survey/survey.h"

#define MOTH_MESSAGE_BYTES_MAX (4u << 20)
#define MOTH_MESSAGE_TEXT_MAX (64u << 10)
#define MOTH_MESSAGE_CELLS_MAX 16384u

enum moth_message_type {
    MOTH_MESSAGE_PLAY = 1, /* to the worker: struct moth_plan_job */
    MOTH_MESSAGE_VERIFY,   /* to the worker: a finding's fingerprint */
    MOTH_MESSAGE_PROGRESS, /* u32 frames of the instance so far, u32 places new to its worker */
    MOTH_MESSAGE_FOUND,    /* struct moth_message_found; it is on disk */
    MOTH_MESSAGE_DONE,     /* struct moth_message_done */
    MOTH_MESSAGE_VERIFIED, /* struct moth_message_verified */
    MOTH_MESSAGE_MINIMIZE, /* to the worker: a finding's fingerprint */
    MOTH_MESSAGE_MINIMIZED, /* struct moth_message_minimized */
    MOTH_MESSAGE_SURVEY /* what an instance that is over saw: struct moth_survey as JSON text */
};

struct moth_message_found {
    uint32_t index;
    uint32_t kind; /* enum moth_finding_kind */
    uint32_t frame;
    bool better; /* the stored trace is this instance's */
    bool stored; /* false: the output folder took it not; `why` */
    char *fingerprint, *title, *why;
};

/* What became of an instance. */
enum moth_ending {
    MOTH_ENDING_PLAYED,   /* to its end or the game's */
    MOTH_ENDING_STOPPED,  /* the run is over */
    MOTH_ENDING_AGENT,    /* the agent's fault */
    MOTH_ENDING_NO_FRAME, /* the game ended before its first boundary */
    MOTH_ENDING_KILLED,   /* something outside killed the game */
    MOTH_ENDING_FAULT     /* the harness's fault */
};

struct moth_message_done {
    uint32_t index;
    uint32_t ending;   /* enum moth_ending */
    uint32_t err_code; /* FAULT: enum moth_err_code */
    uint32_t frames;
    uint64_t virtual_ns, wall_ns;
    char *how;         /* "exit", "crash", "budget", … */
    char *fingerprint; /* of its first finding, or "" */
    char *fault;       /* what went wrong with harness, agent or start, or "" */
    char *build_id;
    char *warnings; /* lines */
    struct moth_frame_counts frame_counts;
    uint64_t *cells; /* places it saw that its worker had not told of before (fleet/places.h) */
    uint32_t n_cells;
    struct moth_survey *survey; /* what it saw on its way, or NULL; sent by itself, before the rest */
    struct moth_properties properties; /* that the game stated */
};

struct moth_message_verified {
    char *fingerprint;
    char *warning; /* a replay that went another way, or "" */
    uint64_t seed;
    uint32_t frame, met, tried;
};

struct moth_message_minimized {
    char *fingerprint;
    char *warning; /* what went wrong, or "" */
};

/* Send. 0, or -1 when the peer is gone. Never raises SIGPIPE. */
int moth_message_send(int fd, enum moth_message_type type, const struct moth_buf *body);

struct moth_inbox {
    struct moth_buf bytes;
    size_t used; /* of bytes, taken already */
};

/* Read what is there (waits for the first byte). 0, or -1 at the end or on an error. */
int moth_inbox_fill(struct moth_inbox *inbox, int fd);
/* The next whole message: 1; none yet: 0; nonsense: -1. The body is valid until the next fill. */
int moth_inbox_next(struct moth_inbox *inbox, enum moth_message_type *type, struct moth_cursor *body);
void moth_inbox_fini(struct moth_inbox *inbox);

/* Bodies. Getters return false on nonsense; strings are malloc'd, freed by the matching _fini. */
void moth_message_put_job(struct moth_buf *buf, const struct moth_plan_job *job);
bool moth_message_get_job(struct moth_cursor *cursor, struct moth_plan_job *job);
void moth_message_put_found(struct moth_buf *buf, const struct moth_message_found *found);
bool moth_message_get_found(struct moth_cursor *cursor, struct moth_message_found *found);
void moth_message_found_fini(struct moth_message_found *found);
void moth_message_put_done(struct moth_buf *buf, const struct moth_message_done *done);
bool moth_message_get_done(struct moth_cursor *cursor, struct moth_message_done *done);
void moth_message_done_fini(struct moth_message_done *done);
/* NULL on nonsense. */
void moth_message_put_survey(struct moth_buf *buf, const struct moth_survey *survey);
struct moth_survey *moth_message_get_survey(struct moth_cursor *cursor);
void moth_message_put_verified(struct moth_buf *buf, const struct moth_message_verified *verified);
bool moth_message_get_verified(struct moth_cursor *cursor, struct moth_message_verified *verified);
void moth_message_verified_fini(struct moth_message_verified *verified);
void moth_message_put_minimized(struct moth_buf *buf, const struct moth_message_minimized *minimized);
bool moth_message_get_minimized(struct moth_cursor *cursor, struct moth_message_minimized *minimized);
void moth_message_minimized_fini(struct moth_message_minimized *minimized);

#endif
