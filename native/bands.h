/* All bands of a block, sharp: counts and masks in, counts out (`model/bands.py`).
 *
 * Planes are read and filled as for a picture. Statistics of windows are sums that run down the plane, in
 * double so that they do not depend on where the block begins, while rows of cells pass. */
#ifndef BANDS_H
#define BANDS_H

#include "block.h"
#include "cells.h"
#include "context.h"
#include "layout.h"
#include "picture.h"
#include "sharpen.h"

/* Where the planes of a block lie. The result begins at row and column `margin` of each. */
typedef struct {
    Layout base;
    Plane known; /* 1 where a cell was measured, 0 where it was filled */
    Plane soft;  /* pan under the Gaussian, less its cell means */
    Plane sum;   /* of mul's bands, each times its share in pan */
    Plane seen;  /* pan as mul sees it */
    Plane softness;
    Plane local; /* means of it */
    Plane level[MOST_BANDS], extra[MOST_BANDS];
    float *ring, *work;
    double *sums;
} BandPlanes;

static BandPlanes lay_out_bands(const BandBlock *bands, float *workspace)
{
    const Block *b = &bands->block;
    BandPlanes p = {0};
    Layout *m = &p.base;
    int filled = b->pan_valid || b->mul_valid, slopes = 2 * b->bands + 2;
    m->halo_valid = BANDS_HALO_VALID;
    m->halo = BANDS_HALO;
    m->margin = filled ? b->given : m->halo;
    m->height = b->height + 2 * m->margin;
    m->width = b->width + 2 * m->margin;
    m->stride = (m->width + SLACK - 1) / SLACK * SLACK + SLACK;
    m->mean = take_plane(m, workspace);
    for (int band = 0; band < b->bands; band++) {
        m->bands[band] = take_plane(m, workspace);
        p.level[band] = take_plane(m, workspace);
        p.extra[band] = take_plane(m, workspace);
    }
    Plane *planes[] = {&p.known, &p.soft, &p.sum, &p.seen, &p.softness, &p.local};
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) *planes[i] = take_plane(m, workspace);
    int softness_rows = 6 * (2 * SOFTNESS_WINDOW + 1), slope_rows = slopes * (2 * SLOPE_WINDOW + 1);
    int rows = softness_rows > slope_rows ? softness_rows : slope_rows, channels = slopes > 6 ? slopes : 6;
    p.ring = take(m, workspace, (size_t)rows * m->stride);
    p.sums = (double *)take(m, workspace, (size_t)2 * channels * m->stride);
    m->work = take(m, workspace, (size_t)(8 + MOST_BANDS + (6 + MOST_BANDS) * MOST_RATIO) * m->stride);
    p.work = m->work;
    if (filled) {
        m->known = (uint8_t *)take(m, workspace, ((size_t)m->height * m->width + 3) / 4);
        m->queue = (int *)take(m, workspace, (size_t)2 * m->height * m->width);
    }
    return p;
}

/* Sums of a square window over some channels, whose rows come one by one. */
typedef struct {
    float *ring; /* the rows in the window */
    double *sums;
    int window, channels, rows; /* rows: that have come */
    ptrdiff_t step;
} Window;

static Window open_window(const BandPlanes *p, int reach, int channels)
{
    Window w = {p->ring, p->sums, 2 * reach + 1, channels, 0, p->base.stride};
    memset(w.sums, 0, (size_t)channels * w.step * sizeof *w.sums);
    return w;
}

/* Room for the channels of the next row, `step` floats apart; the oldest row leaves the window. */
static float *next_row(Window *w)
{
    ptrdiff_t count = w->channels * w->step;
    float *restrict row = w->ring + w->rows % w->window * count;
    if (w->rows++ >= w->window)
        for (ptrdiff_t x = 0; x < count; x++) w->sums[x] -= row[x];
    return row;
}

static void add_row(const Window *w, const float *restrict row)
{
    ptrdiff_t count = w->channels * w->step;
    for (ptrdiff_t x = 0; x < count; x++) w->sums[x] += row[x];
}

static void add_shifted(const float *restrict from, int by, int width, float *restrict to)
{
    for (int x = 0; x < width; x++) to[x] = from[x] + from[x + by];
}

