// Einstein's summation convention: operands are multiplied two at a time, from the left, each pair
// as one batched matrix product over (kept by both, kept by the left, kept by the right, summed).
#include <map>

#include "ops/arithmetic.h"
#include "ops/matmul.h"
#include "ops/reduction.h"
#include "ops/views.h"

namespace izvod {
namespace {

struct Labelled {
  Tensor x;
  std::string labels;
};

std::string without_blanks(const std::string& s) {
  std::string r;
  for (char c : s)
    if (c != ' ') r += c;
  return r;
}

// "b...i" for a tensor of 4 dimensions: "b" + the two labels of the ellipsis + "i".
std::string expand_ellipsis(const std::string& term, int64_t hidden, int64_t most_hidden) {
  const size_t at = term.find("...");
  std::string labels = at == std::string::npos ? term : term.substr(0, at) + term.substr(at + 3);
  std::string dots;
  for (int64_t i = most_hidden - hidden; i < most_hidden; ++i) dots += char('0' + i);
  for (char c : labels)
    check(std::isalpha(static_cast<unsigned char>(c)), "einsum(): invalid subscript given: '", c,
          "', subscripts must be in [a-zA-Z]");
  return at == std::string::npos ? labels : labels.insert(at, dots);
}

// Takes the diagonal of labels that stand twice in one term.
Labelled without_repeats(Labelled t) {
  for (size_t i = 0; i < t.labels.size(); ++i) {
    const size_t j = t.labels.find(t.labels[i], i + 1);
    if (j == std::string::npos) continue;
    check(t.x.size(int64_t(i)) == t.x.size(int64_t(j)), "einsum(): subscript ", t.labels[i],
          " is repeated for an operand but the sizes don't match, ", t.x.size(int64_t(j)),
          " != ", t.x.size(int64_t(i)));
    t.x = diagonal(t.x, 0, int64_t(i), int64_t(j));
    const char c = t.labels[i];
    t.labels.erase(j, 1).erase(i, 1);
    t.labels += c;
    i = size_t(-1);
  }
  return t;
}

bool has(const std::string& s, char c) { return s.find(c) != std::string::npos; }

// Sums the labels that nobody asks for any more.
Labelled sum_out(Labelled t, const std::string& wanted) {
  Dims dims;
  std::string left;
  for (size_t i = 0; i < t.labels.size(); ++i) {
    if (has(wanted, t.labels[i]))
      left += t.labels[i];
    else
      dims.push_back(int64_t(i));
  }
  if (!dims.empty()) t.x = sum(t.x, dims);
  return {t.x, left};
}

Tensor ordered(const Labelled& t, const std::string& order) {
  Dims dims;
  for (char c : order) dims.push_back(int64_t(t.labels.find(c)));
  return permute(t.x, dims);
}

Labelled contract(const Labelled& a, const Labelled& b, const std::string& wanted) {
  std::string both, left, right, summed;
  for (char c : a.labels) {
    if (!has(b.labels, c))
      left += c;
    else if (has(wanted, c))
      both += c;
    else
      summed += c;
  }
  for (char c : b.labels)
    if (!has(a.labels, c)) right += c;
  std::map<char, int64_t> size;
  for (const Labelled* t : {&a, &b})
    for (size_t i = 0; i < t->labels.size(); ++i)
      size[t->labels[i]] = std::max(size[t->labels[i]], t->x.size(int64_t(i)));
  const auto extent = [&](const std::string& s) {
    int64_t n = 1;
    for (char c : s) n *= size[c];
    return n;
  };
  const auto full = [&](const Labelled& t,
                        const std::string& order) {  // size 1 broadcasts against the other's
    Dims sizes;
    for (char c : order) sizes.push_back(size[c]);
    return expand(ordered(t, order), sizes);
  };
  const std::string labels = both + left + right;
  if (summed.empty()) {  // nothing to add up: the one stands beside the other
    Tensor x = ordered(a, both + left), y = ordered(b, both + right);
    for (size_t i = 0; i < right.size(); ++i) x = unsqueeze(x, -1);
    for (size_t i = 0; i < left.size(); ++i) y = unsqueeze(y, int64_t(both.size()));
    return {x * y, labels};
  }
  const Tensor x =
      reshape(full(a, both + left + summed), {extent(both), extent(left), extent(summed)});
  const Tensor y =
      reshape(full(b, both + summed + right), {extent(both), extent(summed), extent(right)});
  Dims sizes;
  for (char c : labels) sizes.push_back(size[c]);
  return {view(bmm(x, y), sizes), labels};
}

}  // namespace

Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands) {
  check(!operands.empty(), "einsum(): must provide at least one operand");
  const std::string text = without_blanks(equation);
  const size_t arrow = text.find("->");
  std::vector<std::string> terms(1);
  for (char c : text.substr(0, arrow)) {
    if (c == ',')
      terms.emplace_back();
    else
      terms.back() += c;
  }
  check(terms.size() == operands.size(),
        "einsum(): ", terms.size() > operands.size() ? "fewer" : "more",
        " operands were provided than specified in the equation");

  int64_t most_hidden = 0;
  std::vector<int64_t> hidden(terms.size(), 0);
  for (size_t i = 0; i < terms.size(); ++i) {
    const bool dots = terms[i].find("...") != std::string::npos;
    const int64_t named = int64_t(terms[i].size()) - (dots ? 3 : 0);
    hidden[i] = dots ? operands[i].dim() - named : 0;
    check(dots ? hidden[i] >= 0 : named == operands[i].dim(),
          "einsum(): the number of subscripts in the equation (", named,
          ") does not match the number of dimensions (", operands[i].dim(), ") for operand ", i,
          dots ? "" : " and no ellipsis was given");
    most_hidden = std::max(most_hidden, hidden[i]);
  }
  std::vector<Labelled> work;
  std::map<char, int> count;
  for (size_t i = 0; i < terms.size(); ++i) {
    work.push_back(
        without_repeats({operands[i], expand_ellipsis(terms[i], hidden[i], most_hidden)}));
    for (char c : expand_ellipsis(terms[i], hidden[i], most_hidden)) ++count[c];
  }
  std::map<char, int64_t> size;
  for (size_t i = 0; i < work.size(); ++i)
    for (size_t d = 0; d < work[i].labels.size(); ++d) {
      int64_t& n = size.try_emplace(work[i].labels[d], 1).first->second;
      const int64_t m = work[i].x.size(int64_t(d));
      check(n == m || n == 1 || m == 1,
            "einsum(): operands do not broadcast with remapped shapes [original->remapped]: "
            "subscript ",
            work[i].labels[d], " has size ", m, " for operand ", i,
            " which does not broadcast with previously seen size ", n);
      n = std::max(n, m);
    }

  std::string result;
  if (arrow != std::string::npos) {
    result = expand_ellipsis(text.substr(arrow + 2), most_hidden, most_hidden);
    for (char c : result)
      check(count.count(c) > 0, "einsum(): output subscript ", c,
            " does not appear in the equation for any input operand");
  } else {  // the labels that stand once, in the order of the alphabet, behind the ellipsis
    for (const auto& [c, n] : count)
      if (!std::isalpha(static_cast<unsigned char>(c)) || n == 1) result += c;
  }

  Labelled all = work[0];
  for (size_t i = 1; i <= work.size(); ++i) {
    std::string wanted = result;
    for (size_t k = i; k < work.size(); ++k) wanted += work[k].labels;
    if (i == work.size()) {
      all = sum_out(all, result);
      break;
    }
    std::string later = wanted;  // what the pair must keep: what comes after it
    all = sum_out(all, later);
    std::string after = result;
    for (size_t k = i + 1; k < work.size(); ++k) after += work[k].labels;
    all = contract(all, sum_out(work[i], after + all.labels), after);
  }
  return all.labels == result && !all.x.is(operands[0]) ? all.x : ordered(all, result);
}

}  // namespace izvod
