#include <flambeau/error.h>
#include <flambeau/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>

#include "bytes/crc32.h"
#include "tensor/memory.h"

namespace flambeau {
namespace {

/// Copy and checksum go hand in hand in pieces that stay in the second-level cache.
constexpr std::size_t cache_block = 256u << 10;

class Checksum {
 public:
  explicit Checksum(const StorageSource& source) : source_(source), recorded_(source.recorded_crc(expected_)) {}
  void add(std::span<const std::byte> piece) {
    if (recorded_) found_ = bytes::crc32(found_, piece);
  }
  void compare() const {
    if (recorded_ && found_ != expected_)
      throw Error(ErrorCode::checksum,
                  fmt::format("the data's crc-32 is {:08x}, recorded is {:08x}", found_, expected_), source_.place());
  }

 private:
  const StorageSource& source_;
  std::uint32_t expected_ = 0, found_ = 0;
  bool recorded_;
};

}  // namespace

struct Storage::Impl {
  std::uint64_t nbytes = 0;
  DType dtype{};
  std::string location = "cpu";
  std::shared_ptr<const StorageSource> source{};
  std::span<std::byte> borrowed{};

  // `data` is where readers look: own memory, the caller's, or the source's view. Once set it changes only from a view
  // to own memory, and the view stays alive with the source.
  mutable std::mutex mutex{};
  mutable tensor::Memory own{};
  mutable std::atomic<const std::byte*> data{nullptr};
  mutable std::atomic<bool> checked{false};
  std::atomic<std::uint64_t> version{0};

  std::span<const std::byte> span() const noexcept {
    return {data.load(std::memory_order_acquire), static_cast<std::size_t>(nbytes)};
  }
  std::span<const std::byte> view() const { return source ? source->view() : std::span<const std::byte>{}; }

  /// Hands every byte to `piece`, block by block, and compares the CRC at the end unless that was done before.
  template <class Piece>
  void stream_view(std::span<const std::byte> from, Piece&& piece) const {
    if (checked.load(std::memory_order_acquire) || !source) {
      piece(from, std::uint64_t{0});
      return;
    }
    Checksum checksum(*source);
    for (std::size_t at = 0; at < from.size(); at += cache_block) {
      const auto block = from.subspan(at, std::min(cache_block, from.size() - at));
      checksum.add(block);
      piece(block, at);
    }
    checksum.compare();
    checked.store(true, std::memory_order_release);
  }

  /// Reads all from the source into `into`, comparing the CRC.
  void read_into(std::span<std::byte> into) const {
    Checksum checksum(*source);
    for (std::size_t at = 0; at < into.size(); at += cache_block) {
      const auto block = into.subspan(at, std::min(cache_block, into.size() - at));
      source->read(at, block);
      checksum.add(block);
    }
    checksum.compare();
  }

  void copy_into(std::span<std::byte> into) const {
    if (const auto* const from = data.load(std::memory_order_acquire))
      stream_view({from, static_cast<std::size_t>(nbytes)}, [&](std::span<const std::byte> block, std::uint64_t at) {
        std::memcpy(into.data() + at, block.data(), block.size());
      });
    else
      read_into(into);
  }

