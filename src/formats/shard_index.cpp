#include "formats/shard_index.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "formats/flat.h"
#include "formats/strict_json.h"

namespace flambeau::formats::shard_index {
namespace {

constexpr std::string_view map_key = "weight_map";
constexpr std::size_t named_at_most = 5;

using Names = std::vector<std::pair<std::string, std::string>>;  // tensor, shard

Names read_names(const std::string& path, const Limits& limits) {
  const Place place{.file = path, .member = {}, .offset = {}, .tensor = {}};
  const auto source = bytes::open_file(path, bytes::Access::pread);
  if (source->size() > limits.max_json_bytes)
    throw Error(ErrorCode::limit,
                fmt::format("an index of {} bytes exceeds max_json_bytes = {}", source->size(), limits.max_json_bytes),
                place);
  const StrictJson json(read_text(*source, 0, source->size()), place);
  Names names;
  bool found = false;
  json.each([&](std::string_view key, StrictJson::Element value) {
    if (key != map_key) return;
    found = true;
    json.each(value, map_key, [&](std::string_view tensor, StrictJson::Element shard) {
      names.emplace_back(tensor, json.text(shard, fmt::format("weight_map '{}'", tensor)));
      check_inner_path(names.back().second, place);
    });
  });
  if (!found) json.fail("", "has no 'weight_map'");
  return names;
}

/// A shard is a file of tensors in whatever format, never an index (which could name itself), a folder or a pipe.
Checkpoint read_shard(const std::string& path, const LoadOptions& options) {
  const Place place{.file = path, .member = {}, .offset = {}, .tensor = {}};
  try {
    const Input input = open(bytes::open_file(path, access_of(options)), options.limits);
    if (sniff(std::as_bytes(std::span(input.head))))
      throw Error(ErrorCode::corrupt, "the index names an index as a shard");
    return recognise(input).read(input, options);
  } catch (const Error& error) {
    throw error.at(place);
  }
}

/// Strings of a dict that no index entry named, for a note.
void note_unnamed(const Checkpoint& shard, const std::string& name, const std::unordered_set<std::string_view>& named,
                  std::vector<std::string>& notes) {
  std::vector<std::string> extra;
  for (std::size_t i = 0; i < shard.root().size(); ++i) {
    const auto [key, value] = shard.root().item(i);
    if (value.kind() == Kind::tensor && key.kind() == Kind::string && !named.contains(key.as_string()))
      extra.emplace_back(key.as_string());
  }
  if (extra.empty()) return;
  const std::size_t count = extra.size();
  extra.resize(std::min(count, named_at_most));
  notes.push_back(fmt::format("{}: {} tensor(s) that the index does not name: {}{}", name, count,
                              fmt::join(extra, ", "), count > named_at_most ? ", …" : ""));
}

}  // namespace

bool sniff(std::span<const std::byte> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{' && text.find("\"weight_map\"") != std::string_view::npos;
}

Checkpoint read(const std::string& path, const LoadOptions& options) {
  const Names names = read_names(path, options.limits);
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  std::map<std::string_view, Checkpoint> shards;
  for (const auto& [tensor, shard] : names)
    if (!shards.contains(shard)) shards.emplace(shard, read_shard(folder + shard, options));

  FlatBuilder builder("shard-index", path, options);
  std::map<std::string_view, std::unordered_set<std::string_view>> named;
  for (const auto& [tensor, shard] : names) {
    const Value& root = shards.at(shard).root();
    const auto value = root.kind() == Kind::dict ? root.find(tensor) : std::nullopt;
    if (!value)
      throw Error(ErrorCode::corrupt, fmt::format("the index names '{}', which holds no such tensor", shard),
                  {.file = path, .member = {}, .offset = {}, .tensor = tensor});
    builder.add(tensor, *value);
    named[shard].insert(tensor);
  }
  for (const auto& [name, shard] : shards) {
    note_unnamed(shard, std::string(name), named[name], builder.container().notes);
    for (const auto& note : shard.container().notes)
      builder.container().notes.push_back(fmt::format("{}: {}", name, note));
    for (const auto& raw : shard.container().raw)
      if (named[name].contains(raw.name)) builder.container().raw.push_back(raw);
  }
  return builder.finish();
}

}  // namespace flambeau::formats::shard_index
