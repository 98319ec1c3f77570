#include "pickle/writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <flambeau/error.h>

#include "pickle/opcodes.h"
#include "pickle/output.h"
#include "pickle/python2_names.h"
#include "pickle/text.h"

namespace flambeau::pickle {
namespace {

using object::as;
using object::Construction;
using object::Heap;
using object::Node;
using object::Ref;

constexpr std::size_t batch = 1000;  // CPython's BATCHSIZE

// Values that hold themselves through their own arguments would be written for ever. A value can honestly be met again
// before it is memoised, once per list or dict on the way, but CPython gives up at its recursion limit of 1000.
constexpr std::size_t deep = 100000, most_entries = 1000;

class Writer {
 public:
  Writer(Reducer& reducer, const Sink& sink) : reducer_(reducer), out_(sink) {}

  void run(Ref root) {
    out_.op(Op::PROTO);
    out_.byte(2);
    save(root);
    while (!tasks_.empty()) step();
    out_.op(Op::STOP);
    out_.flush();
  }

 private:
  enum class Step : std::uint8_t {
    value,      // save `ref`
    opcode,     // write `op`
    tuple,      // items from `at` on, then TUPLE
    list,       // the items of a list
    items,      // the list items of an Object
    dict,       // keys and values of a dict: `at` counts both
    pairs,      // the same of an OrderedDict or an Object
    construct,  // callable and arguments are written: `op`, the memo, then items and state
  };
  struct Task {
    Step step;
    Op op;
    Node* node;
    std::size_t at = 0;
    Ref ref{};
  };

  void step() {
    const Task task = tasks_.back();
    switch (task.step) {
      case Step::value:
        tasks_.pop_back();
        save(task.ref);
        break;
      case Step::opcode:
        tasks_.pop_back();
        out_.op(task.op);
        break;
      case Step::construct:
        tasks_.pop_back();
        construct(task);
        break;
      case Step::tuple:
        tuple_items(*static_cast<object::Sequence*>(task.node));
        break;
      case Step::list:
      case Step::items:
        list_items(task);
        break;
      case Step::dict:
      case Step::pairs:
        dict_items(task);
        break;
    }
  }

  // Writes a value that needs no more than itself; pushes tasks for any other.
  void save(Ref ref) {
    Node* node = ref.node();
    switch (ref.kind()) {
      case Kind::none:
        out_.op(Op::NONE);
        return;
      case Kind::boolean:
        out_.op(ref.boolean_value() ? Op::NEWTRUE : Op::NEWFALSE);
        return;
      case Kind::integer:
        out_.integer(*object::int_value(ref));
        return;
      case Kind::big_integer:
        out_.long_integer(as<object::BigInteger>(ref)->bytes);
        return;
      case Kind::floating:
        out_.floating(as<object::Float>(ref)->value);
        return;
      case Kind::storage:
        push(Step::opcode, Op::BINPERSID);
        push_value(reducer_.storage(scratch_, *as<object::StorageNode>(ref)));
        return;
      case Kind::tuple:
        if (!as<object::Sequence>(ref)->items.empty()) break;
        out_.op(Op::EMPTY_TUPLE);
        return;
      default:
        break;
    }
    if (get(node)) return;
    switch (ref.kind()) {
      case Kind::string:
        out_.string(as<object::String>(ref)->text);
        put(node);
        break;
      case Kind::bytes:
        save_bytes(*as<object::Bytes>(ref));
        break;
      case Kind::bytearray:
        save_bytearray(*as<object::Bytes>(ref));
        break;
      case Kind::tuple:
        enter(node);
        if (as<object::Sequence>(ref)->items.size() > 3) out_.op(Op::MARK);
        push(Step::tuple, Op::TUPLE, node);
        break;
      case Kind::list:
        out_.op(Op::EMPTY_LIST);
        put(node);
        if (!as<object::Sequence>(ref)->items.empty()) push(Step::list, Op::APPENDS, node);
        break;
      case Kind::set:
      case Kind::frozenset: {
        enter(node);
        const Ref items = scratch_.list(as<object::Sequence>(ref)->items);
        reduce(node, builtin(ref.kind() == Kind::set ? "set" : "frozenset"), scratch_.tuple({items}));
        break;
      }
      case Kind::dict:
        save_dict(*as<object::Dict>(ref));
        break;
      case Kind::global:
        save_global(*as<object::Global>(ref));
        break;
      case Kind::tensor: {
        enter(node);
        const Reducer::Reduction made = reducer_.tensor(scratch_, *as<object::TensorNode>(ref));
        reduce(node, made.callable, made.args, made.state);
        break;
      }
      default:
        save_object(*as<object::Object>(ref));
        break;
    }
  }

  void save_dict(object::Dict& dict) {
    if (dict.ordered) {
      reduce(&dict, scratch_.global("collections", "OrderedDict"), scratch_.tuple({}));
      return;
    }
    out_.op(Op::EMPTY_DICT);
    put(&dict);
    if (!dict.items.empty()) push(Step::dict, Op::SETITEMS, &dict);
  }

