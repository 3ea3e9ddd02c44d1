/* From the network's output to Oklab, and from Oklab to codes (`core/color.py`, `core/render.py`). */
#ifndef PICTURE_H
#define PICTURE_H

#include "block.h"
#include "vector.h"

#define SRGB_TOE 0.0031308f

INLINE float srgb_encode(float linear)
{
    float curve = 1.055f * exp2_of(log2_of(greatest(linear, SRGB_TOE)) * (1 / 2.4f));
    return curve - (0.055f + 12.92f * SRGB_TOE) + 12.92f * least(linear, SRGB_TOE);
}

/* Graded linear sRGB, clipped to 0..1, of a row of Oklab; in place. */
static void oklab_to_rgb(const Facts *f, const Look *look, float *restrict l, float *restrict a,
                         float *restrict b, int width)
{
    const float (*m)[3] = f->oklab_to_lms, (*n)[3] = f->lms_to_rgb;
    const float *black = look->black, *gain = look->gain;
    for (int x = 0; x < width; x++) {
        float p = m[0][0] * l[x] + m[0][1] * a[x] + m[0][2] * b[x];
        float q = m[1][0] * l[x] + m[1][1] * a[x] + m[1][2] * b[x];
        float r = m[2][0] * l[x] + m[2][1] * a[x] + m[2][2] * b[x];
        p *= p * p, q *= q * q, r *= r * r;
        l[x] = least(greatest((n[0][0] * p + n[0][1] * q + n[0][2] * r - black[0]) * gain[0], 0), 1);
        a[x] = least(greatest((n[1][0] * p + n[1][1] * q + n[1][2] * r - black[1]) * gain[1], 0), 1);
        b[x] = least(greatest((n[2][0] * p + n[2][1] * q + n[2][2] * r - black[2]) * gain[2], 0), 1);
    }
}

/* The tone curve of a look, in place: `core.render.tone`. */
static void tone(const Facts *f, const Look *look, float *restrict red, float *restrict green,
                 float *restrict blue, int width)
{
    float contrast = look->contrast, exposure = look->exposure;
    float factor = 1 + power_of(exposure, -contrast);
    for (int x = 0; x < width; x++) {
        float r = red[x], g = green[x], b = blue[x];
        float luminance = greatest(r * f->luminance[0] + g * f->luminance[1] + b * f->luminance[2], 1e-6f);
        float toned = power_of(luminance * exposure, contrast), scaled = toned * factor;
        float gain = scaled / ((toned + 1) * luminance);
        /* The most saturation that keeps all channels below 1, and above 0; as one fraction of the two. */
        float above = greatest(scaled * (greatest(greatest(r, g), b) - luminance), 1e-12f);
        float below = greatest(luminance - least(least(r, g), b), 1e-12f);
        float most = luminance * least((1 + toned - scaled) * below, above) / (above * below);
        float saturation = least(most, look->saturation);
        red[x] = least(greatest(gain * (luminance + (r - luminance) * saturation), 0), 1);
        green[x] = least(greatest(gain * (luminance + (g - luminance) * saturation), 0), 1);
        blue[x] = least(greatest(gain * (luminance + (b - luminance) * saturation), 0), 1);
    }
}

/* From linear light, 0..1, to the sRGB signal in codes, of which the fraction is to be cut off: after a
 * threshold is added. In place. */
static void encode(float white, const float *restrict threshold, float *restrict light, int width)
{
    for (int x = 0; x < width; x++) light[x] = least(srgb_encode(light[x]) * white + threshold[x], white);
}

/* Thresholds of a row of pixels of one phase: `core.render.dither`, or 0.5. */
static void thresholds(const Look *look, int row, int phase, int ratio, int width, float *restrict to)
{
    if (!look->row_dither) {
        for (int x = 0; x < width; x++) to[x] = 0.5f;
        return;
    }
    float down = look->row_dither[row];
    for (int x = 0; x < width; x++) {
        float place = down + look->column_dither[ratio * x + phase];
        place -= place >= 1 ? 1 : 0;
        float folded = 2 * place - 1;
        to[x] = 1 - __builtin_fabsf(folded);
    }
}

