#pragma once
// The adapter to oneDNN 2.6 and 3.x: layouts to memory descriptors and back, posts to attributes, primitives to
// kernels.

#include <dnnl.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plan/kernels/kernels.h"
#include "plan/kernels/narrow.h"

namespace flambeau::plan::onednn {

const dnnl::engine& engine();

dnnl::memory::dims dims(const Shape& shape);
/// Any layout oneDNN likes.
dnnl::memory::desc any(const Shape& shape, dnnl::memory::data_type number = dnnl::memory::data_type::f32);
/// nullopt for blocked layouts that oneDNN has no tag for.
std::optional<dnnl::memory::desc> desc_of(const Layout& layout, const Shape& shape);
/// nullopt for layouts that ours cannot say (several inner blocks, padding elsewhere than in dimension 1).
std::optional<Layout> layout_of(const dnnl::memory::desc& desc, const Shape& shape);

/// What both versions of the API tell about a blocked descriptor.
struct Blocking {
  dnnl::memory::dims strides, padded;
  std::int64_t offset = 0;
  std::vector<std::int64_t> blocks, dims_of_blocks;
  bool bfloat16 = false;
};
/// nullopt for formats that are not blocked.
std::optional<Blocking> blocking_of(const dnnl::memory::desc& desc);

/// One eltwise operation of oneDNN per entry; empty if it has none for this activation.
struct Eltwise {
  dnnl::algorithm algorithm;
  float alpha = 0, beta = 0;
};
std::vector<Eltwise> eltwise(const graph::ActivationAttributes& activation);

/// User scratchpad and the operation's posts; `onto` receives the summand. nullopt if a post has no equivalent.
std::optional<dnnl::primitive_attr> attributes(const Operation& operation, ValueId& onto);
void append_eltwise(dnnl::post_ops& posts, const Eltwise& eltwise);

/// Where an argument of a primitive comes from.
struct Operand {
  enum class From : std::uint8_t { use, output, scratch, constant } from;
  int argument;
  dnnl::memory::desc desc;
  std::size_t index = 0;               ///< of a use; where it begins in the scratch, in bytes
  Tensor constant{};                   ///< keeps the memory alive
  const void* data = nullptr;          ///< of a constant
  std::function<void(float*)> make{};  ///< writes it to the scratch before each run
};

/// A convolution whose code is generated beside the making of the plan: it is there when the pool's finish() returns.
/// Throws dnnl::error if this process can generate no code at all.
using Primitive = std::shared_ptr<dnnl::primitive>;
Primitive generated(const Request& request, const dnnl::convolution_forward::primitive_desc& pd);

/// A primitive with its arguments bound.
std::unique_ptr<Kernel> make_kernel(std::string name, Primitive primitive, std::vector<Operand> operands,
                                    std::uint64_t packed_bytes);
std::unique_ptr<Kernel> make_kernel(std::string name, dnnl::primitive primitive, std::vector<Operand> operands,
                                    std::uint64_t packed_bytes);

dnnl::memory::desc channels_last(const Shape& shape, dnnl::memory::data_type number);

/// Whether this machine and oneDNN's own limits have that instruction set.
bool has(dnnl::cpu_isa set);

/// What a convolution's primitive is made from; without `bias` if that is null.
dnnl::convolution_forward::primitive_desc describe_conv(dnnl::algorithm algorithm, const dnnl::memory::desc& src,
                                                        const dnnl::memory::desc& weights,
                                                        const dnnl::memory::desc* bias, const dnnl::memory::desc& dst,
                                                        const graph::ConvAttributes& a,
                                                        const dnnl::primitive_attr& attr);
/// A convolution's weights as oneDNN sees them: groups are a dimension of their own.
Shape grouped(Shape weights, std::int64_t groups);

/// What `constant` gives, as a weight of layout `to`: itself where it lies so already, else a packed copy (`packed`
/// grows). `constant` is called when the copy is made, maybe on another thread.
Operand weight(WeightPool& pool, int argument, const std::function<Tensor()>& constant, const dnnl::memory::desc& from,
               const dnnl::memory::desc& to, std::uint64_t& packed);
Operand weight(WeightPool& pool, int argument, const Value& constant, const dnnl::memory::desc& from,
               const dnnl::memory::desc& to, std::uint64_t& packed);

/// The first byte of a step's scratch that lies behind the primitive's own part of it and is aligned.
std::size_t behind(const dnnl::memory::desc& scratchpad);

/// A large weight as one that each run makes anew in the scratch, from byte `offset` on: nothing of it is kept, and no
/// fresh memory is touched for it. nullopt for weights that are better packed once.
std::optional<Operand> passing_weight(int argument, const Value& constant, const dnnl::memory::desc& from,
                                      const dnnl::memory::desc& to, std::size_t offset);

/// "onednn conv jit:avx2".
std::string name_of(const char* what, const dnnl::primitive_desc_base& desc);

/// True where oneDNN need not be asked: empty tensors, other dtypes.
bool is_ordinary(const Request& request);

}  // namespace flambeau::plan::onednn