  void save_bytes(object::Bytes& bytes) {
    if (bytes.data.empty()) {
      reduce(&bytes, builtin("bytes"), scratch_.tuple({}));
      return;
    }
    const Ref text = scratch_.string(latin1_to_utf8(bytes.data));
    reduce(&bytes, scratch_.global("_codecs", "encode"), scratch_.tuple({text, scratch_.interned("latin1")}));
  }

  void save_bytearray(object::Bytes& bytes) {
    if (bytes.data.empty()) {
      reduce(&bytes, builtin("bytearray"), scratch_.tuple({}));
      return;
    }
    reduce(&bytes, builtin("bytearray"), scratch_.tuple({scratch_.fresh_bytes(bytes.data)}));
  }

  void save_global(object::Global& global) {
    const std::string_view qualname = global.qualname;
    if (const auto dot = qualname.rfind('.'); dot != qualname.npos) {
      const Ref parent = scratch_.global(global.module, qualname.substr(0, dot));
      reduce(&global, builtin("getattr"), scratch_.tuple({parent, scratch_.string(qualname.substr(dot + 1))}));
      return;
    }
    const Name name = to_python2({global.module, qualname});
    out_.global(name.module, name.qualname);
    put(&global);
  }

  void save_object(object::Object& object) {
    enter(&object);
    switch (object.construction) {
      case Construction::reduce:
        reduce(&object, object.callable, object.args);
        break;
      case Construction::newobj:
        push(Step::construct, Op::NEWOBJ, &object);
        push_value(object.args);
        push_value(object.callable);
        break;
      case Construction::newobj_ex:
        reduce(&object, partial(object), scratch_.tuple({}));
        break;
    }
  }

  // Before protocol 4 keyword arguments travel in functools.partial(cls.__new__, cls, *args, **keywords).
  Ref partial(const object::Object& object) {
    const auto* both = as<object::Sequence>(object.args);
    const auto* args = both && both->items.size() == 2 ? as<object::Sequence>(both->items[0]) : nullptr;
    if (!args) throw Error(ErrorCode::invalid_argument, "an object with keywords needs a (args, keywords) tuple");
    std::vector<Ref> bound{object.callable};
    bound.insert(bound.end(), args->items.begin(), args->items.end());
    const auto* cls = as<object::Global>(object.callable);
    const Ref function = cls ? scratch_.global(cls->module, cls->qualname + ".__new__")
                             : scratch_.object(Construction::reduce, builtin("getattr"),
                                               scratch_.tuple({object.callable, scratch_.interned("__new__")}));
    const Ref made =
        scratch_.object(Construction::reduce, scratch_.global("functools", "partial"), scratch_.tuple({function}));
    auto& node = *as<object::Object>(made);
    node.has_state = true;
    node.state = scratch_.tuple({function, scratch_.tuple(std::move(bound)), both->items[1], Ref()});
    return made;
  }

  Ref builtin(std::string_view name) { return scratch_.global("builtins", name); }

  void reduce(Node* node, Ref callable, Ref args, std::optional<Ref> state = std::nullopt) {
    tasks_.push_back({Step::construct, Op::REDUCE, node, state ? 1u : 0u, state.value_or(Ref())});
    push_value(args);
    push_value(callable);
  }

  void construct(const Task& task) {
    out_.op(task.op);
    if (find(task.node)) {  // written as a part of its own arguments
      out_.op(Op::POP);
      get(task.node);
      return;
    }
    put(task.node);
    if (task.at) push_state(task.ref);
    if (task.node->kind == Kind::object) {
      auto& object = *static_cast<object::Object*>(task.node);
      if (object.has_state) push_state(object.state);
      if (!object.dict_items.empty()) push(Step::pairs, Op::SETITEMS, task.node);
      if (!object.list_items.empty()) push(Step::items, Op::APPENDS, task.node);
    } else if (task.node->kind == Kind::dict) {
      auto& dict = *static_cast<object::Dict*>(task.node);
      const auto* state = as<object::Dict>(dict.state);
      if (state && !state->items.empty()) push_state(dict.state);
      if (!dict.items.empty()) push(Step::pairs, Op::SETITEMS, task.node);
    }
  }

  void push_state(Ref state) {
    push(Step::opcode, Op::BUILD);
    push_value(state);
  }

