/* Where the planes of a block lie in the workspace. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "block.h"
#include "cells.h"
#include "convolve.h"

#define SLACK 16               /* floats after a row that vectors may read and write */
#define OUTPUT_ROWS (2 * STEP) /* rows of the network's output that are kept until they are rendered */

/* Where the planes of a block lie. */
typedef struct {
    int halo_valid, halo, margin; /* cells around the result: to be known, to be read, in memory */
    int height, width, stride;    /* of planes */
    int tall, side;               /* rows and columns of the network's images in memory */
    Plane mean, shading, oklab[3], bands[MOST_BANDS], fine, coarse, variance, chessboard, dark[2];
    Plane local_mean, gain[3], most_detail, boards[4];
    float *roots, *coarse_roots; /* phases of each row of the whole, and of the result */
    Image input, hidden, output; /* of the network: SIDE rows, all rows, and OUTPUT_ROWS */
    float *convolution, *work;
    uint8_t *known;
    int *queue;
    size_t floats; /* of the whole workspace */
} Layout;

/* Hand out `count` floats of the workspace; only count them if there is none yet. */
static float *take(Layout *m, float *workspace, size_t count)
{
    float *found = workspace ? workspace + m->floats : NULL;
    m->floats += (count + SLACK - 1) / SLACK * SLACK;
    return found;
}

static Plane take_plane(Layout *m, float *workspace)
{
    return (Plane){take(m, workspace, (size_t)m->height * m->stride), m->stride};
}

/* An image of the network; vectors may read and write SLACK cells after it. */
static Image take_image(Layout *m, float *workspace, int rows, int channels)
{
    ptrdiff_t row = (ptrdiff_t)m->side * channels;
    return (Image){take(m, workspace, rows * row + SLACK * channels), row, channels};
}

static Layout lay_out(const Block *b, float *workspace)
{
    Layout m = {0};
    int depth = b->depth, filled = b->pan_valid || b->mul_valid, phases = b->ratio * b->ratio;
    m.halo_valid = valid_halo(b);
    m.halo = whole_halo(b);
    m.margin = filled ? b->given : m.halo;
    m.height = b->height + 2 * m.margin;
    m.width = b->width + 2 * m.margin;
    m.stride = (m.width + SLACK - 1) / SLACK * SLACK + SLACK;
    m.mean = take_plane(&m, workspace);
    m.shading = take_plane(&m, workspace);
    for (int c = 0; c < 3; c++) m.oklab[c] = take_plane(&m, workspace);
    for (int band = 0; band < b->bands; band++) m.bands[band] = take_plane(&m, workspace);
    m.roots = take(&m, workspace, (size_t)m.height * phases * m.stride);
    m.coarse_roots = take(&m, workspace, (size_t)b->height * phases * m.stride);
    if (depth || gain_is_corrected(b))
        for (int c = 0; c < 3; c++) m.gain[c] = take_plane(&m, workspace);
    if (gain_is_corrected(b)) m.most_detail = take_plane(&m, workspace);
    if (depth) {
        Plane *planes[] = {&m.fine,    &m.coarse,  &m.variance,  &m.chessboard,
                           &m.dark[0], &m.dark[1], &m.local_mean};
        for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) *planes[i] = take_plane(&m, workspace);
        for (int i = 0; i < 4 && reads_mul_sharpness(b); i++) m.boards[i] = take_plane(&m, workspace);
        /* The first layer's output, made up to whole tiles, and what the next layer reads beyond. */
        m.tall = (b->height + 2 * (depth + BICUBIC_REACH - 1) + STEP - 1) / STEP * STEP + 2;
        m.side = (b->width + 2 * (depth + BICUBIC_REACH - 1) + STEP - 1) / STEP * STEP + 2;
        int space = 0, most = 0;
        for (int layer = 0; layer < depth; layer++) {
            int floats = (int)convolve_space(b->channels[layer], b->channels[layer + 1]);
            if (floats > space) space = floats;
            if (layer && padded(b->channels[layer]) > most) most = padded(b->channels[layer]);
        }
        m.input = take_image(&m, workspace, SIDE, padded(b->channels[0]));
        m.hidden = take_image(&m, workspace, m.tall, most);
        m.output = take_image(&m, workspace, OUTPUT_ROWS, padded(b->channels[depth]));
        m.convolution = take(&m, workspace, space);
    }
    int rows = 64 + 10 * phases + (depth ? padded(b->channels[0]) : 0);
    m.work = take(&m, workspace, (size_t)rows * m.stride);
    if (filled) {
        m.known = (uint8_t *)take(&m, workspace, ((size_t)m.height * m.width + 3) / 4);
        m.queue = (int *)take(&m, workspace, (size_t)2 * m.height * m.width);
    }
    return m;
}

#endif
