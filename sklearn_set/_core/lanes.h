/* Blocks of activations and deltas: B consecutive numbers of one neuron's row, kept in registers.
 *
 * The kernels multiply one weight with one row of the batch, so their inner loop runs over a
 * block whose width is known to the compiler.  Cython cannot say "a vector of 16 numbers"; this
 * header says it with the vector types of GCC and Clang, and with plain loops elsewhere.  It knows
 * neither layers nor connections.
 *
 * For every width B there is a type block_B and the functions block_B_<verb>; the macros
 * block_<verb> choose by the type of their first argument, so that a kernel is written once, as a
 * fused function over the block types.
 */
#ifndef SKLEARN_SET_LANES_H
#define SKLEARN_SET_LANES_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if REAL_BITS == 32
typedef float real_t;
#elif REAL_BITS == 64
typedef double real_t;
#else
#error "define REAL_BITS as 32 or 64"
#endif

/* Functions and limits of the compiled precision. */
#if REAL_BITS == 32
#define SMALLEST_NORMAL FLT_MIN
#define real_exp expf
#define real_expm1 expm1f
#define real_tanh tanhf
#define real_sqrt sqrtf
#define real_erf erff
#define real_fabs fabsf
#define real_copysign copysignf
#else
#define SMALLEST_NORMAL DBL_MIN
#define real_exp exp
#define real_expm1 expm1
#define real_tanh tanh
#define real_sqrt sqrt
#define real_erf erf
#define real_fabs fabs
#define real_copysign copysign
#endif

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define PREFETCH(address) __builtin_prefetch(address)
#define PREFETCH_TO_WRITE(address) __builtin_prefetch(address, 1)
#else
#define ALWAYS_INLINE static __forceinline
#define PREFETCH(address) ((void)(address))
#define PREFETCH_TO_WRITE(address) ((void)(address))
#endif

/* Whether a row holds nothing but zeros of either sign: no branch a number, so that the compiler can
 * vectorise it and no processor guesses wrong.  The first eight nearly always tell. */
#if REAL_BITS == 32
typedef uint32_t real_bits;
#else
typedef uint64_t real_bits;
#endif
ALWAYS_INLINE int is_zero(const real_t *row, ptrdiff_t width) {
    real_bits all = 0, bits;
    ptrdiff_t b = 0;
    if (width >= 8) {
        for (; b < 8; ++b) {
            memcpy(&bits, row + b, sizeof bits);
            all |= bits;
        }
        if ((real_bits)(all << 1) != 0) return 0;
    }
    for (; b < width; ++b) {
        memcpy(&bits, row + b, sizeof bits);
        all |= bits;
    }
    return (real_bits)(all << 1) == 0;
}

/* `value` where `condition` is above zero, else zero: a coin that no processor can guess, hence no
 * branch. */
ALWAYS_INLINE real_t where_positive(real_t condition, real_t value) {
    real_bits bits;
    memcpy(&bits, &value, sizeof bits);
    bits &= -(real_bits)(condition > 0);
    memcpy(&value, &bits, sizeof bits);
    return value;
}

/* `value`, or a zero of its sign where its magnitude is below `least`: without a branch, and in a form
 * that every variant has vector instructions for. */
ALWAYS_INLINE real_t flushed(real_t value, real_t least) {
    return real_fabs(value) < least ? real_copysign(0, value) : value;
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector) && !defined(SKLEARN_SET_PLAIN)
#define USE_VECTORS 1
#endif
#endif

#ifdef USE_VECTORS

/* ---- vectors: as many lanes as one register of this variant holds ---- */
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define LANES (VECTOR_BYTES * 8 / REAL_BITS)

/* Row pointers are aligned to one number only, hence the second type for loads and stores. */
#define DEFINE_VECTOR(E)                                                                   \
    typedef real_t vec##E __attribute__((vector_size(E * REAL_BITS / 8)));                 \
    typedef real_t vec##E##_at                                                             \
        __attribute__((vector_size(E * REAL_BITS / 8), aligned(REAL_BITS / 8), may_alias));
typedef real_t vec1;
typedef real_t vec1_at;
DEFINE_VECTOR(2)
DEFINE_VECTOR(4)
#if LANES >= 8
DEFINE_VECTOR(8)
#endif
#if LANES >= 16
DEFINE_VECTOR(16)
#endif

