#include <flambeau/checkpoint.h>

#include <utility>

namespace flambeau {

Checkpoint::Checkpoint() : root_(Value::dict()) {}
Checkpoint::Checkpoint(Value root) : root_(std::move(root)) {}

}  // namespace flambeau
