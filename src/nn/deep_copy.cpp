#include "nn/deep_copy.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <flambeau/error.h>

#include "nn/pickle.h"

namespace flambeau::nn {
namespace {

class Copier {
 public:
  ModulePtr module(const Module& from) {
    if (const auto known = modules_.find(&from); known != modules_.end()) return known->second;
    const auto rows = classes();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const ClassRow& candidate) {
      return candidate.name == from.class_name() && candidate.module == from.python_module();
    });
    if (row == rows.end())
      throw Error(ErrorCode::unsupported,
                  std::string(from.class_name()) + " is no class of torch.nn and cannot be copied");
    ModulePtr to = modules_[&from] = row->blank();
    to->set_training(from.training());
    for (const auto& p : from.parameters()) to->parameters().push_back({p.name, tensor(p.tensor), p.extra});
    for (const auto& b : from.buffers()) to->buffers().push_back({b.name, tensor(b.tensor), b.persistent, b.extra});
    for (const auto& child : from.children())
      to->children().push_back({child.name, child.module ? module(*child.module) : nullptr});
    // Through the pickled form: a tuple stays the same Python object, as deepcopy keeps immutable ones.
    std::vector<object::Pair> items;
    Fields write(*heap_, items);
    write.share(identities_);
    auto& readable = const_cast<Module&>(from);
    write.remember(readable.as_read());
    readable.early_fields(write);
    readable.fields(write);
    const object::Ref dict = heap_->dict(std::move(items));
    Fields read(heap_, *object::as<object::Dict>(dict));
    read.share(identities_);
    read.remember(to->as_read());
    to->early_fields(read);
    to->fields(read);
    to->attributes() = from.attributes();
    return to;
  }

 private:
  Tensor tensor(const Tensor& from) {
    if (!from.defined() || from.is_meta()) return from;
    auto& copy = tensors_[{from.storage().get(), from.offset(), from.shape(), from.strides()}];
    if (!copy.defined()) copy = from.clone();
    return copy.set_requires_grad(from.requires_grad());
  }

  std::shared_ptr<object::Heap> heap_ = std::make_shared<object::Heap>();
  std::map<const Module*, ModulePtr> modules_{};
  std::map<std::tuple<const Storage*, std::int64_t, Shape, Shape>, Tensor> tensors_{};
  Fields::Identities identities_{};
};

}  // namespace

ModulePtr deep_copy(const Module& module) { return Copier().module(module); }

}  // namespace flambeau::nn
