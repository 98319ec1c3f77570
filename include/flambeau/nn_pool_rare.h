#pragma once
/// torch.nn.modules.pooling: the rare ones. LPPool is computed, the others are carried only.

#include <flambeau/nn_pool.h>

namespace flambeau::nn {

struct LPPoolOptions {
  std::optional<Size> stride{};  ///< None (the kernel's size) is kept as None
  bool ceil_mode = false;
};

class LPPoolNd : public PoolBase {
 public:
  Number norm_type = 2;
  Size kernel_size = 1;
  std::optional<Size> stride{};
  bool ceil_mode = false;

  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit LPPoolNd(std::size_t dims) : dims_(dims) {}
  LPPoolNd(std::size_t dims, Number norm, const Size& kernel, const LPPoolOptions& options)
      : norm_type(norm), kernel_size(kernel), stride(options.stride), ceil_mode(options.ceil_mode), dims_(dims) {}

 private:
  std::size_t dims_;
};

class LPPool1d : public LPPoolNd {
 public:
  LPPool1d(Number norm, const Size& kernel, const LPPoolOptions& options = {}) : LPPoolNd(1, norm, kernel, options) {}
  explicit LPPool1d(Blank) : LPPoolNd(1) {}
  std::string_view class_name() const override { return "LPPool1d"; }
};

class LPPool2d : public LPPoolNd {
 public:
  LPPool2d(Number norm, const Size& kernel, const LPPoolOptions& options = {}) : LPPoolNd(2, norm, kernel, options) {}
  explicit LPPool2d(Blank) : LPPoolNd(2) {}
  std::string_view class_name() const override { return "LPPool2d"; }
};

class LPPool3d : public LPPoolNd {
 public:
  LPPool3d(Number norm, const Size& kernel, const LPPoolOptions& options = {}) : LPPoolNd(3, norm, kernel, options) {}
  explicit LPPool3d(Blank) : LPPoolNd(3) {}
  std::string_view class_name() const override { return "LPPool3d"; }
};

struct MaxUnpoolOptions {
  std::optional<Size> stride{};
  Size padding = 0;
};

class MaxUnpoolNd : public PoolBase {
 public:
  Size kernel_size = 1, stride = 1, padding = 0;
  Var forward(Var x) override;  // throws: it takes two inputs
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  MaxUnpoolNd() = default;
  MaxUnpoolNd(std::size_t dims, const Size& kernel, const MaxUnpoolOptions& options);
};

class MaxUnpool1d : public MaxUnpoolNd {
 public:
  explicit MaxUnpool1d(const Size& kernel, const MaxUnpoolOptions& options = {}) : MaxUnpoolNd(1, kernel, options) {}
  explicit MaxUnpool1d(Blank) {}
  std::string_view class_name() const override { return "MaxUnpool1d"; }
};

class MaxUnpool2d : public MaxUnpoolNd {
 public:
  explicit MaxUnpool2d(const Size& kernel, const MaxUnpoolOptions& options = {}) : MaxUnpoolNd(2, kernel, options) {}
  explicit MaxUnpool2d(Blank) {}
  std::string_view class_name() const override { return "MaxUnpool2d"; }
};

class MaxUnpool3d : public MaxUnpoolNd {
 public:
  explicit MaxUnpool3d(const Size& kernel, const MaxUnpoolOptions& options = {}) : MaxUnpoolNd(3, kernel, options) {}
  explicit MaxUnpool3d(Blank) {}
  std::string_view class_name() const override { return "MaxUnpool3d"; }
};

struct FractionalMaxPoolOptions {
  std::optional<Size> output_size{};  ///< one of these two
  std::optional<Floats> output_ratio{};
  bool return_indices = false;
};

/// Buffer _random_samples is None.
class FractionalMaxPoolNd : public PoolBase {
 public:
  Size kernel_size = 1;
  bool return_indices = false;
  std::optional<Size> output_size{};
  std::optional<Floats> output_ratio{};
  Var forward(Var x) override;
  void fields(Fields& fields) override;

 protected:
  FractionalMaxPoolNd() = default;
  FractionalMaxPoolNd(std::size_t dims, const Size& kernel, const FractionalMaxPoolOptions& options);
};

class FractionalMaxPool2d : public FractionalMaxPoolNd {
 public:
  FractionalMaxPool2d(const Size& kernel, const FractionalMaxPoolOptions& options)
      : FractionalMaxPoolNd(2, kernel, options) {}
  explicit FractionalMaxPool2d(Blank) {}
  std::string_view class_name() const override { return "FractionalMaxPool2d"; }
};

class FractionalMaxPool3d : public FractionalMaxPoolNd {
 public:
  FractionalMaxPool3d(const Size& kernel, const FractionalMaxPoolOptions& options)
      : FractionalMaxPoolNd(3, kernel, options) {}
  explicit FractionalMaxPool3d(Blank) {}
  std::string_view class_name() const override { return "FractionalMaxPool3d"; }
};

}  // namespace flambeau::nn
