// Every cut and every flipped bit of the small reference files (issue: 0 read silently).

#include "formats/damage.h"

namespace flambeau::formats::test {
namespace {

constexpr std::uint64_t small = 6000, smallest = 1700;

TEST(DamageSweep, EveryCutIsSeen) {
  FLAMBEAU_NEEDS_FIXTURES();
  std::size_t cuts = 0;
  for (const Whole& file : small_fixtures(small)) {
    const Meaning whole = meaning_of(file.bytes);
    for (std::size_t size = 0; size < file.bytes.size(); ++size, ++cuts) expect_cut_is_seen(file, whole, size);
  }
  std::printf("%zu cuts\n", cuts);
}

TEST(DamageSweep, EveryFlippedBitOfAPayloadIsFound) {
  FLAMBEAU_NEEDS_FIXTURES();
  std::size_t flips = 0;
  for (const Whole& file : small_fixtures(small)) {
    const Meaning whole = meaning_of(file.bytes);
    for (const Payload& payload : checked_payloads(file))
      for (std::uint64_t bit = 0; bit < 8 * payload.size; ++bit, ++flips)
        expect_payload_flip_is_found(file, whole, payload, 8 * payload.offset + bit);
  }
  std::printf("%zu flips\n", flips);
}

TEST(DamageSweep, EveryFlippedBitIsSeenOrMeansNothing) {
  FLAMBEAU_NEEDS_FIXTURES();
  std::size_t flips = 0;
  for (const Whole& file : small_fixtures(smallest)) {
    if (!is_checked(file)) continue;
    const Meaning whole = meaning_of(file.bytes);
    for (std::uint64_t bit = 0; bit < 8 * file.bytes.size(); ++bit, ++flips) expect_flip_is_seen(file, whole, bit);
  }
  std::printf("%zu flips\n", flips);
}

}  // namespace
}  // namespace flambeau::formats::test
