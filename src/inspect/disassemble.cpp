#include <flambeau/error.h>
#include <flambeau/near.h>
#include <flambeau/pickle.h>

#include <algorithm>
#include <vector>

#include "archive/tar.h"
#include "archive/zip.h"
#include "formats/format.h"
#include "formats/graph.h"
#include "formats/torch_tar.h"
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

template <class Entries>
Error no_record(const std::string& name, const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return {ErrorCode::not_found, "no record '" + name + "'" + did_you_mean(name, names)};
}

void dis_member(const archive::ZipReader& zip, std::string member, const Line& line) {
  if (member.empty()) member = "data.pkl";
  const std::string prefix = zip.root().empty() ? "" : zip.root() + "/";
  const archive::Entry* entry = zip.find(member);
  if (!entry && member.starts_with(prefix)) entry = zip.find(std::string_view(member).substr(prefix.size()));
  if (!entry) throw no_record(member, zip.entries());
  try {
    const std::string stream = zip.read(*entry);
    pickle::dis(std::as_bytes(std::span(stream)), line);
  } catch (const Error& error) {
    throw error.at({.member = entry->name});
  }
}

/// The pickle at a member's beginning, which numbers may follow.
void dis_member(const archive::TarReader& tar, const DisassembleOptions& options, const Line& line) {
  const std::string name = options.member.empty() ? "pickle" : options.member;
  const auto* const member = tar.find(name);
  if (!member) throw no_record(name, tar.members());
  std::string stream(std::min(member->size, options.limits.max_pickle_bytes), '\0');
  try {
    tar.open(*member)->read(0, std::as_writable_bytes(std::span(stream)));
    pickle::dis(std::as_bytes(std::span(stream)), line);
  } catch (const Error& error) {
    throw error.at({.member = name});
  }
}

void dis_bytes(const formats::Input& input, const DisassembleOptions& options, const Line& line) {
  if (!options.member.empty())
    throw Error(ErrorCode::invalid_argument, "no archive, so there is no record '" + options.member + "'");
  for (const formats::Format& format : formats::table())
    if (format.name != "torch-legacy" && format.name != "pickle" && format.sniff(input))
      throw Error(ErrorCode::unsupported, "no pickle, the format is " + std::string(format.name));
  const std::string other = formats::look_alike(input);
  if (!input.source) throw Error(ErrorCode::unsupported, "no pickle: this is " + other);
  try {
    // A legacy file's storages follow its pickles: what lies beyond the cap is theirs.
    std::string buffer;
    dis_stream(formats::piece(*input.source, 0, options.limits.max_pickle_bytes, buffer), line);
  } catch (const Error& error) {
    throw Error(error.code(), error.message() + (other.empty() ? "" : "; this is " + other), error.place());
  }
}

}  // namespace

void disassemble(const std::string& path, const Line& line, const DisassembleOptions& options) {
  try {
    const formats::Input input = formats::open(path, bytes::Access::map, options.limits);
    if (input.zip)
      dis_member(*input.zip, options.member, line);
    else if (formats::torch_tar::sniff(input))
      dis_member(archive::TarReader(input.source, options.limits), options, line);
    else
      dis_bytes(input, options, line);
  } catch (const Error& error) {
    throw error.at({.file = path});
  }
}

}  // namespace flambeau
