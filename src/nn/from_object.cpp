#include <algorithm>
#include <map>
#include <set>

#include <flambeau/error.h>
#include <flambeau/nn_misc.h>

#include "nn/base_keys.h"
#include "nn/pickle.h"
#include "object/copy.h"

namespace flambeau::nn {

using object::as;
using object::Dict;
using object::Object;
using object::Ref;

namespace {

constexpr std::size_t max_depth = 500;  // Python itself cannot print or copy deeper trees
constexpr std::size_t max_modules = 1u << 20;

[[noreturn]] void corrupt(const std::string& text) { throw Error(ErrorCode::corrupt, text); }

/// An empty or absent hook table says nothing.
bool is_empty_table(Ref ref) {
  const auto* dict = as<Dict>(ref);
  return ref.is_none() || (dict && dict->items.empty());
}

class Reader {
 public:
  Reader(std::shared_ptr<object::Heap> heap, std::span<const ClassRow> more) : heap_(std::move(heap)), more_(more) {}

  ModulePtr module(Ref ref, std::size_t depth) {
    if (depth > max_depth)
      throw Error(ErrorCode::limit, "modules are nested deeper than " + std::to_string(max_depth) + " levels");
    if (const auto known = modules_.find(ref.bits()); known != modules_.end()) {
      if (!known->second) throw Error(ErrorCode::unsupported, "a module contains itself");
      return known->second;
    }
    if (modules_.size() >= max_modules)
      throw Error(ErrorCode::limit, "more than " + std::to_string(max_modules) + " modules");
    modules_.emplace(ref.bits(), nullptr);
    const auto* object = as<Object>(ref);
    const auto* state = object ? as<Dict>(object->state) : nullptr;
    if (!state || !object::get(*state, "_modules") || !object::get(*state, "_parameters")) {
      const std::string cls = object ? object::global_name(object->callable) : "";
      if (cls.starts_with("__torch__.")) throw Error(ErrorCode::unsupported, "TorchScript is not run here: " + cls);
      throw Error(ErrorCode::type, "a module is expected, found a value of kind " + std::string(name(ref.kind())) +
                                       (object ? " (" + cls + ")" : ""));
    }
    ModulePtr made = make(class_of(*object), *state, depth);
    made->set_origin(Value(heap_, ref));
    modules_[ref.bits()] = made;
    count_paths(*made);
    return made;
  }

 private:
  /// Sharing can make paths exponential, and what walks modules (train, state_dict, a forward pass) takes every one.
  std::uint64_t count_paths(const Module& module) {
    if (const auto known = paths_.find(&module); known != paths_.end()) return known->second;
    std::uint64_t paths = 1;
    for (const Module::Child& child : module.children())
      if (child.module) paths += count_paths(*child.module);
    if (paths > max_modules)
      throw Error(ErrorCode::limit,
                  "more than " + std::to_string(max_modules) + " modules, counting shared ones each time");
    return paths_[&module] = paths;
  }

  const object::Global& class_of(const Object& object) const {
    Ref callable = object.callable;
    const std::string maker = object::global_name(callable);
    if (maker == "copyreg._reconstructor" || maker == "copy_reg._reconstructor") {  // protocols 0 and 1
      const auto* args = as<object::Sequence>(object.args);
      callable = args && !args->items.empty() ? args->items[0] : Ref();
    }
    const auto* global = as<object::Global>(callable);
    if (!global) corrupt("a module's class is a value of kind " + std::string(name(callable.kind())));
    return *global;
  }

  const ClassRow* row_of(const object::Global& cls) const {
    for (const auto rows : {more_, classes()})
      for (const ClassRow& row : rows)
        if (row.name == cls.qualname && row.module == cls.module) return &row;
    return nullptr;
  }

  ModulePtr make(const object::Global& cls, const Dict& state, std::size_t depth) {
    if (const ClassRow* row = row_of(cls)) {
      ModulePtr known = row->blank();
      fill(*known, state, depth);
      try {
        read_attributes(*known, state);
        return known;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::type && error.code() != ErrorCode::invalid_argument) throw;
        const auto inert = std::make_shared<UnknownModule>(cls.module, cls.qualname, error.message(), known->version());
        inert->set_training(known->training());
        inert->parameters() = std::move(known->parameters());
        inert->buffers() = std::move(known->buffers());
        inert->children() = std::move(known->children());
        read_attributes(*inert, state);
        return inert;
      }
    }
    const auto inert = std::make_shared<UnknownModule>(cls.module, cls.qualname);
    fill(*inert, state, depth);
    read_attributes(*inert, state);
    return inert;
  }

