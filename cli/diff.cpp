#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/inspect.h>

#include "command.h"
#include "distance.h"
#include "input.h"
#include "json.h"
#include "other_values.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::Listed;

struct Change {
  std::string name;
  std::string what;  // "dtype", "shape", "values"
  std::string before, after;
  Distance apart{};
};

struct Comparison {
  std::vector<const Listed*> only_a, only_b;
  std::vector<std::pair<const Listed*, const Listed*>> renamed;
  std::vector<Change> changed;
  std::size_t equal = 0;
  OtherValues others{};
  bool same() const {
    return only_a.empty() && only_b.empty() && renamed.empty() && changed.empty() && others.differing == 0;
  }
};

// The weights alone, under the names that a module has for them.
std::vector<Listed> weights_of(const Args& args, const flambeau::Checkpoint& checkpoint, const std::string& file) {
  return listed(args, flambeau::Checkpoint(weights(args, checkpoint, file).to_value()));
}

// The same without a word; none if there are no weights.
std::vector<Listed> quiet_weights_of(const Args& args, const flambeau::Checkpoint& checkpoint) try {
  return listed(args, flambeau::Checkpoint(checkpoint.state_dict().to_value()));
} catch (const flambeau::Error& error) {
  if (error.code() != flambeau::ErrorCode::not_found) throw;
  return {};
}

bool share_a_name(const std::vector<Listed>& a, const std::vector<Listed>& b) {
  std::set<std::string_view> names;
  for (const Listed& row : a) names.insert(row.name);
  return std::ranges::any_of(b, [&](const Listed& row) { return names.contains(row.name); });
}

// Errors of `work` tell the tensor.
auto named(const std::string& tensor, const auto& work) {
  try {
    return work();
  } catch (const flambeau::Error& error) {
    throw error.at({.tensor = tensor});
  }
}

// A tensor that is only in A and one that is only in B with the same content are one tensor renamed.
void find_renames(Comparison& result) {
  std::multimap<std::pair<std::string, flambeau::Shape>, const Listed*> candidates;
  for (const Listed* row : result.only_b)
    if (!row->tensor.is_meta()) candidates.emplace(std::pair(row->dtype, row->shape), row);
  std::erase_if(result.only_a, [&](const Listed* row) {
    if (row->tensor.is_meta()) return false;
    auto [from, to] = candidates.equal_range(std::pair(row->dtype, row->shape));
    for (; from != to; ++from) {
      const Listed* other = from->second;
      if (!named(row->name, [&] { return row->tensor.equal(other->tensor); })) continue;
      result.renamed.emplace_back(row, other);
      std::erase(result.only_b, other);
      candidates.erase(from);
      return true;
    }
    return false;
  });
}

void compare(Comparison& result, const Listed& a, const Listed& b, const Tolerance& tolerance) {
  if (a.shape != b.shape) {
    result.changed.push_back({a.name, "shape", flambeau::to_string(a.shape), flambeau::to_string(b.shape)});
    return;
  }
  const Distance apart = named(a.name, [&] { return distance(a.tensor, b.tensor, tolerance); });
  if (a.dtype != b.dtype)
    result.changed.push_back({a.name, "dtype", a.dtype, b.dtype, apart});
  else if (!apart.within)
    result.changed.push_back({a.name, "values", "", "", apart});
  else
    ++result.equal;
}

Comparison compare(std::vector<Listed>& a, std::vector<Listed>& b, const Tolerance& tolerance) {
  // By name; two tensors of one name ('a.b', and 'b' in 'a') by their paths.
  for (auto* rows : {&a, &b})
    std::ranges::stable_sort(*rows, {}, [](const Listed& row) { return std::tie(row.name, row.path); });
  Comparison result;
  auto x = a.begin(), y = b.begin();
  while (x != a.end() || y != b.end()) {
    if (y == b.end() || (x != a.end() && x->name < y->name))
      result.only_a.push_back(&*x++);
    else if (x == a.end() || y->name < x->name)
      result.only_b.push_back(&*y++);
    else
      compare(result, *x++, *y++, tolerance);
  }
  find_renames(result);
  return result;
}

