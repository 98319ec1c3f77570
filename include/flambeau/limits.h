#pragma once
/// Caps on what a file may make the reader do. Every input may be hostile.

#include <cstdint>

namespace flambeau {

/// Each cap guards one resource. A file that needs more is refused with ErrorCode::limit, which names the field;
/// raise it in `LoadOptions::limits` (library) or with `--limit NAME=VALUE` (command).
struct Limits {
  std::uint64_t max_pickle_bytes = 256ull << 20;  ///< one pickle stream; real ones stay below 10 MB
  std::uint64_t max_objects = 64ull << 20;        ///< values in one object graph; 8 to 64 bytes each
  std::uint64_t max_memo = 64ull << 20;           ///< memo slots; an index may never exceed the stream's length either
  std::uint64_t max_integer_bytes = 4096;         ///< one big integer (4,300 digits in text form, as CPython)
  std::uint64_t max_entries = 16ull << 20;        ///< records in one archive directory
  std::uint64_t max_name_bytes = 65535;           ///< one record name
  std::uint64_t max_inflated_ratio = 1032;        ///< deflate cannot do better; a larger claim is a lie
  std::uint64_t max_inflated_total = 4ull << 30;  ///< inflated bytes of one archive (deflate bombs)
  std::uint64_t max_tensor_rank = 64;             ///< dimensions of one tensor, as torch
  std::uint64_t max_dense_bytes = 64ull << 30;    ///< bytes made when an expanded or strided tensor is made contiguous
  std::uint64_t max_json_bytes = 100ull << 20;    ///< safetensors header, shard index, as the safetensors crate
  std::uint64_t max_visits = 64ull << 20;         ///< values met below a root; sharing can make them exponential
  std::uint64_t max_listed_bytes = 512ull
                                   << 20;  ///< the rows of one list, paths and names included; 1 KB each is usual
  std::uint32_t max_nested_files = 8;      ///< checkpoints inside checkpoints (`_load_from_bytes`)
};

}  // namespace flambeau