/* Sums of a channel for a row of cells; each sum is made of sums of 2, 4, 8 … columns. work: 3 rows. */
static void window_sums(const Window *w, int channel, int width, float *restrict work, float *restrict to)
{
    int whole = width + w->window - 1;
    const double *restrict sums = w->sums + channel * w->step;
    float *columns = work, *from = work, *spare[2] = {work + w->step, work + 2 * w->step};
    for (int x = 0; x < whole; x++) columns[x] = (float)sums[x];
    for (int step = 1, turn = 0; step < w->window - 1; step *= 2, turn ^= 1) {
        add_shifted(from, step, whole - 2 * step + 1, spare[turn]);
        from = spare[turn];
    }
    const float *restrict all = from, *restrict last = columns + w->window - 1;
    for (int x = 0; x < width; x++) to[x] = all[x] + last[x];
}

/* The cells of the result and `reach` cells around it: where its rows begin and end, and how wide it is. */
typedef struct {
    int first, end, width;
} Span;

static Span span(const BandBlock *bands, const BandPlanes *p, int reach)
{
    int first = p->base.margin - reach;
    return (Span){first, first + bands->block.height + 2 * reach, bands->block.width + 2 * reach};
}

/* Which cells were measured: mul is valid, and any pixel of pan. */
static void find_known(const BandBlock *bands, BandPlanes *p)
{
    const Block *b = &bands->block;
    int skip = b->given - p->base.margin, ratio = b->ratio, width = p->base.width;
    for (int y = 0; y < p->base.height; y++) {
        float *restrict known = row_of(p->known, y);
        for (int x = 0; x < width; x++) known[x] = b->pan_valid ? 0 : 1;
        for (int i = 0; i < ratio && b->pan_valid; i++) {
            const uint8_t *pan =
                b->pan_valid + ((ptrdiff_t)(y + skip) * ratio + i) * b->pan_valid_stride + skip * ratio;
            for (int x = 0; x < width; x++)
                for (int j = 0; j < ratio; j++)
                    if (pan[x * ratio + j]) known[x] = 1;
        }
        const uint8_t *mul = b->mul_valid ? b->mul_valid + (y + skip) * b->mul_valid_stride + skip : NULL;
        for (int x = 0; x < width && mul; x++)
            if (!mul[x]) known[x] = 0;
    }
}

/* Reflectance of a row of pan pixels, sorted by phase; an invalid pixel has the mean of its cell.
 *
 * row, column: of the first cell in the planes; line: the row of pixels in it. work: MOST_RATIO rows. */
static void read_pan_row(const BandBlock *bands, const BandPlanes *p, int row, int line, int column,
                         int width, float *restrict to, float *restrict work)
{
    const Block *b = &bands->block;
    int skip = b->given - p->base.margin, ratio = b->ratio;
    ptrdiff_t step = p->base.stride, y = (ptrdiff_t)(row + skip) * ratio + line, x = (column + skip) * ratio;
    float scale = b->facts->reflectance_of_count;
    split_counts(b->pan + y * b->pan_stride + x, width, ratio, to, step);
    for (int phase = 0; phase < ratio; phase++)
        for (int i = 0; i < width; i++) to[phase * step + i] *= scale;
    if (!b->pan_valid) return;
    split_mask(b->pan_valid + y * b->pan_valid_stride + x, width, ratio, work, step);
    const float *restrict mean = row_of(p->base.mean, row) + column;
    for (int phase = 0; phase < ratio; phase++)
        for (int i = 0; i < width; i++)
            if (work[phase * step + i] == 0) to[phase * step + i] = mean[i];
}

