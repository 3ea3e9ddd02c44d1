/* A whole block: counts and masks in, codes out. */
#ifndef SHARPEN_H
#define SHARPEN_H

#include "block.h"
#include "cells.h"
#include "context.h"
#include "convolve.h"
#include "input.h"
#include "layout.h"
#include "picture.h"

/* Read pan's cell means and mul; fill what is unknown. */
static void read_planes(const Block *b, Layout *m)
{
    int skip = b->given - m->margin;
    float scale = b->facts->reflectance_of_count, *count = m->work, *work = m->work + m->stride;
    for (int y = 0; y < m->height; y++) {
        mean_of_cells(b, y + skip, skip, m->width, row_of(m->mean, y), count, work, m->stride);
        if (m->known)
            for (int x = 0; x < m->width; x++) m->known[y * m->width + x] = count[x] > 0;
    }
    if (m->known) fill_unknown(&m->mean, 1, m->known, m->height, m->width, m->halo_valid, m->queue);
    for (int band = 0; band < b->bands; band++)
        for (int y = 0; y < m->height; y++) {
            const uint16_t *from = b->mul + band * b->mul_band + (y + skip) * b->mul_stride + skip;
            float *restrict to = row_of(m->bands[band], y);
            for (int x = 0; x < m->width; x++) to[x] = (float)from[x] * scale;
        }
    if (b->mul_valid) {
        for (int y = 0; y < m->height; y++)
            for (int x = 0; x < m->width; x++)
                m->known[y * m->width + x] = b->mul_valid[(y + skip) * b->mul_valid_stride + x + skip] != 0;
        fill_unknown(m->bands, b->bands, m->known, m->height, m->width, m->halo_valid, m->queue);
    }
}

/* Planes of everything that is computed cell by cell: roots, shading, Oklab, squares. */
static void compute_planes(const Block *b, Layout *m)
{
    int skip = b->given - m->margin, outside = m->margin - m->halo, phases = b->ratio * b->ratio;
    int width = m->width - 2 * outside;
    for (int y = outside; y < m->height - outside; y++) {
        float *mean = row_of(m->mean, y) + outside, *shading = row_of(m->shading, y) + outside;
        float *roots = m->roots + (ptrdiff_t)y * phases * m->stride + outside;
        roots_of_cells(b, y + skip, skip + outside, width, mean, roots, m->stride, m->work);
        for (int x = 0; x < width; x++) shading[x] = cube_root(mean[x]);
        Plane bands[MOST_BANDS];
        for (int band = 0; band < b->bands; band++) bands[band] = shifted(m->bands[band], 0, outside);
        float *lightness = row_of(m->oklab[0], y) + outside;
        oklab_of_bands(b, bands, y, width, lightness, row_of(m->oklab[1], y) + outside,
                       row_of(m->oklab[2], y) + outside);
        if (!b->depth) continue;
        squares_of_cells(roots, m->stride, width, b->ratio, row_of(m->variance, y) + outside,
                         row_of(m->chessboard, y) + outside, row_of(m->fine, y) + outside,
                         row_of(m->coarse, y) + outside);
        float *dark = row_of(m->dark[0], y) + outside, *dark_colour = row_of(m->dark[1], y) + outside;
        for (int x = 0; x < width; x++) {
            dark[x] = shading[x] > 0 ? shading[x] : FLT_MAX;
            dark_colour[x] = lightness[x] > 0 ? lightness[x] : FLT_MAX;
        }
    }
}

/* Planes of the correction of the predictor's gain, for the result and 2 cells around it. */
static void compute_gains(const Block *b, Layout *m)
{
    int corner = m->margin - 2 * BICUBIC_REACH;
    Plane oklab[3];
    for (int c = 0; c < 3; c++) oklab[c] = shifted(m->oklab[c], corner, corner);
    for (int y = 0; y < b->height + 2 * BICUBIC_REACH; y++) {
        float *gain[3];
        for (int c = 0; c < 3; c++) gain[c] = row_of(m->gain[c], y);
        regression_gain(b->facts, shifted(m->shading, corner, corner), oklab, y, b->width + 2 * BICUBIC_REACH,
                        gain, row_of(m->most_detail, y), m->stride, m->work);
    }
}

/* Valid pixels of one phase of a row of the result; returns how many there are. */
static int validity(const Block *b, int row, int y, int phase, uint8_t *restrict valid)
{
    int ratio = b->ratio, count = 0;
    const uint8_t *pan = b->pan_valid, *mul = b->mul_valid;
    if (pan)
        pan += ((ptrdiff_t)(row + b->given) * ratio + y) * b->pan_valid_stride + b->given * ratio + phase;
    if (mul) mul += (row + b->given) * b->mul_valid_stride + b->given;
    for (int x = 0; x < b->width; x++) {
        valid[x] = (!pan || pan[ratio * x]) && (!mul || mul[x]);
        count += valid[x];
    }
    return count;
}

