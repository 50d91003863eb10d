/* SPDX-License-Identifier: MIT
 *
 * Suspecting a softlock: the game shows frames, and does not go on.
 *
 * The watch over a play is told what was pressed and what was seen at each checkpoint, and says when it is
 * time for moth_prove to look: after so much game time in one scene, over all branches that were played in
 * it, in which different inputs were tried and nobody said that waiting is right. A scene is what differs
 * from another in few cells of the picture, so moving about in it, an animation or a clock does not make it
 * a new one. A few scenes that only lead into each other count as one, and a play whose picture is always new
 * is looked at too, at twice that distance: a freeze may go on with a moving sky. It is no more than a
 * suspicion, and never a finding.
 *
 * The watch follows a play that branches: a tip names what was seen up to a place, and is returned to with
 * it. Pure: no game, no files, no clock. One thread.
 */
#ifndef MOTH_DETECT_SOFTLOCK_H
#define MOTH_DETECT_SOFTLOCK_H

#include "branch/view.h"
#include "findings/finding.h"

struct moth_prove_config;
struct moth_proof;
struct moth_softlock; /* opaque */

/* `window_frames`: game time in one scene until it is suspect. NULL when memory is out. */
struct moth_softlock *moth_softlock_create(uint32_t window_frames);
void moth_softlock_destroy(struct moth_softlock *softlock);

void moth_softlock_input(struct moth_softlock *softlock, const struct moth_input_event *events,
                         size_t n_events);
/* `frames` passed since the last one on this line. */
void moth_softlock_view(struct moth_softlock *softlock, const struct moth_view *view, uint32_t frames);
/* Is it time to look here? */
bool moth_softlock_due(const struct moth_softlock *softlock);
/* The play is about to end: was it here long enough, and unlooked at, to be worth a look? */
bool moth_softlock_due_last(const struct moth_softlock *softlock);
/* Have the last views of this scene, on whatever line, brought hardly anything new? */
bool moth_softlock_settled(const struct moth_softlock *softlock);
/* It was looked at here. `in_vain`: a whole proof was tried, and it was none: the next comes later. `found`:
 * it was one; then nothing is due until there is a new scene or the play returns somewhere. */
void moth_softlock_looked(struct moth_softlock *softlock, bool in_vain, bool found);

/* Where the play stands, for moth_softlock_return. */
size_t moth_softlock_tip(const struct moth_softlock *softlock);
void moth_softlock_return(struct moth_softlock *softlock, size_t tip);
/* What was seen on the way to where the play stands, oldest first. Free with moth_views_fini. */
void moth_softlock_line(const struct moth_softlock *softlock, struct moth_views *line);

/* The finding of a proof, without fingerprint. `frame`: where it was proved; NULL when memory is out. */
struct moth_finding *moth_softlock_finding(const struct moth_proof *proof, uint32_t frame, uint32_t hz);

#endif
