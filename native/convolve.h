/* 3 x 3 convolutions by Winograd's minimal filtering, F(6 x 6, 3 x 3).
 *
 * A tile of 8 x 8 inputs gives 6 x 6 outputs with 64 products for each pair of channels, where the
 * definition takes 324 (A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
 * 2016; points of evaluation 0, 1, -1, 2, -2, 1/2, -1/2). Images are (rows, columns, channels), channels
 * in multiples of LANES.
 */
#ifndef CONVOLVE_H
#define CONVOLVE_H

#include "vector.h"

#define SIDE 8                  /* inputs along a tile */
#define STEP 6                  /* outputs along a tile */
#define POSITIONS (SIDE * SIDE) /* products of a tile and a pair of channels */
#define GROUP 12                /* tiles at work together: their products stay in the cache of a core */

INLINE int padded(int channels)
{
    return (channels + LANES - 1) / LANES * LANES;
}

/* Functions that sum over channels at one position, for a group of tiles: TILES at a time, times WIDE
 * vectors of outputs, which is what the registers hold. The sizes are literals and the functions are
 * not inlined, so that compilers keep every sum in a register; unrolled further, they spill. */
#define MULTIPLY(TILES, WIDE)                                                                     \
    static __attribute__((noinline)) void multiply_##TILES##x##WIDE(                              \
        int tiles, int channels, const float *restrict tile, ptrdiff_t tile_step,                 \
        const float *restrict kernel, ptrdiff_t kernel_step, float *restrict product,             \
        ptrdiff_t product_step)                                                                   \
    {                                                                                             \
        for (int first = 0; first < tiles; first += TILES) {                                      \
            Vector sums[TILES][WIDE], value[TILES];                                               \
            for (int t = 0; t < TILES; t++)                                                       \
                for (int v = 0; v < WIDE; v++) sums[t][v] = (Vector){0};                          \
            for (int c = 0; c < channels; c++) {                                                  \
                for (int t = 0; t < TILES; t++) value[t] = tile[t * tile_step + c] - (Vector){0}; \
                for (int v = 0; v < WIDE; v++) {                                                  \
                    Vector weight = *(const Vector *)(kernel + c * kernel_step + v * LANES);      \
                    for (int t = 0; t < TILES; t++) sums[t][v] += value[t] * weight;              \
                }                                                                                 \
            }                                                                                     \
            for (int t = 0; t < TILES; t++)                                                       \
                for (int v = 0; v < WIDE; v++)                                                    \
                    *(Vector *)(product + t * product_step + v * LANES) = sums[t][v];             \
            tile += TILES * tile_step;                                                            \
            product += TILES * product_step;                                                      \
        }                                                                                         \
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

/* One dimension of the transform of inputs, B^T d; d and out: vectors `step` apart. */
INLINE void transform_input(const float *from, ptrdiff_t next, Vector *out, ptrdiff_t step)
{
    Vector d[SIDE];
    for (int i = 0; i < SIDE; i++) d[i] = *(const Vector *)(from + i * next);
    Vector even = d[2] + d[6] - 4.25f * d[4], odd = d[1] + d[5] - 4.25f * d[3];
    Vector even_far = d[6] + 0.25f * d[2] - 1.25f * d[4], odd_far = 0.5f * d[1] - 2.5f * d[3] + 2 * d[5];
    Vector even_near = d[6] + 4 * d[2] - 5 * d[4], odd_near = 2 * d[1] - 2.5f * d[3] + 0.5f * d[5];
    out[0] = d[0] - d[6] + 5.25f * (d[4] - d[2]);
    out[step] = even + odd;
    out[2 * step] = even - odd;
    out[3 * step] = even_far + odd_far;
    out[4 * step] = even_far - odd_far;
    out[5 * step] = even_near + odd_near;
    out[6 * step] = even_near - odd_near;
    out[7 * step] = d[7] - d[1] + 5.25f * (d[3] - d[5]);
}

/* One dimension of the transform of products, A^T m. */
INLINE void transform_output(const float *from, ptrdiff_t next, Vector *out, ptrdiff_t step)
{
    Vector m[SIDE];
    for (int i = 0; i < SIDE; i++) m[i] = *(const Vector *)(from + i * next);
    Vector sum = m[1] + m[2], difference = m[1] - m[2];
    Vector far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    Vector near_sum = m[5] + m[6], near_difference = m[5] - m[6];
    out[0] = m[0] + sum + far_sum + near_sum;
    out[step] = difference + 2 * far_difference + 0.5f * near_difference;
    out[2 * step] = sum + 4 * far_sum + 0.25f * near_sum;
    out[3 * step] = difference + 8 * far_difference + 0.125f * near_difference;
    out[4 * step] = sum + 16 * far_sum + 0.0625f * near_sum;
    out[5 * step] = m[7] + difference + 32 * far_difference + 0.03125f * near_difference;
}

/* An image: floats from one row to the next, and from one cell to the next. */
typedef struct {
    float *data;
    ptrdiff_t row, cell;
} Image;

INLINE Image from_cell(Image image, int row, int column)
{
    image.data += row * image.row + column * image.cell;
    return image;
}

static void tile_in(Image image, int channels, float *restrict tile)
{
    for (int c = 0; c < channels; c += LANES) {
        Vector half[SIDE][SIDE];
        for (int x = 0; x < SIDE; x++)
            transform_input(image.data + x * image.cell + c, image.row, &half[0][x], SIDE);
        for (int y = 0; y < SIDE; y++) {
            Vector whole[SIDE];
            transform_input((const float *)half[y], LANES, whole, 1);
            for (int x = 0; x < SIDE; x++) *(Vector *)(tile + (y * SIDE + x) * channels + c) = whole[x];
        }
    }
}

static void tile_out(const float *restrict product, int channels, Image image, int rectify)
{
    for (int c = 0; c < channels; c += LANES) {
        Vector half[STEP][SIDE];
        for (int x = 0; x < SIDE; x++)
            transform_output(product + x * channels + c, (ptrdiff_t)SIDE * channels, &half[0][x], SIDE);
        for (int y = 0; y < STEP; y++) {
            Vector whole[STEP];
            transform_output((const float *)half[y], LANES, whole, 1);
            for (int x = 0; x < STEP; x++) {
                float *to = image.data + y * image.row + x * image.cell + c;
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
 * image: rows + 2 by columns + 2 of `inputs` channels, made up to whole tiles by finite numbers.
 * result: rows by columns of `outputs` channels, made up to whole tiles likewise. It may be the image
 * itself: a tile is written when all that is left of it and above it has been read.
 * kernel: (64, inputs, padded outputs). rectify: negative outputs become 0. */
static void convolve(Image image, Image result, int rows, int columns, int inputs, int outputs,
                     const float *kernel, int rectify, float *workspace)
{
    int in = padded(inputs), out = padded(outputs);
    int across = (columns + STEP - 1) / STEP, all = across * ((rows + STEP - 1) / STEP);
    ptrdiff_t tile_step = POSITIONS * in, step = POSITIONS * out;
    float *tiles = workspace, *products = workspace + GROUP * tile_step;
    for (int first = 0; first < all; first += GROUP) {
        int group = all - first < GROUP ? all - first : GROUP;
        for (int t = 0; t < group; t++) {
            int y = (first + t) / across * STEP, x = (first + t) % across * STEP;
            tile_in(from_cell(image, y, x), in, tiles + t * tile_step);
        }
        for (int p = 0; p < POSITIONS; p++) {
            const float *tile = tiles + p * in, *weights = kernel + (ptrdiff_t)p * inputs * out;
            float *product = products + p * out;
            int v = 0;
            for (; v + 4 * LANES <= out; v += 4 * LANES)
                MULTIPLY_4(group, inputs, tile, tile_step, weights + v, out, product + v, step);
            switch ((out - v) / LANES) {
            case 3: MULTIPLY_3(group, inputs, tile, tile_step, weights + v, out, product + v, step); break;
            case 2: MULTIPLY_2(group, inputs, tile, tile_step, weights + v, out, product + v, step); break;
            case 1: multiply_6x1(group, inputs, tile, tile_step, weights + v, out, product + v, step); break;
            }
        }
        for (int t = 0; t < group; t++) {
            int y = (first + t) / across * STEP, x = (first + t) % across * STEP;
            tile_out(products + t * step, out, from_cell(result, y, x), rectify);
        }
    }
}

#endif
