// Looking into the graph: attributes, keys, names.

#include <flambeau/object.h>

namespace flambeau::object {

std::string global_name(Ref ref) {
  const auto* global = as<Global>(ref);
  return global ? global->module + "." + global->qualname : std::string();
}

std::optional<Ref> get(const Dict& dict, std::string_view key) noexcept {
  for (const auto& [name, value] : dict.items)
    if (text(name) == key) return value;
  return std::nullopt;
}

std::optional<Ref> attribute(const Object& object, std::string_view name) noexcept {
  if (const auto* dict = as<Dict>(object.state)) return get(*dict, name);
  const auto* both = as<Sequence>(object.state);
  if (!both || both->kind != Kind::tuple || both->items.size() != 2) return std::nullopt;
  for (const Ref part : both->items)
    if (const auto* dict = as<Dict>(part))
      if (const auto found = get(*dict, name)) return found;
  return std::nullopt;
}

}  // namespace flambeau::object
