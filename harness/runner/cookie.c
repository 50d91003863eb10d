/* SPDX-License-Identifier: MIT */
#include "runner/cookie.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define ENVIRON_BYTES_MAX (256u << 10)
#define SWEEP_ROUNDS 200
#define SWEEP_PAUSE_NS (10 * 1000 * 1000)

static char cookie_text[MOTH_COOKIE_MAX];

const char *moth_cookie(void)
{
    if (cookie_text[0] == '\0') {
        uint64_t random = 0;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            random = moth_clock_monotonic_ns() ^ ((uint64_t)getpid() << 32);
        snprintf(cookie_text, sizeof cookie_text, "%016llx", (unsigned long long)random);
    }
    return cookie_text;
}

void moth_cookie_mark(unsigned mark)
{
    size_t length = strlen(moth_cookie());
    snprintf(cookie_text + length, sizeof cookie_text - length, "-%u", mark);
}

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/tmp";
}

char *moth_cookie_make_folder(struct moth_err *err)
{
    char *path = moth_fs_path("%s/moth-%s-XXXXXX", temporary_folder(), moth_cookie());
    if (mkdtemp(path))
        return path;
    moth_err_sys(err, MOTH_ERR_IO, "cannot make a private folder in %s", temporary_folder());
    free(path);
    return NULL;
}

/* Is `text` this cookie, or one that was marked by a child of its owner? */
static bool is_of(const char *text, const char *cookie)
{
    size_t length = strlen(cookie);
    return strncmp(text, cookie, length) == 0 && (text[length] == '\0' || text[length] == '-');
}

static bool has_cookie(const char *environment, size_t size, const char *cookie)
{
    static const char variable[] = MOTH_COOKIE_VARIABLE "=";
    for (const char *at = environment; at < environment + size; at += strlen(at) + 1) {
        if (strncmp(at, variable, sizeof variable - 1) == 0 && is_of(at + sizeof variable - 1, cookie))
            return true;
    }
    return false;
}

/* The environment a process was started with; /proc files have no size, so it is read by parts. */
static size_t read_environment(pid_t pid, char *buffer)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    ssize_t n = 1;
    while (fd >= 0 && n > 0 && size < ENVIRON_BYTES_MAX) {
        n = read(fd, buffer + size, ENVIRON_BYTES_MAX - size);
        size += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    buffer[size] = '\0';
    return size;
}

static unsigned kill_round(const char *cookie, char *buffer)
{
    unsigned killed = 0;
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    while (processes && (entry = readdir(processes))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid == getpid())
            continue;
        if (has_cookie(buffer, read_environment(pid, buffer), cookie) && kill(pid, SIGKILL) == 0)
            killed++;
    }
    if (processes)
        closedir(processes);
    return killed;
}

static void remove_folders(const char *cookie)
{
    DIR *folder = opendir(temporary_folder());
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        if (strncmp(entry->d_name, "moth-", 5) != 0 || !is_of(entry->d_name + 5, cookie))
            continue;
        char *path = moth_fs_path("%s/%s", temporary_folder(), entry->d_name);
        moth_fs_remove_tree(path, NULL);
        free(path);
    }
    if (folder)
        closedir(folder);
}

void moth_cookie_sweep(const char *cookie)
{
    char *buffer = malloc(ENVIRON_BYTES_MAX + 1);
    /* A process that is dying already has no environment any more, so an empty round means that none is
     * left; a process may fork between our look and our blow, so the rounds go on until then. */
    for (int round = 0; buffer && round < SWEEP_ROUNDS && kill_round(cookie, buffer) > 0; round++)
        nanosleep(&(struct timespec){.tv_nsec = SWEEP_PAUSE_NS}, NULL);
    free(buffer);
    remove_folders(cookie);
}
