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

void check_inside(const Source& source, std::uint64_t offset, std::uint64_t size, const std::string& member) {
  if (!base::inside(offset, size, source.size()))
    throw Error(ErrorCode::truncated,
                std::to_string(size) + " bytes promised, the file ends at " + std::to_string(source.size()),
                {.file = source.name(), .member = member, .offset = offset});
}

std::span<const std::byte> view_of(const Source& source, std::uint64_t offset, std::uint64_t size) noexcept {
  const auto whole = source.view();
  return whole.empty() ? whole : whole.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

class Part final : public Source {
 public:
  Part(std::shared_ptr<const Source> source, std::uint64_t offset, std::uint64_t size)
      : source_(std::move(source)), offset_(offset), size_(size) {
    check_inside(*source_, offset_, size_, {});
  }

  std::uint64_t size() const noexcept override { return size_; }
  const std::string& name() const noexcept override { return source_->name(); }
  std::span<const std::byte> view() const noexcept override { return view_of(*source_, offset_, size_); }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (!base::inside(offset, into.size(), size_))
      throw Error(ErrorCode::truncated,
                  std::to_string(into.size()) + " bytes wanted, this part of the file holds " + std::to_string(size_),
                  {.file = name(), .offset = offset});
    source_->read(offset_ + offset, into);
  }

 private:
  std::shared_ptr<const Source> source_;
  std::uint64_t offset_, size_;
};

// A slice that owns what it refers to.
struct Owned {
  Owned(std::shared_ptr<const Source> from, std::uint64_t offset, std::uint64_t size, std::string name,
        const std::uint32_t* recorded)
      : source(std::move(from)),
        member(std::move(name)),
        crc(recorded ? *recorded : 0),
        slice(*source, offset, size, member, recorded ? &crc : nullptr) {}

  const std::shared_ptr<const Source> source;
  const std::string member;
  const std::uint32_t crc;
  const Slice slice;
};

}  // namespace

Slice::Slice(const Source& source, std::uint64_t offset, std::uint64_t size, const std::string& member,
             const std::uint32_t* crc)
    : source_(&source), offset_(offset), size_(size), member_(&member), crc_(crc) {
  check_inside(source, offset, size, member);
}

std::span<const std::byte> Slice::view() const noexcept { return view_of(*source_, offset_, size_); }

void Slice::read(std::uint64_t offset, std::span<std::byte> into) const {
  const Place place{source_->name(), *member_, offset, {}};
  if (!base::inside(offset, into.size(), size_))
    throw Error(ErrorCode::truncated,
                std::to_string(into.size()) + " bytes wanted, the record holds " + std::to_string(size_), place);
  try {
    source_->read(offset_ + offset, into);
  } catch (const Error& error) {  // its offset counts from the start of the file
    throw Error(error.code(), error.message(), place);
  }
}

bool Slice::recorded_crc(std::uint32_t& crc) const noexcept {
  if (crc_) crc = *crc_;
  return crc_ != nullptr;
}

Place Slice::place() const {
  Place place{source_->name(), *member_, {}, {}};
  if (member_->empty()) place.offset = offset_;
  return place;
}

std::shared_ptr<const Source> from_memory(std::string bytes, std::string name) {
  return std::make_shared<Memory>(std::move(bytes), std::move(name));
}

std::shared_ptr<const Source> borrow(std::span<const std::byte> bytes, std::string name) {
  return std::make_shared<Memory>(bytes, std::move(name));
}

std::shared_ptr<const StorageSource> slice(std::shared_ptr<const Source> source, std::uint64_t offset,
                                           std::uint64_t size, std::string member, const std::uint32_t* crc) {
  auto owned = std::make_shared<const Owned>(std::move(source), offset, size, std::move(member), crc);
  return {owned, &owned->slice};
}

std::shared_ptr<const Source> part(std::shared_ptr<const Source> source, std::uint64_t offset, std::uint64_t size) {
  return std::make_shared<Part>(std::move(source), offset, size);
}

void MemorySink::write(std::span<const std::byte> bytes) {
  text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace flambeau::bytes
