/* SPDX-License-Identifier: MIT
 *
 * What is known of descriptors that the kernel does not tell.
 */
#ifndef MOTH_PROBE_HOOKS_FD_H
#define MOTH_PROBE_HOOKS_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

/* Two sockets that are each other's end. */
void moth_socket_pair(int fd, int other);
/* The inode of a socket's other end; 0: not one of a pair. */
uint64_t moth_socket_peer(uint64_t inode);
/* An eventfd that counts down by one. */
bool moth_counter_is_semaphore(int fd);

/* Wait until a descriptor that blocks is ready. False: a limit set on it passed (errno EAGAIN), or a signal
 * came (EINTR). */
bool moth_fd_until_ready(int fd, short events);
/* Somebody asks without waiting: where nothing is ready, time passes a little and others may run. */
void moth_fd_glance(int fd, short events);
bool moth_fd_blocking(int fd);
ssize_t moth_fd_write_all(int fd, const void *buffer, size_t size);
/* SO_RCVTIMEO and SO_SNDTIMEO. */
void moth_fd_limit(int fd, bool receive, const struct timeval *limit);

#endif
