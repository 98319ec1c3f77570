#pragma once
/// torch.nn.modules.dropout. Evaluation is the identity; train mode records a mask drawn anew by every run of the
/// graph.

#include <flambeau/nn.h>

namespace flambeau::nn {

struct DropoutOptions {
  bool inplace = false;
};

class DropoutNd : public Module {
 public:
  Number p = 0.5;
  bool inplace = false;

  std::string_view python_module() const override { return "torch.nn.modules.dropout"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  /// `channel_dims`: 0 drops elements, 2 whole channels; -1: train mode is not recorded (Error(unsupported)).
  explicit DropoutNd(int channel_dims) : channel_dims_(channel_dims) {}
  /// Throws Error(invalid_argument) unless 0 <= p <= 1.
  DropoutNd(int channel_dims, Number p, bool inplace);

 private:
  int channel_dims_;
};

class Dropout : public DropoutNd {
 public:
  explicit Dropout(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(0, probability, options.inplace) {}
  explicit Dropout(Blank) : DropoutNd(0) {}
  std::string_view class_name() const override { return "Dropout"; }
};

class Dropout1d : public DropoutNd {
 public:
  explicit Dropout1d(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(2, probability, options.inplace) {}
  explicit Dropout1d(Blank) : DropoutNd(2) {}
  std::string_view class_name() const override { return "Dropout1d"; }
};

class Dropout2d : public DropoutNd {
 public:
  explicit Dropout2d(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(2, probability, options.inplace) {}
  explicit Dropout2d(Blank) : DropoutNd(2) {}
  std::string_view class_name() const override { return "Dropout2d"; }
};

class Dropout3d : public DropoutNd {
 public:
  explicit Dropout3d(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(2, probability, options.inplace) {}
  explicit Dropout3d(Blank) : DropoutNd(2) {}
  std::string_view class_name() const override { return "Dropout3d"; }
};

class AlphaDropout : public DropoutNd {
 public:
  explicit AlphaDropout(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(-1, probability, options.inplace) {}
  explicit AlphaDropout(Blank) : DropoutNd(-1) {}
  std::string_view class_name() const override { return "AlphaDropout"; }
};

class FeatureAlphaDropout : public DropoutNd {
 public:
  explicit FeatureAlphaDropout(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(-1, probability, options.inplace) {}
  explicit FeatureAlphaDropout(Blank) : DropoutNd(-1) {}
  std::string_view class_name() const override { return "FeatureAlphaDropout"; }
};

}  // namespace flambeau::nn
