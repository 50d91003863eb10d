/* SPDX-License-Identifier: MIT
 *
 * A request as it comes over the bus, checked and taken apart. What each op takes stands in BUS.md.
 *
 * The bytes are a stranger's: the decoder is the only place that reads them. It bounds size, depth and
 * every number, knows every key, and says what is wrong with a code from a closed list and a sentence that
 * names the member. What it lets through is plain data without pointers, fit to be copied into memory that
 * is shared with a worker. No state; any thread.
 */
#ifndef MOTH_BUS_REQUEST_H
#define MOTH_BUS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/call.h"
#include "wire/channel.h"

#define MOTH_BUS_VERSION 1
#define MOTH_BUS_REQUEST_BYTES_MAX (1u << 20)
#define MOTH_BUS_DEPTH_MAX 8u
#define MOTH_BUS_NAME_BYTES 65u                       /* client, screenshot, id: 64 and a NUL */
#define MOTH_BUS_NUMBER_MAX ((UINT64_C(1) << 53) - 1) /* survives every JSON reader */
#define MOTH_BUS_LEASE_MS 30000u
#define MOTH_BUS_LEASE_MS_LEAST 100u
#define MOTH_BUS_LEASE_MS_MOST 3600000u
#define MOTH_BUS_WAIT_MS_MOST 600000u
#define MOTH_BUS_ARGUMENTS_BYTES (16u << 10) /* of a call's arguments, as JSON, NUL included */
#define MOTH_BUS_CLICK_FRAMES 1u /* a click's button goes up so many frames after it went down */

/* X(name, text in errors): why a request was not done. */
#define MOTH_BUS_ERRORS(X)                  \
    X(NONE, "none")                         \
    X(BAD_JSON, "bad-json")                 \
    X(TOO_LARGE, "too-large")               \
    X(BAD_VERSION, "bad-version")           \
    X(BAD_REQUEST, "bad-request")           \
    X(UNKNOWN_OP, "unknown-op")             \
    X(DENIED, "denied")                     \
    X(UNKNOWN_INSTANCE, "unknown-instance") \
    X(NO_INSTANCE, "no-instance")           \
    X(STALE_EPOCH, "stale-epoch")           \
    X(OLD_SEQUENCE, "old-sequence")         \
    X(SEQUENCE_GAP, "sequence-gap")         \
    X(BUSY, "busy")                         \
    X(ENDED, "ended")                       \
    X(UNKNOWN_SNAPSHOT, "unknown-snapshot") \
    X(NOT_AVAILABLE, "not-available")       \
    X(FAILED, "failed")                     \
    X(RUN_OVER, "run-over")

enum moth_bus_error {
#define X(name, text) MOTH_BUS_ERROR_##name,
    MOTH_BUS_ERRORS(X)
#undef X
};

/* X(name, text, what it needs: enum moth_bus_needs) */
#define MOTH_BUS_OPS(X)                                  \
    X(LIST, "list", MOTH_BUS_NEEDS_NOTHING)              \
    X(ATTACH, "attach", MOTH_BUS_NEEDS_NOTHING)          \
    X(PING, "ping", MOTH_BUS_NEEDS_EPOCH)                \
    X(STEP, "step", MOTH_BUS_NEEDS_SEQUENCE)             \
    X(SNAPSHOT, "snapshot", MOTH_BUS_NEEDS_SEQUENCE)     \
    X(RESTORE, "restore", MOTH_BUS_NEEDS_SEQUENCE)       \
    X(WATCH, "watch", MOTH_BUS_NEEDS_SEQUENCE)           \
    X(CALL, "call", MOTH_BUS_NEEDS_SEQUENCE)             \
    X(SCREENSHOT, "screenshot", MOTH_BUS_NEEDS_SEQUENCE) \
    X(MARK, "mark", MOTH_BUS_NEEDS_SEQUENCE)             \
    X(WAITING, "waiting", MOTH_BUS_NEEDS_SEQUENCE)       \
    X(RELEASE, "release", MOTH_BUS_NEEDS_SEQUENCE)

