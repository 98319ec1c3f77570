#pragma once
/// torch.nn.modules.activation without attention: elementwise functions and softmaxes. No parameters but PReLU's.

#include <flambeau/nn.h>

namespace flambeau::nn {

/// What they share.
class ActivationBase : public Module {
 public:
  std::string_view python_module() const override { return "torch.nn.modules.activation"; }

 protected:
  ActivationBase() = default;
  /// ", inplace=True" (without the comma if `first`) or "".
  static std::string inplace_text(bool inplace, bool first = false);
};

/// An activation whose only attribute is `inplace` (which changes nothing here).
class InplaceActivation : public ActivationBase {
 public:
  bool inplace = false;
  void fields(Fields& fields) override;
  std::string extra_repr() const override { return inplace_text(inplace, true); }

 protected:
  explicit InplaceActivation(bool in_place = false) : inplace(in_place) {}
};

class Sigmoid : public ActivationBase {
 public:
  Sigmoid() = default;
  explicit Sigmoid(Blank) {}
  std::string_view class_name() const override { return "Sigmoid"; }
  Var forward(Var x) override;
};

class Tanh : public ActivationBase {
 public:
  Tanh() = default;
  explicit Tanh(Blank) {}
  std::string_view class_name() const override { return "Tanh"; }
  Var forward(Var x) override;
};

class Softsign : public ActivationBase {
 public:
  Softsign() = default;
  explicit Softsign(Blank) {}
  std::string_view class_name() const override { return "Softsign"; }
  Var forward(Var x) override;
};

class LogSigmoid : public ActivationBase {
 public:
  LogSigmoid() = default;
  explicit LogSigmoid(Blank) {}
  std::string_view class_name() const override { return "LogSigmoid"; }
  Var forward(Var x) override;
};

class Tanhshrink : public ActivationBase {
 public:
  Tanhshrink() = default;
  explicit Tanhshrink(Blank) {}
  std::string_view class_name() const override { return "Tanhshrink"; }
  Var forward(Var x) override;
};

class ReLU : public InplaceActivation {
 public:
  explicit ReLU(bool in_place = false) : InplaceActivation(in_place) {}
  explicit ReLU(Blank) {}
  std::string_view class_name() const override { return "ReLU"; }
  Var forward(Var x) override;
};

class SELU : public InplaceActivation {
 public:
  explicit SELU(bool in_place = false) : InplaceActivation(in_place) {}
  explicit SELU(Blank) {}
  std::string_view class_name() const override { return "SELU"; }
  Var forward(Var x) override;
};

class SiLU : public InplaceActivation {
 public:
  explicit SiLU(bool in_place = false) : InplaceActivation(in_place) {}
  explicit SiLU(Blank) {}
  std::string_view class_name() const override { return "SiLU"; }
  Var forward(Var x) override;
};

class Mish : public InplaceActivation {
 public:
  explicit Mish(bool in_place = false) : InplaceActivation(in_place) {}
  explicit Mish(Blank) {}
  std::string_view class_name() const override { return "Mish"; }
  Var forward(Var x) override;
};

class Hardswish : public InplaceActivation {
 public:
  explicit Hardswish(bool in_place = false) : InplaceActivation(in_place) {}
  explicit Hardswish(Blank) {}
  std::string_view class_name() const override { return "Hardswish"; }
  Var forward(Var x) override;
  std::string extra_repr() const override { return {}; }
};

class Hardsigmoid : public InplaceActivation {
 public:
  explicit Hardsigmoid(bool in_place = false) : InplaceActivation(in_place) {}
  explicit Hardsigmoid(Blank) {}
  std::string_view class_name() const override { return "Hardsigmoid"; }
  Var forward(Var x) override;
  std::string extra_repr() const override { return {}; }
};

class LeakyReLU : public ActivationBase {
 public:
  explicit LeakyReLU(Number slope = 0.01, bool in_place = false) : negative_slope(slope), inplace(in_place) {}
  explicit LeakyReLU(Blank) {}

  Number negative_slope = 0.01;
  bool inplace = false;

