// PyTorch's tutorial "Saving and loading a general checkpoint" without PyTorch: everything that training needs to go
// on, in one file. Nothing is trained here; PyTorch resumes from the file as from its own.

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include <flambeau/checkpoint.h>
#include <flambeau/layers.h>
#include <flambeau/lr_scheduler.h>
#include <flambeau/optim.h>

namespace {

namespace fs = std::filesystem;
namespace lr_scheduler = flambeau::lr_scheduler;
namespace nn = flambeau::nn;
namespace optim = flambeau::optim;

/// 2. The tutorial's network, as far as its layers go.
flambeau::Model net() {
  flambeau::manual_seed(0);
  return flambeau::Model(std::make_shared<nn::Sequential>(nn::NamedModules{
      {"conv1", std::make_shared<nn::Conv2d>(3, 6, 5)},
      {"conv2", std::make_shared<nn::Conv2d>(6, 16, 5)},
      {"fc1", std::make_shared<nn::Linear>(16 * 5 * 5, 120)},
      {"fc2", std::make_shared<nn::Linear>(120, 10)},
  }));
}

/// 3. optimizer = optim.SGD(net.parameters(), lr=0.001, momentum=0.9), as it stands after a step.
optim::Optimizer sgd(const flambeau::Model& model) {
  const auto parameters = model->named_parameters();
  optim::Optimizer optimizer;
  optim::SGD group;
  group.momentum = 0.9;
  optimizer.add_group(group, parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i)
    optimizer.set_state<optim::SGD>(static_cast<std::int64_t>(i),
                                    {.momentum_buffer = flambeau::Tensor::zeros(parameters[i].second->shape())});
  return optimizer;
}

/// 4. Save the general checkpoint.
void save(const std::string& path) {
  const flambeau::Model model = net();
  optim::Optimizer optimizer = sgd(model);
  lr_scheduler::StepLR scheduler;
  scheduler.step_size = 30;
  scheduler.base_lrs = scheduler.last_lr = {0.001};
  scheduler.last_epoch = 5;
  scheduler.step_count = 6;
  optimizer.set(0, "initial_lr", 0.001);

  flambeau::Checkpoint checkpoint;
  checkpoint.set("epoch", 5);
  checkpoint.set("model_state_dict", model.state_dict());
  checkpoint.set("optimizer_state_dict", optimizer.value());
  checkpoint.set("scheduler_state_dict", lr_scheduler::to_value(scheduler));
  checkpoint.set("loss", 0.4);
  flambeau::save(checkpoint, path);
}

/// 5. Load the general checkpoint.
void load(const std::string& path) {
  const flambeau::Checkpoint checkpoint = flambeau::load(path);
  flambeau::Model model = net();
  std::printf("%s\n", model.load_state_dict(checkpoint.state_dict()).to_string().c_str());
  const optim::Optimizer optimizer(checkpoint["optimizer_state_dict"]);
  const auto group = optimizer.group<optim::SGD>(0);
  const auto scheduler = lr_scheduler::from_value<lr_scheduler::StepLR>(checkpoint["scheduler_state_dict"]);
  std::printf("epoch %lld, loss %g, %s with lr %g and momentum %g for %zu parameters, next step of %lld epochs\n",
              static_cast<long long>(checkpoint["epoch"].as_int()), checkpoint["loss"].as_double(),
              std::string(optimizer.algorithm()).c_str(), group.lr.value, group.momentum.value,
              optimizer.params(0).size(), static_cast<long long>(scheduler.step_size));
  model.eval();  // or model.train(), to go on
}

}  // namespace

/// general_checkpoint [FILE]: FILE stays; without it a temporary one is used.
int main(int count, char** words) {
  const bool keep = count > 1;
  const fs::path path =
      keep ? fs::path(words[1])
           : fs::temp_directory_path() / ("flambeau-general-checkpoint-" + std::to_string(getpid()) + ".tar");
  try {
    save(path.string());
    load(path.string());
    if (!keep) fs::remove(path);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "general_checkpoint: %s\n", error.what());
    return 1;
  }
}
