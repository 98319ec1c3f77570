#include "formats/safetensors.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/checked.h"
#include "formats/flat.h"
#include "formats/strict_json.h"

namespace flambeau::formats::safetensors {
namespace {

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t max_header = 100'000'000;  // the crate's own cap

std::uint64_t header_length(std::span<const std::byte> head) {
  std::uint64_t length = 0;
  std::memcpy(&length, head.data(), length_bytes);
  return length;
}

struct Entry {
  std::string name;
  DType dtype = DType::uint8;
  Shape shape{};
  std::uint64_t begin = 0, end = 0;
};

std::optional<DType> dtype_of(std::string_view name) {
  for (const auto& row : dtypes)
    if (!row.safetensors.empty() && row.safetensors == name) return row.dtype;
  return std::nullopt;
}

class Header {
 public:
  Header(std::string_view text, const Place& place, const Limits& limits)
      : json_(text, place), place_(place), limits_(limits) {
    json_.each([this](std::string_view key, StrictJson::Element value) {
      if (key == "__metadata__")
        json_.each(value, "__metadata__", [this](std::string_view name, StrictJson::Element text_value) {
          metadata_.emplace_back(name, json_.text(text_value, fmt::format("__metadata__ '{}'", name)));
        });
      else
        entries_.push_back(entry(key, value));
    });
  }

  std::vector<Entry>& entries() { return entries_; }
  std::vector<std::pair<std::string, std::string>>& metadata() { return metadata_; }

