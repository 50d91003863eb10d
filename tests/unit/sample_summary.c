/* SPDX-License-Identifier: MIT */
#include "sample_summary.h"

#include <string.h>

static char *nasty_stack[] = {(char *)(uintptr_t) "f<int>(\"x\") a&b.c:1 (game)", (char *)(uintptr_t)NASTY};

void sample_fill(struct sample *sample)
{
    static const char *const argv[] = {"./game", "--level", "a\xff", NULL};
    static const char *const warnings[] = {"the game writes outside its folder " NASTY};
    static const char *const faults[] = {"bot.lua:3: no\nstack traceback:\n\t[C]: in ?"};
    *sample = (struct sample){0};
    sample->findings[0] =
        (struct moth_finding){.kind = MOTH_FINDING_CRASH,
                              .fingerprint = "1-crash-00112233445566aa",
                              .title = (char *)(uintptr_t)NASTY,
                              .stack = nasty_stack,
                              .n_stack = 2,
                              .agent = (char *)(uintptr_t) "monkey",
                              .seed = 77,
                              .frame = 300,
                              .inputs = 12,
                              .times_seen = 3,
                              .reproduced = 10,
                              .attempts = 10,
                              .status = MOTH_FINDING_STATUS_NEW,
                              .trace = (char *)(uintptr_t) "findings/1-crash-00112233445566aa/trace.moth"};
    sample->findings[1] = sample->findings[0];
    sample->findings[1].kind = MOTH_FINDING_EXIT;
    strcpy(sample->findings[1].fingerprint, "1-exit-00112233445566bb");
    sample->findings[1].title = (char *)(uintptr_t) "exit with status 3";
    sample->findings[1].reproduced = 4;
    for (size_t i = 0; i < 2; i++)
        sample->pointers[i] = &sample->findings[i];
    sample->records[0] = (struct moth_instance_record){0, "monkey", 76, 1000, 1.5, "budget", NULL, NULL, NULL, NULL};
    sample->records[1] =
        (struct moth_instance_record){1, "monkey", 77, 300, 0.5, "crash", "1-crash-00112233445566aa", NULL, NULL, NULL};
    sample->records[2] =
        (struct moth_instance_record){2, "bots/<mine>.lua", 78, 10, 0.1, "error", NULL, "bot.lua:3: " NASTY, NULL, NULL};
    sample->records[3] =
        (struct moth_instance_record){3, "monkey", 79, 200, 0.2, "exit", "1-exit-00112233445566bb", NULL, NULL, NULL};
    sample->summary = (struct moth_run_summary){.verdict = MOTH_VERDICT_NEW_FINDINGS,
                                                .exit_code = 1,
                                                .argv = argv,
                                                .build_id = "abcd",
                                                .seed = 1,
                                                .workers = 2,
                                                .instances = 4,
                                                .frames_total = 1510,
                                                .virtual_s = 25.17,
                                                .wall_s = 2.0,
                                                .findings = sample->pointers,
                                                .n_findings = 2,
                                                .records = sample->records,
                                                .n_records = 4,
                                                .warnings = warnings,
                                                .n_warnings = 1,
                                                .agent_faults = faults,
                                                .n_agent_faults = 1,
                                                .frame_times = {.n = 100, .p50 = 1.5, .p95 = 2.5, .p99 = 3.5, .max = 4.5},
                                                .out = "moth-out"};
    struct moth_memory_summary *memory = &sample->summary.frame_times.memory;
    *memory = (struct moth_memory_summary){.rss_mb = 40, .heap_mb = 20, .points = {{60, 40 << 20, 20 << 20}}, .n = 1,
                                           .scenes = {{"<b>cave|", 40 << 20, 20 << 20}, {"menu", 9 << 20, 0}},
                                           .n_scenes = 2};
}
