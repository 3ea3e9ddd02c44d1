/* The block for AVX-512. */
#if defined(__x86_64__) || defined(_M_X64)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512")
#endif
#define LANES 16
#include "sharpen.h"

int64_t sharpen_avx512(const Block *block, float *workspace)
{
    return sharpen(block, workspace);
}

size_t workspace_avx512(const Block *block)
{
    return space(block);
}
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
