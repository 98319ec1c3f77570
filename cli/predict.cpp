#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include <flambeau/models.h>
#include <flambeau/predict.h>
#include <flambeau/vision.h>

#include "command.h"
#include "input.h"
#include "json.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::DType;
using flambeau::Model;
using flambeau::StateDict;
using flambeau::Tensor;

// What DataParallel and torch.compile put before every name.
constexpr std::string_view wrappers[] = {"module.", "_orig_mod."};

// float32 under the names that the model has, whatever wrapped it when it was saved.
StateDict prepared(const Args& args, const StateDict& state) {
  std::string_view prefix;
  for (const std::string_view wrapper : wrappers)
    if (!state.empty() && std::ranges::all_of(state, [&](const auto& e) { return e.name.starts_with(wrapper); }))
      prefix = wrapper;
  if (!prefix.empty()) note(args, "took '" + std::string(prefix) + "' off the names");
  StateDict result;
  for (const StateDict::Entry& entry : state) {
    if (!entry.tensor.defined()) continue;
    const bool reduced = flambeau::info(entry.tensor.dtype()).kind == flambeau::DTypeClass::floating;
    result.set(std::string(stripped(entry.name, prefix)), reduced ? entry.tensor.to(DType::float32) : entry.tensor,
               entry.parameter);
  }
  if (state.has_metadata() && prefix.empty()) result.set_metadata(state.metadata());
  return result;
}

// The head's width and the auxiliary heads are the file's, not the builder's defaults.
flambeau::models::Options options_for(const std::string& name, const StateDict& state) {
  flambeau::models::Options options{.initialize = false};
  if (!state.empty())
    if (const Tensor& last = state[state.size() - 1].tensor; last.dim() == 1) options.num_classes = last.size(0);
  if (name == "googlenet" || name == "inception_v3")
    options.aux_logits = std::ranges::any_of(
        state, [](const auto& e) { return e.name.starts_with("aux") || e.name.starts_with("AuxLogits."); });
  return options;
}

Model load(const Args& args) {
  const auto name = args.value("model");
  const auto file = args.value("weights");
  if (args.has("random")) {
    if (!name || file) throw UsageError("--random SEED goes with --model NAME and without --weights");
    return flambeau::models::make(*name, {.seed = args.number("random")});
  }
  if (!file) throw UsageError("say whose weights: --weights FILE (or --random SEED)");
  const flambeau::Checkpoint checkpoint = open(args, *file);
  if (!name) {
    if (checkpoint.root().kind() != flambeau::Kind::object)
      throw UsageError("'" + *file + "' holds weights without a model: say which with --model NAME");
    return flambeau::load_model(checkpoint);
  }
  std::string key;
  const StateDict found = checkpoint.state_dict(key);
  if (!key.empty()) note(args, *file + ": took the weights under '" + key + "'");
  const StateDict state = prepared(args, found);
  Model model = flambeau::models::make(*name, options_for(*name, state));
  try {
    model.load_state_dict(state, {.assign = true});
  } catch (const flambeau::Error& error) {
    throw error.at({.file = *file});
  }
  return model;
}

flambeau::vision::Preset preset_for(const Args& args) {
  if (const auto name = args.value("model"))
    if (const auto* weights = flambeau::models::find_weights(*name, "DEFAULT"))
      return flambeau::models::transforms(*weights);
  return {};
}

std::vector<std::string> read_labels(const Args& args) {
  std::vector<std::string> labels;
  const auto file = args.value("labels");
  if (!file) return labels;
  std::ifstream lines(*file);
  if (!lines) throw flambeau::Error(flambeau::ErrorCode::not_found, "cannot be opened", {.file = *file});
  for (std::string line; std::getline(lines, line);) labels.push_back(line);
  return labels;
}

flambeau::PlanOptions plan_options(const Args& args, std::size_t inputs) {
  constexpr std::size_t many = 8;  // from here on packing weights pays
  flambeau::PlanOptions options;
  options.effort = inputs < many ? flambeau::Effort::oneshot : flambeau::Effort::steady;
  if (args.value("precision") == "bf16") options.precision = flambeau::Precision::bf16;
  if (args.has("reference")) options.kernels = flambeau::Kernels::reference;
  options.threads = static_cast<int>(std::min<std::uint64_t>(args.number("threads", 1).value_or(0), 1024));
  return options;
}

struct Answer {
  std::string input;
  std::vector<flambeau::predict::Class> classes;
};

std::string as_text(const std::vector<Answer>& answers) {
  std::string text;
  for (const Answer& answer : answers) {
    if (answers.size() > 1) text += bold(shown(answer.input)) + "\n";
    Table table({">probability", "class"});
    for (const auto& row : answer.classes)
      table.add(
          {fmt::format("{:.2f} %", 100 * row.score), row.label.empty() ? std::to_string(row.index) : shown(row.label)});
    text += table.text();
  }
  return text;
}

std::string as_json(const Args& args, const std::vector<Answer>& answers) {
  Json json;
  json.object().field("model", args.value_or("model", "")).key("results").array();
  for (const Answer& answer : answers) {
    json.object().field("input", answer.input).key("top").array();
    for (const auto& row : answer.classes) {
      json.object().field("index", row.index).field("probability", static_cast<double>(row.score));
      if (!row.label.empty()) json.field("label", row.label);
      json.end();
    }
    json.end().end();
  }
  return json.end().end().text();
}

Tensor joined(const std::vector<Tensor>& rows) {
  if (rows.size() == 1) return rows.front();
  std::int64_t count = 0;
  for (const Tensor& row : rows) count += row.size(0);
  Tensor all = Tensor::uninitialized({count, rows.front().size(1)});
  std::int64_t at = 0;
  for (const Tensor& row : rows) {
    all.narrow(0, at, row.size(0)).copy_from(row);
    at += row.size(0);
  }
  return all;
}

}  // namespace

int predict(const Args& args) {
  const std::vector<std::string>& images = args.operands();
  const auto npy = args.value("tensor");
  if (images.empty() == !npy) throw UsageError("give images, or a prepared input with --tensor");
  const auto top = static_cast<std::int64_t>(std::min<std::uint64_t>(args.number("top", 1).value_or(5), 1 << 20));
  const std::vector<std::string> labels = read_labels(args);
  const std::vector<std::string_view> label_views(labels.begin(), labels.end());

  Model model = load(args);
  model.eval();
  const flambeau::PlanOptions options = plan_options(args, npy ? 1 : images.size());
  const flambeau::vision::Preset preset = preset_for(args);
  std::vector<Tensor> logits;
  std::vector<Answer> answers;
  const auto run = [&](const Tensor& x, const std::string& input) {
    logits.push_back(model(x, options));
    const auto rows = flambeau::predict::top_k(flambeau::predict::softmax(logits.back()), top, label_views);
    for (std::size_t i = 0; i < rows.size(); ++i)
      answers.push_back({rows.size() > 1 ? input + "[" + std::to_string(i) + "]" : input, rows[i]});
  };
  if (npy) run(flambeau::read_npy(*npy).to(DType::float32).contiguous(), *npy);
  Progress progress(args, "predicting", grouped);
  for (std::size_t i = 0; i < images.size(); ++i) {
    run(flambeau::vision::preprocess(images[i], preset), images[i]);
    progress.update(i + 1, images.size());
  }
  if (const auto out = args.value("logits")) flambeau::write_npy(*out, joined(logits));
  print(args.has("json") ? as_json(args, answers) : as_text(answers));
  return yes;
}

}  // namespace cli
