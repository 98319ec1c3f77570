#include <algorithm>

#include <fmt/format.h>

#include <flambeau/version.h>

#include "command.h"
#include "terminal.h"

namespace cli {
namespace {

constexpr std::string_view about_flambeau =
    "Flambeau carries PyTorch models without PyTorch: it lists, checks, converts and runs .pth files.\n"
    "Nothing in a file is ever executed.\n";

constexpr std::string_view statuses =
    "Exit status:\n"
    "  0  fine\n"
    "  1  the answer to the question is no: differs, unsafe, corrupt, keys do not match\n"
    "  2  wrong use, or input that cannot be read\n"
    "  3  an error inside flambeau: please report it\n";

std::string option_words(const Option& option) {
  std::string words = option.letter ? "-" + std::string(1, option.letter) + ", --" : "    --";
  words += option.name;
  if (!option.value.empty()) words += " " + std::string(option.value);
  return words;
}

std::string rows(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t width = 0;
  for (const auto& [left, right] : pairs) width = std::max(width, left.size());
  std::string text;
  for (const auto& [left, right] : pairs) text += fmt::format("  {:<{}}  {}\n", left, width, right);
  return text;
}

std::string option_rows(const Verb& verb) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto options : {verb.options, common_options(verb)})
    for (const Option& option : options) {
      std::string text(option.help);
      if (!option.choices.empty()) text += " (" + std::string(option.choices) + ")";
      pairs.emplace_back(option_words(option), text);
    }
  return rows(pairs);
}

std::string examples(const Verb& verb) {
  std::string text;
  std::string_view rest = verb.examples;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    text += "  flambeau " + std::string(rest.substr(0, end)) + "\n";
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  return text;
}

}  // namespace

std::string help(HelpLength length) {
  std::string text(about_flambeau);
  text += "\nUsage: flambeau VERB … [--json]\n\nVerbs:\n";
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Verb& verb : verbs()) pairs.emplace_back(verb.name, verb.help);
  text += rows(pairs);
  if (length == HelpLength::brief) return text + "\n'flambeau VERB -h' tells more, '--help' tells all.\n";

  text += "\nExamples:\n";
  for (const Verb& verb : verbs()) {
    const std::string lines = examples(verb);
    text += lines.substr(0, lines.find('\n') + 1);
  }
  text += "\nEverywhere:\n" + rows({{"-h, --help", "help, in short and in full"},
                                    {"    --version", "the version"},
                                    {"-q, --quiet", "no progress and no notes"}});
  text += "\nData goes to standard output, talk to standard error. NO_COLOR switches colours off.\n\n";
  return text + std::string(statuses);
}

std::string help(const Verb& verb, HelpLength length) {
  std::string text = "Usage: flambeau " + std::string(verb.name);
  if (!verb.options.empty()) text += " [options]";
  if (!verb.operands.empty()) text += " " + std::string(verb.operands);
  text += "\n\n" + capitalized(verb.help) + ".\n";
  if (length == HelpLength::full && !verb.about.empty()) text += "\n" + std::string(verb.about) + "\n";
  text += "\nOptions:\n" + option_rows(verb);
  if (length == HelpLength::brief) return text;
  if (!verb.examples.empty()) text += "\nExamples:\n" + examples(verb);
  return text + "\n" + std::string(statuses);
}

int help(const Args& args) {
  if (args.operands().empty()) {
    print(help(HelpLength::full));
    return yes;
  }
  print(help(verb_named(args.operands().front()), HelpLength::full));
  return yes;
}

}  // namespace cli
