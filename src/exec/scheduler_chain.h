// SPDX-License-Identifier: Apache-2.0
#pragma once
// Chain: a list through links inside its elements. Adding, removing and moving cost O(1) and allocate nothing; an element is in at most
// one chain a link. The elements' owner takes them out before they end.

#include <cstddef>

namespace headrace::exec::detail {

template <class T>
struct Link {
  T* before = nullptr;
  T* after = nullptr;
  bool in = false;
};

template <class T, Link<T> T::*kLink>
class Chain {
 public:
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  T* front() const { return first_; }
  static T* after(const T& element) { return (element.*kLink).after; }

  void push_back(T& element) {
    Link<T>& link = element.*kLink;
    link = {last_, nullptr, true};
    (last_ == nullptr ? first_ : (last_->*kLink).after) = &element;
    last_ = &element;
    ++size_;
  }

  void remove(T& element) {
    Link<T>& link = element.*kLink;
    (link.before == nullptr ? first_ : (link.before->*kLink).after) = link.after;
    (link.after == nullptr ? last_ : (link.after->*kLink).before) = link.before;
    link = {};
    --size_;
  }

  void move_back(T& element) {
    if (last_ == &element) return;
    remove(element);
    push_back(element);
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace headrace::exec::detail
