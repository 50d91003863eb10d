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
#include "base/log.h"
#include "findings/store.h"
#include "fleet/disk.h"
#include "fleet/explore.h"
#include "fleet/resume.h"
#include "fleet/signals.h"
#include "fleet/supervisor.h"
#include "fleet/tell.h"
#include "runner/cgroup.h"
#include "runner/cookie.h"

#define DYING_NS (15 * MOTH_NS_PER_S)
#define ARCHIVE_SHARE 50u /* counting what was explored takes at most this part of the time */

/* ---- the output folder ---- */

/* Ordinary traces of a run before this one: their numbers would be taken for ours. */
static void forget_traces(const char *out)
{
    char *traces = moth_fs_path("%s/traces", out);
    moth_fs_remove_tree(traces, NULL);
    free(traces);
}

/* One run at a time in an output folder. The workers hold the lock too, so it goes with the last of them: a
 * run that is gone on with as soon as it was killed waits for those that are still dying. */
static int lock_out(struct moth_supervisor *supervisor, struct moth_err *err)
{
    const char *out = supervisor->config->out;
    supervisor->out_fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (supervisor->out_fd < 0)
        return moth_err_sys(err, MOTH_ERR_IO, "cannot open %s", out);
    uint64_t until_ns = moth_clock_monotonic_ns() + (supervisor->config->resume ? DYING_NS : 0);
    int result;
    while ((result = flock(supervisor->out_fd, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK &&
           moth_clock_monotonic_ns() < until_ns)
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    if (result != 0 && errno == EWOULDBLOCK)
        return moth_err_set(err, MOTH_ERR_IO, "another run is writing to %s; give this one another -o", out);
    return result == 0 ? 0 : moth_err_sys(err, MOTH_ERR_IO, "cannot lock %s", out);
}

static int open_out(struct moth_supervisor *supervisor, struct moth_err *err)
{
    const char *out = supervisor->config->out;
    char *work = moth_fs_path("%s/.work", out);
    int result = moth_fs_make_dirs(out, err);
    if (result == 0)
        result = lock_out(supervisor, err);
    if (result == 0 && (moth_fs_remove_tree(work, err) != 0 || moth_fs_make_dirs(work, err) != 0))
        result = -1;
    if (result == 0) {
        moth_store_clean(out);
        moth_disk_reserve(out);
        if (!supervisor->config->resume)
            forget_traces(out);
    }
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
    uint64_t archive_ns;            /* when its coverage may be counted again */
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

/* So that whoever looks at a finding's folder sees what is known of it. */
static void store_statuses(const char *out, const struct moth_run_summary *summary)
{
    for (size_t i = 0; i < summary->n_findings; i++) {
        struct moth_err err;
        if (summary->findings[i]->trace && moth_store_status(out, summary->findings[i], &err) != 0)
            moth_log_warning("%s", err.message);
    }
}

/* Cheap to ask often: the archive is large, and is read again only now and then. */
static void sum_up(struct moth_supervisor *supervisor, bool complete)
{
    struct moth_fleet_result *result = supervisor->result;
    struct moth_coverage coverage = result->summary.coverage;
    uint64_t begin_ns = moth_clock_monotonic_ns();
    if (complete || begin_ns >= result->archive_ns) {
        sum_up_archive(supervisor->config, &coverage);
        uint64_t took_ns = moth_clock_monotonic_ns() - begin_ns;
        result->archive_ns = begin_ns + took_ns * ARCHIVE_SHARE;
    }
    moth_tally_summarise(supervisor->tally, supervisor->interrupted,
                         (double)moth_supervisor_wall_ms(supervisor) / 1000, &result->summary,
                         &result->findings);
    result->summary.coverage = coverage;
    if (complete && supervisor->config->know)
        store_statuses(supervisor->config->out, &result->summary);
    result->summary.complete = complete && !supervisor->interrupted;
}

void moth_supervisor_report(struct moth_supervisor *supervisor)
{
    sum_up(supervisor, false);
    supervisor->config->report(supervisor->config->context, &supervisor->result->summary);
}

static int run(struct moth_supervisor *supervisor, struct moth_err *err)
{
    if (moth_plan_init(&supervisor->plan, supervisor->config) != 0 ||
        moth_workers_init(&supervisor->workers, supervisor->config, supervisor->run) != 0)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u workers", supervisor->config->workers);
    supervisor->workers.bus = supervisor->bus;
    supervisor->begin_ns = moth_clock_monotonic_ns();
    supervisor->playing = true;
    return moth_resume_replay(supervisor, err) == 0 ? moth_supervise(supervisor, err) : -1;
}

/* The last that the journal is told. */
static void note_end(struct moth_supervisor *supervisor)
{
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_u64(&body, moth_supervisor_wall_ms(supervisor));
    moth_supervisor_note(supervisor, MOTH_JOURNAL_TIME, &body);
    moth_buf_clear(&body);
    if (!supervisor->interrupted)
        moth_supervisor_note(supervisor, MOTH_JOURNAL_END, &body);
    moth_buf_fini(&body);
    moth_journal_sync(supervisor->journal);
}

static int begin(struct moth_supervisor *supervisor, struct moth_fleet_config *config, struct moth_err *err)
{
    moth_cgroup_open(NULL, moth_cookie()); /* before anything is forked: it must be alone */
    moth_reaper_also(moth_tell_clear, config);
    if (moth_reaper_start(&supervisor->reaper, err) != 0 || open_out(supervisor, err) != 0 ||
        moth_resume_open(supervisor, config, err) != 0 ||
        moth_fleet_open_archive(config, &config->world_seed, warn, supervisor->tally, err) != 0 ||
        moth_tell_open(supervisor, err) != 0 || moth_signals_catch(err) != 0)
        return -1;
    return 0;
}

int moth_fleet_run(const struct moth_fleet_config *wanted, struct moth_fleet_result **result,
                   struct moth_err *err)
{
    *result = calloc(1, sizeof **result);
    if (!*result)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a run");
    struct moth_fleet_config *config = &(*result)->config;
    *config = *wanted;
    config->adaptive = wanted->adaptive && wanted->frames == 0 && wanted->shards <= 1 && wanted->n_agents > 1;
    struct moth_supervisor supervisor = {
        .config = config, .out_fd = -1, .result = *result, .tally = &(*result)->tally, .reaper = MOTH_REAPER_NONE};
    snprintf(supervisor.run, sizeof supervisor.run, "%s", moth_cookie());
    int failed = moth_tally_init(supervisor.tally, config);
    if (failed != 0)
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %zu agents", config->n_agents);
    else if ((failed = begin(&supervisor, config, err)) == 0) {
        /* As it is now: one that is gone on with has its own seed and token. */
        moth_plan_name(config, supervisor.tally->plan);
        moth_plan_name_of_builds(config, supervisor.tally->builds_plan);
        snprintf(supervisor.tally->run, sizeof supervisor.tally->run, "%s", supervisor.run);
        moth_reaper_adopt();
        failed = run(&supervisor, err);
        moth_workers_fini(&supervisor.workers);
        moth_plan_fini(&supervisor.plan);
        moth_signals_release();
        note_end(&supervisor);
        sum_up(&supervisor, true);
    }
    moth_tell_close(&supervisor, failed == 0 ? &(*result)->summary : NULL);
    moth_journal_close(supervisor.journal);
    if (supervisor.out_fd >= 0)
        close_out(&supervisor);
    moth_reaper_stop(&supervisor.reaper);
    moth_cgroup_close();
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
