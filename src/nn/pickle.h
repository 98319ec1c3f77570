#pragma once
// Whole modules as Python's pickle holds them: an object of the class with the instance's `__dict__` as state.

#include <memory>
#include <span>
#include <string_view>

#include <flambeau/nn.h>

namespace flambeau::nn {

/// The classes of torch.nn.
std::span<const ClassRow> classes() noexcept;

/// The module as torch 2.13 pickles it, laid out like the pickle of a module that was just built: shared modules,
/// parameters and tuples are one object each, names that Python interns are interned.
object::Ref to_object(object::Heap& heap, const Module& module);

/// The module tree of a pickled nn.Module. Classes are looked for in `more`, then in classes(); any other becomes an
/// UnknownModule, as does an object of a known class whose attributes have types that the class cannot hold.
/// Throws Error(type) if the value is no module, Error(corrupt) for tables of the wrong kind, Error(unsupported) for a
/// module that contains itself, Error(limit) beyond 500 levels or 2^20 modules.
std::shared_ptr<Module> from_object(const Value& value, std::span<const ClassRow> more = {});

}  // namespace flambeau::nn