/* Pan under the Gaussian, less its cell means. */
static void soften(const BandBlock *bands, BandPlanes *p)
{
    int ratio = bands->block.ratio;
    Span out = span(bands, p, BANDS_HALO - SOFT_REACH), in = span(bands, p, BANDS_HALO);
    ptrdiff_t step = p->base.stride;
    float *fine = p->work, *across = fine + MOST_RATIO * step, *work = across + step;
    const float *taps = bands->facts->soft_taps;
    for (int y = out.first; y < out.end; y++) {
        const float *restrict mean = row_of(p->base.mean, y) + out.first;
        float *restrict to = row_of(p->soft, y) + out.first;
        for (int x = 0; x < out.width; x++) to[x] = -mean[x];
    }
    for (int y = in.first; y < in.end; y++)
        for (int line = 0; line < ratio; line++) {
            read_pan_row(bands, p, y, line, in.first, in.width, fine, work);
            float *restrict sum = across;
            for (int x = 0; x < out.width; x++) sum[x] = 0;
            for (int phase = 0; phase < ratio; phase++) {
                const float *restrict from = fine + phase * step;
                float t[TAPS];
                for (int k = 0; k < TAPS; k++) t[k] = taps[k * ratio + phase];
                for (int x = 0; x < out.width; x++)
                    sum[x] += t[0] * from[x] + t[1] * from[x + 1] + t[2] * from[x + 2] + t[3] * from[x + 3] +
                              t[4] * from[x + 4];
            }
            for (int k = 0; k < TAPS; k++) {
                int row = y + SOFT_REACH - k;
                if (row < out.first || row >= out.end) continue;
                float *restrict to = row_of(p->soft, row) + out.first, tap = taps[k * ratio + line];
                for (int x = 0; x < out.width; x++) to[x] += tap * sum[x];
            }
        }
}

/* Mul's bands as pan sees them. */
static void add_bands(const BandBlock *bands, BandPlanes *p)
{
    Span all = span(bands, p, BANDS_HALO - SOFT_REACH);
    for (int y = all.first; y < all.end; y++) {
        float *restrict to = row_of(p->sum, y) + all.first;
        for (int x = 0; x < all.width; x++) to[x] = 0;
        for (int band = 0; band < bands->block.bands; band++) {
            const float *restrict from = row_of(p->base.bands[band], y) + all.first;
            float weight = bands->facts->pan_weights[band];
            for (int x = 0; x < all.width && weight != 0; x++) to[x] += weight * from[x];
        }
    }
}

/* Fine detail of a row: an image less its binomial means. work: width + 4 floats. */
static void detail_row(Plane image, int row, int column, int width, float *restrict work, float *restrict to)
{
    const float *restrict from = row_of(image, row) + column;
    binomial_mean(shifted(image, 0, column - BICUBIC_REACH), NULL, row - BICUBIC_REACH, width, work, to);
    for (int x = 0; x < width; x++) to[x] = from[x] - to[x];
}

/* Pan as mul sees it: `bands._softness`, and the mixture of means that it tells. */
static void see(const BandBlock *bands, BandPlanes *p)
{
    const BandFacts *f = bands->facts;
    Span in = span(bands, p, BANDS_HALO - SOFT_REACH - BICUBIC_REACH);
    Span out = span(bands, p, BANDS_HALO - SOFT_REACH - BICUBIC_REACH - SOFTNESS_WINDOW);
    Window w = open_window(p, SOFTNESS_WINDOW, 6);
    ptrdiff_t step = p->base.stride;
    float *work = p->work, *mean = work + 3 * step, *lost = mean + step, *sum = lost + step;
    for (int y = in.first; y < in.end; y++) {
        detail_row(p->base.mean, y, in.first, in.width, work, mean);
        detail_row(p->soft, y, in.first, in.width, work, lost);
        detail_row(p->sum, y, in.first, in.width, work, sum);
        const float *restrict known = row_of(p->known, y) + in.first;
        float *restrict row = next_row(&w);
        for (int x = 0; x < in.width; x++) {
            float a = mean[x] * known[x], b = lost[x] * known[x];
            row[x] = a * mean[x];
            row[step + x] = a * lost[x];
            row[2 * step + x] = b * lost[x];
            row[3 * step + x] = a * sum[x];
            row[4 * step + x] = b * sum[x];
            row[5 * step + x] = known[x];
        }
        add_row(&w, row);
        int centre = y - SOFTNESS_WINDOW;
        if (centre < out.first) continue;
        float *sums = sum + step;
        for (int i = 0; i < 6; i++) window_sums(&w, i, out.width, work, sums + i * step);
        const float *restrict from = row_of(p->base.mean, centre) + out.first;
        const float *restrict soft = row_of(p->soft, centre) + out.first;
        float *restrict to = row_of(p->seen, centre) + out.first;
        float *restrict softly = row_of(p->softness, centre) + out.first;
        for (int x = 0; x < out.width; x++) {
            float share = 1 / greatest(sums[5 * step + x], 1);
            float pp = sums[x] * share, pd = sums[step + x] * share, dd = sums[2 * step + x] * share,
                  py = sums[3 * step + x] * share, dy = sums[4 * step + x] * share;
            float ridge = f->softness_ridge * dd;
            float slope = (dd + ridge) * py - (pd - ridge) * dy, loss = (pp + ridge) * dy - (pd - ridge) * py;
            float softness = f->softness_gain * ((slope > 0 ? loss / slope : 1) - f->softness_start);
            softly[x] = softness = least(greatest(softness, 0), 1);
            to[x] = greatest(from[x] + softness * soft[x], bands->block.facts->least_mean);
        }
    }
}

