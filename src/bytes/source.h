#pragma once
// Bytes in: a file (mapped, or read with pread) or memory. Bytes out: a sink, a file replaced atomically.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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

/// Opens a regular file (O_NOFOLLOW is not used; a folder or device is refused). Throws Error(not_found, io). A pipe is
/// read whole into memory if `max_stream_bytes` allows any, and never waited for; throws Error(limit) for more.
/// What cannot be mapped is read. A mapped file that another process cuts meanwhile raises SIGBUS when its lost pages
/// are touched; `pread` gives an error.
std::shared_ptr<const Source> open_file(const std::string& path, Access access, std::uint64_t max_stream_bytes = 0);
/// Takes the bytes.
std::shared_ptr<const Source> from_memory(std::string bytes, std::string name = "<memory>");
/// Bytes that the caller keeps alive.
std::shared_ptr<const Source> borrow(std::span<const std::byte> bytes, std::string name = "<memory>");

/// [offset, offset + size) of a source as a storage source; `crc` null for none recorded, `member` for error texts. All
/// that it is given outlives it.
class Slice final : public StorageSource {
 public:
  /// Throws Error(truncated) when the source ends before.
  Slice(const Source& source, std::uint64_t offset, std::uint64_t size, const std::string& member,
        const std::uint32_t* crc);
  std::span<const std::byte> view() const noexcept override;
  void read(std::uint64_t offset, std::span<std::byte> into) const override;
  bool recorded_crc(std::uint32_t& crc) const noexcept override;
  Place place() const override;

 private:
  const Source* source_;
  std::uint64_t offset_, size_;
  const std::string* member_;
  const std::uint32_t* crc_;
};

/// The same with what it needs.
std::shared_ptr<const StorageSource> slice(std::shared_ptr<const Source> source, std::uint64_t offset,
                                           std::uint64_t size, std::string member, const std::uint32_t* crc);

/// [offset, offset + size) of a source as a source of its own (a checkpoint inside a file). Throws Error(truncated).
std::shared_ptr<const Source> part(std::shared_ptr<const Source> source, std::uint64_t offset, std::uint64_t size);

/// Where output goes. Not thread-safe.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Takes all bytes or throws. Pieces of any size are fine: what gains from large ones collects them.
  virtual void write(std::span<const std::byte> bytes) = 0;
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
};

/// Collects everything in memory.
class MemorySink final : public Sink {
 public:
  using Sink::write;
  void write(std::span<const std::byte> bytes) override;
  const std::string& text() const noexcept { return text_; }
  std::string take() noexcept { return std::move(text_); }

 private:
  std::string text_{};
};

/// A file that replaces its target as a whole on `commit` (sibling temporary file, fsync, rename, fsync of the folder)
/// and leaves it untouched otherwise; the destructor removes the temporary file. The old file's mode is kept, and its
/// owner and ACL where that is allowed; a symbolic link stays, and what it points to is replaced. A target that is no
/// regular file, or that may not be written, is refused. Every failure is an Error(io) that names the step and the
/// system's reason.
class AtomicFile final : public Sink {
 public:
  /// `durable` false leaves out both fsyncs: still all or nothing for other processes, but not after a power cut.
  /// Throws Error(not_found) in torch's words when the folder does not exist.
  explicit AtomicFile(const std::string& path, bool durable = true);
  ~AtomicFile() override;
  using Sink::write;
  void write(std::span<const std::byte> bytes) override;
  /// The last call: afterwards the file can take no more.
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flambeau::bytes
