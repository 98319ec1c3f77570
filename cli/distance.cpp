#include "distance.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <concepts>
#include <limits>

#include "input.h"

namespace cli {
namespace {

using flambeau::DType;
using flambeau::Tensor;

/// Running sums over pairs of numbers.
class Measure {
 public:
  explicit Measure(const Tolerance& tolerance) : tolerance_(tolerance) { result_.measured = result_.within = true; }

  void add(double x, double y) {
    const bool same = x == y || (std::isnan(x) && std::isnan(y));
    add(x, y, same ? 0 : std::isnan(x) || std::isnan(y) ? infinity : std::abs(x - y));
  }
  /// Of 64 bits, where a double does not tell neighbours apart.
  template <std::integral Number>
  void add(Number x, Number y) {
    const auto [low, high] = std::minmax(x, y);
    const std::uint64_t gap = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    add(static_cast<double>(x), static_cast<double>(y), static_cast<double>(gap));
  }
  void add(std::complex<double> x, std::complex<double> y) {
    add(x.real(), y.real());
    add(x.imag(), y.imag());
  }
  Distance result() {
    if (square_x_ > 0 && square_y_ > 0) result_.cosine = product_ / std::sqrt(square_x_) / std::sqrt(square_y_);
    if (!std::isfinite(product_)) result_.cosine = std::numeric_limits<double>::quiet_NaN();
    return result_;
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  void add(double x, double y, double gap) {
    if (gap == 0 && !std::isfinite(x)) return;
    product_ += x * y, square_x_ += x * x, square_y_ += y * y;
    if (gap == 0) return;
    ++result_.differing;
    result_.max_abs = std::max(result_.max_abs, gap);
    result_.max_rel = std::max(result_.max_rel, y == 0 ? infinity : gap / std::abs(y));
    // No tolerance bridges infinity, as in torch.isclose.
    if (!std::isfinite(gap) || gap > tolerance_.absolute + tolerance_.relative * std::abs(y)) result_.within = false;
  }

  Tolerance tolerance_;
  Distance result_{};
  double product_ = 0, square_x_ = 0, square_y_ = 0;
};

template <class Number>
void add_all(Measure& measure, const Tensor& a, const Tensor& b) {
  const auto xs = a.data<Number>(), ys = b.data<Number>();
  for (std::size_t i = 0; i < xs.size(); ++i) measure.add(xs[i], ys[i]);
}

// Floating-point numbers of one size, counted from the most negative to the most positive.
template <class Bits>
std::uint64_t steps(Bits a, Bits b) {
  constexpr Bits sign = Bits(Bits{1} << (8 * sizeof(Bits) - 1));
  const auto ordered = [](Bits bits) {
    return bits & sign ? static_cast<Bits>(~bits + 1) : static_cast<Bits>(bits | sign);
  };
  const Bits x = ordered(a), y = ordered(b);
  return x > y ? x - y : y - x;
}

template <class Element>
std::uint64_t most_steps(const Tensor& a, const Tensor& b) {
  using Bits = std::conditional_t<sizeof(Element) == 8, std::uint64_t,
                                  std::conditional_t<sizeof(Element) == 4, std::uint32_t, Element>>;
  const auto xs = a.data<Element>(), ys = b.data<Element>();
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < xs.size(); ++i)
    most = std::max(most, steps(std::bit_cast<Bits>(xs[i]), std::bit_cast<Bits>(ys[i])));
  return most;
}

std::optional<std::uint64_t> most_steps_between(const Tensor& a, const Tensor& b) {
  switch (a.dtype()) {
    case DType::float64:
      return most_steps<double>(a, b);
    case DType::float32:
      return most_steps<float>(a, b);
    case DType::float16:
    case DType::bfloat16:
      return most_steps<std::uint16_t>(a, b);
    default:
      return std::nullopt;
  }
}

}  // namespace

Distance distance(const Tensor& a, const Tensor& b, const Tolerance& tolerance) {
  if (!a.defined() || !b.defined() || a.is_meta() || b.is_meta()) {
    const bool same = a.defined() && b.defined() && a.is_meta() && b.is_meta() && a.dtype() == b.dtype();
    return {.equal = same, .within = same};
  }
  if (a.dtype() == b.dtype() && a.equal(b)) return {.equal = true, .within = true};
  const auto wide_a = widened(a.dtype()), wide_b = widened(b.dtype());
  if (!wide_a || !wide_b) return {};
  const bool complex = wide_a == DType::complex128 || wide_b == DType::complex128;
  const DType wide = wide_a == wide_b ? *wide_a : complex ? DType::complex128 : DType::float64;
  Measure measure(tolerance);
  std::optional<std::uint64_t> ulp;
  const Tensor flat_a = a.contiguous().reshape({-1}), flat_b = b.contiguous().reshape({-1});
  constexpr std::int64_t piece = 1 << 18;
  for (std::int64_t at = 0; at < flat_a.numel(); at += piece) {
    const std::int64_t length = std::min(piece, flat_a.numel() - at);
    const Tensor part_a = flat_a.narrow(0, at, length), part_b = flat_b.narrow(0, at, length);
    if (a.dtype() == b.dtype())
      if (const auto most = most_steps_between(part_a, part_b)) ulp = std::max(ulp.value_or(0), *most);
    switch (wide) {
      case DType::complex128:
        add_all<std::complex<double>>(measure, part_a.to(wide), part_b.to(wide));
        break;
      case DType::int64:
        add_all<std::int64_t>(measure, part_a.to(wide), part_b.to(wide));
        break;
      case DType::uint64:
        add_all<std::uint64_t>(measure, part_a.to(wide), part_b.to(wide));
        break;
      default:
        add_all<double>(measure, part_a.to(wide), part_b.to(wide));
    }
  }
  Distance result = measure.result();
  result.max_ulp = ulp;
  return result;
}

}  // namespace cli
