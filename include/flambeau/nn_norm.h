#pragma once
/// torch.nn.modules.batchnorm, instancenorm and normalization. Weights start as ones, biases as zeros; nothing is
/// drawn.

#include <flambeau/nn.h>

namespace flambeau::nn {

struct BatchNormOptions {
  Number eps = 1e-5;
  std::optional<Number> momentum = 0.1;  ///< nullopt (None): cumulative average
  bool affine = true;
  bool track_running_stats = true;
  bool bias = true;  ///< false: weight without bias
};
using BatchNorm1dOptions = BatchNormOptions;
using BatchNorm2dOptions = BatchNormOptions;
using BatchNorm3dOptions = BatchNormOptions;

/// BatchNorm and InstanceNorm: parameters weight, bias; buffers running_mean, running_var, num_batches_tracked (int64,
/// ()). Absent ones (affine, track_running_stats off) are None, as in Python.
class NormBase : public Module {
 public:
  std::int64_t num_features = 0;
  Number eps = 1e-5;
  std::optional<Number> momentum = 0.1;
  bool affine = true, track_running_stats = true;

  Tensor& weight() { return parameter("weight"); }
  Tensor& bias() { return parameter("bias"); }

  std::int64_t version() const override { return 2; }
  void upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t> version) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit NormBase(Blank) {}
  NormBase(std::int64_t num_features, const BatchNormOptions& options);
};

class BatchNormNd : public NormBase {
 public:
  std::string_view python_module() const override { return "torch.nn.modules.batchnorm"; }
  /// Train mode (or without running statistics): the batch's statistics; running ones are updated when the graph runs.
  Var forward(Var x) override;
  void ran_in_train_mode(const graph::Graph& graph) override;

 protected:
  using NormBase::NormBase;
  /// How many dimensions the input may have.
  virtual std::pair<std::int64_t, std::int64_t> dims() const = 0;

 private:
  /// How many of the graph's nodes update this module's statistics.
  std::int64_t calls(const graph::Graph& graph) const;
};

class BatchNorm1d : public BatchNormNd {
 public:
  explicit BatchNorm1d(std::int64_t features, const BatchNorm1dOptions& options = {})
      : BatchNormNd(features, options) {}
  explicit BatchNorm1d(Blank blank) : BatchNormNd(blank) {}
  std::string_view class_name() const override { return "BatchNorm1d"; }

 protected:
  std::pair<std::int64_t, std::int64_t> dims() const override { return {2, 3}; }
};

class BatchNorm2d : public BatchNormNd {
 public:
  explicit BatchNorm2d(std::int64_t features, const BatchNorm2dOptions& options = {})
      : BatchNormNd(features, options) {}
  explicit BatchNorm2d(Blank blank) : BatchNormNd(blank) {}
  std::string_view class_name() const override { return "BatchNorm2d"; }

 protected:
  std::pair<std::int64_t, std::int64_t> dims() const override { return {4, 4}; }
};

class BatchNorm3d : public BatchNormNd {
 public:
  explicit BatchNorm3d(std::int64_t features, const BatchNorm3dOptions& options = {})
      : BatchNormNd(features, options) {}
  explicit BatchNorm3d(Blank blank) : BatchNormNd(blank) {}
  std::string_view class_name() const override { return "BatchNorm3d"; }

 protected:
  std::pair<std::int64_t, std::int64_t> dims() const override { return {5, 5}; }
};

/// In one process: BatchNorm. `process_group` stays None.
class SyncBatchNorm : public BatchNormNd {
 public:
  explicit SyncBatchNorm(std::int64_t features, const BatchNormOptions& options = {})
      : BatchNormNd(features, options) {}
  explicit SyncBatchNorm(Blank blank) : BatchNormNd(blank) {}
  std::string_view class_name() const override { return "SyncBatchNorm"; }
  void fields(Fields& fields) override;

 protected:
  std::pair<std::int64_t, std::int64_t> dims() const override { return {2, 5}; }

 private:
  Value process_group_{};
};

struct InstanceNormOptions {
  Number eps = 1e-5;
  std::optional<Number> momentum = 0.1;
  bool affine = false;
  bool track_running_stats = false;
  bool bias = true;  ///< false: weight without bias
};

class InstanceNormNd : public NormBase {
 public:
  std::string_view python_module() const override { return "torch.nn.modules.instancenorm"; }
  Var forward(Var x) override;
  void ran_in_train_mode(const graph::Graph& graph) override;
  void upgrade(StateDict& state_dict, const std::string& prefix, std::optional<std::int64_t> version) override;

