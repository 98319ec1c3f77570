#include "formats/gguf.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_set>

#include "base/checked.h"
#include "base/utf8.h"
#include "formats/flat.h"

namespace flambeau::formats::gguf {
namespace {

constexpr std::string_view magic = "GGUF";
constexpr std::uint64_t smallest_key = 8 + 1 + 4 + 1;     // length, one letter, type, one byte of value
constexpr std::uint64_t smallest_tensor = 8 + 4 + 4 + 8;  // empty name, no dimensions, type, offset
constexpr std::uint64_t max_key_bytes = 65'535;
constexpr std::uint64_t max_kept_text = 64u << 10;  // longer values are noted by their length
constexpr std::uint32_t max_dims = 4, max_alignment = 1u << 20;

/// ggml's element types: elements and bytes of a block, and torch's dtype for plain numbers.
struct Type {
  std::uint32_t code;
  std::string_view name;
  std::uint32_t block, bytes;
  std::optional<DType> dtype{};
};
constexpr std::array<Type, 34> types = {{
    {0, "F32", 1, 4, DType::float32},
    {1, "F16", 1, 2, DType::float16},
    {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},
    {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},
    {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},
    {12, "Q4_K", 256, 144},
    {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},
    {15, "Q8_K", 256, 292},
    {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98},
    {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},
    {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136},
    {24, "I8", 1, 1, DType::int8},
    {25, "I16", 1, 2, DType::int16},
    {26, "I32", 1, 4, DType::int32},
    {27, "I64", 1, 8, DType::int64},
    {28, "F64", 1, 8, DType::float64},
    {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2, DType::bfloat16},
    {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},
    {39, "MXFP4", 32, 17},
    {40, "NVFP4", 64, 36},
    {41, "Q1_0", 128, 18},
}};

/// Bytes of the scalar value types 0 to 12; 0 for string (8) and array (9).
constexpr std::array<std::uint64_t, 13> value_bytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
enum Value : std::uint32_t { uint32 = 4, boolean = 7, string = 8, array = 9 };

/// Reads forward through a source that may be mapped or not, never past its end.
class Cursor {
 public:
  explicit Cursor(const bytes::Source& source) : source_(source) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return source_.size() - at_; }

  template <class T>
  T number() {
    need(sizeof(T), "a number");
    T value;
    std::memcpy(&value, window(sizeof(T)), sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  void skip(std::uint64_t count, std::string_view what) {
    need(count, what);
    at_ += count;
  }
  std::string text(std::uint64_t length, std::string_view what) {
    need(length, what);
    std::string value = read_text(source_, at_, length);
    at_ += length;
    return value;
  }
  [[noreturn]] void fail(ErrorCode code, std::string message) const {
    throw Error(code, std::move(message), {.file = source_.name(), .member = {}, .offset = at_, .tensor = {}});
  }

 private:
  void need(std::uint64_t count, std::string_view what) const {
    if (count > left()) fail(ErrorCode::truncated, fmt::format("{} needs {} bytes, {} are left", what, count, left()));
  }
  /// Small reads share one buffer of the file's next bytes.
  const std::byte* window(std::size_t count) {
    if (const auto all = source_.view(); !all.empty()) return all.data() + at_;
    if (at_ < buffer_start_ || at_ + count > buffer_start_ + buffer_.size()) {
      buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left(), 64u << 10)));
      source_.read(at_, buffer_);
      buffer_start_ = at_;
    }
    return buffer_.data() + (at_ - buffer_start_);
  }

  const bytes::Source& source_;
  std::uint64_t at_ = 0, buffer_start_ = 0;
  std::vector<std::byte> buffer_{};
};

struct TensorInfo {
  std::string name;
  const Type* type = nullptr;
  Shape shape{};  ///< torch's order
  std::uint64_t offset = 0, nbytes = 0;
};

class Reader {
 public:
  Reader(const std::shared_ptr<const bytes::Source>& source, const LoadOptions& options)
      : source_(source), cursor_(*source), builder_("gguf", source->name(), options) {}

  Checkpoint read() {
    if (cursor_.text(magic.size(), "the magic") != magic)
      cursor_.fail(ErrorCode::corrupt, "no gguf file: it does not start with 'GGUF'");
    const auto version = cursor_.number<std::uint32_t>();
    if (version != 2 && version != 3)
      cursor_.fail(ErrorCode::unsupported, version == 0x02000000 || version == 0x03000000
                                               ? std::string("a big-endian gguf file")
                                               : fmt::format("gguf version {}, 2 and 3 are known", version));
    const auto tensors = counted(smallest_tensor, "tensors");
    const auto keys = counted(smallest_key, "keys");
    for (std::uint64_t i = 0; i < keys; ++i) key_and_value();
    std::vector<TensorInfo> infos;
    std::unordered_set<std::string> names;
    for (std::uint64_t i = 0; i < tensors; ++i) {
      infos.push_back(tensor_info());
      if (!names.insert(infos.back().name).second)
        cursor_.fail(ErrorCode::corrupt, fmt::format("tensor '{}' stands twice", infos.back().name));
    }
    const std::uint64_t start = padded(cursor_.at());
    check_tiling(infos, start);
    for (auto& info : infos) add(info, start);
    note_quantized();
    return builder_.finish();
  }

