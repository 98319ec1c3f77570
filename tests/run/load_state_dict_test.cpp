// load_state_dict says what PyTorch says, word for word, and takes weights straight from a mapped file.
#include <gmock/gmock.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <flambeau/layers.h>

namespace flambeau {
namespace {

using namespace nn;

ModulePtr make(std::string_view name) {
  if (name == "net")
    return std::make_shared<Sequential>(
        NamedModules{{"fc1", std::make_shared<Linear>(2, 3)},
                     {"bn", std::make_shared<BatchNorm1d>(3)},
                     {"sub", std::make_shared<Sequential>(Modules{std::make_shared<Linear>(3, 1)})}});
  if (name == "no-bias") return std::make_shared<Linear>(2, 2, LinearOptions{.bias = false});
  if (name == "instance-norm") return std::make_shared<InstanceNorm1d>(2);
  if (name == "no-statistics") return std::make_shared<BatchNorm1d>(2, BatchNormOptions{.track_running_stats = false});
  if (name == "attention") return std::make_shared<MultiheadAttention>(4, 2);
  if (name == "prelu") return std::make_shared<PReLU>();
  if (name == "lstm") return std::make_shared<LSTM>(2, 2);
  return std::make_shared<ParameterList>(std::vector<Tensor>{Tensor::zeros({2}), Tensor::zeros({3})});
}

// What PyTorch does not say: our advice, in brackets on a line of its own.
std::string without_advice(std::string text) {
  const auto at = text.rfind("\n(");
  return at == text.npos ? text : text.substr(0, at);
}

void compare(const std::string& path) {
  const Checkpoint table = load(path);
  std::size_t compared = 0;
  for (std::size_t i = 0; i < table.root().size(); ++i) {
    const auto [name, row] = table.root().item(i);
    SCOPED_TRACE(name.as_string());
    std::string text;
    try {
      text = make(row["module"].as_string())
                 ->load_state_dict(StateDict::from_value(row["state"]),
                                   {.strict = row["strict"].as_bool(), .assign = row["assign"].as_bool()})
                 .to_string();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::mismatch);
      text = without_advice(error.what());
    }
    EXPECT_EQ(text, row["text"].as_string());
    ++compared;
  }
  EXPECT_GT(compared, 100u);
}

TEST(LoadStateDict, SaysWhatTorch213Said) { compare(FLAMBEAU_TEST_DATA "/load_state_dict.pth"); }

TEST(LoadStateDict, SaysWhatTorchSaysNow) {
  const char* python = std::getenv("FLAMBEAU_TORCH_PYTHON");
  if (!python || !*python) GTEST_SKIP() << "FLAMBEAU_TORCH_PYTHON names no Python with torch";
  const auto path = std::filesystem::temp_directory_path() / ("flambeau-texts-" + std::to_string(getpid()) + ".pth");
  const std::string script = std::string(python) + " " FLAMBEAU_TEST_DATA "/../load_state_dict.py ";
  ASSERT_EQ(std::system((script + path.string()).c_str()), 0);
  compare(path.string());
  std::filesystem::remove(path);
}

TEST(LoadStateDict, AssignTakesTensorsOfTheMappedFileItself) {
  const auto path = std::filesystem::temp_directory_path() / ("flambeau-mapped-" + std::to_string(getpid()) + ".pth");
  const auto tied = [] {
    const auto a = std::make_shared<Linear>(64, 64), b = std::make_shared<Linear>(64, 64);
    b->weight() = a->weight();
    return std::make_shared<Sequential>(Modules{a, b});
  };
  save(tied()->state_dict(), path.string());
  const StateDict state = load(path.string()).state_dict();
  ModulePtr fresh;
  {
    const SkipInit skip;
    fresh = std::make_shared<Sequential>(Modules{std::make_shared<Linear>(64, 64), std::make_shared<Linear>(64, 64)});
  }
  fresh->load_state_dict(state, {.assign = true});
  for (const auto& [name, tensor] : fresh->named_parameters()) {
    EXPECT_EQ(tensor->storage(), state[name].storage()) << name;  // no second copy
    EXPECT_TRUE(tensor->requires_grad());
  }
  // What was tied in the file is tied in the module.
  EXPECT_EQ(fresh->child("0")->parameter("weight").storage(), fresh->child("1")->parameter("weight").storage());
  EXPECT_EQ(fresh->named_parameters().size(), 3u);
  std::filesystem::remove(path);
}

TEST(LoadStateDict, LoadsAPart) {
  manual_seed(1);
  const StateDict state = make("net")->state_dict();
  const std::string part[] = {"sub.**"};
  const ModulePtr module = make("net");
  const Tensor before = module->state_dict()["fc1.weight"].clone();
  const auto keys = module->load_state_dict(state.select(part), {.strict = false});
  EXPECT_EQ(keys.missing_keys.size(), 7u);
  EXPECT_TRUE(module->state_dict()["sub.0.weight"].equal(state["sub.0.weight"]));
  EXPECT_TRUE(module->state_dict()["fc1.weight"].equal(before));
  EXPECT_EQ(state.select({}, part).size(), 7u);
}

}  // namespace
}  // namespace flambeau
