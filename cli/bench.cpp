#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <flambeau/models.h>
#include <flambeau/plan.h>

#include "command.h"
#include "json.h"
#include "plan_options.h"
#include "terminal.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

flambeau::Tensor wave(std::int64_t size) {
  flambeau::Tensor x = flambeau::Tensor::uninitialized({1, 3, size, size});
  float step = 0;
  for (float& value : x.mutable_data<float>()) value = std::sin(0.01f * step++);
  return x;
}

}  // namespace

int bench(const Args& args) {
  const std::string name = args.value_or("model", "vgg16");
  const auto runs = args.number("runs", 1).value_or(10);
  flambeau::PlanOptions options;
  options.threads = threads(args);
  options.precision = precision(args);

  const auto start = Clock::now();
  flambeau::Model model = flambeau::models::make(name, {.seed = 0});
  const double build_ms = milliseconds(start);
  model.eval();
  const std::int64_t size = flambeau::models::find(name)->input_size;
  flambeau::graph::Graph graph;
  const flambeau::graph::Var outputs[] = {model->forward(graph.input({1, 3, size, size}))};
  graph.set_outputs(outputs);
  const auto compiling = Clock::now();
  const flambeau::Plan plan = flambeau::Plan::compile(graph, options);
  const double compile_ms = milliseconds(compiling);

  const flambeau::Tensor x = wave(size);
  plan.run(x);
  std::vector<double> times;
  for (std::uint64_t i = 0; i < runs; ++i) {
    const auto from = Clock::now();
    plan.run(x);
    times.push_back(milliseconds(from));
  }
  std::ranges::sort(times);
  const double best = times.front(), median = times[times.size() / 2];
  if (args.has("json")) {
    Json json;
    json.object()
        .field("model", name)
        .field("precision", args.value_or("precision", "fp32"))
        .field("input_size", size)
        .field("build_ms", build_ms);
    json.field("compile_ms", compile_ms).field("best_ms", best).field("median_ms", median).field("runs", runs);
    print(json.field("packed_bytes", plan.packed_bytes()).field("arena_bytes", plan.arena_bytes()).end().text());
    return yes;
  }
  print(
      fmt::format("{} at {}×{}, batch 1\nbuild     {:.1f} ms\ncompile   {:.1f} ms\nforward   {:.2f} ms best, {:.2f} ms "
                  "median of {}\n",
                  name, size, size, build_ms, compile_ms, best, median, runs));
  print(fmt::format("memory    {} packed weights, {} activations\n", human_bytes(plan.packed_bytes()),
                    human_bytes(plan.arena_bytes())));
  return yes;
}

}  // namespace cli
