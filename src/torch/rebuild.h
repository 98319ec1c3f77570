#pragma once
// The calls that PyTorch's pickles make, carried out on nodes: one row per function in rebuild.cpp.

#include <optional>

#include "torch/reader.h"

namespace flambeau::torch {

/// Arguments of one call, with errors that name the function and the argument.
class Args {
 public:
  Args(std::string_view function, object::Ref tuple);

  std::size_t size() const noexcept { return items_->size(); }
  /// Throws Error(corrupt) unless least ≤ size() ≤ most.
  void expect(std::size_t least, std::size_t most) const;
  object::Ref at(std::size_t index) const { return (*items_)[index]; }
  std::int64_t integer(std::size_t index) const;
  bool boolean(std::size_t index) const;
  double number(std::size_t index) const;
  /// A tuple or list of integers, or a torch.Size of one.
  Shape shape(std::size_t index, const Limits& limits) const;
  DType dtype(std::size_t index) const;
  object::TensorNode& tensor(std::size_t index) const;
  object::StorageNode& storage(std::size_t index) const;
  [[noreturn]] void wrong(std::size_t index, std::string_view expected) const;
  [[noreturn]] void fail(const std::string& text) const;

 private:
  std::string_view function_;
  const std::vector<object::Ref>* items_;
};

/// Dimensions of a torch.Size object, tuple or list; nullopt for anything else.
std::optional<Shape> dimensions(object::Ref ref, const Limits& limits);
/// "torch.sparse_coo" of a torch.layout value; empty for anything else.
std::string_view layout_name(object::Ref ref) noexcept;

struct Rebuild {
  Reader& reader;
  object::Heap& heap;
  object::Ref callable{};  ///< what is called

  using Result = std::optional<object::Ref>;
  Result call(object::Ref args);
  Result construct(object::Ref cls, object::Ref args);
  bool set_state(object::Ref target, object::Ref state);

  // The rows of the table.
  Result tensor(const Args& args);
  Result tensor_v2(const Args& args);
  Result tensor_v3(const Args& args);
  Result parameter(const Args& args);
  Result parameter_with_state(const Args& args);
  Result from_type(const Args& args);
  Result from_type_v2(const Args& args);
  Result qtensor(const Args& args);
  Result meta(const Args& args);
  Result sparse(const Args& args);
  Result nested(const Args& args);
  Result load_from_bytes(const Args& args);
  Result numpy_reconstruct(const Args& args);
  Result numpy_scalar(const Args& args);
  Result numpy_frombuffer(const Args& args);
  Result device_tensor_from_numpy(const Args& args);

 private:
  Tensor view(const Args& args, DType dtype, std::size_t first);
  object::Ref plain(const Args& args, DType dtype, std::size_t metadata_at);
  void hooks(object::Ref dict) noexcept;
  void metadata(const Args& args, std::size_t index, Tensor& tensor);
  Result make_parameter(const Args& args);
  object::Ref attributes(object::Ref state);
  std::unique_ptr<object::Quantizer> quantizer(const Args& outer, std::size_t index, const Tensor& tensor);
  bool set_array_state(object::Object& array, object::Ref state);
  object::Ref native_dtype(const object::Object& dtype);
  object::Ref channel_values(const Args& args, std::size_t index, bool floating);
};

/// Sparse argument checks that need the indices' values. `args` is what _rebuild_sparse_tensor was given.
void check_sparse_indices(object::Ref args, const Limits& limits);
/// Those that need only shapes; false when `args` is not laid out as Python's torch does (TorchScript's own layout).
bool check_sparse_shapes(const Args& args, const Limits& limits);

}  // namespace flambeau::torch
