/* SPDX-License-Identifier: MIT */
#include "baseline/gate.h"
#include "reports/reports.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "findings/properties.h"
#include "reports/evidence.h"

#define FRAMES_SHOWN 5u

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* A title may come from a game: nothing in it may move the cursor or change colours, nor be taken for a command by
 * a build server that reads along ("##[…]" anywhere, "::…" where a line begins). */
static void print_lines(FILE *out, const char *text, bool breaks)
{
    bool begins = false; /* the first line has something before it */
    for (; text && *text; text++) {
        bool shown = (unsigned char)*text >= 0x20 && *text != 0x7f;
        fputc(shown || (breaks && (*text == '\n' || *text == '\t')) ? *text : '?', out);
        begins = *text == '\n' || (begins && (*text == ' ' || *text == '\t'));
        if (strncmp(text, "##[", 3) == 0 || (begins && strncmp(text + 1, "::", 2) == 0))
            fputc(*text == '#' ? ' ' : '.', out);
    }
}

static void print_plain(FILE *out, const char *text)
{
    print_lines(out, text, false);
}

/* What makes it more than new, or less; nothing where it is new. */
static void print_standing(FILE *out, const struct moth_finding *finding)
{
    switch (finding->status) {
    case MOTH_FINDING_STATUS_REOPENED:
        fputs("            reopened: it had been fixed", out);
        break;
    case MOTH_FINDING_STATUS_KNOWN:
        fprintf(out, "            known since %s", finding->accepted[0] ? finding->accepted : "some time");
        break;
    case MOTH_FINDING_STATUS_QUARANTINED:
        fprintf(out, "            quarantined %s %s by ", finding->expired ? "for too long, until" : "until",
                finding->expires);
        print_plain(out, finding->owner ? finding->owner : "?");
        fputs(": ", out);
        print_plain(out, finding->reason);
        break;
    default:
        return;
    }
    fputc('\n', out);
}

/* Where it was seen first, if it is not for the first time. */
static void print_past(FILE *out, const struct moth_finding *finding)
{
    if (finding->runs_seen <= 1 || !finding->first_seen.build)
        return;
    fputs("            first seen in ", out);
    print_plain(out, finding->first_seen.build);
    fprintf(out, " (%.10s), by %u runs\n", finding->first_seen.date, finding->runs_seen);
}

static void print_finding(FILE *out, const struct moth_run_summary *summary, size_t index)
{
    const struct moth_finding *finding = summary->findings[index];
    fprintf(out, "  %-9s ", moth_finding_kind_name(finding->kind));
    print_plain(out, finding->title);
    if (finding->attempts > 0)
        fprintf(out, "\n            reproduced %u/%u%s", finding->reproduced, finding->attempts,
                moth_finding_is_flaky(finding) ? " (flaky)" : "");
    else
        fputs("\n            not replayed", out);
    fprintf(out, ", at frame %u of agent ", finding->frame);
    print_plain(out, finding->agent ? finding->agent : "?");
    fprintf(out, " with seed %" PRIu64 ", seen %u time%s\n", finding->seed, finding->times_seen,
            plural(finding->times_seen));
    print_standing(out, finding);
    print_past(out, finding);
    if (finding->trace_minimized)
        fprintf(out, "            inputs %u → %u\n", finding->inputs, finding->inputs_minimized);
    for (size_t i = 0; i < finding->n_stack && i < FRAMES_SHOWN; i++) {
        fprintf(out, "              #%zu ", i);
        print_plain(out, finding->stack[i]);
        fputc('\n', out);
    }
    if (finding->n_stack > FRAMES_SHOWN)
        fprintf(out, "              … %zu more\n", finding->n_stack - FRAMES_SHOWN);
    char *command = moth_report_replay_command(summary, index);
    if (finding->trace)
        fprintf(out, "            %s\n", command);
    else
        fprintf(out, "            %s: it could not be stored\n", finding->fingerprint);
    free(command);
}

static bool is_known(const struct moth_finding *finding)
{
    return !moth_finding_counts(finding) && finding->status != MOTH_FINDING_STATUS_FIXED;
}

static void print_counting(FILE *out, const struct moth_run_summary *summary, bool overdue)
{
    for (size_t i = 0; i < summary->n_findings; i++) {
        const struct moth_finding *finding = summary->findings[i];
        if (moth_finding_counts(finding) && finding->expired == overdue)
            print_finding(out, summary, i);
    }
}

