/* SPDX-License-Identifier: MIT
 *
 * moth.h: what a game may tell the harness that plays it. For C (C99 on) and C++.
 *
 * Including this file is all there is to it: no library to link, no initialization. The functions look for
 * the probe that `moth run` puts into the process. Where no harness is attached they do nothing, and
 * cost a load and a branch not taken; the arguments of moth_event are then not even formatted.
 *
 * Nothing here changes how the game runs: no call fails, blocks or takes ownership. Names and
 * messages are string literals or live as long as the process. Call from any thread.
 *
 * To take all of it out of a build, define MOTH_DISABLE. A game that is linked statically against libc can
 * not be attached to this way; link the probe instead (pkg-config moth, or CMake's moth::probe).
 */
#ifndef MOTH_MOTH_H
#define MOTH_MOTH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the values of this file travel to the probe; they never change their numbers. */
enum moth_watch_type {
    MOTH_WATCH_I32 = 0,
    MOTH_WATCH_F32 = 1,
    MOTH_WATCH_F64 = 2,
    MOTH_WATCH_BOOL = 3,
    MOTH_WATCH_STR = 4
};

enum moth_property_kind {
    MOTH_PROPERTY_ALWAYS = 0,
    MOTH_PROPERTY_SOMETIMES = 1,
    MOTH_PROPERTY_REACHABLE = 2,
    MOTH_PROPERTY_UNREACHABLE = 3
};

/* MOTH_HOOK_(name, result, parameters) makes name_hook(): the probe's function, or NULL.
 *
 * A weak reference says it in plain C as long as the compiler goes through the global offset table. Code
 * that is not position-independent would take the address at link time, which is zero before the probe is
 * there, so that code asks for the table's entry by name. */
