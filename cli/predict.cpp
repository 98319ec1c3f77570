#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <future>
#include <iostream>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/predict.h>
#include <flambeau/vision.h>

#include "command.h"
#include "json.h"
#include "plan_options.h"
#include "predict_model.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::Tensor;

flambeau::PlanOptions plan_options(const Args& args, std::size_t inputs) {
  constexpr std::size_t many = 8;  // from here on packing weights pays
  flambeau::PlanOptions options;
  options.precision = precision(args);
  // Weights become narrow when they are packed.
  const bool pack = inputs >= many || args.has("cache") || options.precision != flambeau::Precision::fp32;
  options.effort = pack ? flambeau::Effort::steady : flambeau::Effort::oneshot;
  if (args.has("reference")) options.kernels = flambeau::Kernels::reference;
  options.threads = threads(args);
  return options;
}

Tensor outputs_of(const Chosen& chosen, const Tensor& x, const flambeau::PlanOptions& options) {
  try {
    return chosen.model(x, options);
  } catch (const flambeau::Error& error) {
    if (error.code() != flambeau::ErrorCode::unsupported || chosen.advice.empty()) throw;
    throw flambeau::Error(error.code(), error.message() + "; " + chosen.advice, {.file = chosen.source});
  }
}

/// What a lower precision changed in the outputs for one input.
struct Deviation {
  double relative;  // |y - y32| / |y32|
  bool same_best;
};

Deviation deviation_of(const Tensor& outputs, const flambeau::Model& model, const Tensor& x,
                       flambeau::PlanOptions options) {
  options.precision = flambeau::Precision::fp32;
  options.effort = flambeau::Effort::oneshot;
  const Tensor exact = model(x, options);
  const auto a = outputs.data<float>(), b = exact.data<float>();
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  const auto best = [](const Tensor& rows) { return flambeau::predict::top_k(rows, 1).front().front().index; };
  return {size > 0 ? std::sqrt(difference / size) : 0.0, best(outputs) == best(exact)};
}

Tensor prepared(const std::string& npy) {
  const Tensor x = flambeau::read_npy(npy);
  if (flambeau::info(x.dtype()).kind == flambeau::DTypeClass::complex)
    throw flambeau::Error(flambeau::ErrorCode::unsupported, "models take real numbers, these are complex",
                          {.file = npy});
  return x.to(flambeau::DType::float32).contiguous();
}

std::vector<std::vector<flambeau::predict::Class>> best_classes(const Args& args, const Tensor& scores,
                                                                std::int64_t count,
                                                                const std::vector<std::string>& labels) {
  const std::vector<std::string_view> views(labels.begin(), labels.end());
  try {
    return flambeau::predict::top_k(scores, count, views);
  } catch (const flambeau::Error& error) {
    throw error.at({.file = args.value_or("labels", "")});  // more of them than classes, or fewer
  }
}

struct Answer {
  std::string input;
  std::vector<flambeau::predict::Class> classes{};
  std::string error{};  // why there are none
};

std::string as_text(const std::vector<Answer>& answers) {
  std::string text;
  for (const Answer& answer : answers) {
    if (!answer.error.empty()) continue;  // told on standard error
    if (answers.size() > 1) text += bold(shown(answer.input)) + "\n";
    Table table({">probability", "class"});
    for (const auto& row : answer.classes)
      table.add(
          {fmt::format("{:.2f} %", 100 * row.score), row.label.empty() ? std::to_string(row.index) : shown(row.label)});
    text += table.text();
  }
  return text;
}

void add_evidence(Json& json, const Chosen& chosen) {
  json.field("model", chosen.name).field("weights", chosen.source);
  if (const auto& found = chosen.recognition) {
    const auto& match = found->candidates.front();
    json.key("recognition").object().field("expected", match.expected).field("matched", match.matched);
    json.field("num_classes", found->options.num_classes).field("key", chosen.key).field("prefix", found->prefix);
    json.list("notes", found->notes).end();
  }
  json.key("preprocessing").object();
  json.field("weights", chosen.published
                            ? std::string(chosen.published->enumeration) + "." + std::string(chosen.published->name)
                            : std::string());
  json.field("resize", chosen.preset.resize).field("crop", chosen.preset.crop);
  json.field("interpolation", flambeau::vision::name(chosen.preset.interpolation));
  json.list("mean", chosen.preset.mean).list("std", chosen.preset.std).end();
}

