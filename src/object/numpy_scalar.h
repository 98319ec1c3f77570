#pragma once
// numpy's scalars, which pickle as a call of numpy.core.multiarray.scalar and count as plain numbers in Python.

#include <flambeau/object.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace flambeau::object {

struct NumpyScalar {
  std::string_view type;  // "int64"
  std::variant<bool, std::int64_t, std::uint64_t, double> value;
};

/// nullopt for anything else, and for scalars that are no real numbers.
std::optional<NumpyScalar> numpy_scalar(Ref ref);

}  // namespace flambeau::object
