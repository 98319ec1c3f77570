#pragma once
// All implementations that the table of kernels names.

#include "plan/kernel.h"

namespace flambeau::plan {

/// Of oneDNN, "2.6.3": weights packed for one are no use to another.
std::string library_version();

/// Plain loops; takes everything but input and constant.
std::optional<Choice> reference_implementation(const Request& request);

/// What PlanOptions::own offers for operations on floats; ours apply the posts.
std::optional<Choice> own_implementation(const Request& request);

// Our own vector kernels.
/// Products of at most two rows with weights as they lie in the file; convolutions of single pixels are such.
std::optional<Choice> gemv_implementation(const Request& request);
/// Products of many rows: with packed weights in steady effort (with AVX-512 those of large operands), else with
/// weights as they lie in the file.
std::optional<Choice> linear_implementation(const Request& request);
/// 1×1 convolutions of images whose channels lie last, with weights as they lie in the file, in one-shot effort.
std::optional<Choice> pointwise_implementation(const Request& request);
/// Products of bfloat16 numbers on AMX tiles, of many rows, in steady effort.
std::optional<Choice> tile_product_implementation(const Request& request);
/// Depthwise convolutions of images that lie as bfloat16.
std::optional<Choice> depthwise_implementation(const Request& request);
/// True for 3×3 convolutions of stride 1, which Winograd's transforms can compute.
bool may_be_winograd(const Program& program, const Operation& operation);
/// True for networks whose convolutions gain more by Winograd in float than by bfloat16 products on this machine.
bool winograd_outdoes_bfloat16(const Program& program, const PlanOptions& options);
/// Those with enough channels, and for a single run (oneshot) with many tiles.
std::optional<Choice> winograd_implementation(const Request& request);
std::optional<Choice> matmul_implementation(const Request& request);
std::optional<Choice> attention_implementation(const Request& request);
std::optional<Choice> activation_implementation(const Request& request);
std::optional<Choice> binary_implementation(const Request& request);
/// Of images that lie as bfloat16: a factor for each channel, the mean of each channel.
std::optional<Choice> channel_scaling_implementation(const Request& request);
std::optional<Choice> channel_average_implementation(const Request& request);
std::optional<Choice> batch_norm_implementation(const Request& request);
/// layer_norm, rms_norm; softmax, log_softmax and l2_normalize along the last dimension.
std::optional<Choice> rows_implementation(const Request& request);
/// pad, roll.
std::optional<Choice> indexed_copy_implementation(const Request& request);

// oneDNN.
namespace onednn {
std::optional<Choice> conv(const Request& request);
/// oneDNN's own Winograd: 2.x on AVX-512 only.
std::optional<Choice> winograd(const Request& request);
std::optional<Choice> linear(const Request& request);
/// Convolutions and products of bfloat16 numbers, where the machine has such products (AVX512_BF16, AMX) and they pay.
/// What only such products read stays bfloat16 in memory.
std::optional<Choice> bfloat16(const Request& request);
/// The same of 8-bit integers.
std::optional<Choice> int8(const Request& request);
/// True if convolutions of that precision want activations channels last: the others then keep to it.
bool prefers_channels_last(Precision precision);
std::optional<Choice> pool(const Request& request);
std::optional<Choice> cat(const Request& request);
}  // namespace onednn

}  // namespace flambeau::plan
