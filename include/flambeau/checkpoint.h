#pragma once
/// Load and save: the front door of the file wing.

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <flambeau/limits.h>
#include <flambeau/object.h>
#include <flambeau/tensor.h>

namespace flambeau {

/// Ordered names → tensors, with `_metadata`: what `model.state_dict()` gives in PyTorch. A value; tensors share their
/// storages.
class StateDict {
 public:
  struct Entry {
    std::string name;
    Tensor tensor;  ///< undefined if `extra` holds the value
    bool parameter = false;
    /// `_extra_state` and other values that are no tensors; a quantized tensor, one of a subclass or with attributes as
    /// the tree holds it. None for plain tensors.
    Value extra{};
  };
  /// One module's metadata: path ("" for the root, no final dot) and version.
  struct Module {
    std::string path;
    std::int64_t version = 1;
    Value fields{};  ///< the dict of which the version is one entry, where there are others; else None
  };

  std::size_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return entries_.empty(); }
  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }
  const Entry& operator[](std::size_t index) const { return entries_[index]; }

  const Tensor* find(std::string_view name) const noexcept;
  /// Throws Error(not_found) with the nearest names.
  const Tensor& operator[](std::string_view name) const;
  /// Adds at the end, or replaces in place.
  void set(Entry entry);
  void set(std::string name, Tensor tensor, bool parameter = false);
  void set_extra(std::string name, Value value);
  bool erase(std::string_view name);
  /// Only what matches one of `include` (all, if there is none) and none of `exclude`: patterns of glob.h. The metadata
  /// stays whole.
  StateDict select(std::span<const std::string> include, std::span<const std::string> exclude = {}) const;
  /// Gives a name's new form, or nullopt to leave it out. Module paths of the metadata come with a dot behind them, as
  /// the prefixes of names that they are (the root as ".").
  using Rename = std::function<std::optional<std::string>(std::string_view name)>;
  /// The same under other names, metadata included. Of two entries that get one name the later tensor stays, of two
  /// module paths the earlier version.
  StateDict renamed(const Rename& rename) const;
  /// The same with `prefix` ("module.") taken off the names that begin with it, metadata included.
  StateDict without_prefix(std::string_view prefix) const;

  /// False when the file had none: version-dependent upgrades then behave as torch's "version None".
  bool has_metadata() const noexcept { return has_metadata_; }
  const std::vector<Module>& metadata() const noexcept { return metadata_; }
  std::optional<std::int64_t> version(std::string_view path) const noexcept;
  void set_metadata(std::vector<Module> modules);

  /// An OrderedDict with `_metadata` as state, as torch would hold it; and back (throws Error(type) if it is none).
  Value to_value() const;
  static StateDict from_value(const Value& value);

 private:
  std::vector<Entry> entries_{};
  std::map<std::string, std::size_t, std::less<>> index_{};
  std::vector<Module> metadata_{};
  bool has_metadata_ = false;
};

/// How bytes come into the process.
enum class Read : std::uint8_t {
  map,   ///< tensors look into the mapped file; nothing is read until it is used (default)
  lazy,  ///< `pread` when a tensor is first used: a file cut meanwhile gives an error, not a signal
  copy,  ///< everything into own memory at once, CRC compared, two threads
};

struct LoadOptions {
  Read read = Read::map;
  Limits limits{};
  /// Look at a file that names dangerous globals (for `ls`, `show`, `diff`); it cannot be saved or run.
  bool inert = false;
};

/// A loaded file: the ordered tree and what is known about its container. Copies share the tree.
class Checkpoint {
 public:
  Checkpoint();  ///< an empty dict, to build on
  explicit Checkpoint(Value root);

  const Value& root() const noexcept { return root_; }
  Value& root() noexcept { return root_; }
  Value operator[](std::string_view key) const { return root_[key]; }
  void set(std::string_view key, const Value& value) { root_.set(key, value); }
  void set(std::string_view key, const StateDict& state_dict) { root_.set(key, state_dict.to_value()); }

