#pragma once
// Where checkpoints are written: a file that is replaced as a whole, or standard output.

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <streambuf>
#include <string>

#include <flambeau/checkpoint.h>

#include "command.h"
#include "terminal.h"

namespace cli {

/// Whether OUT ("-") is standard output. Throws UsageError if that is a terminal, or wanted for --json.
bool is_stdout(const Args& args, const std::string& out);

/// Standard output as a stream's buffer, with the number of bytes that went through.
class Stdout final : public std::streambuf {
 public:
  std::uint64_t count() const noexcept { return count_; }

 private:
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int_type overflow(int_type character) override;
  std::uint64_t count_ = 0;
};

/// flambeau::save to OUT, with a line that shows how far it is; the first Ctrl-C stops it and leaves no litter. Gives
/// the bytes written.
template <class Thing>
std::uint64_t write(const Args& args, const Thing& thing, const std::string& out, flambeau::SaveOptions options = {}) {
  const Interruptible interruptible;
  Progress progress(args, "writing " + shown(out));
  options.progress = progress.callback();
  if (!is_stdout(args, out)) {
    flambeau::save(thing, out, options);
    return std::filesystem::file_size(out);
  }
  Stdout buffer;
  std::ostream stream(&buffer);
  flambeau::save(thing, stream, options);
  return buffer.count();
}

}  // namespace cli
