// Builders as users call them: the models room knows trees, this one also files.

#include <string>
#include <vector>

#include <fmt/format.h>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <flambeau/hub.h>
#include <flambeau/models.h>
#include <flambeau/near.h>

namespace flambeau::models {
namespace {

const Builder& builder_named(std::string_view name) {
  if (const Builder* builder = find(name)) return *builder;
  std::vector<std::string_view> names;
  for (const Builder& builder : builders()) names.push_back(builder.name);
  throw Error(ErrorCode::not_found, fmt::format("unknown model '{}'{}", name, did_you_mean(name, names)));
}

/// torchvision's checks, in its words.
void check(const Weights& given, const Builder& builder, const Options& options) {
  if (given.builder != builder.name) {
    const std::span<const Weights> own = weights_of(builder.name);
    throw Error(ErrorCode::invalid_argument,
                fmt::format("Invalid Weight class provided; expected {} but received {}.",
                            own.empty() ? "none" : own.front().enumeration, given.enumeration));
  }
  constexpr std::int64_t classes = 1000;
  if (given.has_categories() && options.num_classes != classes) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("The parameter 'num_classes' expected value {} but got {} instead.", classes, options.num_classes));
  }
}

/// torchvision's handle_legacy_interface: what `pretrained` stands for, and its two warnings.
std::optional<Weights> replaced_pretrained(const Builder& builder, const Options& options) {
  if (options.weights)
    throw Error(ErrorCode::invalid_argument, fmt::format("{}() got 'weights' and 'pretrained'", builder.name));
  const Weights* first = find_weights(builder.name, "IMAGENET1K_V1");
  if (*options.pretrained && !first)
    throw Error(ErrorCode::invalid_argument, fmt::format("No weights available for model {}", builder.name));
  if (options.warn) {
    const std::string meant = *options.pretrained ? fmt::format("{}.{}", first->enumeration, first->name) : "None";
    options.warn(
        "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, please use 'weights' "
        "instead.");
    std::string text = fmt::format(
        "Arguments other than a weight enum or `None` for 'weights' are deprecated since 0.13 and may be removed in "
        "the "
        "future. The current behavior is equivalent to passing `weights={}`.",
        meant);
    if (*options.pretrained)
      text +=
          fmt::format(" You can also use `weights={}.DEFAULT` to get the most up-to-date weights.", first->enumeration);
    options.warn(text);
  }
  return *options.pretrained ? std::optional(*first) : std::nullopt;
}

/// The published files of GoogLeNet and Inception hold auxiliary heads, which are dropped after loading unless wanted.
void drop_auxiliary_heads(nn::Module& module) {
  for (nn::Module::Child& child : module.children()) {
    if (child.name == "aux1" || child.name == "aux2" || child.name == "AuxLogits") child.module = nullptr;
  }
}

}  // namespace

Model make(std::string_view name, const Options& options) {
  const Builder& builder = builder_named(name);
  if (options.pretrained) {
    Options modern = options;
    modern.weights = replaced_pretrained(builder, options);
    modern.pretrained.reset();
    return make(name, modern);
  }
  if (options.seed) manual_seed(*options.seed);
  if (!options.weights) {
    if (options.initialize) return Model(builder.construct(options));
    const nn::SkipInit skip;
    return Model(builder.construct(options));
  }

  const Weights& published = *options.weights;
  check(published, builder, options);
  Options with_weights = options;
  if (builder.name.starts_with("vit_")) {
    if (options.image_size && *options.image_size != published.crop) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("The parameter 'image_size' expected value {} but got {} instead.", published.crop,
                              *options.image_size));
    }
    with_weights.image_size = published.crop;
  }
  const std::string path = hub::cached_or_fetch(published.url(), published.file_name, published.sha256_prefix());
  const Checkpoint checkpoint = load(path);
  Model model = [&] {
    const nn::SkipInit skip;
    return Model(builder.construct(with_weights));
  }();
  try {
    model.load_state_dict(checkpoint.state_dict());
  } catch (const Error& error) {
    throw error.at({.file = path});
  }
  if (!options.aux_logits.value_or(builder.name == "inception_v3")) drop_auxiliary_heads(model.module());
  return model;
}

}  // namespace flambeau::models
