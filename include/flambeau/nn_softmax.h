#pragma once
/// torch.nn.modules.activation: the softmaxes.

#include <flambeau/nn_activation.h>

namespace flambeau::nn {

/// `dim` None: 0 for 0, 1 and 3 dimensions, else 1.
class SoftmaxBase : public ActivationBase {
 public:
  std::optional<std::int64_t> dim{};
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit SoftmaxBase(std::optional<std::int64_t> dimension = {}) : dim(dimension) {}
  std::int64_t dim_of(Var x) const;
};

class Softmax : public SoftmaxBase {
 public:
  explicit Softmax(std::optional<std::int64_t> dimension = {}) : SoftmaxBase(dimension) {}
  explicit Softmax(Blank) {}
  std::string_view class_name() const override { return "Softmax"; }
  Var forward(Var x) override;
};

class LogSoftmax : public SoftmaxBase {
 public:
  explicit LogSoftmax(std::optional<std::int64_t> dimension = {}) : SoftmaxBase(dimension) {}
  explicit LogSoftmax(Blank) {}
  std::string_view class_name() const override { return "LogSoftmax"; }
  Var forward(Var x) override;
};

class Softmin : public SoftmaxBase {
 public:
  explicit Softmin(std::optional<std::int64_t> dimension = {}) : SoftmaxBase(dimension) {}
  explicit Softmin(Blank) {}
  std::string_view class_name() const override { return "Softmin"; }
  Var forward(Var x) override;
};

/// Over the channels of (N, C, H, W) or (C, H, W).
class Softmax2d : public ActivationBase {
 public:
  Softmax2d() = default;
  explicit Softmax2d(Blank) {}
  std::string_view class_name() const override { return "Softmax2d"; }
  Var forward(Var x) override;
};

}  // namespace flambeau::nn
