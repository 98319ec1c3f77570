#include <flambeau/nn_activation.h>

#include <flambeau/init.h>

#include "nn/forward.h"

namespace flambeau::nn {

using graph::Activation;
using graph::activation;

std::string ActivationBase::inplace_text(bool inplace, bool first) {
  if (!inplace) return {};
  return first ? "inplace=True" : ", inplace=True";
}

void InplaceActivation::fields(Fields& f) { f("inplace", inplace); }

Var Sigmoid::forward(Var x) { return graph::sigmoid(x); }
Var Tanh::forward(Var x) { return graph::tanh(x); }
Var Softsign::forward(Var x) { return activation(x, Activation::softsign); }
Var LogSigmoid::forward(Var x) { return activation(x, Activation::log_sigmoid); }
Var Tanhshrink::forward(Var x) { return activation(x, Activation::tanhshrink); }
Var ReLU::forward(Var x) { return graph::relu(x); }
Var SELU::forward(Var x) { return activation(x, Activation::selu); }
Var SiLU::forward(Var x) { return graph::silu(x); }
Var Mish::forward(Var x) { return activation(x, Activation::mish); }
Var Hardswish::forward(Var x) { return activation(x, Activation::hardswish); }
Var Hardsigmoid::forward(Var x) { return activation(x, Activation::hardsigmoid); }
Var ReLU6::forward(Var x) { return activation(x, Activation::relu6); }
Var CELU::forward(Var x) { return activation(x, Activation::celu, alpha); }

Var LeakyReLU::forward(Var x) { return activation(x, Activation::leaky_relu, negative_slope); }
void LeakyReLU::fields(Fields& f) {
  f("negative_slope", negative_slope);
  f("inplace", inplace);
}
std::string LeakyReLU::extra_repr() const {
  return "negative_slope=" + python_repr(negative_slope) + inplace_text(inplace);
}

Var ELU::forward(Var x) { return activation(x, Activation::elu, alpha); }
void ELU::fields(Fields& f) {
  f("alpha", alpha);
  f("inplace", inplace);
}
std::string ELU::extra_repr() const { return "alpha=" + python_repr(alpha) + inplace_text(inplace); }

Var Hardtanh::forward(Var x) { return activation(x, Activation::hardtanh, min_val, max_val); }
void Hardtanh::fields(Fields& f) {
  f("min_val", min_val);
  f("max_val", max_val);
  f("inplace", inplace);
}
std::string Hardtanh::extra_repr() const {
  return "min_val=" + python_repr(min_val) + ", max_val=" + python_repr(max_val) + inplace_text(inplace);
}

Var Threshold::forward(Var x) { return activation(x, Activation::threshold, threshold, value); }
void Threshold::fields(Fields& f) {
  f("threshold", threshold);
  f("value", value);
  f("inplace", inplace);
}
std::string Threshold::extra_repr() const {
  return "threshold=" + python_repr(threshold) + ", value=" + python_repr(value) + inplace_text(inplace);
}

Var RReLU::forward(Var x) {
  if (training()) {
    Tensor slopes = Tensor::uninitialized(x.shape());
    init::uniform_(slopes, lower, upper);
    return graph::sub(graph::relu(x), graph::relu(activation(x, Activation::neg)) * x.graph().constant(slopes));
  }
  return activation(x, Activation::leaky_relu, (lower + upper) / 2);
}
void RReLU::fields(Fields& f) {
  f("lower", lower);
  f("upper", upper);
  f("inplace", inplace);
}
std::string RReLU::extra_repr() const {
  return "lower=" + python_repr(lower) + ", upper=" + python_repr(upper) + inplace_text(inplace);
}

Var GELU::forward(Var x) { return activation(x, approximate == "tanh" ? Activation::gelu_tanh : Activation::gelu); }
void GELU::fields(Fields& f) { f("approximate", approximate); }
std::string GELU::extra_repr() const { return "approximate=" + python_repr(approximate); }

Var Softplus::forward(Var x) { return activation(x, Activation::softplus, beta, threshold); }
void Softplus::fields(Fields& f) {
  f("beta", beta);
  f("threshold", threshold);
}
std::string Softplus::extra_repr() const {
  return "beta=" + python_repr(beta) + ", threshold=" + python_repr(threshold);
}

Var Hardshrink::forward(Var x) { return activation(x, Activation::hardshrink, lambd); }
void Hardshrink::fields(Fields& f) { f("lambd", lambd); }
std::string Hardshrink::extra_repr() const { return python_repr(lambd); }

Var Softshrink::forward(Var x) { return activation(x, Activation::softshrink, lambd); }
void Softshrink::fields(Fields& f) { f("lambd", lambd); }
std::string Softshrink::extra_repr() const { return python_repr(lambd); }

Var GLU::forward(Var x) {
  const std::int64_t size = x.size(dim);
  if (size % 2 != 0)
    throw Error(ErrorCode::invalid_argument, "Halving dimension must be even, but dimension " + std::to_string(dim) +
                                                 " is size " + std::to_string(size));
  const auto halves = graph::chunk(x, 2, dim);
  return halves[0] * graph::sigmoid(halves[1]);
}
void GLU::fields(Fields& f) { f("dim", dim); }
std::string GLU::extra_repr() const { return "dim=" + std::to_string(dim); }

PReLU::PReLU(std::int64_t parameters, Number initial) : num_parameters(parameters), init(initial) {
  nn::init::constant_(register_parameter("weight", new_parameter({parameters})), initial);
}
Var PReLU::forward(Var x) { return graph::prelu(x, constant(x, "weight")); }
void PReLU::early_fields(Fields& f) { f("num_parameters", num_parameters); }
void PReLU::fields(Fields& f) { f("init", init); }
std::string PReLU::extra_repr() const { return "num_parameters=" + std::to_string(num_parameters); }

}  // namespace flambeau::nn
