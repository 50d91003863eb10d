/* SPDX-License-Identifier: MIT
 *
 * Proof by branches that a game is stuck: from where it stands, many differently seeded attempts try to
 * get on, and each is taken back.
 *
 * Two claims can be proved. DEAD: whatever is pressed, all ways show the very same pictures at the same
 * frames, through minutes of waiting, though the game had shown something else before. TRAP: inputs do
 * something, but lead only round and round in a small set of states; those seen before it was entered are
 * never met again, every way comes back into the set, and the last third of all that was tried met nothing
 * new. What is proved is therefore bounded: so many ways of so many frames.
 *
 * Everything that could mean progress speaks against it: a state from before, more and more new states, a
 * way that does not come back, inputs that work again after waiting, the game's own word that it waits
 * (moth_waiting), an ending that most ways reach. Closing the game is no progress. When in doubt it is no
 * proof. Deterministic: the attempts come from the seed and the frame, no clock is asked.
 */
#ifndef MOTH_BRANCH_PROVE_H
#define MOTH_BRANCH_PROVE_H

#include "branch/tree.h"
#include "branch/view.h"

enum moth_prove_verdict {
    MOTH_PROVE_ALIVE, /* nothing speaks for it: two short branches were enough to see */
    MOTH_PROVE_LEFT,  /* a way led out */
    MOTH_PROVE_OPEN,  /* there was always something new, or too little to go by */
    MOTH_PROVE_STUCK  /* proved */
};

struct moth_prove_config {
    uint64_t seed;          /* of the attempts */
    uint32_t window_frames; /* how long the game has seemed stuck: states of the line since then are the
                               suspects */
    /* Asked between attempts; true gives up. May be NULL. */
    bool (*interrupted)(void *context);
    /* The game died on a way, and the tree stands there. May be NULL. */
    void (*died)(void *context);
    void *context;
};

struct moth_proof {
    enum moth_prove_verdict verdict;
    bool dead;            /* the claim: DEAD, else TRAP */
    const char *why;      /* static: what spoke for or against it */
    uint32_t ways;        /* tried */
    uint32_t quits;       /* of them: the game was closed on the way */
    uint64_t frames;      /* of all ways */
    uint32_t longest;     /* frames of the longest */
    uint32_t states;      /* TRAP: size of the closed set */
    uint32_t entry_frame; /* since when the line shows nothing but it */
    uint64_t place;       /* names the state: what stands still in it */
};

/* Is the game stuck where the tree stands? `line` is what was seen on the way there, oldest first. When it
 * returns 0 the tree stands there again, and the game goes on as if nothing had been; -1 with err
 * (interrupted, or it could not be returned to). */
int moth_prove(struct moth_tree *tree, const struct moth_views *line, const struct moth_prove_config *config,
               struct moth_proof *proof, struct moth_err *err);

/* Play one attempt on from where the tree stands, into `views` (every MOTH_PROVE_LOOK_FRAMES). */
enum moth_step moth_prove_attempt(struct moth_tree *tree, unsigned kind, uint64_t seed, uint32_t frames,
                                  struct moth_views *views, struct moth_err *err);

#define MOTH_PROVE_LOOK_FRAMES 10u

#endif
