#include <dnnl.hpp>

#include "plan/kernels/kernels.h"
#include "plan/kernels/vector.h"

namespace flambeau::plan {

Isa isa() noexcept {
  // oneDNN's answer honours DNNL_MAX_CPU_ISA, so that one variable tests both kinds of kernels.
  static const Isa best = [] {
    const auto bits = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
    const auto has = [&](dnnl::cpu_isa set) {
      return (bits & static_cast<unsigned>(set)) == static_cast<unsigned>(set);
    };
    if (has(dnnl::cpu_isa::avx512_core)) return Isa::avx512;
    return has(dnnl::cpu_isa::avx2) ? Isa::avx2 : Isa::plain;
  }();
  return best;
}

std::string library_version() {
  const auto* version = dnnl::version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
}

}  // namespace flambeau::plan