  // The steps with many parts go on where they stopped, until a part needs tasks of its own.
  void tuple_items(object::Sequence& tuple) {
    const std::size_t size = tuple.items.size(), depth = tasks_.size();
    while (tasks_.size() == depth) {
      const std::size_t at = tasks_.back().at++;
      if (at < size) {
        save(tuple.items[at]);
        continue;
      }
      tasks_.pop_back();
      if (find(&tuple)) {  // met inside itself
        for (std::size_t i = 0; size <= 3 && i < size; ++i) out_.op(Op::POP);
        if (size > 3) out_.op(Op::POP_MARK);
        get(&tuple);
      } else {
        out_.op(size == 1 ? Op::TUPLE1 : size == 2 ? Op::TUPLE2 : size == 3 ? Op::TUPLE3 : Op::TUPLE);
        put(&tuple);
      }
    }
  }

  void list_items(const Task& task) {
    const bool exact = task.step == Step::list;
    const std::vector<Ref>& items =
        exact ? static_cast<object::Sequence*>(task.node)->items : static_cast<object::Object*>(task.node)->list_items;
    const std::size_t depth = tasks_.size();
    while (tasks_.size() == depth) {
      const std::size_t at = tasks_.back().at++;
      batch_border(at, items.size(), exact, Op::APPEND, Op::APPENDS);
      if (at < items.size())
        save(items[at]);
      else
        tasks_.pop_back();
    }
  }

  void dict_items(const Task& task) {
    const bool exact = task.step == Step::dict;
    const std::vector<object::Pair>& items = task.node->kind == Kind::dict
                                                 ? static_cast<object::Dict*>(task.node)->items
                                                 : static_cast<object::Object*>(task.node)->dict_items;
    const std::size_t depth = tasks_.size();
    while (tasks_.size() == depth) {
      const std::size_t half = tasks_.back().at++, at = half / 2;
      if (half % 2 == 1) {
        save(items[at].second);
        continue;
      }
      batch_border(at, items.size(), exact, Op::SETITEM, Op::SETITEMS);
      if (at < items.size()) {
        save(items[at].first);
        continue;
      }
      tasks_.pop_back();
      if (exact && items.size() % batch == 0) {  // CPython looks for one more batch
        out_.op(Op::MARK);
        out_.op(Op::SETITEMS);
      }
    }
  }

  // What stands before item `at`: the end of the last batch and the start of the next. A batch of one goes without a
  // mark: everywhere in what CPython iterates over, in a list or dict proper only when it is the whole.
  void batch_border(std::size_t at, std::size_t size, bool exact, Op one, Op many) {
    const auto single = [&](std::size_t start) { return size - start == 1 && (!exact || size == 1); };
    if (at > 0 && (at % batch == 0 || at == size)) out_.op(single((at - 1) / batch * batch) ? one : many);
    if (at < size && at % batch == 0 && !single(at)) out_.op(Op::MARK);
  }

  void push(Step step, Op op, Node* node = nullptr) { tasks_.push_back({step, op, node}); }
  void push_value(Ref ref) { tasks_.push_back({Step::value, Op::STOP, nullptr, 0, ref}); }

  void enter(Node* node) {
    if (tasks_.size() < deep) return;
    if (++entries_[node] > most_entries)
      throw Error(ErrorCode::unsupported, "a value that holds itself through its own arguments cannot be pickled");
  }

  // The one node that stands for all of this identity: interned strings and globals of another heap (a reduction's) are
  // the same Python objects.
  Node* identity(Node* node) {
    if (node->kind == Kind::string) {
      const auto& string = *static_cast<object::String*>(node);
      return string.interned ? interned_[string.is_name].try_emplace(string.text, node).first->second : node;
    }
    if (node->kind == Kind::global) {
      auto& global = *static_cast<object::Global*>(node);
      const auto known = globals_.try_emplace(node, nullptr);
      if (known.second) known.first->second = scratch_.global(global.module, global.qualname).node();
      return known.first->second;
    }
    return node;
  }
  std::optional<std::uint32_t> find(Node* node) {
    const auto found = memo_.find(identity(node));
    return found == memo_.end() ? std::nullopt : std::optional(found->second);
  }
  bool get(Node* node) {
    const auto index = find(node);
    if (index) out_.memo(*index, Op::BINGET, Op::LONG_BINGET);
    return index.has_value();
  }
  void put(Node* node) {
    if (memo_.size() > std::numeric_limits<std::uint32_t>::max())
      throw Error(ErrorCode::unsupported, "more than 2^32 memo slots");
    const auto index = static_cast<std::uint32_t>(memo_.size());
    memo_.emplace(identity(node), index);
    out_.memo(index, Op::BINPUT, Op::LONG_BINPUT);
  }

  Reducer& reducer_;
  Output out_;
  Heap scratch_{};
  std::vector<Task> tasks_{};
  std::unordered_map<Node*, std::uint32_t> memo_{};
  std::array<std::unordered_map<std::string_view, Node*>, 2> interned_{};  // of characters, of names
  std::unordered_map<Node*, Node*> globals_{};
  std::unordered_map<Node*, std::size_t> entries_{};
};

}  // namespace

void write(Ref root, Reducer& reducer, const Sink& sink) { Writer(reducer, sink).run(root); }

}  // namespace flambeau::pickle
