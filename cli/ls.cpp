#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/glob.h>
#include <flambeau/inspect.h>
#include <flambeau/near.h>

#include "command.h"
#include "input.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::Listed;

void sort_rows(std::vector<Listed>& rows, std::string_view key) {
  if (key == "name") std::ranges::stable_sort(rows, {}, &Listed::name);
  if (key == "size") std::ranges::stable_sort(rows, std::ranges::greater{}, &Listed::nbytes);
  if (key == "dtype") std::ranges::stable_sort(rows, {}, &Listed::dtype);
}

void strip(std::vector<Listed>& rows, std::string_view prefix) {
  for (Listed& row : rows) {
    const std::string_view short_name = stripped(row.name, prefix);
    if (short_name.size() == row.name.size()) continue;
    row.name = std::string(short_name);
    row.path = {row.name};
  }
}

void choose(std::vector<Listed>& rows, const Args& args, const std::string& file) {
  std::vector<std::string> wanted(args.operands().begin() + 1, args.operands().end());
  for (const std::string& pattern : args.values("include")) wanted.push_back(pattern);
  const std::vector<std::string> unwanted = args.values("exclude");
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const Listed& row : rows) names.push_back(row.name);
  std::erase_if(rows, [&](const Listed& row) {
    return (!wanted.empty() && !flambeau::matches_any(wanted, row.name)) || flambeau::matches_any(unwanted, row.name);
  });
  if (!rows.empty() || wanted.empty()) return;
  std::error_code ignored;
  throw flambeau::Error(flambeau::ErrorCode::not_found,
                        "no tensor matches '" + wanted.front() + "'" +
                            (std::filesystem::exists(wanted.front(), ignored)
                                 ? ", which is a file: ls takes one, and names of its tensors"
                                 : flambeau::did_you_mean(wanted.front(), names)),
                        {.file = file});
}

std::string as_table(const std::vector<Listed>& rows, const flambeau::Checkpoint& checkpoint, const std::string& file) {
  std::map<std::uint64_t, const Listed*> first_of;
  std::map<std::uint64_t, std::uint64_t> bytes_of;
  bool any_sharing = false, any_hash = false;
  for (const Listed& row : rows) {
    any_hash |= !row.sha256.empty();
    if (!row.storage) continue;
    any_sharing |= !first_of.try_emplace(*row.storage, &row).second;
    bytes_of[*row.storage] = std::max(bytes_of[*row.storage], row.nbytes);
  }
  std::vector<std::string> headings{"name", "dtype", "shape", ">bytes"};
  if (any_sharing) headings.emplace_back("shares with");
  if (any_hash) headings.emplace_back("sha256");
  Table table(headings);
  std::uint64_t elements = 0;
  for (const Listed& row : rows) {
    std::uint64_t count = 1;
    for (const std::int64_t size : row.shape) count *= static_cast<std::uint64_t>(size);
    const Listed* first = row.storage ? first_of[*row.storage] : nullptr;
    if (!first || first == &row) elements += count;
    std::vector<std::string> cells{shown(row.name), row.dtype, flambeau::to_string(row.shape), human_bytes(row.nbytes)};
    if (any_sharing) cells.push_back(first && first != &row ? shown(first->name) : "");
    if (any_hash) cells.push_back(row.sha256);
    table.add(std::move(cells));
  }
  std::uint64_t bytes = 0;
  for (const auto& [storage, size] : bytes_of) bytes += size;
  return table.text() + fmt::format("{}: {}, {} tensors, {} elements, {}\n", shown(file), checkpoint.container().format,
                                    grouped(rows.size()), grouped(elements), bytes_in_storages(rows, bytes));
}

}  // namespace

int ls(const Args& args) {
  const std::string& file = args.operands().front();
  const flambeau::Checkpoint checkpoint = open(args, file);
  std::vector<Listed> rows;
  try {
    rows = listed(args, checkpoint, args.has("sha256"));
  } catch (const flambeau::Error& error) {
    throw error.at({.file = file});
  }
  if (const auto prefix = args.value("strip-prefix")) strip(rows, *prefix);
  choose(rows, args, file);
  sort_rows(rows, args.value_or("sort", "file"));
  print(args.has("json") ? flambeau::to_json(checkpoint, rows) : as_table(rows, checkpoint, file));
  for (const std::string& text : checkpoint.container().notes) note(args, fmt::format("{}: {}", file, text));
  return yes;
}

}  // namespace cli
