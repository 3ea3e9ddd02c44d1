/* What is computed from the cells around a cell: enlargement, local regression and wide context
 * (`model/features.py`). */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <math.h>

#include "block.h"
#include "cells.h"
#include "vector.h"

#define WINDOW (2 * WIDE_REACH + 1)
#define BOARD_WINDOW (WINDOW - 3) /* as many chessboards of 4 x 4 cells lie in a window */

_Static_assert(WINDOW % 3 == 0 && BOARD_WINDOW % 3 == 0, "windows are folded in threes");

INLINE float add(float a, float b)
{
    return a + b;
}

/* Fold a window of rows, or of columns, by an operation: first in threes, then these. */
#define FOLD(NAME, OPERATION, WINDOW)                                                           \
    static void NAME##_rows(Plane from, int row, int width, float *restrict to)                 \
    {                                                                                           \
        const float *restrict first = row_of(from, row);                                        \
        for (int x = 0; x < width; x++) to[x] = first[x];                                       \
        for (int y = 3; y < WINDOW; y += 3) {                                                   \
            const float *restrict next = row_of(from, row + y);                                 \
            for (int x = 0; x < width; x++) to[x] = OPERATION(to[x], next[x]);                  \
        }                                                                                       \
    }                                                                                           \
    static void NAME##_threes(Plane plane, int height, int width)                               \
    {                                                                                           \
        for (int y = 0; y + 2 < height; y++) {                                                  \
            float *restrict a = row_of(plane, y);                                               \
            const float *restrict b = row_of(plane, y + 1), *restrict c = row_of(plane, y + 2); \
            for (int x = 0; x < width; x++) a[x] = OPERATION(OPERATION(a[x], b[x]), c[x]);      \
        }                                                                                       \
    }                                                                                           \
    static void NAME##_columns(const float *restrict from, int width, float *restrict threes,   \
                               float *restrict to)                                              \
    {                                                                                           \
        for (int x = 0; x < width + WINDOW - 3; x++)                                            \
            threes[x] = OPERATION(OPERATION(from[x], from[x + 1]), from[x + 2]);                \
        for (int x = 0; x < width; x++) to[x] = threes[x];                                      \
        for (int k = 3; k < WINDOW; k += 3)                                                     \
            for (int x = 0; x < width; x++) to[x] = OPERATION(to[x], threes[x + k]);            \
    }
FOLD(least, least, WINDOW)
FOLD(sum, add, WINDOW)
FOLD(board, add, BOARD_WINDOW)

/* Variances in each cell of a row, of all its pixels and of chessboards of pixels; and squares of
 * chessboards of pixels (`fine`, a mean) and of 2 x 2 pixels (`coarse`), 0 where cells are too small for
 * both. Chessboards lie in the middle of the cell. */
INLINE void squares_by(const int ratio, const float *restrict roots, ptrdiff_t step, int width,
                       float *restrict variance, float *restrict chessboard, float *restrict fine,
                       float *restrict coarse)
{
    const int phases = ratio * ratio, squares = ratio >= 4 ? 2 : 1;
    const int first = (ratio - 2 * squares) / 2 * (ratio + 1);
    for (int x = 0; x < width; x++) {
        const float *restrict root = roots + x;
        float sum = 0, squared = 0, steps = 0, board = 0;
#pragma GCC unroll 16
        for (int p = 0; p < phases; p++) sum += root[p * step];
        float mean = sum / (float)phases;
#pragma GCC unroll 16
        for (int p = 0; p < phases; p++) squared += (root[p * step] - mean) * (root[p * step] - mean);
#pragma GCC unroll 2
        for (int i = 0; i < squares; i++)
#pragma GCC unroll 2
            for (int j = 0; j < squares; j++) {
                ptrdiff_t corner = (first + 2 * i * ratio + 2 * j) * step, below = corner + ratio * step;
                float diagonal = root[corner] + root[below + step];
                float other = root[corner + step] + root[below];
                steps += (diagonal - other) * (diagonal - other);
                board += ((i + j) & 1 ? -0.25f : 0.25f) * (diagonal + other);
            }
        variance[x] = squared / (float)phases;
        steps /= (float)(squares * squares);
        chessboard[x] = steps * 0.25f;
        fine[x] = squares == 1 ? 0 : steps;
        coarse[x] = squares == 1 ? 0 : board * board;
    }
}

