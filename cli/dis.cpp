#include <flambeau/pickle.h>

#include "command.h"
#include "input.h"
#include "terminal.h"

namespace cli {

int dis(const Args& args) {
  const flambeau::DisassembleOptions options{.member = args.value_or("member", ""),
                                             .limits = load_options(args).limits};
  flambeau::disassemble(
      input_path(args.operands().front()),
      [](std::string_view line) {
        print(shown_text(line));
        print("\n");
      },
      options);
  return yes;
}

}  // namespace cli
