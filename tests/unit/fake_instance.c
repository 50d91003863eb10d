/* SPDX-License-Identifier: MIT
 *
 * instance.h without a game, for tests of what happens around instances. argv[1] says what the game
 * does: "clean", or one of these at boundary N, as "crash@N": crash, sometimes (in
 * every other instance of a process), exit0, exit3, hang, deadlock, killed,
 * fault, diverge (its virtual time differs in every instance of a process), suicide (kills the process that
 * plays it, unless the file argv[2] is there, which it makes), stray (starts a process that outlives it, its
 * pid in the file argv[2]), seeded (crashes with an odd seed, at a boundary that depends on it); or, from the
 * start: missing, noframe. "crash" crashes in the function argv[2] where that is given. Inputs are heard in
 * the audio chain. It can be forked where fake_instance.h says so.
 */
#include "runner/snapshot.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "fake_instance.h"
#include "runner/cookie.h"
#include "unwind/unwind.h"

struct moth_instance {
    struct moth_instance_config config;
    struct moth_channel *channel;
    struct moth_observation last;
    struct moth_death death;
    struct moth_game_info game;
    char what[32];
    uint32_t at, number;
    const char *argument;
};

int moth_game_inspect(const char *program, struct moth_game_info *info, struct moth_err *err)
{
    (void)err;
    memset(info, 0, sizeof *info);
    snprintf(info->path, sizeof info->path, "%s", program);
    strcpy(info->build_id, "fa4e");
    return 0;
}

static void observe(struct moth_instance *instance)
{
    instance->last.frame++;
    instance->last.time_ns = instance->last.frame * 16666667ull;
    instance->last.cpu_ns = 1000000;
    instance->last.random_chain = instance->config.channel.seed * 31 + instance->last.frame;
}

struct moth_instance *moth_instance_launch(const struct moth_instance_config *config, struct moth_err *err)
{
    const char *does = config->argv[1] ? config->argv[1] : "clean";
    if (strcmp(does, "missing") == 0) {
        moth_err_set(err, MOTH_ERR_LAUNCH, "%s is not there", config->argv[0]);
        return NULL;
    }
    static uint32_t launched;
    fake_forks.launched++;
    struct moth_instance *instance = calloc(1, sizeof *instance);
    instance->number = launched++;
    instance->channel = aligned_alloc(_Alignof(struct moth_channel), sizeof *instance->channel);
    if (!instance->channel)
        abort();
    memset(instance->channel, 0, offsetof(struct moth_channel, pixels)); /* the rest is never touched */
    instance->config = *config;
    instance->argument = config->argv[1] ? config->argv[2] : NULL;
    moth_game_inspect(config->argv[0], &instance->game, NULL);
    if (sscanf(does, "%31[^@]@%u", instance->what, &instance->at) < 1)
        strcpy(instance->what, "clean");
    if (strcmp(does, "noframe") == 0) {
        instance->death.how = MOTH_STEP_EXIT;
        instance->death.exit_status = 1;
    } else {
        observe(instance);
    }
    return instance;
}

static void add_frame(struct moth_fiber_stack *fiber, const char *symbol, const char *file, int line,
                      const char *module)
{
    fiber->frames = realloc(fiber->frames, (fiber->n_frames + 1) * sizeof *fiber->frames);
    fiber->frames[fiber->n_frames++] = (struct moth_frame){
        .symbol = strdup(symbol), .file = file ? strdup(file) : NULL, .line = line, .module = strdup(module)};
}

static enum moth_step die(struct moth_instance *instance, enum moth_step how, const char *function)
{
    instance->death.how = how;
    instance->death.frame = instance->last.frame;
    instance->death.signal = SIGSEGV;
    instance->death.unwound = calloc(1, sizeof *instance->death.unwound);
    instance->death.unwound->fibers = calloc(1, sizeof *instance->death.unwound->fibers);
    instance->death.unwound->n_fibers = 1;
    struct moth_fiber_stack *fiber = &instance->death.unwound->fibers[0];
    fiber->owner = -1;
    add_frame(fiber, function, "/src/game.c", 42, "game");
    add_frame(fiber, "update", "/src/game.c", 80, "game");
    add_frame(fiber, "main", "/src/game.c", 99, "game");
    add_frame(fiber, "__libc_start_main", NULL, 0, "libc.so.6");
    instance->death.stacks = moth_stacks_text(instance->death.unwound);
    return how;
}

