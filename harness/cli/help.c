/* SPDX-License-Identifier: MIT
 *
 * --help: a page a verb, made from the table of options and what stands here about each verb.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/option_table.h"

#define WIDTH 92

struct exit_code {
    int code;
    unsigned verbs;
    const char *means;
};

#define RUN MOTH_VERB_RUN
#define REPLAY MOTH_VERB_REPLAY
#define MINIMIZE MOTH_VERB_MINIMIZE
#define RECORD MOTH_VERB_RECORD
#define DOCTOR MOTH_VERB_DOCTOR
#define COMPARE MOTH_VERB_COMPARE
#define REPORT MOTH_VERB_REPORT
#define HISTORY MOTH_VERB_HISTORY
#define BISECT MOTH_VERB_BISECT
#define ALL (~0u)

static const struct exit_code exit_codes[] = {
    {0, RUN | REPORT, "the gate passed: no findings that --fail-on asks for, no metric over its --budget"},
    {0, REPLAY, "the trace's finding happened again, or a trace without one ran clean"},
    {0, MINIMIZE, "the finding's inputs were shrunk, or could not be any further"},
    {0, DOCTOR, "the game can be attached to and is deterministic"},
    {0, MOTH_VERB_LIST | MOTH_VERB_INIT | MOTH_VERB_BASELINE, "done"},
    {0, HISTORY, "done"},
    {0, BISECT, "the first build that has the finding was found"},
    {1, BISECT, "there is no such build: the oldest one has it already, or the newest has not"},
    {0, MOTH_VERB_SCAN, "something is left"},
    {1, MOTH_VERB_SCAN, "nothing in the game's memory does that"},
    {3, MOTH_VERB_LIST | MOTH_VERB_SCAN, "the game could not be launched or attached to, or moth itself failed"},
    {4, MOTH_VERB_LIST | MOTH_VERB_SCAN, "the game ended before that frame"},
    {0, COMPARE, "B is not slower than A, and ends nowhere badly where A goes on"},
    {0, RECORD, "recorded"},
    {1, RECORD, "recorded, and the game crashed or ended in another finding"},
    {1, COMPARE, "B is slower than A, or crashes, hangs or fails where A goes on"},
    {1, RUN | REPORT, "new findings, or a metric over its --budget"},
    {1, REPLAY | MINIMIZE, "the finding did not happen"},
    {2, ALL, "wrong usage, configuration, agent or trace"},
    {3, RUN | REPLAY | RECORD | MINIMIZE | DOCTOR | COMPARE, "the game could not be launched or attached to, or moth itself failed"},
    {3, MOTH_VERB_BASELINE, "the file could not be written"},
    {3, REPORT, "a shard is missing, was interrupted or failed; or moth itself failed"},
    {3, HISTORY, "the database could not be read or written"},
    {3, BISECT, "no build could be tried where it matters, or moth itself failed"},
    {4, RUN | RECORD | MINIMIZE | DOCTOR | REPORT, "nothing ran: no instance reached its first frame"},
    {5, RUN | REPORT, "flaky findings only, with --fail-on-flaky"},
    {6, RUN | REPORT, "the game is not deterministic, with --strict"},
    {6, MINIMIZE | DOCTOR, "the game is not deterministic"},
    {125, REPLAY, "with --expect-clean: it could not be tried"},
    {130, RUN | REPLAY | RECORD | MINIMIZE | DOCTOR | COMPARE | BISECT, "interrupted; reports were still written"},
};

static const struct page {
    enum moth_verb verb;
    const char *synopsis, *text, *examples;
} pages[] = {
    {RUN, "moth run [options] [-- GAME [ARG…]]",
     "Launches the game without a screen, in virtual time, as many times as there are workers; lets agents "
     "play it; and judges what happens: crashes, hangs, deadlocks, bad exits, sanitizers' reports, and what "
     "the agents themselves report. Each finding is kept in DIR/findings with the trace that led to it, and is "
     "played again to see that it comes back.\n"
     "Where a moth.lua stands in the working directory, it says what the command line does not: each option "
     "is a key of the same name, with '_' for '-', but --config, --resume and --update-pictures, which are of one run. "
     "Paths in it are relative to the working directory.",
     "moth run -- ./game\n"
     "moth run --frames 100000 -j 4 --seed 7 -- ./game --windowed\n"
     "moth run -a monkey=3 -a bots/shopper.lua --duration 30m -o out/nightly --reporter list,json,junit\n"},
    {REPLAY, "moth replay [options] TRACE|FINDING [-- GAME [ARG…]]",
     "Launches the game of a trace again and gives it the same inputs at the same frames. TRACE is a .moth "
     "file; FINDING is a finding's folder. GAME is played in the place of the recorded program, say another build of it; "
     "without ARGs the recorded ones stay.",
     "moth replay moth-out/findings/2-crash-0123456789abcdef\n"
     "moth replay --headed moth-out/findings/2-crash-0123456789abcdef\n"
     "moth replay --headed --until 1200 -o mine trace.moth\n"
     "moth replay --break moth-out/findings/2-crash-0123456789abcdef\n"
     "moth replay crash.moth -- build/game\n"
     "git bisect run sh -c 'make || exit 125; moth replay --expect-clean crash.moth -- ./game'\n"},
    {MOTH_VERB_RECORD, "moth record [options] -- GAME [ARG…]",
     "Opens a window in which a person plays the game, and records it. The game itself runs without a screen and in "
     "its own time, as under an agent; the window shows its picture and takes keys, mouse and controllers. At the end "
     "DIR has trace.moth, which `moth replay` plays again to the frame, and scenario.lua, the same inputs as a script to "
     "be read, changed and run by `moth run -s`. The trace is written while one plays. Close the window, press Q with the "
     "host key or ctrl-c to end. When the game crashes, it is a finding with its trace, as in a run.\n"
     "Needs a screen: a desktop, or a virtual one (xvfb-run).",
     "moth record -- ./game\n"
     "moth record -o level3 --host-key 'right ctrl' -- ./game --level 3\n"
     "moth run -s level3/scenario.lua -- ./game --level 3\n"},
    {MINIMIZE, "moth minimize [options] FINDING",
     "Shrinks a finding's inputs while it still happens: takes out what it does not need, shortens what is held, "
     "takes out idle time. FINDING is a finding's folder or its trace. The result lies beside it: minimized.moth, "
     "and repro.lua, an agent that plays the same inputs. Both are written as soon as there is something better "
     "than before; a search that is interrupted goes on with the next call.",
     "moth minimize moth-out/findings/2-crash-0123456789abcdef\n"
     "moth minimize --duration 10m -o shorter trace.moth\n"},
    {DOCTOR, "moth doctor [options] -- GAME [ARG…]",
     "Tells whether this build of a game can be attached to, whether it is deterministic, whether it can be "
     "branched, and how fast it is. The same inputs are played in separate processes, once under load, and in a "
     "branch taken half-way, and compared frame by frame: picture, virtual time, sound, random numbers. The first "
     "frame and source that differ are named.",
     "moth doctor -- ./game\n"
     "moth doctor --frames 2000 --json -- ./game\n"},
    {REPORT, "moth report [options] DIR…",
     "Puts runs together that were played apart: the shards of one run (moth run --shard), or several runs. Each DIR is "
     "a run's output folder, or a folder of such folders. Findings are regrouped by fingerprint, and of each the "
     "sighting is kept that came back best and with the fewest inputs; counts and times are summed up; and the whole is "
     "judged as one run. Merged folders can be merged again; a run that comes twice counts once.\n"
     "What was found fails the gate, whatever else is wrong. Without findings it passes only if everything was played: "
     "a shard that is missing, was interrupted or failed is an error, unless --allow-missing. The gate is the run's own: a "
     "moth.lua in the working directory says what the command line does not of baseline, fail_on, budget, history and the "
     "other options that are moth run's as well, but for out and reporter.",
     "moth report out/*\n"
     "moth report -o merged --reporter list,junit out/1 out/2 out/3 out/4\n"
     "moth report --reporter json artifacts | jq .verdict\n"},
    {MOTH_VERB_BASELINE, "moth baseline show|accept|prune [options] [DIR|FINDING…]",
     "The findings the team already knows, in a file that belongs into the game's repository: moth run --baseline and moth "
     "report --baseline list them, and do not fail because of them. Only this verb writes it.\n"
     "show prints it. accept DIR… takes in what these runs found, accept FINDING… single findings, each named by its "
     "folder or its fingerprint (of a run in moth-out, or one that is in the file). A finding that is in it stays in "
     "quarantine, unless it is named by itself. prune DIR… takes out what these runs, which must have come to their end, "
     "did not find: say it of runs that would have.",
     "moth baseline accept moth-out\n"
     "moth baseline accept --quarantine --owner ada --reason 'old engine' --expires 4w moth-out\n"
     "moth baseline accept --metrics moth-out\n"
     "moth baseline prune --keep-fixed nightly/*\n"
     "moth baseline show --json\n"},
    {MOTH_VERB_SCAN, "moth scan [options] -- GAME [ARG…]",
     "Finds a number in the game's memory of which is known how it changes: health is 100 at the beginning, less after "
     "a hit, the same after a wait. The game is played (by an agent, by recorded inputs, or left alone); at each "
     "--step what does not fit is struck out. What is left is told as watch expressions, game+0x4010:i32 or through "
     "pointers [[game+0x4010]+0x18]+4:i32, and is looked for in a second process with the same inputs.",
     "moth scan --input hit.moth --step '60 equal 100' --step '200 decreased' -- ./game\n"
     "moth scan --type f32 -a walker.lua --step any --step increased --step increased -- ./game\n"},
    {MOTH_VERB_LIST, "moth list agents|scenarios|detectors|findings [DIR], state [GLOB] -- GAME",
     "Lists the agents and scenarios that moth ships, what it can detect, or the findings of a run (DIR: "
     "its output folder, moth-out by default). With DIR, agents and scenarios of that folder instead.\n"
     "state: what can be watched in a game (--watch, game:watch), with its type and the value it has at its first "
     "frame. GLOB, with * and ?, is held against whole expressions; without either it is looked for anywhere in them. "
     "A value of - leads nowhere. In JSON `exact` has as text what is no number there (nan, inf) or too large for one.",
     "moth list agents\nmoth list findings --json\nmoth list state 'player*' -- ./game\n"
     "moth list state --type int --depth 2 -- ./game\n"},
    {COMPARE, "moth compare [options] A B --trace TRACE",
     "Plays the same traces with two builds of a game, A and B, in turns, several times each, and says whether B is "
     "slower: over the whole, in which part of the trace, in which frame, and in which function, and in its launch. A build that crashes or hangs where A goes on is worse. A frame's time is the "
     "work time of the game, the least of all plays; every figure has an interval that says how sure it is. A and B "
     "take the place of the program that the trace was recorded with; its arguments, environment and folder stay.",
     "moth compare ./game-1.0 ./game --trace level1.moth --trace boss.moth\n"
     "moth compare --json --threshold 0.5 build-a/game build-b/game --trace boss.moth\n"},
    {HISTORY, "moth history show|merge|prune [options] FILE…",
     "What all runs so far came to, build after build: the database that `moth run --history FILE` and `moth report "
     "--history FILE` write.\n"
     "show: the builds with what was found, fixed and reopened in each, and the findings with the builds that they were "
     "seen in. merge: put the runs of all other FILEs into the first, which is made where it is not there; the order does "
     "not matter, and a run that comes twice is there once. prune: drop what is old (--keep).",
     "moth history show nightly.db\n"
     "moth history show --json --keep 20 nightly.db | jq '.builds[].metrics'\n"
     "moth history merge all.db linux.db arcade.db\n"
     "moth history prune --keep 100 nightly.db\n"},
    {BISECT, "moth bisect [options] TRACE|FINDING BUILD…",
     "Which build was the first to have a finding? BUILDs are programs of the game, or folders that have it, the oldest "
     "first. The finding's trace is replayed with as few of them as it takes; a build takes the place of the program that "
     "the trace was recorded with, and its arguments and environment stay. A build that does not start is passed over, "
     "and where that leaves several, all of them are named.\n"
     "The trace should be from a build that is among them, or close: the more a build differs from the one that was "
     "played, the less its replay says. For commits there is `git bisect run moth replay --expect-clean FINDING -- GAME`.",
     "moth bisect moth-out/findings/2-crash-0123456789abcdef builds/*/\n"
     "moth bisect --json --times 5 crash.moth game-1.0 game-1.1 game-1.2 game-1.3\n"},
    {MOTH_VERB_INIT, "moth init [--force]",
     "Writes a commented moth.lua into the working directory, to be edited.", "moth init\n"},
};