static void squares_of_cells(const float *roots, ptrdiff_t step, int width, int ratio, float *variance,
                             float *chessboard, float *fine, float *coarse)
{
    if (ratio == 4)
        squares_by(4, roots, step, width, variance, chessboard, fine, coarse);
    else if (ratio == 2)
        squares_by(2, roots, step, width, variance, chessboard, fine, coarse);
    else
        squares_by(ratio, roots, step, width, variance, chessboard, fine, coarse);
}

/* Chessboards of cells and of 2 x 2 cells in the 4 x 4 cells from each cell of a row on, 0 where one of
 * these is unknown: the square of shading's, and its product with L's. work: 4 * step floats. */
static void chessboards(Plane shading, Plane lightness, int row, int width, float *const to[4],
                        ptrdiff_t step, float *restrict work)
{
    Plane planes[2] = {shading, lightness};
    float *restrict known = work, *board[2] = {work + step, work + 2 * step}, *down = work + 3 * step;
    for (int x = 0; x < width + 3; x++) {
        float darkest = FLT_MAX;
        for (int y = 0; y < 4; y++)
            darkest = least(darkest, least(row_of(shading, row + y)[x], row_of(lightness, row + y)[x]));
        known[x] = darkest;
    }
    for (int x = 0; x < width; x++)
        known[x] = least(least(known[x], known[x + 1]), least(known[x + 2], known[x + 3])) > 0;
    for (int size = 1; size <= 2; size++) {
        for (int k = 0; k < 2; k++) {
            const float *restrict a = row_of(planes[k], row), *restrict b = row_of(planes[k], row + 1);
            const float *restrict c = row_of(planes[k], row + 2), *restrict d = row_of(planes[k], row + 3);
            float *restrict found = board[k];
            if (size == 1) {
                for (int x = 0; x < width + 3; x++) down[x] = c[x] - b[x];
                for (int x = 0; x < width; x++) found[x] = down[x + 2] - down[x + 1];
            } else {
                for (int x = 0; x < width + 3; x++) down[x] = (c[x] + d[x]) - (a[x] + b[x]);
                for (int x = 0; x < width; x++)
                    found[x] = 0.25f * ((down[x + 2] + down[x + 3]) - (down[x] + down[x + 1]));
            }
        }
        float *restrict squared = to[2 * size - 2], *restrict product = to[2 * size - 1];
        for (int x = 0; x < width; x++) {
            squared[x] = known[x] * board[0][x] * board[0][x];
            product[x] = known[x] * board[0][x] * board[1][x];
        }
    }
}

/* Means of a product of two planes, or of one, under a 5 x 5 binomial window; a row of `width` cells from
 * `width + 4`. work: width + 4 floats. */
static void binomial_mean(Plane first, const Plane *second, int row, int width, float *restrict work,
                          float *restrict to)
{
    static const float weights[TAPS] = {1, 4, 6, 4, 1};
    for (int x = 0; x < width + 4; x++) work[x] = 0;
    for (int k = 0; k < TAPS; k++) {
        const float *restrict a = row_of(first, row + k);
        if (second) {
            const float *restrict b = row_of(*second, row + k);
            for (int x = 0; x < width + 4; x++) work[x] += weights[k] * (a[x] * b[x]);
        } else
            for (int x = 0; x < width + 4; x++) work[x] += weights[k] * a[x];
    }
    for (int x = 0; x < width; x++)
        to[x] = (work[x] + 4 * work[x + 1] + 6 * work[x + 2] + 4 * work[x + 3] + work[x + 4]) * (1.0f / 256);
}

