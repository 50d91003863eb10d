/* SPDX-License-Identifier: MIT
 *
 * What is known of descriptors that the kernel does not tell.
 */
#ifndef MOTH_PROBE_HOOKS_FD_H
#define MOTH_PROBE_HOOKS_FD_H

#include <stdbool.h>
#include <stdint.h>

/* Two sockets that are each other's end. */
void moth_socket_pair(int fd, int other);
/* The inode of a socket's other end; 0: not one of a pair. */
uint64_t moth_socket_peer(uint64_t inode);
/* An eventfd that counts down by one. */
bool moth_counter_is_semaphore(int fd);

#endif
