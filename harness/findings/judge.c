/* SPDX-License-Identifier: MIT */
#include "findings/judge.h"

#include "detect/softlock.h"

int moth_judge_stuck(struct moth_tree *tree, const struct moth_views *line, const struct moth_trace_header *header,
                     const struct moth_replay_config *config, struct moth_proof *proof,
                     struct moth_finding **finding, struct moth_err *err)
{
    struct moth_proof own;
    struct moth_prove_config how = {
        .seed = header->seed,
        .window_frames = (config->softlock_s ? config->softlock_s : MOTH_SOFTLOCK_SECONDS) * header->hz,
        .interrupted = config->interrupted,
        .context = config->context,
    };
    uint32_t frame = moth_tree_frame(tree);
    proof = proof ? proof : &own;
    *finding = NULL;
    if (moth_prove(tree, line, &how, proof, err) != 0)
        return -1;
    if (proof->verdict == MOTH_PROVE_STUCK)
        *finding = moth_softlock_finding(proof, frame, header->hz);
    return 0;
}
