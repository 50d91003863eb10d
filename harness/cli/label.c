/* SPDX-License-Identifier: MIT
 *
 * How people call a build: what git says about the folder that its program lies in.
 */
#include "cli/label.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

#define ANSWER_BYTES 256u

extern char **environ;

/* The first line that git prints; "" where it fails. */
static void ask_git(const char *const *argv, char answer[ANSWER_BYTES])
{
    int ends[2];
    pid_t pid;
    answer[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    bool started = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t n = 0;
    ssize_t more = 1;
    while (started && n + 1 < ANSWER_BYTES && (more = read(ends[0], answer + n, ANSWER_BYTES - 1 - n)) > 0)
        n += (size_t)more;
    close(ends[0]);
    answer[n] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    int status = 1;
    if (!started || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        answer[0] = '\0';
}

void moth_cli_label_build(const char *program, const char *said, struct moth_build_label *label)
{
    char *folder = moth_fs_path("%s", program), *slash = strrchr(folder, '/'), date[ANSWER_BYTES];
    *label = (struct moth_build_label){0};
    if (slash)
        slash[slash == folder] = '\0';
    const char *where = slash ? folder : ".";
    const char *const describe[] = {"git", "--no-optional-locks", "-C", where, "describe", "--tags", "--always", "--dirty", NULL};
    const char *const committed[] = {"git", "--no-optional-locks", "-C", where, "log", "-1", "--format=%ct", NULL};
    ask_git(describe, label->text);
    if (label->text[0]) {
        ask_git(committed, date);
        label->built_ms = strtoll(date, NULL, 10) * 1000;
    }
    if (said)
        snprintf(label->text, sizeof label->text, "%s", said);
    free(folder);
}
