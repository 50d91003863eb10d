/* SPDX-License-Identifier: MIT */
#include "runner/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "runner/cookie.h"

#define PREFIX "moth-"
#define SELF "-self"
#define PIDS_MAX "4096" /* a bomb's end, and far beyond a game with its snapshots */
#define FILE_MAX (1u << 20)
#define SPARE_BYTES (64u << 20)
#define GONE_ROUNDS 200
#define GONE_PAUSE_NS (5 * 1000 * 1000)

static char *root; /* the delegated group, or NULL: there is none */
static char *mine; /* a game's group of this process, or NULL */

/* ---- files ---- */

static bool put(const char *folder, const char *name, const char *text)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    free(path);
    return written;
}

static bool put_number(const char *folder, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return put(folder, name, text);
}

/* Caller frees; "" when it cannot be read. */
static char *get(const char *folder, const char *name)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    char *text = moth_fs_read(path, FILE_MAX, NULL, NULL);
    free(path);
    return text ? text : moth_fs_path("%s", "");
}

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += n) {
        if ((at == text || strchr(" \n", at[-1])) && strchr(" \n", at[n]))
            return true;
    }
    return false;
}

/* ---- where they can be had ---- */

/* Where the hierarchy of version 2 is mounted. Caller frees; NULL: nowhere. */
static char *mount_point(void)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, *found = NULL;
    size_t room = 0;
    while (mounts && !found && getline(&line, &room, mounts) > 0) {
        char inside[4096], at[4096];
        const char *type = strstr(line, " - ");
        if (type && strncmp(type, " - cgroup2 ", 11) == 0 &&
            sscanf(line, "%*s %*s %*s %4095s %4095s", inside, at) == 2 && strcmp(inside, "/") == 0)
            found = moth_fs_path("%s", at);
    }
    free(line);
    if (mounts)
        fclose(mounts);
    return found;
}

/* This process's group. Caller frees; NULL: it has none. */
static char *own_group(void)
{
    char *mount = mount_point();
    char *text = get("/proc/self", "cgroup");
    char *line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
    char *path = NULL;
    if (mount && line) {
        line += *line == '\n' ? 4 : 3;
        line[strcspn(line, "\n")] = '\0';
        path = moth_fs_path("%s%s", mount, strcmp(line, "/") == 0 ? "" : line);
    }
    free(text);
    free(mount);
    return path;
}

/* Nobody in the group but us and what we started. */
static bool alone(const char *folder)
{
    char *text = get(folder, "cgroup.procs"), *rest = text, *line;
    bool alone = true;
    while (alone && (line = strsep(&rest, "\n"))) {
        pid_t pid = (pid_t)atoi(line);
        char name[64], parent[32] = "";
        snprintf(name, sizeof name, "/proc/%d", (int)pid);
        char *status = *line ? get(name, "status") : NULL;
        const char *at = status ? strstr(status, "\nPPid:") : NULL;
        if (at)
            sscanf(at, "\nPPid: %31s", parent);
        alone = !*line || pid == getpid() || (pid_t)atoi(parent) == getpid();
        free(status);
    }
    free(text);
    return alone;
}

static char *self_folder(const char *folder, const char *cookie)
{
    return moth_fs_path("%s/" PREFIX "%s" SELF, folder, cookie);
}

/* All that is in a group goes to another one. */
static bool move_all(const char *from, const char *to)
{
    char *text = get(from, "cgroup.procs"), *rest = text, *line;
    bool moved = true;
    while ((line = strsep(&rest, "\n"))) {
        if (*line)
            moved = put(to, "cgroup.procs", line) && moved;
    }
    free(text);
    return moved;
}

static bool wait_empty(const char *folder)
{
    for (int round = 0; round < GONE_ROUNDS; round++) {
        if (rmdir(folder) == 0 || errno == ENOENT)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = GONE_PAUSE_NS}, NULL);
    }
    return false;
}

