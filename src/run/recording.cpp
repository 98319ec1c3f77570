#include "run/recording.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

namespace flambeau::run {
namespace {

using namespace graph;

constexpr std::size_t compared_whole = 16u << 10;
constexpr std::size_t samples = 256;

/// Bytes that the tensor looks at; the whole storage where it has gaps. No CRC pass: pages are touched as they are
/// used.
std::span<const std::byte> bytes_of(const Tensor& tensor) {
  if (tensor.is_meta() || tensor.numel() == 0) return {};
  const std::span<const std::byte> all = tensor.storage()->unchecked_bytes();
  if (!tensor.is_contiguous()) return all;
  const std::size_t element = info(tensor.dtype()).itemsize;
  return all.subspan(static_cast<std::size_t>(tensor.offset()) * element, static_cast<std::size_t>(tensor.nbytes()));
}

std::uint64_t mix(std::uint64_t hash, const std::byte* at, std::size_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, size);
  hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
  return hash ^ hash >> 29;
}

/// Changes when write access was given since; samples catch most of what is written through a span that was kept. What
/// nobody could write to is not looked at: that would only load a mapped file's pages.
std::uint64_t fingerprint(const Tensor& tensor) {
  const std::uint64_t version = tensor.storage() ? tensor.storage()->version() : 0;
  if (version == 0) return 0;
  const std::span<const std::byte> bytes = bytes_of(tensor);
  constexpr std::size_t word = sizeof(std::uint64_t);
  std::uint64_t hash = mix(bytes.size(), reinterpret_cast<const std::byte*>(&version), word);
  if (bytes.size() < word) return mix(hash, bytes.data(), bytes.size());
  const std::size_t step = bytes.size() <= compared_whole ? word : (bytes.size() - word) / (samples - 1);
  for (std::size_t at = 0; at + word <= bytes.size(); at += step) hash = mix(hash, bytes.data() + at, word);
  return mix(hash, bytes.data() + bytes.size() - word, word);
}

bool same_view(const Tensor& a, const Tensor& b) {
  return a.storage() == b.storage() && a.offset() == b.offset() && a.strides() == b.strides();
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  const std::span<const std::byte> left = bytes_of(a), right = bytes_of(b);
  return a.strides() == b.strides() && a.is_conj() == b.is_conj() && a.is_neg() == b.is_neg() &&
         std::equal(left.begin(), left.end(), right.begin(), right.end());
}

// The bindings fail to compile when an attribute is added, so that none is forgotten here.
bool same(const std::monostate&, const std::monostate&) { return true; }
bool same(const ConvAttributes& x, const ConvAttributes& y) {
  const auto tie = [](const ConvAttributes& v) {
    const auto& [a, b, c, d, e] = v;
    return std::tie(a, b, c, d, e);
  };
  return tie(x) == tie(y);
}
bool same(const PoolAttributes& x, const PoolAttributes& y) {
  const auto tie = [](const PoolAttributes& v) {
    const auto& [a, b, c, d, e, f, g] = v;
    return std::tie(a, b, c, d, e, f, g);
  };
  return tie(x) == tie(y);
}
bool same(const NormAttributes& x, const NormAttributes& y) {
  const auto tie = [](const NormAttributes& v) {
    const auto& [a, b, c, d, e, f, g, h, i] = v;
    return std::tie(a, b, c, d, e, f, g, h, i);
  };
  return tie(x) == tie(y);
}
bool same(const ActivationAttributes& x, const ActivationAttributes& y) {
  const auto tie = [](const ActivationAttributes& v) {
    const auto& [a, b, c] = v;
    return std::tie(a, b, c);
  };
  return tie(x) == tie(y);
}
bool same(const ShapeAttributes& x, const ShapeAttributes& y) {
  const auto& [a] = x;
  const auto& [b] = y;
  return a == b;
}
bool same(const DimAttributes& x, const DimAttributes& y) {
  const auto tie = [](const DimAttributes& v) {
    const auto& [a, b, c, d, e, f] = v;
    return std::tie(a, b, c, d, e, f);
  };
  return tie(x) == tie(y);
}
bool same(const AttentionAttributes& x, const AttentionAttributes& y) {
  const auto& [a] = x;
  const auto& [b] = y;
  return a == b;
}

bool same(const Attributes& x, const Attributes& y) {
  return x.index() == y.index() &&
         std::visit([&](const auto& left) { return same(left, std::get<std::decay_t<decltype(left)>>(y)); }, x);
}

bool updates_statistics(const Node& node) {
  const auto* norm = std::get_if<NormAttributes>(&node.attributes);
  return norm != nullptr && norm->training;
}

}  // namespace

Recording::Recording(graph::Graph graph) : graph_(std::move(graph)) {
  repeatable_ = std::none_of(graph_.nodes().begin(), graph_.nodes().end(), updates_statistics);
  if (!repeatable_) return;
  for (const Node& node : graph_.nodes()) {
    fingerprints_.push_back(node.op == Op::constant ? fingerprint(node.constant) : 0);
  }
}

bool Recording::same_as(const Recording& other) const {
  const std::vector<Node>& mine = graph_.nodes();
  const std::vector<Node>& theirs = other.graph_.nodes();
  if (mine.size() != theirs.size() || fingerprints_ != other.fingerprints_ ||
      graph_.inputs() != other.graph_.inputs() || graph_.outputs() != other.graph_.outputs()) {
    return false;
  }
  return std::equal(mine.begin(), mine.end(), theirs.begin(), [](const Node& a, const Node& b) {
    if (a.op != b.op || a.inputs != b.inputs || a.shape != b.shape || a.dtype != b.dtype) return false;
    if (a.op != Op::constant) return same(a.attributes, b.attributes);
    return same_view(a.constant, b.constant) || same_bytes(a.constant, b.constant);
  });
}

}  // namespace flambeau::run
