#pragma once
/// torch.nn.modules.pooling. Sizes stand as given (an int or a tuple), as Python keeps them; `stride` defaults to the
/// kernel.

#include <flambeau/nn.h>

namespace flambeau::nn {

struct MaxPoolOptions {
  std::optional<Size> stride{};
  Size padding = 0, dilation = 1;
  bool return_indices = false;  ///< forward gives the values only when off, and throws Error(unsupported) when on
  bool ceil_mode = false;
};
using MaxPool1dOptions = MaxPoolOptions;
using MaxPool2dOptions = MaxPoolOptions;
using MaxPool3dOptions = MaxPoolOptions;

class PoolBase : public Module {
 public:
  std::string_view python_module() const override { return "torch.nn.modules.pooling"; }

 protected:
  PoolBase() = default;
};

class MaxPoolNd : public PoolBase {
 public:
  Size kernel_size = 1, stride = 1, padding = 0, dilation = 1;
  bool return_indices = false, ceil_mode = false;

  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit MaxPoolNd(std::size_t dims) : dims_(dims) {}
  MaxPoolNd(std::size_t dims, const Size& kernel, const MaxPoolOptions& o)
      : kernel_size(kernel),
        stride(o.stride.value_or(kernel)),
        padding(o.padding),
        dilation(o.dilation),
        return_indices(o.return_indices),
        ceil_mode(o.ceil_mode),
        dims_(dims) {}

 private:
  std::size_t dims_;
};

struct AvgPool1dOptions {
  std::optional<Size> stride{};
  Size padding = 0;
  bool ceil_mode = false, count_include_pad = true;
};
struct AvgPoolOptions {
  std::optional<Size> stride{};
  Size padding = 0;
  bool ceil_mode = false, count_include_pad = true;
  std::optional<std::int64_t> divisor_override{};
};
using AvgPool2dOptions = AvgPoolOptions;
using AvgPool3dOptions = AvgPoolOptions;

class AvgPoolNd : public PoolBase {
 public:
  Size kernel_size = 1, stride = 1, padding = 0;
  bool ceil_mode = false, count_include_pad = true;
  std::optional<std::int64_t> divisor_override{};  // 2d and 3d

  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit AvgPoolNd(std::size_t dims) : dims_(dims) {}
  AvgPoolNd(std::size_t dims, const Size& kernel, const AvgPoolOptions& o)
      : kernel_size(kernel),
        stride(o.stride.value_or(kernel)),
        padding(o.padding),
        ceil_mode(o.ceil_mode),
        count_include_pad(o.count_include_pad),
        divisor_override(o.divisor_override),
        dims_(dims) {}

 private:
  std::size_t dims_;
};

/// `output_size`: an int or a tuple; nn::none keeps a dimension.
class AdaptivePoolNd : public PoolBase {
 public:
  Size output_size = 1;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit AdaptivePoolNd(std::size_t dims) : dims_(dims) {}
  AdaptivePoolNd(std::size_t dims, Size output) : output_size(std::move(output)), dims_(dims) {}
  Shape target() const;
  std::size_t dims_;
};

class AdaptiveAvgPoolNd : public AdaptivePoolNd {
 public:
  Var forward(Var x) override;

 protected:
  using AdaptivePoolNd::AdaptivePoolNd;
};

class AdaptiveMaxPoolNd : public AdaptivePoolNd {
 public:
  bool return_indices = false;
  Var forward(Var x) override;
  void fields(Fields& fields) override;

