#include "formats/npy.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <mutex>
#include <optional>

#include "base/checked.h"
#include "bytes/crc32.h"
#include "formats/flat.h"

namespace flambeau::formats {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::uint64_t max_header = 10'000;  // numpy's own cap
constexpr std::string_view extension = ".npy";

struct Header {
  DType dtype = DType::float32;
  bool swapped = false, fortran = false;
  Shape shape{};
};

struct Descr {
  std::string_view text;
  DType dtype;
};
constexpr std::array<Descr, 15> descrs = {{
    {"b1", DType::boolean},
    {"i1", DType::int8},
    {"i2", DType::int16},
    {"i4", DType::int32},
    {"i8", DType::int64},
    {"u1", DType::uint8},
    {"u2", DType::uint16},
    {"u4", DType::uint32},
    {"u8", DType::uint64},
    {"f2", DType::float16},
    {"f4", DType::float32},
    {"f8", DType::float64},
    {"c8", DType::complex64},
    {"c16", DType::complex128},
    {"?", DType::boolean},
}};

/// The header is a Python literal; this reads just the dict that numpy writes: three keys, each once.
class Literal {
 public:
  Literal(std::string_view text, const Place& place) : text_(text), place_(place) {}

  Header parse() {
    Header header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(descr, true))
        set_descr(header);
      else if (key == "fortran_order" && !std::exchange(order, true))
        header.fortran = boolean();
      else if (key == "shape" && !std::exchange(shape, true))
        header.shape = sizes();
      else
        fail(fmt::format("has an unexpected key '{}'", key));
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail("does not end after its dict");
    if (!descr || !order || !shape)
      fail(fmt::format("has no '{}'", !descr ? "descr" : !order ? "fortran_order" : "shape"));
    return header;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("has no '{}' at its byte {}", c, at_));
  }
  std::string_view quoted() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') fail(fmt::format("has no string at its byte {}", at_));
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("has a string without an end");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    skip_space();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    fail(fmt::format("has no True or False at its byte {}", at_));
  }
  Shape sizes() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::int64_t value = 0;
      const char* const first = text_.data() + at_;
      const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
      if (error != std::errc{} || value < 0) fail(fmt::format("has no size at its byte {}", at_));
      at_ += static_cast<std::size_t>(end - first);
      accept('L');  // numpy under Python 2
      shape.push_back(value);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }
  void set_descr(Header& header) {
    if (accept('[')) throw Error(ErrorCode::unsupported, "a structured array has no tensor type", place_);
    const std::string_view descr = quoted();
    const bool has_order = !descr.empty() && std::string_view("<>|=").find(descr[0]) != std::string_view::npos;
    const std::string_view type = descr.substr(has_order ? 1 : 0);
    if (type.starts_with('O'))
      throw Error(ErrorCode::unsupported, "an object array is a pickle that numpy would run; it is not read", place_);
    const auto* const row =
        std::find_if(descrs.begin(), descrs.end(), [&](const Descr& known) { return known.text == type; });
    if (row == descrs.end())
      throw Error(ErrorCode::unsupported, fmt::format("numpy dtype '{}' has no tensor type", descr), place_);
    header.dtype = row->dtype;
    header.swapped = descr.starts_with('>');
  }
  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(ErrorCode::corrupt, fmt::format("the numpy header {}", problem), place_);
  }

  std::string_view text_;
  const Place& place_;
  std::size_t at_ = 0;
};

/// The data of a .npy file behind its header. The CRC of a zip member covers the header, too: what is left for the data
/// follows from the header's own.
class Data final : public StorageSource {
 public:
  Data(std::shared_ptr<const StorageSource> file, std::string_view header, std::uint64_t nbytes)
      : file_(std::move(file)), start_(header.size()), nbytes_(nbytes) {
    std::uint32_t whole = 0;
    has_crc_ = file_->recorded_crc(whole);
    if (has_crc_) crc_ = bytes::crc32_combine(bytes::crc32(0, std::as_bytes(std::span(header))), whole, nbytes);
  }
  std::span<const std::byte> view() const noexcept override {
    const auto all = file_->view();
    return all.empty() ? all : all.subspan(static_cast<std::size_t>(start_), static_cast<std::size_t>(nbytes_));
  }
  void read(std::uint64_t offset, std::span<std::byte> into) const override { file_->read(start_ + offset, into); }
  bool recorded_crc(std::uint32_t& crc) const noexcept override {
    crc = crc_;
    return has_crc_;
  }
  Place place() const override { return file_->place(); }

 private:
  std::shared_ptr<const StorageSource> file_;
  std::uint64_t start_, nbytes_;
  std::uint32_t crc_ = 0;
  bool has_crc_ = false;
};

/// Elements of the other byte order. Read all at once when first needed: numpy on today's machines does not write such
/// files.
class Swapped final : public StorageSource {
 public:
  Swapped(std::shared_ptr<const StorageSource> source, std::uint64_t nbytes, std::size_t width)
      : inner_(Storage::from(std::move(source), nbytes, DType::uint8)), width_(width) {}
  std::span<const std::byte> view() const noexcept override { return {}; }
  void read(std::uint64_t offset, std::span<std::byte> into) const override {
    std::call_once(once_, [this] {
      const auto bytes = inner_->mutable_bytes();
      for (std::size_t at = 0; at + width_ <= bytes.size(); at += width_)
        std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                     bytes.begin() + static_cast<std::ptrdiff_t>(at + width_));
    });
    if (!into.empty()) std::memcpy(into.data(), inner_->bytes().data() + offset, into.size());
  }
  bool recorded_crc(std::uint32_t&) const noexcept override { return false; }  // compared when the bytes were read
  Place place() const override { return {}; }

 private:
  std::shared_ptr<Storage> inner_;
  std::size_t width_;
  mutable std::once_flag once_{};
};

