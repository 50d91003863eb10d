/* SPDX-License-Identifier: MIT
 *
 * xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64. The one generator of moth:
 * agents, schedules and the entropy a game is given. Usable in the probe: no libc, no state of its own.
 */
#ifndef MOTH_BASE_RNG_H
#define MOTH_BASE_RNG_H

#include <stdint.h>

struct moth_rng {
    uint64_t s[4];
};

static inline uint64_t moth_splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static inline void moth_rng_seed(struct moth_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->s[i] = moth_splitmix64(&seed);
}

static inline uint64_t moth_rng_next(struct moth_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t rotated = s[1] * 5;
    uint64_t result = ((rotated << 7) | (rotated >> 57)) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* Uniform in [0, n), n > 0, without bias (Lemire 2019). */
static inline uint64_t moth_rng_below(struct moth_rng *rng, uint64_t n)
{
    unsigned __int128 m = (unsigned __int128)moth_rng_next(rng) * n;
    if ((uint64_t)m < n) {
        uint64_t least = (0 - n) % n;
        while ((uint64_t)m < least)
            m = (unsigned __int128)moth_rng_next(rng) * n;
    }
    return (uint64_t)(m >> 64);
}

/* Uniform in [0, 1), 53 bits. */
static inline double moth_rng_unit(struct moth_rng *rng)
{
    return (double)(moth_rng_next(rng) >> 11) * 0x1.0p-53;
}

#endif
