#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include <flambeau/inspect.h>

#include "command.h"
#include "input.h"
#include "json.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::DTypeClass;
using flambeau::Listed;
using flambeau::Tensor;

/// How far two tensors of one shape lie apart.
struct Distance {
  bool equal = false;  // byte for byte
  bool measured = false;
  double max_abs = 0, max_rel = 0, cosine = 1;
  std::uint64_t differing = 0;
  bool within = false;  // the tolerances
};

struct Tolerance {
  double absolute = 0, relative = 0;
};

bool has_numbers(const Tensor& tensor) {
  const DTypeClass kind = flambeau::info(tensor.dtype()).kind;
  return !tensor.is_meta() && (kind == DTypeClass::floating || kind == DTypeClass::signed_integer ||
                               kind == DTypeClass::unsigned_integer || kind == DTypeClass::boolean);
}

// In pieces, so that memory stays small.
Distance distance(const Tensor& a, const Tensor& b, const Tolerance& tolerance) {
  Distance result;
  if (a.is_meta() || b.is_meta()) {
    result.equal = result.within = a.is_meta() == b.is_meta() && a.dtype() == b.dtype();
    return result;
  }
  if (a.dtype() == b.dtype() && a.equal(b)) return {.equal = true, .within = true};
  if (!has_numbers(a) || !has_numbers(b)) return result;
  result.measured = result.within = true;
  double product = 0, square_a = 0, square_b = 0;
  const Tensor flat_a = a.contiguous().reshape({-1}), flat_b = b.contiguous().reshape({-1});
  constexpr std::int64_t piece = 1 << 18;
  for (std::int64_t at = 0; at < flat_a.numel(); at += piece) {
    const std::int64_t length = std::min(piece, flat_a.numel() - at);
    const Tensor part_a = flat_a.narrow(0, at, length).to(flambeau::DType::float64).contiguous();
    const Tensor part_b = flat_b.narrow(0, at, length).to(flambeau::DType::float64).contiguous();
    const auto xs = part_a.data<double>(), ys = part_b.data<double>();
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const double x = xs[i], y = ys[i];
      if (x == y || (std::isnan(x) && std::isnan(y))) {
        if (std::isfinite(x)) product += x * y, square_a += x * x, square_b += y * y;
        continue;
      }
      ++result.differing;
      const double gap = std::isnan(x) || std::isnan(y) ? std::numeric_limits<double>::infinity() : std::abs(x - y);
      result.max_abs = std::max(result.max_abs, gap);
      result.max_rel = std::max(result.max_rel, y == 0 ? std::numeric_limits<double>::infinity() : gap / std::abs(y));
      if (!(gap <= tolerance.absolute + tolerance.relative * std::abs(y))) result.within = false;
      product += x * y, square_a += x * x, square_b += y * y;
    }
  }
  if (square_a > 0 && square_b > 0) result.cosine = product / std::sqrt(square_a * square_b);
  return result;
}

struct Change {
  std::string name;
  std::string what;  // "dtype", "shape", "values"
  std::string before, after;
  Distance apart{};
};

struct Comparison {
  std::vector<std::string> only_a, only_b;
  std::vector<std::pair<std::string, std::string>> renamed;
  std::vector<Change> changed;
  std::size_t equal = 0;
  bool same() const { return only_a.empty() && only_b.empty() && renamed.empty() && changed.empty(); }
};

std::map<std::string, const Listed*> by_name(std::vector<Listed>& rows, std::string_view prefix) {
  std::map<std::string, const Listed*> names;
  for (Listed& row : rows) {
    row.name = std::string(stripped(row.name, prefix));
    names.emplace(row.name, &row);
  }
  return names;
}

// A tensor that is only in A and one that is only in B with the same content are one tensor renamed.
void find_renames(Comparison& result, const std::map<std::string, const Listed*>& a,
                  const std::map<std::string, const Listed*>& b) {
  std::multimap<std::pair<std::string, flambeau::Shape>, std::string> candidates;
  for (const std::string& name : result.only_b)
    candidates.emplace(std::pair(b.at(name)->dtype, b.at(name)->shape), name);
  std::erase_if(result.only_a, [&](const std::string& name) {
    const Listed& row = *a.at(name);
    if (!row.tensor.defined() || row.tensor.is_meta()) return false;
    auto [from, to] = candidates.equal_range(std::pair(row.dtype, row.shape));
    for (; from != to; ++from) {
      const Listed& other = *b.at(from->second);
      if (!other.tensor.defined() || other.tensor.is_meta() || !row.tensor.equal(other.tensor)) continue;
      result.renamed.emplace_back(name, from->second);
      std::erase(result.only_b, from->second);
      candidates.erase(from);
      return true;
    }
    return false;
  });
}

