#pragma once
/// Looking into files: which tensors they hold, whether they are whole, and what loading them in Python could execute.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>

namespace flambeau {

/// One step from the root: an integer (list index, integer key) or text (string key, attribute, Python's repr of other
/// keys).
using PathElement = std::variant<std::int64_t, std::string>;

/// One tensor under one path. A tensor met under two paths is listed twice.
struct Listed {
  std::vector<PathElement> path{};
  std::string name{};   ///< the path joined by dots
  std::string dtype{};  ///< torch's name without "torch."; "gguf.Q8_0" for gguf's blocks
  Shape shape{};
  std::optional<Shape> stride{};  ///< in elements; none for gguf's blocks
  std::int64_t offset = 0;        ///< in elements
  std::optional<std::uint64_t>
      storage{};  ///< equal numbers share a storage (numbered by first use); none for meta tensors
  std::uint64_t nbytes = 0;
  std::string sha256{};  ///< hex; empty when not asked for, and for meta tensors
  bool requires_grad = false, parameter = false;
  Tensor tensor{};         ///< the tensor itself
  std::string location{};  ///< "cpu", "cuda:0", …: the tag in the file
};

struct ListOptions {
  bool sha256 = false;   ///< of the row-major little-endian elements, conj and neg bits carried out
  unsigned threads = 2;  ///< for hashing
  Limits limits{};       ///< max_visits and max_listed_bytes
};

/// Every tensor below the root, depth first, in the file's own order; README.md of the fixtures defines the paths.
/// Throws Error(limit), and with sha256 what reading the bytes throws (the error names the tensor).
std::vector<Listed> list(const Checkpoint& checkpoint, const ListOptions& options = {});

/// The document that `ls --json` prints: {"file": …, "format": …, "tensors": […]}. Valid UTF-8; lone surrogates,
/// control and direction characters are escaped.
std::string to_json(const Checkpoint& checkpoint, const std::vector<Listed>& tensors);

/// Python's repr of a value, as far as values go that nothing executes; objects print as "module.Class(…)". Bounded by
/// `max_bytes`.
std::string repr(const Value& value, std::size_t max_bytes = 4096);

/// `text` as a JSON string with its quotes, escaped as to_json does.
std::string json_string(std::string_view text);

enum class Verdict : std::uint8_t { clean, suspicious, dangerous, unreadable };
std::string_view name(Verdict verdict) noexcept;

struct ScanReport {
  struct Finding {
    Verdict verdict = Verdict::suspicious;
    std::string global{};                   ///< "os.system"; empty when the finding is about the container
    std::string member{};                   ///< record inside the container
    std::optional<std::uint64_t> offset{};  ///< of the opcode inside `member`
    std::string reason{};
  };
  /// The worst of the findings. Never `clean` for a file that was not read whole.
  Verdict verdict = Verdict::clean;
  std::string format{};
  std::vector<Finding> findings{};
  std::vector<std::string> globals{};  ///< every global named, in order of first use, harmless ones too
};

/// What could loading `path` in Python execute? Does not throw for what the file holds; Error(not_found, io) for the
/// file itself.
ScanReport scan(const std::string& path, const LoadOptions& options = {});

struct VerifyReport {
  struct Problem {
    ErrorCode code = ErrorCode::corrupt;
    std::string member{};
    std::string tensor{};  ///< name of a damaged tensor, if it is one
    std::string text{};
  };
  bool whole = true;  ///< no problems
  std::string format{};
  std::uint64_t tensors = 0;
  std::uint64_t checked_records = 0, unchecked_records = 0;  ///< with and without a recorded checksum
  std::vector<Problem> problems{};
  std::vector<std::string> notes{};  ///< odd but legal ("not checked: the writer switched CRC off")
  struct NotFinite {
    std::string tensor{};
    std::uint64_t nan = 0, inf = 0;
  };
  std::vector<NotFinite> not_finite{};  ///< tensors that hold NaN or infinity (no problem by itself)
};

/// Is the file whole? Structure, lengths, every recorded checksum, the hash in the file name, NaN and infinity per
/// tensor. Does not throw for what the file holds; Error(not_found, io) for the file itself.
VerifyReport verify(const std::string& path, const LoadOptions& options = {});

}  // namespace flambeau
