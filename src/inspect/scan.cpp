#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include <flambeau/inspect.h>

#include "archive/tar.h"
#include "formats/dcp.h"
#include "formats/format.h"
#include "formats/graph.h"
#include "formats/torch_legacy.h"
#include "inspect/findings.h"
#include "inspect/member.h"
#include "inspect/scan_pickle.h"
#include "pickle/opcodes.h"

namespace flambeau {

std::string_view name(Verdict verdict) noexcept {
  constexpr std::array<std::string_view, 4> names = {"clean", "suspicious", "dangerous", "unreadable"};
  return names[static_cast<std::size_t>(verdict)];
}

namespace inspect {
namespace {

using formats::Input;

constexpr unsigned most_pickles_in_a_row = 64;

class Scan {
 public:
  Scan(ScanReport& report, const std::string& path, const LoadOptions& options)
      : report_(report), found_(report, path), path_(path), options_(options) {
    options_.inert = true;
    options_.read = Read::lazy;
  }

  void run() {
    const auto source = formats::open_source(path_, bytes::Access::pread, options_.limits);
    Input input;
    try {
      if (source) input = formats::open(source, options_.limits);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::io) throw;
      found_.unreadable(error, {});
      sweep(source, {});
      return;
    }
    input.path = path_;
    scan(input, {});
  }

 private:
  /// A file or a checkpoint inside one; `member` says where it lies.
  void scan(const Input& input, const std::string& member) {
    const formats::Format* format = nullptr;
    try {
      if (input.zip) records(input, member);
      format = &formats::recognise(input);
      if (input.depth == 0) report_.format = format->name;
      parts(*format, input, member);
    } catch (const Error& error) {
      found_.unreadable(error, member);
      if (!input.zip && input.source) sweep(input.source, member);
      return;
    }
    if (report_.verdict == Verdict::unreadable) return;
    // Clean is said only of what loads as a whole.
    try {
      format->read(input, options_);
    } catch (const Error& error) {
      found_.unreadable(error, member);
    }
  }

  void parts(const formats::Format& format, const Input& input, const std::string& member) {
    const std::string_view kind = format.name;
    if (input.zip)
      after_the_end(*input.source, member);
    else if (kind == "torch-legacy")
      legacy(input, member);
    else if (kind == "torch-tar")
      tar(input, member);
    else if (kind == "pickle")
      stream(*input.source, 0, input.source->size(), member);
    else if (kind == "npy")
      npy(input, member);
    else if (kind == "dcp")
      folder(input);
    if (kind == "torchscript") found_.suspicious(member, "holds TorchScript code");
    if (kind == "pt2") found_.suspicious(member, "holds an exported program");
  }

  // ---- containers

  void records(const Input& input, const std::string& member) {
    const archive::ZipReader& zip = *input.zip;
    for (const archive::Entry& entry : zip.entries()) {
      const std::string_view record = zip.bare_name(entry);
      const std::string inside = member.empty() ? entry.name : member + ": " + entry.name;
      const bool storage =
          record.starts_with("data/") && record.find('.') == std::string_view::npos && zip.find("data.pkl") != nullptr;
      if (entry.size == 0) continue;
      auto source = zip.open(entry);
      std::string head(std::min<std::uint64_t>(entry.size, 16), '\0');
      if (!read(*source, 0, head, inside)) continue;
      if (storage) {
        if (pickle::begins_pickle(head)) hidden_in(*source, entry.size, inside);
        continue;
      }
      const bool pickled = record.ends_with("pkl") || pickle::begins_pickle(head);
      if (!pickled && !head.starts_with("PK\3\4") && !head.starts_with("\x93NUMPY")) continue;
      if (entry.size > options_.limits.max_pickle_bytes) {
        found_.unreadable(Error(ErrorCode::limit, fmt::format("{} bytes, max_pickle_bytes is {}", entry.size,
                                                              options_.limits.max_pickle_bytes)),
                          inside);
        continue;
      }
      // No honest pickle deflates like that: it is looked at as far as memory for its file goes.
      constexpr std::uint64_t most_ratio = 20, always = 1ull << 20;
      const std::uint64_t most = entry.compressed_size * most_ratio + always;
      if (entry.deflated && entry.size > most)
        found_.unreadable(
            Error(ErrorCode::limit, fmt::format("{} bytes of pickle are deflated into {}, {} are looked at", entry.size,
                                                entry.compressed_size, most)),
            inside);
      std::string payload(std::min(entry.size, entry.deflated ? most : entry.size), '\0');
      if (!read(*source, 0, payload, inside)) continue;
      if (payload.size() == entry.size) {
        try {  // a wrong checksum is an error, and no reason not to look
          Storage::from(source, entry.size, DType::uint8)->each_block([](auto) {});
        } catch (const Error& error) {
          found_.unreadable(error, inside);
        }
      }
      source.reset();  // with all that it inflated
      const auto memory = bytes::from_memory(std::move(payload), entry.name);
      if (pickled)
        stream(*memory, 0, memory->size(), inside);
      else
        inner(memory, inside, input.depth);
    }
  }

