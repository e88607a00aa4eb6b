#pragma once
#include "base/random_engine.h"
#include "bind/arguments.h"

namespace izvod::bind {

extern PyTypeObject* generator_type;

bool is_generator(PyObject* o);
Generator* generator_of(PyObject* o);

// torch.Generator, and torch.default_generator: the one that functions use that are given None.
void add_generator_type(PyObject* module);

template <>
struct Convert<Generator*> {
  static constexpr auto name = "torch.Generator";
  static bool from(PyObject* o, Generator*& g) {
    g = o == Py_None ? nullptr : is_generator(o) ? generator_of(o) : nullptr;
    return g || o == Py_None;
  }
};

}  // namespace izvod::bind
