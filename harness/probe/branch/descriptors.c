/* SPDX-License-Identifier: MIT
 *
 * Descriptors in a branch. A fork shares what stands behind them: a file's offset, a pipe's bytes, a
 * counter. Each is made again under its number: files are opened again at their offset (those in the
 * private folder in the branch's copy of it), pipes and socket pairs with what is in flight, counters
 * with their value, poll sets with what they watch. Descriptors that shared one description share the
 * new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "branch/branch.h"
#include "hooks/fd.h"
#include "net/net.h"

#define DESCRIPTORS_MAX 4096
#define FLIGHT_BYTES (1u << 20) /* at most in a pipe or socket */
#define COPIES_MAX 64
#define OWED_MAX 64
#define LINK_BYTES 512 /* of a path that is looked at for its beginning and end only */

enum kind { KIND_SHARED, KIND_FILE, KIND_UNNAMED, KIND_PIPE, KIND_SOCKET, KIND_COUNTER, KIND_POLL };

struct descriptor {
    int fd;
    int leader; /* index of an earlier one with the same description, or its own */
    enum kind kind;
    int flags;
    bool cloexec, done;
    uint64_t device, inode;
};

struct table {
    struct descriptor items[DESCRIPTORS_MAX];
    int n;
    char flight[FLIGHT_BYTES];
};

static struct {
    uint64_t device, inode;
    int fd;
} copies[COPIES_MAX];
static int n_copies;

static long sys_fcntl(int fd, int command, long argument)
{
    return arch_syscall(SYS_fcntl, fd, command, argument, 0, 0, 0);
}

static void sys_close(long fd)
{
    arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* ---- what is there ---- */

static long link_of(int fd, char *out, size_t size)
{
    char path[48];
    moth_branch_number(path, "/proc/self/fd/", (uint64_t)fd, "");
    long n = arch_syscall(SYS_readlinkat, AT_FDCWD, (long)path, (long)out, (long)size - 1, 0, 0);
    out[n > 0 ? n : 0] = '\0';
    return n;
}

static enum kind kind_of(const struct descriptor *item, const struct stat *st)
{
    char link[LINK_BYTES];
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        /* Ours holds random bytes that nobody writes to: a fresh offset will do. */
        link_of(item->fd, link, sizeof link);
        if (st->st_nlink == 0 && (item->flags & O_ACCMODE) != O_RDONLY &&
            strncmp(link, "/memfd:random", 13) != 0 && strncmp(link, "/memfd:uuid", 11) != 0)
            return KIND_UNNAMED;
        return KIND_FILE;
    case S_IFDIR:
        return KIND_FILE;
    case S_IFIFO:
        return KIND_PIPE;
    case S_IFSOCK:
        return KIND_SOCKET;
    case 0: /* the kernel's own kinds have none */
        link_of(item->fd, link, sizeof link);
        if (strcmp(link, "anon_inode:[eventfd]") == 0)
            return KIND_COUNTER;
        if (strcmp(link, "anon_inode:[eventpoll]") == 0)
            return KIND_POLL;
    }
    return KIND_SHARED;
}

static int leader_of(const struct table *table, int index)
{
    const struct descriptor *item = &table->items[index];
    long self = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    for (int i = 0; i < index; i++) {
        const struct descriptor *other = &table->items[i];
        if (other->leader == i && other->kind == item->kind && other->device == item->device &&
            other->inode == item->inode &&
            arch_syscall(SYS_kcmp, self, self, KCMP_FILE, other->fd, item->fd, 0) == 0)
            return i;
    }
    return index;
}

static void add(struct table *table, int fd)
{
    struct stat st;
    if (fd == MOTH_CHANNEL_FD || fd == MOTH_PRIVATE_FD || table->n == DESCRIPTORS_MAX ||
        arch_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0) != 0)
        return;
    struct descriptor *item = &table->items[table->n];
    item->fd = fd;
    item->flags = (int)sys_fcntl(fd, F_GETFL, 0);
    item->cloexec = (sys_fcntl(fd, F_GETFD, 0) & FD_CLOEXEC) != 0;
    item->device = st.st_dev;
    item->inode = st.st_ino;
    item->kind = kind_of(item, &st);
    item->leader = leader_of(table, table->n);
    table->n++;
}

