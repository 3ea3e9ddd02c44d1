/* A block: what the caller gives.
 *
 * `sharpen.h` takes it through all stages: `cells.h` (counts to roots and Oklab, holes filled),
 * `context.h` and `input.h` (the input of the network), `convolve.h` (the network) and `picture.h`
 * (Oklab to codes), in a workspace that `layout.h` divides. They compute what `model/network.py` and
 * `core/render.py` define; tests compare the two.
 *
 * All images are in cells, the ground of one mul pixel: a plane holds one value for each cell, and a
 * pan pixel is named by its cell and its phase, its place in the cell. Loops run over the cells of
 * a row, so that neighbours in memory take the same path, whatever the ratio.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <stddef.h>
#include <stdint.h>

#define BICUBIC_REACH 2
#define WIDE_REACH 16
#define TAPS (2 * BICUBIC_REACH + 1)
#define MOST_RATIO 6
#define MOST_PHASES (MOST_RATIO * MOST_RATIO)
#define MOST_BANDS 16
#define LEAST_INPUTS 14 /* of the network, beside the pixels of a cell and the bands */

/* Constants of the model and of colour, as `model/native.py` lists them: float32 without gaps. */
typedef struct {
    float reflectance_of_count;
    float ratio_limit;      /* of the cube roots of a pan pixel and its cell mean */
    float undershoot_limit; /* of the enlarged cell mean */
    float least_mean;
    float least_root;
    float ridge;
    float gain_limit; /* of the detail to which `regression_gain` applies, in deviations; 0: none */
    float soft_pan;
    float sharp_pan;
    float sharpness_limit;
    float least_slope; /* of mul on pan */
    float input_scale;
    float bands_to_lms[3][MOST_BANDS];
    float lms_to_oklab[3][3];
    float oklab_to_lms[3][3];
    float lms_to_rgb[3][3];
    float luminance[3];
    float phases[MOST_RATIO][TAPS]; /* bicubic weights of the cells around a pan pixel */
} Facts;

typedef struct {
    int bits; /* 8 or 16; 0 stands for Oklab itself, as float */
    int has_tone_curve;
    float white, exposure, contrast, saturation;
    float black[3], gain[3];                 /* of the grade, in linear sRGB */
    const float *row_dither, *column_dither; /* a phase of each row and column; NULL rounds */
} Look;

typedef struct {
    const Facts *facts;
    Look look;
    int ratio, bands, depth;
    int height, width;           /* cells of the result */
    int given;                   /* cells that the images have around it, on every side */
    const int *channels;         /* of the network's input and of each layer's output: depth + 1 */
    const float *const *kernels; /* of each layer, from `pack_kernel` */
    const uint16_t *pan;  /* NULL: there is no pan, and mul's colour is rendered at its own scale, ratio 1 */
    ptrdiff_t pan_stride; /* strides count elements */
    const uint16_t *mul;
    ptrdiff_t mul_stride, mul_band;
    const uint8_t *pan_valid, *mul_valid; /* NULL: all pixels are valid */
    ptrdiff_t pan_valid_stride, mul_valid_stride;
    void *out; /* (4, ratio * height, ratio * width), rows without gaps */
    ptrdiff_t out_stride, out_channel;
} Block;

/* Whether the predictor corrects its gain: pan sees near infrared, and there is no network. */
static inline int gain_is_corrected(const Block *b)
{
    return !b->depth && b->facts->gain_limit > 0;
}

/* Whether the network reads mul's sharpness, the last of its inputs. */
static inline int reads_mul_sharpness(const Block *b)
{
    return b->depth && b->channels[0] > b->ratio * b->ratio + b->bands + LEAST_INPUTS;
}

/* Cells around the result that must be known or filled, and that are read: `model.model.halos`. */
static inline int valid_halo(const Block *b)
{
    return b->depth || gain_is_corrected(b) ? 2 * BICUBIC_REACH + b->depth : BICUBIC_REACH;
}

static inline int whole_halo(const Block *b)
{
    return b->depth ? valid_halo(b) - BICUBIC_REACH + WIDE_REACH : valid_halo(b);
}

/* For all bands (`bands.h`). */
#define SOFT_REACH 2
#define SOFTNESS_WINDOW 16
#define SLOPE_WINDOW 8

/* Cells around the result that must be known or filled, and that are read: `model.model.BAND_HALOS`. */
#define BANDS_HALO_VALID (2 * BICUBIC_REACH + SOFT_REACH)
#define BANDS_HALO (3 * BICUBIC_REACH + SLOPE_WINDOW + SOFTNESS_WINDOW + SOFT_REACH)

_Static_assert(SOFT_REACH == BICUBIC_REACH, "the Gaussian has as many cells as the enlargement");

/* Constants of `model.bands`, as `model/native.py` lists them: float32 without gaps. */
typedef struct {
    float softness_ridge, softness_start, softness_gain, cell_share, chroma_noise;
    float enlarged_taps[TAPS];          /* of what the Gaussian sees of enlarged cells: those around a cell */
    float soft_taps[TAPS * MOST_RATIO]; /* of the Gaussian: pan pixels along the cells around a cell */
    float pan_weights[MOST_BANDS];
    float lms_to_xyz[3][3];
    float bands_to_xyz[3][MOST_BANDS];
    float xyz_to_bands[MOST_BANDS][3]; /* change of the bands for one of X, Y and Z */
} BandFacts;

typedef struct {
    Block block; /* without a look, a network and a picture */
    const BandFacts *facts;
    const float *oklab; /* (4, ratio * height, ratio * width): the colour of the result; NULL for none */
    ptrdiff_t oklab_stride, oklab_channel;
    int count;         /* bands of the result */
    const int *chosen; /* their numbers among mul's */
    uint16_t *out;     /* (count, ratio * height, ratio * width) */
    ptrdiff_t out_stride, out_band;
} BandBlock;

/* What the file of an instruction set compiles for it. Workspaces are floats that the caller provides. */
typedef struct {
    const char *name;
    int lanes; /* floats in a register */
    size_t (*workspace)(const Block *);
    int64_t (*sharpen)(const Block *, float *);
    size_t (*bands_workspace)(const BandBlock *);
    int64_t (*sharpen_bands)(const BandBlock *, float *);
} InstructionSet;

extern const InstructionSet baseline, avx2, avx512;

#endif