/* A row of statistics of slopes: of each band the excess of its covariance with pan, and the variance that
 * shading leaves; the variance of pan; and which cells count. work: 6 rows. */
static void slope_statistics(const BandBlock *bands, BandPlanes *p, int y, Span in, float *row,
                             float *restrict work)
{
    int count = bands->block.bands;
    ptrdiff_t step = p->base.stride;
    float *mean = work + step, *variance = row + 2 * count * step;
    float *band = work + 2 * step, *product = work + 3 * step, *square = work + 4 * step;
    int up = y - BICUBIC_REACH, left = in.first - BICUBIC_REACH;
    Plane seen = shifted(p->seen, 0, left);
    const float *restrict known = row_of(p->known, y) + in.first;
    float *restrict local = row_of(p->local, y) + in.first;
    binomial_mean(seen, NULL, up, in.width, work, mean);
    binomial_mean(seen, &seen, up, in.width, work, variance);
    for (int x = 0; x < in.width; x++) {
        local[x] = mean[x];
        variance[x] = greatest(variance[x] - mean[x] * mean[x], 0);
    }
    for (int i = 0; i < count; i++) {
        Plane mul = shifted(p->base.bands[i], 0, left);
        float *restrict excess = row + 2 * i * step, *restrict rest = excess + step;
        binomial_mean(mul, NULL, up, in.width, work, band);
        binomial_mean(mul, &seen, up, in.width, work, product);
        binomial_mean(mul, &mul, up, in.width, work, square);
        for (int x = 0; x < in.width; x++) {
            float covariance = product[x] - band[x] * mean[x], slope = band[x] / mean[x];
            float more = covariance - slope * variance[x];
            excess[x] = more * known[x];
            rest[x] = (square[x] - band[x] * band[x] - slope * (covariance + more)) * known[x];
        }
    }
    for (int x = 0; x < in.width; x++) {
        variance[x] *= known[x];
        variance[step + x] = known[x];
    }
}

/* What each band takes of pan's detail beyond its shading: `bands._extra_slopes`. */
static void find_slopes(const BandBlock *bands, BandPlanes *p)
{
    int count = bands->block.bands;
    Span in = span(bands, p, BICUBIC_REACH + SLOPE_WINDOW), out = span(bands, p, BICUBIC_REACH);
    Window w = open_window(p, SLOPE_WINDOW, 2 * count + 2);
    ptrdiff_t step = p->base.stride;
    float *work = p->work, *excess = work + 5 * step, *rest = excess + step, *variance = rest + step,
          *known = variance + step, ridge = bands->block.facts->ridge;
    for (int y = in.first; y < in.end; y++) {
        float *row = next_row(&w);
        slope_statistics(bands, p, y, in, row, work);
        add_row(&w, row);
        int centre = y - SLOPE_WINDOW;
        if (centre < out.first) continue;
        window_sums(&w, 2 * count, out.width, work, variance);
        window_sums(&w, 2 * count + 1, out.width, work, known);
        for (int x = 0; x < out.width; x++) known[x] = 1 / greatest(known[x], 1);
        const float *restrict local = row_of(p->local, centre) + out.first;
        for (int band = 0; band < count; band++) {
            window_sums(&w, 2 * band, out.width, work, excess);
            window_sums(&w, 2 * band + 1, out.width, work, rest);
            float *restrict to = row_of(p->extra[band], centre) + out.first;
            for (int x = 0; x < out.width; x++) {
                float spread = variance[x] * known[x];
                float extra = excess[x] * known[x] / (spread + ridge * local[x] * local[x]);
                float explained = extra * extra * spread;
                to[x] = extra * (explained / greatest(greatest(rest[x] * known[x], explained), 1e-12f));
            }
        }
    }
}

