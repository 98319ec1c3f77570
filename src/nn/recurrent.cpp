#include <flambeau/nn_recurrent.h>

#include <array>
#include <cmath>

#include <flambeau/error.h>
#include <flambeau/init.h>

#include "nn/forward.h"

namespace flambeau::nn {
namespace {

std::int64_t gates_of(std::string_view mode) { return mode == "LSTM" ? 4 : mode == "GRU" ? 3 : 1; }

/// One step from the gates of the input (with its bias) and of the hidden state. `cell` is LSTM's.
Var next_hidden(std::string_view mode, Var input_gates, Var hidden_gates, Var hidden, Var& cell) {
  if (mode == "LSTM") {
    const auto gates = graph::chunk(input_gates + hidden_gates, 4, -1);
    cell = graph::sigmoid(gates[1]) * cell + graph::sigmoid(gates[0]) * graph::tanh(gates[2]);
    return graph::sigmoid(gates[3]) * graph::tanh(cell);
  }
  if (mode == "GRU") {
    const auto i = graph::chunk(input_gates, 3, -1), h = graph::chunk(hidden_gates, 3, -1);
    const Var reset = graph::sigmoid(i[0] + h[0]), update = graph::sigmoid(i[1] + h[1]);
    const Var fresh = graph::tanh(i[2] + reset * h[2]);
    return fresh + update * graph::sub(hidden, fresh);
  }
  const Var sum = input_gates + hidden_gates;
  return mode == "RNN_RELU" ? graph::relu(sum) : graph::tanh(sum);
}

void draw_all(Module& module, std::int64_t hidden) {
  const double bound = hidden > 0 ? 1.0 / std::sqrt(static_cast<double>(hidden)) : 0;
  for (auto& p : module.parameters())
    if (p.tensor.defined()) init::uniform_(p.tensor, -bound, bound);
}

void check(bool fine, const std::string& text) {
  if (!fine) throw Error(ErrorCode::invalid_argument, text);
}

}  // namespace

RNNBase::RNNBase(std::string mode_name, std::int64_t in, std::int64_t hidden, const RNNOptions& o)
    : mode(std::move(mode_name)),
      input_size(in),
      hidden_size(hidden),
      num_layers(o.num_layers),
      bias(o.bias),
      batch_first(o.batch_first),
      dropout(o.dropout),
      bidirectional(o.bidirectional),
      proj_size(o.proj_size) {
  check(o.dropout >= 0 && o.dropout <= 1,
        "dropout should be a number in range [0, 1] representing the probability of an element being zeroed");
  check(in > 0, "input_size must be greater than zero");
  check(hidden > 0, "hidden_size must be greater than zero");
  check(num_layers > 0, "num_layers must be greater than zero");
  check(proj_size >= 0, "proj_size should be a positive integer or zero to disable projections");
  check(proj_size < hidden, "proj_size has to be smaller than hidden_size");
  const std::int64_t gates = gates_of(mode) * hidden, directions = bidirectional ? 2 : 1;
  const std::int64_t real_hidden = proj_size > 0 ? proj_size : hidden;
  std::int64_t index = 0;
  for (const auto& names : weight_names()) {
    const std::int64_t layer_in = index++ / directions == 0 ? in : real_hidden * directions;
    for (const std::string& name : names) {
      if (name.starts_with("weight_ih"))
        register_parameter(name, new_parameter({gates, layer_in}));
      else if (name.starts_with("weight_hh"))
        register_parameter(name, new_parameter({gates, real_hidden}));
      else if (name.starts_with("weight_hr"))
        register_parameter(name, new_parameter({proj_size, hidden}));
      else
        register_parameter(name, new_parameter({gates}));
    }
  }
  draw_all(*this, hidden);
}

std::vector<std::vector<std::string>> RNNBase::weight_names() const {
  std::vector<std::vector<std::string>> all;
  for (std::int64_t layer = 0; layer < num_layers; ++layer)
    for (int direction = 0; direction < (bidirectional ? 2 : 1); ++direction) {
      const std::string end = "_l" + std::to_string(layer) + (direction == 1 ? "_reverse" : "");
      auto& names = all.emplace_back(std::vector<std::string>{"weight_ih" + end, "weight_hh" + end});
      if (bias) names.insert(names.end(), {"bias_ih" + end, "bias_hh" + end});
      if (proj_size > 0) names.push_back("weight_hr" + end);
    }
  return all;
}

Var RNNBase::direction(Var x, const std::vector<std::string>& names, bool reverse) const {
  const std::int64_t length = x.size(0), n = x.size(1);
  const Var input_bias = bias ? constant(x, names[2]) : Var{}, hidden_bias = bias ? constant(x, names[3]) : Var{};
  const Var all = graph::linear(x, constant(x, names[0]), input_bias);
  const Var weight = constant(x, names[1]), project = proj_size > 0 ? constant(x, names.back()) : Var{};
  const Var zeros = constant(x, Tensor::zeros({n, hidden_size}));
  Var hidden = proj_size > 0 ? constant(x, Tensor::zeros({n, proj_size})) : zeros, cell = zeros;
  std::vector<Var> outputs(static_cast<std::size_t>(length));
  for (std::int64_t i = 0; i < length; ++i) {
    const std::int64_t t = reverse ? length - 1 - i : i;
    const Var gates = graph::reshape(graph::narrow(all, 0, t, 1), {n, all.size(2)});
    hidden = next_hidden(mode, gates, graph::linear(hidden, weight, hidden_bias), hidden, cell);
    if (project) hidden = graph::linear(hidden, project);
    outputs[static_cast<std::size_t>(t)] = graph::reshape(hidden, {1, n, hidden.size(1)});
  }
  return graph::cat(outputs, 0);
}

Var RNNBase::forward(Var x) {
  const bool unbatched = x.dim() == 2;
  if (unbatched)
    x = graph::reshape(x, {x.size(0), 1, x.size(1)});
  else if (batch_first)
    x = graph::transpose(x, 0, 1);
  const auto names = weight_names();
  for (std::size_t at = 0; at < names.size();) {
    if (at > 0 && training() && dropout.value > 0) x = dropped(x, dropout);
    Var y = direction(x, names[at++], false);
    if (bidirectional) {
      const std::array<Var, 2> both = {y, direction(x, names[at++], true)};
      y = graph::cat(both, 2);
    }
    x = y;
  }
  if (unbatched) return graph::reshape(x, {x.size(0), x.size(2)});
  return batch_first ? graph::transpose(x, 0, 1) : x;
}

void RNNBase::fields(Fields& f) {
  f("mode", mode);
  f("input_size", input_size);
  f("hidden_size", hidden_size);
  f("num_layers", num_layers);
  f("bias", bias);
  f("batch_first", batch_first);
  f("dropout", dropout);
  f("bidirectional", bidirectional);
  f("proj_size", proj_size);
  if (!f.writing()) {  // all derived; before 1.5 the names were called all_weights
    if (num_layers < 0 || static_cast<std::uint64_t>(num_layers) > parameters().size())
      throw Error(ErrorCode::invalid_argument,
                  std::to_string(num_layers) + " layers of " + std::to_string(parameters().size()) + " parameters");
    for (const char* name : {"_flat_weights_names", "_all_weights", "_flat_weights", "_data_ptrs", "all_weights"})
      f.take(name);
    return;
  }
  std::vector<object::Ref> flat, lists, weights;
  for (const auto& names : weight_names()) {
    std::vector<object::Ref> list;
    for (const std::string& name : names) {
      list.push_back(f.encode_formatted(name));
      flat.push_back(list.back());
      weights.push_back(f.parameter(name));
    }
    lists.push_back(f.heap().list(std::move(list)));
  }
  f.write("_flat_weights_names", f.heap().list(std::move(flat)));
  f.write("_all_weights", f.heap().list(std::move(lists)));
  f.write("_flat_weights", f.heap().list(std::move(weights)));
}

std::string RNNBase::extra_repr() const {
  std::string text = std::to_string(input_size) + ", " + std::to_string(hidden_size);
  if (proj_size != 0) text += ", proj_size=" + std::to_string(proj_size);
  if (num_layers != 1) text += ", num_layers=" + std::to_string(num_layers);
  if (!bias) text += ", bias=False";
  if (batch_first) text += ", batch_first=True";
  if (dropout.value != 0) text += ", dropout=" + python_repr(dropout);
  if (bidirectional) text += ", bidirectional=True";
  return text;
}

RNN::RNN(std::int64_t in, std::int64_t hidden, const RNNOptions& o)
    : RNNBase(o.nonlinearity == "relu" ? "RNN_RELU" : "RNN_TANH", in, hidden, o), nonlinearity(o.nonlinearity) {
  check(nonlinearity == "tanh" || nonlinearity == "relu",
        "Unknown nonlinearity '" + nonlinearity + "'. Select from 'tanh' or 'relu'.");
  check(proj_size == 0, "proj_size argument is only supported for LSTM, not RNN or GRU");
}

void RNN::early_fields(Fields& f) { f("nonlinearity", nonlinearity); }

GRU::GRU(std::int64_t in, std::int64_t hidden, const RNNOptions& o) : RNNBase("GRU", in, hidden, o) {
  check(proj_size == 0, "proj_size argument is only supported for LSTM, not RNN or GRU");
}

RNNCellBase::RNNCellBase(std::int64_t in, std::int64_t hidden, bool with_bias, std::int64_t chunks)
    : input_size(in), hidden_size(hidden), bias(with_bias) {
  register_parameter("weight_ih", new_parameter({chunks * hidden, in}));
  register_parameter("weight_hh", new_parameter({chunks * hidden, hidden}));
  register_parameter("bias_ih", with_bias ? new_parameter({chunks * hidden}) : Tensor());
  register_parameter("bias_hh", with_bias ? new_parameter({chunks * hidden}) : Tensor());
  draw_all(*this, hidden);
}

Var RNNCellBase::forward(Var x) {
  return batched(x, 0, [&](Var batch) {
    const Var zeros = constant(batch, Tensor::zeros({batch.size(0), hidden_size}));
    Var cell = zeros;
    return step(batch, zeros, cell);
  });
}

void RNNCellBase::fields(Fields& f) {
  f("input_size", input_size);
  f("hidden_size", hidden_size);
  f("bias", bias);
}

std::string RNNCellBase::extra_repr() const {
  return std::to_string(input_size) + ", " + std::to_string(hidden_size) + (bias ? "" : ", bias=False");
}

Var RNNCell::step(Var x, Var hidden, Var& cell) const {
  return next_hidden(nonlinearity == "relu" ? "RNN_RELU" : "RNN_TANH",
                     graph::linear(x, constant(x, "weight_ih"), constant(x, "bias_ih")),
                     graph::linear(hidden, constant(x, "weight_hh"), constant(x, "bias_hh")), hidden, cell);
}

Var RNNCell::forward(Var x, Var hidden) const {
  Var cell;
  return step(x, hidden, cell);
}

void RNNCell::fields(Fields& f) {
  RNNCellBase::fields(f);
  f("nonlinearity", nonlinearity);
}

std::string RNNCell::extra_repr() const {
  return RNNCellBase::extra_repr() + (nonlinearity == "tanh" ? "" : ", nonlinearity=" + nonlinearity);
}

Var LSTMCell::step(Var x, Var hidden, Var& cell) const {
  return next_hidden("LSTM", graph::linear(x, constant(x, "weight_ih"), constant(x, "bias_ih")),
                     graph::linear(hidden, constant(x, "weight_hh"), constant(x, "bias_hh")), hidden, cell);
}

std::pair<Var, Var> LSTMCell::forward(Var x, Var hidden, Var cell) const {
  const Var next = step(x, hidden, cell);
  return {next, cell};
}

Var GRUCell::step(Var x, Var hidden, Var& cell) const {
  return next_hidden("GRU", graph::linear(x, constant(x, "weight_ih"), constant(x, "bias_ih")),
                     graph::linear(hidden, constant(x, "weight_hh"), constant(x, "bias_hh")), hidden, cell);
}

Var GRUCell::forward(Var x, Var hidden) const {
  Var cell;
  return step(x, hidden, cell);
}

}  // namespace flambeau::nn
