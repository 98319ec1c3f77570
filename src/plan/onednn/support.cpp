#include "plan/onednn/support.h"

#include <flambeau/error.h>

#include <algorithm>
#include <atomic>

#include "plan/array.h"
#include "plan/parallel.h"

namespace flambeau::plan::onednn {
namespace {

using dnnl::memory;

class PrimitiveKernel final : public Kernel {
 public:
  PrimitiveKernel(std::string name, Primitive primitive, std::vector<Operand> operands, std::uint64_t packed)
      : name_(std::move(name)), primitive_(std::move(primitive)), operands_(std::move(operands)), packed_(packed) {}

  /// Memory objects whose addresses change only when a buffer moves: hardly ever after the first run.
  struct Bound final : State {
    explicit Bound(const std::vector<Operand>& operands) : stream(engine()), addresses(operands.size(), nullptr) {
      for (const Operand& operand : operands) {
        void* data = operand.from == Operand::From::constant ? const_cast<void*>(operand.data) : nullptr;
        memories.emplace_back(operand.desc, engine(), data);
        arguments.push_back({operand.argument, memories.back().get()});
      }
    }
    dnnl::stream stream;
    std::vector<memory> memories{};
    std::vector<dnnl_exec_arg_t> arguments{};
    std::vector<const void*> addresses;
  };

  std::unique_ptr<State> prepare() const override { return std::make_unique<Bound>(operands_); }

  void run(const Run& run) const override {
    auto& bound = static_cast<Bound&>(*run.state);
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      const Operand& operand = operands_[i];
      if (operand.from == Operand::From::constant) continue;
      auto* const address =
          const_cast<std::byte*>(operand.from == Operand::From::use      ? run.inputs[operand.index]
                                 : operand.from == Operand::From::output ? run.output
                                                                         : run.scratch + operand.index);
      if (operand.make) operand.make(reinterpret_cast<float*>(address));
      if (address == bound.addresses[i]) continue;
      bound.addresses[i] = address;
      bound.memories[i].set_data_handle(address);
    }
    const auto status = dnnl_primitive_execute(primitive_->get(), bound.stream.get(),
                                               static_cast<int>(bound.arguments.size()), bound.arguments.data());
    if (status != dnnl_success)
      throw Error(ErrorCode::internal, name_ + " failed with status " + std::to_string(status));
  }

  std::string name() const override { return name_; }
  std::uint64_t packed_bytes() const override { return packed_; }

