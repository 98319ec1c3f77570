#pragma once
// One pickle stream, looked at for what loading it could execute.

#include <flambeau/error.h>
#include <flambeau/inspect.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace flambeau::inspect {

struct ScannedPickle {
  std::vector<ScanReport::Finding> findings{};  ///< `member` left empty
  std::vector<std::string> globals{};           ///< in order of first use
  std::optional<Error> failure{};  ///< why the machine stopped; what the rest names is in `findings` all the same
  std::uint64_t end = 0;           ///< just after STOP; where the machine stopped after a failure
};

/// Runs the loader's own machine over the stream, with nothing executed and no data read. After a failure the rest is
/// read opcode by opcode for the names in it. `nested` is given the bytes of every checkpoint inside the pickle, and
/// reads them.
using Nested = std::function<object::Ref(object::Heap&, std::string_view)>;
ScannedPickle scan_pickle(std::span<const std::byte> stream, const LoadOptions& options, const Nested& nested);

}  // namespace flambeau::inspect
