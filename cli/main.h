#pragma once

namespace cli {

/// The process's own arguments, as exec takes them.
char* const* command_line() noexcept;

}  // namespace cli
