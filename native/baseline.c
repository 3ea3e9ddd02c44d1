/* The block for the instructions that every processor of its kind has. */
#define LANES 4
#include "bands.h"

int64_t sharpen_baseline(const Block *block, float *workspace)
{
    return sharpen(block, workspace);
}

size_t workspace_baseline(const Block *block)
{
    return space(block);
}

int64_t sharpen_bands_baseline(const BandBlock *bands, float *workspace)
{
    return sharpen_bands(bands, workspace);
}

size_t bands_workspace_baseline(const BandBlock *bands)
{
    return bands_space(bands);
}