/* Weights of cells in the cell means of their bicubic enlargement. */
static void find_mean_taps(const Block *b, float *taps)
{
    for (int k = 0; k < TAPS; k++) {
        taps[k] = 0;
        for (int phase = 0; phase < b->ratio; phase++)
            taps[k] += b->facts->phases[phase][k] / (float)b->ratio;
    }
}

/* Weighted means of the cells around a row of a plane. from: its first cell is 2 to the left, its first row
 * 2 above. work: width + 4 floats. */
static void weigh(const float *w, Plane from, int row, int width, float *restrict work, float *restrict to)
{
    const float *restrict rows[TAPS];
    for (int k = 0; k < TAPS; k++) rows[k] = row_of(from, row + k);
    for (int x = 0; x < width + 4; x++)
        work[x] =
            w[0] * rows[0][x] + w[1] * rows[1][x] + w[2] * rows[2][x] + w[3] * rows[3][x] + w[4] * rows[4][x];
    for (int x = 0; x < width; x++)
        to[x] = w[0] * work[x] + w[1] * work[x + 1] + w[2] * work[x + 2] + w[3] * work[x + 3] +
                w[4] * work[x + 4];
}

/* Sums over the bands of a row of cells, each times its share in pan. */
typedef struct {
    float *change, *extra, *flat; /* flat: cell means of the enlargement */
} Bright;

/* Change the brightness of a row towards what mul would see as its own.
 *
 * missed: pan less cell means of its enlargement. work: width + 4 floats; soft: two rows. */
static void match_brightness(const BandBlock *bands, BandPlanes *p, int y, Span out, const Bright *bright,
                             const float *restrict missed, float *work, float *soft)
{
    ptrdiff_t step = p->base.stride;
    int left = out.first - BICUBIC_REACH, up = y - BICUBIC_REACH;
    const float *restrict mean = row_of(p->base.mean, y) + out.first;
    const float *restrict seen = row_of(p->seen, y) + out.first;
    const float *restrict light = row_of(p->sum, y) + out.first;
    const float *restrict softness = row_of(p->softness, y) + out.first;
    const float *restrict change = bright->change, *restrict extra = bright->extra,
                          *restrict flat = bright->flat;
    float share = 1 - bands->facts->cell_share, low = bands->block.facts->least_mean;
    float *restrict factor = soft, *restrict light_soft = soft + step;
    weigh(bands->facts->enlarged_taps, shifted(p->seen, 0, left), up, out.width, work, factor);
    weigh(bands->facts->enlarged_taps, shifted(p->sum, 0, left), up, out.width, work, light_soft);
    for (int x = 0; x < out.width; x++) {
        float pan_flat = mean[x] - missed[x];
        float pan_seen = pan_flat + softness[x] * (factor[x] - pan_flat);
        float light_seen = flat[x] + softness[x] * (light_soft[x] - flat[x]);
        float wanted = light[x] - light_seen - (extra[x] + light[x] / seen[x]) * (seen[x] - pan_seen);
        factor[x] = share * (wanted - change[x]) / greatest(light[x], low);
    }
    for (int band = 0; band < bands->block.bands; band++) {
        const float *restrict mul = row_of(p->base.bands[band], y) + out.first;
        float *restrict to = row_of(p->level[band], y) + out.first;
        for (int x = 0; x < out.width; x++) to[x] += factor[x] * mul[x];
    }
}

