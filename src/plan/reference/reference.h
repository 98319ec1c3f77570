#pragma once
// The oracle: every operation as plain loops over row-major float32 (sums in double), as torch defines it.

#include <flambeau/graph.h>

#include <cstdint>
#include <span>

#include "plan/array.h"

namespace flambeau::plan::reference {

struct Call {
  const graph::Attributes& attributes;
  std::span<const Array> inputs;
  Array output;
};

using Function = void (*)(const Call&);

/// Null for input and constant, which compute nothing. batch_norm in training writes to its inputs mean and variance.
Function function(graph::Op op) noexcept;

/// y of one element.
float activate(const graph::ActivationAttributes& attributes, float x) noexcept;

// The functions of the table, by file.
void conv(const Call&);
void conv_transpose(const Call&);
void linear(const Call&);
void matmul(const Call&);
void embedding(const Call&);
void attention(const Call&);

void batch_norm(const Call&);
void layer_norm(const Call&);
void group_norm(const Call&);
void local_response_norm(const Call&);
void rms_norm(const Call&);
void l2_normalize(const Call&);
void softmax(const Call&);
void log_softmax(const Call&);

void max_pool(const Call&);
void avg_pool(const Call&);
void adaptive_avg_pool(const Call&);
void adaptive_max_pool(const Call&);
void interpolate(const Call&);

void activation(const Call&);
void prelu(const Call&);
void add(const Call&);
void sub(const Call&);
void mul(const Call&);
void div(const Call&);
void mean(const Call&);

void cat(const Call&);
void reshape(const Call&);
void permute(const Call&);
void narrow(const Call&);
void pad(const Call&);
void roll(const Call&);

}  // namespace flambeau::plan::reference
