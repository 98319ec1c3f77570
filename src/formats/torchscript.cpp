#include "formats/torchscript.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <map>
#include <set>
#include <unordered_set>

#include "formats/graph.h"
#include "torch/children.h"

namespace flambeau::formats::torchscript {
namespace {

using Names = std::set<std::string, std::less<>>;
/// Parameters of each class, by "module.Class".
using Parameters = std::map<std::string, Names, std::less<>>;

/// The quoted words of a line such as `  __parameters__ = ["weight", "bias", ]`.
Names quoted(std::string_view line) {
  Names names;
  for (auto open = line.find('"'); open != std::string_view::npos; open = line.find('"', open + 1)) {
    const auto close = line.find('"', open + 1);
    if (close == std::string_view::npos) break;
    names.emplace(line.substr(open + 1, close - open - 1));
    open = close;
  }
  return names;
}

/// Reads `class NAME(Module):` and the `__parameters__` line below it from the text of one code record.
void read_code(std::string_view text, const std::string& module, Parameters& parameters) {
  std::string current;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    constexpr std::string_view opening = "class ", listing = "  __parameters__ = [";
    if (line.starts_with(opening)) {
      line.remove_prefix(opening.size());
      current = module + "." + std::string(line.substr(0, line.find_first_of("(:")));
    } else if (line.starts_with(listing) && !current.empty()) {
      parameters[current] = quoted(line);
    }
  }
}

Parameters parameters_of(const archive::ZipReader& zip) {
  constexpr std::string_view folder = "code/", suffix = ".py";
  Parameters parameters;
  for (const archive::Entry& entry : zip.entries()) {
    const std::string_view name = zip.bare_name(entry);
    if (!name.starts_with(folder) || !name.ends_with(suffix)) continue;
    std::string module(name.substr(folder.size(), name.size() - folder.size() - suffix.size()));
    for (char& c : module)
      if (c == '/') c = '.';
    read_code(zip.read(entry), module, parameters);
  }
  return parameters;
}

/// Marks the attributes that their class calls parameters.
void mark_parameters(object::Ref root, const Parameters& parameters) {
  std::unordered_set<const object::Node*> seen;
  std::vector<object::Node*> open;
  const auto meet = [&](object::Ref ref) {
    if (object::Node* const node = ref.node(); node != nullptr && node->kind >= Kind::tuple && seen.insert(node).second)
      open.push_back(node);
  };
  meet(root);
  while (!open.empty()) {
    object::Node* const node = open.back();
    open.pop_back();
    torch::each_child(node, meet);
    const auto* const module = object::as<object::Object>(object::Ref(node));
    const auto* const state = module != nullptr ? object::as<object::Dict>(module->state) : nullptr;
    if (state == nullptr) continue;
    const auto names = parameters.find(object::global_name(module->callable));
    if (names == parameters.end()) continue;
    for (const auto& [key, value] : state->items) {
      auto* const tensor = object::as<object::TensorNode>(value);
      if (tensor != nullptr && names->second.count(object::text(key).value_or(std::string_view{})) != 0)
        tensor->parameter = true;
    }
  }
}

}  // namespace

bool sniff(const Input& input) {
  return input.zip && input.zip->find("constants.pkl") != nullptr && input.zip->find("data.pkl") != nullptr;
}

Checkpoint read(const Input& input, const LoadOptions& options) {
  auto heap = std::make_shared<object::Heap>();
  Checkpoint::Container about;
  about.format = "torchscript";
  const object::Ref root = read_torch_zip(*heap, *input.zip, "data.pkl", "data/", options, input.depth, about);
  mark_parameters(root, parameters_of(*input.zip));
  about.notes.emplace_back("holds TorchScript code, which is neither run nor kept");
  Checkpoint checkpoint(Value(std::move(heap), root));
  checkpoint.container() = std::move(about);
  return checkpoint;
}

}  // namespace flambeau::formats::torchscript
