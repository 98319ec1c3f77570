#include <filesystem>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/hub.h>
#include <flambeau/models.h>
#include <flambeau/near.h>

#include "command.h"
#include "json.h"
#include "published.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::models::Weights;
namespace hub = flambeau::hub;

/// Where the file lies: download.pytorch.org, or a mirror's folder of the same files.
std::string address(const Args& args, const Weights& weights) {
  const auto mirror = args.value("from");
  if (!mirror) return weights.url();
  return *mirror + (mirror->ends_with('/') ? "" : "/") + std::string(weights.file_name);
}

void list(Json& json, const Args& args, std::string_view builder) {
  if (!flambeau::models::find(builder)) published(builder, "DEFAULT");  // throws with near names
  json.object().field("model", builder).key("weights").array();
  Table table({"weights", ">acc@1", ">acc@5", ">parameters", ">size", "crop", "file"});
  for (const Weights& row : flambeau::models::weights_of(builder)) {
    const auto bytes = static_cast<std::uint64_t>(row.file_mib * 1024 * 1024);
    const auto cached = hub::cached(row.file_name);
    json.object().field("name", row.name).field("default", row.is_default).field("url", row.url());
    json.field("sha256_prefix", row.sha256_prefix()).field("parameters", row.parameters);
    json.field("acc1", row.acc1).field("acc5", row.acc5).field("gflops", row.gflops);
    json.field("crop", row.crop).field("resize", row.resize).key("path");
    cached ? json.value(*cached) : json.null();
    json.end();
    const auto accuracy = [](double value) { return value < 0 ? std::string("-") : fmt::format("{:.2f}", value); };
    table.add({std::string(row.name) + (row.is_default ? " (default)" : ""), accuracy(row.acc1), accuracy(row.acc5),
               grouped(static_cast<std::uint64_t>(row.parameters)), human_bytes(bytes), std::to_string(row.crop),
               cached ? shown(*cached) : "-"});
  }
  json.end().end();
  if (!args.has("json")) print(table.text());
}

}  // namespace

const Weights& published(std::string_view builder, std::string_view name) {
  if (!flambeau::models::find(builder)) {
    std::vector<std::string_view> names;
    for (const auto& row : flambeau::models::builders()) names.push_back(row.name);
    throw flambeau::Error(flambeau::ErrorCode::not_found,
                          fmt::format("unknown model '{}'{}", builder, flambeau::did_you_mean(builder, names)));
  }
  if (const Weights* found = flambeau::models::find_weights(builder, name)) return *found;
  std::vector<std::string_view> names;
  for (const Weights& row : flambeau::models::weights_of(builder)) names.push_back(row.name);
  throw flambeau::Error(flambeau::ErrorCode::not_found,
                        fmt::format("{} has no weights '{}'{}; there are {}", builder, name,
                                    flambeau::did_you_mean(name, names), fmt::join(names, ", ")));
}

std::string fetched(const Args& args, const Weights& weights, bool again) {
  if (const auto cached = hub::cached(weights.file_name); cached && !again) return *cached;
  const std::string path = hub::checkpoints_dir() + "/" + std::string(weights.file_name);
  const std::string url = address(args, weights);
  note(args, fmt::format("downloading \"{}\" to {}", url, path));
  const Interruptible interruptible;
  Progress progress(args, "downloading " + std::string(weights.file_name));
  return hub::fetch_to_cache(url, weights.file_name, weights.sha256_prefix(), {.progress = progress.callback()});
}

int pull(const Args& args) {
  Json json;
  if (args.has("list")) {
    json.object().key("models").array();
    for (const std::string& name : args.operands()) list(json, args, name);
    if (args.has("json")) print(json.end().end().text());
    return yes;
  }
  json.object().key("pulled").array();
  for (const std::string& operand : args.operands()) {
    const auto colon = operand.find(':');
    const Weights& weights = published(std::string_view(operand).substr(0, colon),
                                       colon == operand.npos ? "DEFAULT" : operand.substr(colon + 1));
    const bool had = hub::cached(weights.file_name).has_value() && !args.has("again");
    const std::string path = fetched(args, weights, args.has("again"));
    if (had) note(args, path + ": was there already");
    json.object().field("model", weights.builder).field("weights", weights.name).field("path", path);
    json.field("bytes", std::filesystem::file_size(path)).field("downloaded", !had).end();
    if (!args.has("json")) print(shown(path) + "\n");
  }
  if (args.has("json")) print(json.end().end().text());
  return yes;
}

}  // namespace cli
