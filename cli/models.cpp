#include <filesystem>
#include <set>

#include <fmt/format.h>

#include <flambeau/models.h>
#include <flambeau/nn_misc.h>
#include <flambeau/predict.h>

#include "command.h"
#include "input.h"
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

// A builder's model, or the whole model in a file.
flambeau::Model model_of(const Args& args, const std::string& operand) {
  std::error_code ignored;
  if (models_::find(operand) || (operand != "-" && !std::filesystem::exists(operand, ignored)))
    return models_::make(operand, {.initialize = false});
  flambeau::Model model = flambeau::load_model(open(args, operand));
  std::set<std::string> unknown;
  for (const auto& [path, module] : model->named_modules())
    if (dynamic_cast<const flambeau::nn::UnknownModule*>(module))
      unknown.insert(std::string(module->python_module()) + "." + std::string(module->class_name()));
  for (const std::string& name : unknown)
    note(args, fmt::format("{}: the code of {} is not restored: a file does not hold it", operand, name));
  return model;
}

void print_one(const Args& args, const std::string& name) {
  const flambeau::Model model = model_of(args, name);
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
    throw UsageError(args.has("keys") ? "--keys needs a model: NAME or FILE"
                                      : "--names lists all models: it takes no NAME");
  args.operands().empty() ? print_all(args) : print_one(args, args.operands().front());
  return yes;
}

}  // namespace cli
