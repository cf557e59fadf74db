// SPDX-License-Identifier: Apache-2.0
//
// Context over boost::context::fiber with guarded stacks.
#include "kvnode/fiber/context.h"

#include <boost/context/protected_fixedsize_stack.hpp>
#include <memory>
#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/base/sanitizers.h"

#if METARING_ASAN
#include <sanitizer/asan_interface.h>
#endif
#if METARING_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace metaring::fiber {
namespace {

#if METARING_ASAN
const void* BottomOf(const boost::context::stack_context& stack) {
  return static_cast<const char*>(stack.sp) - stack.size;
}
#endif

// A stack with a guard page below it, which tells where it lies.
class TellingStack {
 public:
  TellingStack(size_t bytes, boost::context::stack_context& told) : stacks_(bytes), told_(told) {}
  boost::context::stack_context allocate() { return told_ = stacks_.allocate(); }
  void deallocate(boost::context::stack_context& stack) {
#if METARING_ASAN
    // Its first frame was left without a return: what is mapped here next is no stack.
    ASAN_UNPOISON_MEMORY_REGION(BottomOf(stack), stack.size);
#endif
    stacks_.deallocate(stack);
  }

 private:
  boost::context::protected_fixedsize_stack stacks_;
  boost::context::stack_context& told_;
};

}  // namespace

Context::Context(size_t stack_bytes, std::function<void()> body) : body_(std::move(body)) {
#if METARING_TSAN
  tsan_fiber_ = __tsan_create_fiber(0);
  // Making it runs a little of it.
  void* const creator = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_fiber_, __tsan_switch_to_fiber_no_sync);
#endif
  context_ = boost::context::fiber(
      std::allocator_arg, TellingStack(stack_bytes, stack_),
      [this](boost::context::fiber&& thread) { return Enter(std::move(thread)); });
#if METARING_TSAN
  __tsan_switch_to_fiber(creator, __tsan_switch_to_fiber_no_sync);
#endif
}

Context::~Context() {
  CHECK(!context_);
#if METARING_TSAN
  __tsan_destroy_fiber(tsan_fiber_);
#endif
}

void Context::SwitchIn() {
#if METARING_ASAN
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, BottomOf(stack_), stack_.size);
#endif
#if METARING_TSAN
  // Both switches are on this side: each function that is entered between them, on either stack,
  // also returns between them, and the fiber's book of calls stays even when it ends.
  void* const thread = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_fiber_, 0);
#endif
  context_ = std::move(context_).resume();
#if METARING_TSAN
  __tsan_switch_to_fiber(thread, 0);
#endif
#if METARING_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

void Context::Entered([[maybe_unused]] void* left_stack) {
#if METARING_ASAN
  __sanitizer_finish_switch_fiber(left_stack, &thread_stack_, &thread_stack_bytes_);
#endif
}

void Context::SwitchOut() {
#if METARING_ASAN
  __sanitizer_start_switch_fiber(&fake_stack_, thread_stack_, thread_stack_bytes_);
#endif
  thread_ = std::move(thread_).resume();
  Entered(fake_stack_);
}

boost::context::fiber Context::Enter(boost::context::fiber&& thread) {
  thread_ = std::move(thread);
  Entered(nullptr);
  body_();
#if METARING_ASAN
  __sanitizer_start_switch_fiber(nullptr, thread_stack_, thread_stack_bytes_);
#endif
  return std::move(thread_);
}

}  // namespace metaring::fiber
