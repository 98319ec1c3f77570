#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <unordered_set>

#include <fmt/format.h>

#include <flambeau/error.h>
#include <flambeau/inspect.h>

#include "command.h"
#include "input.h"
#include "json.h"
#include "terminal.h"

namespace cli {
namespace {

using flambeau::Kind;
using flambeau::Tensor;
using flambeau::Value;

constexpr std::size_t most_items = 200;  // of one container that holds neither tensors nor containers
constexpr std::size_t deepest = 100;

std::string one_line(const Value& value) {
  if (value.kind() == Kind::tensor) {
    const auto* node = flambeau::object::as<flambeau::object::TensorNode>(value.ref());
    return describe(value.as_tensor()) + (node->parameter ? " parameter" : "");
  }
  return flambeau::repr(value, 200);
}

// The tree below a value, depth first, without recursion; a container is entered where it is met first, so that sharing
// cannot make the text exponential.
std::string tree(const Value& root) {
  struct Frame {
    std::uint64_t identity;
    std::vector<std::pair<std::string, Value>> parts;
    std::size_t next = 0;
  };
  std::string text;
  std::vector<Frame> frames;
  std::unordered_set<std::uint64_t> open, entered;
  const auto enter = [&](const Value& value) {
    open.insert(value.ref().bits());
    entered.insert(value.ref().bits());
    frames.push_back({value.ref().bits(), parts(value)});
  };
  enter(root);
  while (!frames.empty()) {
    Frame& frame = frames.back();
    const std::string indent(2 * (frames.size() - 1), ' ');
    const bool full = frame.next == most_items && std::ranges::none_of(frame.parts, [](const auto& part) {
                        return is_container(part.second) || part.second.kind() == Kind::tensor;
                      });
    if (full) {
      text += fmt::format("{}… and {} more\n", indent, grouped(frame.parts.size() - frame.next));
      frame.next = frame.parts.size();
    }
    if (frame.next == frame.parts.size()) {
      open.erase(frame.identity);
      frames.pop_back();
      continue;
    }
    const auto& [key, value] = frame.parts[frame.next++];
    text += indent + shown(key) + ": ";
    if (!is_container(value)) {
      text += shown_text(one_line(value)) + "\n";
    } else if (open.contains(value.ref().bits())) {
      text += shown(value.type_name()) + " (itself, above)\n";
    } else if (const auto children = parts(value);
               children.empty() || frames.size() == deepest || entered.contains(value.ref().bits())) {
      text += shown_text(flambeau::repr(value, 200)) + "\n";
    } else {
      text += fmt::format("{} of {}\n", shown(value.type_name()), grouped(children.size()));
      enter(Value(value));
    }
  }
  return text;
}

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// `Number` holds the elements as they are.
template <class Number>
struct Statistics {
  Number least = std::numeric_limits<Number>::quiet_NaN(), most = least;
  double mean = 0, deviation = 0;
  std::uint64_t zeros = 0, nan = 0, inf = 0, count = 0;
  std::vector<Number> first{};  // elements
};

// Over the finite elements, in pieces, so that memory stays small.
template <class Number>
Statistics<Number> statistics(const Tensor& tensor, flambeau::DType wide) {
  Statistics<Number> result;
  double sum_of_squares = 0;
  const Tensor flat = tensor.contiguous().reshape({-1});
  constexpr std::int64_t piece = 1 << 18;
  for (std::int64_t at = 0; at < flat.numel(); at += piece) {
    const Tensor part = flat.narrow(0, at, std::min(piece, flat.numel() - at)).to(wide).contiguous();
    const auto elements = part.data<Number>();
    if (at == 0) {
      const auto head = elements.first(std::min<std::size_t>(8, elements.size()));
      result.first.assign(head.begin(), head.end());
    }
    for (const Number element : elements) {
      const auto x = static_cast<double>(element);
      if (std::isnan(x)) ++result.nan;
      if (std::isinf(x)) ++result.inf;
      if (!std::isfinite(x)) continue;
      result.zeros += element == 0;
      result.least = result.count == 0 ? element : std::min(result.least, element);
      result.most = result.count == 0 ? element : std::max(result.most, element);
      const double step = x - result.mean;
      result.mean += step / static_cast<double>(++result.count);
      sum_of_squares += step * (x - result.mean);
    }
  }
  if (result.count == 0) result.mean = result.deviation = none;
  if (result.count > 1) result.deviation = std::sqrt(sum_of_squares / static_cast<double>(result.count - 1));
  return result;
}

std::string as_text(double number) { return fmt::format("{:.6g}", number); }
std::string as_text(std::integral auto number) { return std::to_string(number); }

/// Adds to the document, if there is one, else prints.
template <class Number>
void show_numbers(Json* json, const Tensor& tensor, flambeau::DType wide) {
  const auto found = statistics<Number>(tensor, wide);
  if (json) {
    json->field("min", found.least).field("max", found.most).field("mean", found.mean).field("std", found.deviation);
    json->field("zeros", found.zeros).field("nan", found.nan).field("inf", found.inf).list("first", found.first);
    return;
  }
  print(fmt::format("min       {}\nmax       {}\nmean      {}\nstd       {}\n", as_text(found.least),
                    as_text(found.most), as_text(found.mean), as_text(found.deviation)));
  print(fmt::format("zeros     {}\nNaN, inf  {}, {}\nfirst    ", grouped(found.zeros), grouped(found.nan),
                    grouped(found.inf)));
  for (const Number element : found.first) print(" " + as_text(element));
  print("\n");
}

void show_numbers(Json* json, const Tensor& tensor) {
  const auto wide = widened(tensor.dtype());
  if (!wide || tensor.is_meta() || tensor.numel() == 0) return;
  switch (*wide) {
    case flambeau::DType::float64:
      return show_numbers<double>(json, tensor, *wide);
    case flambeau::DType::int64:
      return show_numbers<std::int64_t>(json, tensor, *wide);
    case flambeau::DType::uint64:
      return show_numbers<std::uint64_t>(json, tensor, *wide);
    default:
      return;  // complex numbers have no order
  }
}

int show_tensor(const Args& args, const std::string& name, const Value& value) {
  const Tensor& tensor = value.as_tensor();
  if (args.has("json")) {
    Json json;
    json.object().field("name", name).field("dtype", flambeau::name(tensor.dtype())).list("shape", tensor.shape());
    json.list("stride", tensor.strides()).field("offset", tensor.offset()).field("nbytes", tensor.nbytes());
    show_numbers(&json, tensor);
    print(json.end().text());
    return yes;
  }
  print(bold(shown(name)) + "  " + one_line(value) + "\n");
  print(fmt::format("stride    {}\noffset    {}\nbytes     {}\n", flambeau::to_string(tensor.strides()),
                    grouped(static_cast<std::uint64_t>(tensor.offset())), grouped(tensor.nbytes())));
  if (tensor.storage())
    print(fmt::format("storage   {} bytes, {}\n", grouped(tensor.storage()->nbytes()),
                      shown(tensor.storage()->location())));
  show_numbers(nullptr, tensor);
  return yes;
}

// Key and prefix of the state_dict that a program would take; both empty where the root is one, or there is none.
std::pair<std::string, std::string> where_weights_are(const flambeau::Checkpoint& checkpoint) {
  flambeau::Checkpoint::Taken taken;
  try {
    checkpoint.state_dict(taken);
  } catch (const flambeau::Error&) {
    return {};
  }
  return {taken.key, taken.prefix.empty() ? taken.common_prefix : taken.prefix};
}

int show_summary(const Args& args, const flambeau::Checkpoint& checkpoint, const std::string& file) {
  const auto rows = listed(args, checkpoint);
  const auto& container = checkpoint.container();
  std::uint64_t parameters = 0, bytes = 0;
  std::unordered_set<std::uint64_t> seen;
  for (const auto& row : rows) {
    if (row.storage && !seen.insert(*row.storage).second) continue;
    parameters += static_cast<std::uint64_t>(row.tensor.defined() ? row.tensor.numel() : 0);
    bytes += row.nbytes;
  }
  const auto [key, prefix] = where_weights_are(checkpoint);
  if (args.has("json")) {
    Json json;
    json.object().field("file", file).field("format", container.format).field("root_name", container.root_name);
    json.field("pickle_protocol", container.pickle_protocol).field("type", checkpoint.root().type_name());
    json.field("tensors", rows.size())
        .field("elements", parameters)
        .field("bytes", bytes)
        .field("weights_key", key)
        .field("weights_prefix", prefix)
        .list("notes", container.notes);
    print(json.end().text());
    return yes;
  }
  print(fmt::format("file      {}\nformat    {}, pickle protocol {}{}\nroot      {}\ntensors   {}, {} elements, {}\n",
                    shown(file), container.format, container.pickle_protocol,
                    container.big_endian ? ", big-endian" : "", shown(checkpoint.root().type_name()),
                    grouped(rows.size()), grouped(parameters), bytes_in_storages(rows, bytes)));
  if (!key.empty() || !prefix.empty())
    print("weights   " + (key.empty() ? "" : "under '" + shown(key) + "'") +
          (key.empty() || prefix.empty() ? "" : ", ") +
          (prefix.empty() ? "" : "names begin with '" + shown(prefix) + "'") + "\n");
  print("\n");
  print(is_container(checkpoint.root()) ? tree(checkpoint.root()) : shown_text(one_line(checkpoint.root())) + "\n");
  for (const std::string& text : container.notes) note(args, fmt::format("{}: {}", file, text));
  const auto* whole = flambeau::object::as<flambeau::object::Object>(checkpoint.root().ref());
  if (whole && flambeau::object::attribute(*whole, "_modules"))
    note(args, fmt::format("{0}: a whole model; 'flambeau models {0}' prints it as Python does", file));
  return yes;
}

}  // namespace

int show(const Args& args) {
  const std::string& file = args.operands()[0];
  const flambeau::Checkpoint checkpoint = open(args, file);
  if (args.operands().size() == 1) return show_summary(args, checkpoint, file);
  const std::string& path = args.operands()[1];
  Value value;
  try {
    value = lookup(checkpoint.root(), path);
    if (value.kind() == Kind::tensor) return show_tensor(args, path, value);
  } catch (const flambeau::Error& error) {
    throw error.at({.file = file, .tensor = value.kind() == Kind::tensor ? path : ""});
  }
  if (args.has("json")) {
    Json json;
    json.object().field("path", path).field("type", value.type_name()).field("repr", flambeau::repr(value, 1 << 20));
    print(json.end().text());
  } else {
    print(is_container(value) ? tree(value) : shown_text(flambeau::repr(value, 1 << 20)) + "\n");
  }
  return yes;
}

}  // namespace cli
