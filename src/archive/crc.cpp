#include "archive/crc.h"

#include "base/utf8.h"

namespace flambeau::archive {

void check_crc(std::uint32_t found, std::uint32_t recorded, const Place& place) {
  if (found == recorded) return;
  std::string text = "its bytes have crc-32 ";
  base::append_hex(text, "", found, 8);
  base::append_hex(text, ", recorded is ", recorded, 8);
  throw Error(ErrorCode::checksum, text, place);
}

}  // namespace flambeau::archive
