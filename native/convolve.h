/* 3 x 3 convolutions by Winograd's minimal filtering, F(4 x 4, 3 x 3).
 *
 * A tile of 6 x 6 inputs gives 4 x 4 outputs with 36 products for each pair of channels, where the
 * definition takes 144 (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
 * 2016; the matrices are theirs). Images are (rows, columns, channels), channels in multiples of LANES.
 */
#ifndef CONVOLVE_H
#define CONVOLVE_H

#include "vector.h"

#define SIDE 6                  /* inputs along a tile */
#define STEP 4                  /* outputs along a tile */
#define POSITIONS (SIDE * SIDE) /* products of a tile and a pair of channels */
#define GROUP 12                /* tiles at work together: their products stay in the cache of a core */

INLINE int padded(int channels)
{
    return (channels + LANES - 1) / LANES * LANES;
}

/* Functions that sum over channels at one position, for a whole group: TILES tiles at a time, times WIDE
 * vectors of outputs, which is what the registers hold. The sizes are literals and the functions are
 * not inlined, so that compilers keep every sum in a register; unrolled further, they spill. */
#define MULTIPLY(TILES, WIDE)                                                                        \
    static __attribute__((noinline)) void multiply_##TILES##x##WIDE(                                 \
        int channels, const float *restrict tile, ptrdiff_t tile_step, const float *restrict kernel, \
        ptrdiff_t kernel_step, float *restrict product, ptrdiff_t product_step)                      \
    {                                                                                                \
        for (int group = 0; group < GROUP; group += TILES) {                                         \
            Vector sums[TILES][WIDE], value[TILES];                                                  \
            for (int t = 0; t < TILES; t++)                                                          \
                for (int v = 0; v < WIDE; v++) sums[t][v] = (Vector){0};                             \
            for (int c = 0; c < channels; c++) {                                                     \
                for (int t = 0; t < TILES; t++) value[t] = tile[t * tile_step + c] - (Vector){0};    \
                for (int v = 0; v < WIDE; v++) {                                                     \
                    Vector weight = *(const Vector *)(kernel + c * kernel_step + v * LANES);         \
                    for (int t = 0; t < TILES; t++) sums[t][v] += value[t] * weight;                 \
                }                                                                                    \
            }                                                                                        \
            for (int t = 0; t < TILES; t++)                                                          \
                for (int v = 0; v < WIDE; v++)                                                       \
                    *(Vector *)(product + t * product_step + v * LANES) = sums[t][v];                \
            tile += TILES * tile_step;                                                               \
            product += TILES * product_step;                                                         \
        }                                                                                            \
    }
#if LANES == 16
MULTIPLY(6, 4)
MULTIPLY(6, 3)
MULTIPLY(6, 2)
#define MULTIPLY_4 multiply_6x4
#define MULTIPLY_3 multiply_6x3
#define MULTIPLY_2 multiply_6x2
#else
MULTIPLY(3, 4)
MULTIPLY(3, 3)
MULTIPLY(4, 2)
#define MULTIPLY_4 multiply_3x4
#define MULTIPLY_3 multiply_3x3
#define MULTIPLY_2 multiply_4x2
#endif
MULTIPLY(6, 1)

/* One dimension of the transform of inputs, B^T d. */
INLINE void transform_input(Vector d0, Vector d1, Vector d2, Vector d3, Vector d4, Vector d5, Vector *out,
                            ptrdiff_t step)
{
    Vector even = d4 - 4 * d2, odd = d3 - 4 * d1, near = d4 - d2, far = 2 * (d3 - d1);
    out[0] = 4 * d0 - 5 * d2 + d4;
    out[step] = even + odd;
    out[2 * step] = even - odd;
    out[3 * step] = near + far;
    out[4 * step] = near - far;
    out[5 * step] = 4 * d1 - 5 * d3 + d5;
}

/* One dimension of the transform of products, A^T m. */
INLINE void transform_output(Vector m0, Vector m1, Vector m2, Vector m3, Vector m4, Vector m5, Vector *out,
                             ptrdiff_t step)
{
    Vector sum = m1 + m2, difference = m1 - m2, far_sum = m3 + m4, far_difference = m3 - m4;
    out[0] = m0 + sum + far_sum;
    out[step] = difference + 2 * far_difference;
    out[2 * step] = sum + 4 * far_sum;
    out[3 * step] = difference + 8 * far_difference + m5;
}

INLINE Vector load(const float *from)
{
    return *(const Vector *)from;
}

