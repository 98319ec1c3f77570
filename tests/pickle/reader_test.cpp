#include <gmock/gmock.h>

#include <chrono>

#include "pickle/help.h"

namespace flambeau::pickle {
namespace {

using object::as;
using object::Ref;
using namespace std::string_literals;
using testing::HasSubstr;

Ref read_root(std::string_view stream, object::Heap& heap) { return read(stream, heap).root; }

TEST(Reader, tells_the_protocol) {
  object::Heap heap;
  EXPECT_EQ(read("I1\n.", heap).protocol, 0);
  EXPECT_EQ(read("K\x01.", heap).protocol, 1);
  EXPECT_EQ(read("\x80\x04N.", heap).protocol, 4);
}

TEST(Reader, keeps_numbers_of_any_size) {
  object::Heap heap;
  EXPECT_EQ(object::int_value(read_root(lit("\x8A\x08\0\0\0\0\0\0\0\x80."), heap)),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(object::int_value(read_root(lit("\x8A\0."), heap)), 0);
  EXPECT_EQ(object::int_value(read_root(lit("\x8A\x03\x05\0\0."), heap)), 5) << "longer than needed";
  const Ref big = read_root(lit("\x8A\x09\0\0\0\0\0\0\0\x80\0."), heap);
  ASSERT_EQ(big.kind(), Kind::big_integer);
  EXPECT_EQ(hex(as<object::BigInteger>(big)->bytes), "000000000000008000");
}

TEST(Reader, keeps_lone_surrogates_and_refuses_broken_utf8) {
  object::Heap heap;
  EXPECT_EQ(object::text(read_root(lit("X\x03\0\0\0\xED\xA0\x80."), heap)), "\xED\xA0\x80");
  EXPECT_EQ(error_of(lit("X\x02\0\0\0\xC3(.")).code(), ErrorCode::corrupt);
  EXPECT_EQ(error_of(lit("X\x02\0\0\0\xC0\x80.")).code(), ErrorCode::corrupt) << "overlong";
}

TEST(Reader, takes_python_2_strings_as_text_where_it_can) {
  object::Heap heap;
  EXPECT_EQ(read_root("U\x02\xC3\xA9.", heap).kind(), Kind::string);
  const Ref bytes = read_root("U\x02\xFF\xFE.", heap);
  ASSERT_EQ(bytes.kind(), Kind::bytes);
  EXPECT_EQ(as<object::Bytes>(bytes)->data, "\xFF\xFE");
}

TEST(Reader, shares_what_the_memo_shares_and_nothing_else) {
  object::Heap heap;
  const auto items =
      as<object::Sequence>(read_root(lit("]q\0(X\x02\0\0\0abq\x01h\x01X\x02\0\0\0abh\0e."), heap))->items;
  EXPECT_EQ(items[0], items[1]);
  EXPECT_NE(items[0], items[2]);
  EXPECT_EQ(as<object::Sequence>(items[3])->items.size(), 4u) << "the list in itself";
}

TEST(Reader, gives_names_of_python_3) {
  struct Seen : Meaning {
    void global(std::string_view module, std::string_view qualname) override {
      names += std::string(module) + " " + std::string(qualname) + ", ";
    }
    std::string names;
  } seen;
  object::Heap heap;
  const std::string body = "(c__builtin__\nunicode\nccopy_reg\n_reconstructor\ncexceptions\nKeyError\ncos\nsystem\nt.";
  read(bytes_of(body), heap, seen, {});
  EXPECT_EQ(seen.names, "builtins str, copyreg _reconstructor, builtins KeyError, os system, ");
  seen.names.clear();
  read(bytes_of("\x80\x04\x8C\x0B__builtin__\x8C\x04"
                "eval\x93."),
       heap, seen, {});
  EXPECT_EQ(seen.names, "__builtin__ eval, ") << "from protocol 3 on there is nothing to translate";
}

TEST(Reader, asks_for_the_meaning_of_calls_and_makes_inert_objects_without) {
  struct Answer : Meaning {
    std::optional<Ref> reduce(object::Heap& heap, Ref callable, Ref args) override {
      if (object::global_name(callable) != "a.known") return std::nullopt;
      return heap.list({args});
    }
    bool build(object::Heap&, Ref target, Ref) override { return target.kind() == Kind::list; }
  } answer;
  object::Heap heap;
  const std::string stream = lit("(ca\nknown\n)R}bca\nother\nK\x05\x85R}X\x01\0\0\0xK\x06sbt.");
  const auto items = as<object::Sequence>(read(bytes_of(stream), heap, answer, {}).root)->items;
  EXPECT_EQ(items[0].kind(), Kind::list);
  const auto* object = as<object::Object>(items[1]);
  ASSERT_TRUE(object);
  EXPECT_EQ(object::global_name(object->callable), "a.other");
  EXPECT_EQ(object::int_value(as<object::Sequence>(object->args)->items[0]), 5);
  EXPECT_EQ(object::int_value(*object::attribute(*object, "x")), 6);
}

TEST(Reader, makes_the_builtins_of_pickle_itself_into_their_kinds) {
  object::Heap heap;
  EXPECT_EQ(read_root("c__builtin__\nset\n](K\x01K\x02"
                      "e\x85R.",
                      heap)
                .kind(),
            Kind::set);
  EXPECT_EQ(read_root("c__builtin__\nfrozenset\n]\x85R.", heap).kind(), Kind::frozenset);
  EXPECT_EQ(read_root("c__builtin__\nbytes\n)R.", heap).kind(), Kind::bytes);
  const Ref bytes = read_root(lit("c_codecs\nencode\nX\x02\0\0\0\xC3\xBFX\x06\0\0\0latin1\x86R."), heap);
  EXPECT_EQ(as<object::Bytes>(bytes)->data, "\xFF");
  EXPECT_TRUE(as<object::Dict>(read_root("ccollections\nOrderedDict\n)R.", heap))->ordered);
  EXPECT_EQ(error_of(lit("c_codecs\nencode\nX\x02\0\0\0\xC4\x80X\x06\0\0\0latin1\x86R.")).code(), ErrorCode::corrupt);
}

TEST(Reader, adds_items_to_objects) {
  object::Heap heap;
  const auto* object =
      as<object::Object>(read_root("ca\nB\n)\x81(K\x01K\x02"
                                   "eK\x03K\x04s.",
                                   heap));
  EXPECT_EQ(object->list_items.size(), 2u);
  EXPECT_EQ(object->dict_items.size(), 1u);
}

TEST(Reader, keeps_the_last_of_equal_keys_at_the_first_place) {
  object::Heap heap;
  const auto* dict = as<object::Dict>(read_root("}(K\x01K\x0AK\x02K\x0B\x88K\x0CG\x3F\xF0\0\0\0\0\0\0K\x0Du."s, heap));
  ASSERT_EQ(dict->items.size(), 2u) << "1, True and 1.0 are one key";
  EXPECT_EQ(object::int_value(dict->items[0].second), 13);
  EXPECT_EQ(object::int_value(dict->items[1].second), 11);
}

TEST(Reader, interns_attribute_names_but_not_those_of_modules) {
  object::Heap heap;
  const Ref plain = read_root(lit("ca\nB\n)\x81}X\x02\0\0\0abq\0K\x01sbh\0\x86."), heap);
  const auto& parts = as<object::Sequence>(plain)->items;
  const auto* object = as<object::Object>(parts[0]);
  EXPECT_NE(as<object::Dict>(object->state)->items[0].first, parts[1]);
  EXPECT_TRUE(as<object::String>(as<object::Dict>(object->state)->items[0].first)->interned);
  const Ref module = read_root(lit("ca\nB\n)\x81}(X\x08\0\0\0_modulesq\0}X\x0B\0\0\0_parameters}ubh\0\x86."), heap);
  const auto& halves = as<object::Sequence>(module)->items;
  EXPECT_EQ(as<object::Dict>(as<object::Object>(halves[0])->state)->items[0].first, halves[1]);
}

TEST(Reader, keeps_one_letter_names_apart_from_characters_as_cpython_3_11) {
  // An attribute "b" and a value "b"; an attribute "z" and a value "z", which are one object.
  for (const auto& [letter, same] : {std::pair("b", false), {"z", true}}) {
    object::Heap heap;
    const std::string key = lit("X\x01\0\0\0") + letter;
    const Ref root = read_root("ca\nB\n)\x81}" + key + key + "sb.", heap);
    const auto& item = as<object::Dict>(as<object::Object>(root)->state)->items.at(0);
    EXPECT_EQ(item.first == item.second, same) << letter;
    object::Heap other;
    const Ref copied = object::copy(other, root);
    EXPECT_EQ(write(copied), write(root)) << letter;
  }
}

TEST(Reader, makes_new_objects_of_single_bytes_but_not_of_encoded_characters) {
  object::Heap heap;
  const std::string encoded = lit("c_codecs\nencode\nX\1\0\0\0sX\6\0\0\0latin1\x86R");
  const Ref root = read_root("(C\1sC\1s" + encoded + encoded + "t.", heap);
  const auto& items = as<object::Sequence>(root)->items;
  EXPECT_NE(items[0], items[1]);
  EXPECT_NE(items[1], items[2]);
  EXPECT_EQ(items[2], items[3]);
}

TEST(Reader, interns_the_parts_of_paths_and_the_names_given_to_getattr) {
  object::Heap heap;
  const std::string root = lit("X\x03\0\0\0C:\\"), part = lit("X\x04\0\0\0data");
  const auto* path = as<object::Object>(read_root("cpathlib\nPureWindowsPath\n" + root + part + "\x86R.", heap));
  const auto& parts = as<object::Sequence>(path->args)->items;
  EXPECT_FALSE(as<object::String>(parts[0])->interned);
  EXPECT_EQ(parts[1], heap.interned("data"));
  const auto* member = as<object::Object>(read_root("c__builtin__\ngetattr\nca\nB\n" + part + "\x86R.", heap));
  EXPECT_EQ(as<object::Sequence>(member->args)->items[1], heap.interned("data"));
}

TEST(Reader, names_opcode_and_offset_and_both_numbers) {
  const Error error = error_of("]X\x10\0\0\0abc."s);
  EXPECT_EQ(error.code(), ErrorCode::truncated);
  EXPECT_EQ(error.place().offset, 1u);
  EXPECT_EQ(error.message(), "BINUNICODE: 16 bytes needed, 4 left");
}

struct Refusal {
  std::string stream;
  ErrorCode code;
  std::uint64_t offset;
  std::string text;
};

TEST(Reader, refuses) {
  const Refusal refusals[] = {
      {"", ErrorCode::truncated, 0, "before its STOP"},
      {"N", ErrorCode::truncated, 1, "before its STOP"},
      {".", ErrorCode::corrupt, 0, "1 values needed, 0 on the stack"},
      {"(.", ErrorCode::corrupt, 1, "0 above the mark"},
      {"\x80\x06N.", ErrorCode::unsupported, 0, "protocol 6"},
      {"\xFE.", ErrorCode::corrupt, 0, "0xfe is unknown"},
      {"\x82\x01.", ErrorCode::unsupported, 0, "extension code 1"},
      {"\x97.", ErrorCode::unsupported, 0, "out-of-band"},
      {"t.", ErrorCode::corrupt, 0, "no mark"},
      {"N\x86.", ErrorCode::corrupt, 1, "2 values needed, 1"},
      {"NQ.", ErrorCode::unsupported, 1, "persistent id"},
      {"Pid\n.", ErrorCode::unsupported, 0, "persistent id"},
      {"h\x05.", ErrorCode::corrupt, 0, "slot 5 was never filled"},
      {"N(q\x01.", ErrorCode::corrupt, 2, "above the mark"},
      {"Nr\xFF\xFF\xFF\xFF.", ErrorCode::corrupt, 1, "memo index 4294967295 in a stream of 7 bytes"},
      {"Np99999999999999999999\n.", ErrorCode::corrupt, 1, "not a memo index"},
      {"Np-1\n.", ErrorCode::corrupt, 1, "not a memo index"},
      {lit("\x8D\0\0\0\0\0\0\0\x80"
           "ab."),
       ErrorCode::truncated, 0, "9223372036854775808 bytes needed, 3 left"},
      {"\x8E\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF.", ErrorCode::truncated, 0, "18446744073709551615 bytes needed, 1 left"},
      {"\x96\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F.", ErrorCode::truncated, 0, "bytes needed"},
      {"\x8B\xFF\xFF\xFF\xFF.", ErrorCode::corrupt, 0, "negative length -1"},
      {"T\xFE\xFF\xFF\xFF.", ErrorCode::corrupt, 0, "negative length -2"},
      {"X\xFF\xFF\xFF\xFF.", ErrorCode::truncated, 0, "4294967295 bytes needed, 1 left"},
      {"\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFN.", ErrorCode::truncated, 0,
       "a frame of 18446744073709551615 bytes, 2 left"},
      {lit("\x95\x03\0\0\0\0\0\0\0NX\x01\0\0\0a."), ErrorCode::corrupt, 10, "crosses the end of its frame, 1 bytes"},
      {lit("\x95\x0B\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0N."), ErrorCode::corrupt, 9, "inside another"},
      {"I12x\n.", ErrorCode::corrupt, 0, "not an integer"},
      {"I010\n.", ErrorCode::corrupt, 0, "not an integer"},
      {"I0x10\n.", ErrorCode::corrupt, 0, "not an integer"},
      {"L" + std::string(5000, '9') + "L\n.", ErrorCode::corrupt, 0, "at most 4300 digits"},
      {lit("\x8B\0\x20\0\0") + std::string(8192, '\x11') + ".", ErrorCode::limit, 0,
       "8192 bytes, max_integer_bytes is 4096"},
      {"F1.5x\n.", ErrorCode::corrupt, 0, "not a float"},
      {"Sabc\n.", ErrorCode::corrupt, 0, "not a quoted string"},
      {"S'a\\x1'\n.", ErrorCode::corrupt, 0, "not a quoted string"},
      {"V\\u12\n.", ErrorCode::corrupt, 0, "broken escape"},
      {"I1", ErrorCode::truncated, 0, "no newline"},
      {")K\x01"
       "a.",
       ErrorCode::corrupt, 3, "items for a tuple"},
      {"]K\x01K\x02s.", ErrorCode::corrupt, 5, "keys and values for a list"},
      {"}(K\x01u.", ErrorCode::corrupt, 4, "1 keys and values"},
      {"}(K\x01\x90.", ErrorCode::corrupt, 4, "items for a dict"},
      {"(e.", ErrorCode::corrupt, 1, "nothing below the mark"},
      {"N)R.", ErrorCode::corrupt, 2, "a NoneType cannot be called"},
      {"ca\nb\n]R.", ErrorCode::corrupt, 6, "arguments must be a tuple, not list"},
      {"N)\x81.", ErrorCode::corrupt, 2, "no class"},
      {"]}b.", ErrorCode::corrupt, 2, "a list has no state"},
      {"ca\nb\n}b.", ErrorCode::corrupt, 6, "a global has no state"},
      {"}}b.", ErrorCode::corrupt, 2, "a dict has no state"},
      {"ccollections\nOrderedDict\n)RNb.", ErrorCode::corrupt, 28, "a state of type NoneType"},
      {"NN\x93.", ErrorCode::corrupt, 2, "must be strings"},
      {"c" + std::string(5000, 'a') + "\nb\n.", ErrorCode::corrupt, 0, "a name of 5000 bytes, at most 4096"},
      {"ca\n\xFF\n.", ErrorCode::corrupt, 0, "no UTF-8"},
  };
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(testing::PrintToString(refusal.stream.substr(0, 60)));
    const Error error = error_of(refusal.stream);
    EXPECT_EQ(error.code(), refusal.code) << error.what();
    EXPECT_EQ(error.place().offset, refusal.offset);
    EXPECT_THAT(error.message(), HasSubstr(refusal.text));
  }
}

TEST(Reader, takes_frames_that_pickle_writes) {
  object::Heap heap;
  EXPECT_TRUE(read_root(lit("\x80\x04\x95\x01\0\0\0\0\0\0\0N\x95\x02\0\0\0\0\0\0\0"
                            "0N."),
                        heap)
                  .is_none());
}

TEST(Reader, has_caps_that_can_be_raised) {
  Limits limits;
  limits.max_objects = 10;
  std::string stream = "(";
  for (int i = 0; i < 200; ++i) stream += ']';
  stream += "t.";
  EXPECT_EQ(error_of(stream, limits).code(), ErrorCode::limit);
  EXPECT_THAT(error_of(stream, limits).message(), HasSubstr("max_objects, 10"));
  limits = {};
  limits.max_memo = 2;
  EXPECT_THAT(error_of("Nq\1q\2q\3.", limits).message(), HasSubstr("max_memo, 2"));
  limits = {};
  limits.max_pickle_bytes = 100;
  EXPECT_THAT(error_of(stream, limits).message(), HasSubstr("max_pickle_bytes, 100"));
  const Error cut = error_of(stream.substr(0, 100), limits);
  EXPECT_EQ(cut.code(), ErrorCode::limit) << "as callers cut their streams";
  EXPECT_THAT(cut.message(), HasSubstr("max_pickle_bytes, 100"));
}

TEST(Reader, holds_its_allowance_against_bombs) {
  const Allowance small{1 << 20, 3};
  std::string copies = "(](" + std::string(20000, 'N') + lit("eq\0");
  for (int i = 0; i < 20000; ++i) copies += lit("0c__builtin__\nset\nh\0\x85R");
  EXPECT_EQ(error_of(copies + "t.", {}, small).code(), ErrorCode::limit);
  EXPECT_EQ(error_of(std::string(4 << 20, ']') + ".", {}, small).code(), ErrorCode::limit);
  EXPECT_EQ(error_of(std::string(4 << 20, '(') + ".", {}, small).code(), ErrorCode::limit);
  std::string states = lit("(}(");
  for (int i = 0; i < 255; ++i) states += std::string("K") + static_cast<char>(i) + "N";
  states += lit("uq\0");
  for (int i = 0; i < 100000; ++i) states += lit("ca\nb\n)\x81h\0b");
  EXPECT_EQ(error_of(states + "t.", {}, small).code(), ErrorCode::limit);
}

TEST(Reader, takes_three_million_references_within_the_tight_allowance) {
  std::string stream =
      lit("]X\x05\0\0\0helloq\0"
          "0(");
  for (int i = 0; i < 3000000; ++i) stream += lit("h\0");
  object::Heap heap;
  EXPECT_EQ(as<object::Sequence>(read(stream + "e.", heap, {}, tight).root)->items.size(), 3000000u);
  std::string batches =
      lit("]X\x05\0\0\0helloq\0"
          "0");
  for (int batch = 0; batch < 3000; ++batch) {
    batches += "(";
    for (int i = 0; i < 1000; ++i) batches += lit("h\0");
    batches += "e";
  }
  object::Heap other;
  EXPECT_EQ(as<object::Sequence>(read(batches + ".", other, {}, tight).root)->items.size(), 3000000u);
}

TEST(Reader, nests_a_million_deep) {
  const std::size_t depth = 1000000;
  object::Heap heap;
  const Ref root = read(std::string(depth, ']') + std::string(depth - 1, 'a') + ".", heap, {}, {256 << 20, 4}).root;
  std::size_t found = 1;
  for (Ref list = root; !as<object::Sequence>(list)->items.empty(); list = as<object::Sequence>(list)->items[0])
    ++found;
  EXPECT_EQ(found, depth);
}

TEST(Reader, is_linear_in_hostile_streams) {
  // Tuples whose hashes collide easily, one key twice through many objects, globals with long names.
  std::string stream = "}(";
  for (int i = 0; i < 60000; ++i)
    stream += std::string("M") + static_cast<char>(i & 255) + static_cast<char>(i >> 8) + "M" +
              static_cast<char>(i & 255) + static_cast<char>(i >> 8) + "\x86N";
  stream += "u.";
  const auto start = std::chrono::steady_clock::now();
  object::Heap heap;
  EXPECT_EQ(as<object::Dict>(read(stream, heap).root)->items.size(), 60000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(Reader, does_not_intern_long_names_again_and_again) {
  std::string stream =
      "cbuiltins\ngetattr\nq\1ca\nb\nq\2" + lit("X\0\0\x10\0") + std::string(1 << 20, 'x') + lit("q\0");
  stream += lit("}q\3h\0Ns");
  for (int i = 0; i < 5000; ++i) stream += lit("0h\2)\x81h\3b0h\1h\2h\0\x86R");  // an attribute; getattr's argument
  object::Heap heap;
  const auto start = std::chrono::steady_clock::now();
  read(stream + ".", heap);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace flambeau::pickle
