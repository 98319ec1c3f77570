#pragma once
// How tensors and storages are pickled: what torch 2.13's Tensor.__reduce_ex__ and torch.save give.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "pickle/writer.h"

namespace flambeau::torch {

class Writer final : public pickle::Reducer {
 public:
  /// The legacy container adds a sixth item (view metadata, always None) to its persistent ids.
  enum class Ids : std::uint8_t { zip, legacy };
  explicit Writer(Ids ids) : ids_(ids) {}

  Reduction tensor(object::Heap& scratch, object::TensorNode& node) override;
  object::Ref storage(object::Heap& scratch, object::StorageNode& node) override;

  /// A storage that the pickle names, in order of first use; `key` is its number.
  struct Written {
    std::string key;
    std::shared_ptr<Storage> storage;
    DType dtype = DType::uint8;  ///< of the storage class in its first id
  };
  const std::vector<Written>& storages() const noexcept { return storages_; }

 private:
  struct Numbered {
    std::size_t index;
    object::Ref key;
  };
  Reduction plain(object::Heap& scratch, const Tensor& tensor);
  Reduction quantized(object::Heap& scratch, const Tensor& tensor, const object::Quantizer& quantizer);

  Ids ids_;
  std::vector<Written> storages_;
  std::unordered_map<const Storage*, Numbered> numbers_;
};

}  // namespace flambeau::torch
