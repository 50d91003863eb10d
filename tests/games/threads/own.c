/* SPDX-License-Identifier: MIT
 *
 * Conformance: what is a thread's own (storage, errno, rounding, name, stack), and many threads.
 */
#include "threads/check.h"

#include <fenv.h>
#include <math.h>
#include <signal.h>
#include <sys/mman.h>

static pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER;

/* --- storage of a thread's own --- */

static __thread int own_zero;
static __thread int own_seven = 7;
static __thread char own_block[5000];

static void *use_own(void *arg)
{
    CHECK(own_zero == 0 && own_seven == 7 && own_block[4999] == 0);
    own_zero = (int)(intptr_t)arg;
    own_block[4999] = (char)(intptr_t)arg;
    for (int i = 0; i < 10; i++) {
        sleep_ms(1);
        CHECK(own_zero == (int)(intptr_t)arg && own_block[4999] == (char)(intptr_t)arg);
    }
    return &own_zero;
}

static pthread_key_t key_again;
static atomic_int key_rounds, key_destroyed;

static void destroy_key(void *value)
{
    CHECK(value == (void *)5);
    key_destroyed++;
}

static void destroy_key_again(void *value)
{
    key_rounds++;
    if ((intptr_t)value > 1)
        CHECK(pthread_setspecific(key_again, (void *)((intptr_t)value - 1)) == 0);
}

static void *use_keys(void *arg)
{
    pthread_key_t key = *(pthread_key_t *)arg;
    CHECK(pthread_getspecific(key) == NULL);
    CHECK(pthread_setspecific(key, (void *)5) == 0 && pthread_setspecific(key_again, (void *)3) == 0);
    sleep_ms(2);
    CHECK(pthread_getspecific(key) == (void *)5 && pthread_getspecific(key_again) == (void *)3);
    if (key_destroyed % 2)
        pthread_exit(NULL);
    return NULL;
}

static void area_tls(void)
{
    pthread_t threads[8];
    for (intptr_t i = 0; i < 8; i++)
        threads[i] = start(use_own, (void *)(i + 1));
    for (int i = 0; i < 8; i++)
        CHECK(join(threads[i]) != &own_zero);
    CHECK(own_zero == 0 && own_seven == 7);

    pthread_key_t key;
    key_rounds = key_destroyed = 0;
    CHECK(pthread_key_create(&key, destroy_key) == 0 &&
          pthread_key_create(&key_again, destroy_key_again) == 0);
    for (int i = 0; i < 4; i++)
        join(start(use_keys, &key));
    CHECK(key_destroyed == 4 && key_rounds == 12);
    CHECK(pthread_getspecific(key) == NULL);
    pthread_key_delete(key);
    pthread_key_delete(key_again);
}

/* --- errno, floating point, names, stacks --- */

static void *disturb_errno(void *arg)
{
    for (int i = 0; i < 20; i++) {
        errno = (int)(intptr_t)arg + i;
        sched_yield();
        CHECK(errno == (int)(intptr_t)arg + i);
        errno = (int)(intptr_t)arg;
        CHECK(pthread_mutex_lock(&plain_mutex) == 0 && pthread_mutex_unlock(&plain_mutex) == 0);
        CHECK(errno == (int)(intptr_t)arg);
    }
    return NULL;
}

static void area_errno(void)
{
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++)
        threads[i] = start(disturb_errno, (void *)(1000 * i + 1000));
    for (int i = 0; i < 4; i++)
        join(threads[i]);
}

static void *round_own_way(void *arg)
{
    int way = (int)(intptr_t)arg;
    CHECK(fegetround() == FE_TONEAREST);
    CHECK(fesetround(way) == 0);
    for (int i = 0; i < 20; i++) {
        sched_yield();
        CHECK(fegetround() == way);
        volatile double one = 1.0, three = 3.0;
        volatile long double lone = 1.0L, lthree = 3.0L;
        double third = one / three;
        long double lthird = lone / lthree;
        CHECK((third * 3.0L < 1.0L) == (way == FE_DOWNWARD || way == FE_TONEAREST || way == FE_TOWARDZERO));
        CHECK(lrint(0.5 * one) == (way == FE_UPWARD ? 1 : 0));
        CHECK(lthird > 0.33L);
    }
    return NULL;
}

