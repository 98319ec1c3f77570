// state_dict and load_state_dict, with PyTorch's order, rules and texts.

#include <algorithm>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include <flambeau/error.h>
#include <flambeau/escape.h>
#include <flambeau/near.h>
#include <flambeau/nn.h>

#include "base/threads.h"
#include "object/module.h"
#include "tensor/cast.h"

namespace flambeau::nn {
namespace {

constexpr std::string_view extra_state_key = "_extra_state";

std::string size_text(const Shape& shape) { return python_repr(Size(shape, Size::Kind::torch_size)); }

std::string python_list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + python_repr(name);
  return "[" + text + "]";
}

/// One module at one path: shared modules are visited at each of theirs, as Python does.
struct Visit {
  Module* module;
  std::string prefix;
  std::map<std::string_view, std::size_t, std::less<>> children{};  // of Modules: their visit
  std::set<std::string_view, std::less<>> none_children{};
};

void collect_visits(std::vector<Visit>& visits, Module& module, const std::string& prefix) {
  const std::size_t index = visits.size();
  visits.push_back({&module, prefix});
  for (const Module::Child& child : module.children()) {
    if (child.module) {
      visits[index].children.emplace(child.name, visits.size());
      collect_visits(visits, *child.module, prefix + child.name + ".");
    } else {
      visits[index].none_children.insert(child.name);
    }
  }
}

/// Whether a parameter or buffer is not None.
bool is_there(const auto& named) { return named.tensor.defined() || !named.extra.is_none(); }

/// A tensor of the module and what the state_dict has for it.
struct Match {
  Tensor* target;
  Tensor source;
};

/// torch's reason not to take `source` for `target`; empty if it does. Asked before the first element is copied.
std::string refusal(const Tensor& target, const Tensor& source, bool assign) {
  const DTypeClass from = info(source.dtype()).kind;
  if (assign)
    return target.requires_grad() && from != DTypeClass::floating && from != DTypeClass::complex
               ? "Only Tensors of floating point and complex dtype can require gradients"
               : "";
  if (source.is_meta() && !target.is_meta()) return "Cannot copy out of meta tensor; no data!";
  if (from == DTypeClass::quantized && info(target.dtype()).kind != DTypeClass::quantized)
    return "Copying from quantized Tensor to non-quantized Tensor is not allowed, please use dequantize to get a float "
           "Tensor from a quantized Tensor";
  try {
    if (source.dtype() != target.dtype()) tensor::check_castable(source.dtype(), target.dtype());
  } catch (const Error& error) {
    return error.message();
  }
  return {};
}

/// Copies all; two threads when there is much, tensors of one storage always in the same.
void copy_all(std::vector<Match>& matches) {
  struct Group {
    std::uint64_t nbytes = 0;
    std::vector<Match*> matches{};
  };
  std::vector<Group> groups;
  std::map<const Storage*, std::size_t> index;
  std::uint64_t total = 0;
  for (Match& match : matches) {
    if (match.target->is_meta() && !match.source.is_meta()) {
      const bool grad = match.target->requires_grad();
      *match.target = Tensor::uninitialized(match.target->shape(), match.target->dtype()).set_requires_grad(grad);
    }
    if (match.target->is_meta() || match.source.is_meta()) continue;
    const auto [at, fresh] = index.try_emplace(match.target->storage().get(), groups.size());
    if (fresh) groups.emplace_back();
    Group& group = groups[at->second];
    group.nbytes += match.target->nbytes();
    group.matches.push_back(&match);
    total += match.target->nbytes();
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.nbytes > b.nbytes; });
  const unsigned threads = total < (1u << 20) ? 1 : std::min(2u, std::thread::hardware_concurrency());
  base::in_threads(threads, groups.size(), [&](std::size_t i) {
    for (Match* match : groups[i].matches) match->target->copy_from(match->source);
  });
}

class Loader {
 public:
  Loader(Module& root, const StateDict& state_dict, const LoadStateDictOptions& options)
      : root_(root), state_(state_dict), options_(options) {}

  IncompatibleKeys run() {
    collect_visits(visits_, root_, "");
    for (const Visit& visit : visits_) load(visit);
    find_unexpected();
    raise();
    if (options_.assign)
      for (Match& match : matches_) {
        const bool grad = match.target->requires_grad();
        *match.target = std::move(match.source.set_requires_grad(grad));
      }
    else
      copy_all(matches_);
    return std::move(keys_);
  }

