#include "bytes/source.h"

#include <cstring>

#include <flambeau/error.h>

#include "base/checked.h"

namespace flambeau::bytes {
namespace {

class Memory final : public Source {
 public:
  Memory(std::span<const std::byte> bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}
  Memory(std::string bytes, std::string name)
      : own_(std::move(bytes)), bytes_(std::as_bytes(std::span(own_))), name_(std::move(name)) {}
  Memory(const Memory&) = delete;  // bytes_ may look into own_
  Memory& operator=(const Memory&) = delete;

  std::uint64_t size() const noexcept override { return bytes_.size(); }
  const std::string& name() const noexcept override { return name_; }
  std::span<const std::byte> view() const noexcept override { return bytes_; }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (!base::inside(offset, into.size(), bytes_.size()))
      throw Error(ErrorCode::truncated,
                  std::to_string(into.size()) + " bytes wanted, the data ends at " + std::to_string(bytes_.size()),
                  {.file = name_, .offset = offset});
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }

 private:
  std::string own_{};
  std::span<const std::byte> bytes_;
  std::string name_;
};

// A range of a source that is known to lie inside it.
struct Range {
  std::shared_ptr<const Source> source;
  std::uint64_t offset, size;

  Range(std::shared_ptr<const Source> from, std::uint64_t start, std::uint64_t length, const std::string& member)
      : source(std::move(from)), offset(start), size(length) {
    if (!base::inside(offset, size, source->size()))
      throw Error(ErrorCode::truncated,
                  std::to_string(size) + " bytes promised, the file ends at " + std::to_string(source->size()),
                  {.file = source->name(), .member = member, .offset = offset});
  }
  std::span<const std::byte> view() const noexcept {
    const auto whole = source->view();
    return whole.empty() ? whole : whole.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  }
};

class Slice final : public StorageSource {
 public:
  Slice(Range range, std::string member, const std::uint32_t* crc)
      : range_(std::move(range)), member_(std::move(member)), crc_(crc ? *crc : 0), has_crc_(crc != nullptr) {}

  std::span<const std::byte> view() const noexcept override { return range_.view(); }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    const Place place{range_.source->name(), member_, offset, {}};
    if (!base::inside(offset, into.size(), range_.size))
      throw Error(ErrorCode::truncated,
                  std::to_string(into.size()) + " bytes wanted, the record holds " + std::to_string(range_.size),
                  place);
    try {
      range_.source->read(range_.offset + offset, into);
    } catch (const Error& error) {  // its offset counts from the start of the file
      throw Error(error.code(), error.message(), place);
    }
  }
  bool recorded_crc(std::uint32_t& crc) const noexcept override {
    if (has_crc_) crc = crc_;
    return has_crc_;
  }
  std::string describe() const override {
    std::string text = range_.source->name();
    if (!member_.empty()) text += ": " + member_;
    return text + ": byte " + std::to_string(range_.offset);
  }

 private:
  Range range_;
  std::string member_;
  std::uint32_t crc_;
  bool has_crc_;
};

class Part final : public Source {
 public:
  explicit Part(Range range) : range_(std::move(range)) {}

  std::uint64_t size() const noexcept override { return range_.size; }
  const std::string& name() const noexcept override { return range_.source->name(); }
  std::span<const std::byte> view() const noexcept override { return range_.view(); }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (!base::inside(offset, into.size(), range_.size))
      throw Error(
          ErrorCode::truncated,
          std::to_string(into.size()) + " bytes wanted, this part of the file holds " + std::to_string(range_.size),
          {.file = name(), .offset = offset});
    range_.source->read(range_.offset + offset, into);
  }

 private:
  Range range_;
};

}  // namespace

std::shared_ptr<const Source> from_memory(std::string bytes, std::string name) {
  return std::make_shared<Memory>(std::move(bytes), std::move(name));
}

std::shared_ptr<const Source> borrow(std::span<const std::byte> bytes, std::string name) {
  return std::make_shared<Memory>(bytes, std::move(name));
}

std::shared_ptr<const StorageSource> slice(std::shared_ptr<const Source> source, std::uint64_t offset,
                                           std::uint64_t size, std::string member, const std::uint32_t* crc) {
  Range range(std::move(source), offset, size, member);
  return std::make_shared<Slice>(std::move(range), std::move(member), crc);
}

std::shared_ptr<const Source> part(std::shared_ptr<const Source> source, std::uint64_t offset, std::uint64_t size) {
  return std::make_shared<Part>(Range(std::move(source), offset, size, {}));
}

void MemorySink::write(std::span<const std::byte> bytes) {
  text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace flambeau::bytes
