#include "plan/lower.h"

#include <flambeau/error.h>

#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "plan/array.h"
#include "plan/kernels/kernels.h"

namespace flambeau::plan {
namespace {

using graph::Op;

class Lowering {
 public:
  Lowering(const Program& program, const PlanOptions& options)
      : program_(program), options_(options), placements_(program.values.size()), remaining_(program.uses()) {
    for (const Value& value : program.values) layouts_.push_back(Layout::plain(value.shape));
    narrow_.resize(program.values.size());
  }

  Steps run() {
    for (std::size_t i = 0; i < program_.inputs.size(); ++i) {
      const ValueId id = program_.inputs[i];
      const int buffer = add_buffer(Buffer::Kind::input, bytes_of(id, layouts_[at(id)]), static_cast<int>(i));
      put(id, buffer, layouts_[at(id)]);
    }
    for (const Operation& operation : program_.operations) {
      if (!(options_.kernels == Kernels::fast && lower_view(operation))) lower_operation(operation);
      for (const ValueId id : operation.inputs) --remaining_[at(id)];
      for (const Post& post : operation.post)
        if (post.operand >= 0) --remaining_[at(post.operand)];
    }
    for (std::size_t i = 0; i < program_.outputs.size(); ++i) lower_output(static_cast<int>(i));
    finish();
    return std::move(result_);
  }

 private:
  struct Placement {
    int buffer;
    Layout layout;
  };

  static std::size_t at(int index) { return static_cast<std::size_t>(index); }
  Buffer& buffer(int index) { return result_.buffers[at(index)]; }

  std::uint64_t bytes_of(ValueId id, const Layout& layout) const {
    const DType dtype = layout.bfloat16 ? DType::bfloat16 : program_[id].dtype;
    return static_cast<std::uint64_t>(extent(layout, program_[id].shape)) * itemsize(dtype);
  }

  int add_buffer(Buffer::Kind kind, std::uint64_t bytes, int index = 0) {
    result_.buffers.push_back({kind, bytes, index});
    inhabitants_.emplace_back();
    return static_cast<int>(result_.buffers.size() - 1);
  }

  void put(ValueId id, int buffer, const Layout& layout) {
    if (placements_[at(id)].empty()) {
      layouts_[at(id)] = layout.as(false);
      narrow_[at(id)] = layout.bfloat16;
    }
    placements_[at(id)].push_back({buffer, layout});
    inhabitants_[at(buffer)].push_back(id);
  }

  void add_step(std::unique_ptr<Kernel> kernel, std::vector<int> inputs, int output, std::size_t scratch,
                std::string label, ValueId value = -1) {
    result_.packed_bytes += kernel->packed_bytes();
    const int space = scratch > 0 ? add_buffer(Buffer::Kind::arena, scratch) : -1;
    result_.steps.push_back({std::move(kernel), std::move(inputs), output, space, value, std::move(label)});
  }

  /// Constants come into buffers when the first kernel asks for them at run time.
  void put_constant(ValueId id, bool written) {
    const Value& value = program_[id];
    Tensor tensor = value.constant;
    if (written) {
      if (tensor.dtype() != DType::float32 || !tensor.is_contiguous())
        throw Error(ErrorCode::unsupported,
                    fmt::format("training updates a statistic of dtype {}, strides {}: a dense float32 one is needed",
                                flambeau::name(tensor.dtype()), flambeau::to_string(tensor.strides())));
    } else {
      tensor = info(value.dtype).kind == DTypeClass::floating ? as_float(value) : tensor.contiguous();
    }
    const int index = add_buffer(written ? Buffer::Kind::state : Buffer::Kind::constant, tensor.nbytes());
    buffer(index).tensor = std::move(tensor);
    put(id, index, Layout::plain(value.shape));
  }

  /// A placement of the value with that layout, made by a reorder if there is none.
  int buffer_with(ValueId id, const Layout& layout, bool written = false) {
    if (placements_[at(id)].empty()) put_constant(id, written);
    const Shape& shape = program_[id].shape;
    for (const Placement& placement : placements_[at(id)])
      if (same(placement.layout, layout, shape)) return placement.buffer;
    const Placement from = placements_[at(id)].front();
    const int to = add_buffer(Buffer::Kind::arena, bytes_of(id, layout));
    reorder(id, from, to, layout);
    put(id, to, layout);
    return to;
  }