static void write_number(const char *path, long number)
{
    FILE *file = fopen(path, "w");
    if (!file)
        abort();
    fprintf(file, "%ld\n", number);
    fclose(file);
}

static void commit_suicide(const char *path)
{
    if (access(path, F_OK) == 0)
        return;
    write_number(path, getpid());
    raise(SIGKILL);
}

static void leave_stray(const char *path)
{
    char variable[128];
    snprintf(variable, sizeof variable, MOTH_COOKIE_VARIABLE "=%s", moth_cookie());
    char *environment[] = {variable, NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        write_number(path, getpid());
        execle("/bin/sleep", "sleep", "1000", (char *)NULL, environment);
        _exit(1);
    }
    /* The pipe is closed when both forks are gone or have become another program. */
    close(ends[1]);
    char byte;
    while (read(ends[0], &byte, 1) > 0)
        continue;
    close(ends[0]);
}

static enum moth_step happen(struct moth_instance *instance, struct moth_err *err)
{
    const char *what = instance->what;
    if (strcmp(what, "crash") == 0)
        return die(instance, MOTH_STEP_CRASH, instance->argument ? instance->argument : "player_move");
    if (strcmp(what, "sometimes") == 0 && instance->number % 2 == 0)
        return die(instance, MOTH_STEP_CRASH, "player_move");
    if (strcmp(what, "once") == 0 && access(instance->argument, F_OK) != 0) {
        write_number(instance->argument, 1);
        return die(instance, MOTH_STEP_CRASH, "player_move");
    }
    if (strcmp(what, "hang") == 0)
        return die(instance, MOTH_STEP_HANG, "find_path");
    if (strcmp(what, "deadlock") == 0)
        return die(instance, MOTH_STEP_DEADLOCK, "take_lock");
    if (strcmp(what, "killed") == 0)
        return instance->death.how = MOTH_STEP_KILLED;
    if (strncmp(what, "exit", 4) == 0) {
        instance->death.frame = instance->last.frame;
        instance->death.exit_status = what[4] - '0';
        return instance->death.how = MOTH_STEP_EXIT;
    }
    if (strcmp(what, "fault") == 0) {
        moth_err_set(err, MOTH_ERR_SYSTEM, "the fake instance is at fault");
        return MOTH_STEP_FAULT;
    }
    if (strcmp(what, "suicide") == 0)
        commit_suicide(instance->argument);
    if (strcmp(what, "stray") == 0)
        leave_stray(instance->argument);
    if (strcmp(what, "diverge") == 0)
        instance->last.time_ns += instance->number;
    return MOTH_STEP_OK;
}

static bool is_time(const struct moth_instance *instance)
{
    if (strcmp(instance->what, "seeded") == 0)
        return instance->config.channel.seed % 2 &&
               instance->last.frame == 50 + instance->config.channel.seed % 100;
    return instance->at > 0 && instance->last.frame == instance->at;
}

enum moth_step moth_instance_step(struct moth_instance *instance, uint32_t frames,
                                  const struct moth_input_event *events, size_t n_events, uint32_t want,
                                  uint32_t stop, struct moth_observation *observed, uint32_t *n_observed,
                                  struct moth_err *err)
{
    (void)want, (void)stop;
    for (uint32_t i = 0; i < frames; i++) {
        if (is_time(instance)) {
            if (strcmp(instance->what, "seeded") == 0)
                return die(instance, MOTH_STEP_CRASH, "player_move");
            enum moth_step step = happen(instance, err);
            if (step != MOTH_STEP_OK)
                return step;
        }
        observe(instance);
        for (size_t event = 0; event < n_events; event++) /* what is pressed can be heard */
            if (events[event].frame == i)
                instance->last.audio_chain = instance->last.audio_chain * 31 + events[event].code +
                                             ((uint64_t)events[event].type << 16) + instance->last.frame;
        if (strcmp(instance->what, "diverge") == 0 && instance->last.frame > instance->at)
            happen(instance, err);
        if (observed)
            observed[i] = instance->last;
        if (n_observed)
            *n_observed = i + 1;
    }
    return MOTH_STEP_OK;
}