 protected:
  InstanceNormNd(std::size_t dims, Blank blank) : NormBase(blank), dims_(dims) { affine = track_running_stats = false; }
  InstanceNormNd(std::size_t dims, std::int64_t features, const InstanceNormOptions& o)
      : NormBase(features, {o.eps, o.momentum, o.affine, o.track_running_stats, o.bias}), dims_(dims) {}

 private:
  Var normalize_each(Var x);
  std::size_t dims_;
  Tensor each_mean_{}, each_variance_{};  // of the run that was recorded last, item by item
};

class InstanceNorm1d : public InstanceNormNd {
 public:
  explicit InstanceNorm1d(std::int64_t features, const InstanceNormOptions& options = {})
      : InstanceNormNd(1, features, options) {}
  explicit InstanceNorm1d(Blank blank) : InstanceNormNd(1, blank) {}
  std::string_view class_name() const override { return "InstanceNorm1d"; }
};

class InstanceNorm2d : public InstanceNormNd {
 public:
  explicit InstanceNorm2d(std::int64_t features, const InstanceNormOptions& options = {})
      : InstanceNormNd(2, features, options) {}
  explicit InstanceNorm2d(Blank blank) : InstanceNormNd(2, blank) {}
  std::string_view class_name() const override { return "InstanceNorm2d"; }
};

class InstanceNorm3d : public InstanceNormNd {
 public:
  explicit InstanceNorm3d(std::int64_t features, const InstanceNormOptions& options = {})
      : InstanceNormNd(3, features, options) {}
  explicit InstanceNorm3d(Blank blank) : InstanceNormNd(3, blank) {}
  std::string_view class_name() const override { return "InstanceNorm3d"; }
};

struct LayerNormOptions {
  Number eps = 1e-5;
  bool elementwise_affine = true;
  bool bias = true;
};

/// Over the last dimensions. `normalized_shape`: an int or a tuple (stored as a tuple).
class LayerNorm : public Module {
 public:
  explicit LayerNorm(const Size& normalized_shape, const LayerNormOptions& options = {});
  explicit LayerNorm(Blank) {}

  Size normalized_shape = {1};
  Number eps = 1e-5;
  bool elementwise_affine = true;

  std::string_view python_module() const override { return "torch.nn.modules.normalization"; }
  std::string_view class_name() const override { return "LayerNorm"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

struct RMSNormOptions {
  std::optional<Number> eps{};  ///< None: the dtype's epsilon
  bool elementwise_affine = true;
};

class RMSNorm : public Module {
 public:
  explicit RMSNorm(const Size& normalized_shape, const RMSNormOptions& options = {});
  explicit RMSNorm(Blank) {}

  Size normalized_shape = {1};
  std::optional<Number> eps{};
  bool elementwise_affine = true;

  std::string_view python_module() const override { return "torch.nn.modules.normalization"; }
  std::string_view class_name() const override { return "RMSNorm"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

struct GroupNormOptions {
  Number eps = 1e-5;
  bool affine = true;
  bool bias = true;  ///< false: weight without bias
};

class GroupNorm : public Module {
 public:
  GroupNorm(std::int64_t num_groups, std::int64_t num_channels, const GroupNormOptions& options = {});
  explicit GroupNorm(Blank) {}

  std::int64_t num_groups = 1, num_channels = 1;
  Number eps = 1e-5;
  bool affine = true;

  std::string_view python_module() const override { return "torch.nn.modules.normalization"; }
  std::string_view class_name() const override { return "GroupNorm"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

struct LocalResponseNormOptions {
  Number alpha = 1e-4, beta = 0.75, k = 1.0;
};

/// Across channels.
class LocalResponseNorm : public Module {
 public:
  explicit LocalResponseNorm(std::int64_t neighbours, const LocalResponseNormOptions& options = {})
      : size(neighbours), alpha(options.alpha), beta(options.beta), k(options.k) {}
  explicit LocalResponseNorm(Blank) {}

  std::int64_t size = 1;
  Number alpha = 1e-4, beta = 0.75, k = 1.0;

  std::string_view python_module() const override { return "torch.nn.modules.normalization"; }
  std::string_view class_name() const override { return "LocalResponseNorm"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// The legacy layer, for 4D inputs; `k` is an int by default. Unlike LocalResponseNorm's, its sums always hold channel
/// 0's square, as in torch.
class CrossMapLRN2d : public LocalResponseNorm {
 public:
  explicit CrossMapLRN2d(std::int64_t neighbours, const LocalResponseNormOptions& options = {1e-4, 0.75, 1})
      : LocalResponseNorm(neighbours, options) {}
  explicit CrossMapLRN2d(Blank blank) : LocalResponseNorm(blank) {}
  std::string_view class_name() const override { return "CrossMapLRN2d"; }
  Var forward(Var x) override;
};

}  // namespace flambeau::nn
