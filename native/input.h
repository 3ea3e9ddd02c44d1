/* The input of the network, channel after channel as `model.facts.input_channels` lists them. */
#ifndef INPUT_H
#define INPUT_H

#include "block.h"
#include "cells.h"
#include "context.h"
#include "convolve.h"
#include "layout.h"

/* Rows of each input, `step` floats apart, for the cells of a row: the result's and those around it that
 * the network reads. */
typedef struct {
    ptrdiff_t step;
    int around; /* cells around the result */
    int first;  /* cells of a plane before them */
    int width;
    float *detail, *shading, *bands, *chroma, *slopes, *deviations, *darkest, *artefact, *lightness,
        *sharpness;
} Inputs;

static Inputs lay_out_inputs(const Block *b, const Layout *m)
{
    Inputs i = {.step = m->stride, .around = b->depth + BICUBIC_REACH};
    i.first = m->margin - i.around;
    i.width = b->width + 2 * i.around;
    i.detail = m->work + 32 * i.step;
    i.shading = i.detail + b->ratio * b->ratio * i.step;
    i.bands = i.shading + i.step;
    i.chroma = i.bands + b->bands * i.step;
    i.slopes = i.chroma + 2 * i.step;
    i.deviations = i.slopes + 3 * i.step;
    i.darkest = i.deviations + 4 * i.step;
    i.artefact = i.darkest + 2 * i.step;
    i.lightness = i.artefact + i.step;
    i.sharpness = i.lightness + i.step;
    return i;
}

/* Pan's roots less those of its enlarged cell mean, which are kept for the predictor. */
static void input_detail(const Block *b, Layout *m, const Inputs *i, int y)
{
    int phases = b->ratio * b->ratio, row = y - i->around, corner = i->first - BICUBIC_REACH;
    const float *roots = m->roots + (ptrdiff_t)(y + i->first) * phases * i->step + i->first;
    coarse_roots(b, shifted(m->mean, corner, corner), y, i->width, i->detail, i->step, m->work);
    for (int p = 0; p < phases; p++) {
        float *restrict detail = i->detail + p * i->step;
        const float *restrict root = roots + p * i->step;
        if (row >= 0 && row < b->height)
            memcpy(m->coarse_roots + ((ptrdiff_t)row * phases + p) * i->step, detail + i->around,
                   b->width * sizeof(float));
        for (int x = 0; x < i->width; x++) detail[x] = root[x] - detail[x];
    }
}

/* Slopes of Oklab on shading less the predictor's, and deviations. */
static void input_regression(const Block *b, Layout *m, const Inputs *i, int y)
{
    int corner = i->first - BICUBIC_REACH;
    Plane inside[2] = {shifted(m->variance, corner, corner), shifted(m->chessboard, corner, corner)},
          oklab[3];
    for (int c = 0; c < 3; c++) oklab[c] = shifted(m->oklab[c], corner, corner);
    local_regression(b->facts, shifted(m->shading, corner, corner), oklab, inside, y, i->width,
                     row_of(m->local_mean, y), i->slopes, i->deviations, i->step, m->work);
    const float *restrict shading = row_of(m->shading, y + i->first) + i->first;
    for (int c = 0; c < 3; c++) {
        const float *restrict colour = row_of(m->oklab[c], y + i->first) + i->first;
        float *restrict slope = i->slopes + c * i->step;
        for (int x = 0; x < i->width; x++) slope[x] = slope[x] * shading[x] - colour[x];
    }
}

/* The darkest cells around, less the cell itself; the artefact weight and mul's sharpness, times lightness.
 * The planes of all are folded in threes already. */
static void input_context(const Block *b, Layout *m, const Inputs *i, int y)
{
    int outside = m->margin - m->halo, window = i->width + WINDOW - 1;
    const float *own[2] = {row_of(m->shading, y + i->first) + i->first,
                           row_of(m->oklab[0], y + i->first) + i->first};
    float *down = m->work, *threes = m->work + i->step, *sums = m->work + 2 * i->step;
    for (int k = 0; k < 2; k++) {
        float *restrict darkest = i->darkest + k * i->step;
        const float *restrict cell = own[k];
        least_rows(shifted(m->dark[k], outside, outside), y, window, down);
        least_columns(down, i->width, threes, darkest);
        for (int x = 0; x < i->width; x++) darkest[x] = least(darkest[x], cell[x]) - cell[x];
        sum_rows(shifted(k ? m->coarse : m->fine, outside, outside), y, window, down);
        sum_columns(down, i->width, threes, sums + k * i->step);
    }
    artefact_weight(b->facts, sums, sums + i->step, i->width, i->artefact);
    const float *restrict lightness = own[1];
    for (int x = 0; x < i->width; x++) i->artefact[x] *= lightness[x];
    if (!reads_mul_sharpness(b)) return;
    for (int k = 0; k < 4; k++) {
        board_rows(shifted(m->boards[k], outside, outside), y, i->width + BOARD_WINDOW - 1, down);
        board_columns(down, i->width, threes, sums + k * i->step);
    }
    mul_sharpness(b->facts, sums, i->step, i->width, i->sharpness);
    for (int x = 0; x < i->width; x++) i->sharpness[x] *= lightness[x];
}

