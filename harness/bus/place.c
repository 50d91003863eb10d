/* SPDX-License-Identifier: MIT */
#include "bus/place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"

#define SWEEP_ROUNDS 200
#define SWEEP_PAUSE_NS (5 * 1000 * 1000)
#define IPC "ipc://"
#define TCP "tcp://"
#define TOKEN_VARIABLE "MOTH_BUS_TOKEN"
#define TOKEN_RANDOM_BYTES 32

/* ---- the words ---- */

static int parse_local(struct moth_bus_place *place, const char *url, struct moth_err *err)
{
    const char *path = url + strlen(IPC);
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || !slash || slash == path || slash[1] == '\0')
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "--bus %s: after ipc:// comes an absolute path in a folder of its own, such as "
                            "ipc:///tmp/moth-%s/bus",
                            url, getenv("USER") ? getenv("USER") : "you");
    size_t longest = strlen(path) + strlen(".control");
    if (longest > MOTH_BUS_SOCKET_PATH_MAX)
        return moth_err_set(
            err, MOTH_ERR_USAGE,
            "--bus %s: a socket's path may have %d bytes, and %s.control has %zu; take a shorter one", url,
            MOTH_BUS_SOCKET_PATH_MAX, path, longest);
    place->local = true;
    snprintf(place->folder, sizeof place->folder, "%.*s", (int)(slash - path), path);
    snprintf(place->events, sizeof place->events, "%s.events", url);
    snprintf(place->control, sizeof place->control, "%s.control", url);
    return 0;
}

static bool is_loopback(const char *host)
{
    struct in_addr address;
    return inet_pton(AF_INET, host, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

static int parse_remote(struct moth_bus_place *place, const char *url, bool allow_remote,
                        struct moth_err *err)
{
    const char *host = url + strlen(TCP), *colon = strrchr(host, ':');
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    char name[64];
    if (!colon || colon == host || (size_t)(colon - host) >= sizeof name || colon[1] < '0' ||
        colon[1] > '9' || *end || port < 1 || port > 65534)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "--bus %s: after tcp:// comes an address and a port from 1 to 65534, such as "
                            "tcp://127.0.0.1:5555; the port after it is used as well",
                            url);
    snprintf(name, sizeof name, "%.*s", (int)(colon - host), host);
    if (strcmp(name, "localhost") == 0)
        strcpy(name, "127.0.0.1");
    if (!allow_remote && !is_loopback(name))
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "--bus %s: %s may be reached from other machines; take 127.0.0.1, or say "
                            "--bus-allow-remote if that is what you want",
                            url, name);
    snprintf(place->events, sizeof place->events, TCP "%s:%lu", name, port);
    snprintf(place->control, sizeof place->control, TCP "%s:%lu", name, port + 1);
    return 0;
}

int moth_bus_place_parse(struct moth_bus_place *place, const struct moth_bus_config *config,
                         struct moth_err *err)
{
    *place = (struct moth_bus_place){.claim_fd = -1};
    if (strncmp(config->url, IPC, strlen(IPC)) == 0)
        return parse_local(place, config->url, err);
    if (strncmp(config->url, TCP, strlen(TCP)) == 0)
        return parse_remote(place, config->url, config->allow_remote, err);
    return moth_err_set(
        err, MOTH_ERR_USAGE,
        "--bus %s: must begin with ipc:// (ipc:///tmp/moth-you/bus) or tcp:// (tcp://127.0.0.1:5555)",
        config->url);
}

/* ---- the folder and its sockets ---- */

static int check_folder(const char *folder, struct moth_err *err)
{
    struct stat stat;
    if (lstat(folder, &stat) != 0)
        return moth_err_sys(err, MOTH_ERR_USAGE, "--bus: cannot look at %s", folder);
    if (S_ISDIR(stat.st_mode) && stat.st_uid == geteuid() && (stat.st_mode & 077) == 0)
        return 0;
    return moth_err_set(
        err, MOTH_ERR_USAGE,
        "--bus: %s %s, so others might drive your games; take a folder that only you can enter (it is "
        "made when it is not there), or chmod 700 this one",
        folder,
        S_ISLNK(stat.st_mode)      ? "is a symbolic link"
        : !S_ISDIR(stat.st_mode)   ? "is no folder"
        : stat.st_uid != geteuid() ? "belongs to another user"
                                   : "is open to others");
}

static int make_folder(const char *folder, struct moth_err *err)
{
    if (mkdir(folder, 0700) != 0 && errno == ENOENT) {
        char *parent = moth_fs_path("%.*s", (int)(strrchr(folder, '/') - folder), folder);
        int made = parent[0] ? moth_fs_make_dirs(parent, err) : 0;
        free(parent);
        if (made == 0)
            (void)mkdir(folder, 0700);
    }
    return check_folder(folder, err);
}

/* An abstract socket of that name: it goes with the last process that holds it, however that ends. */
static int claim(struct moth_bus_place *place, const char *url, struct moth_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = place->control + strlen(IPC);
    address.sun_path[0] = '\0';
    int n = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", path);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    place->claim_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (place->claim_fd < 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "--bus: no socket");
    if (size <= sizeof address && bind(place->claim_fd, (struct sockaddr *)&address, size) == 0)
        return 0;
    int failed = errno;
    close(place->claim_fd);
    place->claim_fd = -1;
    errno = failed;
    if (failed == EADDRINUSE)
        return moth_err_set(err, MOTH_ERR_USAGE, "--bus %s: another run is there; take another path", url);
    return moth_err_sys(err, MOTH_ERR_SYSTEM, "--bus %s: cannot claim it", url);
}

