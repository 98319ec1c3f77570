#pragma once

#include <vector>

#include <flambeau/object.h>

namespace flambeau::pickle {

/// Of equal keys keeps the first place with the last value, as a Python dict does. Numbers are equal by value (True, 1
/// and 1.0 too), strings and bytes by content, tuples by items; strings over 512 bytes and tuples over 8 items by
/// identity, so that a hostile file cannot make it slow.
void remove_duplicate_keys(std::vector<object::Pair>& items);

}  // namespace flambeau::pickle
