#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// `path`.partial, held by this process alone, with the ETag of what it holds beside it.
class PartialFile {
 public:
  explicit PartialFile(const std::string& path) : path_(path + ".partial"), etag_path_(path_ + ".etag") {
    for (;;) {
      file_ = bytes::Descriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
      if (!file_) throw_errno(errno, "create", path_);
      if (::flock(file_.get(), LOCK_EX) != 0) throw_errno(errno, "lock", path_);
      struct stat mine {
      }, named{};  // another process may have finished, and renamed the file we waited for
      if (::fstat(file_.get(), &mine) == 0 && ::stat(path_.c_str(), &named) == 0 && mine.st_ino == named.st_ino) break;
    }
    std::ifstream(etag_path_) >> etag_;
    struct stat status {};
    ::fstat(file_.get(), &status);
    size_ = etag_.empty() ? 0 : static_cast<std::uint64_t>(status.st_size);
    if (size_ == 0) restart("");
  }

  std::uint64_t size() const noexcept { return size_; }
  const std::string& etag() const noexcept { return etag_; }

  /// Forgets what is there. A weak ETag (or none) cannot vouch for a later continuation.
  void restart(const std::string& etag) {
    if (::ftruncate(file_.get(), 0) != 0) throw_errno(errno, "truncate", path_);
    size_ = 0;
    etag_ = etag.starts_with("W/") ? "" : etag;
    if (etag_.empty())
      ::unlink(etag_path_.c_str());
    else
      std::ofstream(etag_path_) << etag_;
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
    ::unlink(etag_path_.c_str());
  }

 private:
  std::string path_, etag_path_, etag_{};
  bytes::Descriptor file_{};
  std::uint64_t size_ = 0;
};

void check_size(std::uint64_t size, const FetchOptions& options, const std::string& url) {
  if (size > options.max_bytes)
    throw Error(ErrorCode::limit,
                "download of " + std::to_string(size) + " bytes, FetchOptions::max_bytes is " +
                    std::to_string(options.max_bytes),
                {.file = url});
}

}  // namespace

void fetch(const std::string& url, const std::string& path, std::string_view sha256_prefix,
           const FetchOptions& options) {
  PartialFile file(path);
  std::uint64_t total = 0;
  Request request{.url = url, .from = file.size(), .if_range = file.etag()};
  bool accepted = false;
  request.on_headers = [&](const Response& response) {
    accepted = response.status == 200 || (response.status == 206 && request.from > 0);
    if (!accepted) return;
    if (response.status == 200) file.restart(response.etag);
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
  if (!sha256_prefix.empty()) {
    const std::string digest = file.sha256();
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
