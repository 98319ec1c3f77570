#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>

#include <flambeau/inspect.h>

#include "base/threads.h"
#include "formats/format.h"
#include "inspect/digest.h"
#include "inspect/finite.h"
#include "inspect/member.h"

namespace flambeau {
namespace inspect {
namespace {

/// Listed tensors by storage.
struct Group {
  std::shared_ptr<Storage> storage;
  std::vector<std::size_t> rows{};
};

class Verify {
 public:
  Verify(VerifyReport& report, const std::string& path, const LoadOptions& options)
      : report_(report), path_(path), options_(options) {
    options_.inert = true;
    options_.read = Read::lazy;
  }

  void run() {
    formats::Input input;
    try {
      input = formats::open(path_, bytes::Access::pread, options_.limits);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::not_found || error.code() == ErrorCode::io) throw;
      return problem(error);
    }
    check_name(input);
    std::optional<Checkpoint> checkpoint;
    try {
      const formats::Format& format = formats::recognise(input);
      report_.format = format.name;
      checkpoint = format.read(input, options_);
    } catch (const Error& error) {
      problem(error);
    }
    if (checkpoint) {
      for (const std::string& note : checkpoint->container().notes) report_.notes.push_back(note);
      check_tensors(*checkpoint);
    }
    if (input.zip) check_records(*input.zip);
  }

 private:
  /// A name such as resnet18-f37072fd.pth promises the beginning of the file's SHA-256.
  void check_name(const formats::Input& input) {
    constexpr std::size_t shortest = 8, longest = 64;
    const std::string stem = std::filesystem::path(path_).stem().string();
    const auto dash = stem.rfind('-');
    if (!input.source || dash == std::string::npos) return;
    const std::string promised = stem.substr(dash + 1);
    if (promised.size() < shortest || promised.size() > longest ||
        promised.find_first_not_of("0123456789abcdef") != std::string::npos)
      return;
    const std::string found = sha256_of(*input.source);
    if (!found.starts_with(promised))
      problem(Error(ErrorCode::checksum,
                    fmt::format("the name promises a sha256 that begins with {}, it is {}", promised, found)));
    else
      report_.notes.push_back(fmt::format("the sha256 begins with {}, as the name says", promised));
  }

  void check_tensors(const Checkpoint& checkpoint) {
    std::vector<Listed> rows;
    try {
      rows = list(checkpoint, {.limits = options_.limits});
    } catch (const Error& error) {
      return problem(error);
    }
    report_.tensors = rows.size();
    std::vector<Group> groups;
    std::map<const Storage*, std::size_t> index;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].tensor.is_meta()) continue;
      const auto [at, fresh] = index.try_emplace(rows[i].tensor.storage().get(), groups.size());
      if (fresh) groups.push_back({rows[i].tensor.storage()});
      groups[at->second].rows.push_back(i);
    }
    if (report_.format != "torch-zip" && report_.format != "torchscript" && report_.format != "pt2" &&
        report_.format != "npz")
      report_.unchecked_records += groups.size();  // only zip archives record checksums
    std::vector<VerifyReport::NotFinite> counts(rows.size());
    base::in_threads(2, groups.size(), [&](std::size_t i) { check(groups[i], rows, counts); });
    for (auto& count : counts)
      if (count.nan + count.inf > 0) report_.not_finite.push_back(std::move(count));
  }

  /// Reads a storage once: checksum, and NaN and infinity where all its tensors have one dtype.
  void check(const Group& group, const std::vector<Listed>& rows, std::vector<VerifyReport::NotFinite>& counts) {
    const DType dtype = rows[group.rows[0]].tensor.dtype();
    NotFiniteCount whole;
    try {
      group.storage->each_block([&](std::span<const std::byte> block) { count_not_finite(block, dtype, whole); });
      const bool mixed = std::any_of(group.rows.begin(), group.rows.end(),
                                     [&](std::size_t row) { return rows[row].tensor.dtype() != dtype; });
      if (whole.nan + whole.inf == 0 && !mixed) return;
      for (const std::size_t row : group.rows) {
        NotFiniteCount own = whole;
        const Tensor& tensor = rows[row].tensor;
        if (mixed || tensor.nbytes() != group.storage->nbytes() || !tensor.is_contiguous()) {
          own = {};
          count_not_finite(tensor.contiguous().bytes(), tensor.dtype(), own);
        }
        counts[row] = {rows[row].name, own.nan, own.inf};
      }
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      for (const std::size_t row : group.rows) problem(error, rows[row].name);
    }
  }

  void check_records(const archive::ZipReader& zip) {
    for (const archive::Entry& entry : zip.entries()) {
      if (entry.size == 0) continue;
      ++(entry.crc_recorded ? report_.checked_records : report_.unchecked_records);
      const bool told = std::any_of(report_.problems.begin(), report_.problems.end(),
                                    [&](const auto& known) { return known.member == entry.name; });
      if (told) continue;
      try {
        Storage::from(zip.open(entry), entry.size, DType::uint8)->each_block([](auto) {});
      } catch (const Error& error) {
        problem(error.at({{}, entry.name}));
      }
    }
    if (report_.unchecked_records > 0)
      report_.notes.push_back(
          fmt::format("{} records not checked: the writer recorded no checksum", report_.unchecked_records));
  }

  void problem(const Error& error, std::string tensor = {}) {
    report_.whole = false;
    if (tensor.empty()) tensor = error.place().tensor;
    report_.problems.push_back({error.code(), member_of(error.place(), path_), std::move(tensor), error.message()});
  }

  VerifyReport& report_;
  const std::string& path_;
  LoadOptions options_;
  std::mutex mutex_{};
};

}  // namespace
}  // namespace inspect

VerifyReport verify(const std::string& path, const LoadOptions& options) {
  VerifyReport report;
  inspect::Verify(report, path, options).run();
  return report;
}

}  // namespace flambeau