/* Bicubic upsampling of a row of a plane, one row of pan pixels of it: to[phase * step + x], x < width.
 *
 * from: its first column is 2 cells to the left, its first row 2 cells above. line: the row of pan
 * pixels in the cell. work: width + 4 floats. */
static void enlarge(const Block *b, Plane from, int row, int line, int width, float *restrict to,
                    ptrdiff_t step, float *restrict work)
{
    const float *restrict rows[TAPS], *w = b->facts->phases[line];
    for (int k = 0; k < TAPS; k++) rows[k] = row_of(from, row + k);
    for (int x = 0; x < width + 4; x++)
        work[x] =
            w[0] * rows[0][x] + w[1] * rows[1][x] + w[2] * rows[2][x] + w[3] * rows[3][x] + w[4] * rows[4][x];
    for (int phase = 0; phase < b->ratio; phase++) {
        const float *v = b->facts->phases[phase];
        float *restrict out = to + phase * step;
        for (int x = 0; x < width; x++)
            out[x] = v[0] * work[x] + v[1] * work[x + 1] + v[2] * work[x + 2] + v[3] * work[x + 3] +
                     v[4] * work[x + 4];
    }
}

/* Cube roots of pan's enlarged cell mean for a row of cells, by phases. work: 2 * (width + 4) floats. */
static void coarse_roots(const Block *b, Plane mean, int row, int width, float *restrict to, ptrdiff_t step,
                         float *restrict work)
{
    const Facts *f = b->facts;
    float *restrict darkest = work, *restrict floor = work + width + 4;
    for (int line = 0; line < b->ratio; line++)
        enlarge(b, mean, row, line, width, to + line * b->ratio * step, step, work);
    for (int x = 0; x < width + 4; x++) darkest[x] = row_of(mean, row)[x];
    for (int k = 1; k < TAPS; k++) {
        const float *restrict next = row_of(mean, row + k);
        for (int x = 0; x < width + 4; x++) darkest[x] = least(darkest[x], next[x]);
    }
    for (int x = 0; x < width; x++) {
        float low = least(least(least(darkest[x], darkest[x + 1]), least(darkest[x + 2], darkest[x + 3])),
                          darkest[x + 4]);
        floor[x] = greatest(low * f->undershoot_limit, f->least_mean);
    }
    for (int p = 0; p < b->ratio * b->ratio; p++)
        for (int x = 0; x < width; x++) {
            float value = greatest(to[p * step + x], floor[x]);
            float y = inverse_cube_root(value);
            to[p * step + x] = value * (y * y);
        }
}

/* Least squares of Oklab on shading around each cell of a row.
 *
 * shading, oklab, inside: planes whose first cell is 2 cells above and left; `inside` holds the variance
 * of all pixels of a cell, and that of chessboards. mean: of shading. slopes, deviations: 3 and 4 rows,
 * `step` floats apart. work: 13 * step floats. */
static void local_regression(const Facts *f, Plane shading, const Plane *oklab, const Plane *inside, int row,
                             int width, float *restrict mean, float *restrict slopes,
                             float *restrict deviations, ptrdiff_t step, float *restrict work)
{
    float *sums = work, *product = work + 2 * step, *square = work + 3 * step, *colour = work + 4 * step;
    binomial_mean(shading, NULL, row, width, sums, mean);
    binomial_mean(shading, &shading, row, width, sums, square);
    float *restrict variance = deviations;
    for (int x = 0; x < width; x++) variance[x] = greatest(square[x] - mean[x] * mean[x], 0);
    for (int c = 0; c < 3; c++) {
        float *restrict slope = slopes + c * step;
        binomial_mean(oklab[c], NULL, row, width, sums, colour);
        binomial_mean(oklab[c], &shading, row, width, sums, product);
        for (int x = 0; x < width; x++) {
            float ridge = f->ridge * mean[x] * mean[x];
            float proportional = colour[x] / greatest(mean[x], f->least_root);
            slope[x] = (product[x] - colour[x] * mean[x] + ridge * proportional) /
                       greatest(variance[x] + ridge, 1e-8f);
        }
        if (c == 0) {
            binomial_mean(oklab[0], &oklab[0], row, width, sums, square);
            for (int x = 0; x < width; x++)
                deviations[step + x] = greatest(square[x] - colour[x] * colour[x], 0);
        }
    }
    for (int k = 0; k < 2; k++) binomial_mean(inside[k], NULL, row, width, sums, deviations + (2 + k) * step);
    for (int k = 0; k < 4; k++)
        for (int x = 0; x < width; x++) deviations[k * step + x] = sqrtf(deviations[k * step + x]);
}