std::vector<std::string> names(const std::vector<const Listed*>& rows) {
  std::vector<std::string> result;
  for (const Listed* row : rows) result.push_back(row->name);
  return result;
}

std::string as_text(const Comparison& found) {
  std::string text;
  for (const Listed* row : found.only_a) text += "- " + shown(row->name) + "\n";
  for (const Listed* row : found.only_b) text += "+ " + shown(row->name) + "\n";
  for (const auto& [before, after] : found.renamed)
    text += "> " + shown(before->name) + " is " + shown(after->name) + "\n";
  for (const Change& change : found.changed) {
    text += fmt::format("~ {}: {}", shown(change.name), change.what);
    if (!change.before.empty()) text += fmt::format(" {} became {}", change.before, change.after);
    const Distance& apart = change.apart;
    if (apart.measured) {
      text += fmt::format("{} {} elements, max abs {:.3g}, max rel {:.3g}", change.before.empty() ? "" : ";",
                          grouped(apart.differing), apart.max_abs, apart.max_rel);
      if (apart.max_ulp) text += ", " + grouped(*apart.max_ulp) + " ULP";
      text += fmt::format(", cosine {:.6f}", apart.cosine);
    }
    text += "\n";
  }
  if (const OtherValues& others = found.others; others.differing > 0) {
    std::string paths;
    for (const std::string& path : others.first) paths += (paths.empty() ? "" : ", ") + shown(path);
    if (others.differing > others.first.size()) paths += ", …";
    text += fmt::format("other values that differ: {} ({})\n", grouped(others.differing), paths);
  }
  return text + fmt::format("{} equal, {} changed, {} renamed, {} only in the first, {} only in the second\n",
                            grouped(found.equal), grouped(found.changed.size()), grouped(found.renamed.size()),
                            grouped(found.only_a.size()), grouped(found.only_b.size()));
}

std::string as_json(const Comparison& found) {
  Json json;
  json.object().field("same", found.same()).field("equal", found.equal);
  json.list("only_first", names(found.only_a)).list("only_second", names(found.only_b)).key("renamed").array();
  for (const auto& [before, after] : found.renamed)
    json.object().field("from", before->name).field("to", after->name).end();
  json.end().key("changed").array();
  for (const Change& change : found.changed) {
    json.object().field("name", change.name).field("what", change.what);
    if (!change.before.empty()) json.field("first", change.before).field("second", change.after);
    const Distance& apart = change.apart;
    if (apart.measured) {
      json.field("differing", apart.differing).field("max_abs", apart.max_abs).field("max_rel", apart.max_rel);
      if (apart.max_ulp) json.field("max_ulp", *apart.max_ulp);
      json.field("cosine", apart.cosine);
    }
    json.end();
  }
  json.end().key("other_values").object().field("differing", found.others.differing);
  return json.list("first", found.others.first).end().end().text();
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
  std::vector<Listed> rows_a = listed(args, a), rows_b = listed(args, b);
  if (const auto prefix = args.value("strip-prefix"))
    for (auto* rows : {&rows_a, &rows_b})
      for (Listed& row : *rows) row.name = std::string(stripped(row.name, *prefix));
  bool weights_alone = args.has("weights");
  // A checkpoint and the weights taken from it have no name in common.
  if (!weights_alone && !args.has("strip-prefix") && !args.has("root") && !share_a_name(rows_a, rows_b))
    weights_alone = share_a_name(quiet_weights_of(args, a), quiet_weights_of(args, b));
  if (weights_alone) {
    rows_a = weights_of(args, a, args.operands()[0]);
    rows_b = weights_of(args, b, args.operands()[1]);
  }
  Comparison found = compare(rows_a, rows_b, within);
  // Of a module its state_dict has the tensors only.
  const bool alike = (a.root().kind() == flambeau::Kind::object) == (b.root().kind() == flambeau::Kind::object);
  if (!weights_alone && !args.has("strip-prefix") && alike) found.others = differing_values(a.root(), b.root());
  print(args.has("json") ? as_json(found) : as_text(found));
  return found.same() ? yes : no;
}

}  // namespace cli
