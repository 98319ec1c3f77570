// The compute wing lives in a second program: `flambeau ls` must not pay for loading it.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <flambeau/error.h>

#include "command.h"
#include "main.h"

namespace cli {

int hand_over(const Args& args) {
  std::error_code failed;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  const std::filesystem::path places[] = {here / "flambeau-nn", here.parent_path() / "libexec/flambeau/flambeau-nn"};
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