/* What the gate counts, with all that is known of it; then in short what the team knows already. */
static void print_findings(FILE *out, const struct moth_run_summary *summary)
{
    size_t known = 0, overdue = 0, others = 0;
    for (size_t i = 0; i < summary->n_findings; i++) {
        bool is_overdue = summary->findings[i]->expired, counts = moth_finding_counts(summary->findings[i]);
        overdue += counts && is_overdue;
        others += counts && !is_overdue;
        known += is_known(summary->findings[i]);
    }
    if (others > 0)
        fprintf(out, "%zu %sfinding%s:\n", others, known + overdue > 0 ? "new " : "", plural(others));
    print_counting(out, summary, false);
    if (overdue > 0)
        fprintf(out, "%zu finding%s quarantined for too long:\n", overdue, plural(overdue));
    print_counting(out, summary, true);
    if (known > 0)
        fprintf(out, "%zu known finding%s:\n", known, plural(known));
    for (size_t i = 0; i < summary->n_findings; i++) {
        const struct moth_finding *finding = summary->findings[i];
        if (!is_known(finding))
            continue;
        fprintf(out, "  %-9s ", moth_finding_kind_name(finding->kind));
        print_plain(out, finding->title);
        fprintf(out, " (%s)\n", finding->fingerprint);
        print_standing(out, finding);
    }
}

static void print_texts(FILE *out, const char *heading, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s: ", heading);
        print_lines(out, texts[i], true);
        fputc('\n', out);
    }
}

static bool has_new(const struct moth_run_summary *summary)
{
    bool any = false;
    for (size_t i = 0; i < summary->n_findings; i++)
        any = any || moth_finding_counts(summary->findings[i]);
    return any;
}

static const char *verdict_text(const struct moth_run_summary *summary)
{
    const struct moth_gate *gate = summary->gate;
    switch (summary->verdict) {
    case MOTH_VERDICT_PASS:
        return summary->n_findings == 0 ? "passed: no findings"
               : has_new(summary)       ? "passed: nothing that --fail-on asks for"
                                        : "passed: no new findings";
    case MOTH_VERDICT_NEW_FINDINGS:
        return gate && gate->metrics_fail && !gate->findings_fail ? "over budget" : "new findings";
    case MOTH_VERDICT_FLAKY:
        return "flaky findings only";
    case MOTH_VERDICT_NOTHING_RAN:
        return "nothing ran: no instance reached its first frame";
    case MOTH_VERDICT_ERROR:
    case MOTH_VERDICT_END:
        break;
    }
    return moth_report_cut_short(summary) ? MOTH_REPORT_CUT_SHORT : "error";
}

/* Who was let play how often, where there was a choice. */
static void print_agents(FILE *out, const struct moth_run_summary *summary)
{
    for (size_t i = 0; summary->n_agents > 1 && i < summary->n_agents; i++) {
        const struct moth_agent_share *agent = &summary->agents[i];
        fputs("  agent ", out);
        print_plain(out, agent->name);
        fprintf(out, ": %" PRIu64 " instance%s, %" PRIu64 " frames, %" PRIu64 " new place%s, %" PRIu64 " new finding%s",
                agent->instances, plural(agent->instances), agent->frames, agent->cells, plural(agent->cells),
                agent->findings, plural(agent->findings));
        if (summary->adaptive)
            fprintf(out, "; share %.0f %% → %.0f %%", agent->weight * 100, agent->share * 100);
        fputc('\n', out);
    }
}

static void print_scenarios(FILE *out, const struct moth_run_summary *summary)
{
    for (size_t i = 0; i < summary->n_records; i++) {
        const struct moth_instance_record *record = &summary->records[i];
        if (!record->scenario)
            continue;
        char *title = moth_scenario_title(record);
        fprintf(out, "  %-7s ", moth_scenario_result(record));
        print_plain(out, title);
        fprintf(out, " (%u frame%s)\n", record->frames, plural(record->frames));
        free(title);
    }
}

