#include "plan/kernels/vector.h"
#include "plan/onednn/support.h"

namespace flambeau::plan {

Isa isa() noexcept {
  // oneDNN's answer honours DNNL_MAX_CPU_ISA, so that one variable tests both kinds of kernels.
  static const Isa best = [] {
    if (onednn::has(dnnl::cpu_isa::avx512_core)) return Isa::avx512;
    return onednn::has(dnnl::cpu_isa::avx2) ? Isa::avx2 : Isa::plain;
  }();
  return best;
}

bool has_bfloat16() noexcept { return onednn::has(dnnl::cpu_isa::avx512_core_bf16); }
bool may_use_tiles() noexcept { return onednn::has(dnnl::cpu_isa::avx512_core_amx); }

std::string library_version() {
  const auto* version = dnnl::version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
}

}  // namespace flambeau::plan
