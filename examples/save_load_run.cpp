// PyTorch's tutorial "Save and Load the Model" without PyTorch, and PyTorch's opinion of the files where there is one.
//
// save_load_run [FOLDER] [--keep]: the two files (half a gigabyte each) go to FOLDER, or to a fresh one under $TMPDIR;
// what was made is removed at the end unless --keep is given.
// FLAMBEAU_TORCH_PYTHON: the Python to ask (default python3).

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "digits/show.h"

#include <flambeau/hub.h>
#include <flambeau/models.h>
#include <flambeau/predict.h>

namespace {

namespace fs = std::filesystem;
using flambeau::Model;
using flambeau::Tensor;

/// Runs `call` and prints what it was, how long it took and, if it left a file, how large that is.
template <class Call>
auto step(const std::string& what, Call&& call, const fs::path& file = {}) {
  const auto start = std::chrono::steady_clock::now();
  auto result = call();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%-62s %8.3f s", what.c_str(), seconds);
  if (!file.empty()) std::printf("  %11ju bytes", static_cast<std::uintmax_t>(fs::file_size(file)));
  std::printf("\n");
  std::fflush(stdout);
  return result;
}

/// The files of one run, gone with it unless they are to be kept.
class Folder {
 public:
  Folder(const std::string& wanted, bool keep) : keep_(keep) {
    if (wanted.empty()) {
      std::string name = (fs::temp_directory_path() / "flambeau-XXXXXX").string();
      if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder " + name);
      path_ = name;
      own_ = true;
    } else {
      own_ = fs::create_directories(wanted);
      path_ = wanted;
    }
  }
  ~Folder() {
    if (keep_) return;
    std::error_code ignored;
    for (const char* file : {"model_weights.pth", "model.pth", "input.npy", "logits.npy"})
      fs::remove(path_ / file, ignored);
    if (own_) fs::remove(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_{};
  bool own_ = false, keep_;
};

/// vgg16 with its published weights if torch's cache has them; nothing is downloaded here (`flambeau pull vgg16` does).
Model first_model() {
  namespace models = flambeau::models;
  const models::Weights& weights = models::VGG16_Weights::IMAGENET1K_V1;
  if (const auto cached = flambeau::hub::cached(weights.file_name)) {
    return step("model = vgg16(weights=" + *cached + ")",
                [] { return models::vgg16({.weights = models::VGG16_Weights::IMAGENET1K_V1}); });
  }
  std::printf("no %s in %s: going on with random weights (`flambeau pull vgg16` fetches it)\n",
              std::string(weights.file_name).c_str(), flambeau::hub::checkpoints_dir().c_str());
  return step("model = vgg16(seed=0)", [] { return models::vgg16({.seed = 0}); });
}

/// A picture of 224 x 224 that needs no file: waves, normalised as photographs are.
Tensor input() {
  flambeau::vision::Image image(256, 256);
  for (std::int64_t y = 0; y < 256; ++y) {
    for (std::int64_t x = 0; x < 256 * 3; ++x)
      image.row(y)[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>((x * y / 7 + 3 * x) & 255);
  }
  return flambeau::vision::preprocess(image, flambeau::models::transforms(flambeau::models::VGG16_Weights::DEFAULT));
}

/// True unless PyTorch read the files and disagreed.
bool ask_torch(const Folder& folder) {
  const char* chosen = std::getenv("FLAMBEAU_TORCH_PYTHON");
  const std::string python = chosen != nullptr && *chosen != '\0' ? chosen : "python3";
  const std::string script = FLAMBEAU_EXAMPLES "/check_with_torch.py", where = folder.path().string();
  std::printf("\n%s %s\n", python.c_str(), script.c_str());
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execlp(python.c_str(), python.c_str(), script.c_str(), where.c_str(), static_cast<char*>(nullptr));
    _exit(3);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return false;
  constexpr int no_torch = 3;
  if (WEXITSTATUS(status) == no_torch)
    std::printf("     not asked: set FLAMBEAU_TORCH_PYTHON to a Python with torch and torchvision\n");
  return WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == no_torch;
}

int run(const std::string& wanted, bool keep) {
  const Folder folder(wanted, keep);
  const fs::path weights_file = folder / "model_weights.pth", model_file = folder / "model.pth";

  Model model = first_model();
  step(
      "save(model.state_dict(), 'model_weights.pth')",
      [&] {
        flambeau::save(model.state_dict(), weights_file.string());
        return 0;
      },
      weights_file);

  Model fresh = step("model = vgg16()", [] { return flambeau::models::vgg16(); });
  const auto keys = step("model.load_state_dict(load('model_weights.pth'))",
                         [&] { return fresh.load_state_dict(flambeau::load(weights_file.string()).state_dict()); });
  std::printf("%s\n", keys.to_string().c_str());
  fresh.eval();
  std::printf("model.eval()\n%s\n", fresh.repr().c_str());

  step(
      "save(model, 'model.pth')",
      [&] {
        flambeau::save(fresh, model_file.string());
        return 0;
      },
      model_file);
  const Model whole =
      step("model = load_model('model.pth')", [&] { return flambeau::load_model(model_file.string()); });

  const Tensor x = input();
  const Tensor before = step("prediction before saving", [&] { return fresh(x); });
  fresh.forget_plans();
  const Tensor after = step("prediction after loading", [&] { return whole(x); });
  step("the same again, with the plan that was kept", [&] { return whole(x); });
  const bool equal = after.equal(before);
  std::printf("equal bit for bit: %s\nbest classes:", equal ? "yes" : "NO");
  const auto best = flambeau::predict::top_k(flambeau::predict::softmax(after), 5);
  for (const auto& answer : best.front()) {
    std::printf(" %jd (%.2f %%)", static_cast<std::intmax_t>(answer.index), 100 * static_cast<double>(answer.score));
  }
  std::printf("\n");

  flambeau::write_npy((folder / "input.npy").string(), x);
  flambeau::write_npy((folder / "logits.npy").string(), after);
  whole.forget_plans();
  const bool agrees = ask_torch(folder);

  std::printf("\na network of one's own, trained in Python (examples/digits):\n");
  const digits::Trained trained = digits::load(FLAMBEAU_EXAMPLES "/digits/digits.pth");
  digits::show(trained, FLAMBEAU_EXAMPLES "/digits/digit-5.png");
  if (keep) std::printf("\nkept: %s\n", folder.path().c_str());
  return equal && agrees ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  bool keep = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--keep") {
      keep = true;
    } else if (folder.empty() && !argument.starts_with("-")) {
      folder = argument;
    } else {
      std::fprintf(stderr, "usage: save_load_run [FOLDER] [--keep]\n");
      return 2;
    }
  }
  try {
    return run(folder, keep);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "save_load_run: %s\n", error.what());
    return 2;
  }
}
