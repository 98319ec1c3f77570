#pragma once
// SHA-256 of tensors.

#include <string>
#include <vector>

#include <flambeau/inspect.h>

#include "bytes/source.h"

namespace flambeau::inspect {

/// Hex digest of the row-major little-endian elements, conj and neg bits carried out. Whole storages are streamed.
std::string sha256(const Tensor& tensor);
/// Of a whole file, read in pieces.
std::string sha256_of(const bytes::Source& source);

/// Fills `sha256` of every row that is no meta tensor, on `threads` threads. Errors name the tensor.
void add_digests(std::vector<Listed>& rows, unsigned threads);

}  // namespace flambeau::inspect
