#include <flambeau/error.h>
#include <flambeau/near.h>
#include <flambeau/pickle.h>

#include <algorithm>
#include <vector>

#include "archive/zip.h"
#include "bytes/source.h"
#include "pickle/dis.h"
#include "pickle/opcodes.h"

namespace flambeau {
namespace {

using Line = std::function<void(std::string_view)>;

void dis_stream(std::span<const std::byte> bytes, const Line& line) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::uint64_t at = pickle::dis(bytes, line);
  constexpr int in_a_legacy_file = 5;
  for (int i = 1; i < in_a_legacy_file && pickle::begins_pickle(text.substr(at)); ++i) {
    line("");
    at += pickle::dis(bytes.subspan(at), line);
  }
}

void dis_member(const archive::ZipReader& zip, std::string member, const Line& line) {
  if (member.empty()) member = "data.pkl";
  const std::string prefix = zip.root().empty() ? "" : zip.root() + "/";
  const archive::Entry* entry = zip.find(member);
  if (!entry && member.starts_with(prefix)) entry = zip.find(std::string_view(member).substr(prefix.size()));
  if (!entry) {
    std::vector<std::string> names;
    for (const archive::Entry& each : zip.entries()) names.push_back(each.name);
    throw Error(ErrorCode::not_found, "no record '" + member + "'" + did_you_mean(member, names));
  }
  try {
    const std::string stream = zip.read(*entry);
    pickle::dis(std::as_bytes(std::span(stream)), line);
  } catch (const Error& error) {
    throw error.at({.member = entry->name});
  }
}

}  // namespace

void disassemble(const std::string& path, const Line& line, const DisassembleOptions& options) {
  try {
    const auto source = bytes::open_file(path, bytes::Access::map);
    std::string head(std::min<std::uint64_t>(source->size(), 4), '\0');
    source->read(0, std::as_writable_bytes(std::span(head)));
    if (head == "PK\3\4") {
      dis_member(archive::ZipReader(source, options.limits), options.member, line);
    } else if (options.member.empty()) {
      // A legacy file's storages follow its pickles: what lies beyond the cap is theirs.
      const auto bytes = source->view();
      dis_stream(bytes.first(std::min<std::uint64_t>(bytes.size(), options.limits.max_pickle_bytes)), line);
    } else {
      throw Error(ErrorCode::invalid_argument, "no archive, so there is no record '" + options.member + "'");
    }
  } catch (const Error& error) {
    throw error.at({.file = path});
  }
}

}  // namespace flambeau