Comparison compare(const std::map<std::string, const Listed*>& a, const std::map<std::string, const Listed*>& b,
                   const Tolerance& tolerance) {
  Comparison result;
  for (const auto& [name, row] : b)
    if (!a.contains(name)) result.only_b.push_back(name);
  for (const auto& [name, row] : a) {
    const auto other = b.find(name);
    if (other == b.end()) {
      result.only_a.push_back(name);
      continue;
    }
    if (row->shape != other->second->shape) {
      result.changed.push_back(
          {name, "shape", flambeau::to_string(row->shape), flambeau::to_string(other->second->shape)});
      continue;
    }
    const Distance apart = distance(row->tensor, other->second->tensor, tolerance);
    if (row->dtype != other->second->dtype) {
      result.changed.push_back({name, "dtype", row->dtype, other->second->dtype, apart});
    } else if (!apart.within) {
      result.changed.push_back({name, "values", "", "", apart});
    } else {
      ++result.equal;
    }
  }
  find_renames(result, a, b);
  return result;
}

std::string as_text(const Comparison& found) {
  std::string text;
  for (const std::string& name : found.only_a) text += "- " + shown(name) + "\n";
  for (const std::string& name : found.only_b) text += "+ " + shown(name) + "\n";
  for (const auto& [before, after] : found.renamed) text += "> " + shown(before) + " is " + shown(after) + "\n";
  for (const Change& change : found.changed) {
    text += fmt::format("~ {}: {}", shown(change.name), change.what);
    if (!change.before.empty()) text += fmt::format(" {} became {}", change.before, change.after);
    if (change.apart.measured)
      text +=
          fmt::format("{} {} elements, max abs {:.3g}, max rel {:.3g}, cosine {:.6f}", change.before.empty() ? "" : ";",
                      grouped(change.apart.differing), change.apart.max_abs, change.apart.max_rel, change.apart.cosine);
    text += "\n";
  }
  return text + fmt::format("{} equal, {} changed, {} renamed, {} only in the first, {} only in the second\n",
                            grouped(found.equal), grouped(found.changed.size()), grouped(found.renamed.size()),
                            grouped(found.only_a.size()), grouped(found.only_b.size()));
}

std::string as_json(const Comparison& found) {
  Json json;
  json.object().field("same", found.same()).field("equal", found.equal);
  json.list("only_first", found.only_a).list("only_second", found.only_b).key("renamed").array();
  for (const auto& [before, after] : found.renamed) json.object().field("from", before).field("to", after).end();
  json.end().key("changed").array();
  for (const Change& change : found.changed) {
    json.object().field("name", change.name).field("what", change.what);
    if (!change.before.empty()) json.field("first", change.before).field("second", change.after);
    if (change.apart.measured)
      json.field("differing", change.apart.differing)
          .field("max_abs", change.apart.max_abs)
          .field("max_rel", change.apart.max_rel)
          .field("cosine", change.apart.cosine);
    json.end();
  }
  return json.end().end().text();
}

double tolerance(const Args& args, std::string_view option) {
  const auto text = args.value(option);
  if (!text) return 0;
  double number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size() || !(number >= 0))
    throw UsageError("--" + std::string(option) + " takes a number from 0 on, not '" + *text + "'");
  return number;
}

}  // namespace

int diff(const Args& args) {
  const Tolerance within{tolerance(args, "atol"), tolerance(args, "rtol")};
  const flambeau::Checkpoint a = open(args, args.operands()[0]), b = open(args, args.operands()[1]);
  std::vector<Listed> rows_a = flambeau::list(a), rows_b = flambeau::list(b);
  const std::string prefix = args.value_or("strip-prefix", "");
  const Comparison found = compare(by_name(rows_a, prefix), by_name(rows_b, prefix), within);
  print(args.has("json") ? as_json(found) : as_text(found));
  return found.same() ? yes : no;
}

}  // namespace cli
