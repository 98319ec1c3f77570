#include "archive/inflate.h"

#include <libdeflate.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <new>

#include <flambeau/error.h>

#include "archive/crc.h"
#include "base/checked.h"
#include "bytes/crc32.h"

namespace flambeau::archive {
namespace {

class Inflated final : public StorageSource {
 public:
  Inflated(std::shared_ptr<const bytes::Source> source, const Entry& entry)
      : source_(std::move(source)), entry_(entry) {}

  std::span<const std::byte> view() const noexcept override {
    if (!ready_.load(std::memory_order_acquire)) return {};
    return {cache_.get(), static_cast<std::size_t>(entry_.size)};
  }

  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (!base::inside(offset, into.size(), entry_.size))
      throw Error(ErrorCode::truncated,
                  std::to_string(into.size()) + " bytes wanted, the record holds " + std::to_string(entry_.size),
                  {source_->name(), entry_.name, offset, {}});
    if (into.size() == entry_.size && !ready_.load(std::memory_order_acquire)) return inflate(into);
    {
      const std::scoped_lock lock(mutex_);
      if (!ready_.load(std::memory_order_relaxed)) {
        auto cache = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(entry_.size));
        inflate({cache.get(), static_cast<std::size_t>(entry_.size)});
        cache_ = std::move(cache);
        ready_.store(true, std::memory_order_release);
      }
    }
    if (!into.empty()) std::memcpy(into.data(), cache_.get() + offset, into.size());
  }

  bool recorded_crc(std::uint32_t& crc) const noexcept override {
    if (entry_.crc_recorded) crc = entry_.crc32;
    return entry_.crc_recorded;
  }
  Place place() const override { return {source_->name(), entry_.name, {}, {}}; }

 private:
  void inflate(std::span<std::byte> into) const {
    const auto size = static_cast<std::size_t>(entry_.compressed_size);
    std::span<const std::byte> packed = source_->view();
    std::unique_ptr<std::byte[]> copy;
    if (packed.empty()) {
      copy = std::make_unique_for_overwrite<std::byte[]>(size);
      source_->read(entry_.data_offset, {copy.get(), size});
      packed = {copy.get(), size};
    } else {
      packed = packed.subspan(static_cast<std::size_t>(entry_.data_offset), size);
    }
    const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> machine(
        libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
    if (!machine) throw std::bad_alloc();
    std::size_t taken = 0, given = 0;
    const auto result = libdeflate_deflate_decompress_ex(machine.get(), packed.data(), packed.size(), into.data(),
                                                         into.size(), &taken, &given);
    const Place place{.file = source_->name(), .member = entry_.name};
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
      throw Error(ErrorCode::corrupt, "inflates to more than the " + std::to_string(entry_.size) + " bytes stated",
                  place);
    if (result != LIBDEFLATE_SUCCESS) throw Error(ErrorCode::corrupt, "its deflate stream is broken", place);
    if (given != into.size() || taken != size)
      throw Error(ErrorCode::corrupt,
                  std::to_string(taken) + " of " + std::to_string(size) + " bytes inflate to " + std::to_string(given) +
                      ", stated are " + std::to_string(entry_.size),
                  place);
    if (entry_.crc_recorded) check_crc(bytes::crc32(0, into), entry_.crc32, place);
  }

  std::shared_ptr<const bytes::Source> source_;
  Entry entry_;
  mutable std::mutex mutex_{};
  mutable std::unique_ptr<std::byte[]> cache_{};
  mutable std::atomic<bool> ready_{false};  // cache_ is whole and stays
};

}  // namespace

std::shared_ptr<const StorageSource> inflated(std::shared_ptr<const bytes::Source> source, const Entry& entry) {
  return std::make_shared<Inflated>(std::move(source), entry);
}

}  // namespace flambeau::archive