/* Rows of the corrections of the injection gain, which begin 2 cells above and left of the result. */
static void read_gains(const Block *b, Layout *m, int first, int end)
{
    int phases = b->ratio * b->ratio;
    for (int y = first; y < end; y++) {
        const float *restrict from = m->output.data + y % OUTPUT_ROWS * m->output.row + 3 * phases;
        const float *restrict mean = row_of(m->local_mean, y + b->depth) + b->depth;
        for (int x = 0; x < b->width + 2 * BICUBIC_REACH; x++) {
            float share = 1 / greatest(mean[x], b->facts->least_root);
            for (int c = 0; c < 3; c++) row_of(m->gain[c], y)[x] = from[x * m->output.cell + c] * share;
        }
    }
}

/* Sort the network's residual for a row of cells by channel: the inverse of what ends `compose_input`. */
static void read_residual(const Block *b, const Layout *m, int row, float *to, ptrdiff_t step)
{
    int count = 3 * b->ratio * b->ratio;
    Image from = from_cell(m->output, (row + BICUBIC_REACH) % OUTPUT_ROWS, BICUBIC_REACH);
    for (int x = 0; x < b->width; x += LANES)
        for (int c = 0; c < count; c += LANES)
            transpose(from.data + x * from.cell + c, from.cell, to + c * step + x, step);
}

/* The predictor for the pixels of one phase of a row.
 *
 * colour: enlarged L, a and b, `apart` floats apart. to: L, a and b, `step` floats apart. */
static void predict(const Facts *f, const float *restrict fine, const float *restrict coarse,
                    const float *restrict colour, ptrdiff_t apart, int width, float *restrict to,
                    ptrdiff_t step)
{
    float limit = f->ratio_limit;
    for (int x = 0; x < width; x++) {
        float scale = least(fine[x] / coarse[x], limit);
        to[x] = colour[x] * scale;
        to[step + x] = colour[apart + x] * scale;
        to[2 * step + x] = colour[2 * apart + x] * scale;
    }
}

/* Add the network's residual, and what its gain takes of pan's detail, to one channel of a row. */
static void correct(const Facts *f, const float *restrict fine, const float *restrict coarse,
                    const float *restrict gain, const float *restrict residual, int width, float *restrict to)
{
    float share = 1 / (2 * f->input_scale);
    for (int x = 0; x < width; x++) to[x] += residual[x] * share + gain[x] * (fine[x] - coarse[x]);
}

/* Add what the correction of the predictor's gain takes of pan's detail, for the pixels of one phase of a
 * row: like `predict`, with gain in the place of colour.
 *
 * limit: of the detail. */
static void correct_gain(const float *restrict fine, const float *restrict coarse, const float *restrict gain,
                         ptrdiff_t apart, const float *restrict limit, int width, float *restrict to,
                         ptrdiff_t step)
{
    for (int x = 0; x < width; x++) {
        float most = greatest(limit[x], 0), detail = least(greatest(fine[x] - coarse[x], -most), most);
        to[x] += gain[x] * detail;
        to[step + x] += gain[apart + x] * detail;
        to[2 * step + x] += gain[2 * apart + x] * detail;
    }
}

/* Combine the predictor with the network's output, render, and write rows of cells; returns how many pixels
 * are valid. */
static int64_t compose_picture(const Block *b, Layout *m, int start, int end)
{
    int ratio = b->ratio, phases = ratio * ratio, first = m->margin - BICUBIC_REACH, width = b->width;
    ptrdiff_t step = m->stride, line = ratio * step;
    float *oklab = m->work + step, *codes = oklab + 3 * step, *colour = codes + 2 * MOST_RATIO * step;
    float *gain = colour + 3 * line, *residual = gain + 3 * line, *limit = residual;
    uint8_t *valid = (uint8_t *)(residual + (3 * phases + LANES) * step);
    int64_t count = 0;
    int corrected = gain_is_corrected(b);
    for (int y = start; y < end; y++) {
        if (b->depth) read_residual(b, m, y, residual, step);
        for (int i = 0; i < ratio; i++) {
            const float *roots = m->roots + (ptrdiff_t)(y + m->margin) * phases * step + i * line + m->margin;
            const float *coarse = m->coarse_roots + (ptrdiff_t)y * phases * step + i * line;
            float *to = b->look.bits ? codes : (float *)b->out + (y * ratio + i) * b->out_stride;
            for (int c = 0; c < 3; c++) {
                enlarge(b, shifted(m->oklab[c], first, first), y, i, width, colour + c * line, step, m->work);
                if (b->depth || corrected)
                    enlarge(b, m->gain[c], y, i, width, gain + c * line, step, m->work);
            }
            if (corrected) enlarge(b, m->most_detail, y, i, width, limit, step, m->work);
            for (int j = 0; j < ratio; j++) {
                predict(b->facts, roots + j * step, coarse + j * step, colour + j * step, line, width, oklab,
                        step);
                for (int c = 0; c < 3 && b->depth; c++)
                    correct(b->facts, roots + j * step, coarse + j * step, gain + c * line + j * step,
                            residual + c * phases * step + i * line + j * step, width, oklab + c * step);
                if (corrected)
                    correct_gain(roots + j * step, coarse + j * step, gain + j * step, line, limit + j * step,
                                 width, oklab, step);
                count += validity(b, y, i, j, valid);
                render_row(b, oklab, step, valid, y * ratio + i, j, m->work, to);
            }
            if (b->look.bits) put_row(b, codes, step, y * ratio + i);
        }
    }
    return count;
}

