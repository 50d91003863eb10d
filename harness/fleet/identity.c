/* SPDX-License-Identifier: MIT */
#include "fleet/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "fleet/corpus.h"

static void put_line(struct moth_buf *buf, const char *name, const char *value)
{
    moth_buf_put(buf, name, strlen(name));
    moth_buf_put(buf, "=", 1);
    for (const char *at = value; *at; at++)
        moth_buf_put(buf, *at == '\n' ? " " : at, 1);
    moth_buf_put(buf, "\n", 1);
}

static void put_number(struct moth_buf *buf, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    put_line(buf, name, text);
}

static const char *name_of(const char *program)
{
    const char *slash = strrchr(program, '/');
    return slash ? slash + 1 : program;
}

static void put_agents(struct moth_buf *buf, const char *what, const struct moth_fleet_agent *agents,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *text = moth_fs_path("%s=%g %016llx", name_of(agents[i].name), agents[i].weight,
                                  (unsigned long long)moth_agent_digest(agents[i].agent));
        put_line(buf, what, text);
        free(text);
    }
}

static void put_group(struct moth_buf *buf, const struct moth_fleet_config *config)
{
    for (size_t i = 0; i < config->n_members; i++) {
        put_line(buf, "--member", config->members[i].name);
        for (size_t k = 0; config->members[i].argv[k]; k++)
            put_line(buf, "--member",
                     k == 0 ? name_of(config->members[i].argv[0]) : config->members[i].argv[k]);
    }
    put_number(buf, "latency between members", config->link.latency_us);
    put_number(buf, "jitter between members", config->link.jitter_us);
    put_number(buf, "loss between members", config->link.loss_ppm);
}

char *moth_identity_of(const struct moth_fleet_config *config)
{
    struct moth_buf buf;
    moth_buf_init(&buf);
    for (size_t i = 1; config->argv[i]; i++)
        put_line(&buf, "argument", config->argv[i]);
    for (size_t i = 0; i < config->n_members; i++) {
        put_line(&buf, "--member", config->members[i].name);
        for (char **word = config->members[i].argv; *word; word++)
            put_line(&buf, "argument of a member", *word);
    }
    put_number(&buf, "--link-latency", config->link.latency_us);
    put_number(&buf, "--link-jitter", config->link.jitter_us);
    put_number(&buf, "--link-loss", config->link.loss_ppm);
    for (size_t i = 0; config->env && config->env[i]; i++)
        put_line(&buf, "--env", config->env[i]);
    put_agents(&buf, "--scenario", config->scenarios, config->n_scenarios);
    put_agents(&buf, "--agent", config->agents, config->n_agents);
    for (size_t i = 0; config->corpus && i < config->corpus->n; i++)
        put_line(&buf, "--replay-first", name_of(config->corpus->at[i].finding ? config->corpus->at[i].finding->fingerprint
                                                                               : config->corpus->at[i].path));
    put_group(&buf, config);
    put_number(&buf, "--schedule-seed", config->schedule_seed);
    put_number(&buf, "--hz", config->channel.hz);
    put_number(&buf, "--video", config->channel.video);
    put_number(&buf, "--render", config->channel.render);
    put_number(&buf, "--threads", config->channel.threads);
    put_number(&buf, "--pads", config->pads);
    put_number(&buf, "--shard", config->shards > 1 ? config->shard : 1);
    put_number(&buf, "number of shards", config->shards > 1 ? config->shards : 1);
    moth_buf_put_u8(&buf, 0);
    if (buf.failed)
        abort();
    return (char *)buf.bytes;
}

static bool has_line(const char *text, const char *line, size_t n)
{
    for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
        if (strcspn(at, "\n") == n && strncmp(at, line, n) == 0)
            return true;
    }
    return false;
}

char *moth_identity_difference(const char *a, const char *b)
{
    const char *sides[] = {a, b, a};
    for (int i = 0; i < 2; i++) {
        for (const char *at = sides[i]; *at; at += strcspn(at, "\n") + 1) {
            if (!has_line(sides[i + 1], at, strcspn(at, "\n")))
                return moth_fs_path("%.*s", (int)strcspn(at, "="), at);
        }
    }
    return strcmp(a, b) == 0 ? NULL : moth_fs_path("order of arguments or agents");
}
