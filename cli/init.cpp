#include <filesystem>
#include <limits>

#include <fmt/format.h>

#include <flambeau/models.h>
#include <flambeau/predict.h>

#include "command.h"
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
  {
    const Interruptible interruptible;
    Progress progress(args, "writing " + shown(*out));
    flambeau::SaveOptions saving;
    saving.progress = progress.callback();
    if (args.has("whole"))
      flambeau::save(model, *out, saving);
    else
      flambeau::save(model.state_dict(), *out, saving);
  }
  note(args, fmt::format("{}: {}, seed {}, {} parameters, {}", *out, name, *options.seed,
                         grouped(model->parameter_count()), human_bytes(std::filesystem::file_size(*out))));
  return yes;
}

}  // namespace cli
