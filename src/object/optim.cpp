#include <flambeau/optim.h>

#include <algorithm>
#include <concepts>

#include <flambeau/error.h>
#include <flambeau/near.h>

#include "object/names.h"
#include "object/typed_dict.h"

namespace flambeau::optim {

using object::as;
using object::Dict;
using object::DictReader;
using object::DictWriter;
using object::Ref;
using object::Sequence;

template <class S, class T>
concept Like = std::same_as<std::remove_const_t<S>, T>;

static void visit(auto& v, Like<SGD> auto& s) {
  v("lr", s.lr);
  v("momentum", s.momentum);
  v("dampening", s.dampening);
  v("weight_decay", s.weight_decay);
  v("nesterov", s.nesterov);
  v("maximize", s.maximize);
  v("foreach", s.foreach);
  v("differentiable", s.differentiable);
  v("fused", s.fused);
}

static void visit(auto& v, Like<SGD::State> auto& s) { v("momentum_buffer", s.momentum_buffer); }

template <class S>
requires std::derived_from<std::remove_const_t<S>, Adam>
static void visit(auto& v, S& s) {
  v("lr", s.lr);
  v("betas", s.betas);
  v("eps", s.eps);
  v("weight_decay", s.weight_decay);
  v("amsgrad", s.amsgrad);
  v("maximize", s.maximize);
  v("foreach", s.foreach);
  v("capturable", s.capturable);
  v("differentiable", s.differentiable);
  v("fused", s.fused);
  v("decoupled_weight_decay", s.decoupled_weight_decay);
}

static void visit(auto& v, Like<Adam::State> auto& s) {
  v.step("step", s.step);
  v("exp_avg", s.exp_avg);
  v("exp_avg_sq", s.exp_avg_sq);
  v("max_exp_avg_sq", s.max_exp_avg_sq);
}

static void visit(auto& v, Like<RMSprop> auto& s) {
  v("lr", s.lr);
  v("momentum", s.momentum);
  v("alpha", s.alpha);
  v("eps", s.eps);
  v("centered", s.centered);
  v("weight_decay", s.weight_decay);
  v("capturable", s.capturable);
  v("foreach", s.foreach);
  v("maximize", s.maximize);
  v("differentiable", s.differentiable);
}

static void visit(auto& v, Like<RMSprop::State> auto& s) {
  v.step("step", s.step);
  v("square_avg", s.square_avg);
  v("momentum_buffer", s.momentum_buffer);
  v("grad_avg", s.grad_avg);
}

static void visit(auto& v, Like<Adagrad> auto& s) {
  v("lr", s.lr);
  v("lr_decay", s.lr_decay);
  v("eps", s.eps);
  v("weight_decay", s.weight_decay);
  v("initial_accumulator_value", s.initial_accumulator_value);
  v("foreach", s.foreach);
  v("maximize", s.maximize);
  v("differentiable", s.differentiable);
  v("fused", s.fused);
}

static void visit(auto& v, Like<Adagrad::State> auto& s) {
  v.step("step", s.step);
  v("sum", s.sum);
}

namespace {

Dict& part(const Value& value, std::string_view key) {
  const auto found = value.find(key);
  auto* dict = found ? as<Dict>(found->ref()) : nullptr;
  if (!dict) throw Error(ErrorCode::type, "no optimizer's state_dict: it has no dict '" + std::string(key) + "'");
  return *dict;
}

Sequence& group_list(const Value& value) {
  const auto found = value.find("param_groups");
  auto* list = found && found->kind() == Kind::list ? as<Sequence>(found->ref()) : nullptr;
  if (!list) throw Error(ErrorCode::type, "no optimizer's state_dict: it has no list 'param_groups'");
  return *list;
}

Dict& group_dict(const Value& value, std::size_t index) {
  const auto& groups = group_list(value).items;
  if (index >= groups.size())
    throw Error(ErrorCode::not_found,
                "no parameter group " + std::to_string(index) + ", there are " + std::to_string(groups.size()));
  auto* dict = as<Dict>(groups[index]);
  if (!dict) throw Error(ErrorCode::type, "parameter group " + std::to_string(index) + " is no dict");
  return *dict;
}

const std::vector<Ref>& list_in(const Dict& group, std::string_view key) {
  static const std::vector<Ref> nothing;
  const auto found = object::get(group, key);
  if (!found) return nothing;
  const auto* list = as<Sequence>(*found);
  if (!list) throw Error(ErrorCode::type, "'" + std::string(key) + "' of a parameter group is no list");
  return list->items;
}

// What `state` holds for a parameter; null without.
Dict* state_of(const Value& value, std::int64_t parameter) {
  for (const auto& [key, item] : part(value, "state").items) {
    if (object::int_value(key) != parameter) continue;
    auto* dict = as<Dict>(item);
    if (!dict) throw Error(ErrorCode::type, "the state of parameter " + std::to_string(parameter) + " is no dict");
    return dict;
  }
  return nullptr;
}

// Errors name the place.
template <class Act>
auto at(const std::string& place, Act act) {
  try {
    return act();
  } catch (const Error& error) {
    throw Error(error.code(), place + ": " + error.message());
  }
}

std::string group_place(std::size_t index) { return "param_groups." + std::to_string(index); }
std::string state_place(std::int64_t parameter) { return "state." + std::to_string(parameter); }

// A group of default values owns the same tuple of betas as the others, as Python's defaults do.
void share_betas(Dict& group, const std::vector<Ref>& others) {
  const auto own = object::get(group, "betas");
  const auto* pair = own ? as<Sequence>(*own) : nullptr;
  if (!pair) return;
  const auto equal = [](Ref a, Ref b) {
    const auto* x = as<object::Float>(a);
    const auto* y = as<object::Float>(b);
    return a == b || (x && y && x->value == y->value);
  };
  for (const Ref other : others) {
    const auto* dict = as<Dict>(other);
    const auto known = dict ? object::get(*dict, "betas") : std::nullopt;
    const auto* tuple = known ? as<Sequence>(*known) : nullptr;
    if (!tuple || tuple->items.size() != 2 || !equal(tuple->items[0], pair->items[0]) ||
        !equal(tuple->items[1], pair->items[1]))
      continue;
    for (auto& [key, value] : group.items)
      if (object::text(key) == "betas") value = *known;
    return;
  }
}

template <class O>
std::size_t add(const Value& value, const O& hyperparameters, std::size_t parameters,
                std::span<const std::string> names) {
  auto& groups = group_list(value).items;
  std::int64_t next = 0;
  for (std::size_t i = 0; i < groups.size(); ++i)
    next += static_cast<std::int64_t>(list_in(group_dict(value, i), "params").size());
  object::Heap& heap = *value.heap();
  const Ref made = heap.dict();
  Dict& group = *as<Dict>(made);
  if (!names.empty()) {
    std::vector<Ref> texts;
    for (const std::string& name : names) texts.push_back(object::name_string(heap, name));
    group.items.emplace_back(heap.interned("param_names"), heap.list(std::move(texts)));
  }
  DictWriter writer(value.heap(), group);
  visit(writer, hyperparameters);
  share_betas(group, groups);
  std::vector<Ref> numbers;
  for (std::size_t i = 0; i < parameters; ++i) numbers.push_back(heap.integer(next++));
  group.items.emplace_back(heap.interned("params"), heap.list(std::move(numbers)));
  groups.push_back(made);
  return groups.size() - 1;
}

}  // namespace

Optimizer::Optimizer() : value_(Value::dict()) {
  auto& heap = *value_.heap();
  as<Dict>(value_.ref())->items = {{heap.interned("state"), heap.dict()}, {heap.interned("param_groups"), heap.list()}};
}

Optimizer::Optimizer(Value state_dict) : value_(std::move(state_dict)) {
  if (value_.kind() != Kind::dict)
    throw Error(ErrorCode::type, "expected an optimizer's state_dict, found " + value_.type_name());
  part(value_, "state");
  for (std::size_t i = 0; i < group_list(value_).items.size(); ++i) group_dict(value_, i);
}

std::string_view Optimizer::algorithm() const {
  if (groups() == 0) return {};
  const Dict& group = group_dict(value_, 0);
  const auto has = [&](std::string_view key) { return object::get(group, key).has_value(); };
  if (has("nesterov") && has("dampening")) return "SGD";
  if (has("alpha") && has("centered")) return "RMSprop";
  if (has("lr_decay") && has("initial_accumulator_value")) return "Adagrad";
  if (!has("betas") || !has("amsgrad")) return {};
  return object::get(group, "decoupled_weight_decay") == Ref::boolean(true) ? "AdamW" : "Adam";
}

std::size_t Optimizer::groups() const { return group_list(value_).items.size(); }

template <class O>
O Optimizer::group(std::size_t index) const {
  O hyperparameters;
  DictReader reader(value_.heap(), group_dict(value_, index));
  at(group_place(index), [&] { visit(reader, hyperparameters); });
  return hyperparameters;
}

template <class O>
void Optimizer::set_group(std::size_t index, const O& hyperparameters) {
  DictWriter writer(value_.heap(), group_dict(value_, index));
  visit(writer, hyperparameters);
}

template <class O>
std::size_t Optimizer::add_group(const O& hyperparameters, std::size_t parameters) {
  return add(value_, hyperparameters, parameters, {});
}

template <class O>
std::size_t Optimizer::add_group(const O& hyperparameters, std::span<const std::string> names) {
  return add(value_, hyperparameters, names.size(), names);
}

std::optional<Value> Optimizer::find(std::size_t group, std::string_view key) const {
  const auto found = object::get(group_dict(value_, group), key);
  return found ? std::optional(Value(value_.heap(), *found)) : std::nullopt;
}

void Optimizer::set(std::size_t group, std::string_view key, const Value& value) {
  DictWriter(value_.heap(), group_dict(value_, group))(key, value);
}

std::vector<std::int64_t> Optimizer::params(std::size_t group) const {
  std::vector<std::int64_t> numbers;
  for (const Ref item : list_in(group_dict(value_, group), "params")) {
    const auto number = object::int_value(item);
    if (!number) throw Error(ErrorCode::type, group_place(group) + ": 'params' holds something that is no int");
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<std::string> Optimizer::param_names(std::size_t group) const {
  std::vector<std::string> names;
  for (const Ref item : list_in(group_dict(value_, group), "param_names")) {
    const auto name = object::text(item);
    if (!name) throw Error(ErrorCode::type, group_place(group) + ": 'param_names' holds something that is no string");
    names.emplace_back(*name);
  }
  return names;
}

std::int64_t Optimizer::index(std::string_view name) const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < groups(); ++i) {
    const auto names = param_names(i);
    const auto numbers = params(i);
    for (std::size_t k = 0; k < names.size() && k < numbers.size(); ++k)
      if (names[k] == name) return numbers[k];
    all.insert(all.end(), names.begin(), names.end());
  }
  throw Error(ErrorCode::not_found, all.empty() ? "the optimizer's parameters have no names, only numbers"
                                                : "no parameter '" + std::string(name) + "'" + did_you_mean(name, all));
}

bool Optimizer::has_state(std::int64_t parameter) const { return state_of(value_, parameter) != nullptr; }

template <class O>
typename O::State Optimizer::state(std::int64_t parameter) const {
  const Dict* dict = state_of(value_, parameter);
  if (!dict) throw Error(ErrorCode::not_found, "nothing is kept for parameter " + std::to_string(parameter));
  typename O::State state;
  DictReader reader(value_.heap(), *dict);
  at(state_place(parameter), [&] { visit(reader, state); });
  return state;
}

template <class O>
void Optimizer::set_state(std::int64_t parameter, const typename O::State& state) {
  Dict* dict = state_of(value_, parameter);
  if (!dict) {
    std::size_t group = 0;
    while (group < groups() && std::ranges::count(params(group), parameter) == 0) ++group;
    if (group == groups()) throw Error(ErrorCode::not_found, "no group has a parameter " + std::to_string(parameter));
    object::Heap& heap = *value_.heap();
    const Ref made = heap.dict();
    part(value_, "state").items.emplace_back(heap.integer(parameter), made);
    dict = as<Dict>(made);
  }
  DictWriter writer(value_.heap(), *dict);
  visit(writer, state);
}

#define FLAMBEAU_OPTIMIZER(O)                                                           \
  template O Optimizer::group<O>(std::size_t) const;                                    \
  template void Optimizer::set_group<O>(std::size_t, const O&);                         \
  template std::size_t Optimizer::add_group<O>(const O&, std::size_t);                  \
  template std::size_t Optimizer::add_group<O>(const O&, std::span<const std::string>); \
  template typename O::State Optimizer::state<O>(std::int64_t) const;                   \
  template void Optimizer::set_state<O>(std::int64_t, const typename O::State&);
FLAMBEAU_OPTIMIZER(SGD)
FLAMBEAU_OPTIMIZER(Adam)
FLAMBEAU_OPTIMIZER(AdamW)
FLAMBEAU_OPTIMIZER(RMSprop)
FLAMBEAU_OPTIMIZER(Adagrad)
#undef FLAMBEAU_OPTIMIZER

}  // namespace flambeau::optim
