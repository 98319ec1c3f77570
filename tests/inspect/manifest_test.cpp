// Every file of the reference manifests, listed and compared field by field with what PyTorch says it holds.

#include <flambeau/error.h>
#include <flambeau/inspect.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

namespace flambeau {
namespace {

namespace dom = simdjson::dom;

std::string shown(const PathElement& element) {
  const auto* const index = std::get_if<std::int64_t>(&element);
  return index != nullptr ? std::to_string(*index) : json_string(std::get<std::string>(element));
}

std::string path_of(const Listed& row) {
  std::string text;
  for (const auto& element : row.path) text += shown(element) + ",";
  return text;
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string path_of(dom::element path) {
  std::string text;
  const dom::array array = path.get_array().value();
  for (const dom::element element : array) {
    std::int64_t index = 0;
    text +=
        (element.get(index) == simdjson::SUCCESS ? std::to_string(index) : json_string(element.get_string().value())) +
        ",";
  }
  replace(text, R"(\\ud)", R"(\ud)");
  return text;
}

Shape shape_of(dom::element sizes) {
  Shape shape;
  const dom::array array = sizes.get_array().value();
  for (const dom::element size : array) shape.push_back(size.get_int64().value());
  return shape;
}

/// What a manifest row says about one tensor, as text; fields that it lacks are taken from `row`.
std::string expected(dom::element tensor, const Listed& row, std::map<std::string, std::size_t>& sharing) {
  const auto field = [&](const char* key) {
    dom::element found;
    return tensor[key].get(found) == simdjson::SUCCESS ? std::optional(found) : std::nullopt;
  };
  std::string text = path_of(*field("path"));
  text += " " + std::string(field("dtype")->get_string().value()) + " " + to_string(shape_of(*field("shape")));
  const auto stride = field("stride");
  text += stride ? (stride->is_null() ? " null" : " " + to_string(shape_of(*stride)))
                 : (row.stride ? " " + to_string(*row.stride) : " null");
  const auto offset = field("offset");
  text += " " + std::to_string(offset ? offset->get_int64().value() : row.offset);
  text += " " + std::to_string(field("nbytes")->get_uint64().value());
  const auto storage = field("storage");
  if (storage) {
    const std::string label = simdjson::minify(*storage);
    text += label == "null" ? " -" : " s" + std::to_string(sharing.try_emplace(label, sharing.size()).first->second);
  }
  const auto digest = field("sha256");
  text +=
      " " + (digest ? (digest->is_null() ? std::string("-") : std::string(digest->get_string().value())) : row.sha256);
  const auto requires_grad = field("requires_grad"), parameter = field("parameter");
  text += (requires_grad ? requires_grad->get_bool().value() : row.requires_grad) ? " grad" : "";
  text += (parameter ? parameter->get_bool().value() : row.parameter) ? " parameter" : "";
  return text;
}

std::string found(const Listed& row, std::map<std::string, std::size_t>& sharing) {
  std::string text = path_of(row) + " " + row.dtype + " " + to_string(row.shape);
  text += row.stride ? " " + to_string(*row.stride) : " null";
  text += " " + std::to_string(row.offset) + " " + std::to_string(row.nbytes);
  text += row.storage
              ? " s" + std::to_string(sharing.try_emplace(std::to_string(*row.storage), sharing.size()).first->second)
              : " -";
  text += " " + (row.sha256.empty() ? "-" : row.sha256);
  return text + (row.requires_grad ? " grad" : "") + (row.parameter ? " parameter" : "");
}

/// Empty if the file agrees with its row.
std::string difference(const std::string& path, dom::element row, Read read) {
  LoadOptions options;
  options.read = read;
  std::vector<Listed> rows;
  try {
    const Checkpoint checkpoint = load(path, options);
    rows = list(checkpoint, {.sha256 = true});
    dom::element ignored;
    const std::string json = to_json(checkpoint, rows);
    dom::parser parser;
    if (parser.parse(simdjson::padded_string(json)).get(ignored) != simdjson::SUCCESS &&
        json.find("\\ud") == std::string::npos)
      return "to_json is no JSON";
  } catch (const Error& error) {
    return error.what();
  }
  std::vector<dom::element> tensors;
  const dom::array array = row["tensors"].get_array().value();
  for (const dom::element tensor : array) tensors.push_back(tensor);
  bool ordered = true;
  if (row["ordered"].get(ordered) != simdjson::SUCCESS) ordered = true;
  if (!ordered) {
    std::ranges::sort(rows, {}, [](const Listed& listed) { return path_of(listed); });
    std::ranges::sort(tensors, {}, [](dom::element tensor) { return path_of(tensor["path"]); });
  }
  if (rows.size() != tensors.size()) {
    std::string text =
        std::to_string(rows.size()) + " tensors, expected " + std::to_string(tensors.size()) + "; first:";
    for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 6); ++i) text += " " + path_of(rows[i]);
    return text;
  }
  std::map<std::string, std::size_t> want_sharing, have_sharing;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string want = expected(tensors[i], rows[i], want_sharing), have = found(rows[i], have_sharing);
    if (want != have) return "found\n      " + have + "\n  expected\n      " + want;
  }
  return {};
}

/// The rows of a manifest: objects in an array, found by counting braces outside strings.
std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> rows;
  const std::size_t start = text.find('[');
  std::size_t begin = 0;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = start; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        quoted = false;
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == '{') {
      if (depth++ == 0) begin = i;
    } else if (text[i] == '}' && --depth == 0) {
      rows.push_back(text.substr(begin, i + 1 - begin));
    }
  }
  return rows;
}

class Manifest : public testing::TestWithParam<std::pair<const char*, Read>> {};

TEST_P(Manifest, EveryFileAgrees) {
  const std::filesystem::path folder = std::filesystem::path(FLAMBEAU_SHARED) / GetParam().first;
  if (!std::filesystem::exists(folder / "manifest.json"))
    GTEST_SKIP() << "SKIPPED: no " << folder << ": nothing was compared";
  // The manifests' JSON holds lone surrogates, which simdjson refuses: one row at a time, with those escaped.
  std::ifstream stream(folder / "manifest.json");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  std::vector<std::string> rows = rows_of(text);
  std::size_t agree = 0, all = 0;
  for (std::string& line : rows) {
    if (line.find("/surrogates.pth") != std::string::npos) replace(line, R"(\ud)", R"(\\ud)");
    dom::parser parser;
    const dom::element row = parser.parse(simdjson::padded_string(line));
    const std::string file(row["file"].get_string().value()), container(row["container"].get_string().value());
    ++all;
    const std::string path = (folder / file).string();
    if (container == "none" || container == "tar, unfaithful") {
      EXPECT_THROW(load(path), Error) << file;
      ++agree;
      continue;
    }
    const std::string problem = difference(path, row, GetParam().second);
    if (problem.empty()) ++agree;
    EXPECT_EQ(problem, "") << file;
  }
  std::printf("%zu/%zu files agree\n", agree, all);
}

std::string label(const testing::TestParamInfo<std::pair<const char*, Read>>& info) {
  constexpr const char* names[] = {"Map", "Lazy", "Copy"};
  return std::string(info.param.first) + names[static_cast<int>(info.param.second)];
}

INSTANTIATE_TEST_SUITE_P(Reference, Manifest,
                         testing::Values(std::pair("fixtures", Read::map), std::pair("fixtures", Read::lazy),
                                         std::pair("fixtures", Read::copy), std::pair("checkpoints", Read::map)),
                         label);

}  // namespace
}  // namespace flambeau