/* What is read off a cell alone: shading, the bands' cube roots, and colour. */
static void input_cells(const Block *b, Layout *m, const Inputs *i, int y)
{
    int row = y + i->first, column = i->first;
    const float *restrict l = row_of(m->oklab[0], row) + column;
    const float *restrict u = row_of(m->oklab[1], row) + column;
    const float *restrict v = row_of(m->oklab[2], row) + column;
    const float *restrict shade = row_of(m->shading, row) + column;
    for (int x = 0; x < i->width; x++) {
        i->shading[x] = shade[x] - l[x];
        i->chroma[x] = 2 * u[x];
        i->chroma[i->step + x] = 2 * v[x];
        i->lightness[x] = l[x] / b->facts->input_scale;
    }
    for (int band = 0; band < b->bands; band++) {
        const float *restrict value = row_of(m->bands[band], row) + column;
        float *restrict to = i->bands + band * i->step;
        for (int x = 0; x < i->width; x++) to[x] = cube_root(value[x]) - l[x];
    }
}

/* Put the inputs of a row into a row of the image that the network reads, (columns, channels), scaled. */
static void put_inputs(const Block *b, const Inputs *i, float *to)
{
    int channels = padded(b->channels[0]);
    float scale = b->facts->input_scale;
    for (int c = 0; c < b->channels[0]; c++) {
        float *restrict row = i->detail + c * i->step;
        for (int x = 0; x < i->width; x++) row[x] *= scale;
    }
    for (int x = 0; x < i->width; x += LANES)
        for (int c = 0; c < channels; c += LANES)
            transpose(i->detail + c * i->step + x, i->step, to + (ptrdiff_t)x * channels + c, channels);
}

/* Planes of chessboards, from which mul's sharpness is summed up. */
static void compute_boards(Layout *m, int outside, int height, int width)
{
    Plane boards[4], shading = shifted(m->shading, outside, outside);
    for (int k = 0; k < 4; k++) boards[k] = shifted(m->boards[k], outside, outside);
    for (int y = 0; y < height - 3; y++) {
        float *rows[4];
        for (int k = 0; k < 4; k++) rows[k] = row_of(boards[k], y);
        chessboards(shading, shifted(m->oklab[0], outside, outside), y, width - 3, rows, m->stride, m->work);
    }
    for (int k = 0; k < 4; k++) board_threes(boards[k], height - 3, width - 3);
}

/* Fold the planes of wide context, for `input_context`. */
static void fold_context(const Block *b, Layout *m)
{
    int outside = m->margin - m->halo, height = m->height - 2 * outside, width = m->width - 2 * outside;
    for (int k = 0; k < 2; k++) {
        least_threes(shifted(m->dark[k], outside, outside), height, width);
        sum_threes(shifted(k ? m->coarse : m->fine, outside, outside), height, width);
    }
    if (reads_mul_sharpness(b)) compute_boards(m, outside, height, width);
}

/* Compose rows `first` to `end` of the network's input, which are those of the result and the `depth + 2`
 * cells around it, in rows of an image from its first on; what lies beyond becomes 0. */
static void compose_input(const Block *b, Layout *m, int first, int end, Image image)
{
    Inputs inputs = lay_out_inputs(b, m);
    for (int y = first; y < end; y++, image.data += image.row) {
        int width = y < b->height + 2 * inputs.around ? inputs.width : 0;
        if (width) {
            input_detail(b, m, &inputs, y);
            input_regression(b, m, &inputs, y);
            input_context(b, m, &inputs, y);
            input_cells(b, m, &inputs, y);
            put_inputs(b, &inputs, image.data);
        }
        memset(image.data + width * image.cell, 0, (m->side - width) * image.cell * sizeof(float));
    }
}

#endif
