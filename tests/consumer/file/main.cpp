// A state_dict goes to memory and back through the installed library.
#include <flambeau/checkpoint.h>
#include <flambeau/version.h>

#include <vector>

int main() {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  flambeau::StateDict state;
  state.set("fc.weight", flambeau::Tensor::of<float>({2, 3}, values));
  const std::string bytes = flambeau::save_to_memory(state.to_value());
  const flambeau::StateDict back = flambeau::load(std::as_bytes(std::span(bytes))).state_dict();
  return back.size() == 1 && back["fc.weight"].equal(state["fc.weight"]) && !flambeau::version.empty() ? 0 : 1;
}
