/* SPDX-License-Identifier: MIT
 *
 * The originals behind the hooks: one list, looked up once with dlsym(RTLD_NEXT).
 */
#ifndef MOTH_PROBE_REAL_H
#define MOTH_PROBE_REAL_H

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <ifaddrs.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <spawn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define MOTH_REAL_LIST(X)                                                                          \
    X(pthread_create) X(pthread_join) X(pthread_detach) X(pthread_exit) X(pthread_cancel)          \
    X(pthread_setcancelstate) X(pthread_setcanceltype) X(pthread_getname_np) X(pthread_testcancel) X(pthread_kill) X(pthread_tryjoin_np)          \
    X(pthread_timedjoin_np) X(pthread_clockjoin_np) X(pthread_sigmask) X(sigprocmask)              \
    X(pthread_key_create) X(pthread_key_delete) X(pthread_setname_np) X(pthread_once)              \
    X(pthread_mutex_lock) X(pthread_mutex_trylock) X(pthread_mutex_unlock)                         \
    X(pthread_mutex_timedlock) X(pthread_mutex_clocklock)                                          \
    X(pthread_cond_wait) X(pthread_cond_timedwait) X(pthread_cond_clockwait)                       \
    X(pthread_cond_signal) X(pthread_cond_broadcast)  \
    X(pthread_rwlock_rdlock) X(pthread_rwlock_wrlock) X(pthread_rwlock_tryrdlock) X(pthread_rwlock_trywrlock)                  \
    X(pthread_rwlock_timedrdlock) X(pthread_rwlock_timedwrlock)        \
    X(pthread_rwlock_clockrdlock) X(pthread_rwlock_clockwrlock) X(pthread_rwlock_unlock)           \
    X(pthread_barrier_init) X(pthread_barrier_destroy) X(pthread_barrier_wait)                     \
    X(pthread_spin_lock) X(pthread_spin_trylock) X(pthread_setschedparam) X(pthread_getschedparam) X(pthread_getattr_np) X(pthread_setschedprio) X(pthread_getcpuclockid)                          \
    X(sem_wait) X(sem_trywait) X(sem_timedwait) X(sem_clockwait) X(sem_post)                       \
    X(thrd_create) X(thrd_join) X(thrd_detach) X(thrd_exit) X(thrd_sleep)            \
    X(mtx_lock) X(mtx_trylock) X(mtx_timedlock) X(mtx_unlock) X(cnd_wait) X(cnd_timedwait)         \
    X(cnd_signal) X(cnd_broadcast) X(call_once)                                                    \
    X(clock_gettime) X(clock_getres) X(gettimeofday) X(time) X(clock) X(times) X(getrusage)        \
    X(nanosleep) X(clock_nanosleep) X(usleep) X(sleep) X(sched_yield) X(pause)                     \
    X(timespec_get) X(alarm) X(setitimer) X(getitimer) X(timer_create) X(timer_settime)            \
    X(timer_gettime) X(timer_delete) X(timer_getoverrun) X(timerfd_create) X(timerfd_settime)      \
    X(timerfd_gettime)                                                                             \
    X(poll) X(ppoll) X(select) X(pselect) X(epoll_wait) X(epoll_pwait)            \
    X(read) X(write) X(readv) X(writev) X(recv) X(recvfrom) X(recvmsg) X(send)     \
    X(sendto) X(sendmsg) X(accept) X(accept4) X(connect) X(pipe2) X(socket)                \
    X(socketpair) X(setsockopt) X(getsockopt) X(bind) X(listen) X(getsockname) X(getpeername) X(sendmmsg) X(recvmmsg) \
    X(getnameinfo) X(gethostbyaddr) X(shutdown) X(fclose) X(close_range) X(fcntl) X(fcntl64) X(ioctl) X(getifaddrs) X(getaddrinfo)               \
    X(gethostbyname) X(gethostbyname2) X(gethostbyname_r) X(eventfd) X(dup) X(dup2) X(dup3) X(close) X(inotify_init1)                      \
    X(getrandom) X(getentropy) X(srand) X(srandom) X(srand48)                                      \
    X(getppid) X(uname) X(gethostname) X(sysconf) X(get_nprocs)                \
    X(get_nprocs_conf) X(sched_getaffinity) X(sched_setaffinity) X(sched_getcpu)                   \
    X(pthread_getaffinity_np) X(pthread_setaffinity_np) X(sysinfo) X(setpriority)                  \
    X(sched_setscheduler) X(kill) X(tgkill)                                               \
    X(open) X(open64) X(openat) X(openat64) X(fopen) X(fopen64) X(opendir)                \
    X(readdir) X(closedir) X(rewinddir) X(seekdir) X(telldir) X(fdopendir)            \
    X(scandir) X(glob)   \
    X(statx) X(readlink) X(access)                                                                 \
    X(sigaction) X(sigaltstack) X(sigwait) X(sigtimedwait) X(sigsuspend)  \
    X(fork) X(exit) X(_exit) X(quick_exit) X(syscall)        \
    X(dlopen) X(mkstemp) X(mkstemp64) X(mkostemp) X(mkostemp64) X(mkstemps) X(mkstemps64)     \
    X(mkostemps) X(mkdtemp) X(mktemp) X(tmpnam) X(waitpid) X(wait4) X(waitid)                                            \
    X(execve) X(posix_spawn) X(posix_spawnp) X(system) X(popen) X(execvp) X(execvpe)

struct moth_real {
#define X(name) __typeof__(&name) name;
    MOTH_REAL_LIST(X)
#undef X
    int (*__cxa_thread_atexit_impl)(void (*)(void *), void *, void *);
};

extern struct moth_real moth_real;
void moth_real_init(void);

#endif