/* Traces of earlier runs, and of which of them nothing came any more. */
static void print_replayed(FILE *out, const struct moth_run_summary *summary)
{
    size_t happened = 0, gone = 0, n = summary->n_replayed;
    for (size_t i = 0; i < n; i++) {
        const struct moth_replayed_trace *trace = &summary->replayed[i];
        happened += trace->happened;
        gone += trace->tried && trace->fingerprint && !trace->happened;
    }
    if (n > 0)
        fprintf(out, "replayed %zu trace%s of earlier runs: %zu happened again, %zu did not\n", n, plural(n), happened, gone);
    for (size_t i = 0; i < summary->n_findings; i++) {
        const struct moth_finding *finding = summary->findings[i];
        if (finding->status != MOTH_FINDING_STATUS_FIXED)
            continue;
        fprintf(out, "  fixed: %-9s ", moth_finding_kind_name(finding->kind));
        print_plain(out, finding->title);
        fprintf(out, " (%s)\n", finding->fingerprint);
    }
}

/* What the game should come to at some time, and nobody ever brought it to. */
static void print_properties(FILE *out, const struct moth_properties *properties)
{
    size_t missing = 0;
    for (size_t i = 0; properties && i < properties->n; i++)
        missing += moth_property_missing(&properties->at[i]);
    if (missing > 0)
        fprintf(out, "%zu of %zu propert%s never seen:\n", missing, properties->n,
                properties->n == 1 ? "y was" : missing == 1 ? "ies was" : "ies were");
    for (size_t i = 0; missing > 0 && i < properties->n; i++) {
        const struct moth_property *property = &properties->at[i];
        if (!moth_property_missing(property))
            continue;
        fprintf(out, "  %-9s ", moth_property_kind_name(property->kind));
        print_plain(out, property->message);
        fputs(" (", out);
        print_plain(out, property->file);
        fprintf(out, ":%u)\n", property->line);
    }
}

void moth_report_list(const struct moth_run_summary *summary, FILE *out)
{
    print_texts(out, "warning", summary->warnings, summary->n_warnings);
    print_texts(out, "agent fault", summary->agent_faults, summary->n_agent_faults);
    fprintf(out,
            "\n%u instance%s, %" PRIu64
            " frames (%.0f s of game time) in %.1f s with %u worker%s: %.0f frames/s\n",
            summary->instances, plural(summary->instances), summary->frames_total, summary->virtual_s,
            summary->wall_s, summary->workers, plural(summary->workers),
            summary->wall_s > 0 ? (double)summary->frames_total / summary->wall_s : 0.0);
    const struct moth_coverage *coverage = &summary->coverage;
    if (coverage->known)
        fprintf(out,
                "explored %" PRIu64 " cell%s (%" PRIu64 " of the fixed grid), the deepest at frame %u; went back %" PRIu64
                " time%s\n",
                coverage->cells, coverage->cells == 1 ? "" : "s", coverage->reference, coverage->deepest_frame,
                coverage->restores, coverage->restores == 1 ? "" : "s");
    uint64_t gone = summary->frame_times.spikes_gone;
    if (gone > 0)
        fprintf(out, "%" PRIu64 " frame%s looked like a spike and did not return when played again\n", gone,
                gone == 1 ? "" : "s");
    print_agents(out, summary);
    print_properties(out, summary->properties);
    print_scenarios(out, summary);
    print_replayed(out, summary);
    print_findings(out, summary);
    const struct moth_gate *gate = summary->gate;
    if (gate)
        print_texts(out, "gate", (const char *const *)gate->reasons + gate->n_kinds, gate->n_reasons - gate->n_kinds);
    fprintf(out, "%s%s\n", verdict_text(summary), summary->interrupted && !moth_report_cut_short(summary) ? " (interrupted)" : "");
    if (!summary->no_json)
        fprintf(out, "report: %s/run.json\n", summary->out);
}

char *moth_report_progress(const struct moth_run_progress *progress)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    double share = -1;
    if (progress->frames_budget > 0)
        share = (double)progress->frames / (double)progress->frames_budget;
    if (progress->wall_budget_s > 0 && progress->wall_s / progress->wall_budget_s > share)
        share = progress->wall_s / progress->wall_budget_s;
    if (share >= 0)
        fprintf(out, "%3.0f %%  ", share > 1 ? 100.0 : share * 100);
    fprintf(out, "%" PRIu64 " frames, %.0f/s, %u instance%s done, %u running, %zu finding%s",
            progress->frames, progress->wall_s > 0 ? (double)progress->frames / progress->wall_s : 0.0,
            progress->instances_done, plural(progress->instances_done), progress->instances_running,
            progress->findings, plural(progress->findings));
    if (progress->replaying > 0)
        fprintf(out, ", replaying %u", progress->replaying);
    if (progress->shrinking > 0)
        fprintf(out, ", shrinking %u", progress->shrinking);
    fclose(out);
    return text;
}
