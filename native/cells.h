/* From counts to cube roots and Oklab, with holes filled. */
#ifndef CELLS_H
#define CELLS_H

#include "block.h"
#include "vector.h"

/* A plane of one float for each cell: rows `stride` floats apart. */
typedef struct {
    float *data;
    int stride;
} Plane;

INLINE float *row_of(Plane plane, int row)
{
    return plane.data + (ptrdiff_t)row * plane.stride;
}

/* The same plane, counted from another cell. */
INLINE Plane shifted(Plane plane, int row, int column)
{
    plane.data += (ptrdiff_t)row * plane.stride + column;
    return plane;
}

/* Sort a row of pan pixels by phase: to[phase][x] = from[ratio * x + phase]. */
#define SPLIT_ROW(NAME, FROM, TO)                                                                      \
    INLINE void NAME(const FROM *restrict from, int width, int ratio, TO *restrict to, ptrdiff_t step) \
    {                                                                                                  \
        if (ratio == 4)                                                                                \
            for (int x = 0; x < width; x++) {                                                          \
                to[x] = from[4 * x];                                                                   \
                to[step + x] = from[4 * x + 1];                                                        \
                to[2 * step + x] = from[4 * x + 2];                                                    \
                to[3 * step + x] = from[4 * x + 3];                                                    \
            }                                                                                          \
        else                                                                                           \
            for (int phase = 0; phase < ratio; phase++)                                                \
                for (int x = 0; x < width; x++) to[phase * step + x] = from[ratio * x + phase];        \
    }
SPLIT_ROW(split_counts, uint16_t, float)
SPLIT_ROW(split_mask, uint8_t, float)

/* Means of the valid pan pixels of each cell of a row, and how many are valid. */
static void mean_of_cells(const Block *b, int row, int column, int width, float *restrict mean,
                          float *restrict count, float *restrict work, ptrdiff_t step)
{
    int ratio = b->ratio;
    float scale = b->facts->reflectance_of_count;
    float *counts = work, *valid = work + MOST_RATIO * step;
    for (int x = 0; x < width; x++) mean[x] = count[x] = 0;
    for (int y = 0; y < ratio; y++) {
        const uint16_t *pan = b->pan + (ptrdiff_t)(row * ratio + y) * b->pan_stride + column * ratio;
        split_counts(pan, width, ratio, counts, step);
        if (!b->pan_valid) {
            for (int phase = 0; phase < ratio; phase++)
                for (int x = 0; x < width; x++) mean[x] += counts[phase * step + x];
            continue;
        }
        const uint8_t *mask =
            b->pan_valid + (ptrdiff_t)(row * ratio + y) * b->pan_valid_stride + column * ratio;
        split_mask(mask, width, ratio, valid, step);
        for (int phase = 0; phase < ratio; phase++)
            for (int x = 0; x < width; x++) {
                mean[x] += counts[phase * step + x] * valid[phase * step + x];
                count[x] += valid[phase * step + x];
            }
    }
    if (b->pan_valid)
        for (int x = 0; x < width; x++) mean[x] *= scale / greatest(count[x], 1);
    else
        for (int x = 0; x < width; x++) {
            mean[x] *= scale / (float)(ratio * ratio);
            count[x] = (float)(ratio * ratio);
        }
}

/* Fill unknown cells from known ones up to `reach` cells away; cells out of reach become 0.
 *
 * In each of `reach` rounds every unknown cell that touches a known one becomes the mean of the
 * known cells among its 8 neighbours, as `core.resample.fill_invalid` does.
 *
 * known: of each cell, whether its value is known; changed. queue: room for two ints a cell. */
