// Model: plans that are kept, and when they are not; whole models in files; a user's own network.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../examples/digits/digits_net.h"
#include "run/recording.h"

#include <flambeau/error.h>
#include <flambeau/models.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

// Of the examples, seen from tests/run/data.
const std::string digits_folder =
    (std::filesystem::path(FLAMBEAU_TEST_DATA) / "../../../examples/digits").lexically_normal().string();

Tensor ramp(Shape shape) {
  Tensor x = Tensor::uninitialized(std::move(shape));
  float value = -1;
  for (float& each : x.mutable_data<float>()) each = value = value > 1 ? -1 : value + 0.013f;
  return x;
}

Model small_net(std::uint64_t seed) {
  manual_seed(seed);
  Model model(std::make_shared<digits::DigitsNet>());
  return model.eval();
}

run::Recording record(Model& model, const Tensor& x) {
  graph::Graph graph;
  const graph::Var y = model.module()(graph.input(x.shape(), x.dtype()));
  graph.set_outputs(std::span(&y, 1));
  return run::Recording(std::move(graph));
}

float largest_difference(const Tensor& a, const Tensor& b) {
  float largest = 0;
  for (std::size_t i = 0; i < a.data<float>().size(); ++i) {
    largest = std::max(largest, std::abs(a.data<float>()[i] - b.data<float>()[i]));
  }
  return largest;
}

TEST(Recording, IsTheSameUntilSomethingChanges) {
  Model model = small_net(0);
  const Tensor x = ramp({2, 1, 8, 8});
  const run::Recording first = record(model, x);
  EXPECT_TRUE(first.repeatable());
  EXPECT_TRUE(record(model, x).same_as(first));
  EXPECT_FALSE(record(model, ramp({3, 1, 8, 8})).same_as(first)) << "another batch size";

  Model twin = small_net(0);
  EXPECT_TRUE(record(twin, x).same_as(first)) << "other memory, equal values";

  model.module().child("features")->child("0")->parameter("weight").mutable_data<float>()[17] += 1;
  EXPECT_FALSE(record(model, x).same_as(first)) << "one element of a small tensor";
}

