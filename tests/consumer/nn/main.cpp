// A model is built and its weights saved through the installed library.
#include <flambeau/models.h>

int main() {
  const flambeau::Model model = flambeau::models::alexnet({.seed = 0});
  const std::string bytes = flambeau::save_to_memory(model.state_dict().to_value());
  const flambeau::StateDict back = flambeau::load(std::as_bytes(std::span(bytes))).state_dict();
  return back.size() == 16 && back["classifier.6.bias"].equal(model.state_dict()["classifier.6.bias"]) ? 0 : 1;
}