static void fill_unknown(const Plane *planes, int count, uint8_t *known, int height, int width, int reach,
                         int *queue)
{
    int *found = queue, *next = queue + (ptrdiff_t)height * width, n = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            if (!known[y * width + x])
                for (int p = 0; p < count; p++) row_of(planes[p], y)[x] = 0;
    /* Cells that a round may fill: unknown (0), waiting in the queue (2), known (1). */
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int touches = 0;
            if (known[y * width + x]) continue;
            for (int v = y - (y > 0); v <= y + (y < height - 1) && !touches; v++)
                for (int u = x - (x > 0); u <= x + (x < width - 1); u++) touches |= known[v * width + u] == 1;
            if (touches) {
                known[y * width + x] = 2;
                found[n++] = y * width + x;
            }
        }
    for (int round = 0; round < reach && n; round++) {
        int more = 0;
        for (int i = 0; i < n; i++) {
            int y = found[i] / width, x = found[i] % width, neighbours = 0;
            float sums[MOST_BANDS] = {0};
            for (int v = y - (y > 0); v <= y + (y < height - 1); v++)
                for (int u = x - (x > 0); u <= x + (x < width - 1); u++)
                    if (known[v * width + u] == 1) {
                        neighbours++;
                        for (int p = 0; p < count; p++) sums[p] += row_of(planes[p], v)[u];
                    }
            for (int p = 0; p < count; p++) row_of(planes[p], y)[x] = sums[p] / (float)neighbours;
        }
        for (int i = 0; i < n; i++) known[found[i]] = 1;
        for (int i = 0; i < n; i++) {
            int y = found[i] / width, x = found[i] % width;
            for (int v = y - (y > 0); v <= y + (y < height - 1); v++)
                for (int u = x - (x > 0); u <= x + (x < width - 1); u++)
                    if (!known[v * width + u]) {
                        known[v * width + u] = 2;
                        next[more++] = v * width + u;
                    }
        }
        int *swap = found;
        found = next, next = swap, n = more;
    }
}

/* Cube roots of the pan pixels of a row of cells, sorted by phase: roots[phase * step + x]. An invalid
 * pixel has the mean of its cell. */
static void roots_of_cells(const Block *b, int row, int column, int width, const float *restrict mean,
                           float *restrict roots, ptrdiff_t step, float *restrict work)
{
    int ratio = b->ratio;
    float scale = b->facts->reflectance_of_count;
    for (int y = 0; y < ratio; y++) {
        const uint16_t *pan = b->pan + (ptrdiff_t)(row * ratio + y) * b->pan_stride + column * ratio;
        float *fine = roots + y * ratio * step;
        split_counts(pan, width, ratio, fine, step);
        if (b->pan_valid)
            split_mask(b->pan_valid + (ptrdiff_t)(row * ratio + y) * b->pan_valid_stride + column * ratio,
                       width, ratio, work, step);
        for (int phase = 0; phase < ratio; phase++) {
            float *restrict values = fine + phase * step;
            if (b->pan_valid) {
                const float *restrict valid = work + phase * step;
                for (int x = 0; x < width; x++)
                    values[x] = cube_root(valid[x] > 0 ? values[x] * scale : mean[x]);
            } else
                for (int x = 0; x < width; x++) values[x] = cube_root(values[x] * scale);
        }
    }
}

/* Oklab of a row of mul. */
static void oklab_of_bands(const Block *b, const Plane *bands, int row, int width, float *restrict lightness,
                           float *restrict red_green, float *restrict yellow_blue)
{
    const Facts *f = b->facts;
    for (int x = 0; x < width; x++) lightness[x] = red_green[x] = yellow_blue[x] = 0;
    for (int band = 0; band < b->bands; band++) {
        float l = f->bands_to_lms[0][band], m = f->bands_to_lms[1][band], s = f->bands_to_lms[2][band];
        if (l == 0 && m == 0 && s == 0) continue;
        const float *restrict value = row_of(bands[band], row);
        for (int x = 0; x < width; x++) {
            lightness[x] += l * value[x];
            red_green[x] += m * value[x];
            yellow_blue[x] += s * value[x];
        }
    }
    const float (*to)[3] = f->lms_to_oklab;
    for (int x = 0; x < width; x++) {
        float l = signed_cube_root(lightness[x]), m = signed_cube_root(red_green[x]),
              s = signed_cube_root(yellow_blue[x]);
        lightness[x] = to[0][0] * l + to[0][1] * m + to[0][2] * s;
        red_green[x] = to[1][0] * l + to[1][1] * m + to[1][2] * s;
        yellow_blue[x] = to[2][0] * l + to[2][1] * m + to[2][2] * s;
    }
}

#endif