 private:
  std::string name_;
  Primitive primitive_;
  std::vector<Operand> operands_;
  std::uint64_t packed_;
};

/// Only 2.x lets a descriptor begin anywhere.
std::optional<memory::desc> at_offset(memory::desc desc, std::int64_t offset) {
  if (offset == 0) return desc;
#if DNNL_VERSION_MAJOR >= 3
  return std::nullopt;
#else
  desc.data.offset0 = offset;
  return desc;
#endif
}

std::optional<memory::format_tag> tag_of(std::size_t rank, std::int64_t block) {
  using tag = memory::format_tag;
  if (block == 8) {
    if (rank == 3) return tag::nCw8c;
    if (rank == 4) return tag::nChw8c;
    if (rank == 5) return tag::nCdhw8c;
  }
  if (block == 16) {
    if (rank == 3) return tag::nCw16c;
    if (rank == 4) return tag::nChw16c;
    if (rank == 5) return tag::nCdhw16c;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Blocking> blocking_of(const memory::desc& desc) {
  Blocking result;
#if DNNL_VERSION_MAJOR >= 3
  if (desc.get_format_kind() != memory::format_kind::blocked) return std::nullopt;
  result = {desc.get_strides(),    desc.get_padded_dims(), desc.get_submemory_offset(),
            desc.get_inner_blks(), desc.get_inner_idxs(),  desc.get_data_type() == memory::data_type::bf16};
#else
  const auto& data = desc.data;
  if (data.format_kind != dnnl_blocked) return std::nullopt;
  const auto& blocking = data.format_desc.blocking;
  result.strides.assign(blocking.strides, blocking.strides + data.ndims);
  result.padded.assign(data.padded_dims, data.padded_dims + data.ndims);
  result.offset = data.offset0;
  result.bfloat16 = data.data_type == dnnl_bf16;
  result.blocks.assign(blocking.inner_blks, blocking.inner_blks + blocking.inner_nblks);
  result.dims_of_blocks.assign(blocking.inner_idxs, blocking.inner_idxs + blocking.inner_nblks);
#endif
  return result;
}

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

memory::dims dims(const Shape& shape) { return {shape.begin(), shape.end()}; }

memory::desc any(const Shape& shape, memory::data_type number) {
  return {dims(shape), number, memory::format_tag::any};
}

std::optional<memory::desc> desc_of(const Layout& layout, const Shape& shape) {
  const auto number = layout.bfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  if (layout.block > 1) {
    const auto tag = tag_of(shape.size(), layout.block);
    if (!tag) return std::nullopt;
    return at_offset(memory::desc(dims(shape), number, *tag), layout.offset);
  }
  if (shape.empty()) return memory::desc({1}, number, memory::dims{1});
  const memory::dims strides(layout.strides.begin(), layout.strides.end());
  return at_offset(memory::desc(dims(shape), number, strides), layout.offset);
}

std::optional<Layout> layout_of(const memory::desc& desc, const Shape& shape) {
  const auto blocking = blocking_of(desc);
  if (!blocking || blocking->blocks.size() > 1) return std::nullopt;
  Layout layout{Shape(blocking->strides.begin(), blocking->strides.end()), blocking->offset, 1, blocking->bfloat16};
  if (shape.empty()) layout.strides.clear();
  if (!blocking->blocks.empty()) {
    if (blocking->dims_of_blocks[0] != 1) return std::nullopt;
    layout.block = blocking->blocks[0];
    if (!tag_of(shape.size(), layout.block)) return std::nullopt;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t whole = i == 1 ? (shape[i] + layout.block - 1) / layout.block * layout.block : shape[i];
    if (blocking->padded[i] != whole) return std::nullopt;
  }
  return layout;
}

std::vector<Eltwise> eltwise(const graph::ActivationAttributes& activation) {
  using enum graph::Activation;
  using dnnl::algorithm;
  const auto a = static_cast<float>(activation.a), b = static_cast<float>(activation.b);
  switch (activation.kind) {
    case relu:
      return {{algorithm::eltwise_relu}};
    case leaky_relu:
      return {{algorithm::eltwise_relu, a}};
    case relu6:
      return {{algorithm::eltwise_clip, 0, 6}};
    case hardtanh:
    case clamp:
      return {{algorithm::eltwise_clip, a, b}};
    case sigmoid:
      return {{algorithm::eltwise_logistic}};
    case tanh:
      return {{algorithm::eltwise_tanh}};
    case silu:
      return {{algorithm::eltwise_swish, 1}};
    case gelu:
      return {{algorithm::eltwise_gelu_erf}};
    case gelu_tanh:
      return {{algorithm::eltwise_gelu_tanh}};
    case mish:
      return {{algorithm::eltwise_mish}};
    case elu:
      return {{algorithm::eltwise_elu, a}};
    case hardsigmoid:
      return {{algorithm::eltwise_linear, 1.0F / 6, 0.5F}, {algorithm::eltwise_clip, 0, 1}};
#if DNNL_VERSION_MAJOR >= 3
    case hardswish:
      return {{algorithm::eltwise_hardswish, 1.0F / 6, 0.5F}};
#else
    case hardswish:
      return {{algorithm::eltwise_hardswish}};
#endif
    default:
      return {};
  }
}

void append_eltwise(dnnl::post_ops& posts, const Eltwise& eltwise) {
#if DNNL_VERSION_MAJOR >= 3
  posts.append_eltwise(eltwise.algorithm, eltwise.alpha, eltwise.beta);
#else
  posts.append_eltwise(1.0F, eltwise.algorithm, eltwise.alpha, eltwise.beta);
#endif
}

std::optional<dnnl::primitive_attr> attributes(const Operation& operation, ValueId& onto) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops posts;
  onto = -1;
  for (const Post& post : operation.post) {
    if (post.kind == Post::Kind::add) {
      posts.append_sum();
      onto = post.operand;
      continue;
    }
    const auto list = eltwise(post.activation);
    if (list.empty()) return std::nullopt;
    for (const Eltwise& each : list) append_eltwise(posts, each);
  }
  attr.set_post_ops(posts);
  return attr;
}

Primitive generated(const Request& request, const dnnl::convolution_forward::primitive_desc& pd) {
  // The first one is made at once: where that fails (systems that let no process write code) others take over.
  static std::atomic<bool> succeeds = false;
  if (!succeeds) {
    auto first = std::make_shared<dnnl::primitive>(dnnl::convolution_forward(pd));
    succeeds = true;
    return first;
  }
  auto primitive = std::make_shared<dnnl::primitive>();
  request.program.packed->beside([primitive, pd, threads = request.options.threads] {
    // oneDNN keeps primitives by the number of threads that it finds when it makes them.
    const ThreadScope scope(threads, ThreadScope::Pool::asleep);
    try {
      *primitive = dnnl::convolution_forward(pd);
    } catch (const dnnl::error& error) {
      throw Error(ErrorCode::internal, std::string("oneDNN generates no code: ") + error.what());
    }
  });
  return primitive;
}

std::unique_ptr<Kernel> make_kernel(std::string name, Primitive primitive, std::vector<Operand> operands,
                                    std::uint64_t packed_bytes) {
  return std::make_unique<PrimitiveKernel>(std::move(name), std::move(primitive), std::move(operands), packed_bytes);
}
std::unique_ptr<Kernel> make_kernel(std::string name, dnnl::primitive primitive, std::vector<Operand> operands,
                                    std::uint64_t packed_bytes) {
  return make_kernel(std::move(name), std::make_shared<dnnl::primitive>(std::move(primitive)), std::move(operands),
                     packed_bytes);
}

std::size_t behind(const memory::desc& scratchpad) { return (scratchpad.get_size() + 63) / 64 * 64; }

std::string name_of(const char* what, const dnnl::primitive_desc_base& desc) {
#if DNNL_VERSION_MAJOR >= 3
  return std::string("onednn ") + what + " " + desc.impl_info_str();
#else
  const char* text = nullptr;
  if (dnnl_primitive_desc_query(desc.get(), dnnl_query_impl_info_str, 0, &text) != dnnl_success) text = "?";
  return std::string("onednn ") + what + " " + text;
#endif
}

bool has(dnnl::cpu_isa set) {
  const auto bits = static_cast<unsigned>(set);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & bits) == bits;
}

memory::desc channels_last(const Shape& shape, memory::data_type number) {
  return {dims(shape), number, memory::format_tag::nhwc};
}

bool is_ordinary(const Request& request) {
  const auto floating = [&](ValueId id) {
    const Value& value = request.value(id);
    return value.dtype == DType::float32 && product(value.shape) > 0;
  };
  return floating(request.operation.output) &&
         std::all_of(request.operation.inputs.begin(), request.operation.inputs.end(), floating);
}

}  // namespace flambeau::plan::onednn
