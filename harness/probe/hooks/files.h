/* SPDX-License-Identifier: MIT */
#ifndef MOTH_PROBE_HOOKS_FILES_H
#define MOTH_PROBE_HOOKS_FILES_H

int moth_entropy_open(void);
int moth_entropy_open_uuid(void);

#endif
