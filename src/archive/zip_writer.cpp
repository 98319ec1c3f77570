// The container as PyTorch's patched miniz writes it; reference/pth-format.md sections 2.3 to 2.7 are the
// specification.

#include <algorithm>
#include <future>
#include <system_error>
#include <unordered_set>

#include <flambeau/error.h>

#include "archive/zip.h"
#include "archive/zip_format.h"
#include "bytes/crc32.h"

namespace flambeau::archive {
namespace {

constexpr std::size_t parallel_size = 1 << 20;  // a thread costs about 20 µs, writing this much about 500

// c10::hash_combine.
std::uint64_t fold(std::uint64_t hash, std::uint64_t value) noexcept {
  return hash ^ (value + 0x9e3779b9 + (hash << 6) + (hash >> 2));
}

std::string digits20(std::uint64_t number) {
  const std::string text = std::to_string(number);
  return std::string(20 - text.size(), '0') + text;
}

// Passes a payload on, counting and checksumming.
class PayloadSink final : public bytes::Sink {
 public:
  PayloadSink(bytes::Sink& sink, std::uint64_t size, bool with_crc) : sink_(sink), left_(size), with_crc_(with_crc) {}

  void write(std::span<const std::byte> bytes) override {
    if (bytes.size() > left_)
      throw Error(ErrorCode::invalid_argument,
                  std::to_string(bytes.size()) + " bytes produced where " + std::to_string(left_) + " were left");
    left_ -= bytes.size();
    std::future<std::uint32_t> crc{};
    if (with_crc_ && bytes.size() >= parallel_size) {
      try {
        crc = std::async(std::launch::async, bytes::crc32, crc_, bytes);
      } catch (const std::system_error&) {  // no thread to be had
      }
    }
    if (with_crc_ && !crc.valid()) crc_ = bytes::crc32(crc_, bytes);
    sink_.write(bytes);
    if (crc.valid()) crc_ = crc.get();
  }
  std::uint64_t left() const noexcept { return left_; }
  std::uint32_t crc() const noexcept { return crc_; }

 private:
  bytes::Sink& sink_;
  std::uint64_t left_;
  bool with_crc_;
  std::uint32_t crc_ = 0;
};

struct Record {
  std::string name;  // with root
  std::uint64_t header_offset, size;
  std::uint32_t crc;

  std::uint16_t flags() const noexcept {
    return static_cast<std::uint16_t>(zip::flag_utf8 | (size > 0 ? zip::flag_descriptor : 0));
  }
  bool far() const noexcept { return header_offset >= zip::in_zip64; }
  bool large() const noexcept { return size >= zip::in_zip64; }
  // The zip64 field; the local header does not know the compressed size yet and says 0.
  std::string zip64(std::uint64_t compressed_size) const {
    std::string field;
    if (!far() && !large()) return field;
    zip::put<std::uint16_t>(field, zip::zip64_extra);
    zip::put<std::uint16_t>(field, static_cast<std::uint16_t>((large() ? 16 : 0) + (far() ? 8 : 0)));
    if (large()) zip::put<std::uint64_t>(field, size);
    if (large()) zip::put<std::uint64_t>(field, compressed_size);
    if (far()) zip::put<std::uint64_t>(field, header_offset);
    return field;
  }
};

std::uint32_t capped(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, zip::in_zip64));
}

std::string local_header(const Record& record, std::uint32_t alignment) {
  std::string extra = record.zip64(0);
  const std::uint64_t start = record.header_offset + zip::local_size + record.name.size() + extra.size() + 4;
  const auto padding = static_cast<std::uint16_t>((alignment - start % alignment) % alignment);
  zip::put<std::uint16_t>(extra, zip::padding_extra);
  zip::put<std::uint16_t>(extra, padding);
  extra.append(padding, 'Z');
  if (extra.size() > 0xFFFF)  // alignments from 65532 up, for a few starts in a thousand
    throw Error(ErrorCode::unsupported,
                "alignment " + std::to_string(alignment) + " needs an extra field of " + std::to_string(extra.size()) +
                    " bytes here, 65535 fit",
                {.member = record.name});

  std::string header;
  zip::put<std::uint32_t>(header, zip::local_signature);
  zip::put<std::uint16_t>(header, 0);  // version needed
  zip::put<std::uint16_t>(header, record.flags());
  zip::put<std::uint16_t>(header, zip::stored);
  zip::put<std::uint32_t>(header, 0);  // time and date
  header.append(12, '\0');             // crc and sizes follow in the descriptor
  zip::put<std::uint16_t>(header, static_cast<std::uint16_t>(record.name.size()));
  zip::put<std::uint16_t>(header, static_cast<std::uint16_t>(extra.size()));
  return header + record.name + extra;
}

std::string descriptor(const Record& record) {
  std::string text;
  zip::put<std::uint32_t>(text, zip::descriptor_signature);
  zip::put<std::uint32_t>(text, record.crc);
  for (int i = 0; i < 2; ++i) {
    if (record.far() || record.large()) {
      zip::put<std::uint64_t>(text, record.size);
    } else {
      zip::put<std::uint32_t>(text, static_cast<std::uint32_t>(record.size));
    }
  }
  return text;
}

