#include "bytes/posix.h"

#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <system_error>

namespace flambeau::bytes {

void throw_errno(int number, std::string_view step, const std::string& path, ErrorCode code) {
  std::string reason = std::generic_category().message(number);
  if (!reason.empty()) reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  throw Error(code, "cannot " + std::string(step) + ": " + reason, {.file = path});
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

int Descriptor::close() noexcept {
  const int fd = std::exchange(fd_, -1);
  return fd >= 0 && ::close(fd) != 0 ? errno : 0;
}

}  // namespace flambeau::bytes
