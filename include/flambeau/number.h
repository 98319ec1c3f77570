#pragma once
/// A Python number: an int or a float.

#include <concepts>

namespace flambeau {

/// An int or a float, as Python holds it: files and texts tell 1 from 1.0. Ints beyond 2^53 do not fit.
struct Number {
  template <std::integral I>
  Number(I v) : value(static_cast<double>(v)), integer(true) {}
  Number(double v) : value(v) {}
  operator double() const noexcept { return value; }
  double value;
  bool integer = false;
};

}  // namespace flambeau
