#include <flambeau/error.h>
#include <fmt/format.h>

#include "torch/children.h"
#include "torch/globals.h"

namespace flambeau::torch {
namespace {

[[noreturn]] void refuse(const std::string& global) {
  throw Error(ErrorCode::forbidden,
              fmt::format("'{}' reaches code, files, processes or the network; it is not written", global));
}

}  // namespace

void refuse_dangerous(std::string_view module, std::string_view qualname) {
  if (standing(module, qualname) == Standing::dangerous)
    throw Error(
        ErrorCode::forbidden,
        fmt::format("the file names '{}.{}', which reaches code, files, processes or the network", module, qualname));
}

void refuse_dangerous(object::Ref root) {
  each_node(root, [](object::Node* node) {
    if (const auto* const global = object::as<object::Global>(object::Ref(node))) {
      if (standing(global->module, global->qualname) == Standing::dangerous)
        refuse(global->module + "." + global->qualname);
    } else if (const auto* const object = object::as<object::Object>(object::Ref(node));
               object && is_getattr(object->callable)) {
      std::string named;
      if (standing_of_getattr(object->args, named) == Standing::dangerous) refuse(named);
    }
  });
}

void refuse_early_readers(object::Ref root) {
  each_node(root, [](object::Node* node) {
    const std::string name = object::global_name(object::Ref(node));
    if (name == "torch._C.Generator" || name == "torch._utils._rebuild_nested_tensor")
      throw Error(ErrorCode::unsupported,
                  fmt::format("torch cannot load {} from a legacy file; save a zip",
                              name == "torch._C.Generator" ? "a torch.Generator" : "strided nested tensors"));
  });
}

}  // namespace flambeau::torch
