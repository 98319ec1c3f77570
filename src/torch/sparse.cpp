#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>

#include "torch/rebuild.h"

namespace flambeau::torch {
namespace {

/// Indices larger than this are not read into memory for a check.
constexpr std::uint64_t most_indices_read = 16ull << 20;

[[noreturn]] void corrupt(std::string_view layout, const std::string& text) {
  throw Error(ErrorCode::corrupt, fmt::format("{}: {}", layout, text));
}

/// The data tuple of a sparse tensor: (indices, values, size[, is_coalesced]) or (compressed, plain, values, size).
struct Sparse {
  std::string_view layout;
  bool coo = false;
  const object::TensorNode* indices[2] = {nullptr, nullptr};
  const object::TensorNode* values = nullptr;
  Shape size{};
};

Sparse parse(const Args& args, const Limits& limits) {
  Sparse sparse;
  sparse.layout = layout_name(args.at(0));
  sparse.coo = sparse.layout == "torch.sparse_coo";
  const Args data(sparse.layout, args.at(1));
  if (sparse.coo) {
    data.expect(3, 4);
    sparse.indices[0] = &data.tensor(0);
    sparse.values = &data.tensor(1);
    sparse.size = data.shape(2, limits);
  } else {
    data.expect(4, 4);
    sparse.indices[0] = &data.tensor(0);
    sparse.indices[1] = &data.tensor(1);
    sparse.values = &data.tensor(2);
    sparse.size = data.shape(3, limits);
  }
  return sparse;
}

bool is_index(const object::TensorNode* node) noexcept {
  return node == nullptr || node->tensor.dtype() == DType::int64 || node->tensor.dtype() == DType::int32;
}

/// Calls visit(value) for every index; nothing where that would read much into memory.
template <class Visit>
void each_index(const Tensor& tensor, Visit&& visit) {
  if (tensor.is_meta() || tensor.numel() == 0) return;
  if (!tensor.storage()->resident() && tensor.storage()->nbytes() > most_indices_read) return;
  if (tensor.nbytes() > tensor.storage()->nbytes()) return;  // expanded: the values repeat, but making them dense costs
  const Tensor dense = tensor.contiguous();
  if (tensor.dtype() == DType::int64)
    for (const std::int64_t value : dense.data<std::int64_t>()) visit(value);
  else
    for (const std::int32_t value : dense.data<std::int32_t>()) visit(value);
}

void check_range(std::string_view layout, const Tensor& tensor, std::int64_t end) {
  each_index(tensor, [&](std::int64_t value) {
    if (value < 0 || value >= end) corrupt(layout, fmt::format("index {} lies outside [0, {})", value, end));
  });
}

}  // namespace

bool check_sparse_shapes(const Args& args, const Limits& limits) {
  if (args.size() != 2 || args.at(1).kind() != Kind::tuple) return false;
  const std::string_view layout = layout_name(args.at(0));
  if (!layout.starts_with("torch.sparse_")) return false;
  const Sparse sparse = parse(args, limits);
  const Tensor& values = sparse.values->tensor;
  if (!is_index(sparse.indices[0]) || !is_index(sparse.indices[1])) corrupt(layout, "the indices are no integers");
  for (const std::int64_t size : sparse.size)
    if (size < 0) corrupt(layout, fmt::format("size {} is negative", size));
  if (sparse.coo) {
    const Tensor& indices = sparse.indices[0]->tensor;
    if (indices.dim() != 2 || values.dim() < 1)
      corrupt(layout, fmt::format("indices of shape {} and values of shape {}", to_string(indices.shape()),
                                  to_string(values.shape())));
    if (indices.size(1) != values.size(0))
      corrupt(layout, fmt::format("{} indices and {} values", indices.size(1), values.size(0)));
    if (indices.size(0) + values.dim() - 1 != static_cast<std::int64_t>(sparse.size.size()))
      corrupt(layout, fmt::format("{} sparse and {} dense dimensions in shape {}", indices.size(0), values.dim() - 1,
                                  to_string(sparse.size)));
    for (std::int64_t d = 1; d < values.dim(); ++d)
      if (const auto want = sparse.size[static_cast<std::size_t>(indices.size(0) + d - 1)]; values.size(d) != want)
        corrupt(layout,
                fmt::format("values of shape {} in shape {}", to_string(values.shape()), to_string(sparse.size)));
    return true;
  }
  const Tensor &compressed = sparse.indices[0]->tensor, &plain = sparse.indices[1]->tensor;
  const std::int64_t batch = compressed.dim() - 1;
  if (batch < 0 || plain.dim() != compressed.dim() || values.dim() <= batch ||
      static_cast<std::int64_t>(sparse.size.size()) < batch + 2)
    corrupt(layout,
            fmt::format("indices of shapes {} and {}, values of shape {}, shape {}", to_string(compressed.shape()),
                        to_string(plain.shape()), to_string(values.shape()), to_string(sparse.size)));
  if (plain.size(batch) != values.size(batch))
    corrupt(layout, fmt::format("{} indices and {} values", plain.size(batch), values.size(batch)));
  if (compressed.size(batch) < 1) corrupt(layout, "no pointers");
  return true;
}

void check_sparse_indices(object::Ref tuple, const Limits& limits) {
  const Args args("_rebuild_sparse_tensor", tuple);
  const Sparse sparse = parse(args, limits);
  if (sparse.coo) {
    const Tensor& indices = sparse.indices[0]->tensor;
    for (std::int64_t row = 0; row < indices.size(0); ++row)
      check_range(sparse.layout, indices.narrow(0, row, 1), sparse.size[static_cast<std::size_t>(row)]);
    return;
  }
  const Tensor &compressed = sparse.indices[0]->tensor, &plain = sparse.indices[1]->tensor,
               &values = sparse.values->tensor;
  const auto batch = static_cast<std::size_t>(compressed.dim() - 1);
  const bool by_row = sparse.layout.ends_with("csr") || sparse.layout.ends_with("bsr");
  const bool blocks = sparse.layout.ends_with("bsr") || sparse.layout.ends_with("bsc");
  std::int64_t end = sparse.size[batch + (by_row ? 1 : 0)];
  if (blocks && values.dim() > static_cast<std::int64_t>(batch) + 2)
    end /= std::max<std::int64_t>(1, values.size(static_cast<std::int64_t>(batch) + (by_row ? 2 : 1)));
  check_range(sparse.layout, plain, end);
  const std::int64_t last = plain.shape().back(), row = compressed.shape().back();
  std::int64_t before = 0, position = 0;
  each_index(compressed, [&](std::int64_t value) {
    if (position == 0) before = 0;
    if (value < before || value > last || (position == 0 && value != 0))
      corrupt(sparse.layout, fmt::format("pointer {} after {}, {} values", value, before, last));
    before = value;
    if (++position == row) {
      if (value != last) corrupt(sparse.layout, fmt::format("the last pointer is {}, {} values", value, last));
      position = 0;
    }
  });
}

void Reader::finish() const {
  for (const object::Ref args : sparse_) check_sparse_indices(args, options_.limits);
}

}  // namespace flambeau::torch
