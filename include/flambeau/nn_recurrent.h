#pragma once
/// torch.nn.modules.rnn. All weights are drawn from ±1/√hidden_size, in registration order. forward gives the output
/// sequence for a zero initial state, unrolled over the time steps; (L, N, in), or (N, L, in) with batch_first.

#include <flambeau/nn.h>

namespace flambeau::nn {

struct RNNOptions {
  std::int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0.0;  ///< between layers, in train mode
  bool bidirectional = false;
  std::int64_t proj_size = 0;         ///< LSTM only
  std::string nonlinearity = "tanh";  ///< RNN only: "tanh", "relu"
};

/// Parameters weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 [, weight_hr_l0], the same with _reverse, then l1, …
class RNNBase : public Module {
 public:
  std::string mode{};  ///< "LSTM", "GRU", "RNN_TANH", "RNN_RELU"
  std::int64_t input_size = 0, hidden_size = 0, num_layers = 1;
  bool bias = true, batch_first = false;
  Number dropout = 0.0;
  bool bidirectional = false;
  std::int64_t proj_size = 0;

  std::string_view python_module() const override { return "torch.nn.modules.rnn"; }
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  explicit RNNBase(std::string mode_name) : mode(std::move(mode_name)) {}
  RNNBase(std::string mode_name, std::int64_t in, std::int64_t hidden, const RNNOptions& options);

 private:
  std::vector<std::vector<std::string>> weight_names() const;
  Var direction(Var x, const std::vector<std::string>& names, bool reverse) const;
};

class RNN : public RNNBase {
 public:
  RNN(std::int64_t in, std::int64_t hidden, const RNNOptions& options = {});
  explicit RNN(Blank) : RNNBase("RNN_TANH") {}

  std::string nonlinearity = "tanh";

  std::string_view class_name() const override { return "RNN"; }
  void early_fields(Fields& fields) override;
};

class LSTM : public RNNBase {
 public:
  LSTM(std::int64_t in, std::int64_t hidden, const RNNOptions& options = {}) : RNNBase("LSTM", in, hidden, options) {}
  explicit LSTM(Blank) : RNNBase("LSTM") {}
  std::string_view class_name() const override { return "LSTM"; }
};

class GRU : public RNNBase {
 public:
  GRU(std::int64_t in, std::int64_t hidden, const RNNOptions& options = {});
  explicit GRU(Blank) : RNNBase("GRU") {}
  std::string_view class_name() const override { return "GRU"; }
};

/// One time step: (N, in) → (N, hidden). Parameters weight_ih, weight_hh, bias_ih, bias_hh.
class RNNCellBase : public Module {
 public:
  std::int64_t input_size = 0, hidden_size = 0;
  bool bias = true;

  std::string_view python_module() const override { return "torch.nn.modules.rnn"; }
  /// From a zero state.
  Var forward(Var x) override;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  RNNCellBase() = default;
  RNNCellBase(std::int64_t in, std::int64_t hidden, bool with_bias, std::int64_t chunks);
  /// The next hidden state; LSTM reads and writes `cell`.
  virtual Var step(Var x, Var hidden, Var& cell) const = 0;
};

class RNNCell : public RNNCellBase {
 public:
  RNNCell(std::int64_t in, std::int64_t hidden, bool with_bias = true, std::string function = "tanh")
      : RNNCellBase(in, hidden, with_bias, 1), nonlinearity(std::move(function)) {}
  explicit RNNCell(Blank) {}

  std::string nonlinearity = "tanh";

  std::string_view class_name() const override { return "RNNCell"; }
  using RNNCellBase::forward;
  Var forward(Var x, Var hidden) const;
  void fields(Fields& fields) override;
  std::string extra_repr() const override;

 protected:
  Var step(Var x, Var hidden, Var& cell) const override;
};

class LSTMCell : public RNNCellBase {
 public:
  LSTMCell(std::int64_t in, std::int64_t hidden, bool with_bias = true) : RNNCellBase(in, hidden, with_bias, 4) {}
  explicit LSTMCell(Blank) {}
  std::string_view class_name() const override { return "LSTMCell"; }
  using RNNCellBase::forward;
  /// The next hidden and cell state.
  std::pair<Var, Var> forward(Var x, Var hidden, Var cell) const;

 protected:
  Var step(Var x, Var hidden, Var& cell) const override;
};

class GRUCell : public RNNCellBase {
 public:
  GRUCell(std::int64_t in, std::int64_t hidden, bool with_bias = true) : RNNCellBase(in, hidden, with_bias, 3) {}
  explicit GRUCell(Blank) {}
  std::string_view class_name() const override { return "GRUCell"; }
  using RNNCellBase::forward;
  Var forward(Var x, Var hidden) const;

 protected:
  Var step(Var x, Var hidden, Var& cell) const override;
};

}  // namespace flambeau::nn
