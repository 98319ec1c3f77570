#include "nn/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>

#include <flambeau/error.h>
#include <flambeau/nn.h>

#include "base/threads.h"
#include "nn/random_kernels.h"

namespace flambeau {

Generator::Generator() {
  std::random_device device;
  manual_seed((std::uint64_t{device()} << 32) | device());
}

void Generator::manual_seed(std::uint64_t seed) {
  seed_ = seed;
  state_[0] = static_cast<std::uint32_t>(seed);
  for (std::size_t i = 1; i < state_.size(); ++i)
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + static_cast<std::uint32_t>(i);
  next_ = state_.size();
  fresh_ = true;
  spare_.reset();
}

void Generator::refill() noexcept {
  nn::random::kernels().refill(state_.data());
  ++refills_;
  next_ = 0;
  fresh_ = false;
}

std::uint32_t Generator::random() {
  if (next_ == state_.size()) refill();
  std::uint32_t out = 0;
  nn::random::kernels().temper(&state_[next_++], &out, 1);
  return out;
}

void Generator::random(std::span<std::uint32_t> out) {
  while (!out.empty()) {
    if (next_ == state_.size()) refill();
    const std::size_t n = std::min(out.size(), state_.size() - next_);
    nn::random::kernels().temper(&state_[next_], out.data(), n);
    next_ += n;
    out = out.subspan(n);
  }
}

void Generator::discard(std::uint64_t n) {
  while (n > 0) {
    if (next_ == state_.size()) refill();
    const std::uint64_t step = std::min<std::uint64_t>(n, state_.size() - next_);
    next_ += static_cast<std::size_t>(step);
    n -= step;
  }
}

double Generator::normal64() {
  if (spare_) {
    const double value = *spare_;
    spare_.reset();
    return value;
  }
  const double u1 = uniform64(), u2 = uniform64();
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double angle = 2.0 * 3.14159265358979323846 * u1;
  spare_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

namespace {

/// torch's CPUGeneratorImplState: what get_rng_state() gives, native byte order and padding.
struct StateBytes {
  std::uint64_t seed;
  std::int32_t left, seeded;
  std::uint64_t next;
  std::array<std::uint64_t, 624> state;
  double normal_x, normal_y, normal_rho;
  std::int32_t normal_is_valid;
  float next_float_normal;
  std::uint8_t float_normal_is_valid;
};

}  // namespace

Tensor Generator::state() const {
  StateBytes bytes;
  std::memset(&bytes, 0, sizeof bytes);
  bytes.seed = seed_;
  bytes.left = fresh_ ? 1 : static_cast<std::int32_t>(state_.size() + 1 - next_);
  bytes.seeded = 1;
  bytes.next = fresh_ ? 0 : next_;
  std::copy(state_.begin(), state_.end(), bytes.state.begin());
  bytes.normal_y = spare_.value_or(0);
  bytes.normal_is_valid = spare_ ? 1 : 0;
  Tensor tensor = Tensor::uninitialized({sizeof bytes}, DType::uint8);
  std::memcpy(tensor.mutable_data<std::uint8_t>().data(), &bytes, sizeof bytes);
  return tensor;
}

void Generator::set_state(const Tensor& state) {
  StateBytes bytes;
  if (!state.defined() || state.dtype() != DType::uint8 || state.numel() != sizeof bytes)
    throw Error(ErrorCode::corrupt, "a CPU generator's state is a uint8 tensor of " + std::to_string(sizeof bytes) +
                                        " bytes, this one has " + std::to_string(state.defined() ? state.numel() : 0) +
                                        " elements");
  const Tensor own = state.contiguous();
  std::memcpy(&bytes, own.data<std::uint8_t>().data(), sizeof bytes);
  const bool fresh = bytes.left == 1 && bytes.next == 0;
  if (!fresh && (bytes.next > state_.size() || bytes.left != static_cast<std::int64_t>(state_.size() + 1 - bytes.next)))
    throw Error(ErrorCode::corrupt, "a CPU generator's state at draw " + std::to_string(bytes.next) + " cannot have " +
                                        std::to_string(bytes.left) + " draws left");
  std::transform(bytes.state.begin(), bytes.state.end(), state_.begin(),
                 [](std::uint64_t word) { return static_cast<std::uint32_t>(word); });
  seed_ = bytes.seed;
  fresh_ = fresh;
  next_ = fresh ? state_.size() : static_cast<std::size_t>(bytes.next);
  spare_ = bytes.normal_is_valid ? std::optional(bytes.normal_y) : std::nullopt;
}

Generator& default_generator() noexcept {
  thread_local Generator generator;
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator().manual_seed(seed); }

namespace nn::random {
namespace {

constexpr std::size_t piece = 4096;               // draws at a time: they stay in the first-level cache
constexpr std::size_t worth_a_thread = 1u << 19;  // draws

/// Runs fill(generator, begin, end) over [0, n), in two threads if that pays. The second one first skips the draws of
/// the first, which is several times faster than taking them; so the first gets `share` of the range.
template <class Fill>
void split(Generator& generator, std::size_t n, double share, const Fill& fill) {
  if (n >= worth_a_thread && std::thread::hardware_concurrency() > 1) {
    const std::size_t cut = static_cast<std::size_t>(static_cast<double>(n) * share) / piece * piece;
    Generator first = generator;
    base::in_threads(2, 2, [&](std::size_t part) {
      if (part == 0) return fill(first, 0, cut);
      generator.discard(cut);
      fill(generator, cut, n);
    });
    return;
  }
  fill(generator, 0, n);
}

}  // namespace

void fill_uniform(Generator& generator, std::span<float> out, double from, double to) {
  const float low = static_cast<float>(from), range = static_cast<float>(to) - low;
  split(generator, out.size(), 0.63, [&](Generator& source, std::size_t begin, std::size_t end) {
    std::array<std::uint32_t, piece> draws;
    for (; begin < end; begin += piece) {
      const std::size_t n = std::min(piece, end - begin);
      source.random(std::span(draws).first(n));
      kernels().uniform(draws.data(), out.data() + begin, n, range, low);
    }
  });
}

void fill_normal(Generator& generator, std::span<float> out, double mean, double std) {
  if (out.size() < 16) {
    for (float& x : out) x = static_cast<float>(generator.normal64() * std + mean);
    return;
  }
  const float mean32 = static_cast<float>(mean), std32 = static_cast<float>(std);
  const std::size_t whole = out.size() / 16 * 16;
  split(generator, whole, 0.55, [&](Generator& source, std::size_t begin, std::size_t end) {
    std::array<std::uint32_t, piece> draws;
    for (; begin < end; begin += piece) {
      const std::size_t n = std::min(piece, end - begin);
      source.random(std::span(draws).first(n));
      kernels().normal(draws.data(), out.data() + begin, n / 16, mean32, std32);
    }
  });
  if (whole == out.size()) return;
  // torch draws for the rest, then draws the last 16 anew.
  std::array<std::uint32_t, 16> draws;
  generator.discard(out.size() - whole);
  generator.random(draws);
  kernels().normal(draws.data(), out.data() + out.size() - 16, 1, mean32, std32);
}

}  // namespace nn::random
}  // namespace flambeau
