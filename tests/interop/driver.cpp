// Flambeau as a servant of the interop suite: one request after the other on standard input, so that a hundred thousand
// files need no process each. A request is an operation (one byte), a u32 length and a payload; an answer is '+' or
// '-', a u32 length, and what was made or the error's text.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>

#include "pickle/dis.h"
#include "pickle/reader.h"
#include "pickle/writer.h"
#include "random_tree.h"

namespace {

using namespace flambeau;

constexpr std::size_t recipe_size = 10;  // u64 seed, old, safe

bool get(void* into, std::size_t size) { return std::fread(into, 1, size, stdin) == size; }

void answer(char sign, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::fputc(sign, stdout);
  std::fwrite(&size, sizeof size, 1, stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

struct NoTensors final : pickle::Reducer {
  Reduction tensor(object::Heap&, object::TensorNode&) override {
    throw Error(ErrorCode::unsupported, "a tensor in a plain pickle");
  }
  object::Ref storage(object::Heap&, object::StorageNode&) override {
    throw Error(ErrorCode::unsupported, "a storage in a plain pickle");
  }
};

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string rewrite_pickle(const std::string& stream) {
  object::Heap heap;
  pickle::Meaning inert;
  NoTensors reducer;
  std::string made;
  pickle::write(pickle::read(bytes_of(stream), heap, inert, {}).root, reducer,
                [&](std::string_view piece) { made += piece; });
  return made;
}

std::string disassembly(const std::string& stream) {
  std::string text;
  pickle::dis(bytes_of(stream), [&](std::string_view line) { text.append(line).append(1, '\n'); });
  return text;
}

interop::Recipe recipe(const std::string& payload) {
  interop::Recipe made;
  if (payload.size() < recipe_size) throw Error(ErrorCode::invalid_argument, "no recipe");
  std::memcpy(&made.seed, payload.data(), sizeof made.seed);
  made.old = payload[8] != 0;
  made.safe = payload[9] != 0;
  return made;
}

std::string perform(char operation, const std::string& payload) {
  switch (operation) {
    case 'z':  // a checkpoint → the same, as zip
      return save_to_memory(load(bytes_of(payload)).root());
    case 'l':  // … as a legacy file
      return save_to_memory(load(bytes_of(payload)).root(), {.format = SaveOptions::Format::legacy});
    case 'p':  // a pickle → the same, protocol 2
      return rewrite_pickle(payload);
    case 'd':  // a pickle → its disassembly
      return disassembly(payload);
    case 'm':  // a recipe → the tree that it makes, as zip
      return save_to_memory(interop::random_tree(recipe(payload)));
    case 'n':  // … as a legacy file
      return save_to_memory(interop::random_tree(recipe(payload)), {.format = SaveOptions::Format::legacy});
    case 'c': {  // a recipe and a file → what is different from the tree that the recipe makes
      const std::string file = payload.substr(std::min(recipe_size, payload.size()));
      return interop::difference(interop::random_tree(recipe(payload)), load(bytes_of(file)).root());
    }
    default:
      throw Error(ErrorCode::invalid_argument, "unknown operation");
  }
}

}  // namespace

int main() {
  char operation = 0;
  std::uint32_t size = 0;
  while (get(&operation, 1) && get(&size, sizeof size)) {
    std::string payload(size, '\0');
    if (!get(payload.data(), size)) return 1;
    try {
      answer('+', perform(operation, payload));
    } catch (const std::exception& error) {
      answer('-', error.what());
    }
  }
}
