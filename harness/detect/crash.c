/* SPDX-License-Identifier: MIT */
#include "detect/detectors.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

static const char *signal_name(int number, char buffer[32])
{
    const char *name = sigabbrev_np(number);
    if (name)
        snprintf(buffer, 32, "SIG%s", name);
    else
        snprintf(buffer, 32, "signal %d", number);
    return buffer;
}

static bool has_address(int number)
{
    return number == SIGSEGV || number == SIGBUS;
}

/* "game: game.c:42: move: Assertion `x > 0' failed." → "x > 0"; NULL when it is no assertion. */
static char *assertion_of(const char *message)
{
    static const char start[] = "Assertion `", end[] = "' failed";
    const char *from = strstr(message, start);
    if (!from)
        return NULL;
    from += sizeof start - 1;
    const char *to = strstr(from, end);
    return to ? strndup(from, (size_t)(to - from)) : NULL;
}

/* ---- what the game said before it ended itself ---- */

static bool ended_itself(int number)
{
    return number == SIGABRT || number == SIGTRAP || number == SIGILL;
}

/* "terminate called after throwing an instance of 'std::runtime_error'\n  what():  no such level" → one line. */
static char *uncaught(const char *log)
{
    static const char start[] = "terminate called after throwing an instance of '", what[] = "  what():  ";
    const char *from = NULL;
    for (const char *at = strstr(log, start); at; at = strstr(at + 1, start))
        from = at + sizeof start - 1;
    if (!from)
        return NULL;
    size_t type = strcspn(from, "'\n");
    const char *said = strstr(from + type, what);
    if (!said)
        return moth_fs_path("uncaught %.*s", (int)type, from);
    said += sizeof what - 1;
    return moth_fs_path("uncaught %.*s: %.*s", (int)type, from, (int)strcspn(said, "\n"), said);
}

/* The abort message where libc has one, else what the log ends with. */
static char *last_words(const struct moth_evidence *evidence)
{
    const struct moth_death *death = evidence->death;
    if (death->detail[0] || !evidence->log || !ended_itself(death->signal))
        return strdup(death->detail);
    char *words = moth_last_assertion(evidence->log);
    if (!words && death->signal == SIGABRT)
        words = uncaught(evidence->log);
    return words ? words : strdup("");
}

static char *title_of(const struct moth_evidence *evidence, const char *detail, const char *place)
{
    const struct moth_death *death = evidence->death;
    const struct moth_crash_record *crash = evidence->channel ? &evidence->channel->crash : NULL;
    char buffer[32];
    const char *name = signal_name(death->signal, buffer);
    if (crash && crash->stack_overflow)
        return moth_fs_path("stack overflow%s", place);
    char *assertion = assertion_of(detail);
    char *title;
    if (assertion) {
        title = moth_fs_path("assertion failed%s: %s", place, assertion);
    } else if (detail[0]) {
        char *line = moth_first_line(detail);
        title = moth_fs_path("%s%s: %s", name, place, line ? line : "");
        free(line);
    } else if (crash && has_address(death->signal)) {
        title = moth_fs_path("%s at address 0x%" PRIx64 "%s", name, crash->address, place);
    } else {
        title = moth_fs_path("%s%s", name, place);
    }
    free(assertion);
    return title;
}

struct moth_finding *moth_detect_crash(const struct moth_evidence *evidence)
{
    if (evidence->death->how != MOTH_STEP_CRASH)
        return NULL;
    struct moth_finding *finding =
        moth_finding_from_death(MOTH_FINDING_CRASH, evidence, moth_evidence_culprit(evidence));
    if (!finding)
        return NULL;
    char *place = moth_finding_place(finding), *words = last_words(evidence);
    finding->title = title_of(evidence, words ? words : "", place ? place : "");
    if (!finding->detail && words && *words) {
        finding->detail = words;
        words = NULL;
    }
    free(words);
    free(place);
    return finding;
}
