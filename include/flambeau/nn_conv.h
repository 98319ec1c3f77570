#pragma once
/// torch.nn.modules.conv. Images are (N, C, H, W); unbatched (C, H, W) works as in Python.
/// weight: (out, in / groups, k…), transposed (in, out / groups, k…); bias: (out). Both kaiming_uniform(√5) and
/// ±1/√fan_in.

#include <flambeau/nn.h>

namespace flambeau::nn {

struct ConvOptions {
  Size stride = 1;
  Padding padding = 0;  ///< numbers, "same" or "valid"
  Size dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  std::string padding_mode = "zeros";  ///< "zeros", "reflect", "replicate", "circular"
};
using Conv1dOptions = ConvOptions;
using Conv2dOptions = ConvOptions;
using Conv3dOptions = ConvOptions;

struct ConvTransposeOptions {
  Size stride = 1;
  Size padding = 0;
  Size output_padding = 0;
  std::int64_t groups = 1;
  bool bias = true;
  Size dilation = 1;
};

/// What all convolutions share; sizes are tuples of one value per spatial dimension.
class ConvNd : public Module {
 public:
  std::int64_t in_channels = 0, out_channels = 0;
  Size kernel_size = 1, stride = 1;
  Padding padding = 0;
  Size dilation = 1;
  bool transposed = false;
  Size output_padding = 0;
  std::int64_t groups = 1;
  std::string padding_mode = "zeros";

  /// Undefined without bias.
  Tensor& weight() { return parameter("weight"); }
  Tensor& bias() { return parameter("bias"); }

  std::string_view python_module() const override { return "torch.nn.modules.conv"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit ConvNd(std::size_t dims) : dims_(dims) {}
  ConvNd(std::size_t dims, std::int64_t in, std::int64_t out, const Size& kernel, const ConvOptions& options);
  ConvNd(std::size_t dims, std::int64_t in, std::int64_t out, const Size& kernel, const ConvTransposeOptions& options);

 private:
  void make_parameters(bool with_bias);
  Size reversed_padding() const;
  std::size_t dims_;
};

class Conv1d : public ConvNd {
 public:
  Conv1d(std::int64_t in, std::int64_t out, Size1 kernel, const Conv1dOptions& options = {})
      : ConvNd(1, in, out, kernel, options) {}
  explicit Conv1d(Blank) : ConvNd(1) {}
  std::string_view class_name() const override { return "Conv1d"; }
};

class Conv2d : public ConvNd {
 public:
  Conv2d(std::int64_t in, std::int64_t out, Size2 kernel, const Conv2dOptions& options = {})
      : ConvNd(2, in, out, kernel, options) {}
  explicit Conv2d(Blank) : ConvNd(2) {}
  std::string_view class_name() const override { return "Conv2d"; }
};

class Conv3d : public ConvNd {
 public:
  Conv3d(std::int64_t in, std::int64_t out, Size3 kernel, const Conv3dOptions& options = {})
      : ConvNd(3, in, out, kernel, options) {}
  explicit Conv3d(Blank) : ConvNd(3) {}
  std::string_view class_name() const override { return "Conv3d"; }
};

class ConvTranspose1d : public ConvNd {
 public:
  ConvTranspose1d(std::int64_t in, std::int64_t out, Size1 kernel, const ConvTransposeOptions& options = {})
      : ConvNd(1, in, out, kernel, options) {}
  explicit ConvTranspose1d(Blank) : ConvNd(1) {}
  std::string_view class_name() const override { return "ConvTranspose1d"; }
};

class ConvTranspose2d : public ConvNd {
 public:
  ConvTranspose2d(std::int64_t in, std::int64_t out, Size2 kernel, const ConvTransposeOptions& options = {})
      : ConvNd(2, in, out, kernel, options) {}
  explicit ConvTranspose2d(Blank) : ConvNd(2) {}
  std::string_view class_name() const override { return "ConvTranspose2d"; }
};

class ConvTranspose3d : public ConvNd {
 public:
  ConvTranspose3d(std::int64_t in, std::int64_t out, Size3 kernel, const ConvTransposeOptions& options = {})
      : ConvNd(3, in, out, kernel, options) {}
  explicit ConvTranspose3d(Blank) : ConvNd(3) {}
  std::string_view class_name() const override { return "ConvTranspose3d"; }
};

}  // namespace flambeau::nn
