/* Vectors of floats, and the functions that loops over floats call.
 *
 * Each file that includes the headers of this folder sets LANES, the floats in a register of its
 * instruction set. Loops over x are plain C, which the compiler turns into vectors by itself. Only
 * `convolve.h` names vectors, to keep its sums in registers.
 */
#ifndef VECTOR_H
#define VECTOR_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t Mask __attribute__((vector_size(4 * LANES)));

INLINE float least(float a, float b)
{
    return a < b ? a : b;
}

INLINE float greatest(float a, float b)
{
    return a > b ? a : b;
}

INLINE int32_t bits_of(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE float float_of(int32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* x ^ (-1/3) for x > 0, right to 2 units in the last place: Newton's method from a first guess that
 * divides the exponent by -3. */
INLINE float inverse_cube_root(float x)
{
    float y = float_of(0x54A2FA8C - (int32_t)((float)bits_of(x) * (1.0f / 3)));
    float third = x * (1.0f / 3);
    y *= 4.0f / 3 - third * y * (y * y);
    y *= 4.0f / 3 - third * y * (y * y);
    y *= 4.0f / 3 - third * y * (y * y);
    return y;
}

/* The cube root of x >= 0; 0 for values below 0. */
INLINE float cube_root(float x)
{
    x = greatest(x, 0);
    float y = inverse_cube_root(greatest(x, 1e-30f));
    return x * (y * y);
}

/* The real cube root, negative for negative x. */
INLINE float signed_cube_root(float x)
{
    float y = inverse_cube_root(greatest(__builtin_fabsf(x), 1e-30f));
    return x * (y * y);
}

/* log2 of a positive normal x, right to 1e-7: a polynomial in m - 1 for a mantissa m between
 * sqrt(1/2) and sqrt(2), with the least greatest error. Terms are summed in pairs, as in `exp2_of`: one
 * after the other, each would wait for the last. */
INLINE float log2_of(float x)
{
    int32_t exponent = (bits_of(x) - 0x3F3504F3) >> 23;
    float t = float_of(bits_of(x) - (int32_t)((uint32_t)exponent << 23)) - 1, t2 = t * t;
    float low = (1.44269477f - 0.721357149f * t) + (0.480939445f - 0.360087214f * t) * t2;
    float high = (0.286707445f - 0.250069058f * t) + (0.236890461f - 0.145744522f * t) * t2;
    return (low + high * (t2 * t2)) * t + (float)exponent;
}

/* 2 ^ x for x between -126 and 127, right to 2e-7: a polynomial for the part of x between -1/2 and
 * 1/2, with the least greatest error. */
INLINE float exp2_of(float x)
{
    const float units =
        12582912; /* 1.5 * 2^23: a sum with it has no fraction, and ends with its whole part */
    float whole = x + units, t = x - (whole - units), t2 = t * t;
    float p = (1 + 0.693146978f * t) +
              ((0.240222421f + 0.0555073374f * t) + (0.00967151279f + 0.00132647273f * t) * t2) * t2;
    return float_of(bits_of(p) + (int32_t)((uint32_t)bits_of(whole) << 23));
}

/* x ^ exponent for a positive normal x; between 2^-126 and 2^127. */
INLINE float power_of(float x, float exponent)
{
    return exp2_of(least(greatest(log2_of(x) * exponent, -126), 127));
}

#if LANES == 16
#define LOW(a, b) SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif LANES == 8
#define LOW(a, b) SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define LOW(a, b) SHUFFLE(a, b, 0, 4, 1, 5)
#define HIGH(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#endif
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (Mask){__VA_ARGS__})
#endif

/* Transpose LANES rows of LANES floats: interleaving the halves log2(LANES) times does it. */
INLINE void transpose(const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step)
{
    Vector rows[LANES], mixed[LANES];
    for (int i = 0; i < LANES; i++) rows[i] = *(const Vector *)(from + i * from_step);
    for (int turn = 1; turn < LANES; turn *= 2) {
        for (int i = 0; i < LANES / 2; i++) {
            mixed[2 * i] = LOW(rows[i], rows[i + LANES / 2]);
            mixed[2 * i + 1] = HIGH(rows[i], rows[i + LANES / 2]);
        }
        for (int i = 0; i < LANES; i++) rows[i] = mixed[i];
    }
    for (int i = 0; i < LANES; i++) *(Vector *)(to + i * to_step) = rows[i];
}

#endif