/* What to enlarge in mul's place, so that cell means of the result are mul's: `bands._level`. */
static void find_levels(const BandBlock *bands, BandPlanes *p)
{
    const Block *b = &bands->block;
    Span out = span(bands, p, BICUBIC_REACH);
    ptrdiff_t step = p->base.stride;
    float *work = p->work, *missed = work + step, *enlarged = missed + step, *soft = enlarged + step;
    Bright bright = {soft + 2 * step, soft + 3 * step, soft + 4 * step};
    float *restrict change_sum = bright.change, *restrict extra_sum = bright.extra,
                    *restrict flat_sum = bright.flat, taps[TAPS];
    int left = out.first - BICUBIC_REACH;
    find_mean_taps(b, taps);
    for (int y = out.first; y < out.end; y++) {
        const float *restrict mean = row_of(p->base.mean, y) + out.first;
        const float *restrict seen = row_of(p->seen, y) + out.first;
        weigh(taps, shifted(p->seen, 0, left), y - BICUBIC_REACH, out.width, work, missed);
        for (int x = 0; x < out.width; x++) {
            missed[x] = mean[x] - missed[x];
            change_sum[x] = extra_sum[x] = flat_sum[x] = 0;
        }
        for (int band = 0; band < b->bands; band++) {
            const float *restrict mul = row_of(p->base.bands[band], y) + out.first;
            const float *restrict extra = row_of(p->extra[band], y) + out.first;
            float *restrict to = row_of(p->level[band], y) + out.first;
            float weight = bands->facts->pan_weights[band];
            weigh(taps, shifted(p->base.bands[band], 0, left), y - BICUBIC_REACH, out.width, work, enlarged);
            for (int x = 0; x < out.width; x++) {
                float change = mul[x] - enlarged[x] - (extra[x] + mul[x] / seen[x]) * missed[x];
                to[x] = mul[x] + change;
                change_sum[x] += weight * change;
                extra_sum[x] += weight * extra[x];
                flat_sum[x] += weight * enlarged[x];
            }
        }
        match_brightness(bands, p, y, out, &bright, missed, work, soft);
    }
}

/* The least that the enlargement of a plane may be, for a row of cells of the result.
 *
 * from: its first cell is 2 to the left, its first row 2 above. work: width + 4 floats. */
static void least_enlarged(const Facts *f, Plane from, int row, int width, float *restrict work,
                           float *restrict to)
{
    for (int x = 0; x < width + 4; x++) work[x] = row_of(from, row)[x];
    for (int k = 1; k < TAPS; k++) {
        const float *restrict next = row_of(from, row + k);
        for (int x = 0; x < width + 4; x++) work[x] = least(work[x], next[x]);
    }
    for (int x = 0; x < width; x++) {
        float low = least(least(least(work[x], work[x + 1]), least(work[x + 2], work[x + 3])), work[x + 4]);
        to[x] = low * f->undershoot_limit;
    }
}

/* XYZ of a row of pixels of one phase, from Oklab. */
static void row_to_xyz(const BandBlock *bands, const float *oklab, int width, float *restrict x_row,
                       float *restrict y_row, float *restrict z_row)
{
    const float (*m)[3] = bands->block.facts->oklab_to_lms, (*n)[3] = bands->facts->lms_to_xyz;
    int ratio = bands->block.ratio;
    ptrdiff_t channel = bands->oklab_channel;
    for (int x = 0; x < width; x++) {
        const float *pixel = oklab + ratio * x;
        float lms[3];
        for (int i = 0; i < 3; i++) {
            float root = m[i][0] * pixel[0] + m[i][1] * pixel[channel] + m[i][2] * pixel[2 * channel];
            lms[i] = root * root * root;
        }
        x_row[x] = n[0][0] * lms[0] + n[0][1] * lms[1] + n[0][2] * lms[2];
        y_row[x] = n[1][0] * lms[0] + n[1][1] * lms[1] + n[1][2] * lms[2];
        z_row[x] = n[2][0] * lms[0] + n[2][1] * lms[1] + n[2][2] * lms[2];
    }
}

/* What a row of colours lacks of the chroma of another, by the share that is no noise. goal: becomes it. */
static void find_missing(float *restrict goal_x, float *restrict goal_y, float *restrict goal_z,
                         const float *restrict own_x, const float *restrict own_y,
                         const float *restrict own_z, int width, float noise, float low)
{
    for (int x = 0; x < width; x++) {
        float light = greatest(own_y[x], low), scale = light / greatest(goal_y[x], low);
        float a = goal_x[x] * scale - own_x[x], b = goal_y[x] * scale - own_y[x],
              c = goal_z[x] * scale - own_z[x], size = a * a + b * b + c * c;
        float half = noise * light, share = size / (size + half * half);
        goal_x[x] = share * a;
        goal_y[x] = share * b;
        goal_z[x] = share * c;
    }
}

