#pragma once
/// The graph: what a forward pass computes, recorded as operations over shapes. No weights' names, no kernels.
///
/// Recording: a `Var` is a value in a `Graph` under construction; the functions below append an operation, compute the
/// result's shape with checked arithmetic and throw Error(invalid_argument) with both shapes when they do not fit.
/// Names and defaults are torch.nn.functional's. Layout of images is NCHW. Element type is float32 unless said.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include <flambeau/tensor.h>

namespace flambeau::graph {

/// One row per operation in `ops` (below): a kernel set implements each.
enum class Op : std::uint8_t {
  input,
  constant,
  conv,            // x, weight [, bias]; 1 to 3 spatial dimensions
  conv_transpose,  // x, weight [, bias]
  linear,          // x (…, in), weight (out, in) [, bias]
  matmul,          // (…, m, k) × (…, k, n), batch dimensions broadcast
  batch_norm,      // x, mean, variance [, weight, bias]
  layer_norm,      // x [, weight, bias]; over the last dimensions
  group_norm,      // x [, weight, bias]
  local_response_norm,
  rms_norm,      // x [, weight]
  l2_normalize,  // F.normalize over one dimension
  max_pool,
  avg_pool,  // 1 to 3 spatial dimensions
  adaptive_avg_pool,
  adaptive_max_pool,
  activation,  // elementwise, see Activation
  prelu,       // x, weight
  softmax,
  log_softmax,
  add,
  sub,
  mul,
  div,  // broadcasting
  cat,
  reshape,
  permute,
  narrow,
  pad,
  roll,
  mean,  // over dims
  interpolate,
  embedding,  // indices (int64), weight
  attention,  // q, k, v (N, heads, L, d) [, additive mask]: softmax(q kᵀ · scale + mask) v
};

/// Name of an operation ("conv").
std::string_view name(Op op) noexcept;

enum class Activation : std::uint8_t {
  relu,
  relu6,
  sigmoid,
  tanh,
  silu,
  gelu,
  gelu_tanh,
  hardswish,
  hardsigmoid,
  hardtanh,
  leaky_relu,
  elu,
  celu,
  selu,
  softplus,
  softsign,
  mish,
  log_sigmoid,
  tanhshrink,
  hardshrink,
  softshrink,
  threshold,
  exp,
  clamp,
  sqrt,
  abs,
  neg,
  pow,
};
std::string_view name(Activation activation) noexcept;

struct ConvAttributes {
  Shape stride, padding, dilation, output_padding;
  std::int64_t groups = 1;
};
struct PoolAttributes {
  Shape kernel, stride, padding, dilation;
  bool ceil_mode = false, count_include_pad = true;
  std::int64_t divisor_override = 0;
};
struct NormAttributes {
  double eps = 1e-5;
  std::int64_t groups = 1;
  Shape normalized_shape;
  bool training = false;
  double momentum = 0.1;
  std::int64_t size = 5;
  double alpha = 1e-4, beta = 0.75, k = 1;
};
/// a, b: min, max (hardtanh, clamp); slope (leaky_relu); alpha (elu, celu); beta, threshold (softplus); lambda
/// (hardshrink, softshrink); threshold, value (threshold); exponent (pow); unused otherwise.
struct ActivationAttributes {
  Activation kind;
  double a = 0, b = 0;
};
/// `shape`: target shape (reshape), order (permute), output size (adaptive pools), shift of each dimension (roll).
struct ShapeAttributes {
  Shape shape;
};
/// `dims`: the dimension (softmax, log_softmax, l2_normalize, cat, narrow), the dimensions in ascending order (mean), a
/// (before, after) pair for every dimension in order (pad), the output size (interpolate). `start`, `length`: of
/// narrow. `keepdim`: of mean; align_corners of interpolate. `value`: of pad; eps of l2_normalize; scale of
/// interpolate. `mode`: of pad and interpolate. All dimensions are non-negative once recorded.
struct DimAttributes {
  Shape dims;
  std::int64_t start = 0, length = 0;
  bool keepdim = false;
  double value = 0;
  std::string mode{};
};
struct AttentionAttributes {
  double scale = 1;
};
using Attributes = std::variant<std::monostate, ConvAttributes, PoolAttributes, NormAttributes, ActivationAttributes,
                                ShapeAttributes, DimAttributes, AttentionAttributes>;

/// Index of a node in its graph.
using Id = std::int32_t;

struct Node {
  Op op;
  std::vector<Id> inputs{};
  Attributes attributes{};
  Shape shape{};
  DType dtype = DType::float32;
  Tensor constant{};  ///< of Op::constant: shares the module's storage
};

class Graph;

/// A value being recorded. Cheap to copy; it refers to its Graph, which must outlive it where it is (not be moved).
class Var {
 public:
  Var() = default;
  Var(Graph& graph, Id id) : graph_(&graph), id_(id) {}
  const Shape& shape() const;
  std::int64_t size(std::int64_t dim) const;  // negative counts from the end
  std::int64_t dim() const;
  /// Throws Error(invalid_argument) for an empty Var, as does all that looks at the value.
  Graph& graph() const;
  Id id() const noexcept { return id_; }
  explicit operator bool() const noexcept { return graph_ != nullptr; }

