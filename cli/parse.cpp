#include <algorithm>
#include <charconv>

#include <flambeau/near.h>

#include "command.h"

namespace cli {
namespace {

constexpr Option everywhere[] = {
    {.name = "help", .letter = 'h', .help = "-h: this in short; --help: in full"},
    {.name = "quiet", .letter = 'q', .help = "no progress and no notes"},
    {.name = "limit", .value = "NAME=N", .help = "raise or lower a cap on what a file may ask for (may be repeated)"},
};

const Option* find(const Verb& verb, auto matches) {
  for (const auto options : {verb.options, common_options(verb)})
    if (const auto it = std::ranges::find_if(options, matches); it != options.end()) return &*it;
  return nullptr;
}

[[noreturn]] void no_such_option(const Verb& verb, std::string_view name) {
  std::vector<std::string> names;
  for (const auto options : {verb.options, common_options(verb)})
    for (const Option& option : options) names.push_back("--" + std::string(option.name));
  const std::string word = "--" + std::string(name);
  throw UsageError("no option '" + word + "'" + flambeau::did_you_mean(word, names));
}

template <class Number>
std::optional<Number> whole(std::string_view text) noexcept {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void check_choice(const Option& option, std::string_view value) {
  if (option.choices.empty()) return;
  std::vector<std::string_view> choices;
  for (std::string_view rest = option.choices;;) {
    const auto bar = rest.find('|');
    choices.push_back(rest.substr(0, bar));
    if (bar == rest.npos) break;
    rest.remove_prefix(bar + 1);
  }
  if (std::ranges::find(choices, value) != choices.end()) return;
  throw UsageError("--" + std::string(option.name) + " takes " + std::string(option.choices) + ", not '" +
                   std::string(value) + "'" + flambeau::did_you_mean(value, choices));
}

}  // namespace

std::span<const Option> common_options(const Verb& verb) noexcept {
  return std::span(everywhere).first(verb.reads_files ? 3 : 2);
}

Args Args::parse(const Verb& verb, std::span<char* const> words) {
  Args args;
  args.verb_ = &verb;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const auto take = [&](const Option& option, std::optional<std::string_view> value) {
      if (option.value.empty() && value)
        throw UsageError("--" + std::string(option.name) + " takes no value, but got '" + std::string(*value) + "'");
      if (!option.value.empty() && !value) {
        if (++i == words.size())
          throw UsageError("--" + std::string(option.name) + " needs a value: " + std::string(option.value));
        value = words[i];
      }
      if (value) check_choice(option, *value);
      args.given_.push_back({option.name, std::string(value.value_or(""))});
    };

    if (word == "--") {
      args.operands_.insert(args.operands_.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.starts_with("--")) {
      const auto equals = word.find('=');
      const std::string_view name = word.substr(2, equals == word.npos ? word.npos : equals - 2);
      const Option* option = find(verb, [&](const Option& o) { return o.name == name; });
      if (!option) no_such_option(verb, name);
      take(*option, equals == word.npos ? std::nullopt : std::optional(word.substr(equals + 1)));
    } else if (word.size() > 1 && word[0] == '-') {
      for (std::size_t at = 1; at < word.size(); ++at) {
        const Option* option = find(verb, [&](const Option& o) { return o.letter == word[at]; });
        if (!option) throw UsageError("no option '-" + std::string(1, word[at]) + "'");
        const std::string_view rest = word.substr(at + 1);
        const bool joined = !option->value.empty() && !rest.empty();
        take(*option, joined ? std::optional(rest) : std::nullopt);
        if (joined) break;
      }
    } else {
      args.operands_.emplace_back(word);
    }
  }
  const bool wants_help = args.has("help");
  if (!wants_help && args.operands_.size() < verb.min_operands)
    throw UsageError("too few arguments: " + std::string(verb.operands) + " expected, " +
                     std::to_string(args.operands_.size()) + " given");
  if (!wants_help && args.operands_.size() > verb.max_operands)
    throw UsageError("too many arguments: '" + args.operands_[verb.max_operands] + "' is one more than " +
                     (verb.operands.empty() ? "none" : std::string(verb.operands)));
  return args;
}

std::optional<std::string> Args::value(std::string_view option) const {
  for (auto it = given_.rbegin(); it != given_.rend(); ++it)
    if (it->option == option) return it->value;
  return std::nullopt;
}

std::vector<std::string> Args::values(std::string_view option) const {
  std::vector<std::string> all;
  for (const Given& given : given_)
    if (given.option == option) all.push_back(given.value);
  return all;
}

std::optional<std::uint64_t> Args::number(std::string_view option, std::uint64_t least, std::uint64_t most) const {
  const auto text = value(option);
  if (!text) return std::nullopt;
  const auto number = whole<std::uint64_t>(*text);
  if (!number || *number < least || *number > most)
    throw UsageError("--" + std::string(option) + " takes a whole number from " + std::to_string(least) +
                     (most == ~std::uint64_t{0} ? " on" : " to " + std::to_string(most)) + ", not '" + *text + "'");
  return number;
}

std::optional<std::uint64_t> Args::seed(std::string_view option) const {
  const auto text = value(option);
  if (!text) return std::nullopt;
  if (const auto number = whole<std::uint64_t>(*text)) return number;
  if (const auto number = whole<std::int64_t>(*text)) return static_cast<std::uint64_t>(*number);
  throw UsageError("--" + std::string(option) + " takes a whole number of 64 bits, not '" + *text + "'");
}

std::optional<std::uint64_t> amount_of(std::string_view text) noexcept {
  for (const std::string_view unit : {"iB", "B"})
    if (text.size() > unit.size() + 1 && text.ends_with(unit) && text[text.size() - unit.size() - 1] > '9') {
      text.remove_suffix(unit.size());
      break;
    }
  unsigned shift = 0;
  if (!text.empty()) {
    constexpr std::string_view units = "KMGT";
    if (const auto unit = units.find(text.back()); unit != units.npos) {
      shift = 10 * static_cast<unsigned>(unit + 1);
      text.remove_suffix(1);
    }
  }
  const auto number = whole<std::uint64_t>(text);
  if (!number || *number > (~std::uint64_t{0} >> shift)) return {};
  return *number << shift;
}

std::optional<std::uint64_t> Args::amount(std::string_view option) const {
  const auto text = value(option);
  if (!text) return std::nullopt;
  const auto bytes = amount_of(*text);
  if (!bytes || *bytes == 0)
    throw UsageError("--" + std::string(option) + " takes a size like 500M or 2G, not '" + *text + "'");
  return bytes;
}

}  // namespace cli
