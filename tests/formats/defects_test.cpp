// Each defect that a checkpoint can have, from the outside: what load() says of the whole file, with code and place.
// The rooms' own tests look at each closer. (pth-format.md sections 1, 2.8, 3, 5.1; security.md sections 1.3 to 1.8.)

#include <flambeau/checkpoint.h>
#include <flambeau/error.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/raw_zip.h"
#include "torch/assemble.h"

namespace flambeau {
namespace {

using archive::RawRecord;
using test::Pickle;
using testing::HasSubstr;
using namespace std::string_literals;

struct Defect {
  std::string name, file;
  ErrorCode code;
  std::string text;   // a part of the error's text, with the place
  bool late = false;  // in a mapped file found when the bytes are used
};

void expect_refused(const std::vector<Defect>& defects) {
  for (const Defect& defect : defects) {
    for (const Read read : {Read::map, Read::copy}) {
      try {
        const Checkpoint checkpoint = load(std::as_bytes(std::span(defect.file)), {.read = read});
        if (!defect.late || read == Read::copy) ADD_FAILURE() << defect.name << ": loads";
        if (defect.late) checkpoint.root().as_tensor().bytes();
      } catch (const Error& error) {
        EXPECT_EQ(name(error.code()), name(defect.code)) << defect.name << ": " << error.what();
        EXPECT_THAT(error.what(), HasSubstr(defect.text)) << defect.name;
      }
    }
  }
}

const std::string version = "3\n", four(16, '\1');

std::string one_tensor() { return Pickle().tensor("0", 4, 0, {4}, {1}).stop(); }

/// A good file of one tensor of four floats; `change` may spoil its records.
template <class Change>
std::string spoilt(Change&& change) {
  std::vector<RawRecord> records{{.name = "m/data.pkl", .payload = one_tensor()},
                                 {.name = "m/byteorder", .payload = "little"},
                                 {.name = "m/data/0", .payload = four},
                                 {.name = "m/version", .payload = version}};
  change(records);
  return archive::raw_zip(records);
}
std::string with_pickle(const std::string& stream) {
  return spoilt([&](auto& records) { records[0].payload = stream; });
}
std::string with_version(const std::string& text) {
  return spoilt([&](auto& records) { records[3].payload = text; });
}

TEST(Defects, TheStartingPointLoads) {
  const std::string file = spoilt([](auto&) {});
  EXPECT_EQ(load(std::as_bytes(std::span(file))).root().as_tensor().numel(), 4);
}

TEST(Defects, WhatLosesNothingIsRead) {
  const auto notes = [](const std::string& file) { return load(std::as_bytes(std::span(file))).container().notes; };
  EXPECT_TRUE(notes(with_version(" 3 \n")).empty());
  const std::string no_root = spoilt([](auto& records) {
    for (RawRecord& record : records) record.name.erase(0, 2);
  });
  EXPECT_THAT(notes(no_root), testing::ElementsAre(HasSubstr("in no folder")));
}

TEST(Defects, Containers) {
  const std::string good = spoilt([](auto&) {});
  const std::string other_root = spoilt([](auto& r) { r[2].name = "x/data/0"; });
  expect_refused({
      {"empty file", "", ErrorCode::unknown_format, "empty"},
      {"only the mark of a zip", "PK\3\4", ErrorCode::truncated, "no central directory"},
      {"bytes before the zip", "MZ" + good, ErrorCode::unknown_format, ""},
      {"cut in the middle", good.substr(0, good.size() / 2), ErrorCode::truncated, "incomplete download?"},
      {"70000 bytes behind it", good + std::string(70000, '\0'), ErrorCode::truncated, "no central directory"},
      {"what a failed torch.save leaves", archive::raw_zip({{.name = "m/version", .payload = version}}),
       ErrorCode::unknown_format, "without data.pkl: a save that failed"},
      {"no root folder", archive::raw_zip({{.name = "data.pkl", .payload = one_tensor()}}), ErrorCode::corrupt,
       "no version record"},
      {"two roots", other_root, ErrorCode::unknown_format, "a zip archive with 'x/data/0' outside its folder 'm/'"},
      {"no version", spoilt([](auto& r) { r.pop_back(); }), ErrorCode::corrupt, "no version record"},
      {"a version in words", with_version("abc"), ErrorCode::corrupt, "m/version: the version 'abc' is no number"},
      {"version 0", with_version("0\n"), ErrorCode::unsupported, "m/version: format version 0"},
      {"version 11", with_version("11\n"), ErrorCode::unsupported, "m/version: format version 11"},
      {"byte order of neither kind", spoilt([](auto& r) { r[1].payload = "middle"; }), ErrorCode::unsupported,
       "m/byteorder: byte order 'middle'"},
      {"data.pkl twice", spoilt([](auto& r) { r.push_back(r[0]); }), ErrorCode::corrupt, "data.pkl"},
      {"DATA.PKL beside it", spoilt([](auto& r) { r.push_back({.name = "m/DATA.PKL", .payload = "."}); }),
       ErrorCode::corrupt, "DATA.PKL"},
      {"a record that no directory lists", spoilt([](auto& r) { r[1].listed = false; }), ErrorCode::corrupt, ""},
      {"local and central names differ", spoilt([](auto& r) { r[0].local_name = "m/data.pkx"; }), ErrorCode::corrupt,
       "m/data.pkl"},
      {"encrypted", spoilt([](auto& r) { r[2].flags = 1; }), ErrorCode::unsupported, "m/data/0"},
      {"an unknown method", spoilt([](auto& r) { r[2].method = 12; }), ErrorCode::unsupported, "m/data/0"},
      {"a name that climbs out", spoilt([](auto& r) { r[2].name = "m/../0"; }), ErrorCode::corrupt, ".."},
      {"overlapping records", spoilt([](auto& r) { r[2].offset = 0u; }), ErrorCode::corrupt, "data/0"},
      {"a damaged pickle", spoilt([](auto& r) { r[0].crc = 1u; }), ErrorCode::checksum, "m/data.pkl"},
      {"a damaged storage", spoilt([](auto& r) { r[2].crc = 1u; }), ErrorCode::checksum, "m/data/0", true},
      {"a broken deflate stream", spoilt([](auto& r) { r[2].method = 8, r[2].payload = "\xFF\xFF", r[2].size = 16u; }),
       ErrorCode::corrupt, "m/data/0", true},
      {"a deflate bomb", spoilt([](auto& r) { r[2].method = 8, r[2].size = 0x7FFFFFFFu; }), ErrorCode::limit,
       "m/data/0: byte 455: claims to inflate from 16 to 2147483647 bytes, over max_inflated_ratio"},
  });
}

TEST(Defects, Storages) {
  const auto tuple = [](std::string_view kind) {
    return Pickle().mark().text(kind).global("torch", "FloatStorage").text("0").text("cpu").number(4).tuple().raw("Q");
  };
  expect_refused({
      {"missing record", spoilt([](auto& r) { r.erase(r.begin() + 2); }), ErrorCode::corrupt,
       "storage '0': the archive has no record 'data/0'"},
      {"record too short", spoilt([](auto& r) { r[2].payload.pop_back(); }), ErrorCode::truncated,
       "'m/data/0' holds 15 bytes, 16 needed"},
      {"record too long", spoilt([](auto& r) { r[2].payload += "x"; }), ErrorCode::corrupt,
       "'m/data/0' holds 17 bytes, 16 needed"},
      {"id that is no tuple", with_pickle(Pickle().text("0").raw("Q").stop()), ErrorCode::corrupt,
       "m/data.pkl: byte 8"},
      {"id of another kind", with_pickle(tuple("module").stop()), ErrorCode::corrupt, ""},
      {"id of nothing known", with_pickle(tuple("elephant").stop()), ErrorCode::corrupt, "found 'elephant'"},
      {"class that is none", with_pickle(Pickle().storage("Tensor", "0", 4).stop()), ErrorCode::corrupt,
       "'torch.Tensor' is no storage class"},
      {"negative numel", with_pickle(Pickle().storage("FloatStorage", "0", -1).stop()), ErrorCode::corrupt,
       "numel is -1"},
      {"numel that overflows", with_pickle(Pickle().storage("FloatStorage", "0", INT64_MAX).stop()), ErrorCode::corrupt,
       "overflow"},
      {"one key, two dtypes",
       with_pickle(Pickle().mark().storage("FloatStorage", "0", 4).storage("IntStorage", "0", 4).tuple().stop()),
       ErrorCode::corrupt, "storage '0' is IntStorage here and FloatStorage before"},
      {"one key, two lengths",
       with_pickle(Pickle().mark().storage("FloatStorage", "0", 4).storage("FloatStorage", "0", 3).tuple().stop()),
       ErrorCode::corrupt, "3 elements here and 4 before"},
  });
}

TEST(Defects, Tensors) {
  const auto tensor = [](std::int64_t offset, std::initializer_list<std::int64_t> size,
                         std::initializer_list<std::int64_t> stride) {
    return with_pickle(Pickle().tensor("0", 4, offset, size, stride).stop());
  };
  const auto call = [](Pickle& arguments) { return with_pickle(arguments.tuple().reduce().stop()); };
  expect_refused({
      {"outside its storage", tensor(1, {4}, {1}), ErrorCode::corrupt, "storage '0' holds 16 bytes, 20 needed"},
      {"negative offset", tensor(-1, {1}, {1}), ErrorCode::corrupt, "m/data.pkl: byte"},
      {"negative stride", tensor(0, {2}, {-1}), ErrorCode::corrupt, "stride -1"},
      {"negative size", tensor(0, {-2}, {1}), ErrorCode::corrupt, "-2"},
      {"unequal ranks", tensor(0, {2}, {1, 1}), ErrorCode::corrupt, "dimensions"},
      {"sizes that overflow", tensor(0, {INT64_MAX, INT64_MAX}, {0, 0}), ErrorCode::corrupt, ""},
      {"strides that overflow", tensor(0, {3}, {INT64_MAX}), ErrorCode::corrupt, ""},
      {"five arguments",
       call(Pickle()
                .global("torch._utils", "_rebuild_tensor_v2")
                .mark()
                .number(1)
                .number(2)
                .number(3)
                .number(4)
                .number(5)),
       ErrorCode::corrupt, "5 arguments, expected 6 to 7"},
      {"a storage that is none",
       call(Pickle().global("torch._utils", "_rebuild_parameter").mark().number(1).raw("\x88").hooks()),
       ErrorCode::corrupt, ""},
      {"a meta tensor of no dtype",
       call(Pickle()
                .global("torch._utils", "_rebuild_meta_tensor_no_storage")
                .mark()
                .global("torch", "elephant")
                .numbers({1})
                .numbers({1})
                .raw("\x89")),
       ErrorCode::corrupt, "torch.elephant"},
      {"items set on a tensor (CVE-2026-24747)",
       with_pickle(Pickle().tensor("0", 4, 0, {4}, {1}).number(0).number(1).raw("s").stop()), ErrorCode::corrupt,
       "SETITEM"},
      {"items appended to a tensor", with_pickle(Pickle().tensor("0", 4, 0, {4}, {1}).number(1).raw("a").stop()),
       ErrorCode::corrupt, "APPEND"},
  });
}

TEST(Defects, Pickles) {
  const std::string head = "\x80\x02";
  expect_refused({
      {"no end", with_pickle(head + "]"), ErrorCode::truncated, "m/data.pkl: byte 3"},
      {"nothing on the stack", with_pickle(head + "."), ErrorCode::corrupt, "m/data.pkl: byte 2"},
      {"a text that ends too late", with_pickle(head + "X\xFF\0\0\0abc."s), ErrorCode::truncated, "byte 2: BINUNICODE"},
      {"a memo slot of 4 billion", with_pickle(head + "]r\xFF\xFF\xFF\xFF."), ErrorCode::corrupt,
       "memo index 4294967295"},
      {"a slot never filled", with_pickle(head + "h\x07."), ErrorCode::corrupt, "slot 7"},
      {"a call of a text", with_pickle(head + "X\1\0\0\0a)R."s), ErrorCode::corrupt, "cannot be called"},
      {"a state for a list", with_pickle(head + "]}b."), ErrorCode::corrupt, "a list has no state"},
      {"an odd number of keys and values", with_pickle(head + "}(K\1u."), ErrorCode::corrupt, "1 keys and values"},
      {"an unknown opcode", with_pickle(head + "\xFE."), ErrorCode::corrupt, "0xfe"},
      {"protocol 6", with_pickle("\x80\x06]."), ErrorCode::unsupported, "protocol 6"},
      {"an extension code", with_pickle(head + "\x82\1."), ErrorCode::unsupported, "extension code"},
      {"a buffer from elsewhere", with_pickle("\x80\5\x97."s), ErrorCode::unsupported, "out-of-band"},
      {"an argument over a frame's end", with_pickle("\x80\4\x95\3\0\0\0\0\0\0\0NX\1\0\0\0a."s), ErrorCode::corrupt,
       "crosses the end of its frame"},
      {"a number of a million digits", with_pickle("L" + std::string(1000000, '9') + "L\n."), ErrorCode::corrupt,
       "4300 digits"},
      {"os.system", with_pickle(head + "cposix\nsystem\nX\2\0\0\0id\x85R."s), ErrorCode::forbidden, "posix.system"},
      {"a dotted way to it", with_pickle("\x80\4\x8C\7pathlib\x8C\x09os.system\x93."s), ErrorCode::forbidden,
       "os.system"},
      {"pkgutil.resolve_name", with_pickle(head + "cpkgutil\nresolve_name\nX\2\0\0\0id\x85R."s), ErrorCode::forbidden,
       "pkgutil.resolve_name"},
      {"a getattr that digs", with_pickle(head + "c__builtin__\ngetattr\ncm\nC\nX\x0B\0\0\0__globals__\x86R."s),
       ErrorCode::forbidden, "__globals__"},
  });
}

TEST(Defects, LegacyFiles) {
  const std::string magic("\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.", 15);
  const std::string thousand_one = "\x80\x02M\xE9\x03.", system = "\x80\x02}.", count("\4\0\0\0\0\0\0\0", 8);
  const std::string keys = Pickle().raw("](").text("0").raw("e").stop();
  const std::string object = one_tensor(), start = magic + thousand_one + system;
  const std::string good = start + object + keys + count + four;
  EXPECT_EQ(load(std::as_bytes(std::span(good))).root().as_tensor().numel(), 4);
  expect_refused({
      {"a magic number that is computed",
       "\x80\x02"
       "c__builtin__\neval\nX\4\0\0\0"
       "1001\x85R."s +
           thousand_one + system + object,
       ErrorCode::forbidden, "eval"},
      {"another version", magic + "\x80\x02M\xEA\x03." + system, ErrorCode::unsupported, "protocol version 1002"},
      {"only the magic number", magic, ErrorCode::truncated, "byte 15"},
      {"a list of storages that is none", start + object + "\x80\x02}.", ErrorCode::corrupt,
       "list of storages is a dict"},
      {"a storage that the list leaves out", start + object + "\x80\x02].", ErrorCode::corrupt,
       "is not in the file's list"},
      {"a storage that nobody names", start + "\x80\x02]." + keys + count + four, ErrorCode::corrupt,
       "does not name it"},
      {"counts that differ", start + object + keys + "\3" + count.substr(1) + four, ErrorCode::corrupt,
       "storage '0' holds 3 elements, 4 needed"},
      {"cut in a storage", start + object + keys + count + four.substr(1), ErrorCode::truncated,
       "needs 16 bytes, 15 are left"},
      {"a dangerous description of the machine",
       magic + thousand_one +
           "\x80\x02"
           "cos\nsystem\n." +
           object + keys + count + four,
       ErrorCode::forbidden, "os.system"},
  });
}

TEST(Defects, LimitsCanBeRaised) {
  // Each file is refused under a small cap, with the cap's name, and read under a larger one.
  const auto refuse_then_read = [](const std::string& file, std::uint64_t Limits::*cap, const char* name,
                                   std::uint64_t small, std::uint64_t large) {
    LoadOptions options;
    options.limits.*cap = small;
    try {
      load(std::as_bytes(std::span(file)), options);
      ADD_FAILURE() << name << " does not limit";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::limit) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
    options.limits.*cap = large;
    EXPECT_NO_THROW(load(std::as_bytes(std::span(file)), options)) << name;
  };
  const std::string good = spoilt([](auto&) {});
  refuse_then_read(good, &Limits::max_pickle_bytes, "max_pickle_bytes", 20, 2000);
  refuse_then_read(good, &Limits::max_objects, "max_objects", 3, 2000);
  refuse_then_read(good, &Limits::max_entries, "max_entries", 3, 4);
  refuse_then_read(good, &Limits::max_name_bytes, "max_name_bytes", 5, 50);
  refuse_then_read(with_pickle(Pickle().tensor("0", 4, 0, {1, 2, 2}, {4, 2, 1}).stop()), &Limits::max_tensor_rank,
                   "max_tensor_rank", 2, 3);
  refuse_then_read(with_pickle("\x80\2]q\0q\1q\2."s), &Limits::max_memo, "max_memo", 2, 3);
  refuse_then_read(with_pickle("\x80\2\x8A\x0A" + std::string(10, '\x11') + "."), &Limits::max_integer_bytes,
                   "max_integer_bytes", 9, 10);
}

TEST(Defects, AMillionLevelsAreAnAnswer) {
  constexpr std::size_t levels = 1000000;
  const std::string lists(levels, ']');
  const std::string file = with_pickle("\x80\2" + lists + std::string(levels - 1, 'a') + ".");
  const Checkpoint checkpoint = load(std::as_bytes(std::span(file)));
  const std::string again = save_to_memory(checkpoint.root());
  EXPECT_EQ(load(std::as_bytes(std::span(again))).root().size(), 1u);
  const std::string tuples = with_pickle("\x80\2)" + std::string(levels, '\x85') + ".");
  EXPECT_EQ(load(std::as_bytes(std::span(tuples))).root().size(), 1u);
}

}  // namespace
}  // namespace flambeau
