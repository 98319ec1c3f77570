// Recognition in two steps: a fingerprint finds the builder among eighty, a bare module of it is then compared in full.
#include <flambeau/recognize.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/escape.h>

#include "models/fingerprints.h"
#include "models/wrapped_names.h"

namespace flambeau::models {
namespace {

constexpr std::string_view counter = ".num_batches_tracked";
constexpr std::size_t nearest_told = 3, names_told = 5;

/// The module whose tensors come last is the head: true of all builders.
std::string head_of(const StateDict& bare) {
  const std::string& last = bare[bare.size() - 1].name;
  return last.substr(0, last.rfind('.'));
}

StateDict bare_state(const Builder& builder, const Options& options) {
  const nn::SkipInit skip;
  return builder.construct(options)->state_dict();
}

/// GoogLeNet's and Inception's, which only training asks.
bool of_auxiliary_head(std::string_view name) {
  constexpr std::array<std::string_view, 3> heads = {"aux1.", "aux2.", "AuxLogits."};
  return std::ranges::any_of(heads, [&](std::string_view start) { return name.starts_with(start); });
}

/// Classes, auxiliary heads, positions and features as the file has them.
Options options_for(const Builder& builder, const StateDict& state) {
  Options options{.initialize = false};
  if (builder.name == "googlenet" || builder.name == "inception_v3")
    options.aux_logits = std::ranges::any_of(state, of_auxiliary_head, &StateDict::Entry::name);
  const Tensor* positions = state.find("encoder.pos_embedding");
  const Tensor* patches = state.find("conv_proj.weight");
  const Tensor* pre_logits = state.find("heads.pre_logits.weight");
  constexpr std::int64_t most = 1 << 20;  // patches, pixels of one, features
  if (pre_logits && pre_logits->dim() == 2 && pre_logits->size(0) > 0 && pre_logits->size(0) <= most)
    options.representation_size = pre_logits->size(0);
  if (positions && patches && positions->dim() == 3 && patches->dim() == 4 && positions->size(1) > 1 &&
      positions->size(1) <= most && patches->size(3) <= most) {
    const auto side = std::llround(std::sqrt(static_cast<double>(positions->size(1) - 1)));
    if (side * side == positions->size(1) - 1) options.image_size = side * patches->size(3);
  }
  return options;
}

/// Published weights with a new `fc`: the auxiliary heads still have the old classes.
bool auxiliary_heads_differ(const StateDict& state, const StateDict& bare) {
  return std::ranges::any_of(bare, [&](const StateDict::Entry& entry) {
    const Tensor* found = state.find(entry.name);
    return found && of_auxiliary_head(entry.name) && found->shape() != entry.tensor.shape();
  });
}

Comparison compare(const Builder& builder, const StateDict& state, Options& options) {
  Comparison result{.builder = &builder};
  options = options_for(builder, state);
  StateDict bare;
  try {
    bare = bare_state(builder, options);
  } catch (const Error&) {  // an image size that its patches do not divide
    options.image_size.reset();
    bare = bare_state(builder, options);
  }
  const Tensor& head = bare[head_of(bare) + ".weight"];
  if (const Tensor* found = state.find(head_of(bare) + ".weight");
      found && found->dim() == head.dim() && found->dim() > 0)
    if (const std::int64_t classes = found->size(0); classes > 0 && classes != options.num_classes) {
      options.num_classes = classes;
      bare = bare_state(builder, options);
    }
  if (options.aux_logits && auxiliary_heads_differ(state, bare)) {
    options.aux_logits = false;
    bare = bare_state(builder, options);
  }
  for (const StateDict::Entry& entry : bare) {
    const Tensor* found = state.find(entry.name);
    if (!found && entry.name.ends_with(counter)) continue;  // files of before 0.4.1 lack it
    ++result.expected;
    if (!found)
      result.missing.push_back(entry.name);
    else if (found->shape() != entry.tensor.shape())
      result.reshaped.push_back(
          fmt::format("{}: {} for {}", entry.name, to_string(found->shape()), to_string(entry.tensor.shape())));
    else
      ++result.matched;
  }
  for (const StateDict::Entry& entry : state)
    if (!bare.find(entry.name) && !(options.aux_logits == false && of_auxiliary_head(entry.name)))
      result.unexpected.push_back(entry.name);
  return result;
}

/// Of all tensors that either side has, the share that both have.
double likeness(const Comparison& comparison) {
  const std::size_t all = comparison.expected + comparison.unexpected.size();
  return all == 0 ? 0 : static_cast<double>(comparison.matched) / static_cast<double>(all);
}

std::vector<Comparison> nearest_to(const StateDict& state) {
  std::vector<Comparison> all;
  Options options;
  for (const Builder& builder : builders()) {
    Comparison comparison = compare(builder, state, options);
    if (comparison.matched == 0) continue;
    all.push_back(std::move(comparison));
    std::ranges::stable_sort(all, std::greater(), likeness);
    if (all.size() > nearest_told) all.resize(nearest_told);  // at once: each holds all names that differ
  }
  return all;
}

void append_names(std::string& text, std::string_view what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  text += fmt::format("; {} {}: ", names.size(), what);
  for (std::size_t i = 0; i < std::min(names.size(), names_told); ++i) text += (i == 0 ? "" : ", ") + escape(names[i]);
  if (names.size() > names_told) text += ", …";
}

void take(Recognition& found, const StateDict& all, StateDict inner, const std::string& prefix) {
  const std::size_t rest = all.size() - inner.size();
  if (!prefix.empty()) found.notes.push_back(fmt::format("took '{}' off the names", prefix));
  if (rest > 0) found.notes.push_back(fmt::format("left out {} tensors outside '{}'", rest, prefix));
  found.state = std::move(inner);
  found.prefix = prefix;
  if (found.options.aux_logits != false) return;
  const std::size_t before = found.state.size();
  found.state = found.state.renamed(
      [](std::string_view name) { return of_auxiliary_head(name) ? std::nullopt : std::optional(std::string(name)); });
  if (const std::size_t heads = before - found.state.size(); heads > 0)
    found.notes.push_back(fmt::format("left out {} tensors of auxiliary heads for other classes", heads));
}

/// MNASNet refuses weights that do not say which version they are of; bare tensors (safetensors) cannot say.
void set_root_version(StateDict& state, const Builder& builder) {
  if (state.has_metadata()) return;
  const nn::SkipInit skip;
  if (const std::int64_t version = builder.construct({})->version(); version != 1) state.set_metadata({{"", version}});
}

}  // namespace

std::string Comparison::to_string() const {
  std::string text = fmt::format("{} of {} names and shapes match", matched, expected);
  append_names(text, "missing", missing);
  append_names(text, "unexpected", unexpected);
  append_names(text, "of another shape", reshaped);
  return text;
}

Recognition recognize(const StateDict& state_dict) {
  Recognition found;
  const StateDict state = tidied(state_dict, found.notes);
  const std::vector<std::string> prefixes = possible_prefixes(state);
  for (const std::string& prefix : prefixes) {
    const std::uint64_t print = fingerprint(state, prefix);
    for (std::size_t i = 0; i < builders().size(); ++i) {
      if (fingerprint_of(i) != print) continue;
      StateDict inner = below(state, prefix);
      Options options;
      Comparison comparison = compare(builders()[i], inner, options);
      if (!comparison.fits()) continue;
      if (found.recognized()) {  // a second one, as a student beside its teacher
        found.notes.push_back(fmt::format("'{}' holds such weights too", prefix));
        continue;
      }
      found.candidates.push_back(std::move(comparison));
      found.options = options;
      take(found, state, std::move(inner), prefix);
    }
  }
  if (found.recognized()) {
    set_root_version(found.state, *found.builder());
    return found;
  }
  std::string prefix;
  for (const std::string& each : prefixes) {
    StateDict inner = below(state, each);
    if (2 * inner.size() < state.size()) continue;  // a block of something else
    std::vector<Comparison> candidates = nearest_to(inner);
    if (candidates.empty()) continue;
    if (!found.candidates.empty() && likeness(candidates.front()) <= likeness(found.candidates.front())) continue;
    found.candidates = std::move(candidates);
    prefix = each;
  }
  take(found, state, below(state, prefix), prefix);
  return found;
}

Recognition recognize(const StateDict& state_dict, const Builder& builder) {
  Recognition found;
  const StateDict state = tidied(state_dict, found.notes);
  std::string best;
  for (const std::string& prefix : possible_prefixes(state)) {
    Options options;
    Comparison next = compare(builder, below(state, prefix), options);
    if (!found.candidates.empty() && next.matched <= found.candidates.front().matched) continue;
    found.candidates = {std::move(next)};
    found.options = options;
    best = prefix;
  }
  take(found, state, below(state, best), best);
  set_root_version(found.state, builder);
  return found;
}

const Builder& require(const Recognition& recognition) {
  if (const Builder* builder = recognition.builder()) return *builder;
  if (recognition.candidates.empty())
    throw Error(ErrorCode::mismatch, fmt::format("the weights are of no known model: none of {} names occurs in one",
                                                 recognition.state.size()));
  const Comparison& nearest = recognition.candidates.front();
  std::string text =
      fmt::format("the weights are of no known model; nearest is {}: {}", nearest.builder->name, nearest.to_string());
  for (std::size_t i = 1; i < recognition.candidates.size(); ++i) {
    const Comparison& other = recognition.candidates[i];
    text +=
        fmt::format("{} {} ({} of {})", i == 1 ? "; then" : ",", other.builder->name, other.matched, other.expected);
  }
  throw Error(ErrorCode::mismatch, text);
}

}  // namespace flambeau::models