/* Text in lines of at most WIDTH columns, each indented. */
static void wrapped(FILE *out, int indent, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n"), most = (size_t)(WIDTH - indent);
        if (n > most) {
            n = most;
            while (n > 1 && text[n] != ' ')
                n--;
        }
        fprintf(out, "%*s%.*s\n", indent, "", (int)n, text);
        text += n;
        text += strspn(text, " \n");
    }
}

static void option(FILE *out, const struct moth_option *option)
{
    fprintf(out, "  ");
    if (option->letter)
        fprintf(out, "-%c, ", option->letter);
    fprintf(out, "--%s%s%s\n", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
    char text[512];
    bool default_ = option->fallback && strcmp(option->fallback, "0") != 0;
    snprintf(text, sizeof text, "%s%s%s%s%s", option->help, default_ ? " Default: " : "",
             default_ ? option->fallback : "", default_ ? "." : "", option->later ? " Not in this version." : "");
    wrapped(out, 8, text);
}

static void options(FILE *out, enum moth_verb verb)
{
    const char *done[16];
    size_t n_done = 0;
    for (size_t i = 0; i < moth_option_count; i++) {
        const char *group = moth_option_table[i].group;
        bool seen = !(moth_option_table[i].verbs & verb);
        for (size_t d = 0; d < n_done; d++)
            seen = seen || strcmp(done[d], group) == 0;
        if (seen || n_done == 16)
            continue;
        done[n_done++] = group;
        fprintf(out, "\n%s:\n", group);
        for (size_t j = i; j < moth_option_count; j++)
            if ((moth_option_table[j].verbs & verb) && strcmp(moth_option_table[j].group, group) == 0)
                option(out, &moth_option_table[j]);
    }
    fprintf(out, "\n  -h, --help\n        This page.\n");
}

static void verb_page(FILE *out, const struct page *page)
{
    fprintf(out, "SYNOPSIS\n  %s\n\nDESCRIPTION\n", page->synopsis);
    wrapped(out, 2, page->text);
    if (!page->examples)
        return;
    fprintf(out, "\nOPTIONS");
    options(out, page->verb);
    fprintf(out, "\nEXIT CODES\n");
    for (size_t i = 0; i < sizeof exit_codes / sizeof exit_codes[0]; i++)
        if (exit_codes[i].verbs & page->verb)
            fprintf(out, "  %3d  %s\n", exit_codes[i].code, exit_codes[i].means);
    fprintf(out, "\nEXAMPLES\n");
    for (const char *at = page->examples; *at; at += strcspn(at, "\n") + 1)
        fprintf(out, "  %.*s\n", (int)strcspn(at, "\n"), at);
}

static void own_page(FILE *out)
{
    fprintf(out, "moth plays a game, headless and deterministic, and judges it.\n\nSYNOPSIS\n"
                 "  moth VERB [options] [arguments] [-- GAME [ARG…]]\n  moth VERB --help\n  moth --version\n\nVERBS\n");
#define X(name, text, bit, line, here) \
    fprintf(out, "  %-9s %s%s\n", text, line, (here) ? "" : " (not in this version)");
    MOTH_VERBS(X)
#undef X
    fprintf(out, "\nEXAMPLES\n  moth doctor -- ./game\n  moth run -- ./game\n  moth list agents\n");
}

void moth_help_print(FILE *out, enum moth_verb verb)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (pages[i].verb == verb) {
            verb_page(out, &pages[i]);
            return;
        }
    own_page(out);
}
