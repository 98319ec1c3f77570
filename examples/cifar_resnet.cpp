// CIFAR ResNets: cifar_resnet DEPTH WEIGHTS IMAGE… answers; without arguments it counts what each depth has.

#include <cstdlib>
#include <exception>

#include "cifar_resnet.h"
#include "own_network.h"

int main(int argc, char** argv) {
  try {
    if (argc > 3) {
      const auto network = std::make_shared<cifar::ResNet>(std::atoi(argv[1]));
      const flambeau::Model model = own_network::with_weights(network, argv[2]);
      for (int i = 3; i < argc; ++i) own_network::print_answers(model, argv[i], cifar::preset, cifar::labels);
      return 0;
    }
    for (const int depth : {20, 32, 44, 56, 110}) {
      const cifar::ResNet network(depth);
      std::printf("ResNet-%-3d  %4zu entries  %8llu parameters\n", depth, network.state_dict().size(),
                  static_cast<unsigned long long>(network.parameter_count()));
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cifar_resnet: %s\n", error.what());
    return 2;
  }
}
