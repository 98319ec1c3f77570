#pragma once
/// torch.nn.modules.dropout. Evaluation is the identity. Train mode draws its mask from the default generator when the
/// pass is recorded: after manual_seed it is torch's own mask, bit for bit (for inputs that are contiguous there).

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
  /// What shares a draw (a channel is what stands below the first two dimensions), and whether what is dropped becomes
  /// 0 or SELU's negative saturation.
  enum class Kind : std::uint8_t { element, channel, alpha, channel_alpha };
  explicit DropoutNd(Kind kind, std::int64_t unbatched = -1) : kind_(kind), unbatched_(unbatched) {}
  /// `unbatched`: inputs of so many dimensions are one item without a batch. Throws Error(invalid_argument) unless
  /// 0 <= p <= 1.
  DropoutNd(Kind kind, Number p, bool inplace, std::int64_t unbatched = -1);

 private:
  Kind kind_;
  std::int64_t unbatched_;
};

class Dropout : public DropoutNd {
 public:
  explicit Dropout(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(Kind::element, probability, options.inplace) {}
  explicit Dropout(Blank) : DropoutNd(Kind::element) {}
  std::string_view class_name() const override { return "Dropout"; }
};

class Dropout1d : public DropoutNd {
 public:
  explicit Dropout1d(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(Kind::channel, probability, options.inplace, 2) {}
  explicit Dropout1d(Blank) : DropoutNd(Kind::channel, 2) {}
  std::string_view class_name() const override { return "Dropout1d"; }
};

class Dropout2d : public DropoutNd {
 public:
  explicit Dropout2d(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(Kind::channel, probability, options.inplace) {}
  explicit Dropout2d(Blank) : DropoutNd(Kind::channel) {}
  std::string_view class_name() const override { return "Dropout2d"; }
};

class Dropout3d : public DropoutNd {
 public:
  explicit Dropout3d(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(Kind::channel, probability, options.inplace, 4) {}
  explicit Dropout3d(Blank) : DropoutNd(Kind::channel, 4) {}
  std::string_view class_name() const override { return "Dropout3d"; }
};

class AlphaDropout : public DropoutNd {
 public:
  explicit AlphaDropout(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(Kind::alpha, probability, options.inplace) {}
  explicit AlphaDropout(Blank) : DropoutNd(Kind::alpha) {}
  std::string_view class_name() const override { return "AlphaDropout"; }
};

class FeatureAlphaDropout : public DropoutNd {
 public:
  explicit FeatureAlphaDropout(Number probability = 0.5, const DropoutOptions& options = {})
      : DropoutNd(Kind::channel_alpha, probability, options.inplace) {}
  explicit FeatureAlphaDropout(Blank) : DropoutNd(Kind::channel_alpha) {}
  std::string_view class_name() const override { return "FeatureAlphaDropout"; }
};

}  // namespace flambeau::nn
