// Times forward passes of models built straight from the graph, with random weights. Stand-alone:
// forward_bench [vgg16|resnet50|mobilenet_v2|vit_b_16 …] [--rounds N] [--oneshot] [--describe]
#include <flambeau/plan.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace flambeau;
namespace g = flambeau::graph;
using g::Var;

/// Makes weights as it goes; their values only have to keep activations finite.
class Builder {
 public:
  g::Graph graph{};

  Var weight(Shape shape, double scale) {
    Tensor tensor = Tensor::uninitialized(std::move(shape));
    for (float& value : tensor.mutable_data<float>()) value = static_cast<float>(distribution_(random_) * scale);
    return graph.constant(tensor);
  }
  Var constant(Shape shape, float value) {
    Tensor tensor = Tensor::uninitialized(std::move(shape));
    for (float& each : tensor.mutable_data<float>()) each = value;
    return graph.constant(tensor);
  }
  Var conv(Var x, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1, std::int64_t padding = -1,
           std::int64_t groups = 1, bool bias = true) {
    const std::int64_t in = x.size(1) / groups;
    const double scale = std::sqrt(2.0 / static_cast<double>(in * kernel * kernel));
    if (padding < 0) padding = kernel / 2;
    return g::conv(x, weight({out, in, kernel, kernel}, scale), bias ? weight({out}, 0.1) : Var(), {stride}, {padding},
                   {}, groups);
  }
  Var conv_bn(Var x, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1, std::int64_t groups = 1) {
    const Var y = conv(x, out, kernel, stride, -1, groups, false);
    return g::batch_norm(y, weight({out}, 0.1), constant({out}, 1), constant({out}, 0.7F), weight({out}, 0.1), 1e-5);
  }
  Var linear(Var x, std::int64_t out) {
    return g::linear(x, weight({out, x.size(-1)}, std::sqrt(1.0 / static_cast<double>(x.size(-1)))),
                     weight({out}, 0.1));
  }
  Var layer_norm(Var x) {
    const std::int64_t width = x.size(-1);
    return g::layer_norm(x, {width}, constant({width}, 1), weight({width}, 0.1), 1e-6);
  }

 private:
  std::mt19937 random_{1};
  std::normal_distribution<double> distribution_{0, 1};
};

Var vgg16(Builder& b, Var x) {
  for (const int out : {64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0})
    x = out ? g::relu(b.conv(x, out, 3)) : g::max_pool(x, {2}, {2}, {}, {});
  x = g::flatten(g::adaptive_avg_pool(x, {7}));
  return b.linear(g::relu(b.linear(g::relu(b.linear(x, 4096)), 4096)), 1000);
}

Var resnet50(Builder& b, Var x) {
  x = g::max_pool(g::relu(b.conv_bn(x, 64, 7, 2)), {3}, {2}, {1}, {});
  const int depths[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage)
    for (int i = 0; i < depths[stage]; ++i) {
      const std::int64_t width = 64 << stage, stride = stage > 0 && i == 0 ? 2 : 1;
      Var y = g::relu(b.conv_bn(x, width, 1));
      y = b.conv_bn(g::relu(b.conv_bn(y, width, 3, stride)), width * 4, 1);
      x = g::relu(y + (i == 0 ? b.conv_bn(x, width * 4, 1, stride) : x));
    }
  return b.linear(g::flatten(g::adaptive_avg_pool(x, {1})), 1000);
}

