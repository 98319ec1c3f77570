// The compute wing lives in a second program: `flambeau ls` must not pay for loading it.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <flambeau/error.h>

#include "command.h"
#include "main.h"

namespace cli {
namespace {

/// Waiting threads of OpenMP's pool spin for some milliseconds, as long as a small network takes in all, and each
/// change of the address space has to interrupt them. A twentieth bridges the gaps between layers as well.
void spin_less() {
  for (const char* name : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"})
    if (std::getenv(name)) return;
  ::setenv("GOMP_SPINCOUNT", "15000", 0);
}

}  // namespace

int hand_over(const Args& args) {
  std::error_code failed;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  const std::filesystem::path places[] = {here / "flambeau-nn", here.parent_path() / "libexec/flambeau/flambeau-nn"};
  spin_less();
  for (const auto& place : places) {
    execv(place.c_str(), command_line());
    if (errno != ENOENT && errno != ENOTDIR)
      throw flambeau::Error(flambeau::ErrorCode::io, std::strerror(errno), {.file = place.string()});
  }
  throw flambeau::Error(flambeau::ErrorCode::not_found, "'" + std::string(args.verb().name) +
                                                            "' needs the program flambeau-nn, which is neither at " +
                                                            places[0].string() + " nor at " + places[1].string());
}

}  // namespace cli
