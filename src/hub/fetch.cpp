#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <vector>

#include <flambeau/error.h>

#include "bytes/posix.h"
#include "hub/http.h"

namespace flambeau::hub {
namespace {

using bytes::throw_errno;

/// `path`.partial, held by this process alone, with what the server calls that version (ETag or date) beside it.
class PartialFile {
 public:
  explicit PartialFile(const std::string& path) : path_(path + ".partial"), etag_path_(path_ + ".etag") {
    for (;;) {
      file_ = bytes::Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
      if (!file_) throw_errno(errno, "create", path_);
      if (::flock(file_.get(), LOCK_EX) != 0) throw_errno(errno, "lock", path_);
      if (is_named(path_)) break;
      arrived_ = is_named(path);  // another process finished while we waited
      if (arrived_) return;
    }
    std::ifstream stored(etag_path_);
    std::getline(stored, version_);
    struct stat status {};
    ::fstat(file_.get(), &status);
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (size_ == 0) restart("");
  }

  /// Of a download that brought nothing nothing stays.
  ~PartialFile() {
    if (size_ == 0 && !arrived_) remove();
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  /// It is complete, under its own name.
  bool arrived() const noexcept { return arrived_; }
  std::uint64_t size() const noexcept { return size_; }
  /// What If-Range takes; empty if the server gave nothing that it would.
  const std::string& version() const noexcept { return version_; }

  /// Forgets what is there.
  void restart(const std::string& version) {
    if (::ftruncate(file_.get(), 0) != 0) throw_errno(errno, "truncate", path_);
    size_ = 0;
    version_ = version;
    if (version_.empty())
      ::unlink(etag_path_.c_str());
    else
      std::ofstream(etag_path_) << version_;
  }

  void append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_errno(errno, "write", path_);
      size_ += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  /// What portals and error pages send where weights were asked for.
  bool is_web_page() const {
    std::array<char, 64> text{};
    const auto n = ::pread(file_.get(), text.data(), text.size(), 0);
    const std::string_view start(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    const auto at = start.find_first_not_of(" \t\r\n");
    return at != start.npos && start[at] == '<';
  }

  std::string sha256() const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
    std::vector<std::byte> block(1 << 20);
    for (std::uint64_t at = 0; at < size_;) {
      const auto n = ::pread(file_.get(), block.data(), block.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw_errno(errno, "read", path_);
      EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(n));
      at += static_cast<std::uint64_t>(n);
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context.get(), digest, &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i)
      for (const int nibble : {digest[i] >> 4, digest[i] & 15}) text += "0123456789abcdef"[nibble];
    return text;
  }

  void remove() {
    ::unlink(etag_path_.c_str());
    ::unlink(path_.c_str());
  }

  void become(const std::string& path) {
    if (::fsync(file_.get()) != 0) throw_errno(errno, "fsync", path_);
    if (::rename(path_.c_str(), path.c_str()) != 0) throw_errno(errno, "rename", path_);
    arrived_ = true;
    ::unlink(etag_path_.c_str());
  }

 private:
  bool is_named(const std::string& path) const {
    struct stat mine {
    }, named{};
    return ::fstat(file_.get(), &mine) == 0 && ::stat(path.c_str(), &named) == 0 && mine.st_ino == named.st_ino &&
           mine.st_dev == named.st_dev;
  }

  std::string path_, etag_path_, version_{};
  bytes::Descriptor file_{};
  std::uint64_t size_ = 0;
  bool arrived_ = false;
};

void check_size(std::uint64_t size, const FetchOptions& options, const std::string& url) {
  if (size > options.max_bytes)
    throw Error(ErrorCode::limit,
                "download of " + std::to_string(size) + " bytes, FetchOptions::max_bytes is " +
                    std::to_string(options.max_bytes),
                {.file = url});
}

/// A weak ETag cannot vouch for a later continuation.
std::string version_of(const Response& response) {
  return response.etag.empty() || response.etag.starts_with("W/") ? response.last_modified : response.etag;
}

/// Brings what is missing, or all if the server has another version. Whether what was there was continued.
bool download(PartialFile& file, const std::string& url, const FetchOptions& options) {
  std::uint64_t total = 0;
  Request request{.url = url, .from = file.size(), .if_range = file.version()};
  bool accepted = false;
  request.on_headers = [&](const Response& response) {
    accepted = response.status == 200 || (response.status == 206 && request.from > 0);
    if (!accepted) return;
    if (response.status == 200) file.restart(version_of(response));
    total = response.length ? file.size() + response.length : 0;
    check_size(total, options, url);
  };
  request.on_body = [&](std::span<const std::byte> bytes) {
    if (!accepted) return;
    check_size(file.size() + bytes.size(), options, url);
    file.append(bytes);
    if (options.progress) options.progress(file.size(), total);
  };
  Response response = get(request, options);
  if (response.status == 416 && request.from > 0) {  // the file shrank: begin again
    file.restart("");
    request.from = 0;
    request.if_range.clear();
    response = get(request, options);
  }
  if (!accepted)
    throw Error(ErrorCode::io, "the server answered with status " + std::to_string(response.status), {.file = url});
  if (total != 0 && file.size() != total)
    throw Error(ErrorCode::truncated,
                "got " + std::to_string(file.size()) + " bytes, expected " + std::to_string(total), {.file = url});
  return response.status == 206;
}

}  // namespace

void fetch(const std::string& url, const std::string& path, std::string_view sha256_prefix,
           const FetchOptions& options) {
  PartialFile file(path);
  if (file.arrived()) return;
  if (file.version().empty() && sha256_prefix.empty()) file.restart("");  // nothing would tell two files' halves
  const bool continued = download(file, url, options);
  if (file.is_web_page()) {
    file.remove();
    throw Error(ErrorCode::io, "the server sent a web page, not weights", {.file = url});
  }
  if (!sha256_prefix.empty()) {
    std::string digest = file.sha256();
    if (continued && !digest.starts_with(sha256_prefix)) {
      file.restart("");
      download(file, url, options);
      digest = file.sha256();
    }
    if (!digest.starts_with(sha256_prefix)) {
      file.remove();
      throw Error(ErrorCode::checksum,
                  "invalid hash value (expected \"" + std::string(sha256_prefix) + "\", got \"" + digest + "\")",
                  {.file = url});
    }
  }
  file.become(path);
}

}  // namespace flambeau::hub