  /// A storage that is a pickle of something dangerous: nothing loads it, but nothing writes such weights either.
  void hidden_in(const StorageSource& source, std::uint64_t size, const std::string& member) {
    constexpr std::uint64_t most = 1 << 20;
    std::string bytes(std::min(size, most), '\0');
    if (!read(source, 0, bytes, member)) return;
    for (const auto& finding : scan_weights(std::as_bytes(std::span(bytes))).findings)
      if (finding.verdict == Verdict::dangerous)
        found_.suspicious(member, "the elements of a tensor are a pickle that names " + finding.global);
  }

  ScannedPickle scan_weights(std::span<const std::byte> bytes) {
    return scan_pickle(bytes, options_, [](object::Heap& heap, std::string_view) {
      return heap.storage(Storage::zeros(0, DType::uint8), "UntypedStorage");
    });
  }

  /// Readers look for the end of a zip from the back; what follows it is nobody's.
  void after_the_end(const bytes::Source& source, const std::string& member) {
    constexpr std::uint64_t record = 22, longest_comment = 65535;
    const std::uint64_t length = std::min(source.size(), record + longest_comment);
    std::string buffer;
    const auto bytes = formats::piece(source, source.size() - length, length, buffer);
    const std::string_view tail(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto end = tail.rfind("PK\5\6");
    if (end == std::string_view::npos || tail.size() - end < record) return;
    const auto comment = static_cast<unsigned char>(tail[end + 20]) + 256u * static_cast<unsigned char>(tail[end + 21]);
    const std::uint64_t after = tail.size() - end - record;
    if (after > comment) found_.suspicious(member, fmt::format("{} bytes follow the zip's end", after - comment));
  }

  void legacy(const Input& input, const std::string& member) {
    const bytes::Source& source = *input.source;
    std::uint64_t at = 0;
    constexpr int pickles = 5;
    for (int i = 0; i < pickles; ++i) {
      const auto end = one(source, at, source.size() - at, member);
      if (!end) return;
      at = *end;
    }
    try {
      const formats::LegacyLayout layout = formats::legacy_layout(source, options_);
      if (layout.end == source.size()) return;
      inner(bytes::part(input.source, layout.end, source.size() - layout.end),
            fmt::format("{}after byte {}", member.empty() ? "" : member + ": ", layout.end), input.depth);
    } catch (const Error& error) {
      found_.unreadable(error, member);
    }
  }

  void tar(const Input& input, const std::string& member) {
    const archive::TarReader reader(input.source, options_.limits);
    for (const auto& entry : reader.members()) {
      const auto part = bytes::part(input.source, entry.data_offset, entry.size);
      const std::string inside = member.empty() ? entry.name : member + ": " + entry.name;
      std::uint64_t at = 0;
      // "storages" and "tensors" hold data between their pickles: what loading them says decides, see scan().
      if (entry.name == "storages" || entry.name == "tensors")
        one(*part, at, part->size(), inside);
      else
        stream(*part, at, part->size(), inside);
    }
  }

  /// Object arrays are pickles behind the header.
  void npy(const Input& input, const std::string& member) {
    const auto begin = input.head.find('\n');
    const std::string_view header = std::string_view(input.head).substr(0, begin);
    if (begin == std::string::npos ||
        (header.find("|O") == std::string_view::npos && header.find("'O'") == std::string_view::npos))
      return;
    stream(*input.source, begin + 1, input.source->size() - begin - 1, member);
  }

  /// Ranks that kept their metadata to themselves name it "__0.metadata".
  void folder(const Input& input) {
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(input.path, ignored)) {
      const std::string name = file.path().filename().string();
      if (!name.ends_with(".metadata")) continue;
      const auto metadata = bytes::open_file(file.path().string(), bytes::Access::pread);
      stream(*metadata, 0, metadata->size(), name);
    }
    if (report_.verdict == Verdict::unreadable) return;
    // Python loads what is no tensor there with weights_only=False.
    formats::dcp::each_item(input.path, options_, [&](const std::string& name, auto item) { inner(item, name, 0); });
  }