Var mobilenet_v2(Builder& b, Var x) {
  const auto relu6 = [](Var v) { return g::activation(v, g::Activation::relu6); };
  x = relu6(b.conv_bn(x, 32, 3, 2));
  const int rows[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                         {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  for (const auto& [expand, out, count, first] : rows)
    for (int i = 0; i < count; ++i) {
      const std::int64_t in = x.size(1), width = in * expand, stride = i == 0 ? first : 1;
      Var y = expand == 1 ? x : relu6(b.conv_bn(x, width, 1));
      y = b.conv_bn(relu6(b.conv_bn(y, width, 3, stride, width)), out, 1);
      x = stride == 1 && in == out ? x + y : y;
    }
  x = relu6(b.conv_bn(x, 1280, 1));
  return b.linear(g::flatten(g::adaptive_avg_pool(x, {1})), 1000);
}

Var vit_b_16(Builder& b, Var x) {
  const std::int64_t n = x.size(0), width = 768, heads = 12, d = width / heads;
  x = b.conv(x, width, 16, 16, 0);
  x = g::permute(g::reshape(x, {n, width, -1}), {0, 2, 1});
  const Var parts[] = {b.weight({n, 1, width}, 1), x};
  x = g::cat(parts, 1);
  const std::int64_t length = x.size(1);
  x = x + b.weight({1, length, width}, 0.02);
  for (int layer = 0; layer < 12; ++layer) {
    Var y = b.linear(b.layer_norm(x), 3 * width);
    y = g::permute(g::reshape(y, {n, length, 3, heads, d}), {2, 0, 3, 1, 4});
    std::vector<Var> qkv;
    for (int k = 0; k < 3; ++k) qkv.push_back(g::reshape(g::narrow(y, 0, k, 1), {n, heads, length, d}));
    y = g::attention(qkv[0], qkv[1], qkv[2], {}, 1 / std::sqrt(static_cast<double>(d)));
    x = x + b.linear(g::reshape(g::permute(y, {0, 2, 1, 3}), {n, length, width}), width);
    x = x + b.linear(g::gelu(b.linear(b.layer_norm(x), 4 * width)), width);
  }
  return b.linear(g::reshape(g::narrow(b.layer_norm(x), 1, 0, 1), {n, width}), 1000);
}

struct Model {
  const char* name;
  Var (*build)(Builder&, Var);
};
constexpr Model models[] = {
    {"vgg16", vgg16}, {"resnet50", resnet50}, {"mobilenet_v2", mobilenet_v2}, {"vit_b_16", vit_b_16}};

double milliseconds(const auto& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// Of this thread: what one thread would need on a quiet machine.
double processor_milliseconds(const auto& f) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
  };
  const double start = now();
  f();
  return now() - start;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> names;
  int rounds = 10, batch = 1;
  bool describe = false;
  Effort effort = Effort::steady;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--rounds") {
      rounds = std::atoi(argv[++i]);
    } else if (argument == "--batch") {
      batch = std::atoi(argv[++i]);
    } else if (argument == "--oneshot") {
      effort = Effort::oneshot;
    } else if (argument == "--describe") {
      describe = true;
    } else {
      names.push_back(argument);
    }
  }
  for (const Model& model : models) {
    if (!names.empty() && std::find(names.begin(), names.end(), model.name) == names.end()) continue;
    Builder builder;
    const Var y = model.build(builder, builder.graph.input({batch, 3, 224, 224}));
    builder.graph.set_outputs(std::span(&y, 1));
    Tensor x = Tensor::uninitialized({batch, 3, 224, 224});
    std::mt19937 random{2};
    std::normal_distribution<float> distribution;
    for (float& value : x.mutable_data<float>()) value = distribution(random);
    std::vector<Plan> plans;
    double compile[2], first[2], best[2] = {1e9, 1e9}, processor = 1e9;
    for (int k = 0; k < 2; ++k) {
      compile[k] =
          milliseconds([&] { plans.push_back(Plan::compile(builder.graph, {.effort = effort, .threads = k + 1})); });
      first[k] = milliseconds([&] { plans[static_cast<std::size_t>(k)].run(x); });
    }
    if (describe) std::fputs(plans[1].describe().c_str(), stdout);
    for (int round = 0; round < rounds; ++round)
      for (int k = 0; k < 2; ++k)
        best[k] = std::min(best[k], milliseconds([&] {
                             const double spent =
                                 processor_milliseconds([&] { plans[static_cast<std::size_t>(k)].run(x); });
                             if (k == 0) processor = std::min(processor, spent);
                           }));
    std::printf("%-13s batch %d, 1 thread : %8.2f ms of processor time\n", model.name, batch, processor);
    for (int k = 0; k < 2; ++k)
      std::printf("%-13s batch %d, %d thread%s: %8.2f ms   (compile %.1f, first %.1f)\n", model.name, batch, k + 1,
                  k ? "s" : " ", best[k], compile[k], first[k]);
  }
}
