#pragma once
// Elementary functions of Vec<float> and Vec<double>, without branches over lanes. Float results
// are within 2 ULP of the exact ones for every argument (erfc without fma: 2.1; erfinv: 2.7,
// without fma 3.3), double within about 2.
// Special values are C's, down to the signs of zeros. tests/cpp/vec_math_test.cpp has the bounds.
#include "kernels/vec_math_exp.h"
#include "kernels/vec_math_gamma.h"
#include "kernels/vec_math_log.h"
#include "kernels/vec_math_samples.h"
#include "kernels/vec_math_special.h"
#include "kernels/vec_math_trig.h"
