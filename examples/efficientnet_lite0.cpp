// EfficientNet-Lite0: efficientnet_lite0 WEIGHTS IMAGE… answers; without arguments it prints the network.

#include <exception>

#include "efficientnet_lite0.h"
#include "own_network.h"

#include <flambeau/models.h>

int main(int argc, char** argv) {
  try {
    const auto network = std::make_shared<lite0::EfficientNetLite0>();
    if (argc < 3) {
      std::printf("%s\n%llu parameters\n", network->repr().c_str(),
                  static_cast<unsigned long long>(network->parameter_count()));
      return 0;
    }
    const flambeau::Model model = own_network::with_weights(network, argv[1]);
    for (int i = 2; i < argc; ++i)
      own_network::print_answers(model, argv[i], {}, flambeau::models::imagenet_categories());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "efficientnet_lite0: %s\n", error.what());
    return 2;
  }
}
