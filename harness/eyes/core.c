/* SPDX-License-Identifier: MIT */
#include "eyes/core.h"

#include <math.h>

#include "eyes/fast.h"

#ifdef MOTH_FAST_512
#include <immintrin.h>
#endif

#define ROUNDING 1e-5     /* of what is known of a place before it is looked at */
#define ROUNDING_SUM 1e-3 /* of a sum of products */
#define FLAT 0.25         /* energy below which there is nothing to be seen */
#define TOGETHER 65536u   /* pixels whose products fit 32 bits when they are summed */

unsigned moth_fast_most = 512;

struct sums {
    int64_t product, sum, squares;
};

/* Adds rows of the core and what lies under them, in their order. Unsigned times signed bytes are what
 * processors are quick at, so 128 is taken off one of each two factors, and added again at the end. */
typedef void (*add_rows)(struct sums *sums, const struct moth_template *template, const uint8_t *corner, size_t stride,
                         uint32_t begin, uint32_t end);

/* The product of the first rows, without what was taken off. */
typedef int64_t (*multiply_rows)(const struct moth_template *template, const uint8_t *corner, size_t stride);

static void put_back(struct sums *sums, int64_t product, int64_t sum, int64_t squares)
{
    sums->product += product + 128 * sum;
    sums->sum += sum;
    sums->squares += squares + 128 * sum;
}

static inline MOTH_FAST_BODY void add_body(struct sums *sums, const struct moth_template *template, const uint8_t *corner,
                                           size_t stride, uint32_t begin, uint32_t end)
{
    const struct moth_rect *core = &template->core;
    for (uint32_t i = begin; i < end; i++) {
        uint32_t y = core->y + template->rows[i], width = core->width;
        const int8_t *restrict a = template->shifted + (size_t)y * template->width + core->x;
        const uint8_t *restrict b = corner + (size_t)y * stride + core->x;
        int32_t product = 0, sum = 0, squares = 0; /* of 16384 pixels at most */
        for (uint32_t x = 0; x < width; x++) {
            product += b[x] * a[x];
            sum += b[x];
            squares += b[x] * (b[x] - 128);
        }
        put_back(sums, product, sum, squares);
    }
}

static inline MOTH_FAST_BODY int64_t multiply_body(const struct moth_template *template, const uint8_t *corner,
                                                   size_t stride)
{
    const struct moth_rect *core = &template->core;
    int64_t all = 0;
    for (uint32_t i = 0; i < template->checks[MOTH_SEE_SIFTED].rows; i++) {
        const int8_t *restrict a = template->shifted + (size_t)(core->y + template->rows[i]) * template->width + core->x;
        const uint8_t *restrict b = corner + (size_t)(core->y + template->rows[i]) * stride + core->x;
        int32_t product = 0; /* of 16384 pixels at most */
        for (uint32_t x = 0; x < core->width; x++)
            product += b[x] * a[x];
        all += product;
    }
    return all;
}

#ifdef MOTH_FAST_512
struct lanes {
    __m512i product, sum, squares;
};

MOTH_FAST_512 static inline void put_lanes(struct sums *sums, const struct lanes *lanes)
{
    __m256i product = _mm256_add_epi32(_mm512_castsi512_si256(lanes->product), _mm512_extracti64x4_epi64(lanes->product, 1));
    __m256i sum = _mm256_add_epi32(_mm512_castsi512_si256(lanes->sum), _mm512_extracti64x4_epi64(lanes->sum, 1));
    __m256i squares = _mm256_add_epi32(_mm512_castsi512_si256(lanes->squares), _mm512_extracti64x4_epi64(lanes->squares, 1));
    __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(product, sum), _mm256_hadd_epi32(squares, squares));
    __m128i all = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    put_back(sums, _mm_cvtsi128_si32(all), _mm_extract_epi32(all, 1), _mm_extract_epi32(all, 2));
}