const struct moth_observation *moth_instance_last(const struct moth_instance *instance)
{
    return &instance->last;
}

const struct moth_death *moth_instance_death(const struct moth_instance *instance)
{
    return &instance->death;
}

const struct moth_channel *moth_instance_channel(const struct moth_instance *instance)
{
    return instance->channel;
}

const struct moth_channel *moth_instance_culprit_channel(const struct moth_instance *instance)
{
    return instance->channel;
}

const char *moth_instance_culprit(const struct moth_instance *instance)
{
    (void)instance;
    return NULL;
}

unsigned moth_instance_members(const struct moth_instance *instance)
{
    (void)instance;
    return 1;
}

bool moth_instance_member(const struct moth_instance *instance, unsigned index, struct moth_member_info *info)
{
    *info = (struct moth_member_info){.name = "game", .frame = instance->last.frame};
    return index == 0;
}

const struct moth_game_info *moth_instance_game(const struct moth_instance *instance)
{
    return &instance->game;
}

uint32_t moth_instance_announcements(struct moth_instance *instance,
                                 void (*fn)(const struct moth_announcement *said, void *context), void *context)
{
    (void)instance;
    (void)fn;
    (void)context;
    return 0;
}

enum moth_step moth_instance_call(struct moth_instance *instance, const char *text, char *result, size_t size,
                                  struct moth_err *err)
{
    (void)instance;
    (void)text;
    if (result && size > 0)
        result[0] = '\0';
    moth_err_set(err, MOTH_ERR_USAGE, "nothing can be called here");
    return MOTH_STEP_FAULT;
}

enum moth_step moth_instance_make_calls(struct moth_instance *instance, const struct moth_input_event *events,
                                        size_t n_events, uint32_t frame, struct moth_err *err)
{
    (void)instance;
    (void)events;
    (void)n_events;
    (void)frame;
    (void)err;
    return MOTH_STEP_OK;
}

int moth_instance_call_signature(struct moth_instance *instance, const char *name, char *text, size_t size,
                                 struct moth_err *err)
{
    (void)instance;
    (void)size;
    text[0] = '\0';
    return moth_err_set(err, MOTH_ERR_USAGE, "nothing is known of %s here", name);
}

void moth_instance_point(struct moth_instance *instance, struct moth_call *call)
{
    (void)instance;
    (void)call;
}

struct moth_symbols *moth_instance_symbols(struct moth_instance *instance, struct moth_err *err)
{
    (void)instance;
    moth_err_set(err, MOTH_ERR_USAGE, "nothing is known of it here");
    return NULL;
}

pid_t moth_instance_pid(const struct moth_instance *instance)
{
    (void)instance;
    return -1;
}

int moth_instance_picture(struct moth_instance *instance, uint64_t *hash, struct moth_err *err)
{
    (void)err;
    *hash = instance->last.frame;
    return 0;
}

int moth_instance_cell(struct moth_instance *instance, uint8_t *grid, struct moth_err *err)
{
    (void)err;
    memset(grid, (int)(instance->last.frame & 0xff), MOTH_CELL_ROWS * MOTH_CELL_COLUMNS);
    return 0;
}

int moth_instance_pixels(struct moth_instance *instance, struct moth_picture *picture, struct moth_err *err)
{
    static const uint8_t pixels[16] = {1, 2, 3};
    (void)err;
    *picture = (struct moth_picture){
        .pixels = pixels, .width = 2, .height = 2, .sequence = instance->last.frame};
    return 0;
}

int moth_instance_screenshot(struct moth_instance *instance, const char *path, struct moth_err *err)
{
    (void)instance;
    return moth_fs_write_atomic(path, "png", 3, err);
}

