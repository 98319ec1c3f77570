#include <filesystem>
#include <map>
#include <unordered_set>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/near.h>
#include <flambeau/object.h>

#include "command.h"
#include "input.h"
#include "json.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::DType;
using flambeau::SaveOptions;
using flambeau::StateDict;
using flambeau::Tensor;
using flambeau::Value;
namespace object = flambeau::object;

SaveOptions::Format format_for(const Args& args, const std::string& out) {
  const auto to = args.value("to");
  if (args.has("legacy") || to == "torch-legacy") return SaveOptions::Format::legacy;
  if (to) return SaveOptions::Format::zip;
  const std::string extension = std::filesystem::path(out).extension().string();
  for (const std::string_view known : {".pth", ".pt", ".bin", ".ckpt", ".th", ".tar", ".pkl", ""})
    if (extension == known) return SaveOptions::Format::zip;
  throw UsageError("'" + out + "': cannot tell the format from the name; say it with --to");
}

/// Casts floating-point tensors; what shared a storage still does.
class Cast {
 public:
  explicit Cast(DType to) : to_(to) {}

  Tensor operator()(const Tensor& tensor) {
    if (flambeau::info(tensor.dtype()).kind != flambeau::DTypeClass::floating || tensor.dtype() == to_) return tensor;
    if (tensor.is_meta()) return Tensor::meta(tensor.shape(), to_).set_requires_grad(tensor.requires_grad());
    const auto key = std::pair(tensor.storage().get(), tensor.dtype());
    auto& storage = done_[key];
    if (!storage) {
      const std::int64_t count =
          static_cast<std::int64_t>(tensor.storage()->nbytes() / flambeau::itemsize(tensor.dtype()));
      const Tensor whole(tensor.storage(), tensor.dtype(), {count}, {1});
      storage = whole.to(to_).storage();
      kept_.push_back(tensor.storage());
    }
    Tensor view(storage, to_, tensor.shape(), tensor.strides(), tensor.offset());
    view.set_requires_grad(tensor.requires_grad()).set_neg(tensor.is_neg());
    return view;
  }

 private:
  DType to_;
  std::map<std::pair<const flambeau::Storage*, DType>, std::shared_ptr<flambeau::Storage>> done_{};
  std::vector<std::shared_ptr<flambeau::Storage>> kept_{};  // so that no address is used twice
};

// Every tensor of the graph, each node once.
void for_each_tensor(object::Ref root, const auto& act) {
  std::unordered_set<const object::Node*> seen;
  std::vector<object::Ref> open{root};
  while (!open.empty()) {
    const object::Ref ref = open.back();
    open.pop_back();
    if (!ref.node() || !seen.insert(ref.node()).second) continue;
    if (auto* tensor = object::as<object::TensorNode>(ref)) {
      act(*tensor);
      open.push_back(tensor->attributes);
    } else if (auto* sequence = object::as<object::Sequence>(ref)) {
      open.insert(open.end(), sequence->items.begin(), sequence->items.end());
    } else if (auto* dict = object::as<object::Dict>(ref)) {
      for (const auto& [key, item] : dict->items) open.insert(open.end(), {key, item});
      open.push_back(dict->state);
    } else if (auto* thing = object::as<object::Object>(ref)) {
      open.insert(open.end(), {thing->callable, thing->args, thing->state});
      open.insert(open.end(), thing->list_items.begin(), thing->list_items.end());
      for (const auto& [key, item] : thing->dict_items) open.insert(open.end(), {key, item});
    }
  }
}

StateDict chosen(const Args& args, const StateDict& all, const std::string& file) {
  const auto wanted = args.values("include"), unwanted = args.values("exclude");
  const std::string prefix = args.value_or("strip-prefix", "");
  StateDict result;
  std::vector<std::string> names;
  for (const StateDict::Entry& entry : all) {
    names.push_back(entry.name);
    if ((!wanted.empty() && !matches_any(wanted, entry.name)) || matches_any(unwanted, entry.name)) continue;
    std::string name(stripped(entry.name, prefix));
    if (entry.tensor.defined())
      result.set(std::move(name), entry.tensor, entry.parameter);
    else
      result.set_extra(std::move(name), entry.extra);
  }
  if (result.empty())
    throw flambeau::Error(flambeau::ErrorCode::not_found,
                          "no tensor is left" + (wanted.empty() ? "" : flambeau::did_you_mean(wanted.front(), names)),
                          {.file = file});
  if (all.has_metadata()) {
    std::vector<StateDict::Module> modules;
    for (StateDict::Module module : all.metadata()) {
      // "module." also takes the module of that name itself off, which becomes the root.
      if (module.path + "." == prefix)
        module.path.clear();
      else if (module.path.empty() && !prefix.empty())
        continue;
      else
        module.path = std::string(stripped(module.path, prefix));
      modules.push_back(std::move(module));
    }
    result.set_metadata(std::move(modules));
  }
  return result;
}

}  // namespace

int convert(const Args& args) {
  const std::string &in = args.operands()[0], &out = args.operands()[1];
  SaveOptions options;
  options.format = format_for(args, out);
  std::optional<DType> dtype;
  if (const auto name = args.value("dtype")) {
    dtype = flambeau::dtype_named(*name);
    if (!dtype || flambeau::info(*dtype).kind != flambeau::DTypeClass::floating) {
      std::vector<std::string_view> names;
      for (const auto& row : flambeau::dtypes)
        if (row.kind == flambeau::DTypeClass::floating) names.push_back(row.name);
      throw UsageError("--dtype takes a floating-point dtype, not '" + *name + "'" +
                       flambeau::did_you_mean(*name, names));
    }
  }

  flambeau::Checkpoint checkpoint = open(args, in, flambeau::Read::lazy);
  if (args.has("include") || args.has("exclude") || args.has("strip-prefix")) {
    std::string key;
    const StateDict all = checkpoint.state_dict(key);
    if (!key.empty()) note(args, in + ": took the weights under '" + key + "'");
    checkpoint.root() = chosen(args, all, in).to_value();
  }
  if (dtype) {
    Cast cast(*dtype);
    for_each_tensor(checkpoint.root().ref(), [&](object::TensorNode& node) { node.tensor = cast(node.tensor); });
  }

  {
    const Interruptible interruptible;
    Progress progress(args, "writing " + shown(out));
    options.progress = progress.callback();
    flambeau::save(checkpoint, out, options);
  }
  const std::uint64_t bytes = std::filesystem::file_size(out);
  const std::string_view format = options.format == SaveOptions::Format::zip ? "torch-zip" : "torch-legacy";
  if (args.has("json")) {
    Json json;
    json.object().field("in", in).field("out", out).field("from", checkpoint.container().format);
    print(json.field("to", format).field("bytes", bytes).end().text());
  } else {
    note(args, fmt::format("{}: {}, {}", out, format, human_bytes(bytes)));
  }
  return yes;
}

}  // namespace cli
