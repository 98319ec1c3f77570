#pragma once
// The table of formats. To add one: a file here with sniff() and read(), a row in table.cpp, a test.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <flambeau/checkpoint.h>

#include "archive/zip.h"
#include "bytes/source.h"

namespace flambeau::formats {

/// What a format looks at to recognise and read an input.
struct Input {
  std::shared_ptr<const bytes::Source> source{};    ///< null for a folder
  std::string path{};                               ///< as the caller gave it; empty for memory and streams
  std::string head{};                               ///< the first bytes, at most 4096
  std::shared_ptr<const archive::ZipReader> zip{};  ///< the parsed directory, if the input is a zip archive
  unsigned depth = 0;                               ///< how many checkpoints this one lies inside
};

struct Format {
  std::string_view name;              ///< as `ls --json` prints it
  bool (*sniff)(const Input& input);  ///< looks at the content only; never throws for content
  Checkpoint (*read)(const Input& input, const LoadOptions& options);
};

/// In the order in which they are tried.
std::span<const Format> table() noexcept;

/// The row for an input. Throws Error(unknown_format) that says what the input looks like.
const Format& recognise(const Input& input);

/// What a path leads to, null for a folder. What cannot be sought (a pipe) is read whole, up to max_stream_bytes.
/// Throws Error(not_found, io, limit).
std::shared_ptr<const bytes::Source> open_source(const std::string& path, bytes::Access access, const Limits& limits);

/// Opens a path (a file, or a folder for `dcp`) or takes a source. A zip archive's directory is parsed here, so this
/// throws what ZipReader throws, and Error(not_found, io, truncated, limit).
Input open(const std::string& path, bytes::Access access, const Limits& limits);
Input open(std::shared_ptr<const bytes::Source> source, const Limits& limits, unsigned depth = 0);

/// What bytes that no row knows look like, in words ("a git-lfs pointer, not the file itself"); empty when nothing
/// comes to mind.
std::string look_alike(const Input& input);

}  // namespace flambeau::formats