/* Move visible bands of a row of pixels towards a chroma: `bands.towards_colour`. work: 6 rows. */
static void follow_colour(const BandBlock *bands, const float *oklab, float *fine, ptrdiff_t apart, int width,
                          ptrdiff_t step, float *work)
{
    const BandFacts *f = bands->facts;
    int ratio = bands->block.ratio, count = bands->block.bands;
    float *restrict goal[3] = {work, work + step, work + 2 * step};
    float *restrict own[3] = {work + 3 * step, work + 4 * step, work + 5 * step};
    float low = bands->block.facts->least_mean;
    for (int phase = 0; phase < ratio; phase++) {
        row_to_xyz(bands, oklab + phase, width, goal[0], goal[1], goal[2]);
        for (int i = 0; i < 3; i++)
            for (int x = 0; x < width; x++) own[i][x] = 0;
        for (int band = 0; band < count; band++) {
            float a = f->bands_to_xyz[0][band], b = f->bands_to_xyz[1][band], c = f->bands_to_xyz[2][band];
            if (a == 0 && b == 0 && c == 0) continue;
            const float *restrict value = fine + band * apart + phase * step;
            for (int x = 0; x < width; x++) {
                own[0][x] += a * value[x];
                own[1][x] += b * value[x];
                own[2][x] += c * value[x];
            }
        }
        find_missing(goal[0], goal[1], goal[2], own[0], own[1], own[2], width, f->chroma_noise, low);
        for (int band = 0; band < count; band++) {
            const float *to = f->xyz_to_bands[band];
            if (to[0] == 0 && to[1] == 0 && to[2] == 0) continue;
            float *restrict value = fine + band * apart + phase * step;
            for (int x = 0; x < width; x++)
                value[x] += to[0] * goal[0][x] + to[1] * goal[1][x] + to[2] * goal[2][x];
        }
    }
}

/* Write a row of pixels of a band as counts: 0 where they are invalid, at least 1 elsewhere.
 *
 * darkest: of cells; a pixel is at least as bright as that with its shading. */
static void write_counts(const BandBlock *bands, const float *restrict fine, const float *restrict darkest,
                         const float *restrict shading, const uint8_t *restrict valid, ptrdiff_t step,
                         uint16_t *restrict work, uint16_t *restrict to)
{
    int ratio = bands->block.ratio, width = bands->block.width;
    float scale = 1 / bands->block.facts->reflectance_of_count;
    for (int phase = 0; phase < ratio; phase++) {
        const float *restrict from = fine + phase * step, *restrict shade = shading + phase * step;
        const uint8_t *restrict keep = valid + phase * step;
        uint16_t *restrict counts = work + phase * step;
        for (int x = 0; x < width; x++) {
            float count = greatest(from[x], darkest[x] * shade[x]) * scale;
            int32_t rounded = (int32_t)(least(greatest(count, 1), UINT16_MAX) + 0.5f);
            counts[x] = (uint16_t)(rounded & -(int32_t)keep[x]);
        }
    }
    join_16(work, step, width, ratio, to);
}

/* Whether each band must be computed: it is chosen, or makes the colour of one that is. */
static void find_needed(const BandBlock *bands, uint8_t *needed)
{
    int coloured = 0;
    memset(needed, 0, MOST_BANDS);
    for (int i = 0; i < bands->count; i++) {
        const float *to = bands->facts->xyz_to_bands[bands->chosen[i]];
        coloured |= bands->oklab && (to[0] != 0 || to[1] != 0 || to[2] != 0);
        needed[bands->chosen[i]] = 1;
    }
    for (int band = 0; band < bands->block.bands && coloured; band++)
        for (int i = 0; i < 3; i++) needed[band] |= bands->facts->bands_to_xyz[i][band] != 0;
}

/* Pan's shading of a row of pixels, and its detail, by phases.
 *
 * pan: becomes the detail. coarse: `seen`, enlarged. least: that it may be, of cells. */
