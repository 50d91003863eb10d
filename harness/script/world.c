/* SPDX-License-Identifier: MIT */
#include "script/world.h"

#include <inttypes.h>
#include <stdlib.h>

#include "script/text.h"

#define INSTANCE_FRAMES_DEFAULT 2500u /* that `moth run` gives an instance when nothing is said */
#define SHARES 8u                     /* of --frames that one instance gets at most */

static void put_choice(FILE *out, const char *option, uint32_t value, const char *const *names, uint32_t n)
{
    if (value > 0 && value < n)
        fprintf(out, " --%s %s", option, names[value]);
}

void moth_script_put_budget(FILE *out, uint32_t frames)
{
    if (frames > INSTANCE_FRAMES_DEFAULT)
        fprintf(out, " --frames %" PRIu64 " --instance-frames %" PRIu32, (uint64_t)frames * SHARES, frames);
}

void moth_script_put_limit(FILE *out, const char *option, uint32_t value, uint32_t fallback)
{
    if (value != 0 && value != fallback)
        fprintf(out, " --%s %" PRIu32, option, value);
}

static void put_group(FILE *out, const struct moth_trace_header *header)
{
    for (size_t i = 0; i < header->n_members; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *command = open_memstream(&text, &size);
        if (!command)
            abort();
        fprintf(command, "%s=", header->members[i].name);
        for (char **word = header->members[i].argv; *word; word++) {
            if (word != header->members[i].argv)
                fputc(' ', command);
            moth_script_put_word(command, *word);
        }
        fclose(command);
        fprintf(out, " --member ");
        moth_script_put_word(out, text);
        free(text);
    }
    moth_script_put_limit(out, "link-latency", header->link.latency_us / 1000, 0);
    moth_script_put_limit(out, "link-jitter", header->link.jitter_us / 1000, 0);
    if (header->link.loss_ppm > 0)
        fprintf(out, " --link-loss %g", header->link.loss_ppm / 10000.0);
}

void moth_script_put_world(FILE *out, const struct moth_trace_header *header, uint64_t run_seed)
{
    static const char *const video[] = {"auto", "none", "software", "gl"};
    static const char *const render[] = {"auto", "on", "off"};
    static const char *const threads[] = {"deterministic", "native"};
    if (run_seed != 1)
        fprintf(out, " --seed %" PRIu64, run_seed);
    if (header->schedule_seed)
        fprintf(out, " --schedule-seed %" PRIu64, header->schedule_seed);
    if (header->hz != 60)
        fprintf(out, " --hz %" PRIu32, header->hz);
    put_choice(out, "video", header->video, video, 4);
    put_choice(out, "render", header->render, render, 3);
    put_choice(out, "threads", header->threads, threads, 2);
    for (char **env = header->env; env && *env; env++) {
        fprintf(out, " --env ");
        moth_script_put_word(out, *env);
    }
    put_group(out, header);
}

void moth_script_put_game(FILE *out, const struct moth_trace_header *header)
{
    fprintf(out, " --");
    for (char **word = header->argv; word && *word; word++) {
        fputc(' ', out);
        moth_script_put_word(out, *word);
    }
}
