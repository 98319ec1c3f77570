#pragma once
// What the formats of PyTorch share: reading a pickle into a heap with torch's meaning, and checkpoints inside
// checkpoints.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>

#include "bytes/source.h"
#include "formats/format.h"
#include "torch/reader.h"

namespace flambeau::formats {

/// Options of a torch::Reader for a file at `depth`: checkpoints in its pickle are read at depth + 1.
torch::Reader::Options reader_options(const LoadOptions& options, unsigned depth);

/// A checkpoint inside another one (a zip or legacy file of torch.save), read into the heap of the outer one.
/// Throws Error(limit) when they nest deeper than `max_nested_files`.
object::Ref read_nested(object::Heap& heap, std::shared_ptr<const bytes::Source> source, const LoadOptions& options,
                        unsigned depth);

/// The root of a torch.save zip or legacy file, read into `heap`.
object::Ref read_torch_zip(object::Heap& heap, const archive::ZipReader& zip, const std::string& pickle,
                           const std::string& folder, const LoadOptions& options, unsigned depth,
                           Checkpoint::Container& about);
object::Ref read_torch_legacy(object::Heap& heap, std::shared_ptr<const bytes::Source> source,
                              const LoadOptions& options, unsigned depth, Checkpoint::Container& about);

/// Of containers that keep no storages under keys of their own.
class NoStorages final : public torch::Storages {
 public:
  std::shared_ptr<Storage> open(const torch::StorageId& id) override;
};

/// Storages of one file that are to be in own memory when it is loaded: two threads fill them and compare the CRCs.
class Copies {
 public:
  /// Fresh memory for `source`'s bytes, filled by `run`.
  std::shared_ptr<Storage> add(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype);
  /// Throws the first error: Error(io, truncated, checksum).
  void run();

 private:
  struct Job {
    std::shared_ptr<const StorageSource> source;
    std::shared_ptr<Storage> storage;
  };
  std::vector<Job> jobs_;
};

/// Storage over `source`: own memory when the options say copy, else read when needed.
std::shared_ptr<Storage> make_storage(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype,
                                      const LoadOptions& options, Copies& copies);

/// Bytes [offset, offset + size) of the source, cut at its end: a view of its memory, or a copy in `buffer`.
std::span<const std::byte> piece(const bytes::Source& source, std::uint64_t offset, std::uint64_t size,
                                 std::string& buffer);

/// The same error with its place `offset` bytes further on: that of a part, seen from the whole.
Error further(const Error& error, std::uint64_t offset);

/// A pickle in the middle of a source, read with a meaning and a heap of its own.
struct Pickled {
  std::shared_ptr<object::Heap> heap{};
  std::unique_ptr<pickle::Meaning> meaning{};
  pickle::Result result{};
  std::uint64_t end = 0;  ///< offset in the source just after STOP
};
/// Reads growing pieces where the source is not in memory, so `make_meaning` may be called more than once. Without one
/// everything stays inert, and dangerous globals are refused as the options say.
Pickled read_pickle_at(const bytes::Source& source, std::uint64_t offset, const LoadOptions& options,
                       const std::function<std::unique_ptr<pickle::Meaning>()>& make_meaning = {},
                       pickle::Allowance allowance = {});

}  // namespace flambeau::formats
