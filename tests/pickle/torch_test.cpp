// Pickles that torch wrote, read and written again. Their tensors stay inert objects here: the torch room tests the
// rest.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "pickle/storages.h"

namespace flambeau::pickle {
namespace {

// torch.save(torch.nn.Linear(2, 1).state_dict()) with torch 1.13.1: pth-format.md, section 4.1.
constexpr std::string_view linear =
    "80026363 6f6c6c65 6374696f 6e730a4f 72646572 65644469 63740a71 00295271 01285806 00000077 65696768 74710263 "
    "746f7263"
    "682e5f75 74696c73 0a5f7265 6275696c 645f7465 6e736f72 5f76320a 71032828 58070000 0073746f 72616765 71046374 "
    "6f726368"
    "0a466c6f 61745374 6f726167 650a7105 58010000 00307106 58030000 00637075 71074b02 74710851 4b004b01 4b028671 "
    "094b024b"
    "0186710a 89680029 52710b74 710c5271 0d580400 00006269 6173710e 68032828 68046805 58010000 0031710f 68074b01 "
    "74711051"
    "4b004b01 8571114b 01857112 89680029 52711374 71145271 15757d71 16580900 00005f6d 65746164 61746171 17680029 "
    "52711858"
    "00000000 71197d71 1a580700 00007665 7273696f 6e711b4b 01737373 622e";

std::string unhex(std::string_view text) {
  std::string digits(text), out;
  std::erase(digits, ' ');
  for (std::size_t i = 0; i < digits.size(); i += 2)
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return out;
}

TEST(Torch, writes_a_state_dict_as_it_stands_in_the_format_notes) {
  const std::string stream = unhex(linear);
  ASSERT_EQ(stream.size(), 290u);
  object::Heap heap;
  EXPECT_EQ(hex(Storages().again(stream, heap)), hex(stream));
}

TEST(Torch, state_dict_has_names_and_metadata) {
  Storages storages;
  object::Heap heap;
  const auto* dict = object::as<object::Dict>(read(bytes_of(unhex(linear)), heap, storages, {}).root);
  ASSERT_TRUE(dict && dict->ordered);
  EXPECT_EQ(object::text(dict->items[1].first), "bias");
  const auto* metadata = object::as<object::Dict>(*object::get(*object::as<object::Dict>(dict->state), "_metadata"));
  EXPECT_EQ(object::text(metadata->items[0].first), "");
}

// The stored first record of a zip file that torch wrote, and what follows: reading ends at STOP.
std::string first_record(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto u16 = [&](std::size_t at) {
    return static_cast<unsigned char>(bytes[at]) | static_cast<unsigned char>(bytes[at + 1]) << 8;
  };
  if (bytes.size() < 30 || bytes.compare(0, 4, "PK\3\4") != 0 || u16(8) != 0) return {};
  const std::size_t name = static_cast<std::size_t>(u16(26)), data = 30 + name + static_cast<std::size_t>(u16(28));
  return bytes.substr(30, name).ends_with("/data.pkl") ? bytes.substr(data) : std::string();
}

TEST(Torch, writes_every_fixture_of_protocol_2_byte_for_byte) {
  const std::filesystem::path root = std::filesystem::path(FLAMBEAU_SHARED) / "fixtures";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "no fixtures at " << root;
  int compared = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file() || entry.file_size() > (8u << 20)) continue;
    const std::string stream = first_record(entry.path());
    if (stream.empty()) continue;
    Storages storages;
    object::Heap heap;
    const Result result = read(bytes_of(stream), heap, storages, {});
    std::string again;
    write(result.root, storages, [&](std::string_view piece) { again += piece; });
    if (result.protocol != 2) continue;
    // Names of children made by str(0) were an object each in the program that saved them; a load makes them one.
    if (entry.path().parent_path().filename() == "models") continue;
    // So is the value 'b' of a slot named 'b', which was one literal.
    if (entry.path().filename() == "classes.pth") continue;
    EXPECT_TRUE(again == stream.substr(0, result.end)) << entry.path();
    ++compared;
  }
  EXPECT_GT(compared, 200);
}

}  // namespace
}  // namespace flambeau::pickle
