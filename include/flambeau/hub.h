#pragma once
/// Published weights: torch's own cache of them, and downloads into it. Shared with Python: same folder, same file
/// names.
///
/// Threads: functions may run at once; two downloads of one file wait for each other (across processes too).

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flambeau::hub {

/// Where torch.hub keeps checkpoints: $TORCH_HOME/hub/checkpoints; TORCH_HOME defaults to $XDG_CACHE_HOME/torch, that
/// to
/// ~/.cache/torch. Source: torch/hub.py.
std::string checkpoints_dir();

/// The file in the cache if it is there: in checkpoints_dir(), then where older versions of torch kept it
/// (~/.cache/torch/checkpoints, ~/.torch/models). Its hash is not compared, as in torch.
std::optional<std::string> cached(std::string_view file_name);

struct FetchOptions {
  /// Bytes so far and in all (0: not known). Throw to cancel; what has arrived is kept for the next try.
  std::function<void(std::uint64_t, std::uint64_t)> progress{};
  double connect_seconds = 30;
  /// Gives up when less than this arrives for `stall_seconds`.
  std::uint64_t least_bytes_per_second = 1024;
  double stall_seconds = 60;
  std::uint64_t max_bytes = 64ull << 30;
};

/// Downloads `url` (http, https; proxies by the usual environment variables) to `path`, resuming an earlier try when
/// the server says that the file is still the same. The SHA-256 must begin with `sha256_prefix` (hexadecimal; empty:
/// not compared), else the file is removed. `path` appears as a whole or not at all. Throws Error(io) when the server
/// cannot be reached ("offline?"), answers with an error or stops; Error(checksum); Error(limit); Error(unsupported)
/// when libcurl is not installed, or older than 7.85.
void fetch(const std::string& url, const std::string& path, std::string_view sha256_prefix,
           const FetchOptions& options = {});

/// fetch() into checkpoints_dir(), whether or not a file of that name is there: the path of the file.
std::string fetch_to_cache(const std::string& url, std::string_view file_name, std::string_view sha256_prefix,
                           const FetchOptions& options = {});

/// cached(), or fetch() into checkpoints_dir(): the path of the file. `sha256_prefix` as torch reads it from the name.
std::string cached_or_fetch(const std::string& url, std::string_view file_name, std::string_view sha256_prefix,
                            const FetchOptions& options = {});

}  // namespace flambeau::hub
