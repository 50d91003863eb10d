/* SPDX-License-Identifier: MIT */
#include "baseline/gate.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/fs.h"

/* What the processor calls itself, without the spaces that some pad it with; NULL: it does not say. */
static char *model_name(void)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[512], *name = NULL;
    while (file && !name && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, "model name", 10) != 0)
            continue;
        name = calloc(1, sizeof line);
        size_t n = 0;
        for (const char *at = colon + 1; name && *at && *at != '\n'; at++) {
            if (*at == ' ' ? n > 0 && name[n - 1] != ' ' : (unsigned char)*at > ' ')
                name[n++] = *at;
        }
        while (name && n > 0 && name[n - 1] == ' ')
            name[--n] = '\0';
    }
    if (file)
        fclose(file);
    return name;
}

char *moth_machine_class(void)
{
    cpu_set_t usable;
    struct utsname system;
    char *model = model_name();
    int cpus = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
    const char *name = model && *model ? model : uname(&system) == 0 ? system.machine : "unknown processor";
    char *text = moth_fs_path("%s x%d", name, cpus);
    free(model);
    return text;
}
