#pragma once
// torch.save's zip container.

#include "formats/format.h"

namespace flambeau::formats {

/// Throws Error(unsupported, corrupt) when the version record is missing, no number or newer than known.
void check_zip_version(const archive::ZipReader& zip);
/// By the record "byteorder"; false without one. Throws Error(unsupported) for another word.
bool is_big_endian(const archive::ZipReader& zip);

namespace torch_zip {
bool sniff(const Input& input);
Checkpoint read(const Input& input, const LoadOptions& options);
}  // namespace torch_zip

}  // namespace flambeau::formats
