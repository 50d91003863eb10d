/* SPDX-License-Identifier: MIT
 *
 * Two players on a line, a server that says where they are. Each client tells the server which keys are held;
 * the server moves both 50 times a second and tells each where everybody is. Planted bug: when they stand on
 * one spot the server divides by their distance.
 *
 *   duel serve [PORT] [tcp]            no window, no SDL call
 *   duel HOST [PORT] [tcp]             a client: left and right move it
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "game.h"

#define PLAYERS 2
#define LINE 300
#define STEP_MS 20

struct state {
    uint32_t step;
    int32_t x[PLAYERS];
    uint32_t you, heard; /* messages of this player so far */
};

struct keys {
    uint32_t number;
    uint8_t left, right;
};

struct player {
    bool here;
    int fd; /* tcp */
    struct sockaddr_in address;
    struct keys keys;
    uint32_t heard;
};

static struct player players[PLAYERS];
static struct state state;
static bool tcp;

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the server ---- */

static int distance(void)
{
    return state.x[1] - state.x[0];
}

static int push_of(int force)
{
    int apart = distance();
    if (CLEAN && apart == 0)
        return 0;
    return force / apart;
}

static void move_players(void)
{
    state.step++;
    for (int i = 0; i < PLAYERS; i++) {
        state.x[i] += players[i].keys.right - players[i].keys.left;
        state.x[i] = state.x[i] < 0 ? 0 : state.x[i] > LINE ? LINE : state.x[i];
    }
    if (players[0].here && players[1].here)
        state.x[0] -= push_of(2) > 1;
}

static void tell(int fd, unsigned i)
{
    struct state said = state;
    said.you = i;
    said.heard = players[i].heard;
    if (tcp)
        send(players[i].fd, &said, sizeof said, MSG_NOSIGNAL);
    else
        sendto(fd, &said, sizeof said, 0, (struct sockaddr *)&players[i].address, sizeof players[i].address);
}

static void hear_datagram(int fd)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    struct keys keys;
    if (recvfrom(fd, &keys, sizeof keys, 0, (struct sockaddr *)&from, &size) != sizeof keys)
        return;
    for (int i = 0; i < PLAYERS; i++) {
        struct player *player = &players[i];
        bool same = player->address.sin_port == from.sin_port &&
                    player->address.sin_addr.s_addr == from.sin_addr.s_addr;
        if (player->here && !same)
            continue;
        if (!player->here)
            printf("player %d is %s:%d\n", i, inet_ntoa(from.sin_addr), ntohs(from.sin_port));
        player->here = true;
        player->address = from;
        player->heard++;
        if (keys.number >= player->keys.number)
            player->keys = keys;
        return;
    }
}

static void hear_streams(fd_set *ready)
{
    for (int i = 0; i < PLAYERS; i++) {
        struct player *player = &players[i];
        if (!player->here || !FD_ISSET(player->fd, ready))
            continue;
        if (recv(player->fd, &player->keys, sizeof player->keys, MSG_WAITALL) != sizeof player->keys) {
            printf("player %d left\n", i);
            close(player->fd);
            player->here = false;
        }
        player->heard++;
    }
}

static void let_in(int door)
{
    for (int i = 0; i < PLAYERS; i++)
        if (!players[i].here) {
            players[i].fd = accept(door, NULL, NULL);
            players[i].here = players[i].fd >= 0;
            printf("player %d is here\n", i);
            return;
        }
}

static _Noreturn void serve(uint16_t port)
{
    int fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0 || (tcp && listen(fd, 4) != 0))
        die("cannot listen");
    state.x[1] = 60;
    for (long next_ms = now_ms() + STEP_MS;;) {
        long left_ms = next_ms - now_ms();
        struct timeval wait = {0, left_ms > 0 ? left_ms * 1000 : 0};
        fd_set ready;
        FD_ZERO(&ready);
        if (!tcp || !players[0].here || !players[1].here) /* else there is no seat */
            FD_SET(fd, &ready);
        int most = fd;
        for (int i = 0; tcp && i < PLAYERS; i++)
            if (players[i].here) {
                FD_SET(players[i].fd, &ready);
                most = players[i].fd > most ? players[i].fd : most;
            }
        if (select(most + 1, &ready, NULL, NULL, &wait) > 0) {
            if (tcp)
                hear_streams(&ready);
            if (FD_ISSET(fd, &ready))
                tcp ? let_in(fd) : hear_datagram(fd);
        }
        if (now_ms() < next_ms)
            continue;
        next_ms += STEP_MS;
        move_players();
        for (unsigned i = 0; i < PLAYERS; i++)
            if (players[i].here)
                tell(fd, i);
    }
}

/* ---- a client ---- */

static int find_server(const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = tcp ? SOCK_STREAM : SOCK_DGRAM}, *found;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        fprintf(stderr, "no such host: %s\n", host);
        exit(1);
    }
    int fd = socket(AF_INET, hints.ai_socktype, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        die("cannot connect");
    freeaddrinfo(found);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static int play(const char *host, uint16_t port)
{
    struct game game;
    game_open(&game, "duel");
    int fd = find_server(host, port);
    struct keys keys = {0};
    struct state heard = {0};
    do {
        for (SDL_Event event; game_event(&game, &event);)
            continue;
        const Uint8 *held = SDL_GetKeyboardState(NULL);
        keys.number++;
        keys.left = held[SDL_SCANCODE_LEFT];
        keys.right = held[SDL_SCANCODE_RIGHT];
        send(fd, &keys, sizeof keys, MSG_NOSIGNAL);
        for (struct state said; recv(fd, &said, sizeof said, 0) == sizeof said;)
            heard = said;
        game_clear(&game, 0);
        game_number(&game, 20, 20, heard.step);
        game_number(&game, 100, 20, heard.heard);
        for (int i = 0; i < PLAYERS; i++)
            game_rect(&game, heard.x[i], 150, 8, 16, i == (int)heard.you ? 0x40c040 : 0xc04040);
    } while (game_present(&game));
    close(fd);
    game_close(&game);
    return 0;
}

int main(int argc, char **argv)
{
    const char *who = argc > 1 ? argv[1] : "serve";
    uint16_t port = (uint16_t)(argc > 2 ? atoi(argv[2]) : 8303);
    tcp = argc > 3 && strcmp(argv[3], "tcp") == 0;
    if (strcmp(who, "serve") == 0)
        serve(port);
    return play(who, port);
}