/* A socket of a dead run goes; one where somebody listens, or what is no socket, stays. */
static int clear_stale(const char *path, struct moth_err *err)
{
    struct stat stat;
    if (lstat(path, &stat) != 0)
        return 0;
    if (!S_ISSOCK(stat.st_mode))
        return moth_err_set(err, MOTH_ERR_USAGE, "--bus: %s is there and no socket; take another path", path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool lives =
        fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    if (lives)
        return moth_err_set(err, MOTH_ERR_USAGE, "--bus: another program listens at %s; take another path",
                            path);
    if (unlink(path) != 0 && errno != ENOENT)
        return moth_err_sys(err, MOTH_ERR_USAGE, "--bus: cannot remove %s, which a dead run left", path);
    return 0;
}

/* ---- the token ---- */

static int take_token(struct moth_bus_place *place, const char *text, const char *from, struct moth_err *err)
{
    size_t n = strcspn(text, "\r\n");
    if (n < 16 || n >= sizeof place->token || strspn(text, " \t"))
        return moth_err_set(err, MOTH_ERR_USAGE, "the bus's token in %s must be a line of 16 to %d bytes",
                            from, MOTH_BUS_TOKEN_BYTES - 1);
    memcpy(place->token, text, n);
    place->token[n] = '\0';
    return 0;
}

static int read_token(struct moth_bus_place *place, const char *path, struct moth_err *err)
{
    struct moth_err why;
    char *text = moth_fs_read(path, 4096, NULL, &why);
    if (!text)
        return moth_err_set(err, MOTH_ERR_USAGE, "--bus-token %s", why.message);
    int result = take_token(place, text, path, err);
    free(text);
    return result;
}

static int make_token(struct moth_bus_place *place, const char *out, struct moth_err *err)
{
    unsigned char random[TOKEN_RANDOM_BYTES];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "no random numbers for the bus's token");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(place->token + 2 * i, 3, "%02x", random[i]);
    snprintf(place->token_file, sizeof place->token_file, "%s/bus.token", out);
    if (moth_fs_make_dirs(out, err) != 0)
        return -1;
    (void)unlink(place->token_file);
    int fd = open(place->token_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0 && dprintf(fd, "%s\n", place->token) > 0;
    if (fd >= 0)
        close(fd);
    return written ? 0
                   : moth_err_sys(err, MOTH_ERR_IO, "cannot write the bus's token to %s", place->token_file);
}

static int find_token(struct moth_bus_place *place, const struct moth_bus_config *config,
                      struct moth_err *err)
{
    const char *variable = getenv(TOKEN_VARIABLE);
    if (config->token_file)
        return read_token(place, config->token_file, err);
    if (variable && variable[0])
        return take_token(place, variable, "$" TOKEN_VARIABLE, err);
    return place->local ? 0 : make_token(place, config->out, err);
}

bool moth_bus_place_token_fits(const struct moth_bus_place *place, const char *token)
{
    unsigned char differs = 0;
    size_t n = strlen(place->token);
    if (n == 0)
        return true;
    if (strlen(token) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        differs = (unsigned char)(differs | (unsigned char)(place->token[i] ^ token[i]));
    return differs == 0;
}

/* ---- all of it ---- */

int moth_bus_place_prepare(struct moth_bus_place *place, const struct moth_bus_config *config,
                           struct moth_err *err)
{
    if (find_token(place, config, err) != 0)
        return -1;
    if (!place->local)
        return 0;
    if (make_folder(place->folder, err) != 0 || claim(place, config->url, err) != 0)
        return -1;
    if (clear_stale(place->events + strlen(IPC), err) == 0 &&
        clear_stale(place->control + strlen(IPC), err) == 0)
        return 0;
    close(place->claim_fd);
    place->claim_fd = -1;
    return -1;
}

void moth_bus_place_clear(const struct moth_bus_place *place)
{
    if (place->local && place->claim_fd >= 0) {
        unlink(place->events + strlen(IPC));
        unlink(place->control + strlen(IPC));
    }
    if (place->token_file[0])
        unlink(place->token_file);
}

/* Is there nothing left to clear, or nothing that is ours to? False: it is still held. */
static bool is_swept(const struct moth_bus_config *config)
{
    struct moth_bus_place place;
    if (moth_bus_place_parse(&place, config, NULL) != 0 || !place.local || check_folder(place.folder, NULL) != 0)
        return true;
    if (claim(&place, config->url, NULL) != 0)
        return false;
    bool swept = clear_stale(place.events + strlen(IPC), NULL) == 0 && clear_stale(place.control + strlen(IPC), NULL) == 0;
    close(place.claim_fd);
    return swept;
}

/* Of the dead, the kernel closes one descriptor after the other, so the claim or a socket may be open for a moment when all
 * else of them is gone. What is held for longer is another run's, which may not listen yet. */
void moth_bus_place_sweep(const struct moth_bus_config *config)
{
    for (int round = 0; round < SWEEP_ROUNDS && !is_swept(config); round++)
        nanosleep(&(struct timespec){.tv_nsec = SWEEP_PAUSE_NS}, NULL);
}
