/* SPDX-License-Identifier: MIT */
#include "fleet/explore.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "explore/archive.h"
#include "fleet/journal.h"
#include "fleet/plan.h"

bool moth_fleet_explores(const struct moth_fleet_config *config)
{
    bool any = false;
    for (size_t i = 0; i < config->n_agents; i++)
        any = any || moth_agent_explores(config->agents[i].agent);
    for (size_t i = 0; i < config->n_scenarios; i++)
        any = any || moth_agent_explores(config->scenarios[i].agent);
    return any;
}

char *moth_fleet_archive_path(const char *out)
{
    return moth_fs_path("%s/archive.bin", out);
}

static const char *name_of(const char *program)
{
    const char *slash = strrchr(program, '/');
    return slash ? slash + 1 : program;
}

/* ---- the corpus ---- */

static int is_trace(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 5, ".moth") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

struct corpus {
    struct moth_log *log;
    const char *program;
    void (*warn)(void *context, const char *sentence);
    void *context;
    uint32_t n;
};

static void add_recording(struct corpus *corpus, const char *path)
{
    struct moth_err err;
    struct moth_trace *trace = moth_trace_read(path, &err);
    char *sentence = NULL;
    if (!trace)
        sentence = moth_fs_path("not used as a recording: %s", err.message);
    else if (strcmp(name_of(trace->header.argv[0] ? trace->header.argv[0] : ""), corpus->program) != 0)
        sentence = moth_fs_path("%s is a recording of another game; it is not used", path);
    else
        moth_explore_recording(corpus->log, trace);
    if (sentence)
        corpus->warn(corpus->context, sentence);
    free(sentence);
    moth_trace_free(trace);
}

static void add_corpus(struct corpus *corpus, const char *folder)
{
    struct dirent **entries = NULL;
    char *path = moth_fs_path("%s/corpus", folder);
    int n = scandir(path, &entries, is_trace, by_bytes);
    for (int i = 0; i < n; i++) {
        char *file = moth_fs_path("%s/%s", path, entries[i]->d_name);
        if (corpus->n++ < MOTH_ARCHIVE_RECORDINGS_MAX)
            add_recording(corpus, file);
        free(file);
        free(entries[i]);
    }
    free(entries);
    free(path);
}

static void count_recording(void *context, enum moth_log_type type, struct moth_cursor *body, uint64_t place)
{
    (void)body, (void)place;
    *(uint32_t *)context += type == MOTH_LOG_RECORDING;
}

/* Recordings lie in the log, so a run that goes on with one has those of the run before it. */
static int add_recordings(const struct moth_fleet_config *config, const char *path, struct corpus *corpus,
                          struct moth_err *err)
{
    corpus->log = moth_log_open(path, err);
    if (!corpus->log)
        return -1;
    uint32_t there = 0;
    moth_log_read(corpus->log, count_recording, &there);
    if (there == 0 && config->resume && strcmp(config->resume, config->out) != 0)
        add_corpus(corpus, config->resume);
    if (there == 0)
        add_corpus(corpus, config->out);
    moth_log_close(corpus->log);
    return 0;
}

/* ---- going on with an earlier run ---- */

static int check_header(const struct moth_log_header *header, const struct moth_game_info *game, const char *folder,
                        struct corpus *corpus, struct moth_err *err)
{
    if (strcmp(header->program, corpus->program) != 0)
        return moth_err_set(err, MOTH_ERR_CONFIG, "--resume: %s is a run of %s, and this is %s", folder,
                            header->program, corpus->program);
    if (strcmp(header->build_id, game->build_id) == 0)
        return 0;
    char *sentence = moth_fs_path("%s was played with another build of %s; places that its inputs no longer lead to are "
                                  "left out",
                                  folder, header->program);
    corpus->warn(corpus->context, sentence);
    free(sentence);
    return 0;
}

static int take_over(const struct moth_fleet_config *config, const char *path, const struct moth_game_info *game,
                     struct corpus *corpus, uint64_t *seed, struct moth_err *err)
{
    char *from = moth_fleet_archive_path(config->resume);
    struct moth_log *log = NULL;
    int result = -1;
    if (access(from, F_OK) != 0)
        moth_err_set(err, MOTH_ERR_CONFIG,
                     "--resume: %s has no archive.bin; only a run with an agent that explores leaves one",
                     config->resume);
    else if ((log = moth_log_open(from, err)))
        result = check_header(moth_log_header(log), game, config->resume, corpus, err);
    if (result == 0)
        *seed = moth_log_header(log)->seed;
    char *there = realpath(from, NULL), *here = realpath(path, NULL);
    bool same = there && here && strcmp(there, here) == 0;
    if (result == 0 && !same)
        result = moth_fs_copy(from, path, 0644, err);
    free(there);
    free(here);
    moth_log_close(log);
    free(from);
    return result;
}

/* Is there one to take over? One that was killed as it began has a journal and no more. */
static bool has_archive(const struct moth_fleet_config *config)
{
    if (!config->resume)
        return false;
    char *archive = moth_fleet_archive_path(config->resume), *journal = moth_journal_path(config->resume);
    bool begun = access(archive, F_OK) != 0 && access(journal, F_OK) == 0;
    free(journal);
    free(archive);
    return !begun;
}

int moth_fleet_open_archive(const struct moth_fleet_config *config, uint64_t *seed,
                            void (*warn)(void *context, const char *sentence), void *context,
                            struct moth_err *err)
{
    *seed = moth_plan_seed(config->seed, 0);
    char *path = moth_fleet_archive_path(config->out);
    struct moth_game_info game;
    struct corpus corpus = {.program = name_of(config->argv[0]), .warn = warn, .context = context};
    int result = 0;
    if (!moth_fleet_explores(config)) {
        if (!config->resume)
            unlink(path); /* of an earlier run, in the same folder */
    } else if ((result = moth_game_inspect(config->argv[0], &game, err)) == 0) {
        struct moth_log_header header = {
            .program = (char *)(uintptr_t)corpus.program, .build_id = game.build_id, .seed = *seed};
        result = has_archive(config) ? take_over(config, path, &game, &corpus, seed, err)
                                : moth_log_create(path, &header, err);
        if (result == 0)
            result = add_recordings(config, path, &corpus, err);
    }
    free(path);
    return result;
}
