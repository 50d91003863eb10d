/* SPDX-License-Identifier: MIT */
#include "reports/reporters.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "reports/github.h"
#include "reports/reports.h"
#include "reports/workspace.h"

const struct moth_reporter_row moth_reporter_rows[MOTH_REPORTER_END] = {
#define X(NAME, name, file, text, live, where) {name, file, text, live},
    MOTH_REPORTERS(X)
#undef X
};

/* Writing it again would need the room twice, on a disk that may be full because of it. */
static bool is_there(const char *path, const char *text)
{
    size_t size = 0, length = strlen(text);
    char *there = moth_fs_read(path, length + 1, &size, NULL);
    bool same = there && size == length && memcmp(there, text, length) == 0;
    free(there);
    return same;
}

static int write_one(const struct moth_reporter_row *row, const struct moth_run_summary *summary, const char *folder,
                     struct moth_err *err)
{
    char *path = moth_fs_path("%s/%s", folder, row->file), *text = row->text(summary);
    int result = 0;
    if (!text)
        result = moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    else if (!is_there(path, text))
        result = moth_fs_write_atomic(path, text, strlen(text), err);
    free(text);
    free(path);
    return result;
}

int moth_reporters_write(uint64_t wanted, const struct moth_run_summary *summary, const char *folder, bool lasts,
                         struct moth_err *err)
{
    for (size_t i = 0; i < MOTH_REPORTER_END; i++) {
        const struct moth_reporter_row *row = &moth_reporter_rows[i];
        if (!(wanted >> i & 1) || !row->text || (lasts && !row->live))
            continue;
        if (write_one(row, summary, folder, err) != 0)
            return -1;
    }
    return 0;
}

int moth_reporters_tell(uint64_t wanted, const struct moth_run_summary *summary, FILE *out, struct moth_err *err)
{
    const char *step_summary = getenv("GITHUB_STEP_SUMMARY");
    if (wanted & MOTH_REPORTER_LIST)
        moth_report_list(summary, out);
    if (!(wanted & MOTH_REPORTER_GITHUB))
        return 0;
    moth_report_github(summary, moth_workspace_root(), out);
    return step_summary && *step_summary ? moth_report_github_summary(summary, step_summary, err) : 0;
}
