/* SPDX-License-Identifier: MIT
 *
 * Journals whose checksums hold and whose contents do not: an even first byte puts the rest of the input, cut into
 * records (type, size, payload), behind a header; an odd one takes it as it is. Whatever it says, the run that is
 * gone on with has a plan, and queues only instances that its agents can play.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "base/fs.h"
#include "fleet/resume.h"

static const struct moth_journal_run run = {
    .token = "no-such-run", .program = "g", .build_id = "b", .identity = "", .seed = 1};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void append_records(const char *path, struct moth_cursor *in)
{
    struct moth_journal *journal = moth_journal_create(path, &run, NULL);
    while (journal && moth_cursor_left(in) > 3) {
        uint8_t type = moth_cursor_u8(in);
        size_t size = moth_cursor_u16(in) % (moth_cursor_left(in) + 1);
        struct moth_buf body;
        moth_buf_init(&body);
        moth_buf_put(&body, moth_cursor_take(in, size), size);
        moth_journal_append(journal, (enum moth_journal_type)(2 + type % 8), &body, NULL);
        moth_buf_fini(&body);
    }
    moth_journal_close(journal);
}

static void go_on(void)
{
    static const char *const argv[] = {"g", NULL};
    const struct moth_fleet_agent agents[] = {{.name = "a", .weight = 1}, {.name = "b", .weight = 2}};
    const struct moth_fleet_config config = {.argv = argv,
                                             .agents = agents,
                                             .n_agents = 2,
                                             .seed = 1,
                                             .frames = 100000,
                                             .instance_frames = 600,
                                             .workers = 2,
                                             .out = fuzz_folder()};
    struct moth_tally tally;
    struct moth_supervisor supervisor = {.config = &config, .tally = &tally, .resumes = true, .run = "no-such-run"};
    if (moth_tally_init(&tally, &config) != 0 || moth_plan_init(&supervisor.plan, &config) != 0)
        abort();
    if (moth_resume_replay(&supervisor, NULL) == 0) {
        for (size_t i = 0; i < supervisor.again.n; i++)
            must(supervisor.again.at[i].job.agent < config.n_agents && !supervisor.again.at[i].job.scenario);
        struct moth_plan_job job;
        if (moth_plan_next(&supervisor.plan, &job) == MOTH_PLAN_JOB)
            must(job.agent < config.n_agents && job.frames > 0);
    }
    moth_journal_close(supervisor.journal);
    free(supervisor.again.at);
    free(supervisor.verify.at);
    free(supervisor.minimize.at);
    moth_plan_fini(&supervisor.plan);
    moth_tally_fini(&tally);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    if (size_bytes == 0)
        return 0;
    char *path = moth_journal_path(fuzz_folder());
    struct moth_cursor in = moth_cursor_on(bytes + 1, size_bytes - 1);
    if (bytes[0] % 2 == 0)
        append_records(path, &in);
    else if (moth_fs_write_atomic(path, bytes + 1, size_bytes - 1, NULL) != 0)
        abort();
    go_on();
    free(path);
    return 0;
}
