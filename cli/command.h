#pragma once
// The command's own contracts: what a verb is, and what it is given. Verbs include <flambeau/…> and this folder,
// nothing else.

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// What the shell offers at a place where a word is expected.
enum class Complete : std::uint8_t { nothing, file, model, verb, choices };

struct Option {
  std::string_view name;        // without dashes
  char letter = 0;              // "-o"; 0 for none
  std::string_view value = {};  // what stands for the value in the help ("FILE"); empty: a switch
  std::string_view help;
  std::string_view choices = {};  // "name|size": the closed list of values
  Complete complete = Complete::nothing;
};

class Args;

struct Verb {
  std::string_view name;
  std::string_view help;  // one line
  std::string_view operands;
  std::size_t min_operands = 0, max_operands = 0;
  Complete complete = Complete::file;
  std::span<const Option> options;
  std::string_view about;     // the paragraphs of --help
  std::string_view examples;  // one a line, without "flambeau"
  int (*run)(const Args&);
  bool reads_files = true;  // takes --limit
};

/// All verbs, in the order of the help.
std::span<const Verb> verbs() noexcept;
/// Null if there is none.
const Verb* find_verb(std::string_view name) noexcept;
/// What every verb takes (--help, --quiet) and what every verb that reads files takes (--limit).
std::span<const Option> common_options(const Verb& verb) noexcept;

/// Exit statuses, the same for every verb.
enum Exit : int { yes = 0, no = 1, wrong = 2, broken = 3 };

/// Wrong use of the command: told with a pointer to the help, exit 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The parsed command line of one verb.
class Args {
 public:
  /// Options anywhere, "--name value", "--name=value", "-ovalue", "-qj"; "--" ends them. Throws UsageError.
  static Args parse(const Verb& verb, std::span<char* const> words);

  const Verb& verb() const noexcept { return *verb_; }
  const std::vector<std::string>& operands() const noexcept { return operands_; }
  bool has(std::string_view option) const noexcept { return value(option).has_value(); }
  /// The last value given.
  std::optional<std::string> value(std::string_view option) const;
  std::string value_or(std::string_view option, std::string fallback) const { return value(option).value_or(fallback); }
  std::vector<std::string> values(std::string_view option) const;
  /// Throws UsageError if the value is no whole number from `least` to `most`.
  std::optional<std::uint64_t> number(std::string_view option, std::uint64_t least = 0,
                                      std::uint64_t most = ~std::uint64_t{0}) const;
  /// What torch.manual_seed takes: a number of 64 bits with or without a sign (-1 is 2^64 - 1). Throws UsageError.
  std::optional<std::uint64_t> seed(std::string_view option) const;
  /// A number of bytes (amount_of). Throws UsageError if it is none, or 0.
  std::optional<std::uint64_t> amount(std::string_view option) const;

 private:
  struct Given {
    std::string_view option;
    std::string value;
  };
  const Verb* verb_ = nullptr;
  std::vector<std::string> operands_{};
  std::vector<Given> given_{};
};

/// "64", "4K", "2G", "2GB", "2GiB": powers of 1024.
std::optional<std::uint64_t> amount_of(std::string_view text) noexcept;

enum class HelpLength : std::uint8_t { brief, full };
std::string help(HelpLength length);
std::string help(const Verb& verb, HelpLength length);

// One function per verb, each in the file of its name.
int ls(const Args& args);
int show(const Args& args);
int verify(const Args& args);
int scan(const Args& args);
int diff(const Args& args);
int convert(const Args& args);
int dis(const Args& args);
int models(const Args& args);
int init(const Args& args);
int predict(const Args& args);
int pull(const Args& args);
int bench(const Args& args);
int completions(const Args& args);
int help(const Args& args);

/// Becomes flambeau-nn, which has the compute wing, with the same arguments.
int hand_over(const Args& args);

}  // namespace cli