enum moth_bus_needs {
    MOTH_BUS_NEEDS_NOTHING,
    MOTH_BUS_NEEDS_EPOCH,   /* instance and epoch */
    MOTH_BUS_NEEDS_SEQUENCE /* seq as well: it is applied once */
};

enum moth_bus_op {
#define X(name, text, needs) MOTH_BUS_OP_##name,
    MOTH_BUS_OPS(X)
#undef X
        MOTH_BUS_OP_END
};

enum moth_bus_picture {
    MOTH_BUS_PICTURE_NONE,
    MOTH_BUS_PICTURE_HASH,
    MOTH_BUS_PICTURE_SHM,
    MOTH_BUS_PICTURE_PNG
};

/* When a step ends before its frames are over. */
enum moth_bus_until {
    MOTH_BUS_UNTIL_NONE,
    MOTH_BUS_UNTIL_EVENT, /* the game announced `until_name`, or anything when it is "" */
    MOTH_BUS_UNTIL_CELL,  /* the coarse picture is another one than at the step's begin */
    MOTH_BUS_UNTIL_WATCH  /* the value `until_name` compares so with until_value or until_text */
};

enum moth_bus_compare {
    MOTH_BUS_COMPARE_CHANGED,
    MOTH_BUS_COMPARE_EQ,
    MOTH_BUS_COMPARE_NE,
    MOTH_BUS_COMPARE_LT,
    MOTH_BUS_COMPARE_LE,
    MOTH_BUS_COMPARE_GT,
    MOTH_BUS_COMPARE_GE
};

struct moth_bus_alias {
    char alias[55], name[55]; /* as long as the name of a watch may be */
};

/* Strings are NUL-terminated; "" where absent. What is large is last: what is not used need not be copied. */
struct moth_bus_request {
    uint32_t op;                               /* enum moth_bus_op */
    char id[MOTH_BUS_NAME_BYTES + 2 + 64 * 5]; /* as JSON text, to be given back; "": none */
    char token[129];
    bool has_instance;
    uint32_t instance;
    uint64_t epoch, seq;

    char client[MOTH_BUS_NAME_BYTES]; /* attach */
    uint32_t wait_ms, lease_ms;       /* lease_ms 0: not said */

    uint32_t frames;  /* step: 1..MOTH_PROGRAM_FRAMES_MAX */
    bool each;        /* an observation each frame, not only the last */
    uint32_t picture; /* enum moth_bus_picture */
    uint32_t until, until_compare;
    bool until_is_text;
    double until_value;
    char until_name[124], until_text[64];

    bool has_snapshot; /* release */
    uint64_t snapshot;
    char name[MOTH_BUS_NAME_BYTES]; /* screenshot */
    char text[257];                 /* mark */
    bool waiting;

    uint32_t n_watches;
    struct moth_bus_alias watches[MOTH_WATCHES_MAX];

    uint32_t n_events; /* of a step */
    union {
        struct moth_input_event events[MOTH_PROGRAM_EVENTS_MAX]; /* sorted by frame */
        struct {
            char function[MOTH_CALL_TEXT_BYTES]; /* a signature, or a name alone */
            char arguments[MOTH_BUS_ARGUMENTS_BYTES]; /* a JSON array, for bus/arguments.h */
        } call;
    };
};

/* The bytes of a request that matter. */
size_t moth_bus_request_size(const struct moth_bus_request *request);

/* Decode. NONE, or why not, with a sentence in `message`. `request->id` is valid in either case, where the
 * request had one that can be given back. */
enum moth_bus_error moth_bus_request_decode(const char *bytes, size_t size_bytes,
                                            struct moth_bus_request *request, char *message,
                                            size_t message_size);

const char *moth_bus_error_name(enum moth_bus_error error);
enum moth_bus_needs moth_bus_op_needs(enum moth_bus_op op);
const char *moth_bus_op_name(enum moth_bus_op op);

#endif
