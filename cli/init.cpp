#include <limits>

#include <fmt/format.h>

#include <flambeau/models.h>
#include <flambeau/predict.h>

#include "command.h"
#include "output.h"
#include "terminal.h"

namespace cli {

int init(const Args& args) {
  const std::string& name = args.operands().front();
  const auto out = args.value("output");
  if (!out) throw UsageError("say where to write: -o FILE");
  flambeau::models::Options options;
  options.seed = args.seed("seed").value_or(0);
  if (const auto classes = args.number("classes", 1, std::numeric_limits<std::int64_t>::max()))
    options.num_classes = static_cast<std::int64_t>(*classes);
  const flambeau::Model model = flambeau::models::make(name, options);
  const std::uint64_t bytes = args.has("whole") ? write(args, model, *out) : write(args, model.state_dict(), *out);
  note(args, fmt::format("{}: {}, seed {}, {} parameters, {}", *out, name, *options.seed,
                         grouped(model->parameter_count()), human_bytes(bytes)));
  return yes;
}

}  // namespace cli