 private:
  void load(const Visit& visit) {
    Module& module = *visit.module;
    const std::string path = visit.prefix.empty() ? "" : visit.prefix.substr(0, visit.prefix.size() - 1);
    try {
      module.upgrade(state_, visit.prefix, state_.has_metadata() ? state_.version(path) : std::nullopt);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::mismatch) throw;
      errors_.push_back(error.message());
    }
    for (Module::Parameter& parameter : module.parameters()) match(visit.prefix + parameter.name, parameter);
    for (Module::Buffer& buffer : module.buffers())
      if (buffer.persistent) match(visit.prefix + buffer.name, buffer);
    if (module.extra_state()) {
      const std::string key = visit.prefix + std::string(extra_state_key);
      if (const StateDict::Entry* entry = find(key))
        module.set_extra_state(entry->tensor.defined() ? Value(entry->tensor) : entry->extra);
      else
        keys_.missing_keys.push_back(key);
    }
  }

  const StateDict::Entry* find(std::string_view key) const {
    const auto found = std::find_if(state_.begin(), state_.end(), [&](const auto& entry) { return entry.name == key; });
    return found == state_.end() ? nullptr : &*found;
  }

  template <class Named>
  void match(const std::string& key, Named& named) {
    Tensor& target = named.tensor;
    const Tensor* found = state_.find(key);
    if (!target.defined()) {
      if (found && !named.extra.is_none())
        errors_.push_back("While copying the parameter named \"" + key + "\": the model has a " +
                          named.extra.type_name() + ", into which nothing is copied");
      return;
    }
    if (!found) {
      if (const StateDict::Entry* entry = find(key))
        errors_.push_back("While copying the parameter named \"" + escape(key) +
                          "\", expected torch.Tensor or Tensor-like object from checkpoint but received <class '" +
                          escape(entry->extra.type_name()) + "'>");
      else
        keys_.missing_keys.push_back(key);
      return;
    }
    Tensor source = *found;
    if (target.dim() == 0 && source.dim() == 1 && source.size(0) == 1)
      source = Tensor(source.storage(), source.dtype(), {}, {}, source.offset())
                   .set_conj(source.is_conj())
                   .set_neg(source.is_neg());
    if (source.shape() != target.shape())
      errors_.push_back("size mismatch for " + key + ": copying a param with shape " + size_text(source.shape()) +
                        " from checkpoint, the shape in current model is " + size_text(target.shape()) + ".");
    else if (const std::string why = refusal(target, source, options_.assign); !why.empty())
      errors_.push_back("While copying the parameter named \"" + key + "\", whose dimensions in the model are " +
                        size_text(target.shape()) + " and whose dimensions in the checkpoint are " +
                        size_text(source.shape()) + ", an exception occurred : (" + python_repr(why) + ",).");
    else
      matches_.push_back({&target, std::move(source)});
  }

  /// Keys that lead nowhere, in Python's order: by the module where they end, its extra state first, then the file's
  /// order.
  void find_unexpected() {
    std::vector<std::tuple<std::size_t, bool, std::size_t>> found;
    for (std::size_t k = 0; k < state_.size(); ++k) {
      const std::string_view key = state_[k].name;
      std::size_t at = 0, visit = 0;
      for (;;) {
        const Visit& here = visits_[visit];
        const std::string_view rest = key.substr(at);
        const std::size_t dot = rest.find('.');
        if (rest == extra_state_key) {
          if (!here.module->extra_state()) found.emplace_back(visit, false, k);
          break;
        }
        const auto next = here.children.find(rest.substr(0, dot));
        if (dot == rest.npos) {
          if (!is_local(*here.module, rest)) found.emplace_back(visit, true, k);
          break;
        }
        if (next == here.children.end()) {
          if (!here.none_children.contains(rest.substr(0, dot))) found.emplace_back(visit, true, k);
          break;
        }
        visit = next->second;
        at += dot + 1;
      }
    }
    std::sort(found.begin(), found.end());
    for (const auto& [visit, plain, k] : found) keys_.unexpected_keys.push_back(state_[k].name);
  }

  static bool is_local(const Module& module, std::string_view name) {
    const auto here = [&](const auto& entry) { return entry.name == name && is_there(entry); };
    return std::any_of(module.parameters().begin(), module.parameters().end(), here) ||
           std::any_of(module.buffers().begin(), module.buffers().end(),
                       [&](const auto& buffer) { return buffer.persistent && here(buffer); });
  }

  void raise() {
    if (options_.strict) {
      const auto quoted = [](const std::vector<std::string>& keys) {
        std::string text;
        for (const std::string& key : keys) text += (text.empty() ? "\"" : ", \"") + escape(key) + "\"";
        return text;
      };
      if (!keys_.unexpected_keys.empty())
        errors_.insert(errors_.begin(), "Unexpected key(s) in state_dict: " + quoted(keys_.unexpected_keys) + ". ");
      if (!keys_.missing_keys.empty())
        errors_.insert(errors_.begin(), "Missing key(s) in state_dict: " + quoted(keys_.missing_keys) + ". ");
    }
    if (errors_.empty()) return;
    std::string text = "Error(s) in loading state_dict for " + std::string(root_.class_name()) + ":";
    for (const std::string& error : errors_) text += "\n\t" + error;
    throw Error(ErrorCode::mismatch, text + advice());
  }

  /// What would explain the difference, after torch's own text: a prefix on every key of one side (DataParallel and
  /// friends), or names that are nearly the same.
  std::string advice() const {
    if (!options_.strict || keys_.missing_keys.empty() || keys_.unexpected_keys.empty()) return {};
    if (const auto prefix = common_prefix(keys_.unexpected_keys, keys_.missing_keys))
      return "\n(every unexpected key begins with \"" + escape(*prefix) + "\": strip it)";
    if (const auto prefix = common_prefix(keys_.missing_keys, keys_.unexpected_keys))
      return "\n(every missing key begins with \"" + *prefix + "\", which the state_dict's keys lack)";
    std::string text;
    constexpr std::size_t most = 3;
    for (std::size_t i = 0; i < std::min(most, keys_.missing_keys.size()); ++i) {
      const auto near = nearest(keys_.missing_keys[i], std::span<const std::string>(keys_.unexpected_keys), 1);
      if (near.empty()) continue;
      if (!text.empty()) text += "; ";
      text.append("\"").append(escape(near[0])).append("\" may be \"").append(keys_.missing_keys[i]).append("\"");
    }
    return text.empty() ? text : "\n(" + text + ")";
  }

  /// The prefix that all `longer` names have, if the first of `shorter` follows it in one of them.
  static std::optional<std::string> common_prefix(const std::vector<std::string>& longer,
                                                  const std::vector<std::string>& shorter) {
    const std::string& end = shorter.front();
    for (const std::string& key : longer) {
      if (key.size() <= end.size() || !key.ends_with("." + end)) continue;
      const std::string prefix = key.substr(0, key.size() - end.size());
      if (std::all_of(longer.begin(), longer.end(), [&](const std::string& name) { return name.starts_with(prefix); }))
        return prefix;
    }
    return std::nullopt;
  }

  Module& root_;
  StateDict state_;
  LoadStateDictOptions options_;
  std::vector<Visit> visits_{};
  std::vector<Match> matches_{};
  std::vector<std::string> errors_{};
  IncompatibleKeys keys_{};
};

}  // namespace