  static std::string key_text(Ref key, std::string_view table) {
    const auto text = object::text(key);
    if (!text) corrupt("a key of " + std::string(table) + " is no string");
    return std::string(*text);
  }

  /// The items of a base table; a module of an old version may lack some.
  static const std::vector<object::Pair>& table(const Dict& state, std::string_view key) {
    static const std::vector<object::Pair> nothing;
    const auto ref = object::get(state, key);
    if (!ref) return nothing;
    const auto* dict = as<Dict>(*ref);
    if (!dict) corrupt("a module's " + std::string(key) + " is no dict");
    return dict->items;
  }

  /// Names within one module, each once.
  class Names {
   public:
    void add(const std::string& name) {
      if (!seen_.insert(name).second) corrupt("a module has '" + name + "' twice");
    }

   private:
    std::set<std::string> seen_{};
  };

  Tensor tensor(Ref ref, const std::string& name) const {
    if (ref.is_none() || ref.kind() == Kind::object) return {};
    const auto* node = as<object::TensorNode>(ref);
    if (!node)
      throw Error(ErrorCode::unsupported, "'" + name + "' of a module is a value of kind " +
                                              std::string(flambeau::name(ref.kind())) + ", a dense tensor is needed");
    return node->tensor;
  }

  /// The value itself where it is more than a plain tensor or Parameter: quantized, with attributes, sparse, or not
  /// made yet by a lazy module.
  Value extra(Ref ref, bool parameter) const {
    const auto* node = as<object::TensorNode>(ref);
    const bool more = node ? !object::is_plain(*node) || node->parameter != parameter : ref.kind() == Kind::object;
    return more ? Value(heap_, ref) : Value();
  }

  void fill(Module& module, const Dict& state, std::size_t depth) {
    module.parameters().clear();
    module.buffers().clear();
    module.children().clear();
    const auto training = object::get(state, "training");
    module.set_training(!training || training->kind() != Kind::boolean || training->boolean_value());
    Names names;
    for (const auto& [key, value] : table(state, "_parameters")) {
      const std::string name = key_text(key, "_parameters");
      names.add(name);
      module.parameters().push_back({name, tensor(value, name), extra(value, true)});
    }
    std::set<std::string> transient;
    if (const auto set = object::get(state, "_non_persistent_buffers_set"))
      if (const auto* items = as<object::Sequence>(*set))
        for (const Ref item : items->items) transient.insert(key_text(item, "_non_persistent_buffers_set"));
    for (const auto& [key, value] : table(state, "_buffers")) {
      const std::string name = key_text(key, "_buffers");
      names.add(name);
      module.buffers().push_back({name, tensor(value, name), !transient.contains(name), extra(value, false)});
    }
    for (const auto& [key, value] : table(state, "_modules")) {
      const std::string name = key_text(key, "_modules");
      names.add(name);
      module.children().push_back({name, value.is_none() ? nullptr : this->module(value, depth + 1)});
    }
  }

  void read_attributes(Module& module, const Dict& state) {
    Fields fields(heap_, state);
    fields.share(identities_);
    fields.remember(module.as_read());
    module.early_fields(fields);
    module.fields(fields);
    fields.take("_backend");  // before 1.2
    for (const auto& [key, value] : fields.rest()) {
      const auto text = object::text(key);
      if (!text) continue;
      if (const BaseKey* base = base_key(*text))
        if ((base->kind != BaseKind::hooks && base->kind != BaseKind::nothing) || is_empty_table(value)) continue;
      module.attributes().emplace_back(std::string(*text), Value(heap_, value));
    }
  }

  std::shared_ptr<object::Heap> heap_;
  std::span<const ClassRow> more_;
  std::map<std::uint64_t, ModulePtr> modules_{};
  std::map<const Module*, std::uint64_t> paths_{};  // to each module and to all below it
  Fields::Identities identities_{};
};

}  // namespace

ModulePtr from_object(const Value& value, std::span<const ClassRow> more) {
  return Reader(value.heap(), more).module(value.ref(), 0);
}

}  // namespace flambeau::nn
