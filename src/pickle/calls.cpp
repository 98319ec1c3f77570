// Globals, calls and states. Nothing is called: builtins that pickle itself needs become values, the rest is
// `Meaning`'s or an inert Object.

#include <algorithm>
#include <array>

#include <flambeau/error.h>

#include "object/names.h"
#include "pickle/machine.h"
#include "pickle/python2_names.h"
#include "pickle/text.h"

namespace flambeau::pickle {

using object::as;
using object::Construction;
using object::Dict;
using object::Pair;
using object::Sequence;

namespace {

constexpr std::size_t longest_name = 4096;  // of a module or a qualified name; the longest in Python's library has 60

bool is_callable(object::Ref ref) noexcept { return ref.kind() == Kind::global || ref.kind() == Kind::object; }

bool is_global(object::Ref ref, std::string_view module, std::string_view qualname) noexcept {
  const auto* global = as<object::Global>(ref);
  return global && global->module == module && global->qualname == qualname;
}

const std::vector<object::Ref>* tuple_items(object::Ref ref) noexcept {
  return ref.kind() == Kind::tuple ? &as<Sequence>(ref)->items : nullptr;
}

// Whether calls of the module's functions may mean something to pickle itself: all modules that call() asks for.
bool is_own(std::string_view module) noexcept {
  constexpr std::array<std::string_view, 6> own = {"builtins", "collections", "_codecs",
                                                   "copyreg",  "pathlib",     "pathlib._local"};
  return std::ranges::find(own, module) != own.end();
}

// A path interns its parts, and getattr's name (of an Enum's member) is the one in the class.
bool interns_arguments(const object::Global& global) noexcept {
  return global.module == "pathlib" || global.module == "pathlib._local" ||
         (global.module == "builtins" && global.qualname == "getattr");
}

// What may be interned: a hostile stream names a long text again and again, each time to be hashed.
std::optional<std::string_view> short_text(object::Ref ref) noexcept {
  const auto text = object::text(ref);
  return text && text->size() <= longest_name ? text : std::nullopt;
}

bool is_latin1(std::string_view encoding) noexcept {
  return encoding == "latin1" || encoding == "latin-1" || encoding == "iso-8859-1";
}

}  // namespace

void Machine::global_or_call(Op op) {
  switch (op) {
    case Op::GLOBAL:
      push(global(now_.bytes, now_.second));
      break;
    case Op::STACK_GLOBAL: {
      const Ref name = take(), module = take();
      const auto module_text = object::text(module), name_text = object::text(name);
      if (!module_text || !name_text) corrupt("module and name must be strings");
      push(global(*module_text, *name_text));
      break;
    }
    case Op::PERSID:
      push(persistent(text(now_.bytes)));
      break;
    case Op::NEWOBJ: {
      const Ref args = take(), cls = take();
      push(new_object(cls, args));
      break;
    }
    case Op::NEWOBJ_EX: {
      const Ref keywords = take(), args = take(), cls = take();
      push(new_object_with_keywords(cls, args, keywords));
      break;
    }
    case Op::INST: {
      const std::size_t from = take_mark();
      const Ref cls = global(now_.bytes, now_.second);
      std::vector<Ref> args;
      extend(args, from);
      push(instantiate(cls, std::move(args)));
      break;
    }
    case Op::OBJ: {
      const std::size_t from = take_mark();
      if (stack_.size() == from) corrupt("no class above the mark");
      const Ref cls = stack_[from];
      std::vector<Ref> args;
      extend(args, from + 1);
      stack_.pop();
      push(instantiate(cls, std::move(args)));
      break;
    }
    case Op::BUILD: {
      const Ref state = take();
      build(stack_[place(1)], state);
      break;
    }
    case Op::EXT1:
    case Op::EXT2:
    case Op::EXT4:
      fail(ErrorCode::unsupported, "extension code " + std::to_string(now_.number));
    case Op::NEXT_BUFFER:
      fail(ErrorCode::unsupported, "an out-of-band buffer");
    default:
      corrupt("unexpected");
  }
}

object::Ref Machine::global(std::string_view module, std::string_view qualname) {
  if (module.size() > longest_name || qualname.size() > longest_name)
    corrupt("a name of " + std::to_string(std::max(module.size(), qualname.size())) + " bytes, at most 4096");
  if (!is_python_text(module) || !is_python_text(qualname)) corrupt("a name that is no UTF-8");
  Name name{module, qualname};
  if (protocol_ < 3) name = from_python2(name);
  meaning_.global(name.module, name.qualname);
  return heap_.global(name.module, name.qualname);
}

object::Ref Machine::persistent(Ref id) {
  const auto value = meaning_.persistent(heap_, id);
  if (!value) fail(ErrorCode::unsupported, "a persistent id, which means nothing here");
  return *value;
}

object::Ref Machine::call(Ref callable, Ref args) {
  const auto* items = tuple_items(args);
  if (!items) corrupt("arguments must be a tuple, not " + object::type_name(args));
  if (!is_callable(callable)) corrupt("a " + object::type_name(callable) + " cannot be called");
  if (const auto* global = as<object::Global>(callable); global && global != stranger_) {
    if (!is_own(global->module)) stranger_ = global;  // asked about no more
    if (const auto value = call_builtin(global->module, global->qualname, *items)) return *value;
    if (global->module == "copyreg" && !items->empty()) {
      // What protocols 0 and 1 write for NEWOBJ.
      if (global->qualname == "_reconstructor" && items->size() == 3 && is_global((*items)[1], "builtins", "object") &&
          (*items)[2].is_none())
        return new_object((*items)[0], heap_.tuple({}));
      if (global->qualname == "__newobj__") {
        charge(items->size() * sizeof(Ref));
        return new_object((*items)[0], heap_.tuple({items->begin() + 1, items->end()}));
      }
    }
    if (interns_arguments(*global)) args = interned_strings(*items);
  }
  if (const auto value = meaning_.reduce(heap_, callable, args)) return *value;
  return heap_.object(Construction::reduce, callable, args);
}

object::Ref Machine::interned_strings(const std::vector<Ref>& args) {
  charge(args.size() * sizeof(Ref));
  std::vector<Ref> made = args;
  for (Ref& arg : made)  // drive and root are put together anew
    if (const auto name = short_text(arg); name && name->find_first_of("/\\") == name->npos)
      arg = heap_.interned(*name);
  return heap_.tuple(std::move(made));
}

std::optional<object::Ref> Machine::call_builtin(std::string_view module, std::string_view qualname,
                                                 const std::vector<Ref>& args) {
  if (module == "collections" && qualname == "OrderedDict" && args.size() < 2)
    return ordered_dict(args.empty() ? Ref() : args[0]);
  if (module == "_codecs" && qualname == "encode") return encode_latin1(args);
  if (module != "builtins") return std::nullopt;
  if (qualname == "set" || qualname == "frozenset") {
    const auto* items = args.size() == 1 ? as<Sequence>(args[0]) : nullptr;
    if (!items && !args.empty()) return std::nullopt;
    if (items) charge(items->items.size() * sizeof(Ref));
    return heap_.set(items ? items->items : std::vector<Ref>(), qualname == "frozenset");
  }
  if (qualname == "bytes" && args.empty()) return heap_.bytes("");
  if (qualname == "bytearray") return bytearray(args);
  return std::nullopt;
}

// OrderedDict() or, from Python 2, OrderedDict([[key, value], …]).
object::Ref Machine::ordered_dict(Ref pairs) {
  const Ref made = heap_.ordered_dict();
  auto& items = as<Dict>(made)->items;
  if (pairs.is_none()) return made;
  if (const auto* dict = as<Dict>(pairs)) {
    make_room(items, dict->items.size());
    items = dict->items;
  } else if (const auto* rows = as<Sequence>(pairs)) {
    make_room(items, rows->items.size());
    for (const Ref row : rows->items) {
      const auto* pair = as<Sequence>(row);
      if (!pair || pair->items.size() != 2) corrupt("an OrderedDict of something else than pairs");
      items.emplace_back(pair->items[0], pair->items[1]);
    }
  } else {
    corrupt("an OrderedDict of a " + object::type_name(pairs));
  }
  if (!items.empty()) dicts_.push_back(&items);
  return made;
}

// _codecs.encode(text, 'latin1'): bytes at protocol 2.
std::optional<object::Ref> Machine::encode_latin1(const std::vector<Ref>& args) {
  const auto encoding = args.size() == 2 ? object::text(args[1]) : std::nullopt;
  const auto text = encoding ? object::text(args[0]) : std::nullopt;
  if (!text || !is_latin1(*encoding)) return std::nullopt;
  charge(text->size());
  const auto bytes = utf8_to_latin1(*text);
  if (!bytes) corrupt("bytes with a character above 255");
  return heap_.bytes(*bytes);
}

std::optional<object::Ref> Machine::bytearray(const std::vector<Ref>& args) {
  if (args.empty()) return heap_.bytearray("");
  if (args.size() == 1 && args[0].kind() == Kind::bytes) {
    const std::string& data = as<object::Bytes>(args[0])->data;
    charge(data.size());
    return heap_.bytearray(data);
  }
  const auto bytes = encode_latin1(args);  // bytearray(text, 'latin-1'): Python 2
  return bytes ? std::optional(heap_.bytearray(as<object::Bytes>(*bytes)->data)) : std::nullopt;
}

object::Ref Machine::new_object(Ref cls, Ref args) {
  const auto* items = tuple_items(args);
  if (!items) corrupt("arguments must be a tuple, not " + object::type_name(args));
  if (!is_callable(cls)) corrupt("a " + object::type_name(cls) + " is no class");
  if (const auto* global = as<object::Global>(cls); global && items->empty())
    if (const auto value = call_builtin(global->module, global->qualname, *items)) return *value;
  if (const auto value = meaning_.newobj(heap_, cls, args)) return *value;
  return heap_.object(Construction::newobj, cls, args);
}

object::Ref Machine::new_object_with_keywords(Ref cls, Ref args, Ref keywords) {
  const auto* names = as<Dict>(keywords);
  if (!names) corrupt("keyword arguments must be a dict, not " + object::type_name(keywords));
  if (names->items.empty()) return new_object(cls, args);
  if (!tuple_items(args)) corrupt("arguments must be a tuple, not " + object::type_name(args));
  if (!is_callable(cls)) corrupt("a " + object::type_name(cls) + " is no class");
  return heap_.object(Construction::newobj_ex, cls, heap_.tuple({args, keywords}));
}

object::Ref Machine::instantiate(Ref cls, std::vector<Ref> args) {
  const bool plain = args.empty();
  const Ref tuple = heap_.tuple(std::move(args));
  return plain ? new_object(cls, tuple) : call(cls, tuple);
}

void Machine::build(Ref target, Ref state) {
  if (meaning_.build(heap_, target, state)) return;
  if (auto* object = as<object::Object>(target)) {
    if (object->has_state)
      merge(object->state, state);
    else
      object->state = fresh_state(state);
    object->has_state = true;
    return;
  }
  auto* dict = as<Dict>(target);
  if (dict && dict->ordered) {
    if (state.kind() != Kind::dict) corrupt("an OrderedDict with a state of type " + object::type_name(state));
    merge(dict->state, state);
  } else {
    corrupt("a " + object::type_name(target) + " has no state");
  }
}

// A second state updates the first where both are dicts, as `__dict__.update` does, and replaces it otherwise.
void Machine::merge(Ref& into, Ref state) {
  const Ref fresh = fresh_state(state);
  auto *old = as<Dict>(into), *added = as<Dict>(fresh);
  if (!old || !added) {
    into = fresh;
    return;
  }
  make_room(old->items, added->items.size());
  old->items.insert(old->items.end(), added->items.begin(), added->items.end());
}

// CPython copies a state into the instance's own dict; here, too, so that a dict met elsewhere stays apart. Other
// states go to __setstate__, which mostly keeps them.
object::Ref Machine::fresh_state(Ref state) {
  const auto plain = [](Ref ref) { return ref.kind() == Kind::dict && !as<Dict>(ref)->ordered; };
  if (plain(state)) return fresh_dict(*as<Dict>(state));
  const auto* both = tuple_items(state);
  if (!both || both->size() != 2) return state;
  for (const Ref part : *both)
    if (!part.is_none() && !plain(part)) return state;
  std::vector<Ref> parts = *both;
  for (Ref& part : parts)
    if (!part.is_none()) part = fresh_dict(*as<Dict>(part));
  return heap_.tuple(std::move(parts));
}

object::Ref Machine::fresh_dict(const Dict& state) {
  const bool module = object::get(state, "_modules") && object::get(state, "_parameters");
  charge(state.items.size() * sizeof(Pair));
  const Ref made = heap_.dict(state.items);
  auto& items = as<Dict>(made)->items;
  if (!items.empty()) dicts_.push_back(&items);
  if (module) return made;
  for (auto& [key, value] : items)
    if (const auto name = short_text(key)) key = heap_.interned(*name);
  return made;
}

}  // namespace flambeau::pickle
