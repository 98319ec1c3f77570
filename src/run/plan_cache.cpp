#include "run/plan_cache.h"

#include <filesystem>
#include <map>

#include <fmt/format.h>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <flambeau/version.h>

namespace flambeau::run {
namespace {

/// Raise it when a kernel packs weights otherwise than before.
constexpr int packing = 2;

/// All that the packed weights depend on. Weights stand for themselves by CRC-32, which a file's own directory tells.
std::string key_of(const graph::Graph& graph, const PlanOptions& options) {
  std::string key = fmt::format("flambeau {} packing {} effort {} precision {} threads {} kernels {}\n", version,
                                packing, static_cast<int>(options.effort), static_cast<int>(options.precision),
                                options.threads, static_cast<int>(options.kernels));
  if (options.calibration)
    for (const auto& [operation, range] : options.calibration->ranges)
      key += fmt::format("range {} {}\n", operation, range);
  key += graph::to_string(graph);
  std::map<const Storage*, std::uint32_t> known;
  for (const graph::Node& node : graph.nodes()) {
    const Tensor& tensor = node.constant;
    if (node.op != graph::Op::constant || tensor.is_meta() || tensor.numel() == 0) continue;
    const Storage* storage = tensor.storage().get();
    if (!known.contains(storage)) known[storage] = storage->crc32();
    key +=
        fmt::format("{} {}+{} {:08x}/{}{}{}\n", name(tensor.dtype()), to_string(tensor.strides()), tensor.offset(),
                    known[storage], storage->nbytes(), tensor.is_neg() ? " neg" : "", tensor.is_conj() ? " conj" : "");
  }
  return key;
}

/// FNV-1a: tells files apart; what is inside is compared in full.
std::uint64_t hash(std::string_view text) {
  std::uint64_t result = 0xcbf29ce484222325;
  for (const char c : text) result = (result ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return result;
}

std::shared_ptr<const PackedWeights> read(const std::string& path, const std::string& key) {
  try {
    const Value root = load(path).root();
    if (root["key"].as_string() != key) return nullptr;
    auto packed = std::make_shared<PackedWeights>();
    packed->steps = root["steps"].as_string();
    const Value weights = root["weights"];
    for (std::size_t i = 0; i < weights.size(); ++i) packed->tensors.push_back(weights.at(i).as_tensor());
    return packed;
  } catch (const Error&) {
    return nullptr;  // a cache holds nothing that cannot be made again
  }
}

void write(const std::string& path, const std::string& key, const PackedWeights& packed) try {
  Value weights = Value::list(), root = Value::dict();
  for (const Tensor& tensor : packed.tensors) weights.append(tensor);
  root.set("key", key).set("steps", packed.steps).set("weights", weights);
  save(root, path, {.durable = false});
} catch (const Error& error) {
  if (error.code() != ErrorCode::io) throw;
  // A full disk: what was packed serves this process all the same.
}

}  // namespace

Plan compile_cached(const Recording& recording, const PlanOptions& options, const std::string& folder) {
  if (options.own) return Plan::compile(recording.graph(), options);
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw Error(ErrorCode::io, failed.message(), {.file = folder});
  const std::string key = key_of(recording.graph(), options);
  const std::string path = (std::filesystem::path(folder) / fmt::format("{:016x}.pth", hash(key))).string();
  PlanOptions with = options;
  with.packed = read(path, key);
  Plan plan = Plan::compile(recording.graph(), with);
  if (!plan.took_packed_weights()) write(path, key, plan.packed_weights());
  return plan;
}

}  // namespace flambeau::run
