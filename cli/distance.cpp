#include "distance.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <limits>

namespace cli {
namespace {

using flambeau::DType;
using flambeau::DTypeClass;
using flambeau::Tensor;

bool is_complex(const Tensor& tensor) { return flambeau::info(tensor.dtype()).kind == DTypeClass::complex; }

bool has_numbers(const Tensor& tensor) {
  const DTypeClass kind = flambeau::info(tensor.dtype()).kind;
  return kind == DTypeClass::floating || kind == DTypeClass::signed_integer || kind == DTypeClass::unsigned_integer ||
         kind == DTypeClass::boolean || kind == DTypeClass::complex;
}

/// Running sums over pairs of numbers.
class Measure {
 public:
  explicit Measure(const Tolerance& tolerance) : tolerance_(tolerance) { result_.measured = result_.within = true; }

  void add(double x, double y) {
    if (x == y || (std::isnan(x) && std::isnan(y))) {
      if (std::isfinite(x)) sum(x, y);
      return;
    }
    ++result_.differing;
    const double gap = std::isnan(x) || std::isnan(y) ? infinity : std::abs(x - y);
    result_.max_abs = std::max(result_.max_abs, gap);
    result_.max_rel = std::max(result_.max_rel, y == 0 ? infinity : gap / std::abs(y));
    if (!(gap <= tolerance_.absolute + tolerance_.relative * std::abs(y))) result_.within = false;
    sum(x, y);
  }
  Distance result() {
    if (square_x_ > 0 && square_y_ > 0) result_.cosine = product_ / std::sqrt(square_x_) / std::sqrt(square_y_);
    return result_;
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  void sum(double x, double y) { product_ += x * y, square_x_ += x * x, square_y_ += y * y; }

  Tolerance tolerance_;
  Distance result_{};
  double product_ = 0, square_x_ = 0, square_y_ = 0;
};

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
  if (!has_numbers(a) || !has_numbers(b)) return {};
  const bool complex = is_complex(a) || is_complex(b);
  Measure measure(tolerance);
  std::optional<std::uint64_t> ulp;
  const Tensor flat_a = a.contiguous().reshape({-1}), flat_b = b.contiguous().reshape({-1});
  constexpr std::int64_t piece = 1 << 18;
  for (std::int64_t at = 0; at < flat_a.numel(); at += piece) {
    const std::int64_t length = std::min(piece, flat_a.numel() - at);
    const Tensor part_a = flat_a.narrow(0, at, length), part_b = flat_b.narrow(0, at, length);
    if (a.dtype() == b.dtype())
      if (const auto most = most_steps_between(part_a, part_b)) ulp = std::max(ulp.value_or(0), *most);
    const DType wide = complex ? DType::complex128 : DType::float64;
    const Tensor wide_a = part_a.to(wide).contiguous(), wide_b = part_b.to(wide).contiguous();
    if (complex) {
      const auto xs = wide_a.data<std::complex<double>>(), ys = wide_b.data<std::complex<double>>();
      for (std::size_t i = 0; i < xs.size(); ++i) {
        measure.add(xs[i].real(), ys[i].real());
        measure.add(xs[i].imag(), ys[i].imag());
      }
    } else {
      const auto xs = wide_a.data<double>(), ys = wide_b.data<double>();
      for (std::size_t i = 0; i < xs.size(); ++i) measure.add(xs[i], ys[i]);
    }
  }
  Distance result = measure.result();
  result.max_ulp = ulp;
  return result;
}

}  // namespace cli