 private:
  std::uint64_t counted(std::uint64_t smallest, std::string_view what) {
    const auto count = cursor_.number<std::uint64_t>();
    if (count > cursor_.left() / smallest)
      cursor_.fail(ErrorCode::truncated, fmt::format("{} {} need at least {} bytes each, {} bytes are left", count,
                                                     what, smallest, cursor_.left()));
    return count;
  }

  std::string key_text() {
    const auto length = cursor_.number<std::uint64_t>();
    if (length == 0 || length > max_key_bytes)
      cursor_.fail(ErrorCode::corrupt, fmt::format("a key of {} bytes, 1 to {} are allowed", length, max_key_bytes));
    std::string key = cursor_.text(length, "a key");
    if (!base::is_utf8(key) || key.find('\0') != std::string::npos)
      cursor_.fail(ErrorCode::corrupt, "a key that is no utf-8");
    return key;
  }

  void key_and_value() {
    std::string key = key_text();
    if (!keys_.insert(key).second) cursor_.fail(ErrorCode::corrupt, fmt::format("key '{}' stands twice", key));
    const auto type = cursor_.number<std::uint32_t>();
    if (key == "general.alignment") {
      if (type != Value::uint32)
        cursor_.fail(ErrorCode::corrupt, fmt::format("general.alignment has value type {}, 4 (uint32) needed", type));
      alignment_ = cursor_.number<std::uint32_t>();
      if (!std::has_single_bit(alignment_) || alignment_ > max_alignment)
        cursor_.fail(ErrorCode::corrupt,
                     fmt::format("an alignment of {}, a power of two up to {} needed", alignment_, max_alignment));
      keep(std::move(key), std::to_string(alignment_));
    } else {
      std::string text = value(type);
      keep(std::move(key), std::move(text));
    }
  }

  void keep(std::string key, std::string text) {
    builder_.container().metadata.emplace_back(std::move(key), std::move(text));
  }

  std::string value(std::uint32_t type) {
    if (type >= value_bytes.size())
      cursor_.fail(ErrorCode::corrupt, fmt::format("value type {}, 0 to {} are known", type, value_bytes.size() - 1));
    if (type == Value::string) return string_value();
    if (type == Value::array) return array_value();
    switch (type) {
      case 0:
        return std::to_string(cursor_.number<std::uint8_t>());
      case 1:
        return std::to_string(cursor_.number<std::int8_t>());
      case 2:
        return std::to_string(cursor_.number<std::uint16_t>());
      case 3:
        return std::to_string(cursor_.number<std::int16_t>());
      case 4:
        return std::to_string(cursor_.number<std::uint32_t>());
      case 5:
        return std::to_string(cursor_.number<std::int32_t>());
      case 6:
        return fmt::format("{}", cursor_.number<float>());
      case 7:
        return boolean_value();
      case 10:
        return std::to_string(cursor_.number<std::uint64_t>());
      case 11:
        return std::to_string(cursor_.number<std::int64_t>());
      default:
        return fmt::format("{}", cursor_.number<double>());
    }
  }

  std::string boolean_value() {
    const auto byte = cursor_.number<std::uint8_t>();
    if (byte > 1) cursor_.fail(ErrorCode::corrupt, fmt::format("a boolean of {}, 0 or 1 needed", byte));
    return byte ? "true" : "false";
  }

  std::string string_value() {
    const auto length = cursor_.number<std::uint64_t>();
    if (length <= max_kept_text) return cursor_.text(length, "a string");
    cursor_.skip(length, "a string");
    return fmt::format("[string of {} bytes]", length);
  }

  std::string array_value() {
    const auto type = cursor_.number<std::uint32_t>();
    const auto count = cursor_.number<std::uint64_t>();
    if (type >= value_bytes.size() || type == Value::array)
      cursor_.fail(ErrorCode::corrupt, fmt::format("an array of value type {}", type));
    if (type == Value::string) {
      if (count > cursor_.left() / 8)
        cursor_.fail(ErrorCode::truncated,
                     fmt::format("an array of {} strings, {} bytes are left", count, cursor_.left()));
      for (std::uint64_t i = 0; i < count; ++i) cursor_.skip(cursor_.number<std::uint64_t>(), "a string");
    } else {
      std::uint64_t bytes = 0;
      if (!base::checked_mul(count, value_bytes[type], bytes))
        cursor_.fail(ErrorCode::corrupt, fmt::format("an array of {} values of {} bytes", count, value_bytes[type]));
      cursor_.skip(bytes, "an array");
    }
    return fmt::format("[array of {} values]", count);
  }

