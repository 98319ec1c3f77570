// Shell completions, made from the verb table.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "command.h"
#include "terminal.h"

namespace cli {
namespace {

std::string replaced(std::string_view text, char from, std::string_view to) {
  std::string result;
  for (const char c : text)
    if (c == from)
      result += to;
    else
      result += c;
  return result;
}
// Inside single quotes.
std::string quoted(std::string_view text) { return fmt::format("'{}'", replaced(text, '\'', "'\\''")); }

std::string words(std::string_view choices) { return replaced(choices, '|', " "); }

std::vector<Option> all_options(const Verb& verb) {
  std::vector<Option> options(verb.options.begin(), verb.options.end());
  const auto common = common_options(verb);
  options.insert(options.end(), common.begin(), common.end());
  return options;
}

std::string verb_names() {
  std::string names;
  for (const Verb& verb : verbs()) names.append(names.empty() ? "" : " ").append(verb.name);
  return names;
}

// Lines become words, so that names may hold blanks.
std::string bash_reply(std::string_view candidates) {
  return fmt::format("mapfile -t COMPREPLY < <(compgen {} -- \"$cur\")", candidates);
}

std::string bash_source(Complete complete, std::string_view choices) {
  switch (complete) {
    case Complete::choices:
      return bash_reply("-W '" + words(choices) + "'");
    case Complete::model:
      return bash_reply("-W \"$(flambeau models --names 2>/dev/null)\"");
    case Complete::verb:
      return bash_reply("-W '" + verb_names() + "'");
    case Complete::file:
      return bash_reply("-f");
    case Complete::nothing:
      break;
  }
  return ":";
}

std::string bash() {
  std::string text =
      "# flambeau completions for bash: source <(flambeau completions bash)\n"
      "_flambeau() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  COMPREPLY=()\n"
      "  if [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"  // --option=value is three words
      "  if [[ $cur == = ]]; then cur=; fi\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    " +
      bash_reply("-W '" + verb_names() + " --help --version'") +
      "\n"
      "    return\n"
      "  fi\n"
      "  case ${COMP_WORDS[1]} in\n";
  for (const Verb& verb : verbs()) {
    std::string names, values;
    for (const Option& option : all_options(verb)) {
      names += (names.empty() ? "--" : " --") + std::string(option.name);
      if (option.value.empty()) continue;
      values += "        --" + std::string(option.name) + (option.letter ? "|-" + std::string(1, option.letter) : "") +
                ") " + bash_source(option.complete, option.choices) + "; return ;;\n";
    }
    text += "    " + std::string(verb.name) + ")\n";
    if (!values.empty()) text += "      case $prev in\n" + values + "      esac\n";
    text += "      if [[ $cur == -* ]]; then " + bash_reply("-W '" + names + "'") + "; return; fi\n";
    const bool choices = verb.complete == Complete::choices;
    text += "      " + bash_source(verb.complete, choices ? verb.operands : "") + " ;;\n";
  }
  return text +
         "  esac\n"
         "}\n"
         "complete -o filenames -o bashdefault -F _flambeau flambeau\n";
}

std::string zsh_source(Complete complete, std::string_view choices) {
  switch (complete) {
    case Complete::choices:
      return fmt::format("({})", words(choices));
    case Complete::model:
      return "($(flambeau models --names 2>/dev/null))";
    case Complete::verb:
      return fmt::format("({})", verb_names());
    case Complete::file:
      return "_files";
    case Complete::nothing:
      break;
  }
  return " ";
}

// Square brackets and colons have a meaning in _arguments' specifications.
std::string zsh_text(std::string_view text) {
  return replaced(replaced(replaced(text, '[', "("), ']', ")"), ':', "\\:");
}

std::string zsh() {
  std::string text =
      "#compdef flambeau\n"
      "# flambeau completions for zsh: flambeau completions zsh > \"${fpath[1]}/_flambeau\"\n"
      "_flambeau() {\n"
      "  local -a verbs\n"
      "  verbs=(\n";
  for (const Verb& verb : verbs())
    text += "    " + quoted(std::string(verb.name) + ":" + replaced(verb.help, ':', "\\:")) + "\n";
  text +=
      "  )\n"
      "  if (( CURRENT == 2 )); then _describe verb verbs; return; fi\n"
      "  case ${words[2]} in\n";
  for (const Verb& verb : verbs()) {
    text += "    " + std::string(verb.name) + ") shift words; (( CURRENT-- )); _arguments";
    for (const Option& option : all_options(verb)) {
      const std::string tail = option.value.empty() ? ""
                                                    : fmt::format(":{}:{}", zsh_text(option.value),
                                                                  zsh_source(option.complete, option.choices));
      text += " \\\n      " + quoted("*--" + std::string(option.name) + "[" + zsh_text(option.help) + "]" + tail);
      if (option.letter)
        text += " \\\n      " + quoted("*-" + std::string(1, option.letter) + "[" + zsh_text(option.help) + "]" + tail);
    }
    const bool choices = verb.complete == Complete::choices;
    text += " \\\n      " + quoted("*:argument:" + zsh_source(verb.complete, choices ? verb.operands : "")) + " ;;\n";
  }
  return text +
         "  esac\n"
         "}\n"
         "if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then _flambeau \"$@\"; else compdef _flambeau flambeau; "
         "fi\n";
}

std::string fish_source(Complete complete, std::string_view choices) {
  switch (complete) {
    case Complete::choices:
      return " -xa " + quoted(words(choices));
    case Complete::model:
      return " -xa '(flambeau models --names 2>/dev/null)'";
    case Complete::verb:
      return " -xa " + quoted(verb_names());
    case Complete::file:
      return " -rF";
    case Complete::nothing:
      break;
  }
  return " -x";
}

std::string fish() {
  std::string text =
      "# flambeau completions for fish: flambeau completions fish > ~/.config/fish/completions/flambeau.fish\n"
      "complete -c flambeau -n __fish_use_subcommand -l version -d 'The version'\n";
  for (const Verb& verb : verbs()) {
    const std::string when = "complete -c flambeau -n '__fish_seen_subcommand_from " + std::string(verb.name) + "'";
    text += "complete -c flambeau -f -n __fish_use_subcommand -a " + std::string(verb.name) + " -d " +
            quoted(verb.help) + "\n";
    for (const Option& option : all_options(verb)) {
      text += when + " -l " + std::string(option.name);
      if (option.letter) text += " -s " + std::string(1, option.letter);
      text += " -d " + quoted(option.help);
      if (!option.value.empty()) text += fish_source(option.complete, option.choices);
      text += "\n";
    }
    const bool choices = verb.complete == Complete::choices;
    if (verb.complete != Complete::file) text += when + fish_source(verb.complete, choices ? verb.operands : "") + "\n";
  }
  return text;
}

struct Shell {
  std::string_view name;
  std::string (*script)();
};
constexpr std::array shells = {Shell{"bash", bash}, Shell{"zsh", zsh}, Shell{"fish", fish}};

}  // namespace

int completions(const Args& args) {
  const std::string& wanted = args.operands().front();
  const auto shell = std::ranges::find(shells, wanted, &Shell::name);
  if (shell == shells.end()) throw UsageError("no completions for '" + wanted + "'; there are bash, zsh and fish");
  print(shell->script());
  return yes;
}

}  // namespace cli