  std::string_view class_name() const override { return "LeakyReLU"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

class ELU : public ActivationBase {
 public:
  explicit ELU(Number factor = 1.0, bool in_place = false) : alpha(factor), inplace(in_place) {}
  explicit ELU(Blank) {}

  Number alpha = 1.0;
  bool inplace = false;

  std::string_view class_name() const override { return "ELU"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

class CELU : public ELU {
 public:
  using ELU::ELU;
  std::string_view class_name() const override { return "CELU"; }
  Var forward(Var x) override;
};

class Hardtanh : public ActivationBase {
 public:
  explicit Hardtanh(Number low = -1.0, Number high = 1.0, bool in_place = false)
      : min_val(low), max_val(high), inplace(in_place) {}
  explicit Hardtanh(Blank) {}

  Number min_val = -1.0;
  Number max_val = 1.0;
  bool inplace = false;

  std::string_view class_name() const override { return "Hardtanh"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

class ReLU6 : public Hardtanh {
 public:
  explicit ReLU6(bool in_place = false) : Hardtanh(0.0, 6.0, in_place) {}
  explicit ReLU6(Blank blank) : Hardtanh(blank) {}
  std::string_view class_name() const override { return "ReLU6"; }
  Var forward(Var x) override;
  std::string extra_repr() const override { return inplace_text(inplace, true); }
};

class Threshold : public ActivationBase {
 public:
  Threshold(Number limit, Number otherwise, bool in_place = false)
      : threshold(limit), value(otherwise), inplace(in_place) {}
  explicit Threshold(Blank) {}

  Number threshold = 0.0, value = 0.0;
  bool inplace = false;

  std::string_view class_name() const override { return "Threshold"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// Evaluation uses the mean slope. Train mode draws one for each element when it is recorded, from the default generator;
/// torch draws for the negative ones only, so that the same seed gives other slopes there.
class RReLU : public ActivationBase {
 public:
  explicit RReLU(Number low = 1.0 / 8, Number high = 1.0 / 3, bool in_place = false)
      : lower(low), upper(high), inplace(in_place) {}
  explicit RReLU(Blank) {}

  Number lower = 1.0 / 8;
  Number upper = 1.0 / 3;
  bool inplace = false;

  std::string_view class_name() const override { return "RReLU"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// `approximate`: "none" or "tanh".
class GELU : public ActivationBase {
 public:
  explicit GELU(std::string approximation = "none") : approximate(approximation) {}
  explicit GELU(Blank) {}

  std::string approximate = "none";

  std::string_view class_name() const override { return "GELU"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

class Softplus : public ActivationBase {
 public:
  explicit Softplus(Number sharpness = 1.0, Number limit = 20.0) : beta(sharpness), threshold(limit) {}
  explicit Softplus(Blank) {}

  Number beta = 1.0;
  Number threshold = 20.0;

  std::string_view class_name() const override { return "Softplus"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

class Hardshrink : public ActivationBase {
 public:
  explicit Hardshrink(Number lambda = 0.5) : lambd(lambda) {}
  explicit Hardshrink(Blank) {}

  Number lambd = 0.5;

  std::string_view class_name() const override { return "Hardshrink"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

class Softshrink : public ActivationBase {
 public:
  explicit Softshrink(Number lambda = 0.5) : lambd(lambda) {}
  explicit Softshrink(Blank) {}

  Number lambd = 0.5;

  std::string_view class_name() const override { return "Softshrink"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// First half times the sigmoid of the second half of `dim`.
class GLU : public ActivationBase {
 public:
  explicit GLU(std::int64_t dimension = -1) : dim(dimension) {}
  explicit GLU(Blank) {}

  std::int64_t dim = -1;

  std::string_view class_name() const override { return "GLU"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

/// weight (num_parameters), each `init`.
class PReLU : public ActivationBase {
 public:
  explicit PReLU(std::int64_t parameters = 1, Number initial = 0.25);
  explicit PReLU(Blank) {}

  std::int64_t num_parameters = 1;
  Number init = 0.25;

  std::string_view class_name() const override { return "PReLU"; }
  Var forward(Var x) override;
  void early_fields(Fields& fields) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;
};

}  // namespace flambeau::nn