 protected:
  explicit AdaptiveMaxPoolNd(std::size_t dims) : AdaptivePoolNd(dims) {}
  AdaptiveMaxPoolNd(std::size_t dims, Size output, bool indices)
      : AdaptivePoolNd(dims, std::move(output)), return_indices(indices) {}
};

class MaxPool1d : public MaxPoolNd {
 public:
  explicit MaxPool1d(const Size& kernel, const MaxPool1dOptions& options = {}) : MaxPoolNd(1, kernel, options) {}
  explicit MaxPool1d(Blank) : MaxPoolNd(1) {}
  std::string_view class_name() const override { return "MaxPool1d"; }
};

class MaxPool2d : public MaxPoolNd {
 public:
  explicit MaxPool2d(const Size& kernel, const MaxPool2dOptions& options = {}) : MaxPoolNd(2, kernel, options) {}
  explicit MaxPool2d(Blank) : MaxPoolNd(2) {}
  std::string_view class_name() const override { return "MaxPool2d"; }
};

class MaxPool3d : public MaxPoolNd {
 public:
  explicit MaxPool3d(const Size& kernel, const MaxPool3dOptions& options = {}) : MaxPoolNd(3, kernel, options) {}
  explicit MaxPool3d(Blank) : MaxPoolNd(3) {}
  std::string_view class_name() const override { return "MaxPool3d"; }
};

/// Stores 1-tuples, unlike its siblings.
class AvgPool1d : public AvgPoolNd {
 public:
  explicit AvgPool1d(const Size& kernel_size, const AvgPool1dOptions& options = {});
  explicit AvgPool1d(Blank) : AvgPoolNd(1) {}
  std::string_view class_name() const override { return "AvgPool1d"; }
};

class AvgPool2d : public AvgPoolNd {
 public:
  explicit AvgPool2d(const Size& kernel, const AvgPool2dOptions& options = {}) : AvgPoolNd(2, kernel, options) {}
  explicit AvgPool2d(Blank) : AvgPoolNd(2) {}
  std::string_view class_name() const override { return "AvgPool2d"; }
};

class AvgPool3d : public AvgPoolNd {
 public:
  explicit AvgPool3d(const Size& kernel, const AvgPool3dOptions& options = {}) : AvgPoolNd(3, kernel, options) {}
  explicit AvgPool3d(Blank) : AvgPoolNd(3) {}
  std::string_view class_name() const override { return "AvgPool3d"; }
};

class AdaptiveAvgPool1d : public AdaptiveAvgPoolNd {
 public:
  explicit AdaptiveAvgPool1d(Size output) : AdaptiveAvgPoolNd(1, std::move(output)) {}
  explicit AdaptiveAvgPool1d(Blank) : AdaptiveAvgPoolNd(1) {}
  std::string_view class_name() const override { return "AdaptiveAvgPool1d"; }
};

class AdaptiveAvgPool2d : public AdaptiveAvgPoolNd {
 public:
  explicit AdaptiveAvgPool2d(Size output) : AdaptiveAvgPoolNd(2, std::move(output)) {}
  explicit AdaptiveAvgPool2d(Blank) : AdaptiveAvgPoolNd(2) {}
  std::string_view class_name() const override { return "AdaptiveAvgPool2d"; }
};

class AdaptiveAvgPool3d : public AdaptiveAvgPoolNd {
 public:
  explicit AdaptiveAvgPool3d(Size output) : AdaptiveAvgPoolNd(3, std::move(output)) {}
  explicit AdaptiveAvgPool3d(Blank) : AdaptiveAvgPoolNd(3) {}
  std::string_view class_name() const override { return "AdaptiveAvgPool3d"; }
};

class AdaptiveMaxPool1d : public AdaptiveMaxPoolNd {
 public:
  explicit AdaptiveMaxPool1d(Size output, bool indices = false) : AdaptiveMaxPoolNd(1, std::move(output), indices) {}
  explicit AdaptiveMaxPool1d(Blank) : AdaptiveMaxPoolNd(1) {}
  std::string_view class_name() const override { return "AdaptiveMaxPool1d"; }
};

class AdaptiveMaxPool2d : public AdaptiveMaxPoolNd {
 public:
  explicit AdaptiveMaxPool2d(Size output, bool indices = false) : AdaptiveMaxPoolNd(2, std::move(output), indices) {}
  explicit AdaptiveMaxPool2d(Blank) : AdaptiveMaxPoolNd(2) {}
  std::string_view class_name() const override { return "AdaptiveMaxPool2d"; }
};

class AdaptiveMaxPool3d : public AdaptiveMaxPoolNd {
 public:
  explicit AdaptiveMaxPool3d(Size output, bool indices = false) : AdaptiveMaxPoolNd(3, std::move(output), indices) {}
  explicit AdaptiveMaxPool3d(Blank) : AdaptiveMaxPoolNd(3) {}
  std::string_view class_name() const override { return "AdaptiveMaxPool3d"; }
};

}  // namespace flambeau::nn
