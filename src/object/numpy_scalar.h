#pragma once
// numpy's scalars, which pickle as a call of numpy.core.multiarray.scalar and count as plain numbers in Python.

#include <flambeau/object.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace flambeau::object {

/// What numpy.core.multiarray.scalar is called with: a pickled dtype and the bytes, which live as long as the node.
struct NumpyScalarCall {
  Ref dtype{};
  const std::string* bytes = nullptr;
};
/// nullopt for any other call.
std::optional<NumpyScalarCall> numpy_scalar_call(const Object& object);

struct NumpyScalar {
  std::string_view type;  // "int64"
  std::variant<bool, std::int64_t, std::uint64_t, double> value;
};

/// nullopt for anything else, and for scalars that are no real numbers.
std::optional<NumpyScalar> numpy_scalar(Ref ref);

}  // namespace flambeau::object