  void reorder(ValueId id, const Placement& from, int to, const Layout& layout) {
    const Value& value = program_[id];
    auto kernel = make_reorder(value.shape, value.dtype, from.layout, layout);
    if (value.is_constant() && buffer(to).kind == Buffer::Kind::arena) {
      // Once and for all.
      Tensor tensor = Tensor::zeros({static_cast<std::int64_t>(buffer(to).bytes / itemsize(value.dtype))}, value.dtype);
      const std::byte* source = buffer(from.buffer).tensor.storage()->unchecked_bytes().data() +
                                static_cast<std::size_t>(buffer(from.buffer).tensor.offset()) * itemsize(value.dtype);
      const auto state = kernel->prepare();
      kernel->run({std::span(&source, 1), tensor.storage()->mutable_bytes().data(), nullptr, state.get()});
      buffer(to).kind = Buffer::Kind::constant;
      result_.packed_bytes += buffer(to).bytes;
      buffer(to).tensor = std::move(tensor);
      return;
    }
    add_step(std::move(kernel), {from.buffer}, to, 0,
             fmt::format("reorder {} from {} to {}", flambeau::to_string(value.shape),
                         to_string(from.layout, value.shape), to_string(layout, value.shape)));
  }

  /// True if nothing after `operation` reads what lies in the buffer, and it may be overwritten.
  bool dies(int index, const Operation& operation) {
    if (buffer(index).kind != Buffer::Kind::arena) return false;
    return std::all_of(inhabitants_[at(index)].begin(), inhabitants_[at(index)].end(), [&](ValueId id) {
      auto uses = std::count(operation.inputs.begin(), operation.inputs.end(), id);
      for (const Post& post : operation.post) uses += post.operand == id;
      return remaining_[at(id)] == uses;
    });
  }

  /// reshape, permute and narrow cost nothing where the layout allows it; else one reorder.
  bool lower_view(const Operation& operation) {
    const ValueId from = operation.inputs.empty() ? -1 : operation.inputs[0], to = operation.output;
    const Shape& target = program_[to].shape;
    Layout layout;
    if (operation.op == Op::permute) {
      const Shape& order = std::get<graph::ShapeAttributes>(operation.attributes).shape;
      ensure(from);
      for (const Placement& placement : placements_[at(from)])
        if (view_permute(placement.layout, order, layout)) return put(to, placement.buffer, layout), true;
      return view_after_reorder(from, to, before_permute(order, Layout::plain(target)), Layout::plain(target));
    }
    if (operation.op == Op::reshape) {
      const Shape& shape = program_[from].shape;
      ensure(from);
      for (const Placement& placement : placements_[at(from)])
        if (view_reshape(placement.layout, shape, target, layout)) return put(to, placement.buffer, layout), true;
      return view_after_reorder(from, to, Layout::plain(shape), Layout::plain(target));
    }
    if (operation.op == Op::narrow) {
      const auto& a = std::get<graph::DimAttributes>(operation.attributes);
      const Shape& shape = program_[from].shape;
      ensure(from);
      for (const Placement& placement : placements_[at(from)])
        if (view_narrow(placement.layout, a.dims[0], a.start, a.length, shape, layout))
          return put(to, placement.buffer, layout), true;
      const Layout strided = Layout::channels_last(shape);
      view_narrow(strided, a.dims[0], a.start, a.length, shape, layout);
      return view_after_reorder(from, to, strided, layout);
    }
    return false;
  }

  void ensure(ValueId id) {
    if (placements_[at(id)].empty()) put_constant(id, false);
  }

  bool view_after_reorder(ValueId from, ValueId to, const Layout& middle, const Layout& layout) {
    put(to, buffer_with(from, middle), layout);
    return true;
  }

  /// The layout that becomes `after` when its dimensions are put into `order`.
  static Layout before_permute(const Shape& order, const Layout& after) {
    Layout layout = after;
    for (std::size_t i = 0; i < order.size(); ++i) layout.strides[at(static_cast<int>(order[i]))] = after.strides[i];
    return layout;
  }

  /// If the only reader is a permute, the layout that makes the permuted value plain.
  std::optional<Layout> wanted(const Operation& operation) const {
    if (remaining_[at(operation.output)] != 1) return std::nullopt;
    for (const Operation& reader : program_.operations)
      if (reader.op == Op::permute && reader.inputs[0] == operation.output)
        return before_permute(std::get<graph::ShapeAttributes>(reader.attributes).shape,
                              Layout::plain(program_[reader.output].shape));
    return std::nullopt;
  }

