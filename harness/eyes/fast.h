/* SPDX-License-Identifier: MIT
 *
 * One function in several builds: loops over pixels as the compiler makes them of what any processor of this kind can
 * do, and of what newer ones can; the best that is there is called. Of
 *
 *     static inline MOTH_FAST_BODY void name_body(int a, int *b) { … }
 *     MOTH_FAST(name, (int a, int *b), (a, b))
 *
 * name(a, b) is made. What it gives may differ by the rounding of a float, so nothing that is told may hang on that.
 */
#ifndef MOTH_EYES_FAST_H
#define MOTH_EYES_FAST_H

/* The widest build to be called: 0, 256 or 512. For tests. */
extern unsigned moth_fast_most;

#if defined __x86_64__ && defined __GNUC__
#define MOTH_FAST_512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))
#define MOTH_FAST_256 __attribute__((target("avx2,fma")))

/* What is there and may be called. */
static inline unsigned moth_fast(void)
{
    if (moth_fast_most >= 512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
        return 512;
    return moth_fast_most >= 256 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 256 : 0;
}

#define MOTH_FAST_BODY __attribute__((always_inline))
#define MOTH_FAST(name, parameters, arguments)                                                                        \
    MOTH_FAST_512 static void name##_512 parameters                                                                   \
    {                                                                                                                 \
        name##_body arguments;                                                                                        \
    }                                                                                                                 \
    MOTH_FAST_256 static void name##_256 parameters                                                                   \
    {                                                                                                                 \
        name##_body arguments;                                                                                        \
    }                                                                                                                 \
    static void name parameters                                                                                       \
    {                                                                                                                 \
        if (moth_fast() == 512)                                                                                       \
            name##_512 arguments;                                                                                     \
        else if (moth_fast() == 256)                                                                                  \
            name##_256 arguments;                                                                                     \
        else                                                                                                          \
            name##_body arguments;                                                                                    \
    }
#else
#define MOTH_FAST_BODY
#define MOTH_FAST(name, parameters, arguments)                                                                        \
    static void name parameters                                                                                       \
    {                                                                                                                 \
        name##_body arguments;                                                                                        \
    }
#endif

#endif
