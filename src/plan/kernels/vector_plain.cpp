// The vector routines for any machine.
#include "plan/kernels/simd.h"
#include "plan/kernels/vector.h"

#define FLAMBEAU_SIMD PlainSimd
#define FLAMBEAU_TABLE plain_kernels
#include "plan/kernels/vector_bodies.inc"
