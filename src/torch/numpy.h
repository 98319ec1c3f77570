#pragma once
// numpy.dtype as it is pickled.

#include <optional>
#include <string_view>

#include <flambeau/dtype.h>
#include <flambeau/object.h>

namespace flambeau::torch {

/// numpy.dtype(type, False, True) with the state (3, byte order, subarray, names, …).
struct PickledDtype {
  std::string_view type;          ///< "f4", "U3"
  bool swapped = false;           ///< big-endian
  std::optional<DType> number{};  ///< what it is to torch: numpy has one object of it

  std::size_t width() const noexcept;  ///< bytes that are in one order
};

/// nullopt for what is no dtype, and for records, objects and other types than numbers, text, bytes and times.
std::optional<PickledDtype> pickled_dtype(object::Ref ref) noexcept;

}  // namespace flambeau::torch
