#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <flambeau/inspect.h>

#include "inspect/digest.h"
#include "inspect/parts.h"

namespace flambeau {
namespace inspect {
namespace {

using object::Node;
using object::Ref;

constexpr std::size_t outermost = static_cast<std::size_t>(-1);

/// One container on the way from the root.
struct Frame {
  Node* node;
  std::vector<Part> parts;
  std::size_t next = 0;
  bool has_element = false;     ///< it added a path element
  std::size_t rows = 0;         ///< rows before it
  std::size_t cut = outermost;  ///< the outermost ancestor that was met again below
};

class Walk {
 public:
  Walk(const Limits& limits, const std::vector<Checkpoint::RawTensor>& raw) : limits_(limits), raw_(raw) {}

  std::vector<Listed> run(Ref root) {
    enter({std::nullopt, root});
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      if (frame.next == frame.parts.size()) {
        leave();
        continue;
      }
      Part part = std::move(frame.parts[frame.next++]);
      enter(std::move(part));
    }
    return std::move(rows_);
  }

 private:
  void enter(Part part) {
    Node* const node = part.ref.node();
    if (node == nullptr || (node->kind < Kind::tuple)) return;
    if (++visits_ > limits_.max_visits)
      throw Error(ErrorCode::limit,
                  fmt::format("more values than max_visits, {}, counting shared ones each time", limits_.max_visits));
    if (barren_.count(node) != 0) return;
    if (const auto above = depth_.find(node); above != depth_.end()) {  // one of its own ancestors
      for (Frame& frame : frames_) frame.cut = std::min(frame.cut, above->second);
      return;
    }
    const bool has_element = part.element.has_value();
    if (has_element) push(std::move(*part.element));
    const std::size_t before = rows_.size();
    if (node->kind == Kind::tensor) row(*static_cast<object::TensorNode*>(node), part.as);
    std::vector<Part> parts = inspect::parts(node, part.as);
    if (parts.empty()) {
      if (has_element) pop();
      return;
    }
    // A wrapper's flags hold for the tensor directly inside.
    depth_.emplace(node, frames_.size());
    frames_.push_back({node, std::move(parts), 0, has_element, before, outermost});
  }

  void leave() {
    const Frame frame = std::move(frames_.back());
    frames_.pop_back();
    depth_.erase(frame.node);
    if (frame.has_element) pop();
    // What holds no tensors, whatever stands above it, need not be walked again: sharing cannot make the walk
    // exponential.
    if (rows_.size() == frame.rows && frame.cut >= frames_.size()) barren_.insert(frame.node);
  }

  void push(PathElement element) {
    path_bytes_ += bytes(element);
    path_.push_back(std::move(element));
  }

  void pop() {
    path_bytes_ -= bytes(path_.back());
    path_.pop_back();
  }

  /// What one element adds to a row: itself in the path, its text there and in the name.
  static std::uint64_t bytes(const PathElement& element) {
    const auto* const text = std::get_if<std::string>(&element);
    return sizeof(element) + (text != nullptr ? 2 * text->size() : 0);
  }

  void row(const object::TensorNode& node, const std::optional<As>& as) {
    const Tensor& tensor = node.tensor;
    if (!tensor.defined()) return;
    listed_bytes_ += sizeof(Listed) + path_bytes_;
    if (listed_bytes_ > limits_.max_listed_bytes)
      throw Error(ErrorCode::limit, fmt::format("the list needs more than max_listed_bytes, {}, after {} tensors",
                                                limits_.max_listed_bytes, rows_.size()));
    Listed row;
    row.path = path_;
    row.name = name();
    row.dtype = flambeau::name(tensor.dtype());
    row.shape = tensor.shape();
    row.stride = tensor.strides();
    row.offset = tensor.offset();
    row.nbytes = tensor.nbytes();
    row.requires_grad = as ? as->requires_grad : tensor.requires_grad();
    row.parameter = as ? as->parameter : node.parameter;
    row.tensor = tensor;
    if (tensor.is_meta()) {
      row.location = "meta";
    } else {
      row.storage = storages_.try_emplace(tensor.storage().get(), storages_.size()).first->second;
      row.location = tensor.storage()->location();
    }
    if (path_.size() == 1)
      for (const Checkpoint::RawTensor& raw : raw_)
        if (raw.name == row.name) {
          row.dtype = raw.dtype;
          row.shape = raw.shape;
          row.stride.reset();
        }
    rows_.push_back(std::move(row));
  }

  std::string name() const {
    std::string text;
    for (const PathElement& element : path_) {
      if (&element != &path_.front()) text += '.';
      if (const auto* const index = std::get_if<std::int64_t>(&element))
        text += std::to_string(*index);
      else
        text += std::get<std::string>(element);
    }
    return text;
  }

  const Limits& limits_;
  const std::vector<Checkpoint::RawTensor>& raw_;
  std::vector<Listed> rows_{};
  std::vector<Frame> frames_{};
  std::vector<PathElement> path_{};
  std::unordered_map<const Node*, std::size_t> depth_{};
  std::unordered_set<const Node*> barren_{};
  std::unordered_map<const Storage*, std::uint64_t> storages_{};
  std::uint64_t visits_ = 0, path_bytes_ = 0, listed_bytes_ = 0;
};

}  // namespace
}  // namespace inspect

std::vector<Listed> list(const Checkpoint& checkpoint, const ListOptions& options) {
  auto rows = inspect::Walk(options.limits, checkpoint.container().raw).run(checkpoint.root().ref());
  if (options.sha256) inspect::add_digests(rows, options.threads);
  return rows;
}

}  // namespace flambeau