static void leave(const char *folder, const char *self)
{
    put(folder, "cgroup.subtree_control", "-memory -pids");
    move_all(self, folder);
    wait_empty(self);
}

/* Groups of runs that nobody could clear up after. */
static void remove_stale(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) != 0)
            continue;
        char *path = moth_fs_path("%s/%s", folder, entry->d_name);
        rmdir(path); /* one with processes in it stays */
        free(path);
    }
    if (entries)
        closedir(entries);
}

bool moth_cgroup_open(const char *folder, const char *cookie)
{
    char *own = folder ? moth_fs_path("%s", folder) : own_group();
    char *controllers = own ? get(own, "cgroup.controllers") : NULL;
    char *self = own ? self_folder(own, cookie) : NULL;
    char *procs = own ? moth_fs_path("%s/cgroup.procs", own) : NULL;
    bool can = own && has_word(controllers, "memory") && access(procs, W_OK) == 0 && alone(own);
    if (can) {
        remove_stale(own);
        can = mkdir(self, 0755) == 0;
        if (can && (!move_all(own, self) || !put(own, "cgroup.subtree_control", "+memory"))) {
            leave(own, self);
            can = false;
        }
    }
    if (can) {
        put(own, "cgroup.subtree_control", "+pids");
        root = own;
        own = NULL;
    }
    free(procs);
    free(self);
    free(controllers);
    free(own);
    return can;
}

void moth_cgroup_close(void)
{
    if (!root)
        return;
    moth_cgroup_sweep(moth_cookie());
    free(root);
    root = NULL;
}

/* ---- one game ---- */

void moth_cgroup_begin(uint64_t memory_bytes)
{
    if (!root)
        return;
    mine = moth_fs_path("%s/" PREFIX "%s", root, moth_cookie());
    if ((mkdir(mine, 0755) != 0 && errno != EEXIST) ||
        !put_number(mine, "memory.max", memory_bytes + memory_bytes / 4 + SPARE_BYTES)) {
        moth_cgroup_end();
        return;
    }
    put_number(mine, "memory.high", memory_bytes + SPARE_BYTES);
    put(mine, "memory.swap.max", "0"); /* what is swapped out nobody counts */
    put(mine, "memory.oom.group", "1");
    put(mine, "pids.max", PIDS_MAX);
}

void moth_cgroup_join(void)
{
    if (mine)
        put(mine, "cgroup.procs", "0");
}

bool moth_cgroup_starved(void)
{
    unsigned long long kills = 0;
    char *events = mine ? get(mine, "memory.events") : NULL;
    const char *at = events ? strstr(events, "oom_kill ") : NULL;
    if (at)
        sscanf(at, "oom_kill %llu", &kills);
    free(events);
    return kills > 0;
}

void moth_cgroup_end(void)
{
    if (!mine)
        return;
    if (rmdir(mine) != 0) {
        put(mine, "cgroup.kill", "1");
        wait_empty(mine);
    }
    free(mine);
    mine = NULL;
}

/* ---- whoever is last ---- */

/* A group's name is the prefix and a cookie, perhaps one that was marked by a worker. */
static bool is_of(const char *name, const char *cookie)
{
    size_t length = strlen(cookie);
    return strncmp(name, PREFIX, sizeof PREFIX - 1) == 0 &&
           strncmp(name + sizeof PREFIX - 1, cookie, length) == 0 &&
           (name[sizeof PREFIX - 1 + length] == '\0' || name[sizeof PREFIX - 1 + length] == '-');
}

void moth_cgroup_sweep(const char *cookie)
{
    if (!root)
        return;
    char *self = self_folder(root, cookie);
    DIR *entries = opendir(root);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        char *path = moth_fs_path("%s/%s", root, entry->d_name);
        if (is_of(entry->d_name, cookie) && strcmp(path, self) != 0 && rmdir(path) != 0) {
            put(path, "cgroup.kill", "1");
            wait_empty(path);
        }
        free(path);
    }
    if (entries)
        closedir(entries);
    leave(root, self);
    free(self);
}
