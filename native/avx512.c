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

const InstructionSet avx512 = {"avx512", LANES, space, sharpen, bands_space, sharpen_bands};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
