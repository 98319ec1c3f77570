#pragma once
// What the flat neighbour formats share: a dict of tensors by name as a checkpoint, and small reads from a source.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>

#include "bytes/source.h"
#include "formats/graph.h"

namespace flambeau::formats {

/// Collects named values in order and makes the checkpoint of them. `options` outlive it.
class FlatBuilder {
 public:
  FlatBuilder(std::string_view format, std::string file, const LoadOptions& options);

  /// Names are the caller's to keep unique.
  void add(std::string_view name, Tensor tensor);
  /// A value of this builder's heap.
  void add(std::string_view name, object::Ref value);
  /// A value of another heap is copied in (its tensors share their storages).
  void add(std::string_view name, const Value& value);
  /// A tensor over all of `source`, row-major and little-endian; in own memory if the options say so.
  void add(std::string_view name, std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype,
           Shape shape);
  /// Storage as `add` makes it, for tensors with strides of their own.
  std::shared_ptr<Storage> storage(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype);

  object::Heap& heap() noexcept { return *heap_; }
  Checkpoint::Container& container() noexcept { return container_; }
  const LoadOptions& options() const noexcept { return options_; }
  /// The last call. Throws what reading throws when the options ask for copies.
  Checkpoint finish();
  /// The same with one tensor as the root.
  Checkpoint finish(Tensor root);

 private:
  Checkpoint checkpoint(object::Ref root);

  std::shared_ptr<object::Heap> heap_ = std::make_shared<object::Heap>();
  std::vector<object::Pair> items_{};
  Checkpoint::Container container_{};
  const LoadOptions& options_;
  Copies copies_{};
};

/// `size` bytes of a source; the caller has compared `size` with a cap. Throws Error(truncated) before it allocates.
std::string read_text(const bytes::Source& source, std::uint64_t offset, std::uint64_t size);

/// A file name inside a folder, relative to it, as it may stand in an index: no absolute path, no empty, "." or ".."
/// part, no backslash or control character, not empty. Throws Error(corrupt) at `place`.
void check_inner_path(std::string_view path, const Place& place);

/// How files that an index names are opened.
bytes::Access access_of(const LoadOptions& options) noexcept;

}  // namespace flambeau::formats
