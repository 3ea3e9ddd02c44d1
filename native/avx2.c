/* The block for AVX2. */
#if defined(__x86_64__) || defined(_M_X64)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define LANES 8
#include "bands.h"

const InstructionSet avx2 = {"avx2", LANES, space, sharpen, bands_space, sharpen_bands};

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
