#include "pickle/python2_names.h"

#include <algorithm>
#include <iterator>

namespace flambeau::pickle {
namespace {

// Several old names can share a new one; then only one row is written.
enum class Use { both, read, write };

struct Row {
  std::string_view old_module, old_name, new_module, new_name;  // without names: the whole module
  Use use;
};

constexpr Row rows[] = {
#include "pickle/python2_names.inc"  // made by make_python2_names.py
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::old_module));

}  // namespace

Name from_python2(Name name) noexcept {
  Name result = name;
  const auto* row = std::ranges::lower_bound(rows, name.module, {}, &Row::old_module);
  for (; row != std::end(rows) && row->old_module == name.module; ++row) {
    if (row->use == Use::write) continue;
    if (row->old_name == name.qualname && !row->old_name.empty()) return {row->new_module, row->new_name};
    if (row->old_name.empty()) result.module = row->new_module;
  }
  return result;
}

Name to_python2(Name name) noexcept {
  Name result = name;
  for (const Row& row : rows) {
    if (row.use == Use::read || row.new_module != name.module) continue;
    if (row.new_name == name.qualname && !row.new_name.empty()) return {row.old_module, row.old_name};
    if (row.new_name.empty()) result.module = row.old_module;
  }
  return result;
}

}  // namespace flambeau::pickle
