// The command `flambeau`: finds the verb, parses its options, runs it, and turns every outcome into an exit status.
// The verbs stand in verbs.cpp.
#include "main.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include <flambeau/error.h>
#include <flambeau/version.h>

#include "command.h"
#include "terminal.h"

namespace cli {
namespace {

char* const* arguments = nullptr;

int status_of(const flambeau::Error& error) noexcept {
  switch (error.code()) {
    case flambeau::ErrorCode::mismatch:
      return no;
    case flambeau::ErrorCode::internal:
      return broken;
    default:
      return wrong;
  }
}

int run(std::span<char* const> words) {
  if (words.empty()) {
    std::fputs(help(HelpLength::brief).c_str(), stderr);
    return wrong;
  }
  const std::string_view first = words[0];
  if (first == "-h" || first == "--help") {
    print(help(first == "-h" ? HelpLength::brief : HelpLength::full));
    return yes;
  }
  if (first == "--version" || first == "-V") {
    print("flambeau " + std::string(flambeau::version) + "\n");
    return yes;
  }
  if (first.starts_with('-')) throw UsageError("a verb must come before options: '" + std::string(first) + "'");
  const Verb& verb = verb_named(first);
  const Args args = Args::parse(verb, words.subspan(1));
  if (args.has("help")) {
    bool in_full = false;
    for (const std::string_view word : words) in_full |= word == "--help";
    print(help(verb, in_full ? HelpLength::full : HelpLength::brief));
    return yes;
  }
  return verb.run(args);
}

int guarded(std::span<char* const> words) {
  try {
    return run(words);
  } catch (const UsageError& error) {
    const bool known = !words.empty() && find_verb(words[0]);
    complain((known ? std::string(words[0]) + ": " : "") + std::string(error.what()));
    std::fputs(known ? ("Try 'flambeau " + std::string(words[0]) + " -h'.\n").c_str() : "Try 'flambeau -h'.\n", stderr);
    return wrong;
  } catch (const flambeau::Error& error) {
    if (error.code() == flambeau::ErrorCode::cancelled && Interruptible::signal()) {
      std::signal(Interruptible::signal(), SIG_DFL);
      std::raise(Interruptible::signal());
    }
    complain(error);
    return status_of(error);
  } catch (const std::bad_alloc&) {
    complain("not enough memory");
    return broken;
  } catch (const std::exception& error) {
    complain("internal error: " + std::string(error.what()));
    return broken;
  }
}

}  // namespace

char* const* command_line() noexcept { return arguments; }

}  // namespace cli

int main(int count, char** words) {
  using namespace cli;
  arguments = words;
  // A parent may have left it ignored; a closed pipe must end us quietly.
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error like a full disk
  static char buffer[1 << 16];
  std::setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  const int status = guarded({words + (count > 0), words + count});
  if (!finish_output()) {
    complain("standard output: cannot write");
    return wrong;
  }
  return status;
}
