#pragma once
/// torch.nn.init and torch's random numbers on the CPU, bit for bit as torch 2.13 gives them on x86 with AVX2.
///
/// All functions draw from the calling thread's default generator (see manual_seed) and fill float32 tensors in memory
/// order (float64 where said); meta tensors are left alone and draw nothing. Other dtypes throw Error(unsupported).

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <flambeau/tensor.h>

namespace flambeau {

/// mt19937 with torch's rules: seeded by the low 32 bits; keeps one spare normal across calls. A value; not
/// thread-safe.
class Generator {
 public:
  /// A seed that nobody knows, as torch before manual_seed.
  Generator();
  explicit Generator(std::uint64_t seed) { manual_seed(seed); }
  void manual_seed(std::uint64_t seed);

  std::uint32_t random();
  /// The first draw is the high word.
  std::uint64_t random64() {
    const std::uint64_t high = random();
    return (high << 32) | random();
  }
  /// `out.size()` draws, many at once.
  void random(std::span<std::uint32_t> out);
  /// As if `n` draws had been taken.
  void discard(std::uint64_t n);
  /// 32-bit draws so far, whatever the seed: tells whether something drew in between.
  std::uint64_t drawn() const noexcept { return refills_ * state_.size() + next_; }
  /// 53 bits in [0, 1).
  double uniform64() { return static_cast<double>(random64() & ((1ull << 53) - 1)) * 0x1p-53; }
  /// Standard normal by Box-Muller in double, with the spare of the last pair.
  double normal64();

  /// torch.get_rng_state() of the CPU generator: 5056 bytes.
  Tensor state() const;
  /// Throws Error(corrupt) unless it is such a tensor.
  void set_state(const Tensor& state);

 private:
  void refill() noexcept;

  std::array<std::uint32_t, 624> state_{};
  std::size_t next_ = 624;  // of state_ to be given out
  std::uint64_t refills_ = 0;
  bool fresh_ = true;  // nothing was drawn since the seed
  std::uint64_t seed_ = 0;
  std::optional<double> spare_{};
};

/// Of the calling thread.
Generator& default_generator() noexcept;

namespace nn::init {

enum class FanMode : std::uint8_t { fan_in, fan_out };
/// From a weight's shape: size(1) and size(0), times the receptive field. Throws Error(invalid_argument) below two
/// dimensions.
struct Fans {
  std::int64_t in, out;
};
Fans fans(const Tensor& weight);
/// "linear", "conv2d", …, "sigmoid", "tanh", "relu", "leaky_relu" (`param`: its slope, 0.01), "selu".
double calculate_gain(std::string_view nonlinearity, std::optional<double> param = {});

void constant_(Tensor& tensor, double value);
inline void zeros_(Tensor& tensor) { constant_(tensor, 0); }
inline void ones_(Tensor& tensor) { constant_(tensor, 1); }
void uniform_(Tensor& tensor, double a = 0, double b = 1);
void normal_(Tensor& tensor, double mean = 0, double std = 1);
/// torch 2.13's: whole tensors are drawn again for the elements that fall outside [a, b].
void trunc_normal_(Tensor& tensor, double mean = 0, double std = 1, double a = -2, double b = 2);
void xavier_uniform_(Tensor& tensor, double gain = 1);
void xavier_normal_(Tensor& tensor, double gain = 1);
/// `a`: the negative slope that leaky_relu uses.
void kaiming_uniform_(Tensor& tensor, double a = 0, FanMode mode = FanMode::fan_in,
                      std::string_view nonlinearity = "leaky_relu");
void kaiming_normal_(Tensor& tensor, double a = 0, FanMode mode = FanMode::fan_in,
                     std::string_view nonlinearity = "leaky_relu");

}  // namespace nn::init

/// torch.rand, torch.randn: float32.
Tensor rand(Shape shape);
Tensor randn(Shape shape);
/// torch.randint(low, high, shape): int64.
Tensor randint(std::int64_t low, std::int64_t high, Shape shape);
/// torch.randperm(n): int64.
Tensor randperm(std::int64_t n);
/// tensor.bernoulli_(p): float32 zeros and ones.
void bernoulli_(Tensor& tensor, double p);

}  // namespace flambeau
