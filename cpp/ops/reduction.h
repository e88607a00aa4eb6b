#pragma once
#include "graph/record.h"

// Ops that fold dimensions away. `dims` empty: all dimensions. A dtype given is the one to compute
// in.
namespace izvod {

Tensor sum(const Tensor& x, std::optional<DType> dtype = {});
Tensor sum(const Tensor& x, const Dims& dims, bool keepdim = false,
           std::optional<DType> dtype = {});
Tensor mean(const Tensor& x, std::optional<DType> dtype = {});
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim = false,
            std::optional<DType> dtype = {});
Tensor prod(const Tensor& x, std::optional<DType> dtype = {});
Tensor prod(const Tensor& x, int64_t dim, bool keepdim = false, std::optional<DType> dtype = {});

// sum((x - mean)^2) / (n - correction); `stddev` is torch.std, whose name C++ keeps for itself.
Tensor var(const Tensor& x, const Dims& dims, double correction = 1, bool keepdim = false);
Tensor stddev(const Tensor& x, const Dims& dims, double correction = 1, bool keepdim = false);
std::pair<Tensor, Tensor> var_mean(const Tensor& x, const Dims& dims, double correction = 1,
                                   bool keepdim = false);
std::pair<Tensor, Tensor> std_mean(const Tensor& x, const Dims& dims, double correction = 1,
                                   bool keepdim = false);

// The gradient goes in equal shares to all elements that are the largest (smallest).
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
Tensor amax(const Tensor& x, const Dims& dims, bool keepdim = false);
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim = false);
std::pair<Tensor, Tensor> aminmax(const Tensor& x, std::optional<int64_t> dim,
                                  bool keepdim = false);
// Values and indices of the first such element, which alone gets the gradient.
std::pair<Tensor, Tensor> max(const Tensor& x, int64_t dim, bool keepdim = false);
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t dim, bool keepdim = false);
Tensor argmax(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<int64_t> dim = {}, bool keepdim = false);

// bool; uint8 for uint8. Here an empty list of dims means none, as in torch.
Tensor any(const Tensor& x, std::optional<Dims> dims = {}, bool keepdim = false);
Tensor all(const Tensor& x, std::optional<Dims> dims = {}, bool keepdim = false);
Tensor count_nonzero(const Tensor& x, const Dims& dims = {});

// torch.linalg.vector_norm: (sum |x|^p)^(1/p).
Tensor vector_norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdim = false,
                   std::optional<DType> dtype = {});
Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim = false);

}  // namespace izvod