MOTH_FAST_512 static inline void add_lanes(struct lanes *lanes, __m512i a, __m512i b)
{
    lanes->product = _mm512_dpbusd_epi32(lanes->product, b, a);
    lanes->sum = _mm512_dpbusd_epi32(lanes->sum, b, _mm512_set1_epi8(1));
    lanes->squares = _mm512_dpbusd_epi32(lanes->squares, b, _mm512_xor_si512(b, _mm512_set1_epi8((char)0x80)));
}

MOTH_FAST_512 static inline void add_512(struct sums *sums, const struct moth_template *template, const uint8_t *corner,
                                      size_t stride, uint32_t begin, uint32_t end)
{
    const struct moth_rect *core = &template->core;
    uint32_t width = core->width, whole = width / 64 * 64, together = width < TOGETHER ? TOGETHER / width : 1;
    const __mmask64 rest = ((__mmask64)1 << (width - whole)) - 1;
    const uint32_t *rows = template->rows;
    const int8_t *first = template->shifted + (size_t)core->y * template->width + core->x;
    corner += (size_t)core->y * stride + core->x;
    for (uint32_t i = begin; i < end;) {
        struct lanes lanes = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
        for (uint32_t stop = end - i > together ? i + together : end; i < stop; i++) {
            const int8_t *a = first + (size_t)rows[i] * template->width;
            const uint8_t *b = corner + (size_t)rows[i] * stride;
            for (uint32_t x = 0; x < whole; x += 64)
                add_lanes(&lanes, _mm512_loadu_si512(a + x), _mm512_loadu_si512(b + x));
            if (rest)
                add_lanes(&lanes, _mm512_maskz_loadu_epi8(rest, a + whole), _mm512_maskz_loadu_epi8(rest, b + whole));
        }
        put_lanes(sums, &lanes);
    }
}

MOTH_FAST_512 static inline int64_t multiply_512(const struct moth_template *template, const uint8_t *corner,
                                                 size_t stride)
{
    const struct moth_rect *core = &template->core;
    uint32_t width = core->width, whole = width / 64 * 64, together = width < TOGETHER ? TOGETHER / width : 1;
    uint32_t rows = template->checks[MOTH_SEE_SIFTED].rows;
    const __mmask64 rest = ((__mmask64)1 << (width - whole)) - 1;
    const int8_t *a = template->shifted + (size_t)core->y * template->width + core->x;
    const size_t down_a = (size_t)template->width * MOTH_SEE_SPREAD, down_b = stride * MOTH_SEE_SPREAD;
    int64_t all = 0;
    corner += (size_t)core->y * stride + core->x;
    for (uint32_t i = 0; i < rows;) {
        __m512i product = _mm512_setzero_si512();
        for (uint32_t stop = rows - i > together ? i + together : rows; i < stop; i++, a += down_a, corner += down_b) {
            for (uint32_t x = 0; x < whole; x += 64)
                product = _mm512_dpbusd_epi32(product, _mm512_loadu_si512(corner + x), _mm512_loadu_si512(a + x));
            if (rest)
                product = _mm512_dpbusd_epi32(product, _mm512_maskz_loadu_epi8(rest, corner + whole),
                                              _mm512_maskz_loadu_epi8(rest, a + whole));
        }
        all += _mm512_reduce_add_epi32(product);
    }
    return all;
}
#endif

/* The product of the core and what lies under it where their correlation is `need`. */
static inline MOTH_FAST_BODY double least_product(const struct moth_template *template, double need, double energy)
{
    return (need - ROUNDING) * sqrt(template->core_energy * (energy > 0 ? energy : 0)) - ROUNDING_SUM;
}

/* May the core's product still be as much? */
static inline MOTH_FAST_BODY bool may_be(const struct moth_template *template, const struct moth_template_check *done,
                          double product, double sum, double squares, double mean, double energy, double least)
{
    product += done->n * mean * template->core_mean - template->core_mean * sum - mean * done->sum;
    double seen = squares - 2 * mean * sum + done->n * mean * mean;
    double left = template->core_energy - done->energy, right = energy - seen, lacks = least - product;
    return lacks <= 0 || (left > 0 && right > 0 && left * right >= lacks * lacks);
}

