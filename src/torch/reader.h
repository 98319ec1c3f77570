#pragma once
// What a pickle that PyTorch wrote means: persistent ids become storages, rebuild calls become tensors, everything else
// stays an inert object. Nothing is imported or called.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <flambeau/limits.h>
#include <flambeau/object.h>

#include "pickle/reader.h"
#include "torch/globals.h"

namespace flambeau::torch {

/// What a persistent id says about a storage. Its texts are the heap's.
struct StorageId {
  std::string_view key;            ///< opaque
  std::string_view storage_class;  ///< "FloatStorage", "UntypedStorage": without its module
  DType dtype = DType::uint8;      ///< of the class; uint8 for UntypedStorage
  std::uint64_t numel = 0;         ///< elements of `dtype` in the whole storage
  std::uint64_t nbytes = 0;        ///< numel × itemsize, checked
  std::string_view location;       ///< "cpu", "cuda:0", …
};

/// Where the container keeps the bytes of storages.
class Storages {
 public:
  virtual ~Storages() = default;
  /// Called once for each key, when it is first met, and again for each further id of an empty storage. Throws
  /// Error(corrupt) when the container holds no such storage, or one of another size than `id.nbytes`.
  virtual std::shared_ptr<Storage> open(const StorageId& id) = 0;
  /// A slice of the storage `root` under a key of its own (legacy files of 0.1 to 0.3). Already checked to lie inside.
  virtual std::shared_ptr<Storage> view(const StorageId& root, std::uint64_t offset, std::uint64_t nbytes);
  /// A tensor of `dtype` looks at the untyped `storage`: big-endian files swap by its width.
  virtual void element_type(const Storage& storage, DType dtype) { (void)storage, (void)dtype; }
};

class Reader : public pickle::Meaning {
 public:
  struct Options {
    Limits limits{};
    bool inert = false;  ///< take dangerous globals as inert values instead of throwing Error(forbidden)
    /// Reads a checkpoint inside this one (the bytes given to torch.storage._load_from_bytes) into the same heap.
    std::function<object::Ref(object::Heap&, std::string_view)> nested{};
    /// Persistent ids are a legacy file's: of six items, and ('module', class, source file, source) may be among them.
    bool legacy = false;
    bool share_empty = false;  ///< empty storages of one key are one, as before torch 2
  };
  /// `storages` outlives the Reader.
  Reader(Storages& storages, Options options);
  ~Reader() override;

  void global(std::string_view module, std::string_view qualname) override;
  std::optional<object::Ref> persistent(object::Heap& heap, object::Ref id) override;
  std::optional<object::Ref> reduce(object::Heap& heap, object::Ref callable, object::Ref args) override;
  std::optional<object::Ref> newobj(object::Heap& heap, object::Ref cls, object::Ref args) override;
  bool build(object::Heap& heap, object::Ref target, object::Ref state) override;

  /// Checks that need payloads: indices of sparse tensors lie inside their shape. Call when storages can be read.
  /// Indices that would have to be read into memory are left alone above 16 MiB. Throws Error(corrupt).
  void finish() const;

  /// True when a dangerous global was met (inert mode).
  bool dangerous() const noexcept { return dangerous_; }
  /// Adds what people should know of the file: dangerous globals, hooks that are left out, what torch would refuse.
  void append_notes(std::vector<std::string>& notes) const;

  /// Standing of a global, remembered per name.
  Standing standing_of(std::string_view module, std::string_view qualname);

 private:
  struct Known {
    StorageId id;
    object::Ref node;
  };
  object::Ref storage_of(object::Heap& heap, const object::Sequence& id);
  std::optional<DType> dtype_of(const object::Global& storage_class);
  Known& known_storage(object::Heap& heap, const StorageId& id);
  void note(std::string text);
  /// For error texts; empty for a storage that came by no key.
  std::string_view key_of(const Storage& storage) const;

  Storages& storages_;
  Options options_;
  std::pmr::monotonic_buffer_resource storages_known_{8192};  // side by side, and room for a few dozen at once
  std::pmr::unordered_map<std::string_view, Known> keys_{64, &storages_known_};  // by storage key
  std::map<std::string, object::Ref, std::less<>> views_;                        // by view key
  std::unordered_map<std::string, Standing> standings_;
  std::map<std::string, object::Ref, std::less<>> native_dtypes_;  // of numpy, by type string
  const object::Global* last_class_ = nullptr;                     // most storages are of the class of the one before
  std::optional<DType> last_dtype_{};
  std::vector<object::Ref> sparse_;
  bool dangerous_ = false;
  std::uint64_t hooked_ = 0;  // tensors with backward hooks
  std::vector<std::string> notes_;

  friend struct Rebuild;
};

/// dtype of a storage class, with or without module ("torch.FloatStorage", "FloatStorage"), libtorch's among them;
/// uint8 for untyped ones.
std::optional<DType> dtype_of_storage_class(std::string_view name) noexcept;
/// The same of a class that only libtorch names, in TorchScript: "UInt16Storage", where Python saves untyped storages.
std::optional<DType> dtype_of_libtorch_class(std::string_view name) noexcept;

}  // namespace flambeau::torch