  void lower_operation(const Operation& operation) {
    const std::optional<Layout> want = wanted(operation);
    const Request request{program_, operation, options_, layouts_, narrow_, want ? &*want : nullptr};
    if (std::optional<Choice> choice = own_implementation(request)) return take(operation, std::move(*choice));
    for (const Implementation implementation : implementations(operation.op, options_.kernels))
      if (std::optional<Choice> choice = implementation(request)) return take(operation, std::move(*choice));
    throw Error(ErrorCode::unsupported, fmt::format("no kernel for operation {}", graph::name(operation.op)));
  }

  void take(const Operation& operation, Choice choice) {
    std::vector<int> inputs;
    for (std::size_t i = 0; i < choice.uses.size(); ++i) {
      const bool written = is_impure(operation) && i >= 1 && i <= 2;
      inputs.push_back(buffer_with(choice.uses[i].value, choice.uses[i].layout, written));
    }
    const ValueId out = operation.output;
    int target = -1;
    if (choice.onto >= 0) {
      target = accumulation_target(operation, choice, inputs);
    } else if (choice.overwrites) {
      const int shared = inputs[*choice.overwrites];
      const bool once = std::count(inputs.begin(), inputs.end(), shared) == 1;
      if (once && dies(shared, operation) && buffer(shared).bytes == bytes_of(out, choice.output)) target = shared;
    }
    if (target < 0) target = add_buffer(Buffer::Kind::arena, bytes_of(out, choice.output));
    std::string label = fmt::format("{} {} {}", graph::name(operation.op), flambeau::to_string(program_[out].shape),
                                    to_string(choice.output, program_[out].shape));
    for (const Post& post : operation.post)
      label += post.kind == Post::Kind::add ? " +add" : fmt::format(" +{}", graph::name(post.activation.kind));
    add_step(std::move(choice.kernel), std::move(inputs), target, choice.scratch_bytes, std::move(label), out);
    put(out, target, choice.output);
  }

  /// The buffer that holds the summand and will hold the sum: its own if nobody needs it any more, else a copy.
  int accumulation_target(const Operation& operation, const Choice& choice, const std::vector<int>& inputs) {
    const Shape& shape = program_[choice.onto].shape;
    ensure(choice.onto);
    for (const Placement& placement : placements_[at(choice.onto)]) {
      const bool read = std::find(inputs.begin(), inputs.end(), placement.buffer) != inputs.end();
      const bool whole = buffer(placement.buffer).bytes == bytes_of(operation.output, choice.output);
      if (!read && whole && same(placement.layout, choice.output, shape) && dies(placement.buffer, operation))
        return placement.buffer;
    }
    const Placement from = placements_[at(choice.onto)].front();
    const int to = add_buffer(Buffer::Kind::arena, bytes_of(operation.output, choice.output));
    add_step(make_reorder(shape, DType::float32, from.layout, choice.output), {from.buffer}, to, 0,
             fmt::format("copy {}", flambeau::to_string(shape)));
    return to;
  }

  void lower_output(int index) {
    const ValueId id = program_.outputs[at(index)];
    ensure(id);
    const Layout plain = Layout::plain(program_[id].shape);
    for (const Placement& placement : placements_[at(id)]) {
      Buffer& candidate = buffer(placement.buffer);
      if (candidate.kind == Buffer::Kind::arena && candidate.bytes == bytes_of(id, plain) &&
          same(placement.layout, plain, program_[id].shape)) {
        candidate.kind = Buffer::Kind::output;
        candidate.index = index;
        return;
      }
    }
    reorder(id, placements_[at(id)].front(), add_buffer(Buffer::Kind::output, bytes_of(id, plain), index), plain);
  }

  void finish() {
    for (std::size_t i = 0; i < result_.steps.size(); ++i) {
      const Step& step = result_.steps[i];
      const auto touch = [&](int index) {
        Buffer& b = buffer(index);
        if (b.first < 0) b.first = static_cast<int>(i);
        b.last = static_cast<int>(i);
      };
      for (const int input : step.inputs) touch(input);
      touch(step.output);
      if (step.scratch >= 0) touch(step.scratch);
    }
    result_.arena_bytes = place(result_.buffers);
  }

  const Program& program_;
  const PlanOptions& options_;
  std::vector<std::vector<Placement>> placements_;
  std::vector<std::vector<ValueId>> inhabitants_{};  // of each buffer
  std::vector<Layout> layouts_{};
  std::vector<bool> narrow_{};
  std::vector<int> remaining_;
  Steps result_{};
};

}  // namespace

Steps lower(const Program& program, const PlanOptions& options) { return Lowering(program, options).run(); }

}  // namespace flambeau::plan