size_t moth_instance_log_tail(struct moth_instance *instance, char *buffer, size_t size)
{
    (void)instance;
    return (size_t)snprintf(buffer, size, "the fake game says hello\n");
}

int moth_instance_log_save(struct moth_instance *instance, const char *path, struct moth_err *err)
{
    (void)instance;
    return moth_fs_write_atomic(path, "the fake game says hello\n", 25, err);
}

void moth_instance_warnings(const struct moth_instance *instance,
                            void (*fn)(const char *sentence, void *context), void *context)
{
    (void)instance;
    fn("the fake game warns", context);
}

int moth_instance_sample(struct moth_instance *instance, struct moth_err *err)
{
    (void)instance, (void)err;
    return 0;
}

int moth_instance_arm(struct moth_instance *instance, struct moth_err *err)
{
    (void)instance, (void)err;
    return 0;
}

void moth_instance_close(struct moth_instance *instance)
{
    moth_stacks_free(instance->death.unwound);
    free(instance->death.stacks);
    free(instance->channel);
    free(instance);
}

/* ---- forks ---- */

struct fake_forks fake_forks;

struct moth_snapshot {
    struct moth_observation last;
    uint32_t number;
    bool killed, packed;
};

struct moth_snapshot *moth_instance_snapshot(struct moth_instance *instance, struct moth_err *err)
{
    if (!fake_forks.can || instance->death.how != MOTH_STEP_OK) {
        moth_err_set(err, MOTH_ERR_SYSTEM, "the fake game cannot be forked");
        return NULL;
    }
    struct moth_snapshot *snapshot = calloc(1, sizeof *snapshot);
    snapshot->last = instance->last;
    snapshot->number = instance->number;
    fake_forks.taken++;
    if (++fake_forks.live > fake_forks.most_live)
        fake_forks.most_live = fake_forks.live;
    return snapshot;
}

int moth_instance_restore(struct moth_instance *instance, struct moth_snapshot *snapshot,
                          struct moth_err *err)
{
    if (fake_forks.kill_restores > 0) {
        fake_forks.kill_restores--;
        snapshot->killed = true;
    }
    if (snapshot->killed)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the fake snapshot's process is gone");
    moth_stacks_free(instance->death.unwound);
    free(instance->death.stacks);
    instance->death = (struct moth_death){.how = MOTH_STEP_OK};
    instance->last = snapshot->last;
    instance->number = snapshot->number;
    fake_forks.restored++;
    return 0;
}

void moth_snapshot_release(struct moth_snapshot *snapshot)
{
    fake_forks.live -= snapshot != NULL;
    free(snapshot);
}

int moth_snapshot_pack(struct moth_snapshot *snapshot, struct moth_err *err)
{
    if (!fake_forks.can_pack)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the fake snapshot cannot be packed");
    fake_forks.packed += !snapshot->packed;
    snapshot->packed = true;
    return 0;
}

bool moth_snapshot_packed(const struct moth_snapshot *snapshot)
{
    return snapshot->packed;
}

uint64_t moth_snapshot_pss_bytes(const struct moth_snapshot *snapshot)
{
    if (snapshot == NULL)
        return 0;
    return snapshot->packed ? fake_forks.pss_bytes / 4 : fake_forks.pss_bytes;
}

const char *moth_instance_shared(const struct moth_instance *instance)
{
    (void)instance;
    return "";
}

const char *moth_step_name(enum moth_step step)
{
    static const char *const names[] = {"ok",   "crash",  "hang",   "deadlock",
                                        "exit", "memory", "killed", "fault"};
    return names[step];
}

enum moth_step moth_instance_step_sampled(struct moth_instance *instance, const struct moth_input_event *events,
                                          size_t n_events, uint32_t want, uint64_t period_ns,
                                          void (*sampled)(void *context), void *context, struct moth_err *err)
{
    (void)period_ns, (void)sampled, (void)context;
    return moth_instance_step(instance, 1, events, n_events, want, 0, NULL, NULL, err);
}