/* Codes of a row of pixels: red, green, blue and alpha, each in a row of its own, 0 where they are invalid.
 */
#define CUT(NAME, CODE)                                                                                  \
    static void NAME(const float *restrict red, const float *restrict green, const float *restrict blue, \
                     const uint8_t *restrict valid, int width, CODE *restrict to, ptrdiff_t channel)     \
    {                                                                                                    \
        for (int x = 0; x < width; x++) {                                                                \
            CODE keep = valid[x] ? (CODE) - 1 : 0;                                                       \
            to[x] = (CODE)(int32_t)red[x] & keep;                                                        \
            to[channel + x] = (CODE)(int32_t)green[x] & keep;                                            \
            to[2 * channel + x] = (CODE)(int32_t)blue[x] & keep;                                         \
            to[3 * channel + x] = keep;                                                                  \
        }                                                                                                \
    }
CUT(cut_8, uint8_t)
CUT(cut_16, uint16_t)

/* Put rows of pixels, one of each phase, into a row of the picture: the inverse of `split_counts`. */
#define JOIN(NAME, CODE)                                                                                 \
    INLINE void NAME(const CODE *restrict from, ptrdiff_t step, int width, int ratio, CODE *restrict to) \
    {                                                                                                    \
        if (ratio == 4) {                                                                                \
            const CODE *restrict a = from, *restrict b = a + step, *restrict c = b + step,               \
                                 *restrict d = c + step;                                                 \
            for (int x = 0; x < width; x++) {                                                            \
                to[4 * x] = a[x];                                                                        \
                to[4 * x + 1] = b[x];                                                                    \
                to[4 * x + 2] = c[x];                                                                    \
                to[4 * x + 3] = d[x];                                                                    \
            }                                                                                            \
        } else                                                                                           \
            for (int phase = 0; phase < ratio; phase++)                                                  \
                for (int x = 0; x < width; x++) to[ratio * x + phase] = from[phase * step + x];          \
    }
JOIN(join_8, uint8_t)
JOIN(join_16, uint16_t)

/* Put the codes of a row of pixels, (4, phases, step), into the picture. */
static void put_row(const Block *b, const void *codes, ptrdiff_t step, int row)
{
    for (int c = 0; c < 4; c++) {
        ptrdiff_t from = c * b->ratio * step, to = c * b->out_channel + row * b->out_stride;
        if (b->look.bits == 8)
            join_8((const uint8_t *)codes + from, step, b->width, b->ratio, (uint8_t *)b->out + to);
        else
            join_16((const uint16_t *)codes + from, step, b->width, b->ratio, (uint16_t *)b->out + to);
    }
}

/* Render pixels of one phase: Oklab, in three rows that are changed, as codes or, with 0 bits, as it is.
 *
 * work: a row. to: (4, phases, step) codes; for Oklab the picture itself, at the first pixel of its row. */
static void render_row(const Block *b, float *oklab, ptrdiff_t step, const uint8_t *valid, int row, int phase,
                       float *work, void *to)
{
    const Look *look = &b->look;
    int width = b->width;
    float *first = oklab, *second = oklab + step, *third = oklab + 2 * step;
    if (!look->bits) {
        float *restrict pixel = (float *)to + phase;
        ptrdiff_t channel = b->out_channel;
        for (int x = 0; x < width; x++, pixel += b->ratio) {
            float keep = valid[x];
            pixel[0] = first[x] * keep, pixel[channel] = second[x] * keep;
            pixel[2 * channel] = third[x] * keep, pixel[3 * channel] = keep;
        }
        return;
    }
    oklab_to_rgb(b->facts, look, first, second, third, width);
    if (look->has_tone_curve) tone(b->facts, look, first, second, third, width);
    thresholds(look, row, phase, b->ratio, width, work);
    for (int c = 0; c < 3; c++) encode(look->white, work, oklab + c * step, width);
    ptrdiff_t channel = b->ratio * step;
    if (look->bits == 8)
        cut_8(first, second, third, valid, width, (uint8_t *)to + phase * step, channel);
    else
        cut_16(first, second, third, valid, width, (uint16_t *)to + phase * step, channel);
}

#endif
