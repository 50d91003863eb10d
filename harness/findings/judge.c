/* SPDX-License-Identifier: MIT */
#include "findings/judge.h"

#include "detect/leak.h"
#include "detect/softlock.h"

uint32_t moth_judge_window_frames(const struct moth_judge_config *config)
{
    return (config->softlock_s ? config->softlock_s : MOTH_SOFTLOCK_SECONDS) * config->hz;
}

int moth_judge_stuck(struct moth_tree *tree, const struct moth_views *line,
                     const struct moth_judge_config *config, struct moth_proof *proof,
                     struct moth_finding **finding, struct moth_err *err)
{
    struct moth_prove_config how = {
        .seed = config->seed,
        .window_frames = moth_judge_window_frames(config),
        .interrupted = config->interrupted,
        .died = config->died,
        .context = config->context,
    };
    uint32_t frame = moth_tree_frame(tree);
    *finding = NULL;
    if (moth_prove(tree, line, &how, proof, err) != 0)
        return -1;
    if (proof->verdict == MOTH_PROVE_STUCK)
        *finding = moth_softlock_finding(proof, frame, config->hz);
    if (*finding)
        moth_finding_fingerprint(*finding);
    return 0;
}

struct moth_finding *moth_judge_laps(const struct moth_laps *laps, uint32_t frame)
{
    struct moth_finding *finding = moth_leak_finding(laps, frame);
    if (finding)
        moth_finding_fingerprint(finding);
    return finding;
}
