/* SPDX-License-Identifier: MIT
 *
 * What a look for a picture costs: 64 x 64 pixels in 1280 x 720, in pictures of three kinds, where it is to be seen and
 * where it is not. Prints a line each: kind, nanoseconds (the least of so many tries); `grey` is making the picture grey,
 * once a frame.
 *
 *     bench_see [TRIES [0|256|512]]     with instructions of so many bits at most
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "eyes/fast.h"
#include "eyes/see.h"

#define WIDTH 1280u
#define HEIGHT 720u
#define SIDE 64u

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* its own: other work on the machine is none of it */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void rect(uint8_t *rgba, uint32_t left, uint32_t top, uint32_t width, uint32_t height, uint32_t grey)
{
    for (uint32_t y = top; y < top + height && y < HEIGHT; y++)
        for (uint32_t x = left; x < left + width && x < WIDTH; x++)
            memset(rgba + ((size_t)y * WIDTH + x) * 4, (int)grey, 3);
}

/* A world of tiles, a screen of boxes and small marks as menus have, or a painted slope with grain. */
static void paint(uint8_t *rgba, const char *kind, struct moth_rng *rng)
{
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++) {
            uint32_t slope = (x * 90 / WIDTH + y * 90 / HEIGHT), grain = (uint32_t)moth_rng_below(rng, 12);
            uint32_t tile = (x / 16 * 7 + y / 16 * 13) % 5 * 40 + (x % 16 + y % 16 == 15 ? 30 : 0);
            uint32_t grey = strcmp(kind, "tiles") == 0 ? tile : strcmp(kind, "boxes") == 0 ? 30 : slope + grain;
            memset(rgba + ((size_t)y * WIDTH + x) * 4, (int)grey, 3);
        }
    for (int i = 0; i < 300; i++) {
        uint32_t size = strcmp(kind, "boxes") == 0 ? 200 : 40;
        rect(rgba, (uint32_t)moth_rng_below(rng, WIDTH), (uint32_t)moth_rng_below(rng, HEIGHT),
             2 + (uint32_t)moth_rng_below(rng, size), 2 + (uint32_t)moth_rng_below(rng, size / 4),
             (uint32_t)moth_rng_below(rng, 256));
    }
}

static uint64_t least(const struct moth_grey *picture, const struct moth_template *template, bool there, int tries)
{
    static struct moth_see_room room;
    const struct moth_rect all = {0, 0, WIDTH, HEIGHT};
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < tries; i++) {
        struct moth_sight sight;
        uint64_t begin = now_ns();
        int result = moth_see(picture, &all, template, 0.9, &room, &sight);
        uint64_t took = now_ns() - begin;
        if (result != 0 || sight.found != there)
            exit(1);
        best = took < best ? took : best;
    }
    return best;
}

static void measure(const uint8_t *rgba, const struct moth_grey *picture, const char *kind, int tries)
{
    struct moth_pixmap part = {SIDE, SIDE, malloc(SIDE * SIDE * 4)};
    struct moth_template template;
    struct moth_err err;
    for (uint32_t y = 0; part.rgba && y < SIDE; y++)
        memcpy(part.rgba + (size_t)y * SIDE * 4, rgba + ((size_t)(y + 411) * WIDTH + 703) * 4, (size_t)SIDE * 4);
    if (!part.rgba || moth_template_init(&template, &part, NULL, &err) != 0)
        exit(1);
    printf("%s %llu\n", kind, (unsigned long long)least(picture, &template, true, tries));
    moth_template_fini(&template);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) /* fainter, with some noise */
        memset(part.rgba + (size_t)i * 4, (int)(20u + part.rgba[(size_t)i * 4] / 2u + i * 7 % 11 % 4), 3);
    if (moth_template_init(&template, &part, NULL, &err) != 0)
        exit(1);
    printf("%s_faint %llu\n", kind, (unsigned long long)least(picture, &template, true, tries));
    moth_template_fini(&template);
    for (uint32_t i = 0; i < SIDE * SIDE; i++) /* what is on no such screen */
        memset(part.rgba + (size_t)i * 4, (int)((i / SIDE * 3 + (i % SIDE) * (i % SIDE) / 16) & 255), 3);
    if (moth_template_init(&template, &part, NULL, &err) != 0)
        exit(1);
    printf("%s_absent %llu\n", kind, (unsigned long long)least(picture, &template, false, tries));
    moth_template_fini(&template);
    moth_pixmap_fini(&part);
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"tiles", "boxes", "slope"};
    int tries = argc > 1 ? atoi(argv[1]) : 20;
    uint8_t *rgba = calloc((size_t)WIDTH * HEIGHT, 4);
    struct moth_rng rng;
    moth_fast_most = argc > 2 ? (unsigned)atoi(argv[2]) : moth_fast_most;
    moth_rng_seed(&rng, 3);
    for (size_t i = 0; rgba && i < sizeof kinds / sizeof *kinds; i++) {
        struct moth_grey grey;
        paint(rgba, kinds[i], &rng);
        uint64_t begin = now_ns();
        if (moth_grey_of(rgba, WIDTH, HEIGHT, &grey) != 0)
            return 1;
        if (i + 1 == sizeof kinds / sizeof *kinds)
            printf("grey %llu\n", (unsigned long long)(now_ns() - begin));
        measure(rgba, &grey, kinds[i], tries);
        moth_grey_fini(&grey);
    }
    free(rgba);
    return 0;
}
