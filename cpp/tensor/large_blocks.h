#pragma once
#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace izvod {

// Note [Large blocks]
// What a backward pass frees must serve the gradients it makes, whatever their sizes. So large
// blocks are cut from free ranges of memory, and a block given back joins the free ranges it
// touches. The shortest range that is long enough is cut, at its high end: small blocks fill gaps,
// and the system, which puts each mapping below the last, continues the range that was left over.
//
// Where no range is long enough, there may still be enough of them: 150 MiB in twenty pieces.
// Memory that has been touched is what is dear, addresses are not. So the pages of idle ranges are
// moved to new addresses, one behind the other, and only what they lack is asked of the system. To
// move a huge page takes about 10 microseconds, a tenth of the time to write it and a hundredth of
// that to touch a fresh one; so it does no harm that a training loop whose blocks do not pack well
// moves some in every step. Hence a process holds what it used at its peak, and little more: gaps
// of less than a huge page. Pages that were moved may each be a mapping of their own to the kernel,
// whose usual limit of 65,530 is reached at about 128 GB at worst; then fresh pages are asked for.
class LargeBlocks {
 public:
  static constexpr size_t page = 4096;

  // `bytes`, a multiple of `page` and aligned to it. Null where no free range is long enough.
  void* take(size_t bytes);
  void give(void* block, size_t bytes);
  // Makes a free range of at least `bytes`. False when the system has none left.
  bool grow(size_t bytes);
  // Gives the system what it can of `bytes` idle ones.
  void shrink(size_t bytes);

  size_t idle() const { return idle_; }
  size_t mapped() const { return mapped_; }      // what the system has given and not got back
  size_t requests() const { return requests_; }  // how often it was asked for more
  size_t moved() const { return moved_; }        // bytes that changed their address, of all times

 private:
  void insert(char* data, size_t bytes);
  void erase(char* data, size_t bytes);
  template <class Use>
  void withdraw(size_t bytes, Use use);
  char* map(size_t bytes);

  std::map<char*, size_t> free_;                  // address and length; no two ranges touch
  std::set<std::pair<size_t, char*>> by_length_;  // the same
  size_t idle_ = 0, mapped_ = 0, requests_ = 0, moved_ = 0;
};

}  // namespace izvod
