// One step of the tutorial a line from standard input, timed in this process: "construct", "load /dev/shm/w.pth", …
// Prints the seconds of each. bench/tutorial.py runs it beside torch_steps.py, in turns.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include <flambeau/checkpoint.h>
#include <flambeau/layers.h>
#include <flambeau/models.h>
#include <flambeau/plan.h>

namespace {

using namespace flambeau;

double seconds(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Tensor input(std::int64_t size) {
  Tensor x = Tensor::uninitialized({1, 3, size, size});
  float value = 0;
  for (float& element : x.mutable_data<float>()) element = std::sin(value += 0.01f);
  return x;
}

/// What the steps share: the model in hand, its plans.
struct Bench {
  Model model{};
  std::map<std::string, Plan> plans{};

  double step(const std::string& name, std::istringstream& words) {
    std::string path;
    words >> path;
    if (name == "construct") {
      manual_seed(0);
      return seconds([&] { model = models::make(path); });
    }
    if (name == "construct-bare") return seconds([&] { models::make(path, {.initialize = false}); });
    if (name == "open") {  // the least of twenty: it is over before a clock and caches settle
      double least = 1;
      for (int i = 0; i < 20; ++i) {
        std::optional<Checkpoint> opened;  // freed outside the measure, as Python frees its own later
        least = std::min(least, seconds([&] { opened = load(path); }));
      }
      return least;
    }
    if (name == "load") {
      std::optional<Checkpoint> loaded;  // as above
      return seconds([&] { loaded = load(path, {.read = Read::copy}); });
    }
    if (name == "read") return read_bare(path);
    if (name == "save") {
      const StateDict state = model.state_dict();
      const double time = seconds([&] { save(state, path, {.durable = false}); });
      // A replaced file is given back by a thread of its own, which shall not run beside the peer.
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      return time;
    }
    if (name == "forward") return forward(words, path);
    throw std::runtime_error("unknown step " + name);
  }

  /// What no reader can beat: the file's bytes by two threads' pread into the same kind of memory, unchecked.
  static double read_bare(const std::string& path) {
    std::shared_ptr<Storage> into;  // freed outside the measure
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const auto size = static_cast<std::uint64_t>(::lseek(file, 0, SEEK_END));
    const double time = seconds([&] {
      into = Storage::uninitialized(size, DType::uint8);
      std::byte* const to = into->mutable_bytes().data();
      const auto part = [&](std::uint64_t from, std::uint64_t end) {
        for (ssize_t got = 1; from < end && got > 0; from += static_cast<std::uint64_t>(got))
          got = ::pread(file, to + from, std::min<std::uint64_t>(end - from, 8 << 20), static_cast<off_t>(from));
      };
      std::thread second(part, size / 2, size);
      part(0, size / 2);
      second.join();
    });
    ::close(file);
    return time;
  }

  /// forward BUILDER THREADS PRECISION [MILLISECONDS]: the least of as many runs of a steady plan as fit into the time,
  /// one at least; the plan is made at the first call.
  double forward(std::istringstream& words, const std::string& builder) {
    int threads = 0;
    std::string precision;
    double milliseconds = 0;
    words >> threads >> precision >> milliseconds;
    const std::string key = builder + " " + std::to_string(threads) + " " + precision;
    const std::int64_t size = models::find(builder)->input_size;
    auto found = plans.find(key);
    if (found == plans.end()) {
      Model fresh = models::make(builder, {.seed = 0});
      fresh.eval();
      graph::Graph graph;
      const graph::Var y = fresh.module()(graph.input({1, 3, size, size}));
      graph.set_outputs(std::span(&y, 1));
      const Precision kind = precision == "bf16"   ? Precision::bf16
                             : precision == "int8" ? Precision::int8
                                                   : Precision::fp32;
      found = plans.emplace(key, Plan::compile(graph, {.precision = kind, .threads = threads})).first;
      found->second.run(input(size));
    }
    const Tensor x = input(size);
    double least = 1e9, spent = 0;
    do {
      const double one = seconds([&] { found->second.run(x); });
      least = std::min(least, one);
      spent += one;
    } while (spent < milliseconds * 1e-3);
    return least;
  }
};

}  // namespace

int main() {
  Bench bench;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    try {
      std::printf("%.9f\n", bench.step(name, words));
    } catch (const std::exception& error) {
      std::printf("nan %s\n", error.what());
    }
    std::fflush(stdout);
  }
}