static inline MOTH_FAST_BODY const uint8_t *corner_of(const struct moth_under *under, uint32_t x, uint32_t y)
{
    return under->picture->at + (size_t)(under->region->y + y) * under->picture->width + under->region->x + x;
}

static inline MOTH_FAST_BODY bool score_by(const struct moth_under *under, const struct moth_place *place, double need, double *score,
                            add_rows add)
{
    const struct moth_template *template = under->template;
    double least = least_product(template, need, place->energy), mean = place->sum / (double)template->n_core;
    const uint8_t *corner = corner_of(under, place->x, place->y);
    struct sums sums = {0};
    for (uint32_t check = 0, row = 0; check < MOTH_SEE_CHECKS; row = template->checks[check++].rows) {
        add(&sums, template, corner, under->picture->width, row, template->checks[check].rows);
        if (check + 1 < MOTH_SEE_CHECKS &&
            !may_be(template, &template->checks[check], (double)sums.product, (double)sums.sum, (double)sums.squares, mean,
                    place->energy, least))
            return false;
    }
    double exact = (double)sums.squares - (double)sums.sum * (double)sums.sum / (double)template->n_core;
    *score = exact < FLAT ? 0
                          : ((double)sums.product - template->core_mean * (double)sums.sum) /
                                sqrt(template->core_energy * exact);
    return *score >= need - 1e-9;
}

/* What of the sums the sweep has need not be made again; so it is the products only, and the check's rows at once. */
static inline MOTH_FAST_BODY uint32_t sift_by(const struct moth_under *under, const struct moth_sweep *sweep, uint32_t y,
                                              double need, struct moth_place *found, multiply_rows multiply)
{
    const struct moth_template *template = under->template;
    const struct moth_template_check *check = &template->checks[MOTH_SEE_SIFTED];
    double per_pixel = 1 / (double)template->n_core;
    uint32_t n = 0;
    for (uint32_t x = 0; x < sweep->across; x++) {
        if ((double)sweep->bound[x] < need)
            continue;
        double mean = sweep->sum[x] * per_pixel, energy = sweep->energy[x], sum = sweep->some_sum[x];
        double product = (double)multiply(template, corner_of(under, x, y), under->picture->width) + 128 * sum;
        double least = least_product(template, need, energy);
        if (may_be(template, check, product, sum, sweep->some_squares[x], mean, energy, least))
            found[n++] = (struct moth_place){x, y, sweep->bound[x], sweep->sum[x], energy};
    }
    return n;
}

/* What of a place the mask lets be seen, and its product with the template. */
typedef void (*add_masked)(struct sums *sums, const struct moth_template *template, const uint8_t *corner, size_t stride);

static inline MOTH_FAST_BODY void add_masked_body(struct sums *sums, const struct moth_template *template,
                                                  const uint8_t *corner, size_t stride)
{
    for (uint32_t y = 0; y < template->height; y++) {
        const int8_t *restrict a = template->shifted + (size_t)y * template->width;
        const uint8_t *restrict b = corner + (size_t)y * stride;
        const uint8_t *restrict mask = template->mask + (size_t)y * template->width;
        int32_t product = 0, sum = 0, squares = 0; /* of 16384 pixels at most */
        for (uint32_t x = 0; x < template->width; x++) {
            int32_t seen = b[x] & mask[x];
            product += seen * a[x];
            sum += seen;
            squares += seen * (seen - 128);
        }
        put_back(sums, product, sum, squares);
    }
}

#ifdef MOTH_FAST_512
MOTH_FAST_512 static void add_masked_512(struct sums *sums, const struct moth_template *template, const uint8_t *corner,
                                         size_t stride)
{
    uint32_t width = template->width, together = width < TOGETHER ? TOGETHER / width : 1;
    for (uint32_t y = 0; y < template->height;) {
        struct lanes lanes = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
        for (uint32_t stop = template->height - y > together ? y + together : template->height; y < stop; y++) {
            const uint8_t *mask = template->mask + (size_t)y * width, *b = corner + (size_t)y * stride;
            const int8_t *a = template->shifted + (size_t)y * width;
            for (uint32_t x = 0; x < width; x += 64) {
                __mmask64 inside = width - x >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (width - x)) - 1;
                inside = _mm512_movepi8_mask(_mm512_maskz_loadu_epi8(inside, mask + x)); /* 255 where it counts */
                add_lanes(&lanes, _mm512_maskz_loadu_epi8(inside, a + x), _mm512_maskz_loadu_epi8(inside, b + x));
            }
        }
        put_lanes(sums, &lanes);
    }
}
#endif