std::string IncompatibleKeys::to_string() const {
  if (missing_keys.empty() && unexpected_keys.empty()) return "<All keys matched successfully>";
  return "_IncompatibleKeys(missing_keys=" + python_list(missing_keys) +
         ", unexpected_keys=" + python_list(unexpected_keys) + ")";
}

StateDict Module::state_dict() const {
  StateDict state_dict;
  std::vector<StateDict::Module> metadata;
  const auto visit = [&](const auto& self, const Module& module, const std::string& prefix) -> void {
    metadata.push_back({prefix.empty() ? "" : prefix.substr(0, prefix.size() - 1), module.version()});
    const auto add = [&](const auto& named) {
      if (is_there(named)) state_dict.set(object::detached(prefix + named.name, named.tensor, named.extra));
    };
    for (const Parameter& parameter : module.parameters()) add(parameter);
    for (const Buffer& buffer : module.buffers())
      if (buffer.persistent) add(buffer);
    if (const auto extra = module.extra_state()) state_dict.set_extra(prefix + std::string(extra_state_key), *extra);
    for (const Child& child : module.children())
      if (child.module) self(self, *child.module, prefix + child.name + ".");
  };
  visit(visit, *this, "");
  state_dict.set_metadata(std::move(metadata));
  return state_dict;
}

IncompatibleKeys Module::load_state_dict(const StateDict& state_dict, const LoadStateDictOptions& options) {
  return Loader(*this, state_dict, options).run();
}

}  // namespace flambeau::nn