static void tile_in(const float *restrict image, ptrdiff_t row, int channels, float *restrict tile)
{
    for (int c = 0; c < channels; c += LANES) {
        Vector half[SIDE][SIDE];
        for (int x = 0; x < SIDE; x++) {
            const float *from = image + (ptrdiff_t)x * channels + c;
            transform_input(load(from), load(from + row), load(from + 2 * row), load(from + 3 * row),
                            load(from + 4 * row), load(from + 5 * row), &half[0][x], SIDE);
        }
        for (int y = 0; y < SIDE; y++) {
            Vector whole[SIDE];
            const Vector *h = half[y];
            transform_input(h[0], h[1], h[2], h[3], h[4], h[5], whole, 1);
            for (int x = 0; x < SIDE; x++) *(Vector *)(tile + (y * SIDE + x) * channels + c) = whole[x];
        }
    }
}

static void tile_out(const float *restrict product, int channels, float *restrict image, ptrdiff_t row,
                     int rectify)
{
    for (int c = 0; c < channels; c += LANES) {
        Vector half[STEP][SIDE];
        for (int x = 0; x < SIDE; x++) {
            const float *from = product + x * channels + c;
            ptrdiff_t next = (ptrdiff_t)SIDE * channels;
            transform_output(load(from), load(from + next), load(from + 2 * next), load(from + 3 * next),
                             load(from + 4 * next), load(from + 5 * next), &half[0][x], SIDE);
        }
        for (int y = 0; y < STEP; y++) {
            Vector whole[STEP];
            const Vector *h = half[y];
            transform_output(h[0], h[1], h[2], h[3], h[4], h[5], whole, 1);
            for (int x = 0; x < STEP; x++) {
                float *to = image + y * row + (ptrdiff_t)x * channels + c;
                Mask positive = whole[x] > 0;
                *(Vector *)to = rectify ? (Vector)((Mask)whole[x] & positive) : whole[x];
            }
        }
    }
}

/* Floats of the workspace of `convolve`. */
INLINE ptrdiff_t convolve_space(int inputs, int outputs)
{
    return (ptrdiff_t)GROUP * POSITIONS * (padded(inputs) + padded(outputs));
}

/* Convolve an image, without padding.
 *
 * image: rows + 2 by columns + 2 of `inputs` channels, made up to whole tiles by numbers of any size.
 * result: rows by columns of `outputs` channels, made up to whole tiles likewise.
 * side: columns of both in memory. kernel: (36, inputs, padded outputs). rectify: negative outputs
 * become 0. */
static void convolve(const float *image, float *result, int rows, int columns, int side, int inputs,
                     int outputs, const float *kernel, int rectify, float *workspace)
{
    int in = padded(inputs), out = padded(outputs);
    int across = (columns + STEP - 1) / STEP, all = across * ((rows + STEP - 1) / STEP);
    float *tiles = workspace, *products = workspace + (ptrdiff_t)GROUP * POSITIONS * in;
    for (int first = 0; first < all; first += GROUP) {
        int group = all - first < GROUP ? all - first : GROUP;
        for (int t = 0; t < group; t++) {
            int y = (first + t) / across * STEP, x = (first + t) % across * STEP;
            tile_in(image + ((ptrdiff_t)y * side + x) * in, (ptrdiff_t)side * in, in,
                    tiles + (ptrdiff_t)t * POSITIONS * in);
        }
        for (int p = 0; p < POSITIONS; p++) {
            const float *tile = tiles + p * in, *weights = kernel + (ptrdiff_t)p * inputs * out;
            float *product = products + p * out;
            ptrdiff_t tile_step = POSITIONS * in, step = POSITIONS * out;
            int v = 0;
            for (; v + 4 * LANES <= out; v += 4 * LANES)
                MULTIPLY_4(inputs, tile, tile_step, weights + v, out, product + v, step);
            switch ((out - v) / LANES) {
            case 3: MULTIPLY_3(inputs, tile, tile_step, weights + v, out, product + v, step); break;
            case 2: MULTIPLY_2(inputs, tile, tile_step, weights + v, out, product + v, step); break;
            case 1: multiply_6x1(inputs, tile, tile_step, weights + v, out, product + v, step); break;
            }
        }
        for (int t = 0; t < group; t++) {
            int y = (first + t) / across * STEP, x = (first + t) % across * STEP;
            tile_out(products + (ptrdiff_t)t * POSITIONS * out, out, result + ((ptrdiff_t)y * side + x) * out,
                     (ptrdiff_t)side * out, rectify);
        }
    }
}

#endif
