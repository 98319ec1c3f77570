#include "output.h"

#include <unistd.h>

namespace cli {

bool is_stdout(const Args& args, const std::string& out) {
  if (out != "-" && out != "/dev/stdout") return false;
  if (args.has("json")) throw UsageError("--json wants standard output for itself");
  if (isatty(STDOUT_FILENO) == 1) throw UsageError("standard output is a terminal: name a file, or pipe it on");
  return true;
}

std::streamsize Stdout::xsputn(const char* text, std::streamsize size) {
  print({text, static_cast<std::size_t>(size)});
  count_ += static_cast<std::uint64_t>(size);
  return size;
}

Stdout::int_type Stdout::overflow(int_type character) {
  const char one = traits_type::to_char_type(character);
  xsputn(&one, 1);
  return character;
}

}  // namespace cli
