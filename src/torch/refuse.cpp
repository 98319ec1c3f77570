#include <flambeau/error.h>
#include <fmt/format.h>

#include <unordered_set>
#include <vector>

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
  std::unordered_set<const object::Node*> seen;
  std::vector<object::Node*> open;
  const auto meet = [&](object::Ref ref) {
    object::Node* const node = ref.node();
    if (node == nullptr || node->kind < Kind::tuple || !seen.insert(node).second) return;
    open.push_back(node);
  };
  meet(root);
  while (!open.empty()) {
    object::Node* const node = open.back();
    open.pop_back();
    if (const auto* const global = object::as<object::Global>(object::Ref(node))) {
      if (standing(global->module, global->qualname) == Standing::dangerous)
        refuse(global->module + "." + global->qualname);
    } else if (const auto* const object = object::as<object::Object>(object::Ref(node));
               object && is_getattr(object->callable)) {
      std::string named;
      if (standing_of_getattr(object->args, named) == Standing::dangerous) refuse(named);
    }
    each_child(node, meet);
  }
}

}  // namespace flambeau::torch
