#pragma once
// The operating system's errors as ours, and descriptors that close themselves.

#include <string>
#include <string_view>
#include <utility>

#include <flambeau/error.h>

namespace flambeau::bytes {

/// Throws "PATH: cannot STEP: no space left on device".
[[noreturn]] void throw_errno(int number, std::string_view step, const std::string& path,
                              ErrorCode code = ErrorCode::io);

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// 0, or the errno of close(2): network file systems and quotas report lost writes here. Never retried.
  int close() noexcept;

 private:
  int fd_ = -1;
};

}  // namespace flambeau::bytes
