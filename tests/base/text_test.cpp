// Text for people: escapes for terminals, nearest names, Python's repr.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include <flambeau/escape.h>
#include <flambeau/near.h>

#include "base/py_repr.h"
#include "base/utf8.h"

namespace flambeau {
namespace {

using namespace std::string_literals;
using Names = std::vector<std::string>;

TEST(Escape, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(escape("features.0.weight"), "features.0.weight");
  EXPECT_EQ(escape("größe 大 🦊"), "größe 大 🦊");
  EXPECT_EQ(escape(""), "");
}

TEST(Escape, DisarmsControlCharacters) {
  EXPECT_EQ(escape("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(escape("a\r\n\tb\x7f"), "a\\r\\n\\tb\\x7f");
  EXPECT_EQ(escape("nul\0l"s), "nul\\x00l");
  EXPECT_EQ(escape("\u009b31m"), "\\u009b31m");  // the one-character CSI
}

TEST(Escape, ShowsWhatReordersOrHides) {
  EXPECT_EQ(escape("abc\u202egpj"), "abc\\u202egpj");
  EXPECT_EQ(escape("zero\u200bwidth\ufeff"), "zero\\u200bwidth\\ufeff");
  EXPECT_EQ(escape("\u2028\u2067"), "\\u2028\\u2067");
  EXPECT_EQ(escape("\U000e0041"), "\\U000e0041");
}

TEST(Escape, IsUnambiguous) {
  EXPECT_EQ(escape("a\\x1b"), "a\\\\x1b");
  EXPECT_NE(escape("\\x1b"), escape("\x1b"));
}

TEST(Escape, WritesBrokenUtf8AsBytes) {
  EXPECT_EQ(escape("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(escape("\xc0\xaf"), "\\xc0\\xaf");                    // overlong '/'
  EXPECT_EQ(escape("\xed\xb2\x80"), "\\udc80");                   // a surrogate, as Python writes it
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // past U+10FFFF
}

TEST(Utf8, KnowsWellFormedText) {
  EXPECT_TRUE(base::is_utf8("größe 大 🦊"));
  EXPECT_FALSE(base::is_utf8("\xe4\xf6"));
  EXPECT_FALSE(base::is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(base::is_utf8("\xf0\x9f\xa6"));
  EXPECT_FALSE(base::is_utf8("\xe0\x80\xaf"));
}

TEST(Near, FindsTypingErrors) {
  const Names names = {"classifier.6.weight", "classifier.6.bias", "features.0.weight"};
  EXPECT_EQ(nearest("clasifier.6.wieght", names, 1), Names{"classifier.6.weight"});
  EXPECT_EQ(nearest("classifier.6.bais", names), (Names{"classifier.6.bias", "classifier.6.weight"}));
}

TEST(Near, OrdersByDistance) {
  EXPECT_EQ(nearest("vgg16", Names{"vgg19", "vgg16_bn", "vgg11", "vgg13", "VGG16"}),
            (Names{"VGG16", "vgg19", "vgg11"}));
  EXPECT_EQ(nearest("vgg16", Names{"vgg19", "vgg11"}, 1), Names{"vgg19"});
}

TEST(Near, KnowsPrefixesOfModules) {
  EXPECT_EQ(nearest("fc.weight", Names{"module.fc.weight", "fc2.weight"}), (Names{"module.fc.weight", "fc2.weight"}));
  EXPECT_EQ(nearest("net.model.fc.weight", Names{"fc.weight"}), Names{"fc.weight"});
}

TEST(Near, ProposesNothingFarOff) {
  EXPECT_TRUE(nearest("resnet", Names{"predict", "convert", ""}).empty());
  EXPECT_TRUE(nearest("", Names{"a"}).empty());
  EXPECT_TRUE(nearest(std::string(100000, 'a'), Names{std::string(100000, 'a')}).empty());
}

TEST(Near, SpeaksInASentence) {
  EXPECT_EQ(did_you_mean("vgg12", Names{"vgg16", "vgg11", "vgg19"}), "; did you mean 'vgg16', 'vgg11' or 'vgg19'?");
  EXPECT_EQ(did_you_mean("lss", Names{"ls"}), "; did you mean 'ls'?");
  EXPECT_EQ(did_you_mean("aaaa", Names{"aaa\x1b"}), "; did you mean 'aaa\\x1b'?");
  EXPECT_EQ(did_you_mean("x", Names{"predict"}), "");
}

TEST(PyRepr, FloatsAsPythonPrintsThem) {
  const std::vector<std::pair<double, std::string>> cases = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {0.1, "0.1"},
      {1e-05, "1e-05"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {1e15, "1000000000000000.0"},
      {1e16, "1e+16"},
      {123456789012345680.0, "1.2345678901234568e+17"},
      {9007199254740993.0, "9007199254740992.0"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {0.30000000000000004, "0.30000000000000004"},
      {1e22, "1e+22"},
      {1e23, "1e+23"},
      {-1.5e-7, "-1.5e-07"},
      {9999999999999998.0, "9999999999999998.0"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
      {-std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(base::py_repr(value), text);
}

TEST(PyRepr, StringsAsPythonPrintsThem) {
  EXPECT_EQ(base::py_repr("relu"), "'relu'");
  EXPECT_EQ(base::py_repr("it's"), "\"it's\"");
  EXPECT_EQ(base::py_repr("it's \"so\""), "'it\\'s \"so\"'");
  EXPECT_EQ(base::py_repr("a\\b\n\r\t\x1b\x7f"), "'a\\\\b\\n\\r\\t\\x1b\\x7f'");
  EXPECT_EQ(base::py_repr("größe 大 🦊"), "'größe 大 🦊'");
  EXPECT_EQ(base::py_repr("\u00a0\u00ad\u2028\u200b"), "'\\xa0\\xad\\u2028\\u200b'");
  EXPECT_EQ(base::py_repr("\U000e0041\U0001f98a"), "'\\U000e0041🦊'");
  EXPECT_EQ(base::py_repr("\u0378"), "'\\u0378'");  // not assigned
  EXPECT_EQ(base::py_repr("\xed\xb2\x80"), "'\\udc80'");
  EXPECT_EQ(base::py_repr("\xff"), "'\\xff'");
}

TEST(PyRepr, BytesAsPythonPrintsThem) {
  EXPECT_EQ(base::py_bytes_repr("a\0\xff'\n"s), "b\"a\\x00\\xff'\\n\"");
  EXPECT_EQ(base::py_bytes_repr(""), "b''");
  EXPECT_EQ(base::py_bytearray_repr("a'"), "bytearray(b\"a\\'\")") << "Python escapes it here";
}

}  // namespace
}  // namespace flambeau