  /// Makes own memory that holds the bytes. The caller holds the mutex.
  void adopt() const {
    tensor::Memory fresh(nbytes, false);
    copy_into(fresh.span());
    own = std::move(fresh);
    data.store(own.data(), std::memory_order_release);
    checked.store(true, std::memory_order_release);
  }
};

struct Storage::Shared final : Storage {
  Shared() noexcept : Storage(&impl) {}
  Impl impl{};
};

Storage::~Storage() = default;

std::shared_ptr<Storage> Storage::make(std::uint64_t nbytes, DType dtype) {
  auto made = std::make_shared<Shared>();
  made->impl.nbytes = nbytes;
  made->impl.dtype = dtype;
  return made;
}

std::shared_ptr<Storage> Storage::zeros(std::uint64_t nbytes, DType dtype) {
  auto made = make(nbytes, dtype);
  Impl* const impl = made->impl_;
  impl->own = tensor::Memory(nbytes, true);
  impl->data = impl->own.data();
  impl->checked = true;
  return made;
}

std::shared_ptr<Storage> Storage::uninitialized(std::uint64_t nbytes, DType dtype) {
  auto made = make(nbytes, dtype);
  Impl* const impl = made->impl_;
  impl->own = tensor::Memory(nbytes, false);
  impl->data = impl->own.data();
  impl->checked = true;
  return made;
}

std::shared_ptr<Storage> Storage::from(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, DType dtype) {
  if (!source) throw Error(ErrorCode::invalid_argument, "a storage needs a source");
  const auto view = source->view();
  if (!view.empty() && view.size() != nbytes)
    throw Error(view.size() < nbytes ? ErrorCode::truncated : ErrorCode::corrupt,
                fmt::format("the payload holds {} bytes, {} needed", view.size(), nbytes), source->place());
  auto made = make(nbytes, dtype);
  Impl* const impl = made->impl_;
  impl->data = view.empty() ? nullptr : view.data();
  impl->checked = nbytes == 0;
  impl->source = std::move(source);
  return made;
}

std::shared_ptr<Storage> Storage::borrow(std::span<std::byte> memory, DType dtype) {
  auto made = make(memory.size(), dtype);
  Impl* const impl = made->impl_;
  impl->borrowed = memory;
  impl->version = 1;
  impl->data = memory.data();
  impl->checked = true;
  return made;
}

std::uint64_t Storage::nbytes() const noexcept { return impl_->nbytes; }
DType Storage::dtype() const noexcept { return impl_->dtype; }
const std::string& Storage::location() const noexcept { return impl_->location; }
void Storage::set_location(std::string location) { impl_->location = std::move(location); }

std::span<const std::byte> Storage::bytes() const {
  if (!impl_->checked.load(std::memory_order_acquire)) {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->checked.load(std::memory_order_relaxed)) {
      if (impl_->data.load(std::memory_order_relaxed) == nullptr)
        impl_->adopt();
      else
        impl_->stream_view(impl_->span(), [](std::span<const std::byte>, std::uint64_t) {});
    }
  }
  return impl_->span();
}

std::span<const std::byte> Storage::unchecked_bytes() const { return resident() ? impl_->span() : bytes(); }

std::span<const std::byte> Storage::aligned_bytes(std::size_t alignment) const {
  const auto all = bytes();
  if (reinterpret_cast<std::uintptr_t>(all.data()) % alignment == 0) return all;
  if (!impl_->source)
    throw Error(ErrorCode::invalid_argument, fmt::format("the memory is not aligned to {} bytes", alignment));
  const std::lock_guard lock(impl_->mutex);
  if (impl_->own.data() == nullptr) impl_->adopt();
  return impl_->span();
}

void Storage::copy_to(std::span<std::byte> into) const {
  if (into.size() != impl_->nbytes)
    throw Error(ErrorCode::invalid_argument,
                fmt::format("a storage of {} bytes cannot be copied into {} bytes", impl_->nbytes, into.size()));
  if (!into.empty()) impl_->copy_into(into);
}

void Storage::each_block(const std::function<void(std::span<const std::byte>)>& take) const {
  if (impl_->nbytes == 0) return;
  if (impl_->data.load(std::memory_order_acquire) != nullptr) {
    impl_->stream_view(impl_->span(), [&](std::span<const std::byte> block, std::uint64_t) { take(block); });
    return;
  }
  tensor::Memory buffer(std::min<std::uint64_t>(impl_->nbytes, cache_block), false);
  Checksum checksum(*impl_->source);
  for (std::uint64_t at = 0; at < impl_->nbytes; at += cache_block) {
    const auto block =
        buffer.span().first(static_cast<std::size_t>(std::min<std::uint64_t>(cache_block, impl_->nbytes - at)));
    impl_->source->read(at, block);
    checksum.add(block);
    take(block);
  }
  checksum.compare();
}

std::uint32_t Storage::crc32() const {
  std::uint32_t crc = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->source && impl_->own.data() == nullptr && impl_->source->recorded_crc(crc)) return crc;
  }
  crc = 0;
  each_block([&](std::span<const std::byte> block) { crc = bytes::crc32(crc, block); });
  return crc;
}

std::uint64_t Storage::version() const noexcept { return impl_->version.load(std::memory_order_relaxed); }

std::span<std::byte> Storage::mutable_bytes() {
  impl_->version.fetch_add(1, std::memory_order_relaxed);
  if (!impl_->borrowed.empty()) return impl_->borrowed;
  if (impl_->source && impl_->own.data() == nullptr && impl_->nbytes > 0) {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->own.data() == nullptr) impl_->adopt();
  }
  return impl_->own.span();
}

bool Storage::resident() const noexcept {
  return impl_->nbytes == 0 || impl_->data.load(std::memory_order_acquire) != nullptr;
}

}  // namespace flambeau
