/* SPDX-License-Identifier: MIT
 *
 * Randomness from outside: answered from one generator seeded by the run. What is handed out, and what
 * the game seeds its own generators with, goes into the random chain.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/probe.h"
#include "core/real.h"
#include "hooks/files.h"

#define DEVICE_BYTES (1u << 20)

static struct moth_rng entropy_rng;

void moth_entropy_init(void)
{
    moth_rng_seed(&entropy_rng, moth_channel->config.seed);
}

void moth_entropy_fill(void *buffer, size_t size)
{
    uint8_t *out = buffer;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = moth_rng_next(&entropy_rng);
        memcpy(out + at, &word, size - at < 8 ? size - at : 8);
    }
    moth_chain_add(&moth_chain_random, size);
}

/* A descriptor that reads like /dev/urandom, or a negative errno: a file, because stdio reads it too. */
int moth_entropy_open(void)
{
    static uint8_t block[4096];
    long fd = arch_syscall(SYS_memfd_create, (long)"random", MFD_CLOEXEC, 0, 0, 0, 0);
    for (unsigned at = 0; fd >= 0 && at < DEVICE_BYTES; at += sizeof block) {
        moth_entropy_fill(block, sizeof block);
        arch_syscall(SYS_write, fd, (long)block, sizeof block, 0, 0, 0);
    }
    if (fd >= 0)
        arch_syscall(SYS_lseek, fd, 0, SEEK_SET, 0, 0, 0);
    return (int)fd;
}

/* The same for the kernel's UUIDs (RFC 4122, version 4). */
int moth_entropy_open_uuid(void)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    char text[37];
    size_t at = 0;
    moth_entropy_fill(bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = digits[bytes[i] >> 4];
        text[at++] = digits[bytes[i] & 15];
    }
    text[at++] = '\n';
    long fd = arch_syscall(SYS_memfd_create, (long)"uuid", MFD_CLOEXEC, 0, 0, 0, 0);
    if (fd >= 0) {
        arch_syscall(SYS_write, fd, (long)text, (long)at, 0, 0, 0);
        arch_syscall(SYS_lseek, fd, 0, SEEK_SET, 0, 0, 0);
    }
    return (int)fd;
}

/* ---- names of temporary files ---- */

static void random_letters(char *out, size_t n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint8_t bytes[16];
    moth_entropy_fill(bytes, n);
    for (size_t i = 0; i < n; i++)
        out[i] = letters[bytes[i] % 62];
}

/* Where the six X of a template are, or NULL. */
static char *template_part(char *name, int suffix)
{
    size_t n = strlen(name);
    if (suffix < 0 || n < 6 + (size_t)suffix || memcmp(name + n - (size_t)suffix - 6, "XXXXXX", 6) != 0) {
        errno = EINVAL;
        return NULL;
    }
    return name + n - (size_t)suffix - 6;
}

static int make_temporary(char *name, int suffix, int flags, bool folder)
{
    char *part = template_part(name, suffix);
    for (int tries = 0; part != NULL && tries < 1000; tries++) {
        random_letters(part, 6);
        int made = folder ? mkdir(name, 0700) : open(name, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
        if (made >= 0 || errno != EEXIST)
            return made;
    }
    return -1;
}

#define TEMPORARY_HOOK(name, arguments, pass, suffix, flags)                                       \
    MOTH_HOOK int name arguments                                                                   \
    {                                                                                              \
        moth_real_init();                                                                          \
        return moth_active() ? make_temporary(pattern, suffix, flags, false) : moth_real.name pass; \
    }

TEMPORARY_HOOK(mkstemp, (char *pattern), (pattern), 0, 0)
TEMPORARY_HOOK(mkstemp64, (char *pattern), (pattern), 0, 0)
TEMPORARY_HOOK(mkostemp, (char *pattern, int flags), (pattern, flags), 0, flags)
TEMPORARY_HOOK(mkostemp64, (char *pattern, int flags), (pattern, flags), 0, flags)
TEMPORARY_HOOK(mkstemps, (char *pattern, int suffix), (pattern, suffix), suffix, 0)
TEMPORARY_HOOK(mkstemps64, (char *pattern, int suffix), (pattern, suffix), suffix, 0)
TEMPORARY_HOOK(mkostemps, (char *pattern, int suffix, int flags), (pattern, suffix, flags), suffix, flags)

MOTH_HOOK char *mkdtemp(char *pattern)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.mkdtemp(pattern);
    return make_temporary(pattern, 0, 0, true) == 0 ? pattern : NULL;
}

MOTH_HOOK char *mktemp(char *pattern)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.mktemp(pattern);
    char *part = template_part(pattern, 0);
    if (part != NULL)
        random_letters(part, 6);
    else
        pattern[0] = '\0';
    return pattern;
}

MOTH_HOOK char *tmpnam(char out[L_tmpnam])
{
    static char own[L_tmpnam];
    moth_real_init();
    if (!moth_active())
        return moth_real.tmpnam(out);
    char *name = out != NULL ? out : own;
    memcpy(name, "/tmp/fileXXXXXX", 16);
    random_letters(name + 9, 6);
    return name;
}

/* ---- the calls themselves ---- */

MOTH_HOOK ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.getrandom(buffer, size, flags);
    moth_entropy_fill(buffer, size);
    return (ssize_t)size;
}

MOTH_HOOK int getentropy(void *buffer, size_t size)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.getentropy(buffer, size);
    if (size > 256) {
        errno = EIO;
        return -1;
    }
    moth_entropy_fill(buffer, size);
    return 0;
}

uint32_t arc4random(void);
void arc4random_buf(void *buffer, size_t size);
uint32_t arc4random_uniform(uint32_t bound);

MOTH_HOOK void arc4random_buf(void *buffer, size_t size)
{
    if (moth_active()) {
        moth_entropy_fill(buffer, size);
        return;
    }
    for (size_t at = 0; at < size; at += 256)
        getentropy((uint8_t *)buffer + at, size - at < 256 ? size - at : 256);
}

MOTH_HOOK uint32_t arc4random(void)
{
    uint32_t value;
    arc4random_buf(&value, sizeof value);
    return value;
}

MOTH_HOOK uint32_t arc4random_uniform(uint32_t bound)
{
    return bound < 2 ? 0 : (uint32_t)(((uint64_t)arc4random() * bound) >> 32);
}

/* std::random_device asks the processor; its library's own entry points are the place to answer. */
unsigned _ZNSt13random_device9_M_getvalEv(void *self);
unsigned _ZNSt13random_device16_M_getval_pretr1Ev(void *self);

MOTH_HOOK unsigned _ZNSt13random_device9_M_getvalEv(void *self)
{
    (void)self;
    return arc4random();
}

MOTH_HOOK unsigned _ZNSt13random_device16_M_getval_pretr1Ev(void *self)
{
    (void)self;
    return arc4random();
}

/* ---- generators of libc: what they are seeded with tells where two runs part ---- */

MOTH_HOOK void srand(unsigned seed)
{
    moth_real_init();
    moth_chain_add(&moth_chain_random, seed);
    moth_real.srand(seed);
}

MOTH_HOOK void srandom(unsigned seed)
{
    moth_real_init();
    moth_chain_add(&moth_chain_random, seed);
    moth_real.srandom(seed);
}

MOTH_HOOK void srand48(long seed)
{
    moth_real_init();
    moth_chain_add(&moth_chain_random, (uint64_t)seed);
    moth_real.srand48(seed);
}
