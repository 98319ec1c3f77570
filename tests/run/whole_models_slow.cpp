// Every class of torch.nn and every family of torchvision as a whole model: torch's file read, printed as Python prints
// it, written again, and read by torch, which finds the same model.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <flambeau/error.h>
#include <flambeau/predict.h>

namespace flambeau {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(WholeModels, TorchFindsTheSameModelInWhatIsWritten) {
  const char* python = std::getenv("FLAMBEAU_TORCH_PYTHON");
  if (!python || !*python) GTEST_SKIP() << "FLAMBEAU_TORCH_PYTHON names no Python with torch";
  const fs::path folder = fs::temp_directory_path() / ("flambeau-whole-models-" + std::to_string(getpid()));
  fs::create_directories(folder / "written");
  const std::string script = std::string(python) + " " FLAMBEAU_TEST_DATA "/../whole_models.py ";
  ASSERT_EQ(std::system((script + "make " + folder.string()).c_str()), 0);
  std::size_t models = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".pth") continue;
    const std::string name = entry.path().stem().string();
    SCOPED_TRACE(name);
    ++models;
    try {
      const Model model = load_model(entry.path().string());
      EXPECT_EQ(model.repr(), text_of(folder / (name + ".txt")));
      save(model, (folder / "written" / (name + ".pth")).string());
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GT(models, 200u);
  EXPECT_EQ(std::system((script + "check " + folder.string()).c_str()), 0);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace flambeau
