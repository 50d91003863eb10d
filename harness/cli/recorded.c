/* SPDX-License-Identifier: MIT */
#include "cli/recorded.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "findings/store.h"

#define OUT_DEFAULT "moth-out"

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

char *moth_cli_find_trace(const char *name, struct moth_err *err)
{
    char *folder = is_folder(name) ? strdup(name) : moth_store_folder(OUT_DEFAULT, name);
    char *path = is_folder(folder) ? moth_fs_path("%s/trace.moth", folder) : strdup(name);
    char *absolute = path ? realpath(path, NULL) : NULL;
    if (!absolute)
        moth_err_set(
            err, MOTH_ERR_USAGE,
            "no trace and no finding: %s (a file, a folder of findings/, or a fingerprint in " OUT_DEFAULT
            "/findings)",
            name);
    free(path);
    free(folder);
    return absolute;
}

void moth_cli_enter_directory(const struct moth_trace *trace)
{
    const char *directory = trace->header.directory;
    if (directory && *directory && chdir(directory) != 0)
        moth_log_warning("cannot enter %s, where the trace was recorded (%s): the game is started here",
                         directory, strerror(errno));
}

char **moth_cli_merge_env(const struct moth_trace *trace, const struct moth_options *options)
{
    size_t n = 0;
    while (trace->header.env && trace->header.env[n])
        n++;
    char **merged = calloc(n + options->env.n + 1, sizeof *merged);
    for (size_t i = 0; merged && i < n; i++)
        merged[i] = trace->header.env[i];
    for (size_t i = 0; merged && i < options->env.n; i++)
        merged[n + i] = options->env.items[i];
    return merged;
}

char **moth_cli_other_game(const struct moth_trace *trace, const struct moth_strings *game, struct moth_err *err)
{
    struct moth_game_info info;
    if (moth_game_inspect(game->items[0], &info, err) != 0)
        return NULL;
    size_t n = 0;
    while (trace->header.argv[n])
        n++;
    n = game->n > 1 ? game->n : n;
    char **command = calloc(n + 1, sizeof *command);
    if (!command) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a command");
        return NULL;
    }
    command[0] = moth_fs_path("%s", info.path); /* the folder may change */
    for (size_t i = 1; i < n; i++)
        command[i] = game->n > 1 ? game->items[i] : trace->header.argv[i];
    return command;
}

void moth_cli_free_game(char **command)
{
    if (command)
        free(command[0]);
    free(command);
}

struct moth_limits moth_cli_limits(const struct moth_options *options)
{
    return (struct moth_limits){.boundary_cpu_ms = (uint32_t)options->frame_cpu_ms,
                                .boundary_wall_ms = (uint32_t)options->frame_wall_ms,
                                .boot_wall_ms = (uint32_t)options->boot_wall_ms,
                                .memory_mb = (uint32_t)options->memory_mb,
                                .file_mb = (uint32_t)options->file_mb};
}

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

void moth_cli_stop_on_signals(int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool moth_cli_stopped(void *context)
{
    (void)context;
    return stopped;
}
