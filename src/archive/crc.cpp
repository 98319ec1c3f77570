#include "archive/crc.h"

#include <libdeflate.h>

#include "base/utf8.h"

namespace flambeau::archive {

std::uint32_t crc32(std::uint32_t crc, std::span<const std::byte> bytes) noexcept {
  // libdeflate takes a null pointer for "give me the initial value".
  return bytes.empty() ? crc : libdeflate_crc32(crc, bytes.data(), bytes.size());
}

void check_crc(std::uint32_t found, std::uint32_t recorded, const Place& place) {
  if (found == recorded) return;
  std::string text = "its bytes have crc-32 ";
  base::append_hex(text, "", found, 8);
  base::append_hex(text, ", recorded is ", recorded, 8);
  throw Error(ErrorCode::checksum, text, place);
}

}  // namespace flambeau::archive
