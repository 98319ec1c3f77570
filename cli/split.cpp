#include "split.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/inspect.h>

#include "terminal.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using flambeau::StateDict;

constexpr std::string_view ending = ".index.json";

struct Shard {
  StateDict state{};
  std::uint64_t bytes = 0, written = 0;  // of the tensors, of the storages behind them
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
    const std::uint64_t written = storage ? storage->nbytes() : 0;
    if (shards.back().written + written > most && !shards.back().state.empty()) shards.emplace_back();
    shards.back().bytes += entry.tensor.nbytes();
    shards.back().written += written;
    shards.back().state.set(entry);
    shard_of.emplace(storage, shards.size() - 1);
  }
  return shards;
}

// As transformers writes it: two spaces, keys sorted.
std::string index_text(const std::vector<Shard>& shards, const std::vector<std::string>& names) {
  std::map<std::string, std::string> where;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    total += shards[i].bytes;
    for (const StateDict::Entry& entry : shards[i].state) where.emplace(entry.name, names[i]);
  }
  std::string text = fmt::format("{{\n  \"metadata\": {{\n    \"total_size\": {}\n  }},\n  \"weight_map\": {{", total);
  const char* before = "\n";
  for (const auto& [name, file] : where) {
    text += fmt::format("{}    {}: {}", before, flambeau::json_string(name), flambeau::json_string(file));
    before = ",\n";
  }
  return text + "\n  }\n}\n";
}

[[noreturn]] void fail(std::string_view step, const std::error_code& reason, const fs::path& path) {
  throw flambeau::Error(flambeau::ErrorCode::io, fmt::format("cannot {}: {}", step, reason.message()),
                        {.file = path.string()});
}

/// A folder for what is not complete: it ends with all that is still in it.
class Workshop {
 public:
  explicit Workshop(const fs::path& beside) {
    std::string name = (beside.parent_path() / ".flambeau-XXXXXX").string();
    if (!::mkdtemp(name.data())) fail("create a temporary folder beside it", {errno, std::generic_category()}, beside);
    path_ = name;
  }
  ~Workshop() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  fs::path operator/(const fs::path& name) const { return path_ / name; }

 private:
  fs::path path_{};
};

/// Whether it has reached the disk.
bool sync(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = ::fsync(file) == 0;
  ::close(file);
  return done;
}

/// Some file systems cannot sync a folder, and some folders may not be opened: what is in place counts.
void sync_folder_of(const fs::path& path) {
  static_cast<void>(sync(path.has_parent_path() ? path.parent_path() : "."));
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file || !sync(path)) fail("write", {errno, std::generic_category()}, path);
}

/// Refuses what flambeau::save would refuse to replace, before any work is done.
void check_replaceable(const fs::path& target) {
  std::error_code failed;
  const fs::file_status status = fs::status(target, failed);
  if (!fs::exists(status)) return;
  if (!fs::is_regular_file(status))
    throw flambeau::Error(flambeau::ErrorCode::io, "cannot replace: is no regular file", {.file = target.string()});
  if (::access(target.c_str(), W_OK) != 0) fail("write", {errno, std::generic_category()}, target);
}

/// Gives `file` the mode of what it will replace.
void keep_mode(const fs::path& file, const fs::path& target) {
  std::error_code failed;
  const fs::file_status old = fs::status(target, failed);
  if (!fs::exists(old)) return;
  fs::permissions(file, old.permissions() & fs::perms::all, failed);
  if (failed) fail("keep the mode", failed, target);
}

void give_name(const fs::path& file, const fs::path& target) {
  std::error_code failed;
  fs::rename(file, target, failed);
  if (failed) fail("rename the temporary file", failed, target);
}

}  // namespace

bool is_index(const std::string& out) noexcept { return out.ends_with(ending); }

std::vector<std::string> write_shards(const Args& args, const StateDict& state, const std::string& out,
                                      std::uint64_t most, const flambeau::SaveOptions& options) {
  const fs::path index = out, base = out.substr(0, out.size() - ending.size());
  std::vector<Shard> shards = cut(state, most);
  std::vector<std::string> names, paths;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    names.push_back(
        fmt::format("{}-{:05}-of-{:05}{}", base.stem().string(), i + 1, shards.size(), base.extension().string()));
    paths.push_back((base.parent_path() / names[i]).string());
    check_replaceable(paths[i]);
  }
  check_replaceable(index);

  const Interruptible interruptible;
  const Workshop workshop(index);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    Progress progress(args, fmt::format("writing {} ({} of {})", shown(paths[i]), i + 1, shards.size()));
    flambeau::SaveOptions with_progress = options;
    with_progress.progress = progress.callback();
    if (state.has_metadata()) shards[i].state.set_metadata(state.metadata());
    flambeau::save(shards[i].state, (workshop / names[i]).string(), with_progress);
    keep_mode(workshop / names[i], paths[i]);
  }
  write_text(workshop / index.filename(), index_text(shards, names));
  keep_mode(workshop / index.filename(), index);

  // From here on a crash leaves no index rather than one whose parts are of two sets.
  std::error_code failed;
  if (std::ranges::any_of(paths, [&](const std::string& path) { return fs::exists(path, failed); })) {
    fs::remove(index, failed);
    if (failed) fail("remove", failed, index);
    sync_folder_of(index);
  }
  for (std::size_t i = 0; i < names.size(); ++i) give_name(workshop / names[i], paths[i]);
  sync_folder_of(index);
  give_name(workshop / index.filename(), index);
  sync_folder_of(index);
  return paths;
}

}  // namespace cli