TEST(Recording, SeesOneElementOfALargeTensor) {
  Model model(std::make_shared<nn::Linear>(1000, 1000));
  const Tensor x = ramp({1, 1000});
  const run::Recording first = record(model, x);
  EXPECT_TRUE(record(model, x).same_as(first));
  model.module().parameter("weight").mutable_data<float>()[123'457] += 1;
  EXPECT_FALSE(record(model, x).same_as(first));
}

TEST(Recording, InTrainModeIsNotRepeatable) {
  Model model = small_net(0);
  model.train();
  EXPECT_FALSE(record(model, ramp({2, 1, 8, 8})).repeatable());
}

TEST(Model, SeesNewWeightsAndModes) {
  Model model = small_net(0), other = small_net(1);
  const Tensor x = ramp({4, 1, 8, 8});
  const Tensor before = model(x), wanted = other(x);
  EXPECT_TRUE(model(x).equal(before));
  EXPECT_GT(largest_difference(before, wanted), 1e-3f);

  model.load_state_dict(other.state_dict());
  EXPECT_TRUE(model(x).equal(wanted)) << "load_state_dict copies into the same memory";

  model.train();
  EXPECT_FALSE(model(x).equal(wanted)) << "dropout and batch statistics";
  model.eval();
  EXPECT_FALSE(model(x).equal(wanted)) << "running statistics have moved";
  EXPECT_EQ(model.module().child("features")->child("1")->buffer("num_batches_tracked").item(), 1.0);

  model.load_state_dict(other.state_dict(), {.assign = true});
  EXPECT_TRUE(model(x).equal(wanted)) << "assigned tensors";
}

TEST(Model, AnswersSeveralThreadsAndShapesAtOnce) {
  const Model model = small_net(0);
  std::vector<Tensor> inputs, answers;
  for (std::int64_t n = 1; n <= 6; ++n) {
    inputs.push_back(ramp({n, 1, 8, 8}));
    answers.push_back(model(inputs.back(), {.threads = 1}));
  }
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < 24; ++i) {
          const std::size_t pick = (i + static_cast<std::size_t>(t)) % inputs.size();
          if (!model(inputs[pick], {.threads = 1}).equal(answers[pick])) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Model, RefusesWhatCannotRun) {
  EXPECT_THROW(Model()(ramp({1, 1, 8, 8})), Error);
  EXPECT_THROW(Model().state_dict(), Error);
  EXPECT_THROW(Model().eval(), Error);
  Model().cache_plans("nowhere");
  const Model model = small_net(0);
  EXPECT_THROW(model(Tensor()), Error);
  EXPECT_THROW(model(ramp({1, 3, 8, 8})), Error);
}

TEST(Digits, AUsersOwnNetworkGivesPythonsAnswers) {
  const digits::Trained trained = digits::load(digits_folder + "/digits.pth");
  EXPECT_THAT(trained.labels, testing::ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
  const Tensor pictures = read_npy(digits_folder + "/held-back.npy");
  const Tensor expected = read_npy(digits_folder + "/logits.npy");
  Tensor x = Tensor::uninitialized({pictures.size(0), 1, 8, 8});
  for (std::size_t i = 0; i < pictures.data<std::uint8_t>().size(); ++i) {
    const float pixel = static_cast<float>(pictures.data<std::uint8_t>()[i]) / 255.0f;
    x.mutable_data<float>()[i] =
        (pixel - static_cast<float>(trained.preset.mean[0])) / static_cast<float>(trained.preset.std[0]);
  }
  for (const Kernels kernels : {Kernels::fast, Kernels::reference}) {
    const Tensor logits = trained.model(x, {.kernels = kernels});
    ASSERT_EQ(logits.shape(), expected.shape());
    EXPECT_LT(largest_difference(logits, expected), 2e-4f);
  }
}

TEST(Digits, ItsPicturesShowWhatTheirNamesSay) {
  const digits::Trained trained = digits::load(digits_folder + "/digits.pth");
  for (const std::int64_t digit : {3, 5, 8}) {
    const std::string path = digits_folder + "/digit-" + std::to_string(digit) + ".png";
    EXPECT_EQ(predict::top_k(trained.model(vision::preprocess(path, trained.preset)), 1)[0][0].index, digit);
  }
}

TEST(WholeModel, PredictsTheSameAfterAFile) {
  const std::string path =
      (std::filesystem::path(testing::TempDir()) / ("whole_" + std::to_string(getpid()) + ".pth")).string();
  Model model = models::squeezenet1_1({.seed = 0, .num_classes = 7});
  model.eval();
  const Tensor x = ramp({1, 3, 64, 64});
  const Tensor before = model(x);
  save(model, path);
  const Model back = load_model(path);
  EXPECT_FALSE(back.module().training());
  EXPECT_EQ(back.repr(), model.repr());
  EXPECT_TRUE(back(x).equal(before));

  const Value module = load(path).root();
  Value around = Value::dict();
  around.set("model", module).set("epoch", Value(1));
  EXPECT_TRUE(load_model(Checkpoint(around))(x).equal(before));
  EXPECT_TRUE(load_model(Checkpoint(Value::tuple(std::span(&module, 1))))(x).equal(before));
  around.set("ema", module);
  EXPECT_THAT([&] { load_model(Checkpoint(around)); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("found a dict with modules under 'model', 'ema'")));

  save(model.state_dict(), path);
  EXPECT_THAT(
      [&] { load_model(path); },
      testing::ThrowsMessage<Error>(testing::AllOf(
          testing::StartsWith(path), testing::HasSubstr("a whole model expected, found a collections.OrderedDict"))));
  std::filesystem::remove(path);
}

TEST(Make, KnowsBuildersAndTheirWeights) {
  EXPECT_THAT([] { models::make("vgg61"); }, testing::ThrowsMessage<Error>(testing::HasSubstr("did you mean")));
  EXPECT_THAT(
      [] { models::make("vgg16", {.weights = models::ResNet50_Weights::DEFAULT}); },
      testing::ThrowsMessage<Error>(testing::HasSubstr("expected VGG16_Weights but received ResNet50_Weights.")));
  EXPECT_THAT([] { models::make("vgg16", {.weights = models::VGG16_Weights::DEFAULT, .num_classes = 10}); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("'num_classes' expected value 1000 but got 10")));
  const Model shapes_only = models::make("vgg16", {.initialize = false});
  EXPECT_TRUE(shapes_only.module().child("features")->child("0")->parameter("weight").is_meta());
}

TEST(Make, PretrainedIsDeprecatedInTorchvisionsWords) {
  std::vector<std::string> told;
  const auto warn = [&](std::string_view text) { told.emplace_back(text); };
  models::make("vgg16", {.initialize = false, .pretrained = false, .warn = warn});
  EXPECT_THAT(told, testing::ElementsAre(
                        "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, please "
                        "use 'weights' instead.",
                        "Arguments other than a weight enum or `None` for 'weights' are deprecated since 0.13 and may "
                        "be removed in the future. The current behavior is equivalent to passing `weights=None`."));
  told.clear();
  EXPECT_THAT([&] { models::make("vgg16", {.num_classes = 3, .pretrained = true, .warn = warn}); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("'num_classes' expected value 1000")));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[1],
              testing::EndsWith("equivalent to passing `weights=VGG16_Weights.IMAGENET1K_V1`. You can also use "
                                "`weights=VGG16_Weights.DEFAULT` to get the most up-to-date weights."));
  EXPECT_THAT([] { models::make("vit_h_14", {.pretrained = true}); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("No weights available for model vit_h_14")));
}

/// A cache of torch's layout in a folder of its own, while it lives.
class Cache {
 public:
  Cache() : folder_(std::filesystem::path(testing::TempDir()) / ("cache_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_ / "hub/checkpoints");
    setenv("TORCH_HOME", folder_.c_str(), 1);
  }
  ~Cache() {
    unsetenv("TORCH_HOME");
    std::filesystem::remove_all(folder_);
  }
  void put(const models::Weights& published, const StateDict& state) const {
    save(state, (folder_ / "hub/checkpoints" / published.file_name).string());
  }

 private:
  std::filesystem::path folder_;
};

TEST(Make, TakesPublishedWeightsFromTorchsCache) {
  const Cache cache;
  const models::Weights& squeeze = models::SqueezeNet1_1_Weights::DEFAULT;
  const Model kept = models::squeezenet1_1({.seed = 5});
  cache.put(squeeze, kept.state_dict());
  for (const models::Options& options : {models::Options{.weights = squeeze}, models::Options{.pretrained = true},
                                         models::Options{.weights = squeeze, .num_classes = 1000}}) {
    const Model loaded = models::squeezenet1_1(options);
    for (const auto& entry : kept.state_dict()) EXPECT_TRUE(loaded.state_dict()[entry.name].equal(entry.tensor));
  }
  // Published GoogLeNet files hold auxiliary heads, which go after loading; its inputs are transformed.
  const models::Weights& google = models::GoogLeNet_Weights::DEFAULT;
  cache.put(google, models::googlenet({.seed = 5}).state_dict());
  const Model bare = models::googlenet({.weights = google});
  EXPECT_FALSE(bare.state_dict().find("aux1.conv.conv.weight"));
  EXPECT_THAT(bare.repr(), testing::HasSubstr("(aux1): None"));
  EXPECT_TRUE(models::googlenet({.weights = google, .aux_logits = true}).state_dict().find("aux1.conv.conv.weight"));
  const Model untransformed = models::googlenet({.weights = google, .transform_input = false});
  const Tensor x = ramp({2, 3, 64, 64});
  const auto in_train_mode = [&](const Model& model) {
    manual_seed(1);
    return model.outputs(x);
  };
  EXPECT_FALSE(in_train_mode(bare)[0].tensor.equal(in_train_mode(untransformed)[0].tensor));
  EXPECT_EQ(in_train_mode(bare).size(), 1u) << "without auxiliary heads there is one output";
}

}  // namespace
}  // namespace flambeau