static void list(struct table *table)
{
    long folder = arch_syscall(SYS_openat, AT_FDCWD, (long)"/proc/self/fd",
                               O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
    int numbers[512];
    for (;;) {
        /* The numbers first: opening and closing changes what is listed. */
        char entries[4096];
        long got = arch_syscall(SYS_getdents64, folder, (long)entries, sizeof entries, 0, 0, 0);
        int n = 0;
        for (long at = 0; at < got;) {
            unsigned short length;
            memcpy(&length, entries + at + 16, sizeof length);
            const char *name = entries + at + 19;
            int number = 0;
            while (*name >= '0' && *name <= '9')
                number = number * 10 + (*name++ - '0');
            if (*name == '\0' && number != folder && n < 512)
                numbers[n++] = number;
            at += length;
        }
        for (int i = 0; i < n; i++)
            add(table, numbers[i]);
        if (got <= 0)
            break;
    }
    sys_close(folder);
}

/* ---- making it again ---- */

/* Put `made` in the place of a descriptor, and of those that share its description. */
static void put(struct table *table, int index, long made)
{
    struct descriptor *item = &table->items[index];
    if (made < 0)
        return;
    for (int i = index; i < table->n; i++) {
        struct descriptor *each = &table->items[i];
        if (each->leader != index)
            continue;
        arch_syscall(SYS_dup3, made, each->fd, each->cloexec ? O_CLOEXEC : 0, 0, 0, 0);
        each->done = true;
    }
    sys_close(made);
    item->done = true;
}

static long seek_as(long made, int fd)
{
    long offset = arch_syscall(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
    if (made >= 0 && offset > 0)
        arch_syscall(SYS_lseek, made, offset, SEEK_SET, 0, 0, 0);
    return made;
}

static void info_of(struct table *table, int fd)
{
    char path[48];
    moth_branch_number(path, "/proc/self/fdinfo/", (uint64_t)fd, "");
    moth_branch_read(path, table->flight, FLIGHT_BYTES);
}

/* Locks a parked branch could not take, because the folder it has is for now that of others too. Its own
 * branches take them, in folders of their own. */
static struct {
    int fd;
    long mode;
} owed[OWED_MAX];
static int n_owed;

static long take_owed(int fd)
{
    for (int i = 0; i < n_owed; i++)
        if (owed[i].fd == fd) {
            long mode = owed[i].mode;
            owed[i] = owed[--n_owed];
            return mode;
        }
    return 0;
}

/* A flock() belongs to the description, so the new one has none yet. */
static void lock_as(struct table *table, long made, int fd)
{
    long mode = take_owed(fd);
    info_of(table, fd);
    if (strstr(table->flight, "FLOCK ") != NULL)
        mode = strstr(table->flight, " WRITE ") != NULL ? LOCK_EX : LOCK_SH;
    if (made < 0 || mode == 0 || arch_syscall(SYS_flock, made, mode | LOCK_NB, 0, 0, 0, 0) == 0 ||
        n_owed == OWED_MAX)
        return;
    owed[n_owed].fd = fd;
    owed[n_owed++].mode = mode;
}

static long open_again(struct table *table, const struct descriptor *item,
                       const struct moth_branch_folders *folders)
{
    char here[MOTH_BRANCH_PATH_MAX], there[MOTH_BRANCH_PATH_MAX];
    long flags = (item->flags & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_CLOEXEC, made = -1;
    link_of(item->fd, here, sizeof here);
    if (moth_branch_moved(folders, here, there)) {
        made = arch_syscall(SYS_openat, AT_FDCWD, (long)there, flags, 0, 0, 0);
        lock_as(table, made, item->fd);
    }
    if (made < 0) { /* elsewhere, or its name is gone */
        moth_branch_number(there, "/proc/self/fd/", (uint64_t)item->fd, "");
        made = arch_syscall(SYS_openat, AT_FDCWD, (long)there, flags, 0, 0, 0);
    }
    return seek_as(made, item->fd);
}

/* A file without a name: a copy of what is in it. */
static long copy_unnamed(const struct descriptor *item)
{
    struct stat st;
    long made = arch_syscall(SYS_memfd_create, (long)"branch", MFD_CLOEXEC, 0, 0, 0, 0);
    long offset = 0;
    if (made < 0 || arch_syscall(SYS_fstat, item->fd, (long)&st, 0, 0, 0, 0) != 0)
        return made;
    arch_syscall(SYS_ftruncate, made, st.st_size, 0, 0, 0, 0);
    while (offset < st.st_size &&
           arch_syscall(SYS_sendfile, made, item->fd, (long)&offset, st.st_size - offset, 0, 0) > 0)
        continue;
    arch_syscall(SYS_lseek, made, 0, SEEK_SET, 0, 0, 0);
    sys_fcntl((int)made, F_SETFL, item->flags);
    if (n_copies < COPIES_MAX) {
        long kept = sys_fcntl((int)made, F_DUPFD_CLOEXEC, 1000);
        copies[n_copies].device = item->device;
        copies[n_copies].inode = item->inode;
        copies[n_copies++].fd = (int)kept;
    }
    return seek_as(made, item->fd);
}

int moth_branch_copy_of(uint64_t device, uint64_t inode)
{
    for (int i = 0; i < n_copies; i++)
        if (copies[i].device == device && copies[i].inode == inode)
            return copies[i].fd;
    return -1;
}

void moth_branch_copies_forget(void)
{
    while (n_copies > 0)
        sys_close(copies[--n_copies].fd);
}

/* The other end of a pipe, in this process. */
static int other_end(const struct table *table, int index)
{
    const struct descriptor *item = &table->items[index];
    for (int i = 0; i < table->n; i++) {
        const struct descriptor *other = &table->items[i];
        if (other->kind == KIND_PIPE && other->leader == i && other->device == item->device &&
            other->inode == item->inode && (other->flags & O_ACCMODE) != (item->flags & O_ACCMODE))
            return i;
    }
    return -1;
}

static void pipe_again(struct table *table, int index)
{
    int other = other_end(table, index), ends[2];
    bool reads = (table->items[index].flags & O_ACCMODE) == O_RDONLY;
    int reader = reads ? index : other, writer = reads ? other : index;
    if (other < 0) { /* its other end is in another process, or closed */
        moth_branch_problem("a pipe to another process");
        return;
    }
    int from = table->items[reader].fd;
    if (arch_syscall(SYS_pipe2, (long)ends, O_CLOEXEC, 0, 0, 0, 0) != 0)
        return;
    sys_fcntl(ends[1], F_SETPIPE_SZ, sys_fcntl(from, F_GETPIPE_SZ, 0));
    arch_syscall(SYS_tee, from, ends[1], FLIGHT_BYTES, 2 /* SPLICE_F_NONBLOCK */, 0, 0);
    sys_fcntl(ends[0], F_SETFL, table->items[reader].flags);
    sys_fcntl(ends[1], F_SETFL, table->items[writer].flags);
    put(table, reader, ends[0]);
    put(table, writer, ends[1]);
}

static int index_of_inode(const struct table *table, uint64_t inode)
{
    for (int i = 0; i < table->n; i++)
        if (table->items[i].kind == KIND_SOCKET && table->items[i].leader == i &&
            table->items[i].inode == inode)
            return i;
    return -1;
}

/* What is on its way into `from` goes to what will be read at `to`'s other end. Peeked at, by messages. */
static void copy_flight(struct table *table, int from, int to)
{
    int offset = 0, off = -1;
    arch_syscall(SYS_setsockopt, from, SOL_SOCKET, SO_PEEK_OFF, (long)&offset, sizeof offset, 0);
    for (;;) {
        long n = arch_syscall(SYS_recvfrom, from, (long)table->flight, FLIGHT_BYTES, MSG_PEEK | MSG_DONTWAIT,
                              0, 0);
        if (n <= 0 ||
            arch_syscall(SYS_sendto, to, (long)table->flight, n, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0) != n)
            break;
    }
    arch_syscall(SYS_setsockopt, from, SOL_SOCKET, SO_PEEK_OFF, (long)&off, sizeof off, 0);
}

static int index_of_fd(const struct table *table, int fd)
{
    for (int i = 0; fd >= 0 && i < table->n; i++)
        if (table->items[i].fd == fd)
            return table->items[i].leader;
    return -1;
}

/* What was set and a fresh socket does not have. */
static void options_as(int from, int to)
{
    static const int same[] = {SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_PASSCRED, SO_PRIORITY};
    static const int doubled[] = {SO_SNDBUF, SO_RCVBUF};
    struct linger linger;
    int value, size;
    for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
        size = sizeof value;
        if (arch_syscall(SYS_getsockopt, from, SOL_SOCKET, same[i], (long)&value, (long)&size, 0) == 0 && value != 0)
            arch_syscall(SYS_setsockopt, to, SOL_SOCKET, same[i], (long)&value, sizeof value, 0);
    }
    for (unsigned i = 0; i < sizeof doubled / sizeof *doubled; i++) {
        size = sizeof value;
        if (arch_syscall(SYS_getsockopt, from, SOL_SOCKET, doubled[i], (long)&value, (long)&size, 0) != 0)
            continue;
        value /= 2;
        arch_syscall(SYS_setsockopt, to, SOL_SOCKET, doubled[i], (long)&value, sizeof value, 0);
    }
    size = sizeof linger;
    if (arch_syscall(SYS_getsockopt, from, SOL_SOCKET, SO_LINGER, (long)&linger, (long)&size, 0) == 0 && linger.l_onoff)
        arch_syscall(SYS_setsockopt, to, SOL_SOCKET, SO_LINGER, (long)&linger, sizeof linger, 0);
}

static void socket_again(struct table *table, int index)
{
    const struct descriptor *item = &table->items[index];
    int fd, ends[2], type = 0, size = sizeof type;
    bool of_network = moth_net_other_end(item->fd, &fd);
    uint64_t peer = of_network ? 0 : moth_socket_peer(item->inode);
    if (!of_network && peer == 0)
        return; /* not one of a pair within the game: nothing comes through it */
    int other = of_network ? index_of_fd(table, fd) : index_of_inode(table, peer);
    if (arch_syscall(SYS_getsockopt, item->fd, SOL_SOCKET, SO_TYPE, (long)&type, (long)&size, 0) != 0 ||
        arch_syscall(SYS_socketpair, AF_UNIX, type | SOCK_CLOEXEC, 0, (long)ends, 0, 0) != 0) {
        moth_branch_problem("a socket pair");
        return;
    }
    copy_flight(table, item->fd, ends[1]);
    options_as(item->fd, ends[0]);
    sys_fcntl(ends[0], F_SETFL, item->flags);
    if (other < 0) { /* closed; what it had sent may still be read */
        sys_close(ends[1]);
        put(table, index, ends[0]);
        return;
    }
    copy_flight(table, table->items[other].fd, ends[0]);
    options_as(table->items[other].fd, ends[1]);
    sys_fcntl(ends[1], F_SETFL, table->items[other].flags);
    put(table, index, ends[0]);
    put(table, other, ends[1]);
    if (!of_network)
        moth_socket_pair(item->fd, table->items[other].fd);
}

static uint64_t field(const char *text, const char *name, unsigned base, const char **end)
{
    const char *at = strstr(text, name);
    uint64_t value = 0;
    if (end != NULL)
        *end = NULL;
    if (at == NULL)
        return 0;
    at += strlen(name);
    at += strspn(at, " \t");
    for (;; at++) {
        unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
                         : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10
                                                    : 99;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    if (end != NULL)
        *end = at;
    return value;
}

static long counter_again(struct table *table, const struct descriptor *item)
{
    info_of(table, item->fd);
    uint64_t count = field(table->flight, "eventfd-count:", 16, NULL);
    long flags =
        (item->flags & O_NONBLOCK) | EFD_CLOEXEC | (moth_counter_is_semaphore(item->fd) ? EFD_SEMAPHORE : 0);
    long made = arch_syscall(SYS_eventfd2, 0, flags, 0, 0, 0, 0);
    if (made >= 0 && count > 0)
        arch_syscall(SYS_write, made, (long)&count, sizeof count, 0, 0, 0);
    return made;
}

static long poll_again(struct table *table, const struct descriptor *item)
{
    long made = arch_syscall(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
    info_of(table, item->fd);
    const char *at = table->flight;
    while (made >= 0) {
        uint64_t fd = field(at, "tfd:", 10, &at);
        if (at == NULL)
            break;
        struct epoll_event event;
        event.events = (uint32_t)field(at, "events:", 16, NULL);
        event.data.u64 = field(at, "data:", 16, NULL);
        arch_syscall(SYS_epoll_ctl, made, EPOLL_CTL_ADD, (long)fd, (long)&event, 0, 0);
    }
    return made;
}

static void make(struct table *table, int index, const struct moth_branch_folders *folders)
{
    struct descriptor *item = &table->items[index];
    switch (item->kind) {
    case KIND_FILE:
        put(table, index, open_again(table, item, folders));
        break;
    case KIND_UNNAMED:
        put(table, index, copy_unnamed(item));
        break;
    case KIND_PIPE:
        pipe_again(table, index);
        break;
    case KIND_SOCKET:
        socket_again(table, index);
        break;
    case KIND_COUNTER:
        put(table, index, counter_again(table, item));
        break;
    case KIND_POLL:
        put(table, index, poll_again(table, item));
        break;
    case KIND_SHARED:
        break;
    }
}

void moth_branch_descriptors(const struct moth_branch_folders *folders)
{
    struct table *table = moth_branch_room(sizeof *table);
    if (table == NULL) {
        moth_branch_problem("descriptors");
        return;
    }
    list(table);
    /* Poll sets last: what they watch must be there. */
    for (int polls = 0; polls < 2; polls++)
        for (int i = 0; i < table->n; i++)
            if (table->items[i].leader == i && !table->items[i].done &&
                (table->items[i].kind == KIND_POLL) == (polls == 1))
                make(table, i, folders);
    moth_branch_room_end(table, sizeof *table);
}
