/* SPDX-License-Identifier: MIT
 *
 * A library that the game opens later.
 */
int module_score = 31;
static int module_runs;

int module_run(void)
{
    module_score++;
    return ++module_runs;
}
