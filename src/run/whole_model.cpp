#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/families.h"
#include "nn/pickle.h"
#include "object/module.h"

#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

Value whole(const Model& model) {
  const auto heap = std::make_shared<object::Heap>();
  return {heap, nn::to_object(*heap, model.module())};
}

/// The module itself, or the only one among the items of a dict or a list.
Value module_of(const Value& root) {
  if (root.kind() == Kind::object) return root;
  std::vector<std::pair<std::string, object::Ref>> modules;
  if (const auto* dict = object::as<object::Dict>(root.ref()))
    for (const auto& [key, item] : dict->items)
      if (object::is_module(item)) modules.emplace_back(object::text(key).value_or("?"), item);
  if (const auto* list = object::as<object::Sequence>(root.ref()))
    for (std::size_t i = 0; i < list->items.size(); ++i)
      if (object::is_module(list->items[i])) modules.emplace_back(std::to_string(i), list->items[i]);
  if (modules.size() == 1) return Value(root.heap(), modules[0].second);
  std::string keys;
  for (const auto& [key, item] : modules) keys += (keys.empty() ? " with modules under '" : ", '") + key + "'";
  throw Error(ErrorCode::type, "a whole model expected, found a " + root.type_name() + keys +
                                   ": make the model and call load_state_dict");
}

}  // namespace

Model load_model(const Checkpoint& checkpoint, std::span<const nn::ClassRow> own) {
  try {
    std::vector<nn::ClassRow> rows(own.begin(), own.end());
    const auto known = models::classes();
    rows.insert(rows.end(), known.begin(), known.end());
    return Model(nn::from_object(module_of(checkpoint.root()), rows));
  } catch (const Error& error) {
    throw error.at({.file = checkpoint.container().file});
  }
}

Model load_model(const std::string& path, const LoadOptions& options, std::span<const nn::ClassRow> own) {
  return load_model(load(path, options), own);
}

void save(const Model& model, const std::string& path, const SaveOptions& options) {
  save(whole(model), path, options);
}

void save(const Model& model, std::ostream& stream, const SaveOptions& options) { save(whole(model), stream, options); }

}  // namespace flambeau
