/* SPDX-License-Identifier: MIT */
#include "fleet/tell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "bus/text.h"
#include "fleet/again.h"
#include "fleet/outside.h"

static const char *agent_of(const struct moth_fleet_config *config, const struct moth_plan_job *job)
{
    if (job->replay)
        return MOTH_AGAIN_NAME;
    return job->scenario ? config->scenarios[job->agent].name : config->agents[job->agent].name;
}

static void begin(struct moth_buf *members, const char *event)
{
    moth_buf_init(members);
    moth_text_string(members, "event", event);
}

static void end(struct moth_supervisor *supervisor, const char *topic, struct moth_buf *members)
{
    if (!members->failed)
        moth_bus_event(supervisor->bus, topic, members);
    moth_buf_fini(members);
}

/* ---- the run ---- */

static void tell_begin(struct moth_supervisor *supervisor)
{
    const struct moth_fleet_config *config = supervisor->config;
    struct moth_buf members;
    begin(&members, "begin");
    moth_text_key(&members, "argv");
    moth_text_raw(&members, "[");
    for (const char *const *word = config->argv; *word; word++)
        moth_text_string(&members, NULL, *word);
    moth_text_raw(&members, "]");
    moth_text_string(&members, "out", config->out);
    moth_text_integer(&members, "pid", getpid());
    moth_text_integer(&members, "seed", (int64_t)config->seed);
    moth_text_integer(&members, "workers", config->workers);
    end(supervisor, "run", &members);
}

static void say_where(const struct moth_supervisor *supervisor)
{
    const struct moth_fleet_config *config = supervisor->config;
    const struct moth_bus_place *place = moth_bus_place(supervisor->bus);
    bool waits = false;
    for (size_t i = 0; i < config->n_agents; i++)
        waits = waits || !config->agents[i].agent;
    moth_log_info("the bus is at %s and %s%s", place->events, place->control,
                  waits ? "; `" MOTH_OUTSIDE_NAME "` waits there for a program" : "");
    if (place->token_file[0])
        moth_log_info("whoever drives the run needs the token in %s", place->token_file);
}

static struct moth_bus_config bus_config(const struct moth_fleet_config *config)
{
    return (struct moth_bus_config){.url = config->bus_url,
                                    .allow_remote = config->bus_remote,
                                    .token_file = config->bus_token,
                                    .out = config->out};
}

void moth_tell_clear(void *context)
{
    struct moth_bus_config bus = bus_config(context);
    if (bus.url)
        moth_bus_place_sweep(&bus);
}

int moth_tell_open(struct moth_supervisor *supervisor, struct moth_err *err)
{
    const struct moth_fleet_config *config = supervisor->config;
    if (!config->bus_url)
        return 0;
    struct moth_bus_config bus = bus_config(config);
    supervisor->bus = moth_bus_start(&bus, config->workers, err);
    if (!supervisor->bus)
        return -1;
    say_where(supervisor);
    tell_begin(supervisor);
    return 0;
}

void moth_tell_close(struct moth_supervisor *supervisor, const struct moth_run_summary *summary)
{
    struct moth_buf members;
    if (!supervisor->bus)
        return;
    if (summary) {
        begin(&members, "end");
        moth_text_string(&members, "verdict", moth_verdict_name(summary->verdict));
        moth_text_integer(&members, "exit_code", summary->exit_code);
        moth_text_bool(&members, "interrupted", summary->interrupted);
        moth_text_integer(&members, "instances", summary->instances);
        moth_text_integer(&members, "frames", (int64_t)summary->frames_total);
        moth_text_integer(&members, "findings", (int64_t)summary->n_findings);
        end(supervisor, "run", &members);
    }
    moth_bus_stop(supervisor->bus);
    supervisor->bus = NULL;
}

/* ---- instances ---- */

void moth_tell_job(struct moth_supervisor *supervisor, const struct moth_plan_job *job)
{
    struct moth_buf members;
    if (!supervisor->bus)
        return;
    begin(&members, "begin");
    moth_text_integer(&members, "instance", job->index);
    moth_text_string(&members, "agent", agent_of(supervisor->config, job));
    moth_text_integer(&members, "seed", (int64_t)job->seed);
    moth_text_integer(&members, "frames", job->frames);
    end(supervisor, "instance", &members);
}

void moth_tell_done(struct moth_supervisor *supervisor, const struct moth_plan_job *job,
                    const struct moth_message_done *done)
{
    struct moth_buf members;
    if (!supervisor->bus)
        return;
    begin(&members, "end");
    moth_text_integer(&members, "instance", job->index);
    moth_text_string(&members, "agent", agent_of(supervisor->config, job));
    moth_text_integer(&members, "frames", done->frames);
    moth_text_string(&members, "how", done->how ? done->how : "");
    if (done->fingerprint && done->fingerprint[0])
        moth_text_string(&members, "fingerprint", done->fingerprint);
    if (done->fault && done->fault[0])
        moth_text_string(&members, "fault", done->fault);
    end(supervisor, "instance", &members);
}

/* ---- findings ---- */

void moth_tell_found(struct moth_supervisor *supervisor, const struct moth_message_found *found, bool is_new)
{
    struct moth_buf members;
    char path[128];
    if (!supervisor->bus || !found->stored)
        return;
    begin(&members, "found");
    moth_text_string(&members, "kind", moth_finding_kind_name((enum moth_finding_kind)found->kind));
    moth_text_string(&members, "title", found->title ? found->title : "");
    moth_text_string(&members, "fingerprint", found->fingerprint);
    moth_text_integer(&members, "instance", found->index);
    moth_text_integer(&members, "frame", found->frame);
    moth_text_bool(&members, "new", is_new);
    snprintf(path, sizeof path, "findings/%s", found->fingerprint);
    moth_text_string(&members, "path", path);
    end(supervisor, "finding", &members);
}

void moth_tell_verified(struct moth_supervisor *supervisor, const struct moth_message_verified *verified)
{
    struct moth_buf members;
    char text[32];
    if (!supervisor->bus)
        return;
    begin(&members, "replayed");
    moth_text_string(&members, "fingerprint", verified->fingerprint);
    snprintf(text, sizeof text, "%u/%u", verified->met, verified->tried);
    moth_text_string(&members, "reproduced", text);
    end(supervisor, "finding", &members);
}

/* ---- progress ---- */

static void warn(void *context, const char *sentence)
{
    moth_log_warning("%s", sentence);
    moth_tally_warn(context, "%s", sentence);
}

void moth_tell_progress(struct moth_supervisor *supervisor, const struct moth_run_progress *progress)
{
    struct moth_buf members;
    if (!supervisor->bus)
        return;
    moth_bus_tick(supervisor->bus, warn, supervisor->tally);
    moth_buf_init(&members);
    moth_text_integer(&members, "instances_done", progress->instances_done);
    moth_text_integer(&members, "instances_running", progress->instances_running);
    moth_text_integer(&members, "frames", (int64_t)progress->frames);
    moth_text_integer(&members, "frames_budget", (int64_t)progress->frames_budget);
    moth_text_number(&members, "wall_s", progress->wall_s);
    moth_text_number(&members, "wall_budget_s", progress->wall_budget_s);
    moth_text_integer(&members, "findings", (int64_t)progress->findings);
    moth_text_integer(&members, "replaying", progress->replaying);
    moth_text_integer(&members, "shrinking", progress->shrinking);
    if (!members.failed)
        moth_bus_progress(supervisor->bus, &members);
    moth_buf_fini(&members);
}
