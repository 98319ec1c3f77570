#pragma once
// The container of torch.save before 1.6 (and of _use_new_zipfile_serialization=False): five pickles, then raw
// storages.

#include <map>
#include <string>
#include <vector>

#include "formats/format.h"

namespace flambeau::formats {

/// Whether `ref` is the integer 0x1950a86a20f9469cfc6c, the first pickle of a legacy file.
bool is_legacy_magic(object::Ref ref) noexcept;

/// Where the parts of a legacy file lie; found by reading its pickles once without their data.
struct LegacyLayout {
  struct Raw {
    std::uint64_t offset = 0, nbytes = 0;
  };
  std::uint64_t object_begin = 0, object_end = 0;      ///< the pickle of the object
  std::map<std::string, Raw, std::less<>> storages{};  ///< by key, in no order
  std::uint64_t end = 0;                               ///< just after the last storage
  std::vector<std::string> notes{};
};
/// Throws Error(truncated, corrupt, unsupported, limit).
LegacyLayout legacy_layout(const bytes::Source& source, const LoadOptions& options);

namespace torch_legacy {
bool sniff(const Input& input);
Checkpoint read(const Input& input, const LoadOptions& options);
}  // namespace torch_legacy

}  // namespace flambeau::formats