static void area_fpu(void)
{
    static const int ways[] = {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO, FE_TONEAREST};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = start(round_own_way, (void *)(intptr_t)ways[i]);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    CHECK(fegetround() == FE_TONEAREST);
}

static void *check_identity(void *arg)
{
    char name[16];
    pthread_t *out = arg;
    *out = pthread_self();
    CHECK(pthread_setname_np(pthread_self(), "painter") == 0);
    CHECK(pthread_getname_np(pthread_self(), name, sizeof name) == 0 && strcmp(name, "painter") == 0);
    return (void *)(intptr_t)gettid();
}

static void area_identity(void)
{
    pthread_t self = 0;
    pthread_t thread = start(check_identity, &self);
    intptr_t tid = (intptr_t)join(thread);
    CHECK(pthread_equal(self, thread) && !pthread_equal(self, pthread_self()));
    CHECK(tid != gettid() && tid > 0);
    CHECK(getpid() == gettid());
    CHECK(getpid() > 0 && kill(getpid(), 0) == 0);
}

static int deep(int depth)
{
    volatile char page[1024];
    page[0] = (char)depth;
    if (depth % 64 == 0)
        sched_yield();
    return depth == 0 ? page[0] : deep(depth - 1) + (page[0] != (char)depth);
}

static void *use_stack(void *arg)
{
    pthread_attr_t attr;
    void *address;
    size_t size;
    char local;
    CHECK(pthread_getattr_np(pthread_self(), &attr) == 0);
    CHECK(pthread_attr_getstack(&attr, &address, &size) == 0);
    CHECK(&local > (char *)address && &local < (char *)address + size);
    CHECK(size >= (size_t)(uintptr_t)arg);
    pthread_attr_destroy(&attr);
    return (void *)(intptr_t)deep((int)((uintptr_t)arg * 3 / 4 / 1200));
}

static void area_stack(void)
{
    static const size_t sizes[] = {256 << 10, 1 << 20, 8 << 20, 32 << 20};
    for (int i = 0; i < 4; i++) {
        pthread_attr_t attr;
        pthread_t thread;
        CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, sizes[i]) == 0);
        CHECK(pthread_create(&thread, &attr, use_stack, (void *)(sizes[i] - 65536)) == 0);
        CHECK(join(thread) == NULL);
        pthread_attr_destroy(&attr);
    }
    size_t size = 512 << 10; /* a stack of the program's own */
    void *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    pthread_attr_t attr;
    pthread_t thread;
    CHECK(own != MAP_FAILED && pthread_attr_init(&attr) == 0 && pthread_attr_setstack(&attr, own, size) == 0);
    CHECK(pthread_create(&thread, &attr, use_stack, (void *)(size - 65536)) == 0);
    CHECK(join(thread) == NULL);
    pthread_attr_destroy(&attr);
    munmap(own, size);
    use_stack((void *)(uintptr_t)(1 << 20)); /* main's */
}

/* --- many threads --- */

static void *give_back(void *arg)
{
    return arg;
}

static void *sleep_30ms(void *arg)
{
    sleep_ms(30);
    return arg;
}

static void *make_child(void *arg)
{
    intptr_t depth = (intptr_t)arg;
    return depth == 0 ? (void *)1 : (void *)((intptr_t)join(start(make_child, (void *)(depth - 1))) + 1);
}

static void area_many(void)
{
    pthread_t threads[64];
    for (int round = 0; round < 4; round++) {
        for (intptr_t i = 0; i < 64; i++)
            threads[i] = start(i % 2 ? sleep_30ms : give_back, (void *)i);
        for (intptr_t i = 0; i < 64; i++)
            CHECK(join(threads[63 - i]) == (void *)(63 - i));
    }
    for (int i = 0; i < 300; i++)
        CHECK(join(start(give_back, (void *)3)) == (void *)3);
    CHECK(join(start(make_child, (void *)20)) == (void *)21);
}

const struct area own_areas[] = {
    {"tls", area_tls},     {"errno", area_errno}, {"fpu", area_fpu}, {"identity", area_identity},
    {"stack", area_stack}, {"many", area_many},   {NULL, NULL},
};
