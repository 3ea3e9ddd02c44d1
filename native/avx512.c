/* The block for AVX-512. */
#if defined(__x86_64__) || defined(_M_X64)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512")
#endif
#define LANES 16
#include "bands.h"

int64_t sharpen_avx512(const Block *block, float *workspace)
{
    return sharpen(block, workspace);
}

size_t workspace_avx512(const Block *block)
{
    return space(block);
}

int64_t sharpen_bands_avx512(const BandBlock *bands, float *workspace)
{
    return sharpen_bands(bands, workspace);
}

size_t bands_workspace_avx512(const BandBlock *bands)
{
    return bands_space(bands);
}
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
