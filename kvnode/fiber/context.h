// SPDX-License-Identifier: Apache-2.0
//
// Context: one stack, and the switch between it and the thread that runs it. The only place that
// sees Boost.Context, and that tells the sanitizers which stack they are looking at.
#ifndef METARING_KVNODE_FIBER_CONTEXT_H_
#define METARING_KVNODE_FIBER_CONTEXT_H_

#include <boost/context/fiber.hpp>
#include <cstddef>
#include <functional>

namespace metaring::fiber {

// One caller at a time, from any thread.
class Context {
 public:
  // `body` begins with the first SwitchIn. When it returns the context has ended.
  Context(size_t stack_bytes, std::function<void()> body);
  ~Context();  // it has ended
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // On a thread: runs the body until it calls SwitchOut, or ends.
  void SwitchIn();
  // On the context: back to the thread that runs it.
  void SwitchOut();

 private:
  boost::context::fiber Enter(boost::context::fiber&& thread);
  void Entered(void* left_stack);

  const std::function<void()> body_;
  boost::context::stack_context stack_;
  boost::context::fiber context_;  // while it does not run
  boost::context::fiber thread_;   // while it runs: who runs it

  // The sanitizers' handles.
  [[maybe_unused]] void* tsan_fiber_ = nullptr;
  [[maybe_unused]] const void* thread_stack_ = nullptr;
  [[maybe_unused]] size_t thread_stack_bytes_ = 0;
  [[maybe_unused]] void* fake_stack_ = nullptr;
};

}  // namespace metaring::fiber

#endif  // METARING_KVNODE_FIBER_CONTEXT_H_
