/* SPDX-License-Identifier: MIT */
#include "fleet/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "findings/store.h"
#include "fleet/explore.h"
#include "fleet/signals.h"
#include "fleet/supervisor.h"
#include "runner/cookie.h"

/* ---- the output folder ---- */

/* One run at a time in an output folder. The lock goes with the process. */
static int open_out(struct moth_supervisor *supervisor, struct moth_err *err)
{
    const char *out = supervisor->config->out;
    char *work = moth_fs_path("%s/.work", out);
    int result = moth_fs_make_dirs(out, err);
    if (result == 0) {
        supervisor->out_fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (supervisor->out_fd < 0)
            result = moth_err_sys(err, MOTH_ERR_IO, "cannot open %s", out);
        else if (flock(supervisor->out_fd, LOCK_EX | LOCK_NB) != 0)
            result = errno == EWOULDBLOCK
                         ? moth_err_set(err, MOTH_ERR_IO,
                                        "another run is writing to %s; give this one another -o", out)
                         : moth_err_sys(err, MOTH_ERR_IO, "cannot lock %s", out);
    }
    if (result == 0 && (moth_fs_remove_tree(work, err) != 0 || moth_fs_make_dirs(work, err) != 0))
        result = -1;
    if (result == 0)
        moth_store_clean(out);
    free(work);
    return result;
}

static void close_out(struct moth_supervisor *supervisor)
{
    char *work = moth_fs_path("%s/.work", supervisor->config->out);
    moth_fs_remove_tree(work, NULL);
    free(work);
    close(supervisor->out_fd);
}

/* ---- begin and end ---- */

struct moth_fleet_result {
    struct moth_fleet_config config; /* the caller's, with the world's seed */
    struct moth_tally tally;
    struct moth_run_summary summary;
    struct moth_finding **findings; /* the summary's; the findings themselves are the tally's */
};

static void warn(void *context, const char *sentence)
{
    moth_tally_warn(context, "%s", sentence);
}

static void sum_up_archive(const struct moth_fleet_config *config, struct moth_coverage *coverage)
{
    struct moth_explore_summary summary;
    char *path = moth_fleet_archive_path(config->out);
    if (moth_fleet_explores(config) && moth_explore_summarise(path, &summary, NULL) == 0)
        *coverage = (struct moth_coverage){.known = true,
                                           .cells = summary.cells,
                                           .reference = summary.reference,
                                           .rollouts = summary.rollouts,
                                           .deepest_frame = summary.deepest_frame,
                                           .restores = summary.counts.restores,
                                           .rebuilds = summary.counts.rebuilds,
                                           .frames_rebuilt = summary.counts.frames_rebuilt};
    free(path);
}

static void forget_in_child(void *context)
{
    struct moth_supervisor *supervisor = context;
    moth_signals_forget();
    moth_reaper_forget(&supervisor->reaper);
}

static int run(struct moth_supervisor *supervisor, struct moth_err *err)
{
    if (moth_plan_init(&supervisor->plan, supervisor->config) != 0 ||
        moth_workers_init(&supervisor->workers, supervisor->config, supervisor->run) != 0)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u workers", supervisor->config->workers);
    supervisor->workers.in_child = forget_in_child;
    supervisor->workers.context = supervisor;
    supervisor->begin_ns = moth_clock_monotonic_ns();
    supervisor->playing = true;
    return moth_supervise(supervisor, err);
}

int moth_fleet_run(const struct moth_fleet_config *wanted, struct moth_fleet_result **result,
                   struct moth_err *err)
{
    *result = calloc(1, sizeof **result);
    if (!*result)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a run");
    struct moth_fleet_config *config = &(*result)->config;
    *config = *wanted;
    struct moth_supervisor supervisor = {.config = config, .out_fd = -1};
    moth_tally_init(&(*result)->tally, config);
    snprintf(supervisor.run, sizeof supervisor.run, "%s", moth_cookie());
    supervisor.tally = &(*result)->tally;
    int failed = moth_reaper_start(&supervisor.reaper, err);
    if (failed == 0 && (failed = open_out(&supervisor, err)) == 0 &&
        (failed = moth_fleet_open_archive(config, &config->world_seed, warn, supervisor.tally, err)) == 0 &&
        (failed = moth_signals_catch(err)) == 0) {
        moth_reaper_adopt();
        failed = run(&supervisor, err);
        moth_workers_fini(&supervisor.workers);
        moth_plan_fini(&supervisor.plan);
        moth_signals_release();
        double wall_s = (double)(moth_clock_monotonic_ns() - supervisor.begin_ns) / (double)MOTH_NS_PER_S;
        moth_tally_summarise(supervisor.tally, supervisor.interrupted, wall_s, &(*result)->summary,
                             &(*result)->findings);
        sum_up_archive(config, &(*result)->summary.coverage);
    }
    if (supervisor.out_fd >= 0)
        close_out(&supervisor);
    moth_reaper_stop(&supervisor.reaper);
    free(supervisor.again.at);
    free(supervisor.verify.at);
    free(supervisor.minimize.at);
    if (failed != 0) {
        moth_fleet_result_free(*result);
        *result = NULL;
    }
    return failed;
}

const struct moth_run_summary *moth_fleet_summary(const struct moth_fleet_result *result)
{
    return &result->summary;
}

void moth_fleet_result_free(struct moth_fleet_result *result)
{
    if (!result)
        return;
    moth_tally_fini(&result->tally);
    free(result->findings);
    free(result);
}
