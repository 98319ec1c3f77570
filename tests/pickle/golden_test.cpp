// What CPython does with the same pickles.
#include <gmock/gmock.h>

#include "pickle/dis.h"
#include "pickle/golden.h"
#include "pickle/help.h"

namespace flambeau::pickle {
namespace {

// What differs is easier to see disassembled.
std::string shown(std::string_view stream) {
  std::string text;
  try {
    dis(bytes_of(stream), [&](std::string_view line) { text.append(line) += '\n'; });
  } catch (const Error& error) {
    text += error.what();
  }
  return text;
}

TEST(Golden, writes_what_cpython_writes_at_protocol_2_for_what_it_read) {
  for (const Golden& row : Golden::all()) {
    object::Heap heap;
    const Result result = read(row.pickle, heap);
    EXPECT_EQ(result.end, row.pickle.size()) << row.name;
    const std::string again = write(result.root);
    if (again != row.again) {
      EXPECT_EQ(shown(again), shown(row.again)) << row.name;
    }
    EXPECT_TRUE(again == row.again) << row.name;
  }
}

TEST(Golden, disassembles_as_pickletools_does) {
  int compared = 0;
  for (const Golden& row : Golden::all()) {
    if (row.dis.empty()) continue;
    EXPECT_EQ(shown(row.pickle), row.dis) << row.name;
    ++compared;
  }
  EXPECT_GT(compared, 40);
}

TEST(Golden, refuses_every_prefix) {
  for (const Golden& row : Golden::all()) {
    const std::size_t step = row.pickle.size() > 1000 ? 37 : 1;
    for (std::size_t size = 0; size < row.pickle.size(); size += step) {
      object::Heap heap;
      EXPECT_THROW(read(std::string_view(row.pickle).substr(0, size), heap), Error) << row.name << " cut at " << size;
      EXPECT_THROW(dis(bytes_of(std::string_view(row.pickle).substr(0, size)), [](std::string_view) {}), Error);
    }
  }
}

TEST(Golden, reading_ends_at_stop) {
  for (const Golden& row : Golden::all()) {
    object::Heap heap;
    EXPECT_EQ(read(row.pickle + "and more", heap).end, row.pickle.size()) << row.name;
  }
}

TEST(Golden, survives_every_changed_byte) {
  for (const Golden& row : Golden::all()) {
    if (row.pickle.size() > 250) continue;
    for (std::size_t at = 0; at < row.pickle.size(); ++at)
      for (const int change : {0x01, 0x80, 0xFF}) {
        std::string stream = row.pickle;
        stream[at] = static_cast<char>(stream[at] ^ change);
        object::Heap heap;
        try {
          write(read(stream, heap).root);
        } catch (const Error&) {
        }
        try {
          dis(bytes_of(stream), [](std::string_view) {});
        } catch (const Error&) {
        }
      }
  }
}

TEST(Dis, indents_by_the_marks_up_to_a_depth_that_people_read) {
  std::size_t longest = 0;
  const std::string stream = "\x80\x02" + std::string(100'000, '(') + "t" + std::string(99'999, 't') + ".";
  dis(bytes_of(stream), [&](std::string_view line) { longest = std::max(longest, line.size()); });
  EXPECT_GT(longest, 256u);
  EXPECT_LT(longest, 320u);
}

}  // namespace
}  // namespace flambeau::pickle