  void inner(std::shared_ptr<const bytes::Source> source, const std::string& member, unsigned depth) {
    if (depth + 1 > options_.limits.max_nested_files) {
      found_.unreadable(Error(ErrorCode::limit, fmt::format("files nest deeper than max_nested_files, {}",
                                                            options_.limits.max_nested_files)),
                        member);
      return;
    }
    try {
      scan(formats::open(source, options_.limits, depth + 1), member);
    } catch (const Error& error) {
      found_.unreadable(error, member);
      sweep(source, member);
    }
  }

  // ---- streams

  /// Pickles one after another up to the end; what is no pickle behind the first is told.
  void stream(const bytes::Source& source, std::uint64_t at, std::uint64_t size, const std::string& member) {
    const std::uint64_t stop = at + size;
    for (unsigned i = 0; i < most_pickles_in_a_row && at < stop; ++i) {
      std::string buffer;
      if (i > 0) {
        found_.suspicious(member, fmt::format("{} bytes follow the pickle's end at byte {}", stop - at, at));
        if (!pickle::begins_pickle(head_at(source, at, buffer))) return;
      }
      const auto end = one(source, at, stop - at, member);
      if (!end) return;
      at = *end;
    }
  }

  std::string_view head_at(const bytes::Source& source, std::uint64_t at, std::string& buffer) const {
    const auto bytes = formats::piece(source, at, 2, buffer);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// One pickle at `at`; gives the offset behind it unless it broke.
  std::optional<std::uint64_t> one(const bytes::Source& source, std::uint64_t at, std::uint64_t size,
                                   const std::string& member) {
    std::optional<ScannedPickle> scanned;
    size = std::min(size, options_.limits.max_pickle_bytes);
    for (std::uint64_t window = 64ull << 10;; window *= 8) {
      std::string buffer;
      const auto bytes = formats::piece(source, at, std::min(window, size), buffer);
      scanned = scan_pickle(bytes, options_,
                            [&](object::Heap& heap, std::string_view inside) { return nested(heap, inside, member); });
      if (!scanned->failure || window >= size) break;
    }
    for (auto& finding : scanned->findings) {
      finding.member = member;
      if (finding.offset) *finding.offset += at;
      found_.add(std::move(finding));
    }
    for (const auto& global : scanned->globals) found_.global(global);
    if (scanned->failure) {
      found_.unreadable(*scanned->failure, member, at);
      return std::nullopt;
    }
    return at + scanned->end;
  }

  object::Ref nested(object::Heap& heap, std::string_view bytes, const std::string& member) {
    const auto source = bytes::from_memory(std::string(bytes), "<nested file>");
    ++depth_;
    inner(source, member.empty() ? "nested file" : member + ": nested file", depth_ - 1);
    --depth_;
    return formats::read_nested(heap, source, options_, depth_ + 1);
  }

  /// For files whose container cannot be read: what the bytes name, read opcode by opcode from places where pickles
  /// begin.
  void sweep(const std::shared_ptr<const bytes::Source>& source, const std::string& member) {
    constexpr std::uint64_t most_swept = 64ull << 20;
    std::string buffer;
    const auto bytes = formats::piece(*source, 0, most_swept, buffer);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    unsigned found = 0;
    const auto look = [&](std::size_t at) {
      const auto scanned = scan_weights(bytes.subspan(at, std::min<std::size_t>(bytes.size() - at, 1u << 20)));
      for (auto finding : scanned.findings)
        if (finding.verdict == Verdict::dangerous) {
          finding.member = member;
          if (finding.offset) *finding.offset += at;
          found_.add(std::move(finding));
        }
    };
    look(0);
    for (std::size_t at = text.find('\x80', 1); at != std::string_view::npos && found < most_pickles_in_a_row;
         at = text.find('\x80', at + 1))
      if (pickle::begins_pickle(text.substr(at, 2))) look(at), ++found;
    constexpr std::size_t block = 512;  // a tar's members lie behind their headers; protocol 0 has no mark
    for (std::size_t at = block; at < bytes.size() && found < most_pickles_in_a_row; at += block)
      if (archive::looks_like_tar(bytes.subspan(at - block, block))) look(at), ++found;
  }

  bool read(const StorageSource& source, std::uint64_t at, std::string& into, const std::string& member) {
    try {
      source.read(at, std::as_writable_bytes(std::span(into)));
      return true;
    } catch (const Error& error) {
      found_.unreadable(error, member);
      return false;
    }
  }

  ScanReport& report_;
  Findings found_;
  const std::string& path_;
  LoadOptions options_;
  unsigned depth_ = 0;
};

}  // namespace
}  // namespace inspect

ScanReport scan(const std::string& path, const LoadOptions& options) {
  ScanReport report;
  inspect::Scan(report, path, options).run();
  return report;
}

}  // namespace flambeau
