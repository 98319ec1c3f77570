#include "terminal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/escape.h>
#include <flambeau/near.h>

namespace cli {
namespace {

bool write_failed = false;
volatile std::sig_atomic_t arrived = 0;

void remember(int number) { arrived = number; }

bool plain_terminal() noexcept {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (no_color && *no_color) || (terminal && std::string_view(terminal) == "dumb");
}

std::string escape_but(std::string_view text, std::string_view kept) {
  std::string safe;
  while (true) {
    const auto at = text.find_first_of(kept);
    safe += flambeau::escape(text.substr(0, at));
    if (at == text.npos) return safe;
    safe += text[at];
    text.remove_prefix(at + 1);
  }
}

void tell(const std::string& safe) {
  std::fflush(stdout);
  const std::string line = "flambeau: " + safe + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) write_failed = true;
}

bool finish_output() noexcept { return std::fflush(stdout) == 0 && !write_failed; }

void complain(std::string_view text) { tell(shown_text(text)); }

void complain(const flambeau::Error& error) {
  // PyTorch's own text has lines, and the names in it are escaped.
  tell(error.code() == flambeau::ErrorCode::mismatch ? escape_but(error.what(), "\n\t\\") : shown_text(error.what()));
}

void note(const Args& args, std::string_view text) {
  if (!args.has("quiet")) complain(text);
}

std::string shown(std::string_view text) { return flambeau::escape(text); }

std::string shown_text(std::string_view text) { return escape_but(text, "\\"); }

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array units = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string capitalized(std::string_view text) {
  std::string result(text);
  if (!result.empty()) result[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(result[0])));
  return result;
}

std::string bold(std::string_view text) {
  static const bool on = isatty(STDOUT_FILENO) == 1 && !plain_terminal();
  return on ? "\x1b[1m" + std::string(text) + "\x1b[0m" : std::string(text);
}

std::size_t columns(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

const Verb& verb_named(std::string_view name) {
  if (const Verb* verb = find_verb(name)) return *verb;
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs()) names.push_back(verb.name);
  throw UsageError("no command '" + std::string(name) + "'" + flambeau::did_you_mean(name, names));
}

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

std::string Table::text() const {
  std::vector<bool> right(headings_.size());
  std::vector<std::string> top = headings_;
  for (std::size_t i = 0; i < top.size(); ++i)
    if (top[i].starts_with('>')) {
      right[i] = true;
      top[i].erase(0, 1);
    }
  std::vector<std::size_t> width(top.size());
  for (std::size_t i = 0; i < top.size(); ++i) {
    width[i] = columns(top[i]);
    for (const auto& row : rows_) width[i] = std::max(width[i], columns(row[i]));
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string fill(width[i] - columns(cells[i]), ' ');
      text += (i ? "  " : "") + (right[i] ? fill + cells[i] : cells[i] + fill);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::string text = bold(line(top)) + "\n";
  for (const auto& row : rows_) text += line(row) + "\n";
  return text;
}

Progress::Progress(const Args& args, std::string label, std::string (*count)(std::uint64_t))
    : label_(std::move(label)),
      count_(count),
      on_(isatty(STDERR_FILENO) == 1 && !args.has("quiet") && !plain_terminal()),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(std::uint64_t done, std::uint64_t total) {
  using namespace std::chrono_literals;
  const auto now = std::chrono::steady_clock::now();
  if (!on_ || now - start_ < 500ms || now - last_ < 100ms) return;
  last_ = now;
  drawn_ = true;
  if (total == 0) {
    fmt::print(stderr, "\r{} {}\x1b[K", label_, count_(done));
    std::fflush(stderr);
    return;
  }
  const double part = static_cast<double>(done) / static_cast<double>(total);
  fmt::print(stderr, "\r{} {:>3.0f} %  {} of {}\x1b[K", label_, 100 * part, count_(done), count_(total));
  std::fflush(stderr);
}

std::function<void(std::uint64_t, std::uint64_t)> Progress::callback() {
  return [this](std::uint64_t done, std::uint64_t total) {
    if (Interruptible::signal()) throw flambeau::Error(flambeau::ErrorCode::cancelled, "stopped by a signal");
    update(done, total);
  };
}

Interruptible::Interruptible() {
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    sigaction(numbers_[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) sigaction(numbers_[i], &action, nullptr);
  }
}

Interruptible::~Interruptible() {
  for (std::size_t i = 0; i < numbers_.size(); ++i) sigaction(numbers_[i], &before_[i], nullptr);
}

int Interruptible::signal() noexcept { return arrived; }

}  // namespace cli
