#pragma once
// The compiler's vector instructions, and how a file says for which of them it is compiled: all functions between
// FLAMBEAU_BEGIN_TARGET("avx2,fma") and FLAMBEAU_END_TARGET.

#if defined(__x86_64__)
// The compiler's own header leaves lanes undefined on purpose.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#define FLAMBEAU_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define FLAMBEAU_BEGIN_TARGET(set) \
  FLAMBEAU_PRAGMA(clang attribute push(__attribute__((target(set))), apply_to = function))
#define FLAMBEAU_END_TARGET FLAMBEAU_PRAGMA(clang attribute pop)
#else
#define FLAMBEAU_BEGIN_TARGET(set)  \
  FLAMBEAU_PRAGMA(GCC push_options) \
  FLAMBEAU_PRAGMA(GCC target(set))
#define FLAMBEAU_END_TARGET FLAMBEAU_PRAGMA(GCC pop_options)
#endif
#endif
