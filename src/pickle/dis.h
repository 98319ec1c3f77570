#pragma once
// The disassembler: prints what Python's pickletools.dis prints.

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace flambeau::pickle {

/// Passes each line, without its newline, to `line`: `   27: q    BINPUT     0`, four blanks deeper inside each MARK,
/// and "highest protocol among opcodes = 2" at the end. Returns the offset just after STOP. Works on any bytes in
/// linear time: what makes no sense is shown all the same, and the first such thing is thrown as Error(corrupt,
/// truncated) with its offset after the last line. (pickletools stops there. Python names in GLOBAL and INST are shown
/// as they are, not unescaped, and integers over 4096 bytes by their size.)
std::uint64_t dis(std::span<const std::byte> stream, const std::function<void(std::string_view)>& line);

}  // namespace flambeau::pickle