#if defined(MOTH_DISABLE) || !defined(__ELF__)
#define MOTH_HOOK_(name, result, parameters)                \
    static __inline__ result(*name##_hook(void)) parameters \
    {                                                       \
        return NULL;                                        \
    }
#elif defined(__x86_64__) && !defined(__PIC__)
#define MOTH_HOOK_(name, result, parameters)                                           \
    static __inline__ result(*name##_hook(void)) parameters                            \
    {                                                                                  \
        result(*hook) parameters;                                                      \
        __asm__(".weak " #name "\n\tmovq " #name "@GOTPCREL(%%rip), %0" : "=r"(hook)); \
        return hook;                                                                   \
    }
#elif defined(__aarch64__) && !defined(__PIC__)
#define MOTH_HOOK_(name, result, parameters)                                                      \
    static __inline__ result(*name##_hook(void)) parameters                                       \
    {                                                                                             \
        result(*hook) parameters;                                                                 \
        __asm__(".weak " #name "\n\tadrp %0, :got:" #name "\n\tldr %0, [%0, :got_lo12:" #name "]" \
                : "=r"(hook));                                                                    \
        return hook;                                                                              \
    }
#else
#define MOTH_HOOK_(name, result, parameters)                \
    extern result name parameters __attribute__((weak));    \
    static __inline__ result(*name##_hook(void)) parameters \
    {                                                       \
        return name;                                        \
    }
#endif

MOTH_HOOK_(moth_probe_attached, int, (void))
MOTH_HOOK_(moth_probe_frame, void, (void))
MOTH_HOOK_(moth_probe_waiting, void, (int waiting))
MOTH_HOOK_(moth_probe_event, void, (const char *name, const char *text))
MOTH_HOOK_(moth_probe_property, void,
           (int kind, int condition, const char *message, const char *file, int line))

/* A line of the source that states a property. Known from when its object is loaded, so that one that is never met
 * is known as well. */
struct moth_property_site {
    int32_t kind, line;
    const char *file, *message;
};

MOTH_HOOK_(moth_probe_properties, void,
           (const struct moth_property_site *begin, const struct moth_property_site *end))
MOTH_HOOK_(moth_probe_watch, void, (const char *name, int type, const void *pointer))

/* Whether a harness plays this process. For logs; a game that plays differently under test tests
 * something else. */
static __inline__ bool moth_attached(void)
{
    int (*hook)(void) = moth_probe_attached_hook();
    return hook && hook() != 0;
}

/* A frame is done. Only for a game that presents its pictures without SDL. */
static __inline__ void moth_frame(void)
{
    void (*hook)(void) = moth_probe_frame_hook();
    if (hook)
        hook();
}

/* From here on (until false) nothing needs to happen on screen: a cut scene, a menu, "press any key". No
 * softlock is looked for meanwhile. */
static __inline__ void moth_waiting(bool waiting)
{
    void (*hook)(int) = moth_probe_waiting_hook();
    if (hook)
        hook(waiting);
}

/* Something happened that a tester wants to know of: moth_event("door opened", "room %d", room). The text
 * is cut at 1023 bytes. */
static __inline__ void moth_event(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static __inline__ void moth_event(const char *name, const char *format, ...)
{
    void (*hook)(const char *, const char *) = moth_probe_event_hook();
    if (hook) {
        char text[1024];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        hook(name, text);
    }
}

static __inline__ void moth_property_(int kind, bool condition, const char *message, const char *file,
                                      int line)
{
    void (*hook)(int, int, const char *, const char *, int) = moth_probe_property_hook();
    if (hook)
        hook(kind, condition, message, file, line);
}

/* Properties. The condition is always evaluated, so that a build behaves the same with and without a
 * harness. `message`, a string literal, names the property: same message, same property.
 *   moth_always       holds each time it is met; once it does not, that is a finding
 *   moth_sometimes    holds at least once in all the playing
 *   moth_reachable    this line is met at least once in all the playing
 *   moth_unreachable  this line is never met; when it is, that is a finding
 * A run's report names the `sometimes` and `reachable` that were not seen, also those whose line was never met. */
#define moth_always(condition, message) MOTH_PROPERTY_(MOTH_PROPERTY_ALWAYS, condition, message)
#define moth_sometimes(condition, message) MOTH_PROPERTY_(MOTH_PROPERTY_SOMETIMES, condition, message)
#define moth_reachable(message) MOTH_PROPERTY_(MOTH_PROPERTY_REACHABLE, 1, message)
#define moth_unreachable(message) MOTH_PROPERTY_(MOTH_PROPERTY_UNREACHABLE, 0, message)

#if defined(MOTH_DISABLE) || !defined(__ELF__)
#define MOTH_PROPERTY_(kind, condition, message) \
    moth_property_(kind, (condition) ? true : false, message, __FILE__, __LINE__)
#elif defined(__cplusplus)
/* Code of templates and inline functions stands in sections of its own, in which gcc lets nothing else stand: so
 * each site is a type, and what registers it is the constructor of a static member. */
#define MOTH_PROPERTY_(kind_, condition, message_)                                                                  \
    __extension__({                                                                                                 \
        struct moth_here_ {                                                                                         \
            static moth_property_site site()                                                                        \
            {                                                                                                       \
                moth_property_site here = {kind_, __LINE__, __FILE__, message_};                                    \
                return here;                                                                                        \
            }                                                                                                       \
        };                                                                                                          \
        (void)&moth_property_known_<moth_here_>::known;                                                             \
        moth_property_(kind_, (condition) ? true : false, message_, __FILE__, __LINE__);                            \
    })
#else
#define MOTH_PROPERTY_(kind_, condition, message_)                                                                  \
    __extension__({                                                                                                 \
        static const struct moth_property_site moth_here_                                                           \
            __attribute__((section("moth_properties"), used, aligned(8))) = {                                       \
                kind_, __LINE__, __FILE__,                                                                          \
                __builtin_choose_expr(__builtin_constant_p(message_), (message_), (const char *)0)};                \
        (void)moth_here_.kind;                                                                                      \
        moth_property_(kind_, (condition) ? true : false, message_, __FILE__, __LINE__);                            \
    })

/* The sites of the program or shared object that this is part of, made known when it is loaded. */
extern const struct moth_property_site __start_moth_properties[] __attribute__((weak, visibility("hidden")));
extern const struct moth_property_site __stop_moth_properties[] __attribute__((weak, visibility("hidden")));

static __attribute__((constructor, unused)) void moth_properties_known_(void)
{
    void (*hook)(const struct moth_property_site *, const struct moth_property_site *) =
        moth_probe_properties_hook();
    const struct moth_property_site *begin = __start_moth_properties, *end = __stop_moth_properties;
    if (hook && begin != end)
        hook(begin, end);
}
#endif

static __inline__ void moth_watch_(const char *name, int type, const void *pointer)
{
    void (*hook)(const char *, int, const void *) = moth_probe_watch_hook();
    if (hook)
        hook(name, type, pointer);
}

/* Publish a variable under a name: the harness reads it at frame boundaries, for as long as the process
 * lives, so it must not move. The same name again replaces the pointer; NULL takes the watch back. */
static __inline__ void moth_watch_i32(const char *name, const int32_t *pointer)
{
    moth_watch_(name, MOTH_WATCH_I32, pointer);
}

static __inline__ void moth_watch_f32(const char *name, const float *pointer)
{
    moth_watch_(name, MOTH_WATCH_F32, pointer);
}

static __inline__ void moth_watch_f64(const char *name, const double *pointer)
{
    moth_watch_(name, MOTH_WATCH_F64, pointer);
}

static __inline__ void moth_watch_bool(const char *name, const bool *pointer)
{
    moth_watch_(name, MOTH_WATCH_BOOL, pointer);
}

/* `pointer` is where the characters are: a buffer that always holds a terminated string. */
static __inline__ void moth_watch_str(const char *name, const char *pointer)
{
    moth_watch_(name, MOTH_WATCH_STR, pointer);
}

#ifdef __cplusplus
} /* extern "C" */

#if !defined(MOTH_DISABLE) && defined(__ELF__)
template <class Here> struct moth_property_known_ {
    moth_property_known_()
    {
        void (*hook)(const moth_property_site *, const moth_property_site *) = moth_probe_properties_hook();
        site = Here::site();
        if (hook)
            hook(&site, &site + 1);
    }
    moth_property_site site;
    static moth_property_known_ known;
};
template <class Here> moth_property_known_<Here> moth_property_known_<Here>::known;
#endif

/* The same for C++: moth::watch("hp", &hp) for whatever type there is a watch of, and a wait that ends with its scope. */
namespace moth {
inline bool attached() { return moth_attached(); }
inline void frame() { moth_frame(); }
inline void watch(const char *name, const int32_t *pointer) { moth_watch_i32(name, pointer); }
inline void watch(const char *name, const float *pointer) { moth_watch_f32(name, pointer); }
inline void watch(const char *name, const double *pointer) { moth_watch_f64(name, pointer); }
inline void watch(const char *name, const bool *pointer) { moth_watch_bool(name, pointer); }
inline void watch(const char *name, const char *pointer) { moth_watch_str(name, pointer); }

/* moth_waiting from here to the end of the block. */
class waiting {
public:
    waiting() { moth_waiting(true); }
    ~waiting() { moth_waiting(false); }

private:
    waiting(const waiting &);
    waiting &operator=(const waiting &);
};
} // namespace moth
#endif

#endif
