#pragma once

namespace izvod::bind {

// The rows of each family of ops: bind/rows_<family>.cpp.
void add_pointwise_rows();
void add_view_rows();
void add_creation_rows();
void add_tensor_rows();

inline void add_all_rows() {
  add_pointwise_rows();
  add_view_rows();
  add_creation_rows();
  add_tensor_rows();
}

}  // namespace izvod::bind