  TensorInfo tensor_info() {
    TensorInfo info;
    const auto length = cursor_.number<std::uint64_t>();
    if (length > max_key_bytes)
      cursor_.fail(ErrorCode::corrupt,
                   fmt::format("a tensor name of {} bytes, at most {} are allowed", length, max_key_bytes));
    info.name = cursor_.text(length, "a tensor name");
    if (!base::is_utf8(info.name)) cursor_.fail(ErrorCode::corrupt, "a tensor name that is no utf-8");
    const auto dims = cursor_.number<std::uint32_t>();
    if (dims > max_dims) fail(info, fmt::format("{} dimensions, at most {} are allowed", dims, max_dims));
    std::uint64_t rows = 1, row = 1;
    bool empty = false;
    for (std::uint32_t i = 0; i < dims; ++i) {
      const auto size = cursor_.number<std::uint64_t>();
      if (size >= std::uint64_t{1} << 63) fail(info, fmt::format("a size of {}", size));
      empty = empty || size == 0;
      if (i == 0) row = size;
      if (i > 0 && size > 0 && !base::checked_mul(rows, size, rows)) fail(info, "sizes whose product overflows");
      info.shape.insert(info.shape.begin(), static_cast<std::int64_t>(size));
    }
    const auto code = cursor_.number<std::uint32_t>();
    const auto* const type =
        std::find_if(types.begin(), types.end(), [&](const Type& known) { return known.code == code; });
    if (type == types.end())
      cursor_.fail(ErrorCode::unsupported,
                   fmt::format("tensor '{}' has ggml type {}, which is not known", info.name, code));
    info.type = type;
    if (row % type->block != 0)
      fail(info, fmt::format("a row of {} elements, blocks of {} hold {}", row, type->name, type->block));
    std::uint64_t row_bytes = 0;
    if (!base::checked_mul<std::uint64_t>(row / type->block, type->bytes, row_bytes) ||
        !base::checked_mul(row_bytes, rows, info.nbytes))
      fail(info, "sizes whose product overflows");
    if (empty) info.nbytes = 0;
    info.offset = cursor_.number<std::uint64_t>();
    if (info.offset % alignment_ != 0)
      fail(info, fmt::format("an offset of {}, a multiple of {} needed", info.offset, alignment_));
    return info;
  }

  std::uint64_t padded(std::uint64_t value) const {
    std::uint64_t end = 0;
    if (!base::checked_add<std::uint64_t>(value, alignment_ - 1, end))
      cursor_.fail(ErrorCode::corrupt, fmt::format("an offset of {}", value));
    return end / alignment_ * alignment_;
  }

  /// Tensors follow each other in order, with no more than padding between them, and end with the file.
  void check_tiling(const std::vector<TensorInfo>& infos, std::uint64_t start) const {
    std::uint64_t at = 0;
    for (const auto& info : infos) {
      if (info.offset != padded(at))
        fail(info, fmt::format("an offset of {}, {} needed after the tensor before", info.offset, padded(at)));
      if (!base::checked_add(info.offset, info.nbytes, at))
        fail(info, fmt::format("{} bytes at {}", info.nbytes, info.offset));
    }
    const std::uint64_t data = source_->size() > start ? source_->size() - start : 0;
    if (at > data)
      cursor_.fail(ErrorCode::truncated, fmt::format("the tensors take {} bytes, {} follow the header", at, data));
    if (data > padded(at))
      cursor_.fail(ErrorCode::corrupt,
                   fmt::format("the tensors take {} bytes, {} follow the header", padded(at), data));
  }

  void add(TensorInfo& info, std::uint64_t start) {
    auto slice = bytes::slice(source_, info.nbytes == 0 ? 0 : start + info.offset, info.nbytes, {}, nullptr);
    if (info.type->dtype) {
      builder_.add(info.name, std::move(slice), info.nbytes, *info.type->dtype, std::move(info.shape));
      return;
    }
    Shape rows = info.shape;
    if (rows.empty()) fail(info, fmt::format("no dimensions, {} needs rows", info.type->name));
    rows.back() = rows.back() / info.type->block * info.type->bytes;
    builder_.add(info.name, std::move(slice), info.nbytes, DType::uint8, std::move(rows));
    builder_.container().raw.push_back({info.name, fmt::format("gguf.{}", info.type->name), std::move(info.shape)});
  }

  void note_quantized() {
    auto& about = builder_.container();
    std::set<std::string_view> kinds;
    for (const auto& raw : about.raw) kinds.insert(raw.dtype);
    if (!kinds.empty())
      about.notes.push_back(fmt::format("quantized tensors: {} ({}), held as bytes and not as numbers",
                                        about.raw.size(), fmt::join(kinds, ", ")));
  }

  [[noreturn]] void fail(const TensorInfo& info, std::string_view problem) const {
    cursor_.fail(ErrorCode::corrupt, fmt::format("tensor '{}' has {}", info.name, problem));
  }

  const std::shared_ptr<const bytes::Source>& source_;
  Cursor cursor_;
  FlatBuilder builder_;
  std::uint32_t alignment_ = 32;
  std::unordered_set<std::string> keys_{};
};

}  // namespace

bool sniff(std::span<const std::byte> head) {
  return head.size() >= magic.size() && std::memcmp(head.data(), magic.data(), magic.size()) == 0;
}

Checkpoint read(std::shared_ptr<const bytes::Source> source, const LoadOptions& options) {
  return Reader(source, options).read();
}

}  // namespace flambeau::formats::gguf