std::string central_header(const Record& record) {
  const std::string extra = record.zip64(record.size);
  std::string header;
  zip::put<std::uint32_t>(header, zip::central_signature);
  zip::put<std::uint32_t>(header, 0);  // version made by, version needed
  zip::put<std::uint16_t>(header, record.flags());
  zip::put<std::uint16_t>(header, zip::stored);
  zip::put<std::uint32_t>(header, 0);  // time and date
  zip::put<std::uint32_t>(header, record.crc);
  zip::put<std::uint32_t>(header, capped(record.size));
  zip::put<std::uint32_t>(header, capped(record.size));
  zip::put<std::uint16_t>(header, static_cast<std::uint16_t>(record.name.size()));
  zip::put<std::uint16_t>(header, static_cast<std::uint16_t>(extra.size()));
  header.append(10, '\0');  // comment, disk, attributes
  zip::put<std::uint32_t>(header, capped(record.header_offset));
  return header + record.name + extra;
}

// zip64 end record, its locator and the end record: always all three.
std::string end_records(std::uint64_t count, std::uint64_t offset, std::uint64_t size) {
  std::string text;
  zip::put<std::uint32_t>(text, zip::end64_signature);
  zip::put<std::uint64_t>(text, zip::end64_size - 12);
  zip::put<std::uint16_t>(text, 0x031E);  // made by
  zip::put<std::uint16_t>(text, 0x002D);  // needed
  zip::put<std::uint64_t>(text, 0);       // this disk, the directory's disk
  zip::put<std::uint64_t>(text, count);
  zip::put<std::uint64_t>(text, count);
  zip::put<std::uint64_t>(text, size);
  zip::put<std::uint64_t>(text, offset);

  zip::put<std::uint32_t>(text, zip::locator_signature);
  zip::put<std::uint32_t>(text, 0);
  zip::put<std::uint64_t>(text, offset + size);
  zip::put<std::uint32_t>(text, 1);

  zip::put<std::uint32_t>(text, zip::end_signature);
  zip::put<std::uint32_t>(text, 0);
  for (int i = 0; i < 2; ++i)
    zip::put<std::uint16_t>(text, static_cast<std::uint16_t>(std::min<std::uint64_t>(count, 0xFFFF)));
  zip::put<std::uint32_t>(text, capped(size));
  zip::put<std::uint32_t>(text, capped(offset));
  zip::put<std::uint16_t>(text, 0);  // comment
  return text;
}

}  // namespace

struct ZipWriter::Impl {
  bytes::Sink& sink;
  std::string root;
  ZipOptions options;
  std::uint64_t cursor = 0;
  std::vector<Record> records{};
  std::unordered_set<std::string> names{};  // without root; its order is part of the serialization id

  void write(std::string_view text) {
    sink.write(text);
    cursor += text.size();
  }

  Record& begin(std::string_view name, std::uint64_t size) {
    const std::string full = root + "/" + std::string(name);
    const char* reason = full.back() == '/' ? "is a folder's" : zip::unsafe_name(full);
    if (full.size() > 0xFFFF) reason = "is over 65535 bytes long";
    if (reason) throw Error(ErrorCode::invalid_argument, std::string("the record's name ") + reason, {.member = full});
    if (!names.emplace(name).second) throw Error(ErrorCode::invalid_argument, "written twice", {.member = full});
    Record& record = records.emplace_back(Record{full, cursor, size, 0});
    write(local_header(record, options.alignment));
    return record;
  }

  void end(Record& record, std::uint32_t crc) {
    record.crc = crc;
    if (record.size > 0) write(descriptor(record));
  }

  // Torch's two hashes: over the names, in the order of libstdc++'s unordered_set, and over the checksums.
  std::string serialization_id() const {
    std::uint64_t of_names = 0, of_crcs = 0;
    for (const std::string& name : names) of_names = fold(of_names, std::hash<std::string>{}(name));
    for (const Record& record : records)
      if (record.size > 0) of_crcs = fold(of_crcs, record.crc);
    return digits20(of_names) + digits20(of_crcs);
  }
};

ZipWriter::ZipWriter(bytes::Sink& sink, std::string root, ZipOptions options)
    : impl_(std::make_unique<Impl>(Impl{sink, std::move(root), options})) {
  if (options.alignment < 1 || options.alignment > 65536)
    throw Error(ErrorCode::invalid_argument,
                "alignment " + std::to_string(options.alignment) + " is not from 1 to 65536");
}

ZipWriter::~ZipWriter() = default;

void ZipWriter::add(std::string_view name, std::string_view payload) {
  add(name, payload.size(), [&](bytes::Sink& sink) { sink.write(payload); });
}

void ZipWriter::add(std::string_view name, std::uint64_t size, const std::function<void(bytes::Sink&)>& produce) {
  Record& record = impl_->begin(name, size);
  PayloadSink payload(impl_->sink, size, impl_->options.crc32);
  try {
    produce(payload);
  } catch (const Error& error) {
    throw error.at({.member = record.name});
  }
  if (payload.left() != 0)
    throw Error(ErrorCode::invalid_argument,
                std::to_string(size - payload.left()) + " bytes produced, " + std::to_string(size) + " promised",
                {.member = record.name});
  impl_->cursor += size;
  impl_->end(record, payload.crc());
}

void ZipWriter::finish() {
  add("version", "3\n");
  if (!impl_->names.contains("byteorder")) add("byteorder", "little");
  add(".data/serialization_id", impl_->serialization_id());
  const std::uint64_t offset = impl_->cursor;
  for (const Record& record : impl_->records) impl_->write(central_header(record));
  impl_->write(end_records(impl_->records.size(), offset, impl_->cursor - offset));
}

}  // namespace flambeau::archive
