/* The block for AVX2. */
#if defined(__x86_64__) || defined(_M_X64)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define LANES 8
#include "bands.h"

int64_t sharpen_avx2(const Block *block, float *workspace)
{
    return sharpen(block, workspace);
}

size_t workspace_avx2(const Block *block)
{
    return space(block);
}

int64_t sharpen_bands_avx2(const BandBlock *bands, float *workspace)
{
    return sharpen_bands(bands, workspace);
}

size_t bands_workspace_avx2(const BandBlock *bands)
{
    return bands_space(bands);
}
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
