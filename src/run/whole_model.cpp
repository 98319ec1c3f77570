#include <memory>
#include <vector>

#include "models/families.h"
#include "nn/pickle.h"

#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau {

Model load_model(const Checkpoint& checkpoint, std::span<const nn::ClassRow> own) {
  try {
    if (checkpoint.root().kind() != Kind::object) {
      throw Error(ErrorCode::type, "a whole model expected, found a " + checkpoint.root().type_name() +
                                       ": make the model and call load_state_dict");
    }
    std::vector<nn::ClassRow> rows(own.begin(), own.end());
    const auto known = models::classes();
    rows.insert(rows.end(), known.begin(), known.end());
    return Model(nn::from_object(checkpoint.root(), rows));
  } catch (const Error& error) {
    throw error.at({.file = checkpoint.container().file});
  }
}

Model load_model(const std::string& path, const LoadOptions& options, std::span<const nn::ClassRow> own) {
  return load_model(load(path, options), own);
}

void save(const Model& model, const std::string& path, const SaveOptions& options) {
  const auto heap = std::make_shared<object::Heap>();
  const object::Ref root = nn::to_object(*heap, model.module());
  save(Value(heap, root), path, options);
}

}  // namespace flambeau
