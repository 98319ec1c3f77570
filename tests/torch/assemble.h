#pragma once
// Pickles for tests, put together opcode by opcode (protocol 2), and members of tar files.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace flambeau::test {

class Pickle {
 public:
  Pickle() : bytes_("\x80\x02") {}
  Pickle& global(std::string_view module, std::string_view name) {
    bytes_ += 'c';
    bytes_.append(module) += '\n';
    bytes_.append(name) += '\n';
    return *this;
  }
  Pickle& text(std::string_view text) {
    bytes_ += 'X';
    little(text.size(), 4);
    bytes_ += text;
    return *this;
  }
  Pickle& number(std::int64_t value) {  // LONG1, always
    bytes_ += "\x8A\x08";
    return little(static_cast<std::uint64_t>(value), 8);
  }
  Pickle& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  Pickle& mark() { return raw("("); }
  Pickle& tuple() { return raw("t"); }
  Pickle& reduce() { return raw("R"); }
  Pickle& numbers(std::initializer_list<std::int64_t> values) {
    mark();
    for (const auto value : values) number(value);
    return tuple();
  }
  /// The persistent id of a storage, and the storage.
  Pickle& storage(std::string_view storage_class, std::string_view key, std::int64_t numel) {
    return mark().text("storage").global("torch", storage_class).text(key).text("cpu").number(numel).tuple().raw("Q");
  }
  /// _rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict()).
  Pickle& tensor(std::string_view key, std::int64_t numel, std::int64_t offset,
                 std::initializer_list<std::int64_t> size, std::initializer_list<std::int64_t> stride) {
    global("torch._utils", "_rebuild_tensor_v2")
        .mark()
        .storage("FloatStorage", key, numel)
        .number(offset)
        .numbers(size)
        .numbers(stride);
    return raw("\x89").hooks().tuple().reduce();
  }
  Pickle& hooks() { return global("collections", "OrderedDict").raw(")R"); }
  std::string stop() const { return bytes_ + '.'; }

 private:
  Pickle& little(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xFF);
    return *this;
  }
  std::string bytes_;
};

/// One tar member, header and padding included.
inline std::string tar_member(const std::string& name, const std::string& payload) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 8, std::string("0000644\0", 8));
  char size[13];
  std::snprintf(size, sizeof(size), "%011o", static_cast<unsigned>(payload.size()));
  header.replace(124, 12, std::string(size, 12));
  header.replace(148, 8, "        ");
  header[156] = '0';
  header.replace(257, 8,
                 std::string("ustar\0"
                             "00",
                             8));
  unsigned sum = 0;
  for (const unsigned char byte : header) sum += byte;
  char digits[8];
  std::snprintf(digits, sizeof(digits), "%06o", sum);
  header.replace(148, 7, std::string(digits, 7));
  return header + payload + std::string((512 - payload.size() % 512) % 512, '\0');
}

}  // namespace flambeau::test
