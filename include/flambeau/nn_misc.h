#pragma once
/// torch.nn's other modules: upsampling, pixel shuffles, folds, rare pools, AdaptiveLogSoftmaxWithLoss, DataParallel,
/// AveragedModel, and UnknownModule for classes that Flambeau does not know.

#include <flambeau/nn_container.h>
#include <flambeau/nn_linear.h>
#include <flambeau/nn_loss.h>

namespace flambeau::nn {

struct UpsampleOptions {
  std::optional<Size> size{};
  std::optional<Floats> scale_factor{};
  std::string mode = "nearest";  ///< or linear, bilinear, bicubic, trilinear, nearest-exact, area
  std::optional<bool> align_corners{};
};

/// Resizes the spatial dimensions to `size` or by `scale_factor`, rounded down. forward takes factors that differ
/// only where they make whole sizes.
class Upsample : public Module {
 public:
  explicit Upsample(const UpsampleOptions& options);
  explicit Upsample(Blank) {}

  std::optional<Size> size{};
  std::optional<Floats> scale_factor{};
  std::string mode = "nearest";
  std::optional<bool> align_corners{};
  std::optional<bool> recompute_scale_factor{};

  std::string_view python_module() const override { return "torch.nn.modules.upsampling"; }
  std::string_view class_name() const override { return "Upsample"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// size or scale_factor, mode "nearest".
class UpsamplingNearest2d : public Upsample {
 public:
  explicit UpsamplingNearest2d(std::optional<Size> out, std::optional<Floats> factor = {})
      : Upsample({std::move(out), std::move(factor), "nearest", {}}) {}
  explicit UpsamplingNearest2d(Blank blank) : Upsample(blank) {}
  std::string_view class_name() const override { return "UpsamplingNearest2d"; }
};

/// size or scale_factor, mode "bilinear" with aligned corners.
class UpsamplingBilinear2d : public Upsample {
 public:
  explicit UpsamplingBilinear2d(std::optional<Size> out, std::optional<Floats> factor = {})
      : Upsample({std::move(out), std::move(factor), "bilinear", true}) {}
  explicit UpsamplingBilinear2d(Blank blank) : Upsample(blank) {}
  std::string_view class_name() const override { return "UpsamplingBilinear2d"; }
};

/// (…, C·r², H, W) → (…, C, H·r, W·r).
class PixelShuffle : public Module {
 public:
  explicit PixelShuffle(std::int64_t factor) : upscale_factor(factor) {}
  explicit PixelShuffle(Blank) {}

  std::int64_t upscale_factor = 1;

  std::string_view python_module() const override { return "torch.nn.modules.pixelshuffle"; }
  std::string_view class_name() const override { return "PixelShuffle"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// (…, C, H·r, W·r) → (…, C·r², H, W).
class PixelUnshuffle : public Module {
 public:
  explicit PixelUnshuffle(std::int64_t factor) : downscale_factor(factor) {}
  explicit PixelUnshuffle(Blank) {}

  std::int64_t downscale_factor = 1;

  std::string_view python_module() const override { return "torch.nn.modules.pixelshuffle"; }
  std::string_view class_name() const override { return "PixelUnshuffle"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// (N, C, …): channels g·c + k become c·groups + g.
class ChannelShuffle : public Module {
 public:
  explicit ChannelShuffle(std::int64_t count) : groups(count) {}
  explicit ChannelShuffle(Blank) {}

  std::int64_t groups = 1;

  std::string_view python_module() const override { return "torch.nn.modules.channelshuffle"; }
  std::string_view class_name() const override { return "ChannelShuffle"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

struct UnfoldOptions {
  Size dilation = 1, padding = 0, stride = 1;
};

/// Windows of an image as columns.
class Unfold : public Module {
 public:
  explicit Unfold(Size kernel, const UnfoldOptions& options = {})
      : kernel_size(std::move(kernel)), dilation(options.dilation), padding(options.padding), stride(options.stride) {}
  explicit Unfold(Blank) {}

  Size kernel_size = 1, dilation = 1, padding = 0, stride = 1;

  std::string_view python_module() const override { return "torch.nn.modules.fold"; }
  std::string_view class_name() const override { return "Unfold"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  Var windows(Var x, std::int64_t channels) const;
};

/// The sum of overlapping windows.
class Fold : public Unfold {
 public:
  Fold(Size out, Size kernel, const UnfoldOptions& options = {})
      : Unfold(std::move(kernel), options), output_size(std::move(out)) {}
  explicit Fold(Blank blank) : Unfold(blank) {}

  Size output_size = 1;

  std::string_view class_name() const override { return "Fold"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// In an eager model `device_ids` is empty without GPUs; forward is the child's.
class DataParallel : public Module {
 public:
  explicit DataParallel(ModulePtr module) { register_module("module", std::move(module)); }
  explicit DataParallel(Blank) {}
  std::string_view python_module() const override { return "torch.nn.parallel.data_parallel"; }
  std::string_view class_name() const override { return "DataParallel"; }
  Var forward(Var x) override { return call("module", x); }
  void fields(Fields& fields) override;

 private:
  std::int64_t dim_ = 0;
  bool has_dim_ = false;  // with GPUs
  std::vector<std::int64_t> device_ids_{};
};

/// torch.optim.swa_utils: holds the average of a model's weights, without adding to it; forward is the child's.
class AveragedModel : public Module {
 public:
  explicit AveragedModel(ModulePtr module);
  explicit AveragedModel(Blank) {}

  Value avg_fn{}, multi_avg_fn{};
  bool use_buffers = false;

  std::string_view python_module() const override { return "torch.optim.swa_utils"; }
  std::string_view class_name() const override { return "AveragedModel"; }
  Var forward(Var x) override { return call("module", x); }
  void fields(Fields& fields) override;
};

struct AdaptiveLogSoftmaxOptions {
  Number div_value = 4.0;
  bool head_bias = false;
};

/// Children head (Linear) and tail (ModuleList of projections); carried, not computed.
class AdaptiveLogSoftmaxWithLoss : public Module {
 public:
  /// Throws Error(invalid_argument) unless `limits` rises from 1 to n - 1.
  AdaptiveLogSoftmaxWithLoss(std::int64_t in, std::int64_t n, std::vector<std::int64_t> limits,
                             const AdaptiveLogSoftmaxOptions& options = {});
  explicit AdaptiveLogSoftmaxWithLoss(Blank) {}

  std::int64_t in_features = 0, n_classes = 0;
  std::vector<std::int64_t> cutoffs{};
  Number div_value = 4.0;
  bool head_bias = false;
  std::int64_t shortlist_size = 0, n_clusters = 0, head_size = 0;

  std::string_view python_module() const override { return "torch.nn.modules.adaptive"; }
  std::string_view class_name() const override { return "AdaptiveLogSoftmaxWithLoss"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
};

struct LinearCrossEntropyLossOptions {
  Shape out_features{};
  bool bias = false;
  Tensor weight{};
  std::string reduction = "mean";
  std::optional<std::int64_t> ignore_index{};
  Number label_smoothing = 0.0;
};

/// CrossEntropyLoss of a Linear (child linear, in → classes · prod(out_features)); carried, not computed. torch 2.13.
class LinearCrossEntropyLoss : public WeightedLoss {
 public:
  LinearCrossEntropyLoss(std::int64_t in, std::int64_t classes, const LinearCrossEntropyLossOptions& options = {});
  explicit LinearCrossEntropyLoss(Blank) {}

  std::int64_t num_classes = 0;
  Size out_features{Shape{}};
  std::optional<std::int64_t> ignore_index{};
  Number label_smoothing = 0.0;
  Value options{};  ///< None, or how the work is cut into chunks

  std::string_view class_name() const override { return "LinearCrossEntropyLoss"; }
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// A pickled module whose class is not known here: tensors, children and attributes are kept and written back, its tree
/// prints with Python's class names (without extra_repr), state_dict and load_state_dict work. forward throws
/// Error(unsupported): the code of a class is not in the file.
class UnknownModule : public Module {
 public:
  /// `reason`: why a known class, of that version, could not be made; else empty.
  UnknownModule(std::string python_module, std::string class_name, std::string reason = {}, std::int64_t version = 1)
      : python_module_(std::move(python_module)),
        class_name_(std::move(class_name)),
        reason_(std::move(reason)),
        version_(version) {}
  std::string_view python_module() const override { return python_module_; }
  std::string_view class_name() const override { return class_name_; }
  std::int64_t version() const override { return version_; }
  Var forward(Var x) override;

 private:
  std::string python_module_, class_name_, reason_;
  std::int64_t version_;
};

}  // namespace flambeau::nn