  /// The tensors' bytes follow each other without hole or overlap and end with the file.
  void check_tiling(std::uint64_t data_bytes) const {
    std::vector<const Entry*> order;
    order.reserve(entries_.size());
    for (const auto& entry : entries_) order.push_back(&entry);
    std::sort(order.begin(), order.end(),
              [](const Entry* a, const Entry* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
    std::uint64_t at = 0;
    for (const Entry* entry : order) {
      if (entry->begin != at)
        fail(entry->name, fmt::format("starts at byte {} of the data, the one before ends at {}", entry->begin, at));
      at = entry->end;
    }
    if (at > data_bytes)
      throw Error(ErrorCode::truncated, fmt::format("the tensors take {} bytes, {} follow the header", at, data_bytes),
                  place_);
    if (at < data_bytes)
      throw Error(ErrorCode::corrupt, fmt::format("the tensors take {} bytes, {} follow the header", at, data_bytes),
                  place_);
  }

 private:
  Entry entry(std::string_view key, StrictJson::Element value) {
    Entry entry{.name = std::string(key)};
    const std::string what = fmt::format("tensor '{}'", key);
    std::string_view dtype;
    bool has_dtype = false, has_shape = false, has_offsets = false;
    json_.each(value, what, [&](std::string_view field, StrictJson::Element content) {
      if (field == "dtype") {
        dtype = json_.text(content, what + ": dtype");
        has_dtype = true;
      } else if (field == "shape") {
        for (const auto size : json_.array(content, what + ": shape"))
          entry.shape.push_back(size_of(json_.count(size, what + ": shape"), what));
        has_shape = true;
      } else if (field == "data_offsets") {
        const auto pair = json_.array(content, what + ": data_offsets");
        if (pair.size() != 2) json_.fail(what, fmt::format("has {} data_offsets, 2 needed", pair.size()));
        entry.begin = json_.count(pair.at(0).value(), what + ": data_offsets");
        entry.end = json_.count(pair.at(1).value(), what + ": data_offsets");
        has_offsets = true;
      }
    });
    if (!has_dtype || !has_shape || !has_offsets)
      json_.fail(what, fmt::format("has no {}", !has_dtype ? "dtype" : !has_shape ? "shape" : "data_offsets"));
    finish(entry, dtype);
    return entry;
  }

  std::int64_t size_of(std::uint64_t value, const std::string& what) const {
    if (value >= std::uint64_t{1} << 63) json_.fail(what, fmt::format("has a size of {}", value));
    return static_cast<std::int64_t>(value);
  }

  void finish(Entry& entry, std::string_view dtype) const {
    const auto known = dtype_of(dtype);
    if (!known) throw Error(ErrorCode::unsupported, fmt::format("dtype '{}' is not known", dtype), at(entry.name));
    entry.dtype = *known;
    if (entry.shape.size() > limits_.max_tensor_rank)
      throw Error(ErrorCode::limit,
                  fmt::format("{} dimensions exceed max_tensor_rank = {}", entry.shape.size(), limits_.max_tensor_rank),
                  at(entry.name));
    if (entry.dtype == DType::float4_e2m1fn_x2) {  // counted in halves of a byte there, in whole bytes by torch
      if (entry.shape.empty() || entry.shape.back() % 2 != 0)
        fail(entry.name, "has F4 rows that do not fill whole bytes");
      entry.shape.back() /= 2;
    }
    std::uint64_t needed = itemsize(entry.dtype);
    bool fits = true, empty = false;
    for (const auto size : entry.shape) {
      empty = empty || size == 0;
      fits = fits && (size == 0 || base::checked_mul(needed, static_cast<std::uint64_t>(size), needed));
    }
    if (!fits) fail(entry.name, fmt::format("has shape {}, which overflows", to_string(entry.shape)));
    if (empty) needed = 0;
    if (entry.end < entry.begin || entry.end - entry.begin != needed)
      fail(entry.name, fmt::format("has data_offsets [{}, {}], {} bytes needed for {} of shape {}", entry.begin,
                                   entry.end, needed, name(entry.dtype), to_string(entry.shape)));
  }

  Place at(const std::string& tensor) const {
    Place place = place_;
    place.tensor = tensor;
    return place;
  }
  [[noreturn]] void fail(const std::string& tensor, std::string_view problem) const {
    throw Error(ErrorCode::corrupt, std::string(problem), at(tensor));
  }

  StrictJson json_;
  Place place_;
  Limits limits_;
  std::vector<Entry> entries_{};
  std::vector<std::pair<std::string, std::string>> metadata_{};
};

}  // namespace

bool sniff(std::span<const std::byte> head) {
  if (head.size() <= length_bytes) return false;
  const std::uint64_t length = header_length(head);
  return length >= 2 && length <= max_header && head[length_bytes] == std::byte{'{'};
}

Checkpoint read(std::shared_ptr<const bytes::Source> source, const LoadOptions& options) {
  const Place place{.file = source->name(), .member = {}, .offset = {}, .tensor = {}};
  if (source->size() < length_bytes)
    throw Error(ErrorCode::truncated, fmt::format("the file holds {} bytes, {} needed", source->size(), length_bytes),
                place);
  std::array<std::byte, length_bytes> prefix{};
  source->read(0, prefix);
  const std::uint64_t length = header_length(prefix);
  const std::uint64_t rest = source->size() - length_bytes;
  if (length < 2) throw Error(ErrorCode::corrupt, fmt::format("a header of {} bytes, 2 needed", length), place);
  if (length > max_header || length > options.limits.max_json_bytes)
    throw Error(ErrorCode::limit,
                fmt::format("a header of {} bytes exceeds max_json_bytes = {}", length,
                            std::min(max_header, options.limits.max_json_bytes)),
                place);
  if (length > rest)
    throw Error(ErrorCode::truncated, fmt::format("a header of {} bytes, the file holds {} more", length, rest), place);

  const std::string text = read_text(*source, length_bytes, length);
  if (text.front() != '{') throw Error(ErrorCode::corrupt, "the header does not start with '{'", place);
  Header header(text, place, options.limits);
  header.check_tiling(rest - length);

  FlatBuilder builder("safetensors", source->name(), options);
  builder.container().metadata = std::move(header.metadata());
  const std::uint64_t start = length_bytes + length;
  for (auto& entry : header.entries())
    builder.add(entry.name, bytes::slice(source, start + entry.begin, entry.end - entry.begin, {}, nullptr),
                entry.end - entry.begin, entry.dtype, std::move(entry.shape));
  return builder.finish();
}

}  // namespace flambeau::formats::safetensors