/* The network, and the picture; returns how many pixels are valid.
 *
 * Layers work in place. The first one's input is composed while it works, and rows of the picture are while
 * the last one does, so that both are in the cache when they are read. */
static int64_t run_network(const Block *b, Layout *m)
{
    int rows = b->height + 2 * (b->depth + BICUBIC_REACH),
        columns = b->width + 2 * (b->depth + BICUBIC_REACH), ready = 0;
    int64_t count = 0;
    memset(m->hidden.data, 0, m->tall * m->hidden.row * sizeof(float));
    compose_input(b, m, 0, SIDE - STEP, m->input);
    for (int layer = 0; layer < b->depth; layer++) {
        rows -= 2, columns -= 2;
        int last = layer == b->depth - 1;
        for (int y = 0; y < rows; y += STEP) {
            Image from = layer ? from_cell(m->hidden, y, 0) : m->input;
            Image to = last ? from_cell(m->output, y % OUTPUT_ROWS, 0) : from_cell(m->hidden, y, 0);
            if (!layer) compose_input(b, m, y + SIDE - STEP, y + SIDE, from_cell(from, SIDE - STEP, 0));
            convolve(from, to, STEP, columns, b->channels[layer], b->channels[layer + 1], b->kernels[layer],
                     !last, m->convolution);
            if (!layer)
                memcpy(from.data, from_cell(from, STEP, 0).data, (SIDE - STEP) * from.row * sizeof(float));
            if (!last) continue;
            int end = y + STEP < rows ? y + STEP : rows;
            read_gains(b, m, y, end);
            end -= 2 * BICUBIC_REACH;
            if (end <= ready) continue;
            count += compose_picture(b, m, ready, end);
            ready = end;
        }
    }
    return count;
}

/* Render the colour of mul at its own scale; returns how many pixels are valid. */
static int64_t render_colour(const Block *b, float *workspace)
{
    ptrdiff_t step = (b->width + SLACK - 1) / SLACK * SLACK + SLACK;
    float *oklab = workspace, *work = oklab + 3 * step, *codes = work + (2 + MOST_BANDS) * step;
    uint8_t *valid = (uint8_t *)(work + step);
    int64_t count = 0;
    Plane bands[MOST_BANDS];
    for (int band = 0; band < b->bands; band++) bands[band] = (Plane){work + (2 + band) * step, 0};
    for (int y = 0; y < b->height; y++) {
        for (int band = 0; band < b->bands; band++) {
            const uint16_t *from = b->mul + band * b->mul_band + y * b->mul_stride;
            float *restrict to = bands[band].data;
            for (int x = 0; x < b->width; x++) to[x] = (float)from[x] * b->facts->reflectance_of_count;
        }
        oklab_of_bands(b, bands, 0, b->width, oklab, oklab + step, oklab + 2 * step);
        count += validity(b, y, 0, 0, valid);
        render_row(b, oklab, step, valid, y, 0, work, codes);
        put_row(b, codes, step, y);
    }
    return count;
}

/* Floats of the workspace. */
static size_t space(const Block *b)
{
    if (b->pan) return lay_out(b, NULL).floats;
    return (size_t)(8 + MOST_BANDS) * ((b->width + SLACK - 1) / SLACK * SLACK + SLACK);
}

/* Whether any pixel of the result is valid. */
static int has_valid_pixels(const Block *b)
{
    int ratio = b->ratio;
    if (!b->pan_valid) return 1;
    for (int y = 0; y < b->height * ratio; y++) {
        const uint8_t *pan =
            b->pan_valid + (ptrdiff_t)(y + b->given * ratio) * b->pan_valid_stride + b->given * ratio;
        const uint8_t *mul =
            b->mul_valid + (ptrdiff_t)(y / ratio + b->given) * b->mul_valid_stride + b->given;
        for (int x = 0; x < b->width * ratio; x++)
            if (pan[x] && mul[x / ratio]) return 1;
    }
    return 0;
}

/* Sharpen a block; returns the number of valid pixels. The picture isn't touched if there are none. */
static int64_t sharpen(const Block *b, float *workspace)
{
    if (!b->pan) return render_colour(b, workspace);
    if (!has_valid_pixels(b)) return 0;
    Layout m = lay_out(b, workspace);
    read_planes(b, &m);
    compute_planes(b, &m);
    if (!b->depth) {
        int phases = b->ratio * b->ratio, first = m.margin - BICUBIC_REACH;
        for (int y = 0; y < b->height; y++)
            coarse_roots(b, shifted(m.mean, first, first), y, b->width,
                         m.coarse_roots + (ptrdiff_t)y * phases * m.stride, m.stride, m.work);
        if (gain_is_corrected(b)) compute_gains(b, &m);
        return compose_picture(b, &m, 0, b->height);
    }
    fold_context(b, &m);
    return run_network(b, &m);
}

#endif