#define SHUFFLE __builtin_shufflevector

/* sumE: the sum of a vector.  sums4_E: the sums of four vectors at once, by transposition. */
ALWAYS_INLINE real_t sum1(vec1 a) { return a; }
ALWAYS_INLINE real_t sum2(vec2 a) { return a[0] + a[1]; }
ALWAYS_INLINE void sums4_1(vec1 a, vec1 b, vec1 c, vec1 d, real_t *out) {
    out[0] = a; out[1] = b; out[2] = c; out[3] = d;
}
ALWAYS_INLINE void sums4_2(vec2 a, vec2 b, vec2 c, vec2 d, real_t *out) {
    *(vec2_at *)out = SHUFFLE(a, b, 0, 2) + SHUFFLE(a, b, 1, 3);
    *(vec2_at *)(out + 2) = SHUFFLE(c, d, 0, 2) + SHUFFLE(c, d, 1, 3);
}
ALWAYS_INLINE real_t sum4(vec4 a) { return sum2(SHUFFLE(a, a, 0, 1) + SHUFFLE(a, a, 2, 3)); }
#if REAL_BITS == 32
ALWAYS_INLINE void sums4_4(vec4 a, vec4 b, vec4 c, vec4 d, real_t *out) {
    vec4 ab = SHUFFLE(a, b, 0, 4, 1, 5) + SHUFFLE(a, b, 2, 6, 3, 7);
    vec4 cd = SHUFFLE(c, d, 0, 4, 1, 5) + SHUFFLE(c, d, 2, 6, 3, 7);
    *(vec4_at *)out = SHUFFLE(ab, cd, 0, 1, 4, 5) + SHUFFLE(ab, cd, 2, 3, 6, 7);
}
#else
ALWAYS_INLINE void sums4_4(vec4 a, vec4 b, vec4 c, vec4 d, real_t *out) {
    vec4 ab = SHUFFLE(a, b, 0, 4, 2, 6) + SHUFFLE(a, b, 1, 5, 3, 7);
    vec4 cd = SHUFFLE(c, d, 0, 4, 2, 6) + SHUFFLE(c, d, 1, 5, 3, 7);
    *(vec4_at *)out = SHUFFLE(ab, cd, 0, 1, 4, 5) + SHUFFLE(ab, cd, 2, 3, 6, 7);
}
#endif
#if LANES >= 8
ALWAYS_INLINE real_t sum8(vec8 a) {
    return sum4(SHUFFLE(a, a, 0, 1, 2, 3) + SHUFFLE(a, a, 4, 5, 6, 7));
}
#if REAL_BITS == 32
ALWAYS_INLINE void sums4_8(vec8 a, vec8 b, vec8 c, vec8 d, real_t *out) {
    vec8 ab = SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13) + SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    vec8 cd = SHUFFLE(c, d, 0, 8, 1, 9, 4, 12, 5, 13) + SHUFFLE(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    vec8 r = SHUFFLE(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) + SHUFFLE(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    *(vec4_at *)out = SHUFFLE(r, r, 0, 1, 2, 3) + SHUFFLE(r, r, 4, 5, 6, 7);
}
#else
ALWAYS_INLINE void sums4_8(vec8 a, vec8 b, vec8 c, vec8 d, real_t *out) {
    vec8 ab = SHUFFLE(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + SHUFFLE(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    vec8 cd = SHUFFLE(c, d, 0, 8, 2, 10, 4, 12, 6, 14) + SHUFFLE(c, d, 1, 9, 3, 11, 5, 13, 7, 15);
    vec4 ab4 = SHUFFLE(ab, ab, 0, 1, 2, 3) + SHUFFLE(ab, ab, 4, 5, 6, 7);
    vec4 cd4 = SHUFFLE(cd, cd, 0, 1, 2, 3) + SHUFFLE(cd, cd, 4, 5, 6, 7);
    *(vec4_at *)out = SHUFFLE(ab4, cd4, 0, 1, 4, 5) + SHUFFLE(ab4, cd4, 2, 3, 6, 7);
}
#endif
#endif
#if LANES >= 16
ALWAYS_INLINE real_t sum16(vec16 a) {
    return sum8(SHUFFLE(a, a, 0, 1, 2, 3, 4, 5, 6, 7) + SHUFFLE(a, a, 8, 9, 10, 11, 12, 13, 14, 15));
}
ALWAYS_INLINE void sums4_16(vec16 a, vec16 b, vec16 c, vec16 d, real_t *out) {
    vec16 ab = SHUFFLE(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
             + SHUFFLE(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    vec16 cd = SHUFFLE(c, d, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
             + SHUFFLE(c, d, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    vec16 r = SHUFFLE(ab, cd, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
            + SHUFFLE(ab, cd, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    vec8 h = SHUFFLE(r, r, 0, 1, 2, 3, 4, 5, 6, 7) + SHUFFLE(r, r, 8, 9, 10, 11, 12, 13, 14, 15);
    *(vec4_at *)out = SHUFFLE(h, h, 0, 1, 2, 3) + SHUFFLE(h, h, 4, 5, 6, 7);
}
#endif

/* A tile of E x E numbers, transposed: target[f * stride + b] = sources[b][f].  Each stage zips row
 * i with row i + E / 2; after log2(E) stages rows have become columns. */
#define ZIP2_LOW 0, 2
#define ZIP2_HIGH 1, 3
#define ZIP4_LOW 0, 4, 1, 5
#define ZIP4_HIGH 2, 6, 3, 7
#define ZIP8_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP8_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#define ZIP16_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP16_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define DEFINE_TRANSPOSE(E)                                                                \
    ALWAYS_INLINE void transpose_tile(const real_t *const *sources, ptrdiff_t f,          \
                                      real_t *target, ptrdiff_t stride) {                 \
        vec##E rows[E], zipped[E];                                                         \
        for (int b = 0; b < E; ++b) rows[b] = *(const vec##E##_at *)(sources[b] + f);      \
        for (int stage = E; stage > 1; stage /= 2) {                                       \
            for (int i = 0; i < E / 2; ++i) {                                              \
                zipped[2 * i] = SHUFFLE(rows[i], rows[i + E / 2], ZIP##E##_LOW);           \
                zipped[2 * i + 1] = SHUFFLE(rows[i], rows[i + E / 2], ZIP##E##_HIGH);      \
            }                                                                              \
            for (int i = 0; i < E; ++i) rows[i] = zipped[i];                               \
        }                                                                                  \
        for (int b = 0; b < E; ++b) *(vec##E##_at *)(target + b * stride) = rows[b];       \
    }
#if defined(__AVX512F__)
#define TILE 8
DEFINE_TRANSPOSE(8)
#elif LANES >= 4
#define TILE 4
DEFINE_TRANSPOSE(4)
#else
#define TILE 2
DEFINE_TRANSPOSE(2)
#endif

#else /* plain: one lane, loops that the compiler may vectorise */

#define LANES 1
typedef real_t vec1;
typedef real_t vec1_at;
ALWAYS_INLINE real_t sum1(vec1 a) { return a; }
ALWAYS_INLINE void sums4_1(vec1 a, vec1 b, vec1 c, vec1 d, real_t *out) {
    out[0] = a; out[1] = b; out[2] = c; out[3] = d;
}
#define TILE 1
ALWAYS_INLINE void transpose_tile(const real_t *const *sources, ptrdiff_t f, real_t *target,
                                  ptrdiff_t stride) {
    (void)stride;
    target[0] = sources[0][f];
}

#endif

/* ---- blocks: B numbers as B / E vectors of E lanes ---- */
#define AT(E, pointer, i) (*(vec##E##_at *)((pointer) + (i) * E))
#define CONST_AT(E, pointer, i) (*(const vec##E##_at *)((pointer) + (i) * E))

/* Of a * b + c * d one product can be fused with the addition, which decides the last digit.  GCC
 * fuses either, by what it has inlined and moved: the same sum would differ from place to place.  So
 * for full vectors it is told to fuse the first.  Other compilers go by the expression.
 *   ADD_PRODUCT(E, s, a, row, i)     the i-th step to s = the sum of a->v[i] * row
 *   TWO_PRODUCTS(E, w, x, v, y)      w * x + v * y, of two numbers and two vectors */
#if defined(USE_VECTORS) && defined(__FMA__) && !defined(__clang__)
#include <immintrin.h>
#if VECTOR_BYTES == 64 && REAL_BITS == 32
#define FUSED(a, b, c) _mm512_fmadd_ps(a, b, c)
#elif VECTOR_BYTES == 64
#define FUSED(a, b, c) _mm512_fmadd_pd(a, b, c)
#elif REAL_BITS == 32
#define FUSED(a, b, c) _mm256_fmadd_ps(a, b, c)
#else
#define FUSED(a, b, c) _mm256_fmadd_pd(a, b, c)
#endif
#define DEFINE_FUSED(E, FUSED_AB, FUSED_WX)                                                \
    ALWAYS_INLINE vec##E fused_##E(vec##E a, vec##E b, vec##E c) { return FUSED_AB; }      \
    ALWAYS_INLINE vec##E two_products_##E(real_t w, vec##E x, real_t v, vec##E y) {        \
        return FUSED_WX;                                                                   \
    }
DEFINE_FUSED(1, a * b + c, w * x + v * y)
DEFINE_FUSED(2, a * b + c, w * x + v * y)
#if LANES > 4
DEFINE_FUSED(4, a * b + c, w * x + v * y)
#endif
#if LANES > 8
DEFINE_FUSED(8, a * b + c, w * x + v * y)
DEFINE_FUSED(16, FUSED(a, b, c), FUSED(w - (vec16){0}, x, v * y))
#elif LANES == 8
DEFINE_FUSED(8, FUSED(a, b, c), FUSED(w - (vec8){0}, x, v * y))
#else
DEFINE_FUSED(4, FUSED(a, b, c), FUSED(w - (vec4){0}, x, v * y))
#endif
#define ADD_PRODUCT(E, s, a, row, i)                                                       \
    do {                                                                                   \
        if (i == 0) s = a->v[0] * CONST_AT(E, row, 0);                                     \
        else if (i == 1)                                                                   \
            s = fused_##E(a->v[0], CONST_AT(E, row, 0), a->v[i] * CONST_AT(E, row, i));    \
        else s += a->v[i] * CONST_AT(E, row, i);                                           \
    } while (0)
#define TWO_PRODUCTS(E, w, x, v, y) two_products_##E(w, x, v, y)
#else
#define ADD_PRODUCT(E, s, a, row, i)                                                       \
    do {                                                                                   \
        if (i == 0) s = a->v[0] * CONST_AT(E, row, 0);                                     \
        else s += a->v[i] * CONST_AT(E, row, i);                                           \
    } while (0)
#define TWO_PRODUCTS(E, w, x, v, y) ((w) * (x) + (v) * (y))
#endif

#define DEFINE_BLOCK(B, E)                                                                 \
    typedef struct { vec##E v[B / E]; } block_##B;                                         \
    ALWAYS_INLINE int block_##B##_width(const block_##B *a) { (void)a; return B; }         \
    ALWAYS_INLINE void block_##B##_fill(block_##B *a, real_t value) {                      \
        for (int i = 0; i < B / E; ++i) a->v[i] = value - (vec##E){0};                     \
    }                                                                                      \
    ALWAYS_INLINE void block_##B##_load(block_##B *a, const real_t *row) {                 \
        for (int i = 0; i < B / E; ++i) a->v[i] = CONST_AT(E, row, i);                     \
    }                                                                                      \
    ALWAYS_INLINE void block_##B##_store(const block_##B *a, real_t *row) {                \
        for (int i = 0; i < B / E; ++i) AT(E, row, i) = a->v[i];                           \
    }                                                                                      \
    ALWAYS_INLINE void block_##B##_add(block_##B *a, const block_##B *b) {                 \
        for (int i = 0; i < B / E; ++i) a->v[i] += b->v[i];                                \
    }                                                                                      \
    /* a += weight * row */                                                                \
    ALWAYS_INLINE void block_##B##_add_scaled(block_##B *a, real_t weight,                 \
                                              const real_t *row) {                         \
        for (int i = 0; i < B / E; ++i) a->v[i] += weight * CONST_AT(E, row, i);           \
    }                                                                                      \
    /* a += row * other */                                                                 \
    ALWAYS_INLINE void block_##B##_add_product(block_##B *a, const real_t *row,            \
                                               const real_t *other) {                      \
        for (int i = 0; i < B / E; ++i) a->v[i] += CONST_AT(E, row, i) * CONST_AT(E, other, i); \
    }                                                                                      \
    /* row += weight * a */                                                                \
    ALWAYS_INLINE void block_##B##_add_to(const block_##B *a, real_t weight, real_t *row) {\
        for (int i = 0; i < B / E; ++i) AT(E, row, i) += weight * a->v[i];                 \
    }                                                                                      \
    /* rows[q] += weights[q] * a, for four distinct rows: none waits for the one before */   \
    ALWAYS_INLINE void block_##B##_add_to4(const block_##B *a, const real_t *w, real_t *r0,  \
            real_t *r1, real_t *r2, real_t *r3) {                                          \
        for (int i = 0; i < B / E; ++i) {                                                  \
            vec##E x0 = CONST_AT(E, r0, i), x1 = CONST_AT(E, r1, i),                       \
                   x2 = CONST_AT(E, r2, i), x3 = CONST_AT(E, r3, i);                       \
            AT(E, r0, i) = x0 + w[0] * a->v[i];                                            \
            AT(E, r1, i) = x1 + w[1] * a->v[i];                                            \
            AT(E, r2, i) = x2 + w[2] * a->v[i];                                            \
            AT(E, r3, i) = x3 + w[3] * a->v[i];                                            \
        }                                                                                  \
    }                                                                                      \
    ALWAYS_INLINE real_t block_##B##_total(const block_##B *a) {                           \
        vec##E s = a->v[0];                                                                \
        for (int i = 1; i < B / E; ++i) s += a->v[i];                                      \
        return sum##E(s);                                                                  \
    }                                                                                      \
    /* the sum over the block of a * row */                                                \
    ALWAYS_INLINE real_t block_##B##_dot(const block_##B *a, const real_t *row) {          \
        vec##E s;                                                                          \
        for (int i = 0; i < B / E; ++i) ADD_PRODUCT(E, s, a, row, i);                      \
        return sum##E(s);                                                                  \
    }                                                                                      \
    /* out[q] = the sum over the block of a * rows[q], for four rows */                    \
    ALWAYS_INLINE void block_##B##_dot4(const block_##B *a, const real_t *r0,              \
            const real_t *r1, const real_t *r2, const real_t *r3, real_t *out) {           \
        vec##E s0, s1, s2, s3;                                                             \
        for (int i = 0; i < B / E; ++i) {                                                  \
            ADD_PRODUCT(E, s0, a, r0, i);                                                  \
            ADD_PRODUCT(E, s1, a, r1, i);                                                  \
            ADD_PRODUCT(E, s2, a, r2, i);                                                  \
            ADD_PRODUCT(E, s3, a, r3, i);                                                  \
        }                                                                                  \
        sums4_##E(s0, s1, s2, s3, out);                                                    \
    }                                                                                      \
    /* the same, and sum += weights[q] * rows[q]: every row is loaded once */              \
    ALWAYS_INLINE void block_##B##_dot4_add(const block_##B *a, const real_t *r0,          \
            const real_t *r1, const real_t *r2, const real_t *r3, real_t *out,             \
            const real_t *w, block_##B *sum, block_##B *other) {                           \
        vec##E s0, s1, s2, s3;                                                             \
        for (int i = 0; i < B / E; ++i) {                                                  \
            vec##E x0 = CONST_AT(E, r0, i), x1 = CONST_AT(E, r1, i),                       \
                   x2 = CONST_AT(E, r2, i), x3 = CONST_AT(E, r3, i);                       \
            ADD_PRODUCT(E, s0, a, r0, i);                                                  \
            ADD_PRODUCT(E, s1, a, r1, i);                                                  \
            ADD_PRODUCT(E, s2, a, r2, i);                                                  \
            ADD_PRODUCT(E, s3, a, r3, i);                                                  \
            if (B / E < 4) {                                                               \
                sum->v[i] += TWO_PRODUCTS(E, w[0], x0, w[1], x1);                          \
                other->v[i] += TWO_PRODUCTS(E, w[2], x2, w[3], x3);                        \
            } else {                                                                       \
                sum->v[i] += w[0] * x0; sum->v[i] += w[1] * x1;                            \
                sum->v[i] += w[2] * x2; sum->v[i] += w[3] * x3;                            \
            }                                                                              \
        }                                                                                  \
        sums4_##E(s0, s1, s2, s3, out);                                                    \
    }                                                                                      \
    ALWAYS_INLINE int block_##B##_chains(const block_##B *a) {                             \
        (void)a; return B / E < 4 ? 2 : 1;                                                 \
    }

#if LANES == 1
DEFINE_BLOCK(1, 1) DEFINE_BLOCK(2, 1) DEFINE_BLOCK(4, 1) DEFINE_BLOCK(8, 1)
DEFINE_BLOCK(16, 1) DEFINE_BLOCK(32, 1) DEFINE_BLOCK(64, 1) DEFINE_BLOCK(128, 1)
#elif LANES == 2
DEFINE_BLOCK(1, 1) DEFINE_BLOCK(2, 2) DEFINE_BLOCK(4, 2) DEFINE_BLOCK(8, 2)
DEFINE_BLOCK(16, 2) DEFINE_BLOCK(32, 2) DEFINE_BLOCK(64, 2) DEFINE_BLOCK(128, 2)
#elif LANES == 4
DEFINE_BLOCK(1, 1) DEFINE_BLOCK(2, 2) DEFINE_BLOCK(4, 4) DEFINE_BLOCK(8, 4)
DEFINE_BLOCK(16, 4) DEFINE_BLOCK(32, 4) DEFINE_BLOCK(64, 4) DEFINE_BLOCK(128, 4)
#elif LANES == 8
DEFINE_BLOCK(1, 1) DEFINE_BLOCK(2, 2) DEFINE_BLOCK(4, 4) DEFINE_BLOCK(8, 8)
DEFINE_BLOCK(16, 8) DEFINE_BLOCK(32, 8) DEFINE_BLOCK(64, 8) DEFINE_BLOCK(128, 8)
#else
DEFINE_BLOCK(1, 1) DEFINE_BLOCK(2, 2) DEFINE_BLOCK(4, 4) DEFINE_BLOCK(8, 8)
DEFINE_BLOCK(16, 16) DEFINE_BLOCK(32, 16) DEFINE_BLOCK(64, 16) DEFINE_BLOCK(128, 16)
#endif

/* The widest block whose two operands (row and sum) stay in registers. */
#if LANES == 1
#define MAX_BLOCK 16
#elif defined(__AVX512F__)
#define MAX_BLOCK (8 * LANES)
#else
#define MAX_BLOCK (4 * LANES)
#endif

#define CHOOSE(a, verb)                                                                    \
    _Generic(*(a), block_1: block_1_##verb, block_2: block_2_##verb,                       \
             block_4: block_4_##verb, block_8: block_8_##verb, block_16: block_16_##verb,  \
             block_32: block_32_##verb, block_64: block_64_##verb,                         \
             block_128: block_128_##verb)
#define block_width(a) CHOOSE(a, width)(a)
#define block_fill(a, value) CHOOSE(a, fill)(a, value)
#define block_load(a, row) CHOOSE(a, load)(a, row)
#define block_store(a, row) CHOOSE(a, store)(a, row)
#define block_add(a, b) CHOOSE(a, add)(a, b)
#define block_add_scaled(a, weight, row) CHOOSE(a, add_scaled)(a, weight, row)
#define block_add_product(a, row, other) CHOOSE(a, add_product)(a, row, other)
#define block_add_to(a, weight, row) CHOOSE(a, add_to)(a, weight, row)
#define block_add_to4(a, w, r0, r1, r2, r3) CHOOSE(a, add_to4)(a, w, r0, r1, r2, r3)
#define block_total(a) CHOOSE(a, total)(a)
#define block_dot(a, row) CHOOSE(a, dot)(a, row)
#define block_chains(a) CHOOSE(a, chains)(a)
#define block_dot4_add(a, r0, r1, r2, r3, out, w, sum, other)                              \
    CHOOSE(a, dot4_add)(a, r0, r1, r2, r3, out, w, sum, other)
#define block_dot4(a, r0, r1, r2, r3, out) CHOOSE(a, dot4)(a, r0, r1, r2, r3, out)

#endif