/* Correction of the predictor's injection gain for a row, and the most detail to which it applies.
 *
 * shading, oklab: planes whose first cell is 2 cells above and left. gain: 3 rows. work: 9 * step floats. */
static void regression_gain(const Facts *f, Plane shading, const Plane *oklab, int row, int width,
                            float *const *gain, float *restrict most_detail, ptrdiff_t step,
                            float *restrict work)
{
    float *sums = work, *mean = work + 2 * step, *square = work + 3 * step, *colour = work + 4 * step;
    float *product = work + 5 * step, *colour_square = work + 6 * step;
    float *restrict explained = work + 7 * step, *restrict missed = work + 8 * step;
    binomial_mean(shading, NULL, row, width, sums, mean);
    binomial_mean(shading, &shading, row, width, sums, square);
    for (int x = 0; x < width; x++) explained[x] = missed[x] = 0;
    for (int c = 0; c < 3; c++) {
        float weight = c ? 4 : 1, *restrict to = gain[c];
        binomial_mean(oklab[c], NULL, row, width, sums, colour);
        binomial_mean(oklab[c], &shading, row, width, sums, product);
        binomial_mean(oklab[c], &oklab[c], row, width, sums, colour_square);
        for (int x = 0; x < width; x++) {
            float variance = greatest(square[x] - mean[x] * mean[x], 0);
            float proportional = colour[x] / greatest(mean[x], f->least_root);
            float covariance = product[x] - proportional * square[x];
            to[x] = covariance / greatest(variance + f->ridge * mean[x] * mean[x], 1e-8f);
            explained[x] += weight * (to[x] * covariance);
            missed[x] += weight * (colour_square[x] - proportional * (product[x] + covariance));
        }
    }
    for (int x = 0; x < width; x++) {
        float share = explained[x] / greatest(greatest(explained[x], missed[x]), 1e-12f);
        for (int c = 0; c < 3; c++) gain[c][x] *= share;
        most_detail[x] = f->gain_limit * sqrtf(greatest(square[x] - mean[x] * mean[x], 0));
    }
}

/* Weight that fine detail in mul but not in pan is an artefact, from the sharpness of pan. */
static void artefact_weight(const Facts *f, const float *restrict fine, const float *restrict coarse,
                            int width, float *restrict to)
{
    const float cells = WINDOW * WINDOW, limit = f->sharpness_limit * f->sharpness_limit;
    for (int x = 0; x < width; x++) {
        float ratio = sqrtf(least(fine[x] / cells / greatest(coarse[x] / cells, 1e-12f), limit));
        to[x] = least(greatest((f->sharp_pan - ratio) / (f->sharp_pan - f->soft_pan), 0), 1);
    }
}

/* Mul's sharpness, from sums of what `chessboards` finds, `step` floats apart. */
static void mul_sharpness(const Facts *f, const float *restrict sums, ptrdiff_t step, int width,
                          float *restrict to)
{
    const float boards = BOARD_WINDOW * BOARD_WINDOW;
    for (int x = 0; x < width; x++) {
        float slope = sums[step + x] / boards / greatest(sums[x] / boards, 1e-12f);
        float coarse = sums[3 * step + x] / boards / greatest(sums[2 * step + x] / boards, 1e-12f);
        to[x] = least(greatest(slope / greatest(coarse, f->least_slope), 0), f->sharpness_limit);
    }
}

#endif