Shape column_major(const Shape& shape) {
  Shape reversed(shape.rbegin(), shape.rend());
  Shape strides = contiguous_strides(reversed);
  std::reverse(strides.begin(), strides.end());
  return strides;
}

/// One .npy file of `size` bytes.
Tensor read_array(FlatBuilder& builder, const std::shared_ptr<const StorageSource>& file, std::uint64_t size,
                  const Place& place) {
  const auto bytes = [&](std::uint64_t offset, std::uint64_t count) {
    if (!base::inside(offset, count, size))
      throw Error(ErrorCode::truncated, fmt::format("the array file holds {} bytes, {} needed", size, offset + count),
                  place);
    std::string text(static_cast<std::size_t>(count), '\0');
    file->read(offset, std::as_writable_bytes(std::span(text)));
    return text;
  };
  std::string prefix = bytes(0, magic.size() + 2);
  if (!prefix.starts_with(magic))
    throw Error(ErrorCode::corrupt, "no numpy array: it does not start with '\\x93NUMPY'", place);
  const auto major = static_cast<unsigned char>(prefix[magic.size()]),
             minor = static_cast<unsigned char>(prefix[magic.size() + 1]);
  if (major < 1 || major > 3 || minor != 0)
    throw Error(ErrorCode::unsupported, fmt::format("npy version {}.{}, 1.0 to 3.0 are known", major, minor), place);
  const std::uint64_t width = major == 1 ? 2 : 4;
  prefix += bytes(prefix.size(), width);
  std::uint64_t length = 0;
  std::memcpy(&length, prefix.data() + prefix.size() - width, width);
  if (length > max_header)
    throw Error(ErrorCode::limit, fmt::format("a numpy header of {} bytes, at most {} are read", length, max_header),
                place);
  const std::string text = bytes(prefix.size(), length);

  Header header = Literal(text, place).parse();
  const std::uint64_t rank = header.shape.size();
  if (rank > builder.options().limits.max_tensor_rank)
    throw Error(
        ErrorCode::limit,
        fmt::format("{} dimensions exceed max_tensor_rank = {}", rank, builder.options().limits.max_tensor_rank),
        place);
  const std::uint64_t nbytes = Tensor::meta(header.shape, header.dtype).nbytes();
  const std::string whole_header = prefix + text;
  const std::uint64_t left = size - whole_header.size();
  if (nbytes != left)
    throw Error(nbytes > left ? ErrorCode::truncated : ErrorCode::corrupt,
                fmt::format("{} bytes follow the numpy header, {} needed for {} of shape {}", left, nbytes,
                            name(header.dtype), to_string(header.shape)),
                place);

  // Without elements nobody will read on and compare.
  std::uint32_t recorded = 0;
  if (nbytes == 0 && file->recorded_crc(recorded))
    if (const auto found = bytes::crc32(0, std::as_bytes(std::span(whole_header))); found != recorded)
      throw Error(ErrorCode::checksum, fmt::format("the data's crc-32 is {:08x}, recorded is {:08x}", found, recorded),
                  place);

  std::shared_ptr<const StorageSource> data = std::make_shared<Data>(file, whole_header, nbytes);
  const std::size_t element =
      info(header.dtype).kind == DTypeClass::complex ? itemsize(header.dtype) / 2 : itemsize(header.dtype);
  if (header.swapped && element > 1) data = std::make_shared<Swapped>(std::move(data), nbytes, element);
  Shape strides = nbytes == 0      ? Shape(rank, 0)
                  : header.fortran ? column_major(header.shape)
                                   : contiguous_strides(header.shape);
  return Tensor(builder.storage(std::move(data), nbytes, header.dtype), header.dtype, std::move(header.shape),
                std::move(strides));
}

Tensor read_array_at(FlatBuilder& builder, const std::shared_ptr<const StorageSource>& file, std::uint64_t size,
                     const Place& place) {
  try {
    return read_array(builder, file, size, place);
  } catch (const Error& error) {
    throw error.at(place);
  }
}

}  // namespace

namespace npy {

bool sniff(std::span<const std::byte> head) {
  return head.size() >= magic.size() && std::memcmp(head.data(), magic.data(), magic.size()) == 0;
}

Checkpoint read(std::shared_ptr<const bytes::Source> source, const LoadOptions& options) {
  const Place place{.file = source->name(), .member = {}, .offset = {}, .tensor = {}};
  const std::uint64_t size = source->size();
  FlatBuilder builder("npy", source->name(), options);
  Tensor tensor = read_array_at(builder, bytes::slice(std::move(source), 0, size, {}, nullptr), size, place);
  return builder.finish(std::move(tensor));
}

}  // namespace npy

namespace npz {

bool sniff(const archive::ZipReader& zip) {
  const auto& entries = zip.entries();
  return !entries.empty() && std::all_of(entries.begin(), entries.end(), [](const auto& entry) {
    return std::string_view(entry.name).ends_with(extension);
  });
}

Checkpoint read(const archive::ZipReader& zip, const std::string& file, const LoadOptions& options) {
  FlatBuilder builder("npz", file, options);
  for (const auto& entry : zip.entries()) {
    const Place place{.file = file, .member = entry.name, .offset = {}, .tensor = {}};
    if (!std::string_view(entry.name).ends_with(extension))
      throw Error(ErrorCode::unsupported, "the member is no .npy file", place);
    const std::string_view key = std::string_view(entry.name).substr(0, entry.name.size() - extension.size());
    builder.add(key, read_array_at(builder, zip.open(entry), entry.size, place));
  }
  return builder.finish();
}

}  // namespace npz
}  // namespace flambeau::formats
