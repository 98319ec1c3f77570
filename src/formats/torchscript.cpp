#include "formats/torchscript.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "formats/graph.h"
#include "torch/children.h"

namespace flambeau::formats::torchscript {
namespace {

using Names = std::set<std::string, std::less<>>;

/// What the code says of a module's attributes.
struct Class {
  Names parameters;
  Names collections;  ///< lists, dicts and tuples with tensors
};
/// By "module.Class".
using Classes = std::map<std::string, Class, std::less<>>;

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

/// Whether the type is a collection with tensors: "Dict[str, Tensor]" but not "Tensor" or "__torch__.TensorNet".
bool collects_tensors(std::string_view type) {
  constexpr std::string_view tensor = "Tensor", around = " [],";
  if (type == tensor || type == "Optional[Tensor]") return false;
  const auto bounded = [&](std::size_t at) { return at >= type.size() || around.find(type[at]) != around.npos; };
  for (auto at = type.find(tensor); at != type.npos; at = type.find(tensor, at + 1))
    if ((at == 0 || bounded(at - 1)) && bounded(at + tensor.size())) return true;
  return false;
}

/// Reads `class NAME(Module):` and the attributes below it from the text of one code record.
void read_code(std::string_view text, const std::string& module, Classes& classes) {
  Class* current = nullptr;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    constexpr std::string_view opening = "class ", parameters = "  __parameters__ = [", attribute = "  ", colon = " : ";
    if (line.starts_with(opening)) {
      line.remove_prefix(opening.size());
      current = &classes[module + "." + std::string(line.substr(0, line.find_first_of("(:")))];
    } else if (current == nullptr) {
      continue;
    } else if (line.starts_with(parameters)) {
      current->parameters = quoted(line);
    } else if (const auto at = line.find(colon); line.starts_with(attribute) && at != line.npos) {
      if (collects_tensors(line.substr(at + colon.size())))
        current->collections.emplace(line.substr(attribute.size(), at - attribute.size()));
    }
  }
}

Classes classes_of(const archive::ZipReader& zip, std::vector<std::string>& notes) {
  constexpr std::string_view folder = "code/", suffix = ".py";
  constexpr std::uint64_t longest_code = 64ull << 20;
  Classes classes;
  for (const archive::Entry& entry : zip.entries()) {
    const std::string_view name = zip.bare_name(entry);
    if (!name.starts_with(folder) || !name.ends_with(suffix)) continue;
    if (entry.size > longest_code) {
      notes.push_back(fmt::format("{}: {} bytes of code, not looked at for parameters", entry.name, entry.size));
      continue;
    }
    std::string module(name.substr(folder.size(), name.size() - folder.size() - suffix.size()));
    for (char& c : module)
      if (c == '/') c = '.';
    read_code(zip.read(entry), module, classes);
  }
  return classes;
}

/// Marks the attributes that their class calls parameters, and leaves out collections of tensors: no part of torch's
/// state_dict, they repeat parameters (an LSTM's _flat_weights) or are made by the program. Gives their number.
std::size_t sort_attributes(object::Ref root, const Classes& classes) {
  std::size_t left_out = 0;
  torch::each_node(root, [&](object::Node* node) {
    const auto* const module = object::as<object::Object>(object::Ref(node));
    auto* const state = module != nullptr ? object::as<object::Dict>(module->state) : nullptr;
    if (state == nullptr) return;
    const auto found = classes.find(object::global_name(module->callable));
    if (found == classes.end()) return;
    const Class& cls = found->second;
    for (const auto& [key, value] : state->items) {
      auto* const tensor = object::as<object::TensorNode>(value);
      if (tensor != nullptr && cls.parameters.contains(object::text(key).value_or(std::string_view{})))
        tensor->parameter = true;
    }
    left_out += std::erase_if(state->items, [&cls](const object::Pair& item) {
      return cls.collections.contains(object::text(item.first).value_or(std::string_view{}));
    });
  });
  return left_out;
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
  if (const auto left_out = sort_attributes(root, classes_of(*input.zip, about.notes)); left_out > 0)
    about.notes.push_back(fmt::format("{} lists, dicts and tuples of tensors are left out", left_out));
  about.notes.emplace_back("holds TorchScript code, which is neither run nor kept");
  Checkpoint checkpoint(Value(std::move(heap), root));
  checkpoint.container() = std::move(about);
  return checkpoint;
}

}  // namespace flambeau::formats::torchscript
