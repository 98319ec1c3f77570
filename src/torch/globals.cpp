#include "torch/globals.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "torch/reader.h"

namespace flambeau::torch {
namespace {

using namespace std::string_view_literals;

/// One module and the names in it that a row speaks of, separated by blanks.
/// A module that ends in ".*" stands for itself and everything below it. Names: "*" is every name, "A*" every
/// class-like name (it begins with a capital letter and has no dots), "x*"-like prefixes do not exist.
struct Row {
  std::string_view module, names;
};

#include "torch/globals.inc"  // the tables: allowed, known, dangerous

bool module_matches(std::string_view pattern, std::string_view module) noexcept {
  if (!pattern.ends_with(".*")) return pattern == module;
  pattern.remove_suffix(2);
  return module.starts_with(pattern) && (module.size() == pattern.size() || module[pattern.size()] == '.');
}

bool name_matches(std::string_view names, std::string_view name) noexcept {
  if (names == "*") return true;
  if (names == "A*")
    return !name.empty() && name[0] >= 'A' && name[0] <= 'Z' && name.find('.') == std::string_view::npos;
  while (!names.empty()) {
    const auto end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

bool in(std::span<const Row> table, std::string_view module, std::string_view name) noexcept {
  return std::any_of(table.begin(), table.end(), [&](const Row& row) {
    return module_matches(row.module, module) && name_matches(row.names, name);
  });
}

/// As members of an Enum are named, and no module is.
bool is_constant(std::string_view name) noexcept {
  return std::ranges::all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_dunder(std::string_view name) noexcept { return name.starts_with("__"); }

}  // namespace

Standing standing(std::string_view module, std::string_view qualname) {
  if (in(allowed, module, qualname) || (module == "torch" && dtype_named(qualname))) return Standing::allowed;
  if (in(known, module, qualname) || (module == "torch" && dtype_of_libtorch_class(qualname))) return Standing::known;
  if (module.starts_with("__torch__")) return Standing::known;  // TorchScript's own classes, never imported by Python
  if (in(dangerous, module, qualname)) return Standing::dangerous;
  // A dotted name walks through attributes: "pathlib", "os.system". Any run of its parts may be a module that reaches
  // out.
  std::vector<std::string_view> parts{};
  for (std::string_view rest = qualname; !rest.empty();) {
    const auto end = std::min(rest.find('.'), rest.size());
    parts.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  constexpr std::size_t deepest = 16;
  if (parts.size() > deepest) return Standing::dangerous;
  for (std::size_t first = 0; first < parts.size(); ++first) {
    if (first > 0 && is_dunder(parts[first])) return Standing::dangerous;
    for (std::size_t last = first; last + 1 < parts.size(); ++last) {
      const std::string_view head(
          parts[first].data(), static_cast<std::size_t>(parts[last].data() + parts[last].size() - parts[first].data()));
      const std::string_view rest = qualname.substr(static_cast<std::size_t>(parts[last + 1].data() - qualname.data()));
      const bool inside = first == 0 && (in(dangerous, module, head) ||
                                         in(dangerous, std::string(module) + "." + std::string(head), rest));
      if (inside || in(dangerous, head, rest) || in(dangerous, head, parts[last + 1])) return Standing::dangerous;
    }
  }
  return Standing::unknown;
}

bool is_getattr(object::Ref callable) noexcept {
  const auto* const global = object::as<object::Global>(callable);
  return global != nullptr && global->module == "builtins" && global->qualname == "getattr";
}

Standing standing_of_getattr(object::Ref args, std::string& named) {
  // From the outermost getattr inwards to the global at its root.
  constexpr int longest_chain = 16;
  constexpr std::size_t longest_name = 4096;
  std::string path;
  for (int i = 0; i < longest_chain; ++i) {
    const auto* const pair = object::as<object::Sequence>(args);
    if (pair == nullptr || pair->items.size() < 2) break;
    const auto name = object::text(pair->items[1]);
    if (!name || name->size() > longest_name) break;
    path.insert(0, path.empty() ? std::string(*name) : std::string(*name).append("."));
    if (is_dunder(*name)) break;
    if (const auto* const global = object::as<object::Global>(pair->items[0])) {
      named = global->module + "." + global->qualname + "." + path;
      const Standing root = standing(global->module, global->qualname);
      const Standing whole = standing(global->module, global->qualname + "." + path);
      if (root == Standing::known && is_constant(path)) return Standing::known;
      if (root == Standing::dangerous || whole == Standing::dangerous) return Standing::dangerous;
      return root == Standing::allowed || root == Standing::known ? Standing::known : Standing::unknown;
    }
    const auto* const inner = object::as<object::Object>(pair->items[0]);
    if (inner == nullptr) break;
    // A method of an instance, as OneCycleLR of torch 1.13 holds one: its class decides, and calling it is never known.
    const auto* const cls = object::as<object::Global>(inner->callable);
    if (cls != nullptr && inner->construction == object::Construction::newobj) {
      named = cls->module + "." + cls->qualname + "." + path;
      const bool dangerous = standing(cls->module, cls->qualname) == Standing::dangerous ||
                             standing(cls->module, cls->qualname + "." + path) == Standing::dangerous;
      return dangerous ? Standing::dangerous : Standing::unknown;
    }
    if (!is_getattr(inner->callable)) break;
    args = inner->args;
  }
  named = path.empty() ? "builtins.getattr(…)" : "builtins.getattr(…, '" + path + "')";
  return Standing::dangerous;
}

}  // namespace flambeau::torch
