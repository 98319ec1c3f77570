#include <memory>
#include <vector>

#include "models/families.h"
#include "nn/pickle.h"

#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

Value whole(const Model& model) {
  const auto heap = std::make_shared<object::Heap>();
  return {heap, nn::to_object(*heap, model.module())};
}

}  // namespace

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
  save(whole(model), path, options);
}

void save(const Model& model, std::ostream& stream, const SaveOptions& options) { save(whole(model), stream, options); }

}  // namespace flambeau