  /// How `state_dict` found the weights.
  struct Taken {
    std::string key{};            ///< where they lay: keys and places in lists joined by dots; "" for the root itself
    std::string prefix{};         ///< what was taken off their names
    std::string common_prefix{};  ///< what all names still begin with: perhaps one attribute of a LightningModule
    /// "took the weights under 'state_dict', and 'module.' off their names"; empty when there is nothing to tell.
    std::string to_string() const;
  };
  /// The weights: the root itself if it is a state_dict or a module (TorchScript's too), else the value under one of
  /// the usual keys
  /// ("state_dict", "model_state_dict", "model", "module", "net", "ema", …, also one inside another) that holds most
  /// tensors; also in a tuple or list ("0"). What DataParallel puts before the names ("module.") and torch.compile,
  /// FSDP and activation checkpointing into them ("_orig_mod.", …) is taken off; a `strip_prefix` takes that one off
  /// instead, "" none. Throws Error(not_found).
  StateDict state_dict() const;
  StateDict state_dict(Taken& taken, std::optional<std::string_view> strip_prefix = std::nullopt) const;

  /// A tensor whose elements are no torch dtype (quantized gguf blocks). The tree holds its bytes as a uint8 tensor.
  struct RawTensor {
    std::string name;   ///< key in the root dict
    std::string dtype;  ///< as `ls` prints it: "gguf.Q8_0"
    Shape shape;        ///< in elements of that dtype; listed without strides
  };
  struct Container {
    std::string format = "torch-zip";  ///< as `ls --json` names it
    std::string file{};
    std::string root_name{};  ///< folder inside the zip
    int pickle_protocol = 2;
    bool big_endian = false;
    std::vector<std::string> notes{};  ///< what is odd, in words for people
    std::vector<RawTensor> raw{};
    /// Free text that the container carries: safetensors' `__metadata__`, gguf's keys. In the file's order.
    std::vector<std::pair<std::string, std::string>> metadata{};
  };
  const Container& container() const noexcept { return container_; }
  Container& container() noexcept { return container_; }

 private:
  Value root_;
  Container container_{};
};

/// Reads any format that Flambeau knows; the content decides, never the name. Gives a whole Checkpoint or throws
/// Error(not_found, io, unknown_format, truncated, corrupt, checksum, unsupported, forbidden, limit).
Checkpoint load(const std::string& path, const LoadOptions& options = {});
/// `bytes` must outlive the checkpoint and every tensor of it, unless Read::copy takes them at once.
Checkpoint load(std::span<const std::byte> bytes, const LoadOptions& options = {});
Checkpoint load(std::istream& stream, const LoadOptions& options = {});

struct SaveOptions {
  enum class Format : std::uint8_t {
    zip,          ///< torch.save's container since 1.6
    legacy,       ///< the one before
    safetensors,  ///< the tensors of `Checkpoint::state_dict()` only
  } format = Format::zip;
  bool crc32 = true;
  std::uint32_t storage_alignment = 64;
  bool durable = true;  ///< fsync before the rename
  /// Called with bytes written and bytes in all; throw to cancel (the target stays untouched).
  std::function<void(std::uint64_t, std::uint64_t)> progress{};
};

/// Writes what torch.save of torch 2.13 writes for the same objects, byte for byte. The target is replaced as a whole
/// or left untouched. Throws Error(io, unsupported, forbidden).
void save(const Checkpoint& checkpoint, const std::string& path, const SaveOptions& options = {});
void save(const Value& value, const std::string& path, const SaveOptions& options = {});
void save(const StateDict& state_dict, const std::string& path, const SaveOptions& options = {});
void save(const Checkpoint& checkpoint, std::ostream& stream, const SaveOptions& options = {});
void save(const Value& value, std::ostream& stream, const SaveOptions& options = {});
void save(const StateDict& state_dict, std::ostream& stream, const SaveOptions& options = {});
std::string save_to_memory(const Value& value, const SaveOptions& options = {});

}  // namespace flambeau
