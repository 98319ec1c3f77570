#include "predict_model.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/nn_misc.h>
#include <flambeau/predict.h>

#include "input.h"
#include "published.h"
#include "terminal.h"

namespace cli {
namespace {

namespace models_ = flambeau::models;
using flambeau::StateDict;
using models_::Recognition;

/// Floating-point weights as float32: what plans take. Nothing is copied where they are already.
StateDict as_float32(const StateDict& state) {
  StateDict result;
  for (const StateDict::Entry& entry : state) {
    const bool floating = flambeau::info(entry.tensor.dtype()).kind == flambeau::DTypeClass::floating;
    result.set(entry.name, floating ? entry.tensor.to(flambeau::DType::float32) : entry.tensor, entry.parameter);
  }
  if (state.has_metadata()) result.set_metadata(state.metadata());
  return result;
}

const models_::Weights* published_as(std::string_view builder, const std::string& file) {
  const std::string name = std::filesystem::path(file).filename().string();
  for (const models_::Weights& row : models_::weights_of(builder))
    if (row.file_name == name) return &row;
  return nullptr;
}

/// The entry whose preprocessing fits: the file's own, the default, or one for the image size that the weights are for.
const models_::Weights* preset_source(const Chosen& chosen, const models_::Options& options) {
  if (const auto* own = published_as(chosen.name, chosen.source)) return own;
  const auto* usual = models_::find_weights(chosen.name, "DEFAULT");
  if (!usual || !options.image_size || usual->crop == *options.image_size) return usual;
  for (const models_::Weights& row : models_::weights_of(chosen.name))
    if (row.crop == *options.image_size) return &row;
  return usual;
}

void set_preset(Chosen& chosen, const models_::Options& options) {
  chosen.published = preset_source(chosen, options);
  if (chosen.published) chosen.preset = models_::transforms(*chosen.published);
  if (options.image_size && chosen.preset.crop != *options.image_size)
    chosen.preset.resize = chosen.preset.crop = *options.image_size;
}

std::vector<std::string> read_labels(const std::string& file) {
  std::vector<std::string> labels;
  std::ifstream lines(file);
  if (!lines) throw flambeau::Error(flambeau::ErrorCode::not_found, "cannot be opened", {.file = file});
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    labels.push_back(line);
  }
  if (lines.bad()) throw flambeau::Error(flambeau::ErrorCode::io, "cannot be read", {.file = file});
  if (labels.empty()) throw flambeau::Error(flambeau::ErrorCode::invalid_argument, "no labels in it", {.file = file});
  return labels;
}

/// From --labels, the checkpoint, or the published weights' for a builder's 1000 classes.
void set_labels(const Args& args, Chosen& chosen, const flambeau::Checkpoint& checkpoint, std::int64_t classes) {
  if (const auto file = args.value("labels"))
    chosen.labels = read_labels(*file);
  else if (chosen.labels = flambeau::predict::labels_of(checkpoint, classes); chosen.labels.empty() && chosen.published)
    if (constexpr std::int64_t of_imagenet = 1000; classes == of_imagenet) {
      const auto names = models_::categories(*chosen.published);
      chosen.labels.assign(names.begin(), names.end());
      if (names.empty()) note(args, "these weights are published for their features: they do not classify");
    }
}

void tell(const Args& args, const Chosen& chosen) {
  const Recognition& found = *chosen.recognition;
  if (!chosen.key.empty()) note(args, chosen.source + ": took the weights under '" + chosen.key + "'");
  for (const std::string& text : found.notes) note(args, chosen.source + ": " + text);
  if (args.has("model")) return;
  std::string text = fmt::format("recognised {}: {}, {} classes", chosen.name, found.candidates.front().to_string(),
                                 found.options.num_classes);
  if (chosen.published)
    text += fmt::format("; images are prepared as for {}.{}", chosen.published->enumeration, chosen.published->name);
  note(args, text);
}

/// Without DataParallel and AveragedModel around it.
const flambeau::nn::Module& unwrapped(const flambeau::nn::Module& module) {
  const bool wraps = dynamic_cast<const flambeau::nn::DataParallel*>(&module) ||
                     dynamic_cast<const flambeau::nn::AveragedModel*>(&module);
  const auto inner = wraps ? module.child("module") : nullptr;
  return inner ? unwrapped(*inner) : module;
}

/// A whole model: its own class runs; a builder's names tell how its images are prepared.
void load_whole(const Args& args, Chosen& chosen, const flambeau::Checkpoint& checkpoint) {
  chosen.model = flambeau::load_model(checkpoint);
  chosen.name = std::string(chosen.model->class_name());
  std::int64_t classes = 0;
  Recognition found = models_::recognize(chosen.model.state_dict());
  const models_::Builder* builder = found.builder();
  const flambeau::nn::Module& inner = unwrapped(chosen.model.module());
  if (builder && builder->root_class == std::string(inner.python_module()) + "." + std::string(inner.class_name())) {
    chosen.name = std::string(builder->name);
    classes = found.options.num_classes;
    set_preset(chosen, found.options);
    chosen.recognition = std::move(found);
    tell(args, chosen);
  } else if (builder) {
    chosen.advice = fmt::format("its tensors are {0}'s: --model {0} runs them as such", builder->name);
  } else if (!found.candidates.empty()) {
    const models_::Comparison& nearest = found.candidates.front();
    chosen.advice = fmt::format("its tensors are nearest to {}'s: {}", nearest.builder->name, nearest.to_string());
  }
  set_labels(args, chosen, checkpoint, classes);
}

[[noreturn]] void refuse(const Args& args, const Recognition& given, const flambeau::Error& error) {
  // The weights may be another builder's: say so after torch's own text.
  const Recognition other = models_::recognize(given.state);
  std::string advice;
  if (other.recognized())
    advice = fmt::format("\nThe weights are {}'s.", other.builder()->name);
  else
    advice = fmt::format("\nWith {}, {}.", args.value_or("model", ""), given.candidates.front().to_string());
  throw flambeau::Error(error.code(), error.message() + advice, error.place());
}

void load_weights(const Args& args, Chosen& chosen, const flambeau::Checkpoint& checkpoint) {
  flambeau::Checkpoint::Taken taken;
  const StateDict state = checkpoint.state_dict(taken, "");
  chosen.key = taken.key;
  const auto name = args.value("model");
  if (name) published(*name, "DEFAULT");  // throws for an unknown name
  chosen.recognition = name ? models_::recognize(state, *models_::find(*name)) : models_::recognize(state);
  Recognition& found = *chosen.recognition;
  chosen.name = name ? *name : std::string(models_::require(found).name);
  set_preset(chosen, found.options);
  tell(args, chosen);
  // What the published file of these two wants, and no weight tells.
  if (chosen.name == "googlenet" || chosen.name == "inception_v3") {
    found.options.transform_input = args.has("transform-input") || published_as(chosen.name, chosen.source);
    if (!*found.options.transform_input)
      note(args,
           "weights do not tell whether the model transforms its input; taken that it does not (else: "
           "--transform-input)");
  }
  chosen.model = models_::make(chosen.name, found.options);
  try {
    chosen.model.load_state_dict(as_float32(found.state), {.assign = true});
  } catch (const flambeau::Error& error) {
    if (error.code() != flambeau::ErrorCode::mismatch) throw;
    refuse(args, found, error);
  }
  set_labels(args, chosen, checkpoint, found.options.num_classes);
}

void load_file(const Args& args, Chosen& chosen, const std::string& file) {
  chosen.source = file;
  const flambeau::Checkpoint checkpoint = open(args, file);
  try {
    const bool whole = checkpoint.root().kind() == flambeau::Kind::object && !args.has("model") &&
                       checkpoint.container().format != "torchscript";
    whole ? load_whole(args, chosen, checkpoint) : load_weights(args, chosen, checkpoint);
  } catch (const flambeau::Error& error) {
    throw error.at({.file = file});
  }
}

}  // namespace

Chosen choose_model(const Args& args) {
  Chosen chosen;
  const auto name = args.value("model"), weights = args.value("weights");
  if (args.has("random")) {
    if (!name || weights) throw UsageError("--random SEED goes with --model NAME and without --weights");
    chosen.model = models_::make(*name, {.seed = args.seed("random")});
    chosen.name = *name;
    set_preset(chosen, {});
    if (const auto file = args.value("labels")) chosen.labels = read_labels(*file);
  } else if (weights && (!name || std::filesystem::exists(*weights) || !models_::find_weights(*name, *weights))) {
    load_file(args, chosen, *weights);
  } else if (name) {
    load_file(args, chosen, fetched(args, published(*name, weights.value_or("DEFAULT"))));
  } else {
    throw UsageError("say which network: --weights FILE, or --model NAME for published weights");
  }
  chosen.model.eval();
  return chosen;
}

}  // namespace cli
