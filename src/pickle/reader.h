#pragma once
// The pickle machine: protocols 0 to 5 in, an object graph out. It executes nothing and does not recurse.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <flambeau/limits.h>
#include <flambeau/object.h>

namespace flambeau::pickle {

/// What a stream's globals, calls and persistent ids mean. The default makes inert objects; the torch room knows
/// better. Functions return nullopt for "no special meaning".
class Meaning {
 public:
  virtual ~Meaning() = default;
  /// Every GLOBAL, STACK_GLOBAL and INST, once per occurrence, with Python 3's names; may throw Error(forbidden).
  virtual void global(std::string_view module, std::string_view qualname) { (void)module, (void)qualname; }
  virtual std::optional<object::Ref> persistent(object::Heap& heap, object::Ref id) {
    (void)heap, (void)id;
    return std::nullopt;
  }
  virtual std::optional<object::Ref> reduce(object::Heap& heap, object::Ref callable, object::Ref args) {
    (void)heap, (void)callable, (void)args;
    return std::nullopt;
  }
  virtual std::optional<object::Ref> newobj(object::Heap& heap, object::Ref cls, object::Ref args) {
    (void)heap, (void)cls, (void)args;
    return std::nullopt;
  }
  /// BUILD; true if handled. Otherwise objects and OrderedDicts take their state, and anything else is refused.
  virtual bool build(object::Heap& heap, object::Ref target, object::Ref state) {
    (void)heap, (void)target, (void)state;
    return false;
  }
};

/// How much memory a graph may take: `base` + `factor` × the bytes read so far. Real checkpoints need up to 6 bytes per
/// byte of pickle (many small tensors); a hostile one could ask for a thousand.
struct Allowance {
  std::uint64_t base = 24ull << 20, factor = 32;
};
/// For scanning: with the stream itself and the process, 32 MiB + 4 × the pickle.
inline constexpr Allowance tight{24ull << 20, 3};

struct Result {
  object::Ref root;
  std::uint64_t end = 0;  ///< offset just after STOP
  int protocol = 0;       ///< of the PROTO opcode; 0 without one (1 if binary opcodes were seen)
};

/// Reads one pickle from the start of `stream` (bytes after STOP are ignored). Builtins that pickle itself needs
/// (set, frozenset, bytes via _codecs.encode, bytearray, OrderedDict) become their kinds; other calls go to `meaning`,
/// then become Objects. CPython's fresh objects are fresh here too: the state of an Object or OrderedDict is copied and
/// its keys interned (but for modules, whose __setstate__ keeps the keys), and so are the strings given to getattr and
/// to pathlib's classes. Of equal keys of a dict the last value stays, at the first one's place. Persistent ids without
/// a meaning, EXT* and NEXT_BUFFER are Error(unsupported). Throws Error(truncated, corrupt, unsupported, limit) with
/// the offset of the opcode, and what `meaning` throws.
Result read(std::span<const std::byte> stream, object::Heap& heap, Meaning& meaning, const Limits& limits,
            Allowance allowance = {});

}  // namespace flambeau::pickle
