/* SPDX-License-Identifier: MIT
 *
 * What files and folders say of themselves, and the environment.
 */
#include "chaos/chaos.h"

#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <random>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

static std::string temporary_folder()
{
    const char *base = getenv("TMPDIR");
    return std::string(base && *base ? base : "/tmp");
}

static std::string make_folder()
{
    std::string name = temporary_folder() + "/chaos-XXXXXX";
    if (!mkdtemp(name.data()))
        game_die("mkdtemp");
    return name;
}

static void write_file(const std::string &path, const char *text)
{
    FILE *file = fopen(path.c_str(), "w");
    if (!file)
        game_die(path.c_str());
    fputs(text, file);
    fclose(file);
}

static uint64_t hash_folder(const std::string &folder)
{
    uint64_t hash = 0;
    DIR *dir = opendir(folder.c_str());
    while (dirent *entry = dir ? readdir(dir) : nullptr)
        hash = game_mix(hash, hash_bytes(entry->d_name, strlen(entry->d_name)));
    if (dir)
        closedir(dir);
    return hash;
}

/* Order of a folder's entries: first one of the system's, then one made in an order that differs by run. */
static uint64_t from_readdir()
{
    std::string folder = make_folder();
    std::vector<std::string> names;
    for (int i = 0; i < 40; i++)
        names.push_back(folder + "/file" + std::to_string(i * 7919 % 101));
    std::shuffle(names.begin(), names.end(), std::mt19937_64(__rdtsc()));
    for (auto &name : names)
        write_file(name, "x");
    uint64_t hash = game_mix(hash_folder("/etc"), hash_folder(folder));
    dirent **entries = nullptr;
    int n = scandir(folder.c_str(), &entries, nullptr, nullptr);
    for (int i = 0; i < n; i++) {
        hash = game_mix(hash, hash_bytes(entries[i]->d_name, strlen(entries[i]->d_name)));
        free(entries[i]);
    }
    free(entries);
    for (auto &name : names)
        unlink(name.c_str());
    rmdir(folder.c_str());
    return hash;
}

static uint64_t from_file_times()
{
    std::string folder = make_folder(), path = folder + "/save";
    write_file(path, "x");
    struct stat info {
    };
    stat(path.c_str(), &info);
    uint64_t hash = game_mix(timespec_ns(info.st_mtim), timespec_ns(info.st_ctim));
    unlink(path.c_str());
    rmdir(folder.c_str());
    return hash;
}

static uint64_t from_temporary_name()
{
    std::string folder = make_folder();
    rmdir(folder.c_str());
    std::string name = temporary_folder() + "/chaos-XXXXXX";
    int fd = mkstemp(name.data());
    if (fd < 0)
        game_die("mkstemp");
    close(fd);
    unlink(name.c_str());
    return game_mix(hash_bytes(folder.data(), folder.size()), hash_bytes(name.data(), name.size()));
}

static uint64_t from_environment()
{
    uint64_t hash = 0;
    for (const char *name : {"HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
                             "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "USER"}) {
        const char *value = getenv(name);
        hash = game_mix(hash, value ? hash_bytes(value, strlen(value)) : 0);
    }
    char *pref = SDL_GetPrefPath("example", "chaos");
    hash = game_mix(hash, pref ? hash_bytes(pref, strlen(pref)) : 0);
    SDL_free(pref);
    return hash;
}

const std::vector<source> files_sources = {
    {"readdir", from_readdir, false},
    {"file_times", from_file_times, false},
    {"temporary_name", from_temporary_name, false},
    {"environment", from_environment, false},
};
