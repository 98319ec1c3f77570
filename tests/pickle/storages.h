#pragma once
// Storages as the persistent ids that named them, tensors as inert objects: enough to write torch's pickles again.

#include <map>
#include <unordered_map>

#include "pickle/help.h"

namespace flambeau::pickle {

struct Storages : Meaning, Reducer {
  std::unordered_map<object::Node*, std::vector<object::Ref>> ids;
  std::map<std::string, object::Ref> keys;  // one str per storage, made by torch.save

  std::optional<object::Ref> persistent(object::Heap& heap, object::Ref id) override {
    const object::Ref made = heap.storage(nullptr, "FloatStorage");
    ids[made.node()] = object::as<object::Sequence>(id)->items;
    return made;
  }
  object::Ref storage(object::Heap& scratch, object::StorageNode& node) override {
    std::vector<object::Ref> id = ids.at(&node);
    const auto [key, added] = keys.try_emplace(std::string(*object::text(id[2])));
    if (added) key->second = scratch.fresh_string(key->first);
    id[2] = key->second;
    return scratch.tuple(id);
  }
  Reduction tensor(object::Heap&, object::TensorNode&) override { throw std::logic_error("a tensor"); }

  std::string again(std::string_view stream, object::Heap& heap) {
    const Result result = read(bytes_of(stream), heap, *this, {});
    std::string out;
    write(result.root, *this, [&](std::string_view piece) { out += piece; });
    return out;
  }
};

}  // namespace flambeau::pickle
