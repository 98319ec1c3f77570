#pragma once
// Filling memory from a generator; large ranges are filled by two threads, with the same result.

#include <span>

#include <flambeau/init.h>

namespace flambeau::nn::random {

/// torch's uniform_(from, to) for float32.
void fill_uniform(Generator& generator, std::span<float> out, double from, double to);
/// torch's normal_(mean, std) for contiguous float32.
void fill_normal(Generator& generator, std::span<float> out, double mean, double std);

}  // namespace flambeau::nn::random
