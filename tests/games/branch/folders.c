/* SPDX-License-Identifier: MIT
 *
 * Folders and names: the working folder, open folders, links, files replaced by others, and files outside of
 * HOME.
 */
#include "branch/area.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_value(int folder, const char *name, uint64_t value)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    NEED(fd >= 0 && write(fd, &value, sizeof value) == sizeof value && close(fd) == 0);
}

static uint64_t read_value(int folder, const char *name)
{
    uint64_t value = 0;
    int fd = openat(folder, name, O_RDONLY);
    if (fd < 0)
        return (uint64_t)errno;
    NEED(read(fd, &value, sizeof value) == sizeof value && close(fd) == 0);
    return value;
}

/* --- relative paths --- */

static void begin_working(void)
{
    NEED(mkdir(home_path("work"), 0700) == 0 && chdir(home_path("work")) == 0);
}

static uint64_t frame_working(long frame, uint64_t keys)
{
    if (frame % 10 == 0)
        write_value(AT_FDCWD, "value", mixed(keys, (uint64_t)frame));
    return mixed(read_value(AT_FDCWD, "value"), read_value(AT_FDCWD, "../work/value"));
}

/* --- an open folder, read an entry a frame, and files made through it --- */

static DIR *listing;
static int folder_fd;

static void begin_listing(void)
{
    const char *path = home_path("folder");
    NEED(mkdir(path, 0700) == 0);
    NEED((folder_fd = open(path, O_RDONLY | O_DIRECTORY)) >= 0);
    for (uint64_t i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "first%02u", (unsigned)i);
        write_value(folder_fd, name, i);
    }
    NEED(listing = opendir(path));
}

static uint64_t frame_listing(long frame, uint64_t keys)
{
    char name[32];
    const struct dirent *entry = readdir(listing);
    uint64_t value = entry ? mixed_bytes(0, entry->d_name, strlen(entry->d_name)) : 0;
    if (!entry)
        rewinddir(listing);
    if (frame % 7 == 3) {
        snprintf(name, sizeof name, "late%llu", (unsigned long long)(keys % 16));
        write_value(folder_fd, name, keys);
    }
    return mixed(value, read_value(folder_fd, "late3"));
}

/* --- a file replaced by another one while it is open --- */

static int replaced_fd = -1;

static uint64_t frame_replace(long frame, uint64_t keys)
{
    const char *slot = home_path("slot"), *fresh = home_path("slot.new");
    uint64_t old = 0;
    if (frame % 8 == 0) {
        write_value(AT_FDCWD, fresh, mixed(keys, (uint64_t)frame));
        if (replaced_fd >= 0)
            close(replaced_fd);
        replaced_fd = open(slot, O_RDONLY);
        NEED(rename(fresh, slot) == 0);
    }
    if (replaced_fd >= 0)
        NEED(pread(replaced_fd, &old, sizeof old, 0) == sizeof old);
    return mixed(old, read_value(AT_FDCWD, slot));
}

/* --- two names of one file, names of names, modes and times --- */

static void begin_links(void)
{
    write_value(AT_FDCWD, home_path("one"), 1);
    NEED(link(home_path("one"), home_path("two")) == 0);
    NEED(symlink("one", home_path("three")) == 0);
}

static uint64_t frame_links(long frame, uint64_t keys)
{
    struct stat info;
    int fd = open(home_path(frame % 2 ? "two" : "three"), O_WRONLY);
    NEED(fd >= 0 && write(fd, &keys, sizeof keys) == sizeof keys && close(fd) == 0);
    NEED(read_value(AT_FDCWD, home_path("one")) == keys && read_value(AT_FDCWD, home_path("two")) == keys);
    NEED(stat(home_path("three"), &info) == 0 && info.st_nlink == 2 && (info.st_mode & 0777) == 0640);
    if (frame % 30 == 7)
        NEED(chmod(home_path("one"), 0600) == 0 && chmod(home_path("one"), 0640) == 0);
    return (uint64_t)info.st_size;
}

static uint64_t frame_times(long frame, uint64_t keys)
{
    struct stat info;
    if (frame % 15 == 0)
        write_value(AT_FDCWD, home_path("dated"), keys);
    NEED(stat(home_path("dated"), &info) == 0);
    return mixed((uint64_t)info.st_mtim.tv_sec, (uint64_t)info.st_mtim.tv_nsec);
}

/* --- a file where the game has no business --- */

static int outside_fd;

static void begin_outside(void)
{
    NEED((outside_fd = open("/var/tmp/branch_outside.dat", O_RDWR | O_CREAT | O_TRUNC, 0600)) >= 0);
}

static uint64_t frame_outside(long frame, uint64_t keys)
{
    uint64_t back = 0, entry = mixed(keys, (uint64_t)frame);
    NEED(write(outside_fd, &entry, sizeof entry) == sizeof entry);
    NEED(pread(outside_fd, &back, sizeof back, frame / 2 * 8) == sizeof back);
    return mixed(back, read_value(AT_FDCWD, "/var/tmp/branch_outside.dat"));
}

const struct area folder_areas[] = {
    {"working_folder", begin_working, frame_working, 0},
    {"listing", begin_listing, frame_listing, 0},
    {"replace", NULL, frame_replace, 0},
    {"links", begin_links, frame_links, 0},
    {"times", NULL, frame_times, 0},
    {"outside", begin_outside, frame_outside, 0},
    {NULL, NULL, NULL, 0},
};
