/* SPDX-License-Identifier: MIT
 *
 * Drives a game over moth's bus, in C: attaches to an instance, plays a few seconds with the keys of a small
 * program, looks at the picture in shared memory, goes back to a snapshot, and lets the instance go.
 *
 *     moth run -a outside --bus ipc:///tmp/moth-me/bus -- ./game
 *     bus_client ipc:///tmp/moth-me/bus
 *
 * Needs nanomsg and jansson. What goes over the bus stands in harness/BUS.md. A request is sent again by
 * nanomsg when its connection breaks; it is done once, because each has a number.
 */
#include <fcntl.h>
#include <jansson.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATIENCE_MS 60000

struct game {
    int socket;
    json_int_t instance, epoch, seq;
};

static _Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static int open_control(const char *url)
{
    char address[256];
    int patience_ms = PATIENCE_MS, any_size = -1, socket = nn_socket(AF_SP, NN_REQ);
    const char *colon = strrchr(url, ':');
    if (strncmp(url, "tcp://", 6) == 0 && colon)
        snprintf(address, sizeof address, "%.*s:%d", (int)(colon - url), url, atoi(colon + 1) + 1);
    else
        snprintf(address, sizeof address, "%s.control", url);
    if (strncmp(address, "ipc://", 6) == 0 && strlen(address + 6) > 107) /* nanomsg ends the process */
        fail("%s: a socket's path may have 107 bytes", address);
    if (socket < 0)
        fail("no socket: %s", nn_strerror(nn_errno()));
    nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &patience_ms, sizeof patience_ms);
    nn_setsockopt(socket, NN_SOL_SOCKET, NN_SNDTIMEO, &patience_ms, sizeof patience_ms);
    nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &any_size, sizeof any_size); /* PNGs are long */
    if (nn_connect(socket, address) < 0)
        fail("%s: %s", address, nn_strerror(nn_errno()));
    return socket;
}

/* Send a request, which is taken, and return the reply, which moth did. */
static json_t *ask(int socket, json_t *request)
{
    const char *token = getenv("MOTH_BUS_TOKEN");
    char *reply_text = NULL;
    json_object_set_new(request, "v", json_integer(1));
    if (token)
        json_object_set_new(request, "token", json_string(token));
    char *text = json_dumps(request, JSON_COMPACT);
    if (!text || nn_send(socket, text, strlen(text), 0) < 0)
        fail("nobody takes the request (%s): is there a run with that --bus?", nn_strerror(nn_errno()));
    int size = nn_recv(socket, &reply_text, NN_MSG, 0);
    if (size < 0)
        fail("no answer: %s", nn_strerror(nn_errno()));
    json_error_t why;
    json_t *reply = json_loadb(reply_text, (size_t)size, 0, &why);
    nn_freemsg(reply_text);
    if (!reply)
        fail("the reply is not JSON: %s", why.text);
    if (!json_is_true(json_object_get(reply, "ok"))) {
        const json_t *error = json_object_get(reply, "error");
        fail("%s\n  refused, %s: %s", text, json_string_value(json_object_get(error, "code")),
             json_string_value(json_object_get(error, "message")));
    }
    free(text);
    json_decref(request);
    return reply;
}

static json_t *ask_game(struct game *game, json_t *request)
{
    json_object_set_new(request, "instance", json_integer(game->instance));
    json_object_set_new(request, "epoch", json_integer(game->epoch));
    json_object_set_new(request, "seq", json_integer(++game->seq));
    return ask(game->socket, request);
}

static json_int_t number(const json_t *reply, const char *key)
{
    return json_integer_value(json_object_get(reply, key));
}

static void attach(struct game *game, const char *url)
{
    char client[32];
    snprintf(client, sizeof client, "c-%d", (int)getpid());
    game->socket = open_control(url);
    json_t *reply =
        ask(game->socket, json_pack("{s:s, s:s, s:i}", "op", "attach", "client", client, "wait_ms", 30000));
    game->instance = number(reply, "instance");
    game->epoch = number(reply, "epoch");
    game->seq = number(reply, "seq");
    printf("instance %lld, at frame %lld\n", (long long)game->instance, (long long)number(reply, "frame"));
    json_decref(reply);
}

/* FNV-1a over what is on screen, in memory that is shared with the run. */
static unsigned long long look(struct game *game)
{
    json_t *reply = ask_game(game, json_pack("{s:s, s:s}", "op", "screenshot", "picture", "shm"));
    const json_t *picture = json_object_get(reply, "picture");
    const char *path = json_string_value(json_object_get(picture, "path"));
    size_t size = (size_t)number(picture, "bytes");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const unsigned char *pixels = fd >= 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    unsigned long long hash = 14695981039346656037ULL;
    if (pixels == MAP_FAILED)
        fail("no picture");
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ pixels[i]) * 1099511628211ULL;
    munmap((void *)(uintptr_t)pixels, size);
    close(fd);
    json_decref(reply);
    return hash;
}

/* k frames with inputs; false when the game has ended. */
static bool step(struct game *game, int frames, json_t *inputs)
{
    json_t *reply =
        ask_game(game, json_pack("{s:s, s:i, s:o}", "op", "step", "frames", frames, "inputs", inputs));
    const json_t *ended = json_object_get(reply, "ended");
    bool goes_on = json_is_null(ended);
    if (goes_on)
        printf("frame %lld: picture %016llx\n", (long long)number(reply, "frame"), look(game));
    else
        printf("the game ended: %s\n", json_string_value(json_object_get(ended, "kind")));
    json_decref(reply);
    return goes_on;
}

int main(int argc, char **argv)
{
    static const char *const keys[] = {"return", "up", "left", "up", "right", "left ctrl"};
    struct game game = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    attach(&game, argv[1]);
    bool goes_on = step(&game, 120, json_array());
    json_t *kept = goes_on ? ask_game(&game, json_pack("{s:s}", "op", "snapshot")) : NULL;
    for (size_t i = 0; goes_on && i < sizeof keys / sizeof *keys; i++)
        goes_on = step(&game, 30, json_pack("[{s:i, s:[s, i]}]", "at", 0, "tap", keys[i], 20));
    if (kept) {
        json_decref(
            ask_game(&game, json_pack("{s:s, s:I}", "op", "restore", "snapshot", number(kept, "snapshot"))));
        printf("back at frame %lld: picture %016llx\n", (long long)number(kept, "frame"), look(&game));
        json_decref(kept);
        json_decref(ask_game(&game, json_pack("{s:s}", "op", "release")));
    }
    nn_close(game.socket);
    return 0;
}
