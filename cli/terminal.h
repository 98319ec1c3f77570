#pragma once
// What reaches the user: text on standard output, notes and progress on standard error, tables, sizes.

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/error.h>

#include "command.h"

namespace cli {

/// Data, to standard output (buffered). A reader that went away ends the process quietly, as SIGPIPE does.
void print(std::string_view text);
/// Ends the output; false if something could not be written (a full disk).
bool finish_output() noexcept;
/// "flambeau: text" on standard error, made safe as shown_text() does.
void complain(std::string_view text);
void complain(const flambeau::Error& error);
/// Talk on standard error, unless --quiet.
void note(const Args& args, std::string_view text);

/// A name or value from a file, safe for a terminal.
std::string shown(std::string_view text);
/// The same for a whole message: its backslashes (escapes that it holds already) stay.
std::string shown_text(std::string_view text);
/// "528.0 MiB", "12 B".
std::string human_bytes(std::uint64_t bytes);
/// "138,357,544".
std::string grouped(std::uint64_t number);
std::string capitalized(std::string_view text);
/// Wrapped in the escape codes of bold where standard output is a terminal that takes colours.
std::string bold(std::string_view text);
/// Characters that a terminal shows for UTF-8 text (one column each).
std::size_t columns(std::string_view text) noexcept;
/// The verb of that name; throws UsageError with the nearest.
const Verb& verb_named(std::string_view name);

/// Rows of cells, aligned. A column is aligned to the right where its heading starts with '>'.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text() const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_{};
};

/// A line on standard error that shows how far long work is: only on a terminal, only after half a second.
class Progress {
 public:
  /// `count` writes an amount: bytes, unless something else is counted.
  Progress(const Args& args, std::string label, std::string (*count)(std::uint64_t) = human_bytes);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(std::uint64_t done, std::uint64_t total);
  /// For SaveOptions::progress; also stops the work when the user pressed Ctrl-C.
  std::function<void(std::uint64_t, std::uint64_t)> callback();

 private:
  std::string label_;
  std::string (*count_)(std::uint64_t);
  bool on_ = false, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

/// While it lives, the first signal of those that end a process (Ctrl-C, a closed terminal, …) only asks the work to
/// stop, so that temporary files go away; the second ends the process at once. What was ignored stays so (nohup).
class Interruptible {
 public:
  Interruptible();
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  /// The signal that came, or 0.
  static int signal() noexcept;

 private:
  static constexpr std::array numbers_ = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU};
  std::array<struct sigaction, numbers_.size()> before_{};
};

}  // namespace cli
