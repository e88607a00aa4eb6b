#pragma once
#include "bind/python.h"

namespace izvod::bind {

PyObject* main_module();  // izvod._C
PyObject* nn_module();    // izvod._C._nn

}  // namespace izvod::bind
