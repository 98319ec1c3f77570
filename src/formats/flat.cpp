#include "formats/flat.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/checked.h"
#include "base/py_repr.h"

namespace flambeau::formats {

FlatBuilder::FlatBuilder(std::string_view format, std::string file, const LoadOptions& options) : options_(options) {
  container_.format = format;
  container_.file = std::move(file);
}

void FlatBuilder::add(std::string_view name, Tensor tensor) { add(name, heap_->tensor(std::move(tensor))); }

void FlatBuilder::add(std::string_view name, object::Ref value) { items_.emplace_back(heap_->string(name), value); }

void FlatBuilder::add(std::string_view name, const Value& value) { add(name, object::copy(*heap_, value.ref())); }

void FlatBuilder::add(std::string_view name, std::shared_ptr<const StorageSource> source, std::uint64_t nbytes,
                      DType dtype, Shape shape) {
  try {
    Shape strides = contiguous_strides(shape);
    add(name, Tensor(storage(std::move(source), nbytes, dtype), dtype, std::move(shape), std::move(strides)));
  } catch (const Error& error) {
    throw error.at({.file = container_.file, .member = {}, .offset = {}, .tensor = std::string(name)});
  }
}

std::shared_ptr<Storage> FlatBuilder::storage(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes,
                                              DType dtype) {
  return make_storage(std::move(source), nbytes, dtype, options_, copies_);
}

Checkpoint FlatBuilder::finish() { return checkpoint(heap_->dict(std::move(items_))); }
Checkpoint FlatBuilder::finish(Tensor root) { return checkpoint(heap_->tensor(std::move(root))); }

Checkpoint FlatBuilder::checkpoint(object::Ref root) {
  copies_.run();
  Checkpoint checkpoint(Value(std::move(heap_), root));
  checkpoint.container() = std::move(container_);
  return checkpoint;
}

std::string read_text(const bytes::Source& source, std::uint64_t offset, std::uint64_t size) {
  if (!base::inside(offset, size, source.size()))
    throw Error(ErrorCode::truncated, fmt::format("{} bytes needed, the file ends at {}", size, source.size()),
                {.file = source.name(), .member = {}, .offset = offset, .tensor = {}});
  std::string text(static_cast<std::size_t>(size), '\0');
  source.read(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

void check_inner_path(std::string_view path, const Place& place) {
  const bool odd = std::any_of(path.begin(), path.end(),
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7f; });
  bool safe = !path.empty() && !odd;
  for (std::size_t start = 0; safe && start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    safe = !part.empty() && part != "." && part != ".." && !(start == 0 && part.size() >= 2 && part[1] == ':');
    start = end + 1;
  }
  if (!safe)
    throw Error(ErrorCode::corrupt, fmt::format("{} is no name of a file inside the folder", base::py_repr(path)),
                place);
}

bytes::Access access_of(const LoadOptions& options) noexcept {
  return options.read == Read::map ? bytes::Access::map : bytes::Access::pread;
}

}  // namespace flambeau::formats
