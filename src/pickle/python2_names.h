#pragma once
// Names that Python 2 and Python 3 spell differently ("__builtin__.unicode", "builtins.str").

#include <string_view>

namespace flambeau::pickle {

struct Name {
  std::string_view module, qualname;
};

/// Python 3's spelling of a name in a stream of protocol 0 to 2; views into the argument or static memory.
Name from_python2(Name name) noexcept;
/// What a stream of protocol 2 writes for Python 3's name.
Name to_python2(Name name) noexcept;

}  // namespace flambeau::pickle
