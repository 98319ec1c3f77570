#include <flambeau/hub.h>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include <flambeau/error.h>

namespace flambeau::hub {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// As Python's os.path.expanduser: "~" is $HOME, else this user's home; "~name" that user's. Unknown ones stay.
std::string expand_user(std::string path) {
  if (!path.starts_with('~')) return path;
  const std::string user = path.substr(1, path.find('/') - 1);
  const char* home = user.empty() ? std::getenv("HOME") : nullptr;
  passwd entry{}, *found = nullptr;
  std::array<char, 1 << 14> text;
  if (!home) {
    if (user.empty())
      ::getpwuid_r(::getuid(), &entry, text.data(), text.size(), &found);
    else
      ::getpwnam_r(user.c_str(), &entry, text.data(), text.size(), &found);
    if (!found) return path;
    home = found->pw_dir;
  }
  return path.replace(0, 1 + user.size(), home);
}

bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

std::string checkpoints_dir() {
  std::string home = variable("TORCH_HOME");
  if (home.empty()) {
    const std::string cache = variable("XDG_CACHE_HOME");
    home = (cache.empty() ? "~/.cache" : cache) + "/torch";
  }
  return expand_user(home) + "/hub/checkpoints";
}

std::optional<std::string> cached(std::string_view file_name) {
  for (const std::string& folder :
       {checkpoints_dir(), expand_user("~/.cache/torch/checkpoints"), expand_user("~/.torch/models")}) {
    std::string path = folder + "/" + std::string(file_name);
    if (is_file(path)) return path;
  }
  return std::nullopt;
}

std::string fetch_to_cache(const std::string& url, std::string_view file_name, std::string_view sha256_prefix,
                           const FetchOptions& options) {
  const std::string folder = checkpoints_dir();
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::io, "cannot make the cache folder: " + failure.message(), {.file = folder});
  std::string path = folder + "/" + std::string(file_name);
  try {
    fetch(url, path, sha256_prefix, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::io) throw;
    throw Error(error.code(), error.message() + "; a copy from elsewhere can be put at " + path, error.place());
  }
  return path;
}

std::string cached_or_fetch(const std::string& url, std::string_view file_name, std::string_view sha256_prefix,
                            const FetchOptions& options) {
  if (auto path = cached(file_name)) return *path;
  return fetch_to_cache(url, file_name, sha256_prefix, options);
}

}  // namespace flambeau::hub