 private:
  Graph* graph_ = nullptr;
  Id id_ = -1;
};

/// Nodes in execution order: every input precedes its user. Immutable once recorded.
class Graph {
 public:
  Var input(Shape shape, DType dtype = DType::float32);
  /// The same storage and view twice give the same node.
  Var constant(const Tensor& tensor);
  Var append(Op op, std::vector<Id> inputs, Attributes attributes, Shape shape, DType dtype = DType::float32);
  void set_outputs(std::span<const Var> outputs);

  const std::vector<Node>& nodes() const noexcept { return nodes_; }
  const Node& operator[](Id id) const { return nodes_[static_cast<std::size_t>(id)]; }
  const std::vector<Id>& inputs() const noexcept { return inputs_; }
  const std::vector<Id>& outputs() const noexcept { return outputs_; }

 private:
  std::vector<Node> nodes_{};
  std::vector<Id> inputs_{}, outputs_{};
  std::unordered_multimap<const Storage*, Id> constants_{};
};

Var conv(Var x, Var weight, Var bias, Shape stride, Shape padding, Shape dilation, std::int64_t groups = 1);
Var conv_transpose(Var x, Var weight, Var bias, Shape stride, Shape padding, Shape output_padding, Shape dilation,
                   std::int64_t groups = 1);
Var linear(Var x, Var weight, Var bias = {});
Var matmul(Var a, Var b);
/// `training`: normalise with the batch's statistics and update `mean` and `variance` (constants) in place when the
/// graph runs.
Var batch_norm(Var x, Var mean, Var variance, Var weight, Var bias, double eps, bool training = false,
               double momentum = 0.1);
Var layer_norm(Var x, Shape normalized_shape, Var weight, Var bias, double eps);
Var group_norm(Var x, std::int64_t groups, Var weight, Var bias, double eps);
Var local_response_norm(Var x, std::int64_t size, double alpha, double beta, double k);
Var rms_norm(Var x, Shape normalized_shape, Var weight, double eps);
Var l2_normalize(Var x, std::int64_t dim, double eps = 1e-12);
Var max_pool(Var x, Shape kernel, Shape stride, Shape padding, Shape dilation, bool ceil_mode = false);
Var avg_pool(Var x, Shape kernel, Shape stride, Shape padding, bool ceil_mode = false, bool count_include_pad = true,
             std::int64_t divisor_override = 0);
Var adaptive_avg_pool(Var x, Shape output_size);  // -1 keeps a dimension (None)
Var adaptive_max_pool(Var x, Shape output_size);
Var activation(Var x, Activation kind, double a = 0, double b = 0);
inline Var relu(Var x) { return activation(x, Activation::relu); }
inline Var sigmoid(Var x) { return activation(x, Activation::sigmoid); }
inline Var gelu(Var x) { return activation(x, Activation::gelu); }
inline Var silu(Var x) { return activation(x, Activation::silu); }
inline Var tanh(Var x) { return activation(x, Activation::tanh); }
Var prelu(Var x, Var weight);
Var softmax(Var x, std::int64_t dim);
Var log_softmax(Var x, std::int64_t dim);
Var add(Var a, Var b);
Var sub(Var a, Var b);
Var mul(Var a, Var b);
Var div(Var a, Var b);
inline Var operator+(Var a, Var b) { return add(a, b); }
inline Var operator*(Var a, Var b) { return mul(a, b); }
/// By a scalar (recorded as a one-element constant).
Var mul(Var a, double value);
Var add(Var a, double value);
Var cat(std::span<const Var> parts, std::int64_t dim);
Var reshape(Var x, Shape shape);  // one dimension may be -1
Var flatten(Var x, std::int64_t start_dim = 1, std::int64_t end_dim = -1);
Var permute(Var x, Shape order);
Var transpose(Var x, std::int64_t a, std::int64_t b);
Var narrow(Var x, std::int64_t dim, std::int64_t start, std::int64_t length);
std::vector<Var> chunk(Var x, std::int64_t chunks, std::int64_t dim);
/// torch's order: pairs from the last dimension on. mode "constant", "reflect", "replicate", "circular".
Var pad(Var x, Shape padding, std::string_view mode = "constant", double value = 0);
Var roll(Var x, Shape shifts, Shape dims);
Var mean(Var x, Shape dims, bool keepdim = false);
/// `scale`: the factor that torch computes with where the sizes' ratio is another one; 0 for that ratio.
Var interpolate(Var x, Shape output_size, std::string_view mode, bool align_corners, double scale = 0);
Var embedding(Var indices, Var weight);
Var attention(Var q, Var k, Var v, Var mask, double scale);

using flambeau::to_string;  // of shapes
/// The graph as text, one node a line, for tests and people.
std::string to_string(const Graph& graph);

}  // namespace flambeau::graph
