// Everyday sample of what damage_slow.cpp does in full.

#include "formats/damage.h"

namespace flambeau::formats::test {
namespace {

constexpr std::uint64_t small = 6000;

TEST(Damage, CutsOfSmallFilesAreSeen) {
  FLAMBEAU_NEEDS_FIXTURES();
  std::mt19937_64 random(1);
  const auto files = small_fixtures(small);
  EXPECT_GT(files.size(), 300u);
  for (const Whole& file : files) {
    const Meaning whole = meaning_of(file.bytes);
    EXPECT_TRUE(whole.loaded) << file.name << ": " << whole.text;
    for (std::size_t size = 0; size < std::min<std::size_t>(file.bytes.size(), 8); ++size)
      expect_cut_is_seen(file, whole, size);
    for (int i = 0; i < 40; ++i) expect_cut_is_seen(file, whole, random() % file.bytes.size());
    for (std::size_t back = 1; back <= std::min<std::size_t>(file.bytes.size(), 24); ++back)
      expect_cut_is_seen(file, whole, file.bytes.size() - back);
  }
}

TEST(Damage, FlippedBitsOfPayloadsAreFound) {
  FLAMBEAU_NEEDS_FIXTURES();
  std::mt19937_64 random(2);
  std::size_t flips = 0;
  for (const Whole& file : small_fixtures(small)) {
    const Meaning whole = meaning_of(file.bytes);
    for (const Payload& payload : checked_payloads(file))
      for (int i = 0; i < 4; ++i, ++flips)
        expect_payload_flip_is_found(file, whole, payload, 8 * payload.offset + random() % (8 * payload.size));
  }
  EXPECT_GT(flips, 2000u);
}

TEST(Damage, FlippedBitsOfPayloadsAreFoundInMappedFilesWhenUsed) {
  FLAMBEAU_NEEDS_FIXTURES();
  for (const Whole& file : small_fixtures(small)) {
    if (!file.name.ends_with("state_dicts/float32.pth")) continue;
    for (const auto& [offset, size, deflated] : checked_payloads(file)) {
      std::string bytes = file.bytes;
      bytes[offset + size / 2] ^= 4;
      const StateDict state = load(bytes_of(bytes)).state_dict();
      EXPECT_THROW(
          {
            for (const auto& entry : state) entry.tensor.storage()->bytes();
          },
          Error)
          << file.name;
    }
  }
}

TEST(Damage, FlippedBitsAnywhereAreSeenOrMeanNothing) {
  FLAMBEAU_NEEDS_FIXTURES();
  std::mt19937_64 random(3);
  for (const Whole& file : small_fixtures(small)) {
    const Meaning whole = meaning_of(file.bytes);
    const bool checked = is_checked(file);
    for (int i = 0; i < 24; ++i) {
      const std::uint64_t bit = random() % (8 * file.bytes.size());
      if (checked) {
        expect_flip_is_seen(file, whole, bit);
      } else {  // an answer, whatever it is
        std::string bytes = file.bytes;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
        (void)meaning_of(bytes);
      }
    }
  }
}

}  // namespace
}  // namespace flambeau::formats::test
