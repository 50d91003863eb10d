/* SPDX-License-Identifier: MIT
 *
 * Stands in for the probe: prints what moth.h hands over.
 */
#include <stdio.h>

int moth_probe_attached(void);
void moth_probe_frame(void);
void moth_probe_waiting(int waiting);
void moth_probe_event(const char *name, const char *text);
void moth_probe_property(int kind, int condition, const char *message, const char *file, int line);
void moth_probe_watch(const char *name, int type, const void *pointer);

int moth_probe_attached(void)
{
    return 1;
}

void moth_probe_frame(void)
{
    puts("frame");
}

void moth_probe_waiting(int waiting)
{
    printf("waiting %d\n", waiting);
}

void moth_probe_event(const char *name, const char *text)
{
    printf("event %s: %s\n", name, text);
}

void moth_probe_property(int kind, int condition, const char *message, const char *file, int line)
{
    printf("property %d %d %s %d %d\n", kind, condition, message, file != NULL, line > 0);
}

void moth_probe_watch(const char *name, int type, const void *pointer)
{
    printf("watch %s %d %d\n", name, type, pointer != NULL);
}
