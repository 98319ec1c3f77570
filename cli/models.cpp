#include <fmt/format.h>

#include <flambeau/models.h>

#include "command.h"
#include "json.h"
#include "terminal.h"

namespace cli {
namespace {

namespace models_ = flambeau::models;

void print_all(const Args& args) {
  if (args.has("names")) {
    for (const models_::Builder& builder : models_::builders()) print(std::string(builder.name) + "\n");
    return;
  }
  Json json;
  json.object().key("models").array();
  Table table({"name", ">input", "published weights", "class"});
  for (const models_::Builder& builder : models_::builders()) {
    json.object()
        .field("name", builder.name)
        .field("class", builder.root_class)
        .field("input_size", builder.input_size);
    json.key("weights").array();
    std::string weights;
    for (const models_::Weights& row : models_::weights_of(builder.name)) {
      json.value(row.name);
      weights += (weights.empty() ? "" : ", ") + std::string(row.name);
    }
    json.end().end();
    table.add(
        {std::string(builder.name), std::to_string(builder.input_size), weights, std::string(builder.root_class)});
  }
  print(args.has("json") ? json.end().end().text() : table.text());
}

void print_one(const Args& args, const std::string& name) {
  const flambeau::Model model = models_::make(name, {.initialize = false});
  const flambeau::StateDict state = model.state_dict();
  if (args.has("json")) {
    Json json;
    json.object().field("name", name).field("parameters", model->parameter_count()).field("repr", model.repr());
    json.key("keys").array();
    for (const auto& entry : state)
      json.object()
          .field("name", entry.name)
          .field("dtype", flambeau::name(entry.tensor.dtype()))
          .list("shape", entry.tensor.shape())
          .end();
    print(json.end().end().text());
  } else if (args.has("keys")) {
    Table table({"name", "dtype", "shape"});
    for (const auto& entry : state)
      table.add(
          {entry.name, std::string(flambeau::name(entry.tensor.dtype())), flambeau::to_string(entry.tensor.shape())});
    print(table.text());
  } else {
    print(model.repr() + "\n");
  }
}

}  // namespace

int models(const Args& args) {
  if (args.operands().empty() ? args.has("keys") : args.has("names"))
    throw UsageError(args.has("keys") ? "--keys needs a model's NAME" : "--names lists all models: it takes no NAME");
  args.operands().empty() ? print_all(args) : print_one(args, args.operands().front());
  return yes;
}

}  // namespace cli
