#include <memory>

#include "models/families.h"
#include "nn/pickle.h"

#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau {

Model load_model(const Checkpoint& checkpoint) {
  try {
    if (checkpoint.root().kind() != Kind::object) {
      throw Error(ErrorCode::type, "a whole model expected, found a " + checkpoint.root().type_name() +
                                       ": make the model and call load_state_dict");
    }
    return Model(nn::from_object(checkpoint.root(), models::classes()));
  } catch (const Error& error) {
    throw error.at({.file = checkpoint.container().file});
  }
}

Model load_model(const std::string& path, const LoadOptions& options) { return load_model(load(path, options)); }

void save(const Model& model, const std::string& path, const SaveOptions& options) {
  const auto heap = std::make_shared<object::Heap>();
  const object::Ref root = nn::to_object(*heap, model.module());
  save(Value(heap, root), path, options);
}

}  // namespace flambeau
