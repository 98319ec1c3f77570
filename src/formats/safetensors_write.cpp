#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <tuple>

#include "base/utf8.h"
#include "formats/safetensors.h"
#include "formats/strict_json.h"
#include "tensor/elements.h"

namespace flambeau::formats::safetensors {
namespace {

/// The crate's order of dtypes, by which tensors are sorted: widest first.
constexpr std::array file_order = {
    DType::uint64,
    DType::int64,
    DType::float64,
    DType::complex64,
    DType::float32,
    DType::uint32,
    DType::int32,
    DType::bfloat16,
    DType::float16,
    DType::uint16,
    DType::int16,
    DType::float8_e5m2fnuz,
    DType::float8_e4m3fnuz,
    DType::float8_e8m0fnu,
    DType::float8_e4m3fn,
    DType::float8_e5m2,
    DType::int8,
    DType::uint8,
    DType::float4_e2m1fn_x2,
    DType::boolean,
};

std::size_t rank_of(DType dtype) {
  return static_cast<std::size_t>(std::find(file_order.begin(), file_order.end(), dtype) - file_order.begin());
}

using Entry = StateDict::Entry;

[[noreturn]] void refuse(const std::string& name, std::string message) {
  throw Error(ErrorCode::unsupported, std::move(message), {.file = {}, .member = {}, .offset = {}, .tensor = name});
}

void check(const Entry& entry) {
  if (!base::is_utf8(entry.name)) refuse(entry.name, "safetensors names are utf-8");
  if (entry.name == "__metadata__") refuse(entry.name, "safetensors keeps this name for itself");
  const Tensor& tensor = entry.tensor;
  if (tensor.is_meta()) refuse(entry.name, "a meta tensor has no data to write");
  if (rank_of(tensor.dtype()) == file_order.size())
    refuse(entry.name, fmt::format("safetensors has no dtype for {}", name(tensor.dtype())));
  if (tensor.dtype() == DType::float4_e2m1fn_x2 && tensor.dim() == 0)
    refuse(entry.name, "safetensors has no scalar of float4_e2m1fn_x2");
  if (tensor.nbytes() > tensor.storage()->nbytes() && tensor.nbytes() > Limits{}.max_dense_bytes)
    throw Error(ErrorCode::limit,
                fmt::format("an expanded tensor of {} bytes exceeds max_dense_bytes = {}", tensor.nbytes(),
                            Limits{}.max_dense_bytes),
                {.file = {}, .member = {}, .offset = {}, .tensor = entry.name});
}

void check_that_all_are_tensors(const StateDict& state_dict) {
  constexpr std::size_t most = 5;
  std::vector<std::string> others;
  for (const Entry& entry : state_dict)
    if (!entry.tensor.defined()) others.push_back(fmt::format("'{}' is a {}", entry.name, entry.extra.type_name()));
  if (others.empty()) return;
  const bool more = others.size() > most;
  others.resize(std::min(most, others.size()));
  throw Error(
      ErrorCode::unsupported,
      fmt::format("safetensors holds tensors only: {}{}; leave out what is none (--exclude NAME), or take a part "
                  "of the file (--root KEY)",
                  fmt::join(others, ", "), more ? ", …" : ""));
}

/// Bytes [begin, end) of the storage that a tensor touches.
std::pair<std::uint64_t, std::uint64_t> area(const Tensor& tensor) {
  const std::uint64_t size = itemsize(tensor.dtype());
  std::uint64_t last = static_cast<std::uint64_t>(tensor.offset());
  const std::uint64_t begin = last * size;
  if (tensor.numel() == 0) return {begin, begin};
  for (std::size_t i = 0; i < tensor.shape().size(); ++i)
    last += static_cast<std::uint64_t>((tensor.shape()[i] - 1) * tensor.strides()[i]);
  return {begin, (last + 1) * size};
}

/// Groups of at least two entries that share bytes, as the library groups them: neighbours by address that overlap.
std::vector<std::vector<const Entry*>> sharing(const std::vector<const Entry*>& entries) {
  std::map<const Storage*, std::vector<const Entry*>> by_storage;
  for (const Entry* entry : entries)
    if (entry->tensor.storage()->nbytes() > 0) by_storage[entry->tensor.storage().get()].push_back(entry);
  std::vector<std::vector<const Entry*>> groups;
  for (auto& [storage, members] : by_storage) {
    if (members.size() < 2) continue;
    std::sort(members.begin(), members.end(), [](const Entry* a, const Entry* b) {
      return std::tuple(area(a->tensor), std::string_view(a->name)) <
             std::tuple(area(b->tensor), std::string_view(b->name));
    });
    std::vector<const Entry*> group;
    std::uint64_t end = 0;
    const auto close = [&] {
      if (group.size() > 1) groups.push_back(group);
      group.clear();
    };
    for (const Entry* member : members) {
      const auto [first, last] = area(member->tensor);
      if (first >= end) close();
      group.push_back(member);
      end = last;
    }
    close();
  }
  // By names, so that the outcome does not depend on addresses.
  std::sort(groups.begin(), groups.end(),
            [](const auto& a, const auto& b) { return a.front()->name < b.front()->name; });
  return groups;
}

bool covers_storage(const Tensor& tensor) {
  return tensor.offset() == 0 && tensor.nbytes() == tensor.storage()->nbytes();
}

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Drops all but one of each group: the first by name of those that cover the whole storage.
void drop_duplicates(std::vector<const Entry*>& entries, Metadata& metadata) {
  for (auto& group : sharing(entries)) {
    std::sort(group.begin(), group.end(), [](const Entry* a, const Entry* b) { return a->name < b->name; });
    const auto kept =
        std::find_if(group.begin(), group.end(), [](const Entry* entry) { return covers_storage(entry->tensor); });
    if (kept == group.end())
      refuse(group.front()->name,
             fmt::format("shares memory with '{}', and no tensor covers the whole storage", group.back()->name));
    for (const Entry* entry : group) {
      if (entry == *kept) continue;
      const bool noted =
          std::any_of(metadata.begin(), metadata.end(), [&](const auto& pair) { return pair.first == entry->name; });
      if (!noted) metadata.emplace_back(entry->name, (*kept)->name);
      entries.erase(std::find(entries.begin(), entries.end(), entry));
    }
  }
}

std::string header_of(const std::vector<const Entry*>& entries, const Metadata& metadata, bool with_metadata) {
  std::string header = "{";
  if (with_metadata || !metadata.empty()) {
    header += "\"__metadata__\":{";
    for (std::size_t i = 0; i < metadata.size(); ++i)
      header += (i ? "," : "") + json_quote(metadata[i].first) + ":" + json_quote(metadata[i].second);
    header += '}';
  }
  std::uint64_t at = 0;
  for (const Entry* entry : entries) {
    if (header.size() > 1) header += ',';
    Shape shape = entry->tensor.shape();
    if (entry->tensor.dtype() == DType::float4_e2m1fn_x2) shape.back() *= 2;
    const std::uint64_t end = at + entry->tensor.nbytes();
    header += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", json_quote(entry->name),
                          info(entry->tensor.dtype()).safetensors, fmt::join(shape, ","), at, end);
    at = end;
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

}  // namespace

void write(const StateDict& state_dict, bytes::Sink& sink, const WriteOptions& options) {
  check_that_all_are_tensors(state_dict);
  std::vector<const Entry*> entries;
  for (const auto& entry : state_dict) {
    check(entry);
    entries.push_back(&entry);
  }
  Metadata metadata = options.metadata;
  if (options.deduplicate) drop_duplicates(entries, metadata);
  if (const auto groups = sharing(entries); !groups.empty())
    refuse(groups[0][0]->name,
           fmt::format("shares memory with '{0}', and safetensors keeps no ties: leave one out (--exclude {0})",
                       groups[0][1]->name));
  std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) {
    return std::tuple(rank_of(a->tensor.dtype()), std::string_view(a->name)) <
           std::tuple(rank_of(b->tensor.dtype()), std::string_view(b->name));
  });

  const std::string header = header_of(entries, metadata, options.with_metadata);
  const auto length = std::bit_cast<std::array<char, 8>>(static_cast<std::uint64_t>(header.size()));
  std::uint64_t done = 0, total = length.size() + header.size();
  for (const Entry* entry : entries) total += entry->tensor.nbytes();
  const auto put = [&](std::span<const std::byte> piece) {
    sink.write(piece);
    done += piece.size();
    if (options.progress) options.progress(done, total);
  };
  put(std::as_bytes(std::span(length)));
  put(std::as_bytes(std::span(header)));
  for (const Entry* entry : entries) {
    try {
      tensor::each_block(entry->tensor, put);
    } catch (const Error& error) {
      throw error.at({.file = {}, .member = {}, .offset = {}, .tensor = entry->name});
    }
  }
}

}  // namespace flambeau::formats::safetensors
