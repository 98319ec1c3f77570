// Whole modules through files: what torch wrote prints and lists the same here, and what is written here is what torch
// writes.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include <flambeau/error.h>
#include <flambeau/models.h>
#include <flambeau/predict.h>

#include "../nn/layer_cases.h"
#include "models/families.h"
#include "nn/pickle.h"

namespace flambeau {
namespace {

const std::string fixtures = FLAMBEAU_SHARED "/fixtures/";

struct Row {
  std::string file, producer, container, repr;
  bool training = false;
  std::vector<std::string> state_names;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Row> model_rows() {
  std::vector<Row> rows;
  std::string text = text_of(fixtures + "manifest.json");
  if (text.empty()) return rows;
  // Other rows have keys with lone surrogates, which simdjson refuses.
  for (std::size_t at = 0; (at = text.find("\\ud", at)) != text.npos;) text[at + 2] = '0';
  simdjson::dom::parser parser;
  const simdjson::dom::element manifest = parser.parse(text);
  for (const auto entry : manifest.get_array()) {
    std::string_view kind;
    if (entry["kind"].get(kind) || kind != "model") continue;
    Row row;
    row.file = std::string_view(entry["file"]);
    row.container = std::string_view(entry["container"]);
    row.repr = std::string_view(entry["repr"]);
    row.training = entry["training"];
    for (const auto name : entry["state_names"].get_array()) row.state_names.emplace_back(std::string_view(name));
    rows.push_back(std::move(row));
  }
  return rows;
}

TEST(WholeModule, FixturesPrintAndListAsInPython) {
  const auto rows = model_rows();
  if (rows.empty()) GTEST_SKIP() << "no fixtures in " << fixtures;
  std::size_t printed = 0;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.file);
    const Model model = load_model(fixtures + row.file);
    EXPECT_EQ(model->training(), row.training);
    std::vector<std::string> names;
    for (const auto& entry : model.state_dict()) names.push_back(entry.name);
    auto expected = row.state_names;
    std::erase(expected, "_extra_state");  // made by code of a class that is unknown here
    EXPECT_EQ(names, expected);
    if (!row.file.starts_with("torch-2.13")) continue;  // 1.13 printed no bias=
    ++printed;
    const auto modules = model->named_modules();
    const bool known = std::none_of(modules.begin(), modules.end(), [](const auto& entry) {
      return dynamic_cast<nn::UnknownModule*>(entry.second) != nullptr;
    });
    if (known) {
      EXPECT_EQ(model.repr(), row.repr);
    }
  }
  EXPECT_GT(printed, 30u);
}

TEST(WholeModule, EveryTorchClassOfTheFixturesIsKnown) {
  const auto rows = model_rows();
  if (rows.empty()) GTEST_SKIP() << "no fixtures in " << fixtures;
  std::set<std::string> unknown;
  for (const Row& row : rows) {
    const Model model = load_model(fixtures + row.file);
    for (const auto& [path, module] : model->named_modules())
      if (dynamic_cast<nn::UnknownModule*>(module) &&
          (module->python_module().starts_with("torch.") || module->python_module().starts_with("torchvision.")))
        unknown.insert(std::string(module->python_module()) + "." + std::string(module->class_name()));
  }
  EXPECT_EQ(unknown, std::set<std::string>{});
}

TEST(WholeModule, FreshLayersAreSavedByteForByteAsTorchSavesThem) {
  for (const auto& row : nn::test::rows(FLAMBEAU_TEST_DATA "/../../nn/data/layers.tsv")) {
    SCOPED_TRACE(row[0]);
    const nn::ModulePtr module = nn::test::make(row[0]);
    ASSERT_TRUE(module);
    const auto heap = std::make_shared<object::Heap>();
    const std::string file = save_to_memory(Value(heap, nn::to_object(*heap, *module)));
    std::ostringstream hash;
    hash << std::hex << nn::test::fnv(file);
    EXPECT_EQ(hash.str(), row[2]);
  }
}

TEST(WholeModule, FixturesSavedAgainAreUnchanged) {
  const auto rows = model_rows();
  if (rows.empty()) GTEST_SKIP() << "no fixtures in " << fixtures;
  const auto folder = std::filesystem::temp_directory_path() / ("flambeau-whole-module-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::vector<std::string> changed;
  std::size_t compared = 0;
  for (const Row& row : rows) {
    if (!row.file.starts_with("torch-2.13/models/") || row.container != "torch-zip") continue;
    ++compared;
    const auto path = folder / std::filesystem::path(row.file).filename();
    save(load_model(fixtures + row.file), path.string());
    if (text_of(path.string()) != text_of(fixtures + row.file)) changed.push_back(row.file);
    // What changed in bytes must not change in meaning.
    EXPECT_EQ(load_model(path.string()).repr(), row.repr) << row.file;
  }
  std::filesystem::remove_all(folder);
  EXPECT_GT(compared, 30u);
  // Equal in meaning, not in bytes: protocol 4; strings inside kept values (a partial's keywords, a hook's state) that
  // Python shared with attribute names; names of weights that the process had interned for an earlier layer.
  const std::vector<std::string> known = {
      "torch-2.13/models/layers-recurrent-eval.pth", "torch-2.13/models/tiny-net-protocol-4.pth",
      "torch-2.13/models/torchvision-vit-tiny-eval.pth", "torch-2.13/models/weight-norm-hook.pth"};
  EXPECT_EQ(changed, known);
}

/// The module as it comes back from its pickled form, with attribute `name` replaced.
nn::ModulePtr reread(const nn::Module& module, const std::shared_ptr<object::Heap>& heap, std::string_view name,
                     object::Ref with) {
  const Value value(heap, nn::to_object(*heap, module));
  for (auto& [key, item] : object::as<object::Dict>(object::as<object::Object>(value.ref())->state)->items)
    if (object::text(key) == name) item = with;
  return nn::from_object(value, models::classes());
}

TEST(WholeModule, AResNetRunsWhateverMadeItsNormLayers) {
  const auto heap = std::make_shared<object::Heap>();
  const auto cls = heap->global("torch.nn.modules.normalization", "GroupNorm");
  const auto partial =
      heap->object(object::Construction::reduce, heap->global("functools", "partial"), heap->tuple({cls}));
  const Model model = models::make("resnet18", {.num_classes = 5, .initialize = false});
  const nn::ModulePtr again = reread(model.module(), heap, "_norm_layer", partial);
  EXPECT_EQ(dynamic_cast<nn::UnknownModule*>(again.get()), nullptr);
  const auto fresh = std::make_shared<object::Heap>();
  EXPECT_EQ(Value(fresh, nn::to_object(*fresh, *again))["_norm_layer"].type_name(), "functools.partial");
}

TEST(WholeModule, FrozenBatchNormIsKnown) {
  nn::UnknownModule frozen("torchvision.ops.misc", "FrozenBatchNorm2d");
  for (const auto& [name, value] : {std::pair("weight", 2.F), std::pair("bias", 1.F), std::pair("running_mean", 3.F),
                                    std::pair("running_var", 4.F)})
    frozen.register_buffer(name, Tensor::of<float>({1}, std::span(&value, 1)));
  const auto heap = std::make_shared<object::Heap>();
  frozen.attributes().emplace_back("eps", Value(1e-5));
  const Model model(reread(frozen, heap, "", {}));
  EXPECT_EQ(model.repr(), "FrozenBatchNorm2d(1, eps=1e-05)");
  const float x = 5;
  EXPECT_NEAR(model(Tensor::of<float>({1, 1, 1, 1}, std::span(&x, 1))).item(), 3, 1e-4);
  StateDict state = model.state_dict();
  state.set("num_batches_tracked", Tensor::zeros({}, DType::int64));
  EXPECT_EQ(model.load_state_dict(state).to_string(), "<All keys matched successfully>");
}

}  // namespace
}  // namespace flambeau
