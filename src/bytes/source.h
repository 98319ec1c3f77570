#pragma once
// Bytes in: a file (mapped, or read with pread) or memory. Bytes out: a sink, a file replaced atomically.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <flambeau/bytes.h>

namespace flambeau::bytes {

/// Random access to the bytes of one input. Immutable; threads may share it.
class Source {
 public:
  virtual ~Source() = default;
  virtual std::uint64_t size() const noexcept = 0;
  /// Path for error texts ("<memory>", "<stream>").
  virtual const std::string& name() const noexcept = 0;
  /// Everything when it is mapped or in memory, else empty.
  virtual std::span<const std::byte> view() const noexcept = 0;
  /// Copies exactly into.size() bytes. Throws Error(truncated) past the end, Error(io).
  virtual void read(std::uint64_t offset, std::span<std::byte> into) const = 0;
};

enum class Access : std::uint8_t { map, pread };

/// Opens a regular file (O_NOFOLLOW is not used; a folder, FIFO or device is refused). Throws Error(not_found, io).
std::shared_ptr<const Source> open_file(const std::string& path, Access access);
/// Takes the bytes.
std::shared_ptr<const Source> from_memory(std::string bytes, std::string name = "<memory>");
/// Bytes that the caller keeps alive.
std::shared_ptr<const Source> borrow(std::span<const std::byte> bytes, std::string name = "<memory>");

/// [offset, offset + size) of a source as a storage source; `crc` null for none recorded.
std::shared_ptr<const StorageSource> slice(std::shared_ptr<const Source> source, std::uint64_t offset, std::uint64_t size,
                                           std::string member, const std::uint32_t* crc);

/// Where output goes. Not thread-safe.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
};

/// A file that replaces its target as a whole on `commit` (sibling temporary file, fsync, rename, fsync of the folder; the
/// old file's mode is kept) and leaves it untouched otherwise; the destructor removes the temporary file.
class AtomicFile final : public Sink {
 public:
  explicit AtomicFile(const std::string& path, bool durable = true);
  ~AtomicFile() override;
  void write(std::span<const std::byte> bytes) override;
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flambeau::bytes
