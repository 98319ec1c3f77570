#include "split.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/inspect.h>

#include "terminal.h"

namespace cli {
namespace {

using flambeau::StateDict;

constexpr std::string_view ending = ".index.json";

struct Shard {
  StateDict state{};
  std::uint64_t bytes = 0;
};

std::vector<Shard> cut(const StateDict& state, std::uint64_t most) {
  std::vector<Shard> shards(1);
  std::map<const flambeau::Storage*, std::size_t> shard_of;
  for (const StateDict::Entry& entry : state) {
    if (!entry.tensor.defined())
      throw flambeau::Error(flambeau::ErrorCode::unsupported,
                            "'" + entry.name + "' is no tensor: shards hold tensors only");
    const flambeau::Storage* storage = entry.tensor.storage().get();
    const auto tied = storage ? shard_of.find(storage) : shard_of.end();
    if (tied != shard_of.end()) {
      shards[tied->second].state.set(entry);
      continue;
    }
    const std::uint64_t bytes = entry.tensor.nbytes();
    if (shards.back().bytes + bytes > most && !shards.back().state.empty()) shards.emplace_back();
    shards.back().bytes += bytes;
    shards.back().state.set(entry);
    shard_of.emplace(storage, shards.size() - 1);
  }
  return shards;
}

// As transformers writes it: two spaces, keys sorted.
std::string index_text(const std::vector<Shard>& shards, const std::vector<std::string>& paths) {
  std::map<std::string, std::string> where;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    total += shards[i].bytes;
    const std::string file = std::filesystem::path(paths[i]).filename().string();
    for (const StateDict::Entry& entry : shards[i].state) where.emplace(entry.name, file);
  }
  std::string text = fmt::format("{{\n  \"metadata\": {{\n    \"total_size\": {}\n  }},\n  \"weight_map\": {{", total);
  const char* before = "\n";
  for (const auto& [name, file] : where) {
    text += fmt::format("{}    {}: {}", before, flambeau::json_string(name), flambeau::json_string(file));
    before = ",\n";
  }
  return text + "\n  }\n}\n";
}

// The index goes last and as a whole: a reader sees the old set or the new one.
void write_index(const std::string& out, const std::string& text) {
  const std::string temporary = out + ".part";
  std::error_code failed;
  {
    std::ofstream file(temporary, std::ios::binary);
    file << text;
    file.close();
    if (!file) {
      std::filesystem::remove(temporary, failed);
      throw flambeau::Error(flambeau::ErrorCode::io, "cannot be written", {.file = out});
    }
  }
  std::filesystem::rename(temporary, out, failed);
  if (!failed) return;
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  throw flambeau::Error(flambeau::ErrorCode::io, failed.message(), {.file = out});
}

}  // namespace

bool is_index(const std::string& out) noexcept { return out.ends_with(ending); }

std::vector<std::string> write_shards(const Args& args, const StateDict& state, const std::string& out,
                                      std::uint64_t most, const flambeau::SaveOptions& options) {
  const std::filesystem::path base = out.substr(0, out.size() - ending.size());
  std::vector<Shard> shards = cut(state, most);
  std::vector<std::string> paths, made;
  for (std::size_t i = 0; i < shards.size(); ++i)
    paths.push_back((base.parent_path() / fmt::format("{}-{:05}-of-{:05}{}", base.stem().string(), i + 1, shards.size(),
                                                      base.extension().string()))
                        .string());
  try {
    const Interruptible interruptible;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const bool there = std::filesystem::exists(paths[i]);
      Progress progress(args, fmt::format("writing {} ({} of {})", shown(paths[i]), i + 1, shards.size()));
      flambeau::SaveOptions with_progress = options;
      with_progress.progress = progress.callback();
      if (state.has_metadata()) shards[i].state.set_metadata(state.metadata());
      flambeau::save(shards[i].state, paths[i], with_progress);
      if (!there) made.push_back(paths[i]);
    }
    write_index(out, index_text(shards, paths));
  } catch (...) {
    std::error_code ignored;
    for (const std::string& path : made) std::filesystem::remove(path, ignored);
    throw;
  }
  return paths;
}

}  // namespace cli