static void shade(const Block *b, const float *restrict coarse, const float *restrict least_coarse,
                  ptrdiff_t step, float *restrict pan, float *restrict shading)
{
    float limit = (float)(b->ratio * b->ratio);
    for (int phase = 0; phase < b->ratio; phase++)
        for (int x = 0; x < b->width; x++) {
            ptrdiff_t i = phase * step + x;
            float low = greatest(coarse[i], greatest(least_coarse[x], b->facts->least_mean));
            shading[i] = least(pan[i] / low, limit);
            pan[i] -= low;
        }
}

/* Enlarge a band for a row of pixels, and add pan's detail. gain: `ratio` rows. work: width + 4 floats. */
static void enlarge_band(const Block *b, Plane level, Plane extra, int row, int line,
                         const float *restrict detail, const float *restrict shading, ptrdiff_t step,
                         float *restrict to, float *restrict gain, float *work)
{
    enlarge(b, level, row, line, b->width, to, step, work);
    enlarge(b, extra, row, line, b->width, gain, step, work);
    for (int phase = 0; phase < b->ratio; phase++)
        for (int x = 0; x < b->width; x++) {
            ptrdiff_t i = phase * step + x;
            to[i] = to[i] * shading[i] + gain[i] * detail[i];
        }
}

/* Enlarge, add pan's detail, and write; returns how many pixels are valid. */
static int64_t write_bands(const BandBlock *bands, BandPlanes *p)
{
    const Block *b = &bands->block;
    int ratio = b->ratio, width = b->width, margin = p->base.margin, first = margin - BICUBIC_REACH;
    ptrdiff_t step = p->base.stride, line = ratio * step;
    float *work = p->work, *least_coarse = work + step, *colour = least_coarse + step;
    float *darkest = colour + 6 * step, *detail = darkest + MOST_BANDS * step, *coarse = detail + line;
    float *shading = coarse + line, *gain = shading + line, *fine = gain + line;
    uint8_t *valid = (uint8_t *)(fine + MOST_BANDS * line), needed[MOST_BANDS];
    int64_t count = 0;
    Plane seen = shifted(p->seen, first, first);
    find_needed(bands, needed);
    for (int y = 0; y < b->height; y++) {
        least_enlarged(b->facts, seen, y, width, work, least_coarse);
        for (int k = 0; k < bands->count; k++)
            least_enlarged(b->facts, shifted(p->base.bands[bands->chosen[k]], first, first), y, width, work,
                           darkest + k * step);
        for (int i = 0; i < ratio; i++) {
            ptrdiff_t row = (ptrdiff_t)y * ratio + i;
            read_pan_row(bands, p, y + margin, i, margin, width, detail, gain);
            enlarge(b, seen, y, i, width, coarse, step, work);
            shade(b, coarse, least_coarse, step, detail, shading);
            for (int phase = 0; phase < ratio; phase++)
                count += validity(b, y, i, phase, valid + phase * step);
            for (int band = 0; band < b->bands; band++)
                if (needed[band])
                    enlarge_band(b, shifted(p->level[band], first, first),
                                 shifted(p->extra[band], first, first), y, i, detail, shading, step,
                                 fine + band * line, gain, work);
            if (bands->oklab)
                follow_colour(bands, bands->oklab + row * bands->oklab_stride, fine, line, width, step,
                              colour);
            for (int k = 0; k < bands->count; k++)
                write_counts(bands, fine + bands->chosen[k] * line, darkest + k * step, shading, valid, step,
                             (uint16_t *)gain, bands->out + k * bands->out_band + row * bands->out_stride);
        }
    }
    return count;
}

/* Sharpen the bands of a block; returns the number of valid pixels. `out` isn't touched if there are
 * none. */
static int64_t sharpen_bands(const BandBlock *bands, float *workspace)
{
    if (!has_valid_pixels(&bands->block)) return 0;
    BandPlanes p = lay_out_bands(bands, workspace);
    find_known(bands, &p);
    read_planes(&bands->block, &p.base);
    soften(bands, &p);
    add_bands(bands, &p);
    see(bands, &p);
    find_slopes(bands, &p);
    find_levels(bands, &p);
    return write_bands(bands, &p);
}

/* Floats of the workspace. */
static size_t bands_space(const BandBlock *bands)
{
    return lay_out_bands(bands, NULL).base.floats;
}

#endif