/* ---- as the processor can ---- */

static void add_plain(struct sums *sums, const struct moth_template *template, const uint8_t *corner, size_t stride,
                      uint32_t begin, uint32_t end)
{
    add_body(sums, template, corner, stride, begin, end);
}

static void add_masked_plain(struct sums *sums, const struct moth_template *template, const uint8_t *corner, size_t stride)
{
    add_masked_body(sums, template, corner, stride);
}

static int64_t multiply_plain(const struct moth_template *template, const uint8_t *corner, size_t stride)
{
    return multiply_body(template, corner, stride);
}

#ifdef MOTH_FAST_512
MOTH_FAST_256 static inline void add_256(struct sums *sums, const struct moth_template *template, const uint8_t *corner,
                                         size_t stride, uint32_t begin, uint32_t end)
{
    add_body(sums, template, corner, stride, begin, end);
}

MOTH_FAST_256 static inline int64_t multiply_256(const struct moth_template *template, const uint8_t *corner,
                                                 size_t stride)
{
    return multiply_body(template, corner, stride);
}

MOTH_FAST_256 static bool score_256(const struct moth_under *under, const struct moth_place *place, double need,
                                    double *score)
{
    return score_by(under, place, need, score, add_256);
}

MOTH_FAST_512 static bool score_512(const struct moth_under *under, const struct moth_place *place, double need,
                                    double *score)
{
    return score_by(under, place, need, score, add_512);
}

MOTH_FAST_256 static uint32_t sift_256(const struct moth_under *under, const struct moth_sweep *sweep, uint32_t y,
                                       double need, struct moth_place *found)
{
    return sift_by(under, sweep, y, need, found, multiply_256);
}

MOTH_FAST_512 static uint32_t sift_512(const struct moth_under *under, const struct moth_sweep *sweep, uint32_t y,
                                       double need, struct moth_place *found)
{
    return sift_by(under, sweep, y, need, found, multiply_512);
}
#endif

bool moth_core_score(const struct moth_under *under, const struct moth_place *place, double need, double *score)
{
#ifdef MOTH_FAST_512
    if (moth_fast() >= 256)
        return (moth_fast() == 512 ? score_512 : score_256)(under, place, need, score);
#endif
    return score_by(under, place, need, score, add_plain);
}

uint32_t moth_core_sift(const struct moth_under *under, struct moth_sweep *sweep, uint32_t y, double need,
                        struct moth_place *found)
{
    const float least = (float)(need - ROUNDING);
    bool any = false;
    for (uint32_t x = 0; x < sweep->across; x++)
        any |= sweep->bound[x] >= least;
    if (!any)
        return 0;
    moth_sweep_some(sweep, y);
#ifdef MOTH_FAST_512
    if (moth_fast() >= 256)
        return (moth_fast() == 512 ? sift_512 : sift_256)(under, sweep, y, need, found);
#endif
    return sift_by(under, sweep, y, need, found, multiply_plain);
}

double moth_core_score_masked(const struct moth_under *under, uint32_t left, uint32_t top)
{
    const struct moth_template *template = under->template;
    add_masked add = add_masked_plain;
    struct sums sums = {0};
#ifdef MOTH_FAST_512
    add = moth_fast() == 512 ? add_masked_512 : add;
#endif
    add(&sums, template, corner_of(under, left, top), under->picture->width);
    double sum = (double)sums.sum, energy = (double)sums.squares - sum * sum / (double)template->n;
    if (energy < FLAT)
        return 0;
    return ((double)sums.product - template->mean * sum) / sqrt(template->energy * energy);
}
