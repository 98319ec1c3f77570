#pragma once
/// Looking at pickles opcode by opcode. Nothing is executed.

#include <functional>
#include <string>
#include <string_view>

#include <flambeau/limits.h>

namespace flambeau {

struct DisassembleOptions {
  std::string member{};  ///< record of an archive, with or without its root; empty: "data.pkl"
  Limits limits{};
};

/// Passes the opcodes of a file's pickle to `line`, each without its newline, as Python's pickletools.dis prints them.
/// Of a zip archive `member` is taken; in other files every pickle from the start on is shown (a legacy file has five),
/// with an empty line between two. Lines are not escaped beyond Python's repr. Throws what reading throws,
/// Error(not_found) for a member that is not there, and after the last line that could be shown Error(corrupt,
/// truncated) with the offset.
void disassemble(const std::string& path, const std::function<void(std::string_view)>& line,
                 const DisassembleOptions& options = {});

}  // namespace flambeau
