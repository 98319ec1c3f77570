// Files as sources: mapped, or read piece by piece.

#include <fcntl.h>
#include <sys/mman.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/checked.h"
#include "base/threads.h"
#include "bytes/posix.h"
#include "bytes/source.h"

namespace flambeau::bytes {
namespace {

class ReadFile : public Source {
 public:
  ReadFile(Descriptor file, std::uint64_t size, const std::string& path)
      : file_(std::move(file)), size_(size), name_(path) {}

  std::uint64_t size() const noexcept override { return size_; }
  const std::string& name() const noexcept override { return name_; }
  std::span<const std::byte> view() const noexcept override { return {}; }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (!base::inside(offset, into.size(), size_))
      throw Error(ErrorCode::truncated,
                  std::to_string(into.size()) + " bytes wanted, the file ends at " + std::to_string(size_),
                  {.file = name_, .offset = offset});
    while (!into.empty()) {
      const ssize_t count = ::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_errno(errno, "read", name_);
      if (count == 0)
        throw Error(ErrorCode::truncated,
                    "the file was cut while it was read: " + std::to_string(into.size()) + " more bytes wanted of " +
                        std::to_string(size_),
                    {.file = name_, .offset = offset});
      into = into.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

 protected:
  Descriptor file_;
  std::uint64_t size_;
  std::string name_;
};

// glibc's locks and counters cost less in a process that has only ever had one thread.
bool has_one_thread() noexcept {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

// A page table's entry is to be cleared for each page that was touched, which takes one thread 30 ms for a gigabyte.
void give_back(std::byte* start, std::size_t size) noexcept {
  constexpr std::size_t large = 64 << 20, page = 64 << 10;  // at least a page of any system
  if (size < large || has_one_thread()) return;
  const std::size_t half = size / 2 / page * page;
  base::in_threads(2, 2,
                   [&](std::size_t i) { ::madvise(start + i * half, i == 0 ? half : size - half, MADV_DONTNEED); });
}

// read() still reads: a copy from the page cache is faster than faulting the pages in, and gives errors, not signals.
class MappedFile final : public ReadFile {
 public:
  MappedFile(Descriptor file, std::uint64_t size, const std::string& path) : ReadFile(std::move(file), size, path) {
    if (size == 0) return;  // mmap refuses a length of 0
    if (size > SIZE_MAX) throw_errno(EFBIG, "map", path);
    void* start = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_PRIVATE, file_.get(), 0);
    if (start == MAP_FAILED) throw_errno(errno, "map", path);
    start_ = static_cast<const std::byte*>(start);
  }
  ~MappedFile() override {
    if (!start_) return;
    auto* const start = const_cast<std::byte*>(start_);
    const auto size = static_cast<std::size_t>(size_);
    give_back(start, size);
    ::munmap(start, size);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> view() const noexcept override { return {start_, static_cast<std::size_t>(size_)}; }

 private:
  const std::byte* start_ = nullptr;
};

}  // namespace

std::shared_ptr<const Source> open_file(const std::string& path, Access access) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer; it means nothing for regular files.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    const int number = errno;
    throw_errno(number, "open", path, number == ENOENT || number == ENOTDIR ? ErrorCode::not_found : ErrorCode::io);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno(errno, "stat", path);
  if (S_ISDIR(status.st_mode)) throw_errno(EISDIR, "read", path);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::io, "is no regular file", {.file = path});
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (access == Access::map) return std::make_shared<MappedFile>(std::move(file), size, path);
  return std::make_shared<ReadFile>(std::move(file), size, path);
}

}  // namespace flambeau::bytes
