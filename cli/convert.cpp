#include <filesystem>

#include <fmt/format.h>

#include <flambeau/error.h>

#include "command.h"
#include "edit.h"
#include "input.h"
#include "json.h"
#include "output.h"
#include "split.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::SaveOptions;

SaveOptions::Format format_for(const Args& args, std::string out) {
  const auto to = args.value("to");
  if (args.has("legacy") && to && to != "torch-legacy") throw UsageError("--legacy contradicts --to " + *to);
  if (args.has("legacy") || to == "torch-legacy") return SaveOptions::Format::legacy;
  if (to) return to == "safetensors" ? SaveOptions::Format::safetensors : SaveOptions::Format::zip;
  if (is_index(out)) out = out.substr(0, out.rfind(".index.json"));
  const std::string extension = std::filesystem::path(out).extension().string();
  if (extension == ".safetensors") return SaveOptions::Format::safetensors;
  for (const std::string_view known : {".pth", ".pt", ".bin", ".ckpt", ".th", ".tar", ".pkl", ""})
    if (extension == known) return SaveOptions::Format::zip;
  throw UsageError("'" + out + "': cannot tell the format from the name; say it with --to");
}

std::string_view name(SaveOptions::Format format) {
  switch (format) {
    case SaveOptions::Format::zip:
      return "torch-zip";
    case SaveOptions::Format::legacy:
      return "torch-legacy";
    case SaveOptions::Format::safetensors:
      break;
  }
  return "safetensors";
}

}  // namespace

int convert(const Args& args) {
  const std::string &in = args.operands()[0], &out = args.operands()[1];
  SaveOptions options;
  options.format = format_for(args, out);
  const auto most = args.amount("split");
  if (most.has_value() != is_index(out))
    throw UsageError(most ? "with --split OUT names the index: model.bin.index.json"
                          : "'" + out + "' names an index: say how large its parts may be with --split SIZE");
  check_edits(args);
  is_stdout(args, out);  // before the work

  flambeau::Checkpoint checkpoint = open(args, in, flambeau::Read::lazy);
  for (const std::string& text : checkpoint.container().notes) note(args, in + ": " + text);
  // Without its code a TorchScript module is no object that Python could load.
  const bool script =
      checkpoint.root().kind() == flambeau::Kind::object && checkpoint.container().format == "torchscript";
  std::string prefix;
  if (edits_names(args) || most || script || options.format == SaveOptions::Format::safetensors)
    checkpoint.root() = edited(args, checkpoint, in, prefix).to_value();
  cast(args, checkpoint.root(), in, prefix);

  std::vector<std::string> written;
  std::uint64_t bytes = 0;
  if (most) {
    try {
      written = write_shards(args, flambeau::StateDict::from_value(checkpoint.root()), out, *most, options);
    } catch (const flambeau::Error& error) {
      throw error.at({.file = out});
    }
    for (const std::string& path : written) bytes += std::filesystem::file_size(path);
  } else {
    bytes = write(args, checkpoint, out, options);
  }
  if (args.has("json")) {
    Json json;
    json.object().field("in", in).field("out", out).field("from", checkpoint.container().format);
    json.field("to", name(options.format)).field("bytes", bytes);
    if (most) json.list("shards", written);
    print(json.end().text());
  } else {
    note(args, fmt::format("{}: {}{}, {}", out, name(options.format),
                           most ? fmt::format(" in {} parts", written.size()) : "", human_bytes(bytes)));
  }
  return yes;
}

}  // namespace cli