std::string as_json(const Chosen& chosen, const std::vector<Answer>& answers,
                    const std::optional<Deviation>& deviation) {
  Json json;
  add_evidence(json.object(), chosen);
  if (deviation)
    json.key("deviation_from_fp32")
        .object()
        .field("relative_l2", deviation->relative)
        .field("same_best_class", deviation->same_best)
        .end();
  json.key("results").array();
  for (const Answer& answer : answers) {
    json.object().field("input", answer.input);
    if (!answer.error.empty()) {
      json.field("error", answer.error).end();
      continue;
    }
    json.key("top").array();
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

bool is_picture(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 3> endings = {".jpg", ".jpeg", ".png"};
  return std::ranges::find(endings, ending) != endings.end();
}

/// Those paths; of a folder its .jpg, .jpeg and .png files in the order of their names.
std::vector<std::string> images_of(const std::vector<std::string>& operands) {
  std::vector<std::string> all;
  for (const std::string& operand : operands) {
    std::error_code failed;
    if (!std::filesystem::is_directory(operand, failed)) {
      all.push_back(operand);
      continue;
    }
    std::vector<std::string> inside;
    for (auto it = std::filesystem::directory_iterator(operand, failed); !failed && it != std::filesystem::end(it);
         it.increment(failed))
      if (is_picture(it->path())) inside.push_back(it->path().string());
    if (failed) throw flambeau::Error(flambeau::ErrorCode::io, failed.message(), {.file = operand});
    if (inside.empty())
      throw flambeau::Error(flambeau::ErrorCode::not_found, "no .jpg, .jpeg or .png file in this folder",
                            {.file = operand});
    std::ranges::sort(inside);
    all.insert(all.end(), inside.begin(), inside.end());
  }
  return all;
}

flambeau::vision::Image decoded(const std::string& image) {
  if (image != "-") return flambeau::vision::decode_file(image);
  const flambeau::vision::DecodeOptions options;
  std::string content;
  for (std::array<char, 1 << 16> block; std::cin.read(block.data(), block.size()) || std::cin.gcount() > 0;) {
    content.append(block.data(), static_cast<std::size_t>(std::cin.gcount()));
    if (content.size() > options.max_file_bytes) break;  // decode says why
  }
  try {
    return flambeau::vision::decode(std::as_bytes(std::span(content)), options);
  } catch (const flambeau::Error& error) {
    throw error.at({.file = "-"});
  }
}

/// Images in their order; the next one is decoded on another thread meanwhile if it is a file. Pipes are read when it
/// is their turn: an error must not wait for what may never come.
class Album {
 public:
  explicit Album(std::vector<std::string> paths) : paths_(std::move(paths)) { begin(); }

  const std::vector<std::string>& paths() const { return paths_; }
  /// Throws what decoding the next one threw.
  flambeau::vision::Image next() {
    std::future<flambeau::vision::Image> ready = std::move(decoding_);
    ++at_;
    begin();
    return ready.get();
  }

 private:
  void begin() {
    if (at_ == paths_.size()) return;
    const std::string& path = paths_[at_];
    std::error_code ignored;
    const bool ahead = path != "-" && std::filesystem::is_regular_file(path, ignored);
    const auto able = std::launch::async | std::launch::deferred;
    decoding_ = std::async(ahead ? able : std::launch::deferred, decoded, path);
  }

  std::vector<std::string> paths_;
  std::size_t at_ = 0;
  std::future<flambeau::vision::Image> decoding_{};
};

}  // namespace

int predict(const Args& args) {
  Album album(images_of(args.operands()));  // the first one while the model is loaded
  const std::vector<std::string>& images = album.paths();
  const auto npy = args.value("tensor");
  if (images.empty() == !npy) throw UsageError("give images, or a prepared input with --tensor");
  const auto top = static_cast<std::int64_t>(std::min<std::uint64_t>(args.number("top", 1).value_or(5), 1 << 20));
  flambeau::PlanOptions options = plan_options(args, npy ? 1 : images.size());
  if (args.has("calibrate") && options.precision != flambeau::Precision::int8)
    throw UsageError("--calibrate is for --precision int8");
  const Chosen chosen = choose_model(args);

  if (const auto folder = args.value("cache")) chosen.model.cache_plans(*folder);
  if (const auto path = args.value("calibrate")) {
    std::vector<Tensor> samples;
    for (Album calibrating(images_of({*path})); samples.size() < calibrating.paths().size();)
      samples.push_back(flambeau::vision::preprocess(calibrating.next(), chosen.preset));
    options.calibration = chosen.model.calibrate(samples, options);
  }

  std::vector<Tensor> logits;
  std::vector<Answer> answers;
  std::optional<Deviation> deviation;
  const auto run = [&](const Tensor& x, const std::string& input) {
    logits.push_back(outputs_of(chosen, x, options));
    if (options.precision != flambeau::Precision::fp32 && !deviation)
      deviation = deviation_of(logits.back(), chosen.model, x, options);
    const auto rows = best_classes(args, flambeau::predict::softmax(logits.back()), top, chosen.labels);
    for (std::size_t i = 0; i < rows.size(); ++i)
      answers.push_back({rows.size() > 1 ? input + "[" + std::to_string(i) + "]" : input, rows[i]});
  };
  if (npy) run(prepared(*npy), *npy);
  Progress progress(args, "predicting", grouped);
  // Of several images one may be broken; rows of logits would no longer stand beside their images.
  const bool go_on = images.size() > 1 && !args.has("logits");
  Exit status = yes;
  for (std::size_t i = 0; i < images.size(); ++i) {
    Tensor x;
    try {
      x = flambeau::vision::preprocess(album.next(), chosen.preset);
    } catch (const flambeau::Error& error) {
      if (!go_on) throw;
      complain(error);
      answers.push_back({.input = images[i], .error = error.what()});
      status = wrong;
      continue;
    }
    run(x, images[i]);
    progress.update(i + 1, images.size());
  }
  if (deviation)
    note(args,
         fmt::format("{} against fp32, first input: outputs differ by {:.2g} (relative L2), the best class {}",
                     *args.value("precision"), deviation->relative, deviation->same_best ? "is the same" : "differs"));
  if (const auto out = args.value("logits")) flambeau::write_npy(*out, joined(logits));
  print(args.has("json") ? as_json(chosen, answers, deviation) : as_text(answers));
  return status;
}

}  // namespace cli
