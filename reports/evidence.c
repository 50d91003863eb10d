/* SPDX-License-Identifier: MIT */
#include "reports/evidence.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+"
#define FILES_MAX 64u

/* ---- the command ---- */

char *moth_report_shell_word(const char *text)
{
    if (*text && text[strspn(text, PLAIN "/:@%,=")] == '\0')
        return moth_fs_path("%s", text);
    char *word = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&word, &size);
    if (!out)
        return moth_fs_path("%s", text);
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    }
    fputc('\'', out);
    fclose(out);
    return word;
}

char *moth_report_replay_of(const char *folder)
{
    char *word = moth_report_shell_word(folder);
    char *command = moth_fs_path("moth replay %s%s", *folder == '-' ? "./" : "", word);
    free(word);
    return command;
}

char *moth_report_replay_command(const struct moth_run_summary *summary, size_t i)
{
    char *folder = moth_report_finding_folder(summary, i), *command = moth_report_replay_of(folder);
    free(folder);
    return command;
}

/* ---- the files ---- */

static bool is_shown(const char *folder, const char *name)
{
    struct stat about;
    if (name[strspn(name, PLAIN)] != '\0' || *name == '.' || *name == '-' || strcmp(name, "finding.json") == 0)
        return false;
    char *path = moth_fs_path("%s/%s", folder, name);
    bool regular = lstat(path, &about) == 0 && S_ISREG(about.st_mode);
    free(path);
    return regular;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add(char ***names, size_t *n, const char *name)
{
    char **grown = realloc(*names, (*n + 2) * sizeof *grown);
    if (!grown)
        return false;
    *names = grown;
    grown[(*n)++] = moth_fs_path("%s", name);
    grown[*n] = NULL;
    return true;
}

char **moth_report_attachments(const struct moth_run_summary *summary, size_t i)
{
    char *folder = moth_report_finding_files(summary, i), **names = calloc(1, sizeof *names);
    size_t n = 0;
    DIR *entries = names ? opendir(folder) : NULL;
    struct dirent *entry;
    while (entries && (entry = readdir(entries)))
        if (is_shown(folder, entry->d_name) && !add(&names, &n, entry->d_name))
            break;
    if (entries)
        closedir(entries);
    free(folder);
    if (n > 0)
        qsort(names, n, sizeof *names, by_name);
    for (; n > FILES_MAX; n--) { /* whichever order the folder has them in */
        free(names[n - 1]);
        names[n - 1] = NULL;
    }
    return names;
}

void moth_report_names_free(char **names)
{
    for (char **name = names; name && *name; name++)
        free(*name);
    free(names);
}

/* ---- the log ---- */

static char *tail_of(FILE *file)
{
    char *text = malloc(MOTH_REPORT_LOG_BYTES + 1);
    bool cut = fseek(file, -(long)MOTH_REPORT_LOG_BYTES, SEEK_END) == 0 && ftell(file) > 0;
    if (!cut)
        rewind(file);
    if (!text)
        return NULL;
    size_t n = fread(text, 1, MOTH_REPORT_LOG_BYTES, file);
    for (size_t i = 0; i < n; i++)
        text[i] = text[i] ? text[i] : ' ';
    text[n] = '\0';
    char *line = cut ? strchr(text, '\n') : NULL;
    if (line && line[1])
        memmove(text, line + 1, strlen(line + 1) + 1);
    return text;
}

char *moth_report_log_tail(const struct moth_run_summary *summary, size_t i)
{
    char *folder = moth_report_finding_files(summary, i), *path = moth_fs_path("%s/game.log", folder);
    struct stat about;
    FILE *file = lstat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 ? fopen(path, "re") : NULL;
    char *tail = file ? tail_of(file) : NULL;
    if (file)
        fclose(file);
    free(path);
    free(folder);
    return tail;
}
