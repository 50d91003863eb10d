/* SPDX-License-Identifier: MIT */
#include "reports/sarif.h"

#include "base/fs.h"

#include <stdlib.h>

struct rule {
    const char *name, *brief, *full, *help;
};

static const struct rule rules[MOTH_FINDING_KIND_END] = {
    [MOTH_FINDING_CRASH] = {"GameCrashes", "The game crashed.",
                            "The game died of a signal: a bad memory access, an abort, a failed assertion.",
                            "Look at the innermost frame that is the game's own. Play it again under a debugger with "
                            "the replay command; each replay takes the same way to the same frame."},
    [MOTH_FINDING_HANG] = {"NoMoreFrames", "The game stopped presenting frames.",
                           "The game computed on and on without coming to its next frame.",
                           "The stack is what several looks at the game had in common: the loop that does not end."},
    [MOTH_FINDING_DEADLOCK] = {"EveryThreadWaits", "Every thread of the game waits.",
                               "No thread of the game could go on: each waits for something that another one holds.",
                               "The cycle is in the finding's stack.txt: who waits for what, and who holds it. Take "
                               "locks in one order everywhere."},
    [MOTH_FINDING_SOFTLOCK] = {"NoWayOut", "Frames go on, the game does not.",
                               "Whatever was pressed, the game stayed in one state that it cannot be left from.",
                               "Replay it and try to get out by hand. A wait that is meant is announced with "
                               "game:waiting(true) or moth_waiting(true)."},
    [MOTH_FINDING_SPIKE] = {"SlowFrame", "A frame took far longer than its neighbours.",
                            "The frame's own work took longer than the limit, each time that it was replayed.",
                            "stacks.folded has where the time went, for a flame graph; finding.json the threads, "
                            "allocations and reads of the frame."},
    [MOTH_FINDING_INVARIANT] = {"BrokenInvariant", "Something that must hold did not.",
                                "A condition that a script or the game's own code states was broken.",
                                "The title is the message of game:expect, game:report, moth_always or "
                                "moth_unreachable that told of it."},
    [MOTH_FINDING_EXIT] = {"LeftWithError", "The game left by itself with an error.",
                           "The game ended with a status that is not zero, and nobody had asked it to end.",
                           "The end of game.log usually says why."},
    [MOTH_FINDING_SANITIZER] = {"SanitizerReport", "A sanitizer reported an error.",
                                "AddressSanitizer, UndefinedBehaviorSanitizer or another one, built into the game, "
                                "stopped it.",
                                "Its report is in game.log, with the stacks of where memory was allocated and freed."},
    [MOTH_FINDING_LEAK] = {"MemoryGrows", "Memory only grows.",
                           "The game's memory grew by as much each time that the same was played again.",
                           "finding.json has how much it grows by, and the stack who allocates what stays."},
    [MOTH_FINDING_NONDETERMINISM] = {"SameInputsOtherGame", "The same inputs gave another game.",
                                     "Played again with the same seed and inputs, the game went another way.",
                                     "Run moth doctor on it: it names the first frame that differs, and what the game "
                                     "read from outside."},
};

static json_t *text_of(const char *text)
{
    json_t *json = json_object();
    json_object_set_new(json, "text", json_string(text));
    return json;
}

const char *moth_sarif_kind_level(enum moth_finding_kind kind)
{
    return kind == MOTH_FINDING_SPIKE || kind == MOTH_FINDING_LEAK ? "warning" : "error";
}

static json_t *rule_json(enum moth_finding_kind kind)
{
    const struct rule *rule = &rules[kind];
    char *help = moth_fs_path("%s %s", rule->full, rule->help);
    char *markdown = moth_fs_path("**%s** %s\n\n%s", rule->brief, rule->full, rule->help);
    json_t *json = json_object(), *both = text_of(help), *defaults = json_object(), *bag = json_object();
    json_object_set_new(both, "markdown", json_string(markdown));
    json_object_set_new(defaults, "level", json_string(moth_sarif_kind_level(kind)));
    json_object_set_new(bag, "tags", json_pack("[s, s]", "game", "testing"));
    json_object_set_new(bag, "precision", json_string("very-high"));
    json_object_set_new(json, "id", json_string(moth_finding_kind_name(kind)));
    json_object_set_new(json, "name", json_string(rule->name));
    json_object_set_new(json, "shortDescription", text_of(rule->brief));
    json_object_set_new(json, "fullDescription", text_of(rule->full));
    json_object_set_new(json, "help", both);
    json_object_set_new(json, "defaultConfiguration", defaults);
    json_object_set_new(json, "properties", bag);
    free(markdown);
    free(help);
    return json;
}

json_t *moth_sarif_rules(void)
{
    json_t *json = json_array();
    for (int kind = 0; kind < MOTH_FINDING_KIND_END; kind++)
        json_array_append_new(json, rule_json((enum moth_finding_kind)kind));
    return json;
}
